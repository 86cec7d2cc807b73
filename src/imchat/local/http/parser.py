"""Parses the requests of one connection with httptools (Node's own parser) and enforces size limits.

Bodies are collected whole and not decompressed. Invalid input is never quoted in errors: it may contain a token.
"""

from __future__ import annotations

import re
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
MAX_HEADERS: Final = 256
"""Headers of a request that does not arrive at once: each takes memory, however short it is."""
SMALL_BODY_BYTES: Final = 8 * 1024
"""Bodies up to this size are accepted on every route, so that a request that arrives at once is checked once."""
_SLASH: Final = ord("/")
_SMALL_DIGITS: Final = len(str(SMALL_BODY_BYTES))
_NO_LINES: Final[list[tuple[str, str]]] = []
_NO_HEADERS: Final[dict[str, str]] = {}
_MAX_LENGTH_DIGITS: Final = 20
"""Digits of a `Content-Length`: llhttp reads it as a number of 64 bits, and accepts any number of zeros before it."""


Admit: TypeAlias = Callable[[Request], BodyLimit | HttpResponse]
"""Called with the head of a request whose body is large or has not arrived: what is accepted, or the refusal."""


class HeadRefused(Exception):
    """A request is refused before its body arrives."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


class RequestParser:
    """Parses bytes into `requests`, each with a flag that says whether its connection may stay open afterwards.

    `in_body` is true while the body of a request is incomplete, `trusted` if its user is signed in; `unfinished_bytes`
    were received of the request that is not complete. `upgrade_data` holds
    the bytes after a request to upgrade, None before one; after it no bytes are accepted. `send_continue` is called when
    a client waits for `100 Continue`.
    """

    __slots__ = (
        "_admit",
        "_admitted",
        "_body",
        "_body_bytes",
        "_head_bytes",
        "_header_lines",
        "_headers",
        "_incomplete",
        "_max_body_bytes",
        "_parser",
        "_progressed",
        "_send_continue",
        "_source_ip",
        "_unfinished_bytes",
        "_url",
        "_version",
        "in_body",
        "requests",
        "trusted",
        "unfinished_bytes",
        "upgrade_data",
    )

    def __init__(self, source_ip: str, send_continue: Callable[[], None], admit: Admit) -> None:
        self.requests: list[tuple[Request, bool]] = []  # few: a deque takes 600 bytes, even empty
        self.in_body = self.trusted = self._admitted = False
        self._max_body_bytes = 0
        self.upgrade_data: bytes | None = None
        self._admit = admit
        self._source_ip = source_ip
        self._send_continue = send_continue
        self._parser = httptools.HttpRequestParser(self)
        self._unfinished_bytes = 0
        self.unfinished_bytes = 0
        self._progressed = False
        self.on_message_begin()
        self._incomplete = False

    def discard(self) -> None:
        """Drop the request that is not complete; feed nothing after that."""
        self.on_message_begin()
        self.in_body = self._incomplete = False
        self._unfinished_bytes = self.unfinished_bytes = 0

    def feed(self, data: bytes | memoryview, *, is_last: bool = True) -> None:
        """Parse more bytes; not `is_last`: others have been received already, and a request that goes on is checked with them.

        Raises: Invalid, TooLarge, HeadRefused; feed nothing after that.
        """
        self._progressed = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade_data = bytes(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            raise Invalid("the request is not valid HTTP", field="request", limit="HTTP/1.1") from None
        # The parser buffers an unfinished header, chunk extension or trailer without calling back.
        self._unfinished_bytes = 0 if self._progressed else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()
        if is_last and (self._incomplete or self._unfinished_bytes):
            self._check_incomplete()

    def _check_incomplete(self) -> None:
        """Check the part of a request that has been received."""
        self.unfinished_bytes = self._head_bytes + self._body_bytes + self._unfinished_bytes
        if len(self._header_lines) > MAX_HEADERS:
            raise Invalid(
                f"the request has more than {MAX_HEADERS} headers", field="request", limit=MAX_HEADERS
            )
        if self.in_body and not self._admitted:
            self._check_head()

    def on_message_begin(self) -> None:
        """Begin a request (httptools callback)."""
        self._url = b""
        self._header_lines: list[tuple[str, str]] = []
        self._headers: dict[str, str] = {}
        self._body: bytes | bytearray = b""
        self._head_bytes = self._body_bytes = 0
        self._incomplete = True

    def on_url(self, url: bytes) -> None:
        """Add a part of the URL (httptools callback)."""
        self._url += url
        self._head_bytes += len(url)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header (httptools callback). Trailers are ignored: the request was routed without them."""
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
        """Check the complete head (httptools callback)."""
        self.in_body = self._progressed = True
        self._version = self._parser.get_http_version()
        if self._version != "1.1" and self._version != "1.0":  # noqa: PLR1714 - llhttp also accepts 0.9 and 2.0; faster
            raise Invalid("the request line must end in HTTP/1.1", field="request", limit="HTTP/1.1")
        headers = self._headers
        self._max_body_bytes = SMALL_BODY_BYTES
        self._admitted = False
        length = headers.get("content-length")
        if length is not None and (len(length) > _SMALL_DIGITS or int(length) > SMALL_BODY_BYTES):
            self._check_length(length)
        expected = headers.get("expect")
        if expected is not None and expected.lower() == "100-continue":
            if not self._admitted:
                self._check_head()
            self._send_continue()

    def _check_length(self, length: str) -> None:
        if len(length) > _MAX_LENGTH_DIGITS:
            raise Invalid(
                f"Content-Length has more than {_MAX_LENGTH_DIGITS} digits",
                field="content-length",
                limit=_MAX_LENGTH_DIGITS,
            )
        self._check_head()
        if int(length) > self._max_body_bytes:
            raise self._body_too_large()

    def _check_head(self) -> None:
        """Check the head of a request before its body arrives."""
        self._admitted = True
        admitted = self._admit(self._build_request(b""))
        if isinstance(admitted, HttpResponse):
            raise HeadRefused(admitted)
        self._max_body_bytes, self.trusted = admitted

    def on_body(self, part: bytes) -> None:
        """Add a part of the body (httptools callback)."""
        self._progressed = True
        self._body_bytes += len(part)
        if self._body_bytes > self._max_body_bytes:
            if not self._admitted:
                self._check_head()
            if self._body_bytes > self._max_body_bytes:
                raise self._body_too_large()
        if not self._body:
            self._body = part
        elif isinstance(self._body, bytearray):
            self._body += part
        else:  # a list of many small parts would take several times their size
            self._body = bytearray(self._body) + part

    def on_message_complete(self) -> None:
        """Add the complete request to `requests` (httptools callback)."""
        self.requests.append((self._build_request(bytes(self._body)), self._parser.should_keep_alive()))
        self._progressed = True
        self.in_body = self.trusted = self._incomplete = False
        self.unfinished_bytes = 0
        self._header_lines, self._headers, self._body = (
            _NO_LINES,
            _NO_HEADERS,
            b"",
        )  # idle, it keeps no request

    def _build_request(self, body: bytes) -> Request:
        if self._url[0] != _SLASH:
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
