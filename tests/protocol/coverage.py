"""Check the `covers` markers of the protocol tests against the requests and frames that were sent.

Each part of the protocol has a name: `GET /me` (a route), `action ping` (a frame from a client), `frame pong` (a frame from
the server), `event message.created` (an event, read or pushed).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, TypeAdapter
from tests.support.reference_client import Exchange, WireLog

from imchat.api import schema
from imchat.api.route import Route
from imchat.api.routes import ROUTES

SEEN: Final[dict[str, set[str]]] = {}
"""The parts of the protocol used in this session so far, by the kind of deployment."""
_FRAME: Final[TypeAdapter[Any]] = TypeAdapter(schema.ServerFrame)


def everything() -> set[str]:
    """Return the names of all parts of the protocol."""
    return {
        *(_name(route) for route in ROUTES),
        *(f"action {value}" for value in _tag_values(schema.ClientFrame, "action")),
        *(f"frame {value}" for value in _tag_values(schema.ServerFrame, "type")),
        *(f"event {value}" for value in _tag_values(schema.Event, "type")),
    }


def claimed(folder: Path) -> set[str]:
    """Return the names in the `covers` markers of the tests in a folder."""
    found: set[str] = set()
    for path in folder.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "covers"
            ):
                found.update(ast.literal_eval(argument) for argument in node.args)
    return found


def seen(wire_log: WireLog) -> set[str]:
    """Return the names of what was used with success. Raises: AssertionError for a response that breaks its schema."""
    found: set[str] = set()
    for exchange in wire_log.exchanges:
        if exchange.status < 400:
            route = _route(exchange)
            assert exchange.status in route.success, exchange
            route.response_model.model_validate(exchange.response)
            found.add(_name(route))
        elif "error" in exchange.response:
            schema.ErrorBody.model_validate(exchange.response)
    for frame in wire_log.received:
        _FRAME.validate_python(frame)
    found.update(f"action {frame['action']}" for frame in wire_log.sent)
    found.update(f"frame {frame['type']}" for frame in wire_log.received)
    found.update(f"event {event}" for event in _events([wire_log.received, wire_log.exchanges]))
    return found


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def _route(exchange: Exchange) -> Route:
    path = exchange.path.partition("?")[0]
    matching = [
        route
        for route in ROUTES
        if route.method == exchange.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path)
    ]
    # A fixed path takes precedence over one with a parameter.
    return min(matching, key=lambda route: route.path.count("{"))


def _tag_values(union: Any, field: str) -> Iterator[str]:
    """Yield the values of the field that distinguishes the models of a union."""
    models: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    for model in models:
        yield from get_args(model.model_fields[field].annotation)


def _events(value: Any) -> Iterator[str]:
    """Yield the types of all events in a response or a frame, at any depth."""
    if isinstance(value, dict):
        if "seq" in value and "type" in value:
            yield value["type"]
        for part in value.values():
            yield from _events(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _events(part)
