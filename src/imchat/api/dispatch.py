"""From an HTTP request to an answer: routing, checking, the one error shape. Knows no runtime."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json

from imchat.api.routes import ROUTES, Call, Reply, Route
from imchat.domain.ids import UserId
from imchat.domain.limits import NESTING_MAX, REQUEST_BYTES, is_id
from imchat.errors import ImchatError, Invalid, NotFound, RateLimited, TooLarge, Unauthenticated
from imchat.services.app import App

log = logging.getLogger("imchat")
M = TypeVar("M")

PREFIX: Final = "/api"
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a runtime hands over. `path` as it came, still percent-encoded; `user_id` None: nobody is signed in."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    user_id: UserId | None
    request_id: str


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What goes back: JSON text."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def dispatch(app: App, request: HttpRequest) -> HttpAnswer:
    """Answer a request. Never raises: what goes wrong is an answer too."""
    try:
        reply = _reply(app, request)
    except Exception as error:  # noqa: BLE001 - the last resort: one shape for the client, the place of it for the log
        return refuse(error, request.request_id)
    return HttpAnswer(reply.status, dump(reply.answer))


def dump(answer: Mapping[str, Any]) -> str:
    """The JSON text of an answer."""
    return to_json(answer).decode()


def error_info(error: ImchatError, request_id: str) -> dict[str, Any]:
    """schema.ErrorInfo"""
    info = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    return info | ({"details": error.details} if error.details else {})


def log_unexpected(error: Exception, request_id: str) -> None:
    """Log where an unexpected error came from; not its message, which may hold what people wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    log.error("unexpected %s in request %s at %s", type(error).__name__, request_id, where)


def parse(model: type[M] | TypeAdapter[M], data: bytes) -> M:
    """The model that JSON `data` is. Raises: Invalid, naming the field; TooLarge."""
    if len(data) > REQUEST_BYTES:
        raise TooLarge(f"the request is over {REQUEST_BYTES:,} bytes", field="request", limit=REQUEST_BYTES)
    _check_nesting(data)
    try:
        if isinstance(model, TypeAdapter):
            return model.validate_json(data)
        if issubclass(model, BaseModel):
            return model.model_validate_json(data)
    except ValidationError as error:
        # In a union of frames, what is wrong lies below the name of the frame that was meant.
        raise _invalid(error, below=int(isinstance(model, TypeAdapter))) from None
    raise TypeError(f"{model} is no model")


def _reply(app: App, request: HttpRequest) -> Reply:
    route, parameters = _find(request.method, request.path)
    if request.user_id is None and not route.open:
        raise Unauthenticated("sign in first")
    query = None
    if route.query is not None:
        try:
            query = route.query.model_validate(dict(request.query))
        except ValidationError as error:
            raise _invalid(error) from None
    elif request.query:
        name = next(iter(request.query))
        raise Invalid(f"{name} is not known here", field=name, limit="known fields only")
    body = None if route.body is None else parse(route.body, request.body)
    return route.action(Call(app, request.user_id or UserId(""), parameters, query, body))


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    segments = tuple(path.removeprefix(PREFIX).split("/")) if path.startswith(PREFIX + "/") else ()
    for route, template in _BY_SHAPE.get((method, len(segments)), ()):
        parameters = _match(template, segments)
        if parameters is not None:
            return route, parameters
    raise NotFound("no such thing")


def _match(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{"):
            value = unquote(segment)
            if not is_id(value):
                return None
            parameters[expected[1:-1]] = value
        elif expected != segment:
            return None
    return parameters


def _by_shape() -> dict[tuple[str, int], list[tuple[Route, tuple[str, ...]]]]:
    table: dict[tuple[str, int], list[tuple[Route, tuple[str, ...]]]] = {}
    for route in ROUTES:
        template = tuple(route.path.split("/"))
        table.setdefault((route.method, len(template)), []).append((route, template))
    return table


_BY_SHAPE: Final = _by_shape()


def refuse(error: Exception, request_id: str) -> HttpAnswer:
    """The answer to a request that failed. What was not raised on purpose is logged, and says nothing of itself."""
    if not isinstance(error, ImchatError):
        log_unexpected(error, request_id)
        error = ImchatError("something went wrong on our side")
    headers: dict[str, str] = {}
    if error.retryable:
        wait_s = error.details.get("retry_after_s", 1) if isinstance(error, RateLimited) else 1
        headers["retry-after"] = str(wait_s)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return HttpAnswer(error.status, dump({"error": error_info(error, request_id)}), headers)


def _check_nesting(data: bytes) -> None:
    """Counts brackets, those in strings too, only where there are enough of them to matter."""
    if data.count(b"[") + data.count(b"{") <= NESTING_MAX:
        return
    depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            in_string = escaped or byte != _QUOTE
            escaped = not escaped and byte == _BACKSLASH
        elif byte == _QUOTE:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > NESTING_MAX:
                raise Invalid("the request is nested too deep", field="request", limit=NESTING_MAX)
        elif byte in b"]}":
            depth -= 1


def _invalid(error: ValidationError, *, below: int = 0) -> Invalid:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"][below:]) or "request"
    kind = first["type"]
    if kind.startswith("union_tag"):
        return Invalid("action is none that is known here", field="action", limit="a known action")
    if kind == "json_invalid":
        return Invalid("the request is not valid JSON", field="request", limit="JSON in UTF-8")
    if kind == "extra_forbidden":
        return Invalid(f"{name} is not known here", field=name, limit="known fields only")
    if kind == "missing":
        return Invalid(f"{name} is missing", field=name, limit="required")
    return Invalid(f"{name}: {first['msg'][:1].lower()}{first['msg'][1:]}", field=name, limit=kind)
