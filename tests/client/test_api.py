"""Every route has a client method, and every method sends a valid request for its route."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from imchat.api.route import Route
from imchat.api.routes import ROUTES
from imchat.client import Client
from imchat.client.http import HttpClient
from imchat.client.websocket import Connection

SPECIAL_METHODS: Final = {"events", "frames", "typing", "sign_in"}
"""Methods that need a WebSocket or a server to sign in to."""
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
    "expires_in_s": 3600,
    "max_uses": 5,
    **dict.fromkeys(("show_presence", "muted", "archived", "pinned", "marked_unread", "public"), True),
}
RESPONSE: Final[Mapping[str, Any]] = {
    **{key: {} for key in ("user", "settings", "conversation", "invite")},
    "event": {"seq": 1},
    **{key: [] for key in ("users", "blocks", "conversations", "members", "invites", "channels", "presence")},
    "events": [{"seq": 1}],
    "has_more": False,
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
        return dict(RESPONSE)


def _matches(route: Route, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path) is not None


async def _call(client: Client, name: str) -> None:
    method = getattr(client, name)
    result = method(**{parameter: ARGUMENTS[parameter] for parameter in inspect.signature(method).parameters})
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
    assert http.requested | NO_METHOD.keys() == {
        (route.method, route.path) for route in ROUTES if route.access != "admin"
    }
    assert not http.requested & NO_METHOD.keys()


def test_an_id_is_quoted_to_stay_one_path_segment() -> None:
    paths: list[str] = []

    class RecordingHttp(ValidatingHttp):
        async def request(self, *arguments: Any, **_: Any) -> dict[str, Any]:
            paths.append(arguments[1])
            return dict(RESPONSE)

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
