"""Schemas for conversations and a member's own settings for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imchat.api.schema.base import Request, ResponseModel
from imchat.api.schema.events import MessageCreated
from imchat.api.schema.fields import Description, Id, Title
from imchat.api.schema.users import User
from imchat.domain import limits
from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.member import Role


class NewConversation(Request):
    """A new conversation. `direct` takes exactly one other user and no title. The caller is always added as a member."""

    kind: Kind
    member_ids: Annotated[list[Id], Field(json_schema_extra={"maxItems": limits.MEMBERS_AT_CREATION - 1})]
    title: Title | None = None


class ConversationChange(Request):
    """Changes to a group. Omitted fields keep their values; an empty description removes it."""

    title: Title | None = None
    description: Description | None = None
    posting: Posting | None = None
    history: History | None = None
    public: bool | None = None


class SettingsChange(Request):
    """Changes to the caller's settings for a conversation. Omitted fields keep their values."""

    muted: bool | None = None
    archived: bool | None = None
    pinned: bool | None = None
    marked_unread: bool | None = None


class Member(ResponseModel):
    """A member of a conversation: their role, the event that added them and how far they have read."""

    user_id: str
    role: Role
    joined_seq: int
    read_seq: int


class Conversation(ResponseModel):
    """A conversation. `members` is omitted for groups in the inbox, and for groups with more than 1,000 members.

    `pinned` lists the seqs of the pinned messages in the order in which they were pinned.
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


class Settings(ResponseModel):
    """The caller's own settings for a conversation."""

    muted: bool
    archived: bool
    pinned: bool
    marked_unread: bool


class ConversationEntry(ResponseModel):
    """A conversation, as shown to the caller. `last_message` has the first 200 characters of its body, and is omitted before
    the first message.

    `history_from` is the first event that the caller can read. `read_count` is the `message_count` of the event at `read_seq`.
    """

    conversation: Conversation
    unread: int
    unread_mentions: int = 0
    read_seq: int
    read_count: int
    history_from: int = 1
    settings: Settings | None = None
    last_message: MessageCreated | None = None


class ConversationsResponse(ResponseModel):
    """A page of the inbox, with the profiles of the users who appear in it. `next_cursor` is omitted on the last page."""

    conversations: list[ConversationEntry]
    users: list[User]
    next_cursor: str | None = None


class ConversationResponse(ConversationEntry):
    """A conversation with its members, and the profiles of the users who appear in it."""

    users: list[User]


class SettingsResponse(ResponseModel):
    """The caller's settings for a conversation."""

    settings: Settings
