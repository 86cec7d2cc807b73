"""Schemas for WebSocket tickets and frames, and for presence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imchat.api.schema.base import ErrorInfo, Query, Request, ResponseModel
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


class Presence(ResponseModel):
    """Whether a user is online. `last_seen_ms` is present for users who are offline, if it is known."""

    user_id: str
    online: bool
    last_seen_ms: int | None = None


class PresenceResponse(ResponseModel):
    """The presence of the members who show it."""

    presence: list[Presence]


class WatchResponse(PresenceResponse):
    """The presence of the watched members. `presence` frames report changes until `until_ms`."""

    until_ms: int


class TicketResponse(ResponseModel):
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


class EventsFrame(ResponseModel):
    """Events in order, exactly as a read of the log returns them."""

    type: Literal["events"]
    conversation_id: str
    events: list[Event]


class ReceiptFrame(ResponseModel):
    """A member's read cursor moved."""

    type: Literal["receipt"]
    conversation_id: str
    user_id: str
    read_seq: int


class TypingNotice(ResponseModel):
    """A member is typing."""

    type: Literal["typing"]
    conversation_id: str
    user_id: str


class ConversationFrame(ResponseModel):
    """The user was added to a conversation or removed from one."""

    type: Literal["conversation"]
    conversation_id: str
    change: Literal["added", "removed"]


class SettingsFrame(ResponseModel):
    """The user changed their settings for a conversation, on this device or another."""

    type: Literal["settings"]
    conversation_id: str
    settings: Settings


class PresenceFrame(Presence):
    """A watched member went online or offline."""

    type: Literal["presence"]


class PongFrame(ResponseModel):
    """The response to a ping, with the id of its connection."""

    type: Literal["pong"]
    connection_id: str


class ErrorFrame(ResponseModel):
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
