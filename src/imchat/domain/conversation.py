"""The head of a conversation: its current state, without the log."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.record import Record, record

Kind: TypeAlias = Literal["direct", "group"]
Posting: TypeAlias = Literal["all", "admins"]
History: TypeAlias = Literal["all", "joined"]


@record
class GroupSettings(Record):
    """The settings of a group, set by its owner and admins.

    `posting`: who may send messages. `history`: whether new members see all messages, or only those since they joined.
    `public`: whether every user can find the group and join it.
    """

    description: str | None = None
    posting: Posting = "all"
    history: History = "all"
    public: bool = False


DEFAULT_SETTINGS: Final = GroupSettings()


@record
class Head(Record):
    """The current state of a conversation.

    `last_seq`, `message_count` and `last_message` are eventually consistent: they may be older than the log, never newer.
    `last_message` is the newest `message.created` event, shortened by `preview_of`. `pinned` are the seqs of the pinned
    messages, in the order in which they were pinned; it is written in one transaction with its events.
    """

    conversation_id: ConversationId
    kind: Kind
    title: str | None
    created_at_ms: int
    last_seq: int
    message_count: int
    last_message: dict[str, Any] | None
    member_count: int = 0
    settings: GroupSettings = DEFAULT_SETTINGS
    pinned: tuple[int, ...] = ()

    def unread(self, user_id: UserId, read_count: int) -> int:
        """Return the number of messages after the first `read_count`. It is 0 for the author of the newest message."""
        if self.last_message is not None and self.last_message["actor_id"] == user_id:
            return 0
        return max(self.message_count - read_count, 0)
