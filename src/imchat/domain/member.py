"""Membership of a conversation, and the permissions of each role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, get_args

from imchat.domain.ids import UserId
from imchat.domain.record import Record, record

Role: TypeAlias = Literal["owner", "admin", "member"]
Setting: TypeAlias = Literal["muted", "archived", "pinned", "marked_unread"]
SETTINGS: Final[tuple[Setting, ...]] = get_args(Setting)
_RANK: Final[dict[Role, int]] = {"member": 0, "admin": 1, "owner": 2}


@record
class Member(Record):
    """A member of a conversation.

    `read_seq` is the newest event the member has seen, `read_count` the number of messages up to it. They can read the
    log from `history_from` on. `settings` are the settings they turned on for themselves. `mentions` are the seqs of
    messages that mention them, ascending, and complete after `read_seq` up to `limits.MENTIONS_KEPT`.
    `blocks`: in a direct conversation, they blocked the other user. `suspended`: an administrator suspended them.
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
        """The number of messages after the read cursor that mention the member."""
        return sum(seq > self.read_seq for seq in self.mentions)

    def settings_by_name(self) -> dict[Setting, bool]:
        """Return each setting, and whether it is on."""
        return {name: name in self.settings for name in SETTINGS}

    @property
    def may_manage(self) -> bool:
        """Whether the member may rename the group, add members, and remove members with a lower role."""
        return _RANK[self.role] >= _RANK["admin"]

    def outranks(self, other: Member) -> bool:
        """Return whether the member's role is higher than the other's."""
        return _RANK[self.role] > _RANK[other.role]
