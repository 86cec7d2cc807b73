"""The WebSocket: the ticket for it, presence, and the frames both ways."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imchat.api.schema.base import Answer, ErrorInfo, Query, Request
from imchat.api.schema.conversations import Settings
from imchat.api.schema.events import Event
from imchat.api.schema.fields import Id
from imchat.domain import limits


class Watched(Request):
    """Whose presence to hear of."""

    user_ids: Annotated[list[Id], Field(json_schema_extra={"minItems": 1, "maxItems": limits.WATCHED_MAX})]


class PresenceQuery(Query):
    """Whose presence: ids, separated by commas; without them, everybody's."""

    user_ids: str | None = None


class Presence(Answer):
    """Whether somebody is there; `last_seen_ms` when they were last, where that is known and they are not there now."""

    user_id: str
    online: bool
    last_seen_ms: int | None = None


class PresenceAnswer(Answer):
    """The presence of those members who show it."""

    presence: list[Presence]


class WatchAnswer(PresenceAnswer):
    """The same, and until when frames tell of changes."""

    until_ms: int


class TicketAnswer(Answer):
    """A ticket for one WebSocket connection."""

    ticket: str
    expires_at_ms: int


class PingFrame(Request):
    """Asks for a pong."""

    action: Literal["ping"]


class TypingFrame(Request):
    """I am writing in a conversation."""

    action: Literal["typing"]
    conversation_id: Id


ClientFrame = Annotated[PingFrame | TypingFrame, Field(discriminator="action")]


class EventsFrame(Answer):
    """Events exactly as in the log, in order."""

    type: Literal["events"]
    conversation_id: str
    events: list[Event]


class ReceiptFrame(Answer):
    """A member's cursor moved."""

    type: Literal["receipt"]
    conversation_id: str
    user_id: str
    read_seq: int


class TypingNotice(Answer):
    """A member is writing."""

    type: Literal["typing"]
    conversation_id: str
    user_id: str


class ConversationFrame(Answer):
    """I was added to a conversation, or removed from one."""

    type: Literal["conversation"]
    conversation_id: str
    change: Literal["added", "removed"]


class SettingsFrame(Answer):
    """I changed my settings for a conversation, here or on another device."""

    type: Literal["settings"]
    conversation_id: str
    settings: Settings


class PresenceFrame(Presence):
    """Somebody whom I watch came or went."""

    type: Literal["presence"]


class PongFrame(Answer):
    """The answer to a ping, with the name of the connection that it came over."""

    type: Literal["pong"]
    connection_id: str


class ErrorFrame(Answer):
    """A frame of mine was refused."""

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
