"""`Client`: a person or a bot at one imchat; here what it hears, and how it sends once. The rest is in `actions.py`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Final, Self

import urllib3

from imchat.client.api import Actions, at
from imchat.client.event_feed import Event, Feed, Heard
from imchat.client.http import Http
from imchat.client.session import Session, find
from imchat.client.websocket import CONNECTED, Frame, Line
from imchat.errors import Conflict, ImchatError, NotFound

_PAGE: Final = 200


class Client(Actions):
    """Somebody who is signed in. Made by `sign_in`; `user_id` is theirs."""

    def __init__(self, http: Http, line: Line, user_id: str) -> None:
        super().__init__(http, user_id)
        self._line = line
        self._feed = Feed()

    @classmethod
    @asynccontextmanager
    async def sign_in(cls, url: str, email: str, password: str) -> AsyncIterator[Self]:
        """Sign in at the site `url`, and out at the block's end. Raises: ConfigError, Unauthenticated, Busy."""
        with urllib3.PoolManager(maxsize=16) as pool:
            site = await find(pool, url)
            session = await Session.start(pool, site, email, password)
            http = Http(pool, site.api_url, lambda new: session.access_token(new=new))

            async def ticket() -> str:
                return str((await http.ask("POST", "/realtime/tickets"))["ticket"])

            me = await http.ask("GET", "/me")
            made = cls(http, Line(site.ws_url, ticket), me["user"]["user_id"])
            async for entry in made.inbox():
                made._feed.follow(entry["conversation"]["conversation_id"], entry["conversation"]["last_seq"])
            try:
                yield made
            finally:
                with suppress(ImchatError):  # what it would have ended ends by itself
                    await http.ask("POST", "/me/sign-out", attempts=1)
                with suppress(ImchatError):  # as above
                    await session.end()

    # -- hearing --

    async def events(self) -> AsyncIterator[Heard]:
        """What happens in all of one's conversations since signing in: each event once and in order, however lines break.

        A conversation that one is added to begins with the event of that. One's own events are among them. Leave the
        loop and call it again, and it goes on where it was.
        """
        async for found in self.frames():
            if isinstance(found, Heard):
                yield found

    async def frames(self) -> AsyncIterator[Heard | Frame]:
        """As `events`; between them the other frames, as they come: `typing`, `receipt`, `presence`, …"""
        async for frame in self._line.frames():
            if frame is CONNECTED:
                async for heard in self._catch_up():
                    yield heard
            elif frame["type"] == "events":
                async for heard in self._hear(frame["conversation_id"], frame["events"]):
                    yield heard
            else:
                yield frame

    async def _catch_up(self) -> AsyncIterator[Heard]:
        async for entry in self._pages("/conversations", "conversations", inf):
            conversation = entry["conversation"]
            where, last = conversation["conversation_id"], conversation["last_seq"]
            if where not in self._feed:
                self._feed.follow(where, await self._joined(where))
            if self._feed.last(where) != last:
                async for heard in self._read_on(where):
                    yield heard

    async def _hear(self, where: str, events: list[Event]) -> AsyncIterator[Heard]:
        if where not in self._feed:
            self._feed.follow(where, await self._joined(where))
        new, missing = self._feed.take(where, events)
        for heard in new:
            yield heard
        if missing:
            async for heard in self._read_on(where):
                yield heard
        elif new and self._is_out_by(new[-1].event):
            self._feed.forget(where)

    def _is_out_by(self, event: Event) -> bool:
        """Asked of the newest event only: behind an older one they were added again, and heard of it."""
        return bool(event["type"] == "member.removed" and event["user_id"] == self.user_id)

    async def _read_on(self, where: str) -> AsyncIterator[Heard]:
        more = True
        while more:
            try:
                page = await self._http.ask(
                    "GET",
                    at(where, "events"),
                    query={"after": self._feed.last(where) or 0, "limit": _PAGE},
                    attempts=inf,
                )
            except NotFound:  # out of it
                self._feed.forget(where)
                return
            if page["events"]:  # behind a gap where, out and in again, their history begins later than before
                self._feed.begin_at(where, page["events"][0]["seq"])
            new, _ = self._feed.take(where, page["events"])
            for heard in new:
                yield heard
            more = page["has_more"]

    async def _joined(self, where: str) -> int:
        """The event before the one that brought this person in, at which their cursor began."""
        try:
            found = await self._http.ask("GET", at(where), attempts=inf)
        except NotFound:
            return 0
        conversation = found["conversation"]
        for member in conversation.get("members", ()):
            if member["user_id"] == self.user_id:
                return int(member["joined_seq"]) - 1
        return int(found["read_seq"]) - 1  # of so many people nobody is told

    # -- writing --

    async def send(
        self,
        conversation_id: str,
        body: str,
        *,
        reply_to: int | None = None,
        client_message_id: str | None = None,
    ) -> Event:
        """Send a message, once, however often that has to be tried. Returns its event.

        `client_message_id` makes it the same message for a later call, of a later process too.
        """
        own_id = client_message_id or uuid.uuid4().hex
        after_seq = self._feed.last(conversation_id)
        if after_seq is None:
            newest, _ = await self.read(conversation_id, limit=1)
            after_seq = newest[-1]["seq"]
        while True:
            message = {
                "client_message_id": own_id,
                "body": body,
                "after_seq": after_seq,
                "reply_to": reply_to,
                "connection_id": self._line.connection_id,
            }
            try:
                answer = await self._http.ask("POST", at(conversation_id, "messages"), message)
            except Conflict as error:
                if error.details.get("reason") != "behind":
                    raise
                sent, after_seq = await self._look_for(conversation_id, own_id, after_seq)
                if sent is not None:
                    return sent
            else:
                event: Event = answer["event"]
                # It is not pushed to the connection that was named.
                self._line.tell({"type": "events", "conversation_id": conversation_id, "events": [event]})
                return event

    async def _look_for(self, where: str, own_id: str, after_seq: int) -> tuple[Event | None, int]:
        """The event of one's message behind `after_seq`, if it is there; and where the log ends."""
        more = True
        while more:
            events, more = await self.read(where, after=after_seq, limit=_PAGE)
            for event in events:
                mine = event["type"] == "message.created" and event["actor_id"] == self.user_id
                if mine and event["message"]["client_message_id"] == own_id:
                    return event, after_seq
            after_seq = events[-1]["seq"] if events else after_seq
        return None, after_seq

    async def typing(self, conversation_id: str) -> None:
        """Tell the others that one is writing; say it every few seconds. Lost if there is no connection."""
        await self._line.say({"action": "typing", "conversation_id": conversation_id})
