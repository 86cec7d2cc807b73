"""The log: messages as they are now, and the events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imchat.api.schema.base import Answer
from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.member import Role


class Reaction(Answer):
    """An emoji under a message: how many people chose it, and the first 20 of them."""

    emoji: str
    count: int
    user_ids: list[str]


class Message(Answer):
    """A message's current state; what does not apply is left out.

    `reply_to` is the seq of the quoted message, `mentions` leads from handles in the body to members, `changed_seq` is the
    event that changed it last. A deleted message has an empty body and `deleted_at_ms`.
    """

    client_message_id: str
    body: str
    reply_to: int | None = None
    mentions: dict[str, str] | None = None
    reactions: list[Reaction] | None = None
    edited_at_ms: int | None = None
    deleted_at_ms: int | None = None
    changed_seq: int | None = None


class Quote(Answer):
    """The quoted message as it is now, its body cut to 200 characters; empty, with `deleted_at_ms`, once it is deleted."""

    actor_id: str
    body: str
    deleted_at_ms: int | None = None
    changed_seq: int | None = None


class _Event(Answer):
    seq: int
    at_ms: int
    actor_id: str
    message_count: int


class ConversationCreated(_Event):
    """Always seq 1: who made it, with whom."""

    type: Literal["conversation.created"]
    kind: Kind
    title: str | None
    member_ids: list[str]


class ConversationUpdated(_Event):
    """The group's title as it is now, and those of its settings that changed."""

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
    """`actor_id` removed `user_id`; the same person twice: they left."""

    type: Literal["member.removed"]
    user_id: str


class MemberRoleChanged(_Event):
    """`actor_id` gave `user_id` a role."""

    type: Literal["member.role_changed"]
    user_id: str
    role: Role


class MessageCreated(_Event):
    """A message. `quote` comes with a reply."""

    type: Literal["message.created"]
    message: Message
    quote: Quote | None = None


class _MessageChanged(_Event):
    target_seq: int
    message: Message | None = None


class MessageEdited(_MessageChanged):
    """`actor_id` gave the message of event `target_seq` another text; `message` is its current state.

    It is left out, as everywhere, where that lies before the reader's `history_from`.
    """

    type: Literal["message.edited"]


class MessageDeleted(_MessageChanged):
    """`actor_id` deleted the message of event `target_seq`; its pin is gone, too."""

    type: Literal["message.deleted"]


class MessagePinned(_MessageChanged):
    """`actor_id` pinned the message of event `target_seq`."""

    type: Literal["message.pinned"]


class MessageUnpinned(_MessageChanged):
    """`actor_id` took the pin of event `target_seq`'s message away."""

    type: Literal["message.unpinned"]


class ReactionAdded(_MessageChanged):
    """`actor_id` reacts to the message of event `target_seq`."""

    type: Literal["reaction.added"]
    emoji: str


class ReactionRemoved(_MessageChanged):
    """`actor_id` took a reaction to the message of event `target_seq` back."""

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
