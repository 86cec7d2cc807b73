"""Parses the requests of one connection with httptools (Node's own parser) and enforces size limits.

Bodies are collected whole and not decompressed. Invalid input is never quoted in errors: it may contain a token.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import httptools

from imchat.errors import Invalid, TooLarge
from imchat.local.http.request import Request, split_target

MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""Largest request body. Source: API Gateway quotas for HTTP APIs, "Payload size"."""
MAX_HEAD_BYTES: Final = 32 * 1024
"""Request line and headers. API Gateway takes 10,240 bytes, but has no cookies of other servers on the same host."""
_MAX_LENGTH_DIGITS: Final = 20
"""Digits of a `Content-Length`: llhttp reads it as a number of 64 bits, and accepts any number of zeros before it."""
_VERSIONS: Final = frozenset({"1.1", "1.0"})
"""llhttp also accepts 0.9 and 2.0, which this server cannot speak."""


class RequestParser:
    """Parses bytes into `requests`, each with a flag that says whether its connection may stay open afterwards.

    `in_body` is true while the body of a request is incomplete. `upgrade_data` holds the bytes after a request to
    upgrade, None before one; after it no bytes are accepted. `send_continue` is called when a client waits for
    `100 Continue`.
    """

    def __init__(self, source_ip: str, send_continue: Callable[[], None]) -> None:
        self.requests: deque[tuple[Request, bool]] = deque()
        self.in_body = False
        self.upgrade_data: bytes | None = None
        self._source_ip = source_ip
        self._send_continue = send_continue
        self._parser = httptools.HttpRequestParser(self)
        self._unfinished_bytes = 0
        self._progressed = False
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Parse more bytes. Raises: Invalid, TooLarge; feed nothing after that."""
        self._progressed = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade_data = data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            raise Invalid("the request is not valid HTTP", field="request", limit="HTTP/1.1") from None
        # The parser buffers an unfinished header, chunk extension or trailer without calling back.
        self._unfinished_bytes = 0 if self._progressed else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()

    def on_message_begin(self) -> None:
        """httptools callback: a request begins."""
        self._url = b""
        self._header_lines: list[tuple[str, str]] = []
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """httptools callback: a part of the URL."""
        self._url += url
        self._head_bytes += len(url)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools callback: a header, or a trailer. Trailers are ignored: the request was routed without them."""
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()
        if self.in_body:
            return
        original, lower = _decode_name(name)
        # Bytes that are not UTF-8 are replaced: events are JSON on AWS, and JSON cannot hold them.
        text = value.decode("utf-8", "replace")
        self._header_lines.append((original, text))
        before = self._headers.get(lower)
        self._headers[lower] = text if before is None else f"{before},{text}"

    def on_headers_complete(self) -> None:
        """httptools callback: the head is complete."""
        self.in_body = self._progressed = True
        if self._parser.get_http_version() not in _VERSIONS:
            raise Invalid("the request line must end in HTTP/1.1", field="request", limit="HTTP/1.1")
        length = self._headers.get("content-length", "0")
        if len(length) > _MAX_LENGTH_DIGITS:
            raise Invalid(
                f"Content-Length has more than {_MAX_LENGTH_DIGITS} digits",
                field="content-length",
                limit=_MAX_LENGTH_DIGITS,
            )
        if int(length) > MAX_BODY_BYTES:
            raise _body_too_large()
        expected = self._headers.get("expect")
        if expected is not None and expected.lower() == "100-continue":
            self._send_continue()

    def on_body(self, part: bytes) -> None:
        """httptools callback: a part of the body."""
        self._progressed = True
        self._body_bytes += len(part)
        if self._body_bytes > MAX_BODY_BYTES:
            raise _body_too_large()
        self._body.append(part)

    def on_message_complete(self) -> None:
        """httptools callback: the request is complete."""
        parser = self._parser
        if self._url[:1] != b"/":
            self._use_host_of_target()
        request = Request(
            parser.get_method().decode(),
            *split_target(self._url.decode("latin-1")),
            self._headers,
            self._header_lines,
            parser.get_http_version(),
            self._source_ip,
            b"".join(self._body),
        )
        self.requests.append((request, parser.should_keep_alive()))
        self._progressed = True
        self.in_body = False

    def _use_host_of_target(self) -> None:
        """Let the host of a target such as `http://host/path` replace the `Host` header (RFC 9112, section 3.2.2)."""
        scheme, separator, rest = self._url.decode("latin-1").partition("://")
        if separator and "/" not in scheme and "," not in self._headers.get("host", ","):
            self._headers["host"] = re.split("[/?#]", rest, maxsplit=1)[0]


@lru_cache(maxsize=256)
def _decode_name(name: bytes) -> tuple[str, str]:
    """Return a header name as received and in lower case."""
    text = name.decode("latin-1")
    return text, text.lower()


def _body_too_large() -> TooLarge:
    return TooLarge(f"the request body has more than {MAX_BODY_BYTES:,} bytes", limit=MAX_BODY_BYTES)


def _head_too_large() -> Invalid:
    return Invalid(
        f"the request line and headers have more than {MAX_HEAD_BYTES:,} bytes",
        field="request",
        limit=MAX_HEAD_BYTES,
    )
