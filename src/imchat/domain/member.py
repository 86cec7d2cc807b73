"""A person's place in a conversation, and what each role may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from imchat.domain.ids import UserId

Role: TypeAlias = Literal["owner", "admin", "member"]
Setting: TypeAlias = Literal["muted", "archived", "pinned", "marked_unread"]
SETTINGS: Final[tuple[Setting, ...]] = get_args(Setting)
_RANK: Final[dict[Role, int]] = {"member": 0, "admin": 1, "owner": 2}


class Member(NamedTuple):
    """`read_seq` is the newest event the person has seen, `read_count` how many messages lie up to it.

    Of the log they see what lies from `history_from` on. `settings` holds what they chose for themselves; `mentions` the
    seqs of messages that name them, ascending, none missing that lies past `read_seq`, except in the longest rows.
    `blocks` says, in a direct conversation, that they blocked the other, `suspended` that an administrator keeps them out.
    """

    user_id: UserId
    role: Role
    joined_seq: int
    read_seq: int
    read_count: int
    history_from: int = 1
    settings: Sequence[Setting] = ()
    mentions: Sequence[int] = ()
    blocks: bool = False
    suspended: bool = False

    @property
    def unread_mentions(self) -> int:
        """How many messages past the read cursor name the person."""
        return sum(seq > self.read_seq for seq in self.mentions)

    def settings_by_name(self) -> dict[Setting, bool]:
        """Each setting, and whether the person chose it."""
        return {name: name in self.settings for name in SETTINGS}

    @property
    def may_manage(self) -> bool:
        """Whether the person may rename the group, add people, and remove those below them."""
        return _RANK[self.role] >= _RANK["admin"]

    def outranks(self, other: Member) -> bool:
        """Whether the person's role is above the other's."""
        return _RANK[self.role] > _RANK[other.role]
