"""Run nginx and Caddy with the configurations of docs/operations.md, and call a site through them as a browser does."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DOCS: Final = Path(__file__).parents[2] / "docs" / "operations.md"
NAME: Final = "chat.example.org"
ORIGIN: Final = f"https://{NAME}"
KINDS: Final = ("nginx", "caddy")
_SEARCHED: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
_START_S: Final = 20.0
_NGINX: Final = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {settings}
    {site}
}}
"""
_CADDY: Final = """\
{{
    admin off
    auto_https disable_redirects
    skip_install_trust
}}
{site}
"""


@dataclass(frozen=True, slots=True)
class Browser:
    """Calls a site as a page of `origin` does; connections to any name go to the proxy."""

    session: aiohttp.ClientSession
    origin: str

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        """Return the status and the body of a response."""
        async with self.session.get(f"{self.origin}{path}", **options) as response:
            return response.status, await response.text()

    async def post(self, path: str, **options: Any) -> tuple[int, str]:
        """Return the status and the body of a response."""
        async with self.session.post(f"{self.origin}{path}", **options) as response:
            return response.status, await response.text()

    async def connect(self, ticket: str = "good") -> aiohttp.ClientWebSocketResponse:
        """Open the WebSocket."""
        return await self.session.ws_connect(
            f"{self.origin}/ws", protocols=["imchat.v1", f"ticket.{ticket}"], compress=0, origin=self.origin
        )

    async def refused_connection(self) -> int:
        """Try to open the WebSocket and return the status that refuses it."""
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await self.connect()
        return refused.value.status


def documented(kind: str) -> str:
    """Return the configuration of the docs for nginx or Caddy."""
    language = {"nginx": "nginx", "caddy": "caddyfile"}[kind]
    [found] = re.findall(
        rf"^```{language}\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return str(found)


@contextlib.asynccontextmanager
async def proxied(
    folder: Path,
    kind: str,
    upstream: str,
    site: str | None = None,
    *,
    settings: str = "",
    origin: str = ORIGIN,
) -> AsyncIterator[Browser]:
    """Run a proxy in front of the URL `upstream` until the block ends; skips the test if it is not installed.

    `site` is its configuration, by default that of the docs. Port, upstream and certificate are replaced, and `settings`
    added (nginx). It runs without root and outside the folders of the system's own service.
    """
    program = shutil.which(kind, path=_SEARCHED)
    if program is None:
        pytest.skip(f"{kind} is not installed: apt-get install {kind}")
    folder = folder / kind
    folder.mkdir()
    certificate, key = _make_certificate(folder)
    port = _free_port()
    text = (site or documented(kind)).replace("127.0.0.1:8484", upstream.removeprefix("http://"))
    if kind == "nginx":
        text = re.sub("listen 443", f"listen 127.0.0.1:{port}", text)
        text = re.sub("ssl_certificate [^;]*;", f"ssl_certificate {certificate};", text)
        text = re.sub("ssl_certificate_key [^;]*;", f"ssl_certificate_key {key};", text)
        config = _NGINX.format(folder=folder, settings=settings, site=text)
        command = [program, "-p", str(folder), "-c"]
    else:
        text = text.replace(
            f"{NAME} {{", f"{ORIGIN}:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}", 1
        )
        config = _CADDY.format(site=text)
        command = [program, "run", "--adapter", "caddyfile", "--config"]
    file = folder / "configuration"
    file.write_text(config)
    with _running([*command, str(file)], folder, port):
        connector = aiohttp.TCPConnector(resolver=_ToProxy(port), ssl=_trust(certificate))
        async with aiohttp.ClientSession(connector=connector) as session:
            yield Browser(session, origin)


class _ToProxy(AbstractResolver):
    """Resolves every name to a port of this machine, whatever the port of the URL."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del port, family
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    env = os.environ | {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env)
    try:
        deadline = time.monotonic() + _START_S
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the proxy did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for `NAME` and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    pem = serialization.Encoding.PEM
    paths[0].write_bytes(certificate.public_bytes(pem))
    paths[1].write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def _trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))
