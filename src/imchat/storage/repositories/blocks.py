"""Blocks between users. Each block is two items, one per user, so that one query finds all blocks of either user."""

from __future__ import annotations

from imchat.domain.ids import UserId
from imchat.domain.record import Record, record
from imchat.storage.repositories import keys
from imchat.storage.table import Absent, Check, Delete, KeyRange, Op, Put, Table


@record
class Block(Record):
    """A blocked user, and when they were blocked."""

    user_id: UserId
    blocked_at_ms: int


def exists(table: Table, blocker_id: UserId, blocked_id: UserId) -> bool:
    """Return whether the first user blocked the second."""
    return table.get(keys.block_by_blocker(blocker_id, blocked_id)) is not None


def blocked_by_user(table: Table, blocker_id: UserId, *, after: UserId | None, limit: int) -> list[Block]:
    """Return the users that a user blocked: the first `limit` after the id `after`."""
    start = None if after is None else keys.block_by_blocker(blocker_id, after).sk
    rows = table.query(KeyRange(keys.user_pk(blocker_id), prefix=keys.BLOCK_PREFIX, after=start), limit=limit)
    return [Block(UserId(row.sk.removeprefix(keys.BLOCK_PREFIX)), row.item["at_ms"]) for row in rows]


def blockers_of(table: Table, user_id: UserId) -> set[UserId]:
    """Return the users who blocked this user."""
    rows = table.query(KeyRange(keys.user_pk(user_id), prefix=keys.BLOCKED_BY_PREFIX))
    return {UserId(row.sk.removeprefix(keys.BLOCKED_BY_PREFIX)) for row in rows}


def involving(table: Table, user_id: UserId) -> set[UserId]:
    """Return the users that this user blocked or was blocked by."""
    rows = table.query(KeyRange(keys.user_pk(user_id), prefix=keys.ANY_BLOCK_PREFIX))
    return {UserId(row.sk.rpartition("#")[2]) for row in rows}


def put(blocker_id: UserId, blocked_id: UserId, *, now_ms: int) -> list[Op]:
    """Return the ops that block a user."""
    return [
        Put(keys.block_by_blocker(blocker_id, blocked_id), {"at_ms": now_ms}),
        Put(keys.block_by_blocked(blocked_id, blocker_id), {}),
    ]


def delete(blocker_id: UserId, blocked_id: UserId) -> list[Op]:
    """Return the ops that remove a block. They do nothing if it does not exist."""
    return [
        Delete(keys.block_by_blocker(blocker_id, blocked_id)),
        Delete(keys.block_by_blocked(blocked_id, blocker_id)),
    ]


def check_none(one_id: UserId, other_id: UserId) -> list[Op]:
    """Return the ops that fail if either user blocked the other."""
    return [
        Check(keys.block_by_blocker(one_id, other_id), Absent()),
        Check(keys.block_by_blocker(other_id, one_id), Absent()),
    ]
