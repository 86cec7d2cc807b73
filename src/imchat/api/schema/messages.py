"""Schemas for sending, changing and reading messages, and for the read cursor."""

from __future__ import annotations

from imchat.api.schema.base import Query, Request, ResponseModel
from imchat.api.schema.events import Event, Message, MessageCreated
from imchat.api.schema.fields import Body, ClientMessageId, Cursor, QueryCursor, QueryLimit, Seq
from imchat.domain import limits


class NewMessage(Request):
    """A message to send. Repeat it unchanged when you retry, including `after_seq`, the newest seq known at the first attempt.

    `reply_to` is the seq of a message to quote. `connection_id`, from a pong, is the sender's own connection, to which the
    event is not pushed; it may differ between attempts. Any other text has no effect.
    """

    client_message_id: ClientMessageId
    body: Body
    after_seq: Cursor | None = None
    reply_to: Seq | None = None
    connection_id: str | None = None


class MessageChange(Request):
    """The new body of a message."""

    body: Body


class ReadCursor(Request):
    """The newest event that the caller has seen."""

    seq: Seq


class EventsQuery(Query):
    """Which events to return: those after `after`, those before `before`, those around `around`, or the newest."""

    after: QueryCursor | None = None
    before: QueryCursor | None = None
    around: QueryCursor | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT


class EventResponse(ResponseModel):
    """One event."""

    event: Event


class ChangeResponse(ResponseModel):
    """The current state of a message, and the event of this change; omitted if nothing changed."""

    message: Message
    event: Event | None = None


class PinsResponse(ResponseModel):
    """The pinned messages in the order in which they were pinned."""

    events: list[MessageCreated]


class EventsResponse(ResponseModel):
    """Events in ascending order. `has_more` is true if there are more in the requested direction.

    A page `around` an event says in `has_before` and `has_after` on which side there are more.
    """

    events: list[Event]
    has_more: bool
    has_before: bool | None = None
    has_after: bool | None = None


class ReadResponse(ResponseModel):
    """The caller's read cursor, how many messages are up to it and after it, and how many unread ones mention the caller."""

    read_seq: int
    read_count: int
    unread: int
    unread_mentions: int = 0
