"""Throttles guessing: after a few failures on one key, each further failure doubles the wait. Held in memory.

Times are of a clock that only moves forward, so that a wait does not depend on changes of the system clock.

`failure_key` makes the keys. Attackers can invent names that no account has, so these are counted separately: however
many fail, they cannot displace the counts of accounts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE_FAILURES: Final = 5
MAX_WAIT_MS: Final = 15 * 60 * 1000
FORGOTTEN_AFTER_MS: Final = 60 * 60 * 1000
MAX_KEYS: Final = 10_000
_UNKNOWN: Final = "?"


def failure_key(what: str, user_id: str, *, exists: bool) -> str:
    """Return the key for attempts at `what` on one user, the same for all names of that user."""
    return f"{what}:{user_id}" if exists else f"{_UNKNOWN}{what}:{user_id}"


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_ms: int

    def wait_until_ms(self) -> int:
        doublings = min(self.count - FREE_FAILURES, 20)
        return self.last_ms + (min(1000 << doublings, MAX_WAIT_MS) if doublings >= 0 else 0)


class Throttle:
    """Counts failures by key. Above `MAX_KEYS` the oldest is dropped; an account's only after `FORGOTTEN_AFTER_MS`."""

    def __init__(self, elapsed_ms: Callable[[], int]) -> None:
        self._elapsed_ms = elapsed_ms
        self._accounts: OrderedDict[str, _Failures] = OrderedDict()
        self._unknown_names: OrderedDict[str, _Failures] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Return whether another attempt on `key` is allowed now."""
        failures = self._failures_for(key).get(key)
        return failures is None or failures.wait_until_ms() <= self._elapsed_ms()

    def record_failure(self, key: str) -> None:
        """Count one failure on `key`."""
        now_ms = self._elapsed_ms()
        failures = self._failures_for(key)
        before = failures.pop(key, None)
        recent = before is not None and now_ms - before.last_ms < FORGOTTEN_AFTER_MS
        failures[key] = _Failures(before.count + 1 if before and recent else 1, now_ms)
        if len(failures) > MAX_KEYS:
            oldest = next(iter(failures))
            if failures is self._unknown_names or now_ms - failures[oldest].last_ms >= FORGOTTEN_AFTER_MS:
                del failures[oldest]

    def reset(self, key: str) -> None:
        """Delete the failures of `key`."""
        self._failures_for(key).pop(key, None)

    def _failures_for(self, key: str) -> OrderedDict[str, _Failures]:
        return self._unknown_names if key.startswith(_UNKNOWN) else self._accounts
