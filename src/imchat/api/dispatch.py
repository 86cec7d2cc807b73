"""Dispatch an HTTP request: find the route, check access, validate the request, call the handler. Runtime-independent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from imchat.api.responses import HttpResponse, error_response, to_json
from imchat.api.route import EMOJI, RequestContext, Response, Route
from imchat.api.routes import ROUTES
from imchat.api.validation import validate, validate_json
from imchat.domain.ids import SignInId, UserId
from imchat.domain.limits import is_id
from imchat.errors import Forbidden, Invalid, MethodNotAllowed, NotFound, Unauthenticated
from imchat.services.app import App
from imchat.services.suspensions import check_not_suspended

PREFIX: Final = "/api"
_CACHED_PATH_CHARS: Final = 256
"""Longer paths are not cached: they match no route, or end in an unusual emoji."""


_METHOD_CHARS: Final = 20
"""An unknown method is cut to this length in the error message."""


class HttpRequest(NamedTuple):
    """An HTTP request, as a runtime passes it on.

    `user_id` is None for a request that is not signed in. `is_admin` is true for administrators of the site. `sign_in` is
    the sign-in that issued the access token, if the token names it.

    `path` is decoded once: API Gateway's HTTP APIs and the local server both do that before they call a handler.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    user_id: UserId | None
    request_id: str
    is_admin: bool = False
    sign_in: SignInId | None = None


def dispatch(app: App, request: HttpRequest) -> HttpResponse:
    """Return the response to a request. Never raises: every error becomes a response."""
    try:
        response = _handle(app, request)
    except Exception as error:  # noqa: BLE001 - the outermost handler: clients get the error shape, the log the source location
        return error_response(error, request.request_id)
    body = to_json(response.body)
    if request.method == "GET" and app.read_limiter is not None and request.user_id is not None:
        app.read_limiter.add_response(request.user_id, len(body))
    return HttpResponse(response.status, body)


def _handle(app: App, request: HttpRequest) -> Response:
    method, path = request.method, request.path
    try:
        route, parameters = (
            _find_cached(method, path) if len(path) <= _CACHED_PATH_CHARS else _find_route(method, path)
        )
    except MethodNotAllowed:
        if request.user_id is None:  # as on AWS, where the JWT authorizer comes before the handler
            raise Unauthenticated("sign in first") from None
        raise
    if request.user_id is None and route.access != "public":
        raise Unauthenticated("sign in first")
    if route.access == "admin" and not request.is_admin:
        raise Forbidden("only administrators may do this")
    limiter = app.read_limiter if route.method == "GET" else app.rate_limiter
    if request.user_id is not None and limiter is not None and route.has_rate_limit:
        limiter.count(app.table, request.user_id, now_s=app.now_ms() // 1000)
    if request.user_id is not None and route.suspended == "refused":
        check_not_suspended(app, request.user_id)
    query = None
    if route.query_model is not None:
        query = validate(route.query_model.model_validate, request.query)
    elif request.query:
        name = next(iter(request.query))
        raise Invalid(f"unknown query parameter {name}", field=name, limit="known fields only")
    body = (
        None
        if route.request_model is None
        else validate_json(route.request_model.model_validate_json, request.body)
    )
    return route.handler(
        RequestContext(app, request.user_id or UserId(""), parameters, query, body, request.sign_in)
    )


@lru_cache(maxsize=1024)
def _find_cached(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """Cache `_find_route`: the members of a conversation request the same paths again and again."""
    route, parameters = _find_route(method, path)
    return route, MappingProxyType(parameters)


def _find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    segments = tuple(path.removeprefix(PREFIX).split("/")) if path.startswith(PREFIX + "/") else ()
    for route, template in _BY_SHAPE.get((method, len(segments)), ()):
        parameters = _match(template, segments)
        if parameters is not None:
            return route, parameters
    allowed = _allowed_methods(segments)
    if allowed:
        raise MethodNotAllowed(
            f"this path has no method {method[:_METHOD_CHARS]}; use {' or '.join(allowed)}", allow=allowed
        )
    raise NotFound("unknown path")


def _allowed_methods(segments: tuple[str, ...]) -> list[str]:
    """Return the methods of all routes at a path."""
    return sorted(
        {
            method
            for (method, length), routes in _BY_SHAPE.items()
            if length == len(segments)
            for route, template in routes
            if _match(template, segments) is not None
        }
    )


def _match(template: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{"):
            if expected != EMOJI and not is_id(segment):
                return None
            parameters[expected[1:-1]] = segment
        elif expected != segment:
            return None
    return parameters


def _by_shape() -> dict[tuple[str, int], list[tuple[Route, tuple[str, ...]]]]:
    table: dict[tuple[str, int], list[tuple[Route, tuple[str, ...]]]] = {}
    for route in ROUTES:
        template = tuple(route.path.split("/"))
        # Monitors send HEAD to the health check. API Gateway has a route for it, too (templates/app.yaml).
        for method in (route.method, "HEAD") if route.access == "public" else (route.method,):
            table.setdefault((method, len(template)), []).append((route, template))
    return table


_BY_SHAPE: Final = _by_shape()
