"""The events of a conversation's log. An event is a typed dict, because it is stored and sent in the same form.

A draft is an event before it gets its `seq`, `at_ms` and `message_count`.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

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
"""The events that change the state of a message."""


_UNCHANGED_MESSAGE_FIELDS: Final = frozenset({"client_message_id", "body"})
"""The fields of a message without reply, mentions or changes."""


class Quote(TypedDict):
    """The part of a quoted message that is shown: its body, cut to `limits.PREVIEW_CHARS`, or when it was deleted."""

    actor_id: UserId
    body: str
    deleted_at_ms: NotRequired[int]
    changed_seq: NotRequired[int]


class Draft(TypedDict, total=False):
    """An event to be appended. `docs/protocol.md` lists the fields of each `type`."""

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
    """An event in the log. `seq` counts 1, 2, 3, … without gaps, `message_count` counts the messages up to this event.

    An event that changes a message is stored with only its `target_seq`, and the message is added when it is read. In the
    same way a reply gets its `quote`. So the log contains all content only once.
    """

    seq: int
    at_ms: int
    message_count: int
    quote: Quote


def assign_seq(draft: Draft, *, seq: int, at_ms: int, messages_before: int) -> Event:
    """Return the event that a draft becomes at position `seq` of the log."""
    stamped: Any = {"seq": seq, "at_ms": at_ms, **draft}
    stamped["message_count"] = messages_before + (draft["type"] == "message.created")
    event: Event = stamped
    return event


def matches_send(event: Event, *, sender_id: UserId, client_message_id: str) -> bool:
    """Return whether an event is this sender's message with this id, so that the send has already succeeded."""
    return (
        event["type"] == "message.created"
        and event["actor_id"] == sender_id
        and event["message"]["client_message_id"] == client_message_id
    )


def quote_of(event: Event) -> Quote:
    """Return the quote that replies show of an event's message."""
    message = event["message"]
    quote: Quote = {"actor_id": event["actor_id"], "body": message["body"][:PREVIEW_CHARS]}
    if "deleted_at_ms" in message:
        quote["deleted_at_ms"] = message["deleted_at_ms"]
    if "changed_seq" in message:
        quote["changed_seq"] = message["changed_seq"]
    return quote


def preview_of(event: Event) -> Event:
    """Return an event as the inbox shows it: with a short body, and without fields that change independently of the text."""
    message = event["message"]
    if (
        message.keys() == _UNCHANGED_MESSAGE_FIELDS and len(message["body"]) <= PREVIEW_CHARS
    ):  # true for most messages
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
