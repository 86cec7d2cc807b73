"""What the client makes of frames and answers, without a server: where a conversation begins for who just came into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from imchat.client import Client
from imchat.client.http import Http
from imchat.client.line import Frame, Line

CHANNEL = "g1"
LOG = [
    {"seq": seq, "type": "message.created", "actor_id": "ada", "message": {"body": str(seq)}}
    for seq in range(1, 10)
]


class Server(Http):
    """A channel of more people than are told, in which one's cursor stands at the event of one's joining, the seventh."""

    def __init__(self) -> None:
        pass

    async def ask(
        self,
        method: str,  # noqa: ARG002 - as Http has it
        path: str,
        body: Mapping[str, Any] | None = None,  # noqa: ARG002 - as Http has it
        *,
        query: Mapping[str, Any] | None = None,
        attempts: float = 1,  # noqa: ARG002 - as Http has it
    ) -> dict[str, Any]:
        if path.endswith("/events"):
            assert query is not None
            return {"events": LOG[query["after"] :], "has_more": False}
        return {"conversation": {"conversation_id": CHANNEL, "last_seq": 9}, "read_seq": 7}


class Pushing(Line):
    """Brings one frame and ends."""

    def __init__(self, frame: Frame) -> None:
        super().__init__("ws://nowhere", self._none)
        self._frame = frame

    async def _none(self) -> str:
        raise AssertionError("nothing is opened")

    async def frames(self) -> AsyncIterator[Frame]:
        yield self._frame


def test_who_came_into_a_channel_of_thousands_hears_it_from_their_joining_on() -> None:
    async def hear() -> list[int]:
        pushed = {"type": "events", "conversation_id": CHANNEL, "events": LOG[8:]}
        client = Client(Server(), Pushing(pushed), "bob")
        return [heard.event["seq"] async for heard in client.events()]

    assert asyncio.run(hear()) == [7, 8, 9]
