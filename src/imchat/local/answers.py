"""What every HTTP answer of `imchat local` has in common: security headers, one shape for errors, and its bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from imchat.api.answers import refuse

SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "server": "imchat",
    "x-content-type-options": "nosniff",
}
_BODILESS: Final = {204, 304}
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Answer(NamedTuple):
    """An HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """An answer with the security headers, which `headers` may refine: nothing keeps it unless they say so."""
    own = {name.lower(): value for name, value in headers.items()}
    return Answer(status, SECURITY_HEADERS | own, body)


def json_answer(content: object, *, cache: str = "no-store") -> Answer:
    """`content` as JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return answer(200, body, {"content-type": "application/json", "cache-control": cache})


def error_answer(error: Exception, request_id: str, *, status: int | None = None) -> Answer:
    """The error in the one shape of errors; `status` overrides the error's own."""
    refusal = refuse(error, request_id)
    headers = {**refusal.headers, "content-type": "application/json"}
    return answer(status or refusal.status, refusal.body.encode(), headers)


def encode(answer: Answer, *, keep_alive: bool, head_only: bool) -> bytes:
    """The bytes of an answer; `head_only`: to a HEAD request. Raises: ValueError for a header of several lines."""
    lines = [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status not in _BODILESS:
        lines.append(f"content-length: {len(answer.body)}")
    if not keep_alive:
        lines.append("connection: close")
    head = "\r\n".join(lines)
    if head.count("\n") >= len(lines):
        raise ValueError("a header holds a line break")
    first = (
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, '')}\r\ndate: {_date(int(time.time()))}\r\n"
    )
    whole = f"{first}{head}\r\n\r\n".encode()
    return whole if head_only or answer.status in _BODILESS else whole + answer.body


@lru_cache(maxsize=1)
def _date(now_s: int) -> str:
    return formatdate(now_s, usegmt=True)
