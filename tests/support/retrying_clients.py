"""Clients that send through a server's death: each keeps its message, and what it must repeat, until it is acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias

import aiohttp
from tests.support.browser_harness import SignedInUser

Event: TypeAlias = dict[str, Any]

PAGE: Final = 200
_UNREACHED: Final = (aiohttp.ClientError, ConnectionError, TimeoutError)
_BUSY: Final = frozenset({429, 502, 503, 504})


@dataclass(slots=True)
class Outage:
    """Whether the server is up; who meets it down waits here."""

    up: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def over(self) -> None:
        """Wait until it is up, at least a moment."""
        self.waiting += 1
        try:
            await asyncio.sleep(0.01)
            await self.up.wait()
        finally:
            self.waiting -= 1


class Client:
    """One person's client. `acknowledged` holds, by conversation and `client_message_id`, the `seq` it was told."""

    def __init__(
        self, url: str, person: SignedInUser, session: aiohttp.ClientSession, outage: Outage
    ) -> None:
        self.person = person
        self.acknowledged: dict[tuple[str, str], int] = {}
        self.tried_again = 0
        self._url = f"{url}/api/conversations"
        self._session = session
        self._outage = outage
        self._known: dict[str, int] = {}
        self._headers = {"Authorization": f"Bearer {person.token}"}

    async def send_until(self, stop: asyncio.Event, conversations: list[str], first: int) -> None:
        """Send one message after the other, in one conversation after the other; the last one is acknowledged, too."""
        for number in count(first):
            if stop.is_set():
                return
            conversation_id = conversations[number % len(conversations)]
            # Every tenth message claims to know next to nothing, so that the server's `behind` is met as well.
            after_seq = 1 if number % 10 == 0 else self._known.get(conversation_id, 1)
            await self._deliver(conversation_id, f"{self.person.user_id[:8]}-{number}", after_seq)

    async def read(self, conversation_id: str, after_seq: int = 0) -> list[Event]:
        """The log behind `after_seq`."""
        events: list[Event] = []
        more = True
        while more:
            after_seq = events[-1]["seq"] if events else after_seq
            path = f"{conversation_id}/events?after={after_seq}&limit={PAGE}"
            page = (await self.call("GET", path))[1]
            events += page["events"]
            more = page["has_more"]
        return events

    async def call(self, method: str, path: str, content: object = None) -> tuple[int, dict[str, Any]]:
        """One request below `/api/conversations`; status and answer."""
        async with self._session.request(
            method, f"{self._url}/{path}".rstrip("/"), json=content, headers=self._headers
        ) as answer:
            return answer.status, await answer.json()

    async def _deliver(self, conversation_id: str, message_id: str, after_seq: int) -> None:
        """Send the very same message until it is acknowledged: as `docs/protocol.md` asks of a client."""
        while True:
            message = {
                "client_message_id": message_id,
                "body": f"This is {message_id}",
                "after_seq": after_seq,
            }
            try:
                status, answer = await self.call("POST", f"{conversation_id}/messages", message)
            except _UNREACHED:
                self.tried_again += 1
                await self._outage.over()
                continue
            if status in {200, 201}:
                return self._acknowledge(conversation_id, answer["event"])
            if status == 409 and answer["error"]["details"].get("reason") == "behind":
                try:
                    log = await self.read(conversation_id, after_seq)
                except _UNREACHED:
                    await self._outage.over()
                    continue
                after_seq = log[-1]["seq"]
                for event in filter(is_message, log):
                    if event["message"]["client_message_id"] == message_id:
                        return self._acknowledge(conversation_id, event)
            elif status not in _BUSY:
                raise AssertionError(f"{status}: {answer}")

    def _acknowledge(self, conversation_id: str, event: Event) -> None:
        key = conversation_id, event["message"]["client_message_id"]
        assert key not in self.acknowledged
        self.acknowledged[key] = event["seq"]
        self._known[conversation_id] = max(event["seq"], self._known.get(conversation_id, 1))


def is_message(event: Event) -> bool:
    """Whether the event is a message."""
    return bool(event["type"] == "message.created")
