"""Schemas for events, and for messages in their current state."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imchat.api.schema.base import ResponseModel
from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.member import Role


class Reaction(ResponseModel):
    """The reactions to a message with one emoji: their count, and the first 20 users."""

    emoji: str
    count: int
    user_ids: list[str]


class Message(ResponseModel):
    """The current state of a message. Fields that do not apply are omitted.

    `reply_to` is the seq of the quoted message, `mentions` maps handles in the body to user ids, `changed_seq` is the event
    that last changed the message. A deleted message has an empty body and `deleted_at_ms`.
    """

    client_message_id: str
    body: str
    reply_to: int | None = None
    mentions: dict[str, str] | None = None
    reactions: list[Reaction] | None = None
    edited_at_ms: int | None = None
    deleted_at_ms: int | None = None
    changed_seq: int | None = None


class Quote(ResponseModel):
    """The current state of a quoted message, with the first 200 characters of its body.

    A deleted message has an empty body and `deleted_at_ms`.
    """

    actor_id: str
    body: str
    deleted_at_ms: int | None = None
    changed_seq: int | None = None


class _Event(ResponseModel):
    seq: int
    at_ms: int
    actor_id: str
    message_count: int


class ConversationCreated(_Event):
    """The conversation was created by `actor_id` with these members. Always seq 1."""

    type: Literal["conversation.created"]
    kind: Kind
    title: str | None
    member_ids: list[str]


class ConversationUpdated(_Event):
    """The group was changed: its current title, and the settings that changed."""

    type: Literal["conversation.updated"]
    title: str | None
    description: str | None = None
    posting: Posting | None = None
    history: History | None = None
    public: bool | None = None


class MemberAdded(_Event):
    """`actor_id` added `user_id`."""

    type: Literal["member.added"]
    user_id: str
    role: Role


class MemberRemoved(_Event):
    """`actor_id` removed `user_id`. If both are the same user, they left."""

    type: Literal["member.removed"]
    user_id: str


class MemberRoleChanged(_Event):
    """`actor_id` changed the role of `user_id`."""

    type: Literal["member.role_changed"]
    user_id: str
    role: Role


class MessageCreated(_Event):
    """A message was sent. `quote` is present for a reply."""

    type: Literal["message.created"]
    message: Message
    quote: Quote | None = None


class _MessageChanged(_Event):
    target_seq: int
    message: Message | None = None


class MessageEdited(_MessageChanged):
    """`actor_id` edited the message of event `target_seq`. `message` is its current state.

    As in every event, `message` is omitted if `target_seq` is before the reader's `history_from`.
    """

    type: Literal["message.edited"]


class MessageDeleted(_MessageChanged):
    """`actor_id` deleted the message of event `target_seq`. This also unpins it."""

    type: Literal["message.deleted"]


class MessagePinned(_MessageChanged):
    """`actor_id` pinned the message of event `target_seq`."""

    type: Literal["message.pinned"]


class MessageUnpinned(_MessageChanged):
    """`actor_id` unpinned the message of event `target_seq`."""

    type: Literal["message.unpinned"]


class ReactionAdded(_MessageChanged):
    """`actor_id` added a reaction to the message of event `target_seq`."""

    type: Literal["reaction.added"]
    emoji: str


class ReactionRemoved(_MessageChanged):
    """`actor_id` removed a reaction from the message of event `target_seq`."""

    type: Literal["reaction.removed"]
    emoji: str


Event = Annotated[
    ConversationCreated
    | ConversationUpdated
    | MemberAdded
    | MemberRemoved
    | MemberRoleChanged
    | MessageCreated
    | MessageEdited
    | MessageDeleted
    | MessagePinned
    | MessageUnpinned
    | ReactionAdded
    | ReactionRemoved,
    Field(discriminator="type"),
]
