"""Who blocked whom. Each block is two items, one with each of the two, so that either finds it by one query of their own."""

from __future__ import annotations

from typing import NamedTuple

from imchat.domain.ids import UserId
from imchat.storage.repositories import keys
from imchat.storage.table import Absent, Check, Delete, KeyRange, Op, Put, Table


class Block(NamedTuple):
    """Somebody whom one blocked, and when."""

    user_id: UserId
    blocked_at_ms: int


def exists(table: Table, blocker_id: UserId, blocked_id: UserId) -> bool:
    """Whether the first blocked the second."""
    return table.get(keys.block_by_blocker(blocker_id, blocked_id)) is not None


def blocked_by_user(table: Table, blocker_id: UserId, *, after: UserId | None, limit: int) -> list[Block]:
    """Whom somebody blocked, by id, the first `limit` behind `after`."""
    start = None if after is None else keys.block_by_blocker(blocker_id, after).sk
    rows = table.query(KeyRange(keys.user_pk(blocker_id), prefix=keys.BLOCK_PREFIX, after=start), limit=limit)
    return [Block(UserId(row.sk.removeprefix(keys.BLOCK_PREFIX)), row.item["at_ms"]) for row in rows]


def blockers_of(table: Table, user_id: UserId) -> set[UserId]:
    """Who blocked the person."""
    rows = table.query(KeyRange(keys.user_pk(user_id), prefix=keys.BLOCKED_BY_PREFIX))
    return {UserId(row.sk.removeprefix(keys.BLOCKED_BY_PREFIX)) for row in rows}


def involving(table: Table, user_id: UserId) -> set[UserId]:
    """Whom the person blocked, and who blocked them."""
    rows = table.query(KeyRange(keys.user_pk(user_id), prefix=keys.ANY_BLOCK_PREFIX))
    return {UserId(row.sk.rpartition("#")[2]) for row in rows}


def put(blocker_id: UserId, blocked_id: UserId, *, now_ms: int) -> list[Op]:
    """The ops that block."""
    return [
        Put(keys.block_by_blocker(blocker_id, blocked_id), {"at_ms": now_ms}),
        Put(keys.block_by_blocked(blocked_id, blocker_id), {}),
    ]


def delete(blocker_id: UserId, blocked_id: UserId) -> list[Op]:
    """The ops that take a block back; nothing happens where there is none."""
    return [
        Delete(keys.block_by_blocker(blocker_id, blocked_id)),
        Delete(keys.block_by_blocked(blocked_id, blocker_id)),
    ]


def check_none(one_id: UserId, other_id: UserId) -> list[Op]:
    """The ops that fail where either of the two blocked the other."""
    return [
        Check(keys.block_by_blocker(one_id, other_id), Absent()),
        Check(keys.block_by_blocker(other_id, one_id), Absent()),
    ]
