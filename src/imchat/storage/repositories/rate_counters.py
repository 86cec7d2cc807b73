"""How many requests a person made in a stretch of time, as far as the functions have told each other."""

from __future__ import annotations

from contextlib import suppress

from imchat.domain.ids import UserId
from imchat.storage.repositories import keys
from imchat.storage.table import TTL_ATTRIBUTE, Absent, ConditionFailed, LessThan, Put, Table, Update


def add(table: Table, user_id: UserId, window: int, *, more: int, most: int, until_s: int) -> bool:
    """Count `more` requests, unless `most` were counted already; returns whether it did. The item lives until `until_s`."""
    key = keys.rate(user_id, window)
    for _attempt in range(2):
        try:
            table.write(Update(key, add={"count": more}, condition=LessThan("count", most)))
        except ConditionFailed as failed:
            if failed.item is not None:
                return False
        else:
            return True
        with suppress(ConditionFailed):  # another function was first: count once more
            table.write(Put(key, {"count": more, TTL_ATTRIBUTE: until_s}, Absent()))
            return True
    return False
