"""Parses the requests of one connection with httptools (Node's own parser) and enforces size limits.

Bodies are collected whole and not decompressed. Invalid input is never quoted in errors: it may contain a token.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import httptools

from imchat.errors import Invalid, TooLarge
from imchat.local.http.limits import BodyLimit
from imchat.local.http.request import Request, split_target
from imchat.local.http.response import HttpResponse

MAX_BODY_BYTES: Final = 128 * 1024
"""Largest request body: every valid request is smaller. API Gateway takes 10 MB."""
MAX_HEAD_BYTES: Final = 32 * 1024
"""Request line and headers. API Gateway takes 10,240 bytes, but has no cookies of other servers on the same host."""
MAX_HEADERS: Final = 128
"""Headers of one request. Each takes some hundred bytes of memory, however short it is."""
_MAX_LENGTH_DIGITS: Final = 20
"""Digits of a `Content-Length`: llhttp reads it as a number of 64 bits, and accepts any number of zeros before it."""
_VERSIONS: Final = frozenset({"1.1", "1.0"})
"""llhttp also accepts 0.9 and 2.0, which this server cannot speak."""


Admit: TypeAlias = Callable[[Request], BodyLimit | HttpResponse]
"""Called with the head of a request that has a body; returns what is accepted, or the response that refuses it."""


class HeadRefused(Exception):
    """A request is refused before its body arrives."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class RequestParser:
    """Parses bytes into `requests`, each with a flag that says whether its connection may stay open afterwards.

    `in_body` is true while the body of a request is incomplete, `trusted` if its user is signed in. `upgrade_data` holds
    the bytes after a request to upgrade, None before one; after it no bytes are accepted. `send_continue` is called when
    a client waits for `100 Continue`.
    """

    def __init__(self, source_ip: str, send_continue: Callable[[], None], admit: Admit) -> None:
        self.requests: deque[tuple[Request, bool]] = deque()
        self.in_body = self.trusted = False
        self.upgrade_data: bytes | None = None
        self._admit = admit
        self._source_ip = source_ip
        self._send_continue = send_continue
        self._parser = httptools.HttpRequestParser(self)
        self._unfinished_bytes = 0
        self._progressed = False
        self.on_message_begin()

    @property
    def unfinished_bytes(self) -> int:
        """The bytes that were received of the request that is not complete."""
        return self._head_bytes + self._body_bytes + self._unfinished_bytes

    def discard(self) -> None:
        """Drop the request that is not complete; feed nothing after that."""
        self.on_message_begin()
        self.in_body, self._unfinished_bytes = False, 0

    def feed(self, data: bytes) -> None:
        """Parse more bytes. Raises: Invalid, TooLarge, HeadRefused; feed nothing after that."""
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
        self._body: bytes | bytearray = b""
        self._max_body_bytes = self._head_bytes = self._body_bytes = 0

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
        if len(self._header_lines) == MAX_HEADERS:
            raise Invalid(
                f"the request has more than {MAX_HEADERS} headers", field="request", limit=MAX_HEADERS
            )
        # Bytes that are not UTF-8 are replaced: events are JSON on AWS, and JSON cannot hold them.
        text = value.decode("utf-8", "replace")
        self._header_lines.append((original, text))
        before = self._headers.get(lower)
        self._headers[lower] = text if before is None else f"{before},{text}"

    def on_headers_complete(self) -> None:
        """httptools callback: the head is complete."""
        self.in_body = self._progressed = True
        self._version = self._parser.get_http_version()
        if self._version not in _VERSIONS:
            raise Invalid("the request line must end in HTTP/1.1", field="request", limit="HTTP/1.1")
        headers = self._headers
        length = headers.get("content-length", "0")
        if length != "0" or "transfer-encoding" in headers:
            self._check_body(length)
            expected = headers.get("expect")
            if expected is not None and expected.lower() == "100-continue":
                self._send_continue()

    def _check_body(self, length: str) -> None:
        """Check the head of a request that has a body, before the body arrives."""
        if len(length) > _MAX_LENGTH_DIGITS:
            raise Invalid(
                f"Content-Length has more than {_MAX_LENGTH_DIGITS} digits",
                field="content-length",
                limit=_MAX_LENGTH_DIGITS,
            )
        admitted = self._admit(self._build_request(b""))
        if isinstance(admitted, HttpResponse):
            raise HeadRefused(admitted)
        self._max_body_bytes, self.trusted = admitted
        if int(length) > self._max_body_bytes:
            raise self._body_too_large()

    def on_body(self, part: bytes) -> None:
        """httptools callback: a part of the body."""
        self._progressed = True
        self._body_bytes += len(part)
        if self._body_bytes > self._max_body_bytes:
            raise self._body_too_large()
        if not self._body:
            self._body = part
        elif isinstance(self._body, bytearray):
            self._body += part
        else:  # a list of many small parts would take several times their size
            self._body = bytearray(self._body) + part

    def on_message_complete(self) -> None:
        """httptools callback: the request is complete."""
        request = self._build_request(bytes(self._body))
        self.requests.append((request, self._parser.should_keep_alive()))
        self._progressed = True
        self.in_body = self.trusted = False
        self._head_bytes = self._body_bytes = 0

    def _build_request(self, body: bytes) -> Request:
        if self._url[:1] != b"/":
            self._use_host_of_target()
        return Request(
            self._parser.get_method().decode(),
            *split_target(self._url.decode("latin-1")),
            self._headers,
            self._header_lines,
            self._version,
            self._source_ip,
            body,
        )

    def _body_too_large(self) -> TooLarge:
        limit = self._max_body_bytes
        return TooLarge(f"the request body has more than {limit:,} bytes", limit=limit)

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


def _head_too_large() -> Invalid:
    return Invalid(
        f"the request line and headers have more than {MAX_HEAD_BYTES:,} bytes",
        field="request",
        limit=MAX_HEAD_BYTES,
    )
