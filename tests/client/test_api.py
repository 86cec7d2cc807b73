"""The client keeps up with the route table: every route has a method, and every method asks what its route takes."""

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

HEARD: Final = {"events", "frames", "typing", "sign_in"}
"""Methods that need a WebSocket, or a server to sign in at."""
NO_METHOD: Final = {
    ("GET", "/health"): "asked by whoever watches the server, not by people in it",
    ("POST", "/realtime/tickets"): "events() and frames() get their tickets by themselves",
    ("POST", "/me/sign-out"): "the end of sign_in does it",
}
GIVEN: Final[Mapping[str, Any]] = {
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
    "before": None,
    "limit": 20,
    "expires_in_s": 3600,
    "max_uses": 5,
    **dict.fromkeys(("show_presence", "muted", "archived", "pinned", "marked_unread", "public"), True),
}
ANSWER: Final[Mapping[str, Any]] = {
    **{key: {} for key in ("user", "settings", "conversation", "event", "invite")},
    **{key: [] for key in ("users", "blocks", "conversations", "members", "invites", "channels", "presence")},
    "events": [{"seq": 1}],
    "has_more": False,
}


class Checked(HttpClient):
    """Answers what a route may answer, after checking that the route takes what is asked."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str]] = set()

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        max_attempts: float = 1,  # noqa: ARG002 - as HttpClient has it
    ) -> dict[str, Any]:
        route = next(route for route in ROUTES if route.method == method and _fits(route, path))
        assert (body is not None) == (route.body is not None), route
        if route.body is not None:
            route.body.model_validate(body)
        if query:
            assert route.query is not None, route
            route.query.model_validate({name: str(value) for name, value in query.items()})
        self.asked.add((method, route.path))
        return dict(ANSWER)


def _fits(route: Route, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path) is not None


async def _do(client: Client, name: str) -> None:
    action = getattr(client, name)
    done = action(**{parameter: GIVEN[parameter] for parameter in inspect.signature(action).parameters})
    if isinstance(done, AsyncIterator):
        assert [one async for one in done] == []
    else:
        await done


def test_every_route_that_is_not_an_administrators_has_a_method_that_asks_it_rightly() -> None:
    http = Checked()

    async def body() -> None:
        client = Client(http, Connection("ws://nowhere", _no_ticket), "u1")
        names = [
            name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")
        ]
        for name in sorted(set(names) - HEARD):
            await _do(client, name)

    asyncio.run(body())
    assert http.asked | NO_METHOD.keys() == {
        (route.method, route.path) for route in ROUTES if not route.admin
    }
    assert not http.asked & NO_METHOD.keys()


def test_an_id_that_a_client_is_given_stays_one_part_of_the_path() -> None:
    paths: list[str] = []

    class Noting(Checked):
        async def request(self, *asked: Any, **_: Any) -> dict[str, Any]:
            paths.append(asked[1])
            return dict(ANSWER)

    async def body() -> None:
        client = Client(Noting(), Connection("ws://nowhere", _no_ticket), "u1")
        await client.conversation("../me?x")
        await client.user("../me?x")
        await client.block("../me?x")

    asyncio.run(body())
    assert [path.count("/") for path in paths] == [2, 2, 2]
    assert not any("?" in path for path in paths)


async def _no_ticket() -> str:
    raise AssertionError("nothing here needs a ticket")
