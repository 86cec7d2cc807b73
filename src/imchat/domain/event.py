"""The events of a conversation's log. What lies in the log is what the wire carries, so an event is a typed dict.

A draft is an event before the log gave it `seq`, `at_ms` and `message_count`.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired, TypeAlias, TypedDict

from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.ids import UserId
from imchat.domain.limits import PREVIEW_CHARS
from imchat.domain.member import Role
from imchat.domain.message import Message

EventType: TypeAlias = Literal[
    "conversation.created",
    "conversation.updated",
    "member.added",
    "member.removed",
    "member.role_changed",
    "message.created",
    "message.edited",
    "message.deleted",
    "message.pinned",
    "message.unpinned",
    "reaction.added",
    "reaction.removed",
]


MESSAGE_CHANGES: Final[frozenset[EventType]] = frozenset(
    {"message.edited", "message.deleted", "reaction.added", "reaction.removed"}
)
"""The events that give a message another state."""


_UNCHANGED_MESSAGE_FIELDS: Final = frozenset({"client_message_id", "body"})
"""What a message has that nothing has happened to."""


class Quote(TypedDict):
    """Enough of a quoted message to show it: its body cut to `limits.PREVIEW_CHARS`, or that it was deleted."""

    actor_id: UserId
    body: str
    deleted_at_ms: NotRequired[int]
    changed_seq: NotRequired[int]


class Draft(TypedDict, total=False):
    """What an actor wants appended. Which fields go with which `type` is in `docs/protocol.md`."""

    type: EventType
    actor_id: UserId
    kind: Kind
    title: str | None
    description: str | None
    posting: Posting
    history: History
    public: bool
    member_ids: list[UserId]
    user_id: UserId
    role: Role
    message: Message
    target_seq: int
    emoji: str


class Event(Draft, total=False):
    """A draft that has its place: `seq` counts 1, 2, 3, … without a gap, `message_count` the messages up to here.

    An event that changes a message is stored with its `target_seq` and shown with that message; a reply is shown with its
    `quote`. So content stands in the log once.
    """

    seq: int
    at_ms: int
    message_count: int
    quote: Quote


def assign_seq(draft: Draft, *, seq: int, at_ms: int, messages_before: int) -> Event:
    """The event that `draft` becomes at `seq`."""
    placed: Any = {"seq": seq, "at_ms": at_ms, **draft}
    placed["message_count"] = messages_before + (draft["type"] == "message.created")
    event: Event = placed
    return event


def matches_send(event: Event, *, sender_id: UserId, client_message_id: str) -> bool:
    """Whether `event` is that sender's message of that id: the send happened already."""
    return (
        event["type"] == "message.created"
        and event["actor_id"] == sender_id
        and event["message"]["client_message_id"] == client_message_id
    )


def quote_of(event: Event) -> Quote:
    """How a reply shows the message of `event`."""
    message = event["message"]
    quote: Quote = {"actor_id": event["actor_id"], "body": message["body"][:PREVIEW_CHARS]}
    if "deleted_at_ms" in message:
        quote["deleted_at_ms"] = message["deleted_at_ms"]
    if "changed_seq" in message:
        quote["changed_seq"] = message["changed_seq"]
    return quote


def preview_of(event: Event) -> Event:
    """How the inbox shows the message of `event`: a short body, and nothing that changes without the text."""
    message = event["message"]
    if message.keys() == _UNCHANGED_MESSAGE_FIELDS and len(message["body"]) <= PREVIEW_CHARS:  # as most are
        return event
    short: Message = {
        "client_message_id": message["client_message_id"],
        "body": message["body"][:PREVIEW_CHARS],
    }
    if "edited_at_ms" in message:
        short["edited_at_ms"] = message["edited_at_ms"]
    if "deleted_at_ms" in message:
        short["deleted_at_ms"] = message["deleted_at_ms"]
    preview: Event = {**event, "message": short}
    preview.pop("quote", None)
    return preview
