"""Acknowledged means durable, once, in one order, through kill -9 while eight clients send.

Seen to fail: with the answers in `GroupCommitQueue._run_batch` before its commit, acknowledged messages are missing
after the first kill; with the pushes before it, the listener has heard events that the log lacks; with a `decide`
in `messages.send` that looks for no earlier attempt, there are doubles at the end. `make soak` runs it with 200 kills.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from tests.support.browser_harness import Server, SignedInUser, call, sign_up
from tests.support.retrying_clients import Client, Event, Outage, is_message

log = logging.getLogger(__name__)

KILLS: Final = int(os.environ.get("IMCHAT_KILLS", "4"))
CLIENTS: Final = 8
CONVERSATIONS: Final = 4
_LEAST_BETWEEN: Final = 40
"""Messages to be acknowledged between two kills, so that every kill meets clients that send."""
_A_KILL_S: Final = 120.0
"""A kill that takes longer will never end; far above what a slow machine needs."""


class Listener:
    """Somebody's open socket: `heard` holds every event that was pushed, by conversation and seq."""

    def __init__(self, url: str, person: SignedInUser, session: aiohttp.ClientSession) -> None:
        self.heard: dict[tuple[str, int], Event] = {}
        self._url = url
        self._session = session
        self._headers = {"Authorization": f"Bearer {person.token}"}

    async def listen(self) -> None:
        """Connect, and take note until the connection ends."""
        async with self._session.post(f"{self._url}/api/realtime/tickets", headers=self._headers) as answer:
            ticket = (await answer.json())["ticket"]
        protocols = ("imchat.v1", f"ticket.{ticket}")
        async with self._session.ws_connect(f"{self._url}/ws", protocols=protocols) as socket:
            async for message in socket:
                frame = message.json()
                for event in frame.get("events", []):
                    self.heard[frame["conversation_id"], event["seq"]] = event


class Trial:
    """A server that is killed again and again under the hands of its clients."""

    def __init__(self, data_dir: Path, session: aiohttp.ClientSession) -> None:
        self.server = Server(data_dir)
        self._data_dir = data_dir
        self._session = session
        self._outage = Outage()
        url = self.server.url
        people = [sign_up(url, f"sender-{number}@example.com") for number in range(CLIENTS)]
        self.clients = [Client(url, person, session, self._outage) for person in people]
        self.conversations = [_make_group(url, people, number) for number in range(CONVERSATIONS)]
        self._listener = Listener(url, people[0], session)
        self._verified: dict[str, int] = dict.fromkeys(self.conversations, 0)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """All clients send until the block ends; then they finish what they have."""
        stop = asyncio.Event()
        self._outage.up.set()
        async with asyncio.TaskGroup() as group:
            for first, client in enumerate(self.clients):
                group.create_task(client.send_until(stop, self.conversations, first))
            yield
            stop.set()

    async def kill_and_restart(self) -> None:
        """One kill in the middle of sending; nothing that was seen outside may be missing after it."""
        acknowledged, heard = self.acknowledged, len(self._listener.heard)
        listening = asyncio.create_task(self._listener.listen())
        while self.acknowledged < acknowledged + _LEAST_BETWEEN or len(self._listener.heard) == heard:  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)
        await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311 - any moment will do
        self._outage.up.clear()
        self.server.kill()
        while self._outage.waiting < CLIENTS:  # noqa: ASYNC110 - a test may poll
            await asyncio.sleep(0.01)
        with suppress(aiohttp.ClientError):
            await listening
        self.server = Server(self._data_dir, port=self.server.port)
        await self._verify_what_was_seen()
        self._outage.up.set()

    @property
    def acknowledged(self) -> int:
        """How many messages have been acknowledged."""
        return sum(len(client.acknowledged) for client in self.clients)

    async def _verify_what_was_seen(self) -> None:
        """Before any client tries again: what was acknowledged or pushed since the last time is in the log."""
        for conversation_id in self.conversations:
            since = self._verified[conversation_id]
            events = {event["seq"]: event for event in await self.clients[0].read(conversation_id, since)}
            acknowledged = {
                seq: message_id
                for client in self.clients
                for (where, message_id), seq in client.acknowledged.items()
                if where == conversation_id and seq > since
            }
            stored = {
                seq: events[seq]["message"]["client_message_id"] for seq in acknowledged if seq in events
            }
            assert stored == acknowledged
            for (where, seq), event in self._listener.heard.items():
                assert where != conversation_id or seq <= since or events.get(seq) == event
            self._verified[conversation_id] = max(events, default=since)


@pytest.mark.slow
def test_every_acknowledged_message_survives_kill_9_once_and_in_one_order(tmp_path: Path) -> None:
    asyncio.run(_run_trial(tmp_path))


async def _run_trial(data_dir: Path) -> None:
    async with aiohttp.ClientSession() as session:
        trial = Trial(data_dir, session)
        try:
            async with trial.sending():
                for number in range(1, KILLS + 1):
                    async with asyncio.timeout(_A_KILL_S):
                        await trial.kill_and_restart()
                    log.info("kill %d of %d: %d messages acknowledged", number, KILLS, trial.acknowledged)
            for conversation_id in trial.conversations:
                await _check_log(trial, conversation_id)
            assert sum(client.tried_again for client in trial.clients) >= KILLS
        finally:
            trial.server.stop()


async def _check_log(trial: Trial, conversation_id: str) -> None:
    """The whole log, as everybody reads it, holds what its senders were told, each message once; the counts agree."""
    logs = [await client.read(conversation_id) for client in trial.clients]
    events = logs[0]
    assert all(other == events for other in logs)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    messages = [event for event in events if is_message(event)]
    assert [event["message_count"] for event in messages] == list(range(1, len(messages) + 1))
    stored = {event["message"]["client_message_id"]: event["seq"] for event in messages}
    assert len(stored) == len(messages)
    acknowledged = {
        message_id: seq
        for client in trial.clients
        for (where, message_id), seq in client.acknowledged.items()
        if where == conversation_id
    }
    assert stored == acknowledged
    await _check_counts(trial.clients, conversation_id, events)


async def _check_counts(clients: list[Client], conversation_id: str, events: list[Event]) -> None:
    """What is unread is what lies behind the cursor, wherever that stands; nothing for who wrote last."""
    count_of = {event["seq"]: event["message_count"] for event in events}
    last = len(events)
    for number, client in enumerate(clients, start=1):
        seq = last * number // len(clients)
        wrote_last = events[-1]["actor_id"] == client.person.user_id
        unread = 0 if wrote_last else count_of[last] - count_of[seq]
        status, marked = await client.call("PUT", f"{conversation_id}/read", {"seq": seq})
        cursor = {"read_seq": seq, "read_count": count_of[seq]}
        assert (status, marked) == (200, {**cursor, "unread": unread, "unread_mentions": 0})
        _, entry = await client.call("GET", conversation_id)
        head = entry["conversation"]
        assert (head["last_seq"], head["message_count"]) == (last, count_of[last])
        assert entry["unread"] == unread


def _make_group(url: str, people: list[SignedInUser], number: int) -> str:
    maker, *others = people
    new = {"kind": "group", "title": f"Room {number}", "member_ids": [person.user_id for person in others]}
    headers = {"Authorization": f"Bearer {maker.token}", "Content-Type": "application/json"}
    made = call(f"{url}/api/conversations", new, headers=headers)
    return str(made["conversation"]["conversation_id"])
