"""What goes back: JSON, and the one shape of errors, over HTTP and WebSocket alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic_core import to_json

from imchat.errors import ImchatError, RateLimited, Unauthenticated, source_location

log = logging.getLogger("imchat")


class HttpAnswer(NamedTuple):
    """What goes back: JSON text."""

    status: int
    body: str
    headers: Mapping[str, str] = MappingProxyType({})


def dump(answer: Mapping[str, Any]) -> str:
    """The JSON text of an answer."""
    return to_json(answer).decode()


def refuse(error: Exception, request_id: str) -> HttpAnswer:
    """The answer to a request that failed. What was not raised on purpose is logged, and says nothing of itself."""
    told = _as_told(error, request_id)
    headers: dict[str, str] = {}
    if told.retryable:
        wait_s = told.details.get("retry_after_s", 1) if isinstance(told, RateLimited) else 1
        headers["retry-after"] = str(wait_s)
    if isinstance(told, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return HttpAnswer(told.status, dump(_error_body(told, request_id)), headers)


def refusal_frame(error: Exception, request_id: str) -> bytes:
    """The frame that tells a WebSocket's client of what failed, in the same shape and with the same care as `refuse`."""
    return to_json({"type": "error", **_error_body(_as_told(error, request_id), request_id)})


def _as_told(error: Exception, request_id: str) -> ImchatError:
    if isinstance(error, ImchatError):
        return error
    log.error("unexpected %s in request %s at %s", type(error).__name__, request_id, source_location(error))
    return ImchatError("something went wrong on our side")


def _error_body(error: ImchatError, request_id: str) -> dict[str, Any]:
    """schema.ErrorBody"""
    info: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    return {"error": info | ({"details": error.details} if error.details else {})}
