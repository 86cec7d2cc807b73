"""Build JSON responses and errors. HTTP and WebSocket errors have the same shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pydantic_core

from imchat.errors import ImchatError, RateLimited, Unauthenticated, source_location

log = logging.getLogger("imchat")


class HttpResponse(NamedTuple):
    """An HTTP response with a JSON body."""

    status: int
    body: str
    headers: Mapping[str, str] = MappingProxyType({})


def to_json(body: Mapping[str, Any]) -> str:
    """Return a response body as JSON text."""
    return pydantic_core.to_json(body).decode()


def error_response(error: Exception, request_id: str) -> HttpResponse:
    """Return the response for an error. Unexpected errors are logged, and the response does not show their message."""
    known = _to_known_error(error, request_id)
    headers: dict[str, str] = {}
    if known.retryable:
        wait_s = known.details.get("retry_after_s", 1) if isinstance(known, RateLimited) else 1
        headers["retry-after"] = str(wait_s)
    if isinstance(known, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return HttpResponse(known.status, to_json(_error_body(known, request_id)), headers)


def error_frame(error: Exception, request_id: str) -> bytes:
    """Return the WebSocket frame for an error. Like `error_response`, it does not show unexpected errors."""
    return pydantic_core.to_json(
        {"type": "error", **_error_body(_to_known_error(error, request_id), request_id)}
    )


def _to_known_error(error: Exception, request_id: str) -> ImchatError:
    if isinstance(error, ImchatError):
        return error
    log.error("unexpected %s in request %s at %s", type(error).__name__, request_id, source_location(error))
    return ImchatError("internal error; contact your administrator with the request id")


def _error_body(error: ImchatError, request_id: str) -> dict[str, Any]:
    """Return a `schema.ErrorBody`."""
    info: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    return {"error": info | ({"details": error.details} if error.details else {})}
