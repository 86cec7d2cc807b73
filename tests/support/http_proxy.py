"""An HTTP proxy in front of a server: it refuses WebSockets, like some companies' proxies, and can replace responses."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

_NOT_FORWARDED: Final = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}


@dataclass
class Replacement:
    """A response to send in place of the server's."""

    body: bytes
    content_type: str = "text/html; charset=utf-8"


@dataclass
class Proxy:
    """`url` is the proxy's address. `replaced` maps paths to responses; `everything` replaces all of them."""

    url: str
    replaced: dict[str, Replacement] = field(default_factory=dict)
    everything: Replacement | None = None
    requests: list[str] = field(default_factory=list)


@contextmanager
def http_proxy(upstream: str) -> Iterator[Proxy]:
    """Run a proxy to the server at `upstream`."""
    target = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            path = urlsplit(self.path).path
            proxy.requests.append(f"{self.command} {path}")
            if path == "/ws":
                self._send(403, {"Connection": "close"}, b"")
                self.close_connection = True
            elif replacement := proxy.everything or proxy.replaced.get(path):
                self._send(200, {"Content-Type": replacement.content_type}, replacement.body)
            else:
                self._forward(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _respond  # noqa: N815 - names of the base class

        def _forward(self, content: bytes) -> None:
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED
            }
            connection = http.client.HTTPConnection(target, timeout=30)
            try:
                connection.request(self.command, self.path, content or None, headers | {"Host": target})
                answer = connection.getresponse()
                body = answer.read()
            except OSError:
                self.close_connection = True
                return
            finally:
                connection.close()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _NOT_FORWARDED}
            self._send(answer.status, kept, body)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
