"""Limits requests, reads and added strangers per user.

Requests and reads are counted in memory, and each process adds its counts to the table in steps. Added strangers are few:
each is counted in the table at once, so that their limit is exact for any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from imchat.domain.ids import UserId
from imchat.domain.limits import RATE_S, STRANGERS_ADDED_S
from imchat.errors import Invalid, RateLimited
from imchat.storage.repositories import keys, rate_counters
from imchat.storage.table import Key, Table

SHARED_EVERY: Final = 16
"""Requests of one user that a process counts before it writes the count to the table: at most 2 write units per 16 requests."""
READ_UNIT_BYTES: Final = 4096
"""Bytes of one unit. A read counts as one unit and one more for every 4 KB of its response; DynamoDB has the same unit."""
READS_SHARED_EVERY: Final = 1024
"""Units of one user's reads that a process counts before it writes the count to the table: 4 MB."""


class RateLimiter:
    """Counts the requests of each user and rejects those above the limit. Not thread-safe.

    A single process accepts exactly `most` requests per user in `RATE_S` seconds; `k` processes together accept at most
    `most` + 15 (k + 1). `key` returns the key of the shared count, which is written after each `shared_every` requests or units.
    """

    def __init__(
        self,
        most: int,
        *,
        shared_every: int = SHARED_EVERY,
        key: Callable[[UserId, int], Key] = keys.rate_counter,
    ) -> None:
        self._most = most
        self._shared_every = shared_every
        self._key = key
        self._window = -1
        self._counts: dict[UserId, int] = {}
        self._steps: dict[UserId, int] = {}
        self._refused: set[UserId] = set()

    def count(self, table: Table, user_id: UserId, *, now_s: int) -> None:
        """Count a request. Raises: RateLimited with the time to wait."""
        window = now_s // RATE_S
        if window != self._window:
            self._window = window
            self._counts.clear()
            self._steps.clear()
            self._refused.clear()
        count = self._counts.get(user_id, 0) + 1
        self._counts[user_id] = count
        end_s = (window + 1) * RATE_S
        if user_id not in self._refused and count <= self._most:
            step = count // self._shared_every
            new_steps = step - self._steps.get(user_id, 0) if step else 0
            if new_steps == 0:
                return
            self._steps[user_id] = step
            if rate_counters.add(
                table,
                self._key(user_id, window),
                count=new_steps * self._shared_every,
                limit=self._most,
                expires_at_s=end_s + RATE_S,
            ):
                return
        self._refused.add(user_id)
        raise RateLimited(
            f"too many requests; try again in {end_s - now_s} seconds", retry_after_s=end_s - now_s
        )

    def add_response(self, user_id: UserId, size: int) -> None:
        """Count the size of the response to a counted request; the next `count` takes it into account."""
        units = size // READ_UNIT_BYTES
        if units:
            self._counts[user_id] = self._counts.get(user_id, 0) + units


class StrangerLimiter:
    """Limits how many strangers a user may add to conversations: `most` in `STRANGERS_ADDED_S` seconds. See `additions`."""

    def __init__(self, most: int) -> None:
        self._most = most

    def count(self, table: Table, user_id: UserId, count: int, *, now_s: int, field: str) -> None:
        """Count strangers that the user adds with one request.

        Raises: RateLimited with the time to wait; Invalid if this request alone is above the limit, so that waiting does
        not help.
        """
        rule = f"you can add at most {self._most} people an hour who do not know you"
        if count > self._most:
            raise Invalid(
                f"{rule}; {field} has {count} of them. Send them an invite link",
                field=field,
                limit=self._most,
                reason="strangers",
            )
        window = now_s // STRANGERS_ADDED_S
        end_s = (window + 1) * STRANGERS_ADDED_S
        if not rate_counters.add(
            table,
            keys.stranger_counter(user_id, window),
            count=count,
            limit=self._most - count + 1,
            expires_at_s=end_s,
        ):
            raise RateLimited(
                f"{rule}; try again in {-(-(end_s - now_s) // 60)} minutes, or send them an invite link",
                reason="strangers",
                limit=self._most,
                retry_after_s=end_s - now_s,
            )


def create_read_limiter(most_bytes: int) -> RateLimiter:
    """Return a limiter of reads, which counts them by the size of their responses."""
    return RateLimiter(most_bytes // READ_UNIT_BYTES, shared_every=READS_SHARED_EVERY, key=keys.read_counter)
