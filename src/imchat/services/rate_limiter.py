"""Rate limiting per user. Requests are counted in memory, and the counts are shared between functions now and then.

Added strangers are few and are counted in the table, so that their limit is exact for any number of processes.
"""

from __future__ import annotations

from typing import Final

from imchat.domain.ids import UserId
from imchat.domain.limits import RATE_S, STRANGERS_ADDED, STRANGERS_ADDED_S
from imchat.errors import Invalid, RateLimited
from imchat.storage.repositories import rate_counters
from imchat.storage.table import Table

SHARED_EVERY: Final = 16
"""Requests of one user that a process counts before it writes the count to the table: at most 2 write units per 16 requests."""


class RateLimiter:
    """Counts the requests of each user and rejects those above the limit. Not thread-safe.

    A single process accepts exactly `most` requests per user in `RATE_S` seconds; `k` processes together accept at most
    `most` + 15 (k + 1). `most_strangers` is the limit of added strangers in `STRANGERS_ADDED_S` seconds.
    """

    def __init__(self, most: int, most_strangers: int = STRANGERS_ADDED) -> None:
        self._most = most
        self._most_strangers = most_strangers
        self._window = -1
        self._counts: dict[UserId, int] = {}
        self._refused: set[UserId] = set()

    def count(self, table: Table, user_id: UserId, *, now_s: int) -> None:
        """Count a request. Raises: RateLimited, which says how long to wait."""
        window = now_s // RATE_S
        if window != self._window:
            self._window = window
            self._counts.clear()
            self._refused.clear()
        count = self._counts.get(user_id, 0) + 1
        self._counts[user_id] = count
        end_s = (window + 1) * RATE_S
        if user_id not in self._refused and count <= self._most:
            until_s = end_s + RATE_S
            if count % SHARED_EVERY or rate_counters.add(
                table, user_id, window, count=SHARED_EVERY, limit=self._most, expires_at_s=until_s
            ):
                return
        self._refused.add(user_id)
        raise RateLimited(
            f"too many requests; try again in {end_s - now_s} seconds", retry_after_s=end_s - now_s
        )

    def count_strangers(self, table: Table, user_id: UserId, count: int, *, now_s: int, field: str) -> None:
        """Count strangers that the user adds with one request.

        Raises: RateLimited, which says how long to wait; Invalid if waiting cannot help, because the request alone is above
        the limit.
        """
        rule = (
            f"you can add at most {self._most_strangers} people an hour with whom you share no conversation"
        )
        if count > self._most_strangers:
            raise Invalid(
                f"{rule}; {field} has {count} of them. Send them an invite link",
                field=field,
                limit=self._most_strangers,
                reason="strangers",
            )
        window = now_s // STRANGERS_ADDED_S
        end_s = (window + 1) * STRANGERS_ADDED_S
        if not rate_counters.add_strangers(
            table, user_id, window, count=count, most=self._most_strangers, expires_at_s=end_s
        ):
            raise RateLimited(
                f"{rule}; try again in {-(-(end_s - now_s) // 60)} minutes, or send them an invite link",
                reason="strangers",
                limit=self._most_strangers,
                retry_after_s=end_s - now_s,
            )
