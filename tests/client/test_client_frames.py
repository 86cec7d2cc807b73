"""How the client handles frames and responses, without a server: where the log starts for a new member."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from tests.support.client_log import LOG

from imchat.client import Client
from imchat.client.http import HttpClient
from imchat.client.websocket import CONNECTED, Connection, RawFrame
from imchat.errors import NotFound

CHANNEL = "g1"


CHANNEL_OF_THOUSANDS = {"conversation": {"conversation_id": CHANNEL, "last_seq": 9}, "read_seq": 7}
"""Has too many members to list them; the read cursor is at the seventh event, where the user joined."""


class FakeHttp(HttpClient):
    """Returns this entry, and this log from `first_seq`."""

    def __init__(self, log: list[dict[str, Any]], entry: dict[str, Any], *, first_seq: int = 1) -> None:
        self._log = log
        self._entry = entry
        self._first_seq = first_seq

    async def request(
        self,
        method: str,  # noqa: ARG002 - HttpClient's signature
        path: str,
        body: Mapping[str, Any] | None = None,  # noqa: ARG002 - HttpClient's signature
        *,
        query: Mapping[str, Any] | None = None,
        max_attempts: float = 1,  # noqa: ARG002 - HttpClient's signature
    ) -> dict[str, Any]:
        if path.endswith("/events"):
            assert query is not None
            return {"events": self._log[max(query["after"], self._first_seq - 1) :], "has_more": False}
        return self._entry


class FakeConnection(Connection):
    """Yields these frames and ends."""

    def __init__(self, *frames: RawFrame) -> None:
        super().__init__("ws://nowhere", self._no_ticket)
        self._frames = frames

    async def _no_ticket(self) -> str:
        raise AssertionError("no connection is opened")

    async def frames(self) -> AsyncGenerator[RawFrame]:
        for frame in self._frames:
            yield frame


def test_a_new_member_of_a_large_channel_receives_events_from_joining_on() -> None:
    async def receive() -> list[int]:
        pushed = {"type": "events", "conversation_id": CHANNEL, "events": LOG[8:]}
        client = Client(FakeHttp(LOG, CHANNEL_OF_THOUSANDS), FakeConnection(pushed), "bob")
        return [received.event["seq"] async for received in client.events()]

    assert asyncio.run(receive()) == [7, 8, 9]


REMOVAL = {"seq": 4, "type": "member.removed", "actor_id": "ada", "user_id": "bob"}
RETURN = {"seq": 5, "type": "member.added", "actor_id": "ada", "user_id": "bob", "role": "member"}
REMOVED_AND_ADDED = [*LOG[:3], REMOVAL, RETURN, *LOG[5:8]]
"""Bob is a member from the third event, removed by the fourth and added again by the fifth."""
ENTRY_AFTER_RETURN = {
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
def test_a_late_removal_event_causes_no_duplicates(pushed: tuple[list[int], ...]) -> None:
    async def receive() -> list[int]:
        frames = [
            {
                "type": "events",
                "conversation_id": CHANNEL,
                "events": [REMOVED_AND_ADDED[seq - 1] for seq in seqs],
            }
            for seqs in pushed
        ]
        client = Client(FakeHttp(REMOVED_AND_ADDED, ENTRY_AFTER_RETURN), FakeConnection(*frames), "bob")
        client._feed.follow(CHANNEL, 3)
        return [received.event["seq"] async for received in client.events()]

    assert asyncio.run(receive()) == [4, 5, 6, 7, 8]


class InboxHttp(FakeHttp):
    """Has an empty inbox; the log is readable or not."""

    def __init__(self, log: list[dict[str, Any]], *, readable: bool) -> None:
        super().__init__(log, {"conversations": []})
        self._readable = readable

    async def request(self, method: str, path: str, *rest: Any, **fields: Any) -> dict[str, Any]:
        if path.endswith("/events") and not self._readable:
            raise NotFound("no such conversation")
        return await super().request(method, path, *rest, **fields)


def test_after_a_reconnect_conversations_that_the_user_left_meanwhile_are_forgotten() -> None:
    async def receive() -> list[Any]:
        client = Client(InboxHttp(LOG, readable=False), FakeConnection(CONNECTED), "bob")
        for number in range(100):
            client._feed.follow(f"{CHANNEL}-{number}", 3)
        received = [found async for found in client.events()]
        assert client._feed.followed_except(()) == []
        return received

    assert asyncio.run(receive()) == []


def test_a_conversation_that_the_inbox_does_not_show_yet_continues_without_duplicates() -> None:
    async def receive() -> list[int]:
        pushed = {"type": "events", "conversation_id": CHANNEL, "events": LOG[7:]}
        client = Client(InboxHttp(LOG, readable=True), FakeConnection(CONNECTED, pushed, CONNECTED), "bob")
        client._feed.follow(CHANNEL, 5)
        return [received.event["seq"] async for received in client.events()]

    assert asyncio.run(receive()) == [6, 7, 8, 9]


def test_a_member_removed_and_added_again_continues_at_their_new_first_event() -> None:
    async def receive() -> list[int]:
        pushed = {"type": "events", "conversation_id": CHANNEL, "events": [REMOVED_AND_ADDED[6]]}
        client = Client(
            FakeHttp(REMOVED_AND_ADDED, ENTRY_AFTER_RETURN, first_seq=5), FakeConnection(pushed), "bob"
        )
        client._feed.follow(CHANNEL, 2)
        return [received.event["seq"] async for received in client.events()]

    assert asyncio.run(receive()) == [5, 6, 7, 8]
