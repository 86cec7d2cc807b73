"""One loop over events at a time: a second one is refused, and one that was left can be followed by another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tests.client.test_client_frames import CHANNEL, CHANNEL_OF_THOUSANDS, FakeHttp
from tests.support.client_log import LOG

from imchat.client import Client
from imchat.client.websocket import Connection, RawFrame
from imchat.errors import Conflict


class OpenConnection(Connection):
    """Yields these frames at each call and then waits; counts the loops that are open."""

    def __init__(self, *frames: RawFrame) -> None:
        super().__init__("ws://nowhere", self._no_ticket)
        self._frames = frames
        self.open = 0

    async def _no_ticket(self) -> str:
        raise AssertionError("no connection is opened")

    async def frames(self) -> AsyncGenerator[RawFrame]:
        self.open += 1
        try:
            for frame in self._frames:
                yield frame
            await asyncio.Event().wait()
        finally:
            self.open -= 1


def new_client(*seqs: int) -> tuple[Client, OpenConnection]:
    events = {"type": "events", "conversation_id": CHANNEL, "events": [LOG[seq - 1] for seq in seqs]}
    connection = OpenConnection(events)
    client = Client(FakeHttp(LOG, CHANNEL_OF_THOUSANDS), connection, "bob")
    client._feed.follow(CHANNEL, seqs[0] - 1)
    return client, connection


def test_a_second_loop_is_refused_while_one_is_running_and_the_first_continues() -> None:
    async def body() -> None:
        client, connection = new_client(4, 5)
        first = client.events()
        assert (await anext(first)).event["seq"] == 4
        for second in (client.events(), client.frames()):
            with pytest.raises(Conflict, match="another loop over events") as refused:
                await anext(second)
            assert refused.value.details["reason"] == "receiving"
        assert (await anext(first)).event["seq"] == 5
        assert connection.open == 1
        await first.aclose()

    asyncio.run(body())


def test_a_loop_that_waits_in_another_task_refuses_a_second_one_until_it_is_cancelled() -> None:
    async def body() -> None:
        client, connection = new_client(4)
        received: list[int] = []

        async def receive() -> None:
            async for _, event in client.events():
                received.append(event["seq"])

        running = asyncio.create_task(receive())
        await asyncio.sleep(0.01)
        assert received == [4]
        with pytest.raises(Conflict):
            await anext(client.events())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert connection.open == 0
        again = asyncio.create_task(receive())
        await asyncio.sleep(0.01)
        assert connection.open == 1
        again.cancel()

    asyncio.run(body())


@pytest.mark.parametrize("leaving", ["break", "exception", "aclose"])
def test_after_a_loop_was_left_another_one_continues_with_the_next_event(leaving: str) -> None:
    async def leave_after_one(client: Client) -> int:
        if leaving == "aclose":
            stream = client.events()
            seq = (await anext(stream)).event["seq"]
            await stream.aclose()
            return seq
        async for _, event in client.events():
            if leaving == "exception":
                raise ValueError(event["seq"])
            return event["seq"]
        raise AssertionError("there is an event")

    async def body() -> list[Any]:
        client, connection = new_client(4, 5, 6)
        seqs = []
        for _ in range(3):
            try:
                seqs.append(await leave_after_one(client))
            except ValueError as error:
                seqs.append(error.args[0])
        await asyncio.sleep(0.01)  # a loop left by `break` is closed by the event loop
        assert connection.open == 0
        return seqs

    assert asyncio.run(body()) == [4, 5, 6]


def test_a_loop_can_start_although_another_stream_was_created_but_never_read() -> None:
    async def body() -> None:
        client, _ = new_client(4)
        unread = client.events()
        assert (await anext(client.events())).event["seq"] == 4
        await unread.aclose()

    asyncio.run(body())
