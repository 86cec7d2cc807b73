"""Schemas for WebSocket tickets and frames, and for presence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imchat.api.schema.base import Answer, ErrorInfo, Query, Request
from imchat.api.schema.conversations import Settings
from imchat.api.schema.events import Event
from imchat.api.schema.fields import Id
from imchat.domain import limits


class Watched(Request):
    """The members whose presence to watch."""

    user_ids: Annotated[list[Id], Field(json_schema_extra={"minItems": 1, "maxItems": limits.WATCHED_MAX})]


class PresenceQuery(Query):
    """User ids, separated by commas. Omitted: all members."""

    user_ids: str | None = None


class Presence(Answer):
    """Whether a user is online. `last_seen_ms` is present for users who are offline, if it is known."""

    user_id: str
    online: bool
    last_seen_ms: int | None = None


class PresenceAnswer(Answer):
    """The presence of the members who show it."""

    presence: list[Presence]


class WatchAnswer(PresenceAnswer):
    """The presence of the watched members. `presence` frames report changes until `until_ms`."""

    until_ms: int


class TicketAnswer(Answer):
    """A ticket for one WebSocket connection."""

    ticket: str
    expires_at_ms: int


class PingFrame(Request):
    """Request a pong."""

    action: Literal["ping"]


class TypingFrame(Request):
    """The caller is typing in a conversation."""

    action: Literal["typing"]
    conversation_id: Id


ClientFrame = Annotated[PingFrame | TypingFrame, Field(discriminator="action")]


class EventsFrame(Answer):
    """Events in order, exactly as a read of the log returns them."""

    type: Literal["events"]
    conversation_id: str
    events: list[Event]


class ReceiptFrame(Answer):
    """A member's read cursor moved."""

    type: Literal["receipt"]
    conversation_id: str
    user_id: str
    read_seq: int


class TypingNotice(Answer):
    """A member is typing."""

    type: Literal["typing"]
    conversation_id: str
    user_id: str


class ConversationFrame(Answer):
    """The user was added to a conversation or removed from one."""

    type: Literal["conversation"]
    conversation_id: str
    change: Literal["added", "removed"]


class SettingsFrame(Answer):
    """The user changed their settings for a conversation, on this device or another."""

    type: Literal["settings"]
    conversation_id: str
    settings: Settings


class PresenceFrame(Presence):
    """A watched member went online or offline."""

    type: Literal["presence"]


class PongFrame(Answer):
    """The response to a ping, with the id of its connection."""

    type: Literal["pong"]
    connection_id: str


class ErrorFrame(Answer):
    """A frame from the client caused an error."""

    type: Literal["error"]
    error: ErrorInfo


ServerFrame = Annotated[
    EventsFrame
    | ReceiptFrame
    | TypingNotice
    | ConversationFrame
    | SettingsFrame
    | PresenceFrame
    | PongFrame
    | ErrorFrame,
    Field(discriminator="type"),
]
