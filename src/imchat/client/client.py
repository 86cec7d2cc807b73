"""`Client`: one signed-in user or bot. Receives events and sends messages exactly once; `api.py` has the rest."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Final, Self

import urllib3

from imchat.client.api import Api, conversation_path
from imchat.client.event_feed import Event, EventFeed, EventInConversation
from imchat.client.http import HttpClient
from imchat.client.session import Session, fetch_site_config
from imchat.client.websocket import CONNECTED, Connection, Frame
from imchat.errors import Conflict, ImchatError, NotFound

_PAGE_SIZE: Final = 200


class Client(Api):
    """A signed-in user. Created by `sign_in`; `user_id` is the id of the user."""

    def __init__(self, http: HttpClient, connection: Connection, user_id: str) -> None:
        super().__init__(http, user_id)
        self._connection = connection
        self._feed = EventFeed()

    @classmethod
    @asynccontextmanager
    async def sign_in(cls, url: str, email: str, password: str) -> AsyncIterator[Self]:
        """Sign in to the site at `url`, and sign out at the end of the block.

        Raises: ConfigError, Unauthenticated, Busy.
        """
        with urllib3.PoolManager(maxsize=16) as pool:
            site = await fetch_site_config(pool, url)
            session = await Session.sign_in(pool, site, email, password)
            http = HttpClient(pool, site.api_url, lambda new: session.access_token(new=new))

            async def ticket() -> str:
                return str((await http.request("POST", "/realtime/tickets"))["ticket"])

            me = await http.request("GET", "/me")
            client = cls(http, Connection(site.ws_url, ticket), me["user"]["user_id"])
            async for entry in client.inbox():
                conversation = entry["conversation"]
                client._feed.follow(conversation["conversation_id"], conversation["last_seq"])
            try:
                yield client
            finally:
                with suppress(ImchatError):  # the connections and tickets expire anyway
                    await http.request("POST", "/me/sign-out", max_attempts=1)
                with suppress(ImchatError):  # as above
                    await session.end()

    # -- receiving --

    async def events(self) -> AsyncIterator[EventInConversation]:
        """Yield the events of all your conversations since sign-in, each once and in order, across reconnects.

        Your own events are included. The first event of a conversation you are added to is the one that adds you.
        After leaving the loop, call it again to continue conversation_id it stopped.
        """
        async for found in self.frames():
            if isinstance(found, EventInConversation):
                yield found

    async def frames(self) -> AsyncIterator[EventInConversation | Frame]:
        """Yield the same events as `events`, and the other frames: `typing`, `receipt`, `presence`, …"""
        async for frame in self._connection.frames():
            if frame is CONNECTED:
                async for event in self._catch_up():
                    yield event
            elif frame["type"] == "events":
                async for event in self._receive(frame["conversation_id"], frame["events"]):
                    yield event
            else:
                yield frame

    async def _catch_up(self) -> AsyncIterator[EventInConversation]:
        async for entry in self._pages("/conversations", "conversations", inf):
            conversation = entry["conversation"]
            conversation_id, last = conversation["conversation_id"], conversation["last_seq"]
            if conversation_id not in self._feed:
                self._feed.follow(conversation_id, await self._seq_before_join(conversation_id))
            if self._feed.last_seq(conversation_id) != last:
                async for event in self._read_newer(conversation_id):
                    yield event

    async def _receive(self, conversation_id: str, events: list[Event]) -> AsyncIterator[EventInConversation]:
        if conversation_id not in self._feed:
            self._feed.follow(conversation_id, await self._seq_before_join(conversation_id))
        new, missing = self._feed.accept(conversation_id, events)
        for event in new:
            yield event
        if missing:
            async for event in self._read_newer(conversation_id):
                yield event
        elif new and self._removes_me(new[-1].event):
            self._feed.unfollow(conversation_id)

    def _removes_me(self, event: Event) -> bool:
        """Return whether the event removes this user. Only for the newest event: later ones may add the user again."""
        return bool(event["type"] == "member.removed" and event["user_id"] == self.user_id)

    async def _read_newer(self, conversation_id: str) -> AsyncIterator[EventInConversation]:
        more = True
        while more:
            try:
                page = await self._http.request(
                    "GET",
                    conversation_path(conversation_id, "events"),
                    query={"after": self._feed.last_seq(conversation_id) or 0, "limit": _PAGE_SIZE},
                    max_attempts=inf,
                )
            except NotFound:  # no longer a member
                self._feed.unfollow(conversation_id)
                return
            if page["events"]:  # removed and added again, the user may read only later events
                self._feed.skip_to(conversation_id, page["events"][0]["seq"])
            new, _ = self._feed.accept(conversation_id, page["events"])
            for event in new:
                yield event
            more = page["has_more"]

    async def _seq_before_join(self, conversation_id: str) -> int:
        """Return the `seq` before the event that added this user, where the read cursor started."""
        try:
            found = await self._http.request("GET", conversation_path(conversation_id), max_attempts=inf)
        except NotFound:
            return 0
        conversation = found["conversation"]
        for member in conversation.get("members", ()):
            if member["user_id"] == self.user_id:
                return int(member["joined_seq"]) - 1
        return int(found["read_seq"]) - 1  # large channels do not list their members

    # -- sending --

    async def send(
        self,
        conversation_id: str,
        body: str,
        *,
        reply_to: int | None = None,
        client_message_id: str | None = None,
    ) -> Event:
        """Send a message exactly once, with retries. Returns its event.

        A call with the same `client_message_id`, even from a later process, does not send it again.
        """
        message_id = client_message_id or uuid.uuid4().hex
        after_seq = self._feed.last_seq(conversation_id)
        if after_seq is None:
            newest, _ = await self.read_events(conversation_id, limit=1)
            after_seq = newest[-1]["seq"]
        while True:
            message = {
                "client_message_id": message_id,
                "body": body,
                "after_seq": after_seq,
                "reply_to": reply_to,
                "connection_id": self._connection.connection_id,
            }
            try:
                response = await self._http.request(
                    "POST", conversation_path(conversation_id, "messages"), message
                )
            except Conflict as error:
                if error.details.get("reason") != "behind":
                    raise
                sent, after_seq = await self._find_sent(conversation_id, message_id, after_seq)
                if sent is not None:
                    return sent
            else:
                event: Event = response["event"]
                # The server does not push it to the connection named in the request.
                self._connection.inject(
                    {"type": "events", "conversation_id": conversation_id, "events": [event]}
                )
                return event

    async def _find_sent(
        self, conversation_id: str, message_id: str, after_seq: int
    ) -> tuple[Event | None, int]:
        """Return the event of your message after `after_seq`, if stored, and the last `seq` of the log."""
        more = True
        while more:
            events, more = await self.read_events(conversation_id, after=after_seq, limit=_PAGE_SIZE)
            for event in events:
                mine = event["type"] == "message.created" and event["actor_id"] == self.user_id
                if mine and event["message"]["client_message_id"] == message_id:
                    return event, after_seq
            after_seq = events[-1]["seq"] if events else after_seq
        return None, after_seq

    async def typing(self, conversation_id: str) -> None:
        """Show the others that you are typing; repeat every few seconds. Does nothing without a connection."""
        await self._connection.send({"action": "typing", "conversation_id": conversation_id})
