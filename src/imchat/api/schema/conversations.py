"""Conversations, and one's own place in them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imchat.api.schema.base import Answer, Request
from imchat.api.schema.events import MessageCreated
from imchat.api.schema.fields import Description, Id, Title
from imchat.api.schema.users import User
from imchat.domain import limits
from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.member import Role


class NewConversation(Request):
    """Whom to talk to. `direct` takes exactly one other person and no title; both kinds add the asker themselves."""

    kind: Kind
    member_ids: Annotated[list[Id], Field(json_schema_extra={"maxItems": limits.MEMBERS_AT_CREATION - 1})]
    title: Title | None = None


class ConversationChange(Request):
    """What to change of a group; what is left out stays. An empty description takes it away."""

    title: Title | None = None
    description: Description | None = None
    posting: Posting | None = None
    history: History | None = None
    public: bool | None = None


class SettingsChange(Request):
    """What to change of my settings for a conversation; what is left out stays."""

    muted: bool | None = None
    archived: bool | None = None
    pinned: bool | None = None
    marked_unread: bool | None = None


class Member(Answer):
    """A person's place in a conversation."""

    user_id: str
    role: Role
    joined_seq: int
    read_seq: int


class Conversation(Answer):
    """A conversation. `members` is left out of the inbox's groups, and where there are more than 1,000.

    `pinned` are messages by seq, the last one pinned last.
    """

    conversation_id: str
    kind: Kind
    title: str | None
    description: str | None = None
    posting: Posting = "all"
    history: History = "all"
    public: bool = False
    created_at_ms: int
    last_seq: int
    message_count: int
    member_count: int = 0
    pinned: list[int]
    members: list[Member] = Field(default_factory=list)


class Settings(Answer):
    """What I chose for myself of a conversation."""

    muted: bool
    archived: bool
    pinned: bool
    marked_unread: bool


class ConversationEntry(Answer):
    """A conversation as I see it. `last_message`'s body is cut to its first 200 characters; it is left out before the first.

    The log begins for me at `history_from`. `read_count` is the `message_count` of the event at `read_seq`.
    """

    conversation: Conversation
    unread: int
    unread_mentions: int = 0
    read_seq: int
    read_count: int
    history_from: int = 1
    settings: Settings | None = None
    last_message: MessageCreated | None = None


class ConversationsAnswer(Answer):
    """A page of my conversations, and the people they speak of. `next_cursor` is left out on the last page."""

    conversations: list[ConversationEntry]
    users: list[User]
    next_cursor: str | None = None


class ConversationAnswer(ConversationEntry):
    """One conversation with all members, and the people it speaks of."""

    users: list[User]


class SettingsAnswer(Answer):
    """My settings for a conversation."""

    settings: Settings
