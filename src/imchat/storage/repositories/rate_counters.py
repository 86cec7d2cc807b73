"""Counts of requests, reads and added strangers per user and time window, shared by all Lambda functions."""

from __future__ import annotations

from contextlib import suppress

from imchat.storage.table import TTL_ATTRIBUTE, Absent, ConditionFailed, Key, LessThan, Put, Table, Update


def add(table: Table, key: Key, *, count: int, limit: int, expires_at_s: int) -> bool:
    """Add `count` requests to the counter at `key`, unless the counter has reached `limit`. Returns whether it did.

    The item expires at `expires_at_s`.
    """
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
