"""A person's place in a conversation, and what each role may do."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from imchat.domain.ids import UserId

Role: TypeAlias = Literal["owner", "admin", "member"]
_RANK: Final[dict[Role, int]] = {"member": 0, "admin": 1, "owner": 2}


class Member(NamedTuple):
    """`read_seq` is the newest event the person has seen, `read_count` how many messages lie up to it."""

    user_id: UserId
    role: Role
    joined_seq: int
    read_seq: int
    read_count: int

    @property
    def may_manage(self) -> bool:
        """Whether the person may rename the group, add people, and remove those below them."""
        return _RANK[self.role] >= _RANK["admin"]

    def outranks(self, other: Member) -> bool:
        """Whether the person's role is above the other's."""
        return _RANK[self.role] > _RANK[other.role]
