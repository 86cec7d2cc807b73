"""Clients that keep sending while the server restarts. Each repeats its message unchanged until it is acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias

import aiohttp
from tests.support.browser_harness import SignedInUser

Event: TypeAlias = dict[str, Any]

PAGE: Final = 200
_CONNECTION_ERRORS: Final = (aiohttp.ClientError, ConnectionError, TimeoutError)
_BUSY: Final = frozenset({429, 502, 503, 504})


@dataclass(slots=True)
class Outage:
    """Whether the server is up. Clients that cannot reach it wait here."""

    up: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def wait_until_up(self) -> None:
        """Wait until the server is up, at least 10 ms."""
        self.waiting += 1
        try:
            await asyncio.sleep(0.01)
            await self.up.wait()
        finally:
            self.waiting -= 1


class Client:
    """A user's client. `acknowledged` maps conversation and `client_message_id` to the `seq` from the response."""

    def __init__(
        self, url: str, person: SignedInUser, session: aiohttp.ClientSession, outage: Outage
    ) -> None:
        self.person = person
        self.acknowledged: dict[tuple[str, str], int] = {}
        self.retries = 0
        self._url = f"{url}/api/conversations"
        self._session = session
        self._outage = outage
        self._known: dict[str, int] = {}
        self._headers = {"Authorization": f"Bearer {person.token}"}

    async def send_until(self, stop: asyncio.Event, conversations: list[str], first: int) -> None:
        """Send messages one after another, to each conversation in turn. Returns after the last one is acknowledged."""
        for number in count(first):
            if stop.is_set():
                return
            conversation_id = conversations[number % len(conversations)]
            # Every tenth message has a very old `after_seq`, to test the error `behind` as well.
            after_seq = 1 if number % 10 == 0 else self._known.get(conversation_id, 1)
            await self._deliver(conversation_id, f"{self.person.user_id[:8]}-{number}", after_seq)

    async def read(self, conversation_id: str, after_seq: int = 0) -> list[Event]:
        """Return the log after `after_seq`."""
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
        """Send a request below `/api/conversations`. Returns status and body."""
        async with self._session.request(
            method, f"{self._url}/{path}".rstrip("/"), json=content, headers=self._headers
        ) as response:
            return response.status, await response.json()

    async def _deliver(self, conversation_id: str, message_id: str, after_seq: int) -> None:
        """Send the same message until it is acknowledged, as `docs/protocol.md` requires of a client."""
        while True:
            message = {
                "client_message_id": message_id,
                "body": f"This is {message_id}",
                "after_seq": after_seq,
            }
            try:
                status, response = await self.call("POST", f"{conversation_id}/messages", message)
            except _CONNECTION_ERRORS:
                self.retries += 1
                await self._outage.wait_until_up()
                continue
            if status in {200, 201}:
                return self._acknowledge(conversation_id, response["event"])
            if status == 409 and response["error"]["details"].get("reason") == "behind":
                try:
                    log = await self.read(conversation_id, after_seq)
                except _CONNECTION_ERRORS:
                    await self._outage.wait_until_up()
                    continue
                after_seq = log[-1]["seq"]
                for event in filter(is_message, log):
                    if event["message"]["client_message_id"] == message_id:
                        return self._acknowledge(conversation_id, event)
            elif status not in _BUSY:
                raise AssertionError(f"{status}: {response}")

    def _acknowledge(self, conversation_id: str, event: Event) -> None:
        key = conversation_id, event["message"]["client_message_id"]
        assert key not in self.acknowledged
        self.acknowledged[key] = event["seq"]
        self._known[conversation_id] = max(event["seq"], self._known.get(conversation_id, 1))


def is_message(event: Event) -> bool:
    """Return whether the event is a message."""
    return bool(event["type"] == "message.created")
