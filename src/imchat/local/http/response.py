"""Builds and encodes HTTP responses: security headers, the common error format, and the bytes to send."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

from imchat.api.responses import error_response

SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "server": "imchat",
    "x-content-type-options": "nosniff",
}
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_STATUSES_WITHOUT_BODY: Final = {204, 304}
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""Not allowed in a header value. Source: RFC 9110, section 5.5."""
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class HttpResponse(NamedTuple):
    """An HTTP response. It is sent with the security headers, which `headers` may override."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def with_security_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers with the security headers added, names in lower case."""
    return SECURITY_HEADERS | {name.lower(): value for name, value in headers}


def json_response(content: object, *, cache_control: str = "no-store") -> HttpResponse:
    """Return a response with `content` as JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return HttpResponse(200, {"content-type": "application/json", "cache-control": cache_control}, body)


def http_error_response(
    error: Exception, request_id: str, *, status: int | None = None, headers: Mapping[str, str] = _NO_HEADERS
) -> HttpResponse:
    """Return the error in the common error format; `status` overrides the error's own, `headers` are added."""
    response = error_response(error, request_id)
    all_headers = {**response.headers, "content-type": "application/json", **headers}
    return HttpResponse(status or response.status, all_headers, response.body.encode())


def encode_response(response: HttpResponse, *, keep_alive: bool, head_only: bool) -> bytes:
    """Encode a response; `head_only` for a HEAD request. Raises: ValueError for a header that has a control character."""
    status, headers, body = response
    has_body = status not in _STATUSES_WITHOUT_BODY
    head = _encode_head(status, tuple(headers.items()), int(time.time()))
    length = b"content-length: %d\r\n" % len(body) if has_body else b""
    close = b"" if keep_alive else b"connection: close\r\n"
    return b"%b%b%b\r\n%b" % (head, length, close, body if has_body and not head_only else b"")


@lru_cache(maxsize=64)
def _encode_head(status: int, headers: tuple[tuple[str, str], ...], now_s: int) -> bytes:
    """Encode the status line and the headers, which most responses of one second have in common.

    Raises: ValueError for a header that has a control character.
    """
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, '')}",
        *(f"{name}: {value}" for name, value in with_security_headers(headers).items()),
        f"date: {formatdate(now_s, usegmt=True)}",
    ]
    if any(map(_CONTROL_CHARACTER.search, lines)):
        raise ValueError("a header contains a control character")
    return ("\r\n".join(lines) + "\r\n").encode()
