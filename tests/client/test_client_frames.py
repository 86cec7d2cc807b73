"""What the client makes of frames and answers, without a server: where a conversation begins for who just came into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from imchat.client import Client
from imchat.client.http import HttpClient
from imchat.client.websocket import Connection, Frame

CHANNEL = "g1"
LOG = [
    {"seq": seq, "type": "message.created", "actor_id": "ada", "message": {"body": str(seq)}}
    for seq in range(1, 10)
]


CHANNEL_OF_THOUSANDS = {"conversation": {"conversation_id": CHANNEL, "last_seq": 9}, "read_seq": 7}
"""Of more people than are told; one's cursor stands at the event of one's joining, the seventh."""


class Server(HttpClient):
    """Answers with this entry, and with this log from `first_seq` on."""

    def __init__(self, log: list[dict[str, Any]], entry: dict[str, Any], *, first_seq: int = 1) -> None:
        self._log = log
        self._entry = entry
        self._first_seq = first_seq

    async def request(
        self,
        method: str,  # noqa: ARG002 - as HttpClient has it
        path: str,
        body: Mapping[str, Any] | None = None,  # noqa: ARG002 - as HttpClient has it
        *,
        query: Mapping[str, Any] | None = None,
        max_attempts: float = 1,  # noqa: ARG002 - as HttpClient has it
    ) -> dict[str, Any]:
        if path.endswith("/events"):
            assert query is not None
            return {"events": self._log[max(query["after"], self._first_seq - 1) :], "has_more": False}
        return self._entry


class Pushing(Connection):
    """Brings these frames and ends."""

    def __init__(self, *brought: Frame) -> None:
        super().__init__("ws://nowhere", self._none)
        self._brought = brought

    async def _none(self) -> str:
        raise AssertionError("nothing is opened")

    async def frames(self) -> AsyncIterator[Frame]:
        for frame in self._brought:
            yield frame


def test_who_came_into_a_channel_of_thousands_hears_it_from_their_joining_on() -> None:
    async def hear() -> list[int]:
        pushed = {"type": "events", "conversation_id": CHANNEL, "events": LOG[8:]}
        client = Client(Server(LOG, CHANNEL_OF_THOUSANDS), Pushing(pushed), "bob")
        return [heard.event["seq"] async for heard in client.events()]

    assert asyncio.run(hear()) == [7, 8, 9]


REMOVAL = {"seq": 4, "type": "member.removed", "actor_id": "ada", "user_id": "bob"}
RETURN = {"seq": 5, "type": "member.added", "actor_id": "ada", "user_id": "bob", "role": "member"}
IN_AND_OUT = [*LOG[:3], REMOVAL, RETURN, *LOG[5:8]]
"""Bob, a member from the third event on, is put out by the fourth and into the group again by the fifth."""
IN_AGAIN = {
    "conversation": {
        "conversation_id": CHANNEL,
        "last_seq": 8,
        "members": [{"user_id": "bob", "joined_seq": 5}],
    },
    "read_seq": 5,
}


@pytest.mark.parametrize(
    "pushed",
    [
        ([4], [5], [6], [7], [4], [8]),
        ([4], [4], [5], [6], [7], [8]),
        ([4, 5], [6], [7], [8]),
        ([4, 6], [5], [7], [8]),
        ([5], [4], [6], [7], [8]),
    ],
)
def test_an_old_word_of_ones_removal_makes_nothing_come_twice(pushed: tuple[list[int], ...]) -> None:
    async def hear() -> list[int]:
        frames = [
            {"type": "events", "conversation_id": CHANNEL, "events": [IN_AND_OUT[seq - 1] for seq in seqs]}
            for seqs in pushed
        ]
        client = Client(Server(IN_AND_OUT, IN_AGAIN), Pushing(*frames), "bob")
        client._feed.follow(CHANNEL, 3)
        return [heard.event["seq"] async for heard in client.events()]

    assert asyncio.run(hear()) == [4, 5, 6, 7, 8]


def test_who_was_out_for_a_moment_unheard_goes_on_where_the_log_begins_for_them_now() -> None:
    async def hear() -> list[int]:
        pushed = {"type": "events", "conversation_id": CHANNEL, "events": [IN_AND_OUT[6]]}
        client = Client(Server(IN_AND_OUT, IN_AGAIN, first_seq=5), Pushing(pushed), "bob")
        client._feed.follow(CHANNEL, 2)
        return [heard.event["seq"] async for heard in client.events()]

    assert asyncio.run(hear()) == [5, 6, 7, 8]
