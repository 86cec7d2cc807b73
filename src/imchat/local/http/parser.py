"""The requests in a connection's bytes. httptools, Node's own parser, reads them; limits are held here.

Bodies come whole and are not decompressed. What is no HTTP is never quoted: it may hold a token.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import httptools

from imchat.errors import Invalid, TooLarge
from imchat.local.apigateway.events import Request, split_target

PAYLOAD_BYTES: Final = 10 * 1024 * 1024
"""Largest request body. Source: API Gateway quotas for HTTP APIs, "Payload size"."""
HEAD_BYTES: Final = 32 * 1024
"""Request line and headers. API Gateway takes 10,240 bytes, but has no cookies of other servers on the same host."""


class RequestReader:
    """Turns bytes into `requests`, each with whether its connection may stay open behind it.

    `in_body`: a request's head is there, its body is not. `rest`: what came behind a request to upgrade, None before
    one; no bytes are taken after it. `go_on` is called for a client that waits for leave to send its body.
    """

    def __init__(self, source_ip: str, go_on: Callable[[], None]) -> None:
        self.requests: deque[tuple[Request, bool]] = deque()
        self.in_body = False
        self.rest: bytes | None = None
        self._source_ip = source_ip
        self._go_on = go_on
        self._parser = httptools.HttpRequestParser(self)
        self._unfinished_bytes = 0
        self._moved_on = False
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Read on. Raises: Invalid, TooLarge; nothing may be fed after that."""
        self._moved_on = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.rest = data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            raise Invalid("the request is not valid HTTP", field="request", limit="HTTP/1.1") from None
        # Of a header, a chunk's extension or a trailer that does not end the parser says nothing, and keeps it.
        self._unfinished_bytes = 0 if self._moved_on else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > HEAD_BYTES:
            raise _head_too_large()

    def on_message_begin(self) -> None:
        """httptools: a request begins."""
        self._url = b""
        self._lines: list[tuple[str, str]] = []
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """httptools: a part of the address."""
        self._url += url
        self._head_bytes += len(url)
        if self._head_bytes > HEAD_BYTES:
            raise _head_too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header, or a trailer: those say nothing, for what they name was decided without them."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES:
            raise _head_too_large()
        if self.in_body:
            return
        as_it_came, lower = _name(name)
        # Bytes that are no UTF-8 are replaced: events are JSON on AWS, and JSON cannot hold them.
        text = value.decode("utf-8", "replace")
        self._lines.append((as_it_came, text))
        before = self._headers.get(lower)
        self._headers[lower] = text if before is None else f"{before},{text}"

    def on_headers_complete(self) -> None:
        """httptools: the head is whole."""
        self.in_body = self._moved_on = True
        if int(self._headers.get("content-length", 0)) > PAYLOAD_BYTES:
            raise _body_too_large()
        expected = self._headers.get("expect")
        if expected is not None and expected.lower() == "100-continue":
            self._go_on()

    def on_body(self, part: bytes) -> None:
        """httptools: a part of the body."""
        self._moved_on = True
        self._body_bytes += len(part)
        if self._body_bytes > PAYLOAD_BYTES:
            raise _body_too_large()
        self._body.append(part)

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        parser = self._parser
        request = Request(
            parser.get_method().decode(),
            *split_target(self._url.decode("latin-1")),
            self._headers,
            self._lines,
            parser.get_http_version(),
            self._source_ip,
            b"".join(self._body),
        )
        self.requests.append((request, parser.should_keep_alive()))
        self._moved_on = True
        self.in_body = False


@lru_cache(maxsize=256)
def _name(name: bytes) -> tuple[str, str]:
    """A header's name as it came, and in lower case."""
    text = name.decode("latin-1")
    return text, text.lower()


def _body_too_large() -> TooLarge:
    return TooLarge(f"the body has more than {PAYLOAD_BYTES:,} bytes", limit=PAYLOAD_BYTES)


def _head_too_large() -> Invalid:
    return Invalid(
        f"the request's head has more than {HEAD_BYTES:,} bytes", field="request", limit=HEAD_BYTES
    )
