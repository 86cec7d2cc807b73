"""What every HTTP answer of `imchat local` has in common: security headers, one shape for errors, and its bytes."""

from __future__ import annotations

import json
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
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_BODILESS: Final = {204, 304}
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class HttpResponse(NamedTuple):
    """An HTTP answer. It leaves with the security headers, which `headers` may refine: see `secured`."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def with_security_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What an answer with these headers says in all, names in lower case: nothing keeps it unless they say so."""
    return SECURITY_HEADERS | {name.lower(): value for name, value in headers}


def json_response(content: object, *, cache: str = "no-store") -> HttpResponse:
    """`content` as JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return HttpResponse(200, {"content-type": "application/json", "cache-control": cache}, body)


def http_error_response(
    error: Exception, request_id: str, *, status: int | None = None, headers: Mapping[str, str] = _NONE
) -> HttpResponse:
    """The error in the one shape of errors; `status` overrides the error's own, `headers` come on top."""
    refusal = error_response(error, request_id)
    said = {**refusal.headers, "content-type": "application/json", **headers}
    return HttpResponse(status or refusal.status, said, refusal.body.encode())


def encode(answer: HttpResponse, *, keep_alive: bool, head_only: bool) -> bytes:
    """The bytes of an answer; `head_only`: to a HEAD request. Raises: ValueError for a header of several lines."""
    status, headers, body = answer
    has_body = status not in _BODILESS
    head = _head(status, tuple(headers.items()), int(time.time()))
    length = b"content-length: %d\r\n" % len(body) if has_body else b""
    ends = b"" if keep_alive else b"connection: close\r\n"
    return b"%b%b%b\r\n%b" % (head, length, ends, body if has_body and not head_only else b"")


@lru_cache(maxsize=64)
def _head(status: int, headers: tuple[tuple[str, str], ...], now_s: int) -> bytes:
    """The first line and these headers, which most answers of one second have in common.

    Raises: ValueError for a header of several lines.
    """
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, '')}",
        *(f"{name}: {value}" for name, value in with_security_headers(headers).items()),
        f"date: {formatdate(now_s, usegmt=True)}",
    ]
    head = "\r\n".join(lines)
    if max(head.count("\n"), head.count("\r")) >= len(lines):
        raise ValueError("a header holds a line break")
    return f"{head}\r\n".encode()
