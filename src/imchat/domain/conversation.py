"""A conversation's head: what is true of it now, without its log."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, TypeAlias

from imchat.domain.ids import ConversationId, UserId

Kind: TypeAlias = Literal["direct", "group"]
Posting: TypeAlias = Literal["all", "admins"]
History: TypeAlias = Literal["all", "joined"]


class GroupSettings(NamedTuple):
    """What owner and admins decide of a group.

    `posting`: who may send messages. `history`: whether who joins from now on sees the log from its start or from their
    joining. `public`: whether everybody may find it and join.
    """

    description: str | None = None
    posting: Posting = "all"
    history: History = "all"
    public: bool = False


DEFAULT_SETTINGS: Final = GroupSettings()


class Head(NamedTuple):
    """`last_seq`, `message_count` and `last_message` are a hint that heals: they may lag behind the log, never lead it.

    `last_message` is the newest `message.created` event as `preview_of` shows it. `pinned` are messages by seq, in the
    order in which they were pinned; it changes together with its events.
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
        """Messages past the first `read_count`; none for whoever wrote the newest: writing is reading."""
        if self.last_message is not None and self.last_message["actor_id"] == user_id:
            return 0
        return max(self.message_count - read_count, 0)
