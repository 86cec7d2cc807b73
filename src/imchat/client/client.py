"""`Client`: one signed-in user or bot. Receives events and sends messages exactly once; `api.py` has the rest."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from math import inf
from typing import Final, Self, cast

import urllib3

from imchat.client import accounts
from imchat.client.accounts import SignUp
from imchat.client.api import Api, conversation_path
from imchat.client.event_feed import EventFeed, EventInConversation
from imchat.client.event_stream import EventStream, EventStreamSlot
from imchat.client.http import HttpClient
from imchat.client.protocol import Event, Frame, MessageCreated
from imchat.client.send_positions import SendPositions
from imchat.client.session import Session, fetch_site_config
from imchat.client.sign_in import CodeSource, Credentials
from imchat.client.two_step import TwoStep, TwoStepSetup
from imchat.client.websocket import CONNECTED, Connection
from imchat.errors import Conflict, ImchatError, NotFound

_PAGE_SIZE: Final = 200


class Client(Api):
    """A signed-in user. Created by `sign_in`; `user_id` is the id of the user."""

    _two_step: TwoStep

    def __init__(self, http: HttpClient, connection: Connection, user_id: str) -> None:
        super().__init__(http, user_id)
        self._connection = connection
        self._feed = EventFeed()
        self._stream_slot = EventStreamSlot()
        self._send_positions = SendPositions()

    # -- accounts --

    @classmethod
    async def sign_up(cls, url: str, email: str, password: str) -> SignUp:
        """Create an account at the site at `url`. Call `confirm_sign_up` next unless the result is `confirmed`.

        Not retried: a retry could report the account that the first attempt created.
        Raises: Conflict if the address has an account (`details["reason"]` is "taken"); Invalid for an address or a password
        that is not allowed; Forbidden if people cannot sign up at this site; RateLimited, Busy, ConfigError.
        """
        return await accounts.sign_up(url, email, password)

    @classmethod
    async def confirm_sign_up(cls, url: str, email: str, code: str) -> None:
        """Confirm a new account with the code that the site sent to its address.

        Raises: Invalid if the code is wrong or has expired, or if the account needs none (`details["field"]` is "code"); on AWS,
        Conflict if the account is confirmed already (`details["reason"]` is "confirmed"); RateLimited, Busy, ConfigError.
        """
        await accounts.confirm_sign_up(url, email, code)

    @classmethod
    async def resend_code(cls, url: str, email: str) -> str:
        """Send another confirmation code, which replaces the earlier one. Returns the masked address it was sent to.

        For an unknown address, and with `imchat local` for a confirmed account, the result looks the same and nothing is sent.
        Raises: on AWS, Conflict if the account is confirmed already; RateLimited, Busy, ConfigError.
        """
        return await accounts.resend_code(url, email)

    @classmethod
    @asynccontextmanager
    async def sign_in(
        cls,
        url: str,
        email: str,
        password: str,
        *,
        new_password: str | None = None,
        code: CodeSource | None = None,
    ) -> AsyncIterator[Self]:
        """Sign in to the site at `url`, and sign out at the end of the block.

        `new_password` replaces a temporary password; it is not used for any other. `code` is used only if the account has
        two-step sign-in: the code that its authenticator app shows, or an async function that returns it. The function is
        called with None, and again with the error of a refused code, up to three times; a code can be used once.
        Raises: CodeRequired without `code`, other Unauthenticated, Invalid if `new_password` or `code` is refused
        (`details["field"]` names it), RateLimited, Busy, ConfigError.
        """
        with urllib3.PoolManager(maxsize=16) as pool:
            site = await fetch_site_config(pool, url)
            session = await Session.sign_in(pool, site, Credentials(email, password, new_password, code))
            http = HttpClient(pool, site.api_url, lambda new: session.access_token(new=new))

            async def ticket() -> str:
                return str((await http.request("POST", "/realtime/tickets"))["ticket"])

            try:
                me = await http.request("GET", "/me")
                connection = Connection(site.ws_url, ticket, session.access_token)
                client = cls(http, connection, me["user"]["user_id"])
                client._two_step = TwoStep(session, url, email)
                async for entry in client.inbox():
                    conversation = entry["conversation"]
                    client._feed.follow(conversation["conversation_id"], conversation["last_seq"])
                yield client
            finally:
                with suppress(ImchatError):  # the connections and tickets expire anyway
                    await http.request("POST", "/me/sign-out", max_attempts=1)
                with suppress(ImchatError):  # as above
                    await session.end()

    async def two_step_is_on(self) -> bool:
        """Return whether signing in requires a code of an authenticator app."""
        return await self._two_step.is_on()

    async def set_up_two_step(self) -> TwoStepSetup:
        """Return a new secret for an authenticator app. Call `turn_on_two_step` next; until then nothing changes."""
        return await self._two_step.set_up()

    async def turn_on_two_step(self, code: str) -> None:
        """Require a code at each sign-in from now on. `code` is the one that the app shows; it replaces an earlier app.

        Raises: Invalid if the code is wrong; Conflict if `set_up_two_step` was not called in the last hour.
        """
        await self._two_step.turn_on(code)

    async def turn_off_two_step(self) -> None:
        """Require no code at sign-in from now on."""
        await self._two_step.turn_off()

    # -- receiving --

    def events(self) -> EventStream[EventInConversation]:
        """Iterate over the events of all your conversations since sign-in, each once and in order, across reconnects.

        Your own events are included. The first event of a conversation you are added to is the one that adds you.
        After leaving the loop, call it again to continue where it stopped. One loop at a time: a second one raises Conflict.
        Raises: SessionEnded if the server ended the sign-in.
        """
        return EventStream(self._stream_slot, self._events())

    def frames(self) -> EventStream[EventInConversation | Frame]:
        """Iterate over the same events as `events`, and the other frames: `typing`, `receipt`, `presence`, …"""
        return EventStream(self._stream_slot, self._frames())

    async def _events(self) -> AsyncGenerator[EventInConversation]:
        async with aclosing(self._frames()) as frames:
            async for found in frames:
                if isinstance(found, EventInConversation):
                    yield found

    async def _frames(self) -> AsyncGenerator[EventInConversation | Frame]:
        async with aclosing(self._connection.frames()) as frames:
            async for frame in frames:
                if frame is CONNECTED:
                    async for event in self._catch_up():
                        yield event
                elif frame["type"] == "events":
                    async for event in self._receive(frame["conversation_id"], frame["events"]):
                        yield event
                else:
                    if frame["type"] == "conversation" and frame["change"] == "added":
                        async for event in self._begin(frame["conversation_id"]):
                            yield event
                    yield cast("Frame", frame)

    async def _catch_up(self) -> AsyncIterator[EventInConversation]:
        in_inbox = set()
        async for entry in self._pages("/conversations", "conversations", inf):
            conversation = entry["conversation"]
            conversation_id, last = conversation["conversation_id"], conversation["last_seq"]
            in_inbox.add(conversation_id)
            if conversation_id not in self._feed:
                self._feed.follow(conversation_id, await self._seq_before_join(conversation_id))
            if self._feed.last_seq(conversation_id) != last:
                async for event in self._read_newer(conversation_id):
                    yield event
        # Conversations that the user left while disconnected. Each is checked: the inbox may lag behind a new membership.
        for conversation_id in self._feed.followed_except(in_inbox):
            async for event in self._read_newer(conversation_id):
                yield event

    async def _begin(self, conversation_id: str) -> AsyncIterator[EventInConversation]:
        """Read the first events of a conversation that the user was added to, before anyone writes there."""
        if conversation_id not in self._feed:
            self._feed.follow(conversation_id, await self._seq_before_join(conversation_id))
            async for found in self._read_newer(conversation_id):
                yield found

    async def _receive(
        self, conversation_id: str, events: Sequence[Event]
    ) -> AsyncIterator[EventInConversation]:
        if conversation_id not in self._feed:
            self._feed.follow(conversation_id, await self._seq_before_join(conversation_id))
        newest: Event | None = None
        for found in self._feed.accept(conversation_id, events):
            newest = found.event
            yield found
        if self._feed.has_gap_before(conversation_id, events):
            async for found in self._read_newer(conversation_id):
                yield found
        elif newest is not None and self._removes_me(newest):
            self._feed.unfollow(conversation_id)

    def _removes_me(self, event: Event) -> bool:
        """Return whether the event removes this user. Only for the newest event: later ones may add the user again."""
        return event["type"] == "member.removed" and event["user_id"] == self.user_id

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
            for event in self._feed.accept(conversation_id, page["events"]):
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
        after_seq: int | None = None,
    ) -> MessageCreated:
        """Send a message exactly once, with retries. Returns its event.

        A call with the same `client_message_id` does not send it again: neither by this client, nor by a later one if at
        most 50 events followed it. For more, keep `after_seq` with the id: the newest `seq` known before the first attempt.
        """
        message_id = client_message_id or uuid.uuid4().hex
        if after_seq is None:
            newest_seq = await self._newest_known_seq(conversation_id)
            # An id of our own is new: no earlier attempt of it can be stored yet.
            after_seq = (
                newest_seq
                if client_message_id is None
                else self._send_positions.first_attempt(conversation_id, client_message_id, newest_seq)
            )
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
                event: MessageCreated = response["event"]
                self._send_positions.note(conversation_id, event["seq"])
                # The server does not push it to the connection named in the request.
                self._connection.inject(conversation_id, event)
                return event

    async def _newest_known_seq(self, conversation_id: str) -> int:
        """Return the newest `seq` that this client knows of: delivered, or of its own message."""
        known = [self._feed.last_seq(conversation_id), self._send_positions.newest(conversation_id)]
        newest = max((seq for seq in known if seq is not None), default=None)
        if newest is None:
            events, _ = await self.read_events(conversation_id, limit=1)
            newest = events[-1]["seq"]
        return newest

    async def _find_sent(
        self, conversation_id: str, message_id: str, after_seq: int
    ) -> tuple[MessageCreated | None, int]:
        """Return the event of your message after `after_seq`, if stored, and the last `seq` of the log."""
        more = True
        while more:
            events, more = await self.read_events(conversation_id, after=after_seq, limit=_PAGE_SIZE)
            for event in events:
                if event["type"] == "message.created" and event["actor_id"] == self.user_id:  # noqa: SIM102 - narrows the type
                    if event["message"]["client_message_id"] == message_id:
                        return event, after_seq
            after_seq = events[-1]["seq"] if events else after_seq
        return None, after_seq

    async def typing(self, conversation_id: str) -> None:
        """Show the others that you are typing; repeat every few seconds. Does nothing without a connection."""
        await self._connection.send({"action": "typing", "conversation_id": conversation_id})
