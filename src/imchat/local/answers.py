"""What every HTTP answer of `imchat local` has in common: security headers, and one shape for errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from imchat.api.answers import refuse

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "imchat",
    "X-Content-Type-Options": "nosniff",
}


def answer(status: int, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """An answer with the security headers, which `headers` may refine: nothing keeps it unless they say so."""
    whole = CIMultiDict(SECURITY_HEADERS)
    whole.update(headers)
    return web.Response(status=status, body=body, headers=whole)


def json_answer(content: object, *, cache: str = "no-store") -> web.Response:
    """`content` as JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return answer(200, body, {"Content-Type": "application/json", "Cache-Control": cache})


def error_answer(error: Exception, request_id: str, *, status: int | None = None) -> web.Response:
    """The error in the one shape of errors; `status` overrides the error's own."""
    refusal = refuse(error, request_id)
    headers = {**refusal.headers, "Content-Type": "application/json"}
    return answer(status or refusal.status, refusal.body.encode(), headers)
