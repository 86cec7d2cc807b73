"""Acknowledged messages are stored once and in one order, through kill -9 while eight clients send.

These defects make it fail: responses before the commit in `GroupCommitQueue._run_batch` (acknowledged messages are missing
after the first kill), pushes before the commit (the listener received events that are not in the log), and a `decide` in
`messages.send` that does not look for an earlier attempt (duplicates at the end). `make soak` runs it with 200 kills.
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
_MIN_BETWEEN_KILLS: Final = 40
"""The least number of acknowledged messages between two kills, so that clients are sending at every kill."""
_KILL_TIMEOUT_S: Final = 120.0
"""The time limit of one kill and restart; far more than a slow machine needs."""


class Listener:
    """An open WebSocket of a user. `received` holds every pushed event by conversation and seq."""

    def __init__(self, url: str, user: SignedInUser, session: aiohttp.ClientSession) -> None:
        self.received: dict[tuple[str, int], Event] = {}
        self._url = url
        self._session = session
        self._headers = {"Authorization": f"Bearer {user.token}"}

    async def listen(self) -> None:
        """Connect, and record events until the connection ends."""
        async with self._session.post(f"{self._url}/api/realtime/tickets", headers=self._headers) as response:
            ticket = (await response.json())["ticket"]
        protocols = ("imchat.v1", f"ticket.{ticket}")
        async with self._session.ws_connect(f"{self._url}/ws", protocols=protocols) as socket:
            async for message in socket:
                frame = message.json()
                for event in frame.get("events", []):
                    self.received[frame["conversation_id"], event["seq"]] = event


class Trial:
    """A server that is killed and restarted while clients send."""

    def __init__(self, data_dir: Path, session: aiohttp.ClientSession) -> None:
        self.server = Server(data_dir)
        self._data_dir = data_dir
        self._session = session
        self._outage = Outage()
        url = self.server.url
        users = [sign_up(url, f"sender-{number}@example.com") for number in range(CLIENTS)]
        self.clients = [Client(url, user, session, self._outage) for user in users]
        self.conversations = [_create_group(url, users, number) for number in range(CONVERSATIONS)]
        self._listener = Listener(url, users[0], session)
        self._verified: dict[str, int] = dict.fromkeys(self.conversations, 0)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Let all clients send until the block ends; then wait for their last acknowledgements."""
        stop = asyncio.Event()
        self._outage.up.set()
        async with asyncio.TaskGroup() as group:
            for first, client in enumerate(self.clients):
                group.create_task(client.send_until(stop, self.conversations, first))
            yield
            stop.set()

    async def kill_and_restart(self) -> None:
        """Kill the server while clients send, restart it, and check that nothing acknowledged or pushed is missing."""
        target = self.acknowledged + _MIN_BETWEEN_KILLS
        received = len(self._listener.received)
        listening = asyncio.create_task(self._listener.listen())
        while self.acknowledged < target or len(self._listener.received) == received:  # noqa: ASYNC110 - the condition changes in another process
            await asyncio.sleep(0.01)
        await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311 - any moment will do
        self._outage.up.clear()
        self.server.kill()
        while self._outage.waiting < CLIENTS:  # noqa: ASYNC110 - a test may poll
            await asyncio.sleep(0.01)
        with suppress(aiohttp.ClientError):
            await listening
        self.server = Server(self._data_dir, port=self.server.port)
        await self._verify_acknowledged_and_pushed()
        self._outage.up.set()

    @property
    def acknowledged(self) -> int:
        """The number of acknowledged messages."""
        return sum(len(client.acknowledged) for client in self.clients)

    async def _verify_acknowledged_and_pushed(self) -> None:
        """Check that messages acknowledged or pushed since the last check are in the log, before any client retries."""
        for conversation_id in self.conversations:
            since = self._verified[conversation_id]
            events = {event["seq"]: event for event in await self.clients[0].read(conversation_id, since)}
            acknowledged = {
                seq: message_id
                for client in self.clients
                for (room, message_id), seq in client.acknowledged.items()
                if room == conversation_id and seq > since
            }
            stored = {
                seq: events[seq]["message"]["client_message_id"] for seq in acknowledged if seq in events
            }
            assert stored == acknowledged
            for (room, seq), event in self._listener.received.items():
                assert room != conversation_id or seq <= since or events.get(seq) == event
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
                    async with asyncio.timeout(_KILL_TIMEOUT_S):
                        await trial.kill_and_restart()
                    log.info("kill %d of %d: %d messages acknowledged", number, KILLS, trial.acknowledged)
            for conversation_id in trial.conversations:
                await _check_log(trial, conversation_id)
            assert sum(client.retries for client in trial.clients) >= KILLS
        finally:
            trial.server.stop()


async def _check_log(trial: Trial, conversation_id: str) -> None:
    """Check that all clients read the same log, with every acknowledged message once and correct counts."""
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
        for (room, message_id), seq in client.acknowledged.items()
        if room == conversation_id
    }
    assert stored == acknowledged
    await _check_counts(trial.clients, conversation_id, events)


async def _check_counts(clients: list[Client], conversation_id: str, events: list[Event]) -> None:
    """Check that the messages after the read cursor count as unread, and none for the sender of the last message."""
    count_of = {event["seq"]: event["message_count"] for event in events}
    last = len(events)
    for number, client in enumerate(clients, start=1):
        seq = last * number // len(clients)
        sent_last = events[-1]["actor_id"] == client.person.user_id
        unread = 0 if sent_last else count_of[last] - count_of[seq]
        status, marked = await client.call("PUT", f"{conversation_id}/read", {"seq": seq})
        cursor = {"read_seq": seq, "read_count": count_of[seq]}
        assert (status, marked) == (200, {**cursor, "unread": unread, "unread_mentions": 0})
        _, entry = await client.call("GET", conversation_id)
        head = entry["conversation"]
        assert (head["last_seq"], head["message_count"]) == (last, count_of[last])
        assert entry["unread"] == unread


def _create_group(url: str, users: list[SignedInUser], number: int) -> str:
    creator, *others = users
    new = {"kind": "group", "title": f"Room {number}", "member_ids": [user.user_id for user in others]}
    headers = {"Authorization": f"Bearer {creator.token}", "Content-Type": "application/json"}
    group = call(f"{url}/api/conversations", new, headers=headers)
    return str(group["conversation"]["conversation_id"])
