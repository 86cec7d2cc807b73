"""Sending and changing messages, reading the log, and how far one has read."""

from __future__ import annotations

from imchat.api.schema.base import Answer, Query, Request
from imchat.api.schema.events import Event, Message, MessageCreated
from imchat.api.schema.fields import Body, ClientMessageId, Cursor, QueryCursor, QueryLimit, Seq
from imchat.domain import limits


class NewMessage(Request):
    """A message. Retries repeat it unchanged, `after_seq` (the newest seq known at the first try) included.

    `reply_to` is the seq of a message to quote. `connection_id`, as a pong told it, is the sender's own connection at this
    try, to which the event is not pushed; any other text changes nothing.
    """

    client_message_id: ClientMessageId
    body: Body
    after_seq: Cursor | None = None
    reply_to: Seq | None = None
    connection_id: str | None = None


class MessageChange(Request):
    """A message's new text."""

    body: Body


class ReadCursor(Request):
    """The newest event that was seen."""

    seq: Seq


class EventsQuery(Query):
    """Which part of the log: behind `after`, ahead of `before`, or the newest."""

    after: QueryCursor | None = None
    before: QueryCursor | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT


class EventAnswer(Answer):
    """One event."""

    event: Event


class ChangeAnswer(Answer):
    """A message as it is now, and the event that made it so; left out where it was so already."""

    message: Message
    event: Event | None = None


class PinsAnswer(Answer):
    """The pinned messages, the last one pinned last."""

    events: list[MessageCreated]


class EventsAnswer(Answer):
    """Events, ascending; `has_more` says whether the log goes on in the direction asked for."""

    events: list[Event]
    has_more: bool


class ReadAnswer(Answer):
    """Where my cursor stands, how many messages lie up to it and past it, and how many of those past it mention me."""

    read_seq: int
    read_count: int
    unread: int
    unread_mentions: int = 0
