"""Every route has a client method, and every method sends a valid request for its route."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, get_origin

from pydantic import BaseModel
from tests.support.problems import fail_on

from imchat.api.route import Route
from imchat.api.routes import ROUTES
from imchat.client import Client
from imchat.client.http import HttpClient
from imchat.client.websocket import Connection

TWO_STEP_METHODS: Final = {"two_step_is_on", "set_up_two_step", "turn_on_two_step", "turn_off_two_step"}
SPECIAL_METHODS: Final = {"events", "frames", "typing", "sign_in", *TWO_STEP_METHODS}
"""Methods that need a WebSocket, a server to sign in to, or its user pool."""
NO_METHOD: Final = {
    ("GET", "/health"): "for monitoring, not for users",
    ("POST", "/realtime/tickets"): "events() and frames() get their own tickets",
    ("POST", "/me/sign-out"): "sign_in calls it at the end of the block",
}
ARGUMENTS: Final[Mapping[str, Any]] = {
    "conversation_id": "c1",
    "user_id": "u1",
    "user_ids": ["u1", "u2"],
    "seq": 3,
    "body": "hello",
    "emoji": "👍",
    "role": "admin",
    "title": "Garden",
    "description": "",
    "posting": "admins",
    "history": "joined",
    "prefix": "ad",
    "text": "garden",
    "token": "t1",
    "invite_id": "i1",
    "handle": "ada",
    "display_name": "Ada",
    "client_message_id": "m1",
    "reply_to": 2,
    "after": 1,
    "after_seq": 1,
    "before": None,
    "limit": 20,
    "group_additions": "known",
    "block": "u2",
    "expires_in_s": 3600,
    "max_uses": 5,
    **dict.fromkeys(("show_presence", "muted", "archived", "pinned", "marked_unread", "public"), True),
}
EXAMPLES: Final[Mapping[str, Any]] = {
    "event": {"seq": 1},
    "events": [{"seq": 1}],
    "has_before": False,
    "has_after": True,
}
"""Fields of responses that a method looks into."""


def example(model: type[BaseModel]) -> dict[str, Any]:
    """A response with the examples and the required fields of its model: empty lists, empty objects, false, 1 or "x"."""
    simple: dict[Any, Any] = {bool: False, int: 1, str: "x"}
    fields = {
        name: field for name, field in model.model_fields.items() if field.is_required() or name in EXAMPLES
    }
    return {
        name: EXAMPLES.get(
            name, [] if get_origin(field.annotation) is list else simple.get(field.annotation, {})
        )
        for name, field in fields.items()
    }


class ValidatingHttp(HttpClient):
    """Validates each request against its route and returns a valid response."""

    def __init__(self) -> None:
        self.requested: set[tuple[str, str]] = set()

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        max_attempts: float = 1,  # noqa: ARG002 - HttpClient's signature
    ) -> dict[str, Any]:
        route = next(route for route in ROUTES if route.method == method and _matches(route, path))
        assert (body is not None) == (route.request_model is not None), route
        if route.request_model is not None:
            route.request_model.model_validate(body)
        if query:
            assert route.query_model is not None, route
            route.query_model.model_validate({name: str(value) for name, value in query.items()})
        self.requested.add((method, route.path))
        return example(route.response_model)


def _matches(route: Route, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path) is not None


async def _call(client: Client, name: str) -> None:
    method = getattr(client, name)
    parameters = inspect.signature(method).parameters
    fail_on(
        f"tests/client/test_api.py: Client.{name} has the parameter {parameter}. Add a valid value for it to ARGUMENTS."
        for parameter in parameters
        if parameter not in ARGUMENTS
    )
    result = method(**{parameter: ARGUMENTS[parameter] for parameter in parameters})
    if isinstance(result, AsyncIterator):
        assert [item async for item in result] == []
    else:
        await result


def test_every_route_except_admin_routes_has_a_method_that_sends_a_valid_request() -> None:
    http = ValidatingHttp()

    async def body() -> None:
        client = Client(http, Connection("ws://nowhere", _no_ticket), "u1")
        names = [
            name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")
        ]
        for name in sorted(set(names) - SPECIAL_METHODS):
            await _call(client, name)

    asyncio.run(body())
    routes = {(route.method, route.path) for route in ROUTES if route.access != "admin"}
    fail_on(
        f"src/imchat/client/api.py: no method requests {method} {path}. Add one, or name the reason in NO_METHOD of "
        "tests/client/test_api.py."
        for method, path in sorted(routes - http.requested - NO_METHOD.keys())
    )
    assert http.requested <= routes
    assert not http.requested & NO_METHOD.keys()


def test_an_id_is_quoted_to_stay_one_path_segment() -> None:
    paths: list[str] = []

    class RecordingHttp(ValidatingHttp):
        async def request(self, *arguments: Any, **_: Any) -> dict[str, Any]:
            paths.append(arguments[1])
            return {"user": {}}

    async def body() -> None:
        client = Client(RecordingHttp(), Connection("ws://nowhere", _no_ticket), "u1")
        await client.conversation("../me?x")
        await client.user("../me?x")
        await client.block("../me?x")

    asyncio.run(body())
    assert [path.count("/") for path in paths] == [2, 2, 2]
    assert not any("?" in path for path in paths)


async def _no_ticket() -> str:
    raise AssertionError("no ticket is needed")
