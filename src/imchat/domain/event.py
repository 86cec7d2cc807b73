"""The events of a conversation's log. What lies in the log is what the wire carries, so an event is a typed dict.

A draft is an event before the log gave it `seq`, `at_ms` and `message_count`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, TypedDict

from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.ids import UserId
from imchat.domain.member import Role

EventType: TypeAlias = Literal[
    "conversation.created",
    "conversation.updated",
    "member.added",
    "member.removed",
    "member.role_changed",
    "message.created",
]


class Message(TypedDict):
    """A message's current state. `body` is kept as it came, byte for byte."""

    client_message_id: str
    body: str


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


class Event(Draft, total=False):
    """A draft that has its place: `seq` counts 1, 2, 3, … without a gap, `message_count` the messages up to here."""

    seq: int
    at_ms: int
    message_count: int


def place(draft: Draft, *, seq: int, at_ms: int, messages_before: int) -> Event:
    """The event that `draft` becomes at `seq`."""
    placed: Any = {"seq": seq, "at_ms": at_ms, **draft}
    placed["message_count"] = messages_before + (draft["type"] == "message.created")
    event: Event = placed
    return event


def is_attempt_of(event: Event, *, sender_id: UserId, client_message_id: str) -> bool:
    """Whether `event` is that sender's message of that id: the send happened already."""
    return (
        event["type"] == "message.created"
        and event["actor_id"] == sender_id
        and event["message"]["client_message_id"] == client_message_id
    )
