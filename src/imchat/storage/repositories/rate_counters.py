"""Counts of requests and of added strangers per user and time window, shared by all Lambda functions."""

from __future__ import annotations

from contextlib import suppress

from imchat.domain.ids import UserId
from imchat.storage.repositories import keys
from imchat.storage.table import TTL_ATTRIBUTE, Absent, ConditionFailed, Key, LessThan, Put, Table, Update


def add(table: Table, user_id: UserId, window: int, *, count: int, limit: int, expires_at_s: int) -> bool:
    """Add `count` requests, unless the counter has reached `limit`. Returns whether it did.

    The item expires at `expires_at_s`.
    """
    return _add(table, keys.rate_counter(user_id, window), count, limit, expires_at_s)


def add_strangers(
    table: Table, user_id: UserId, window: int, *, count: int, most: int, expires_at_s: int
) -> bool:
    """Add `count` strangers (at most `most`), unless there would be more than `most`. Returns whether it did."""
    return _add(table, keys.stranger_counter(user_id, window), count, most - count + 1, expires_at_s)


def _add(table: Table, key: Key, count: int, limit: int, expires_at_s: int) -> bool:
    for _attempt in range(2):
        try:
            table.write(Update(key, add={"count": count}, condition=LessThan("count", limit)))
        except ConditionFailed as failed:
            if failed.item is not None:
                return False
        else:
            return True
        with suppress(ConditionFailed):  # another function created the item first: try again
            table.write(Put(key, {"count": count, TTL_ATTRIBUTE: expires_at_s}, Absent()))
            return True
    return False
