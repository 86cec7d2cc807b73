"""Holds what the tests of the protocol say that they cover to what really went over the wire.

A thing of the protocol has a name: `GET /me` (a route), `action ping` (a frame from a client), `frame pong` (a frame from
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
"""What went over the wire in this session so far, by the kind of deployment."""
_FRAME: Final[TypeAdapter[Any]] = TypeAdapter(schema.ServerFrame)


def everything() -> set[str]:
    """The names of all that the protocol has."""
    return {
        *(_name(route) for route in ROUTES),
        *(f"action {word}" for word in _words(schema.ClientFrame, "action")),
        *(f"frame {word}" for word in _words(schema.ServerFrame, "type")),
        *(f"event {word}" for word in _words(schema.Event, "type")),
    }


def claimed(folder: Path) -> set[str]:
    """What the tests in a folder say that they cover."""
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


def seen(record: WireLog) -> set[str]:
    """What went over the wire, successes only. Raises: AssertionError for an answer that is not as described."""
    found: set[str] = set()
    for exchange in record.exchanges:
        if exchange.status < 400:
            route = _route(exchange)
            assert exchange.status in route.success, exchange
            route.response_model.model_validate(exchange.response)
            found.add(_name(route))
        elif "error" in exchange.response:
            schema.ErrorBody.model_validate(exchange.response)
    for frame in record.received:
        _FRAME.validate_python(frame)
    found.update(f"action {frame['action']}" for frame in record.sent)
    found.update(f"frame {frame['type']}" for frame in record.received)
    found.update(f"event {event}" for event in _events([record.received, record.exchanges]))
    return found


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def _route(exchange: Exchange) -> Route:
    path = exchange.path.partition("?")[0]
    fitting = [
        route
        for route in ROUTES
        if route.method == exchange.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path)
    ]
    # A fixed path goes before one with a parameter in its place.
    return min(fitting, key=lambda route: route.path.count("{"))


def _words(union: Any, field: str) -> Iterator[str]:
    """The words by which the models of a union are told apart."""
    models: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    for model in models:
        yield from get_args(model.model_fields[field].annotation)


def _events(value: Any) -> Iterator[str]:
    """The types of all events in an answer or a frame, however deep."""
    if isinstance(value, dict):
        if "seq" in value and "type" in value:
            yield value["type"]
        for part in value.values():
            yield from _events(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _events(part)
