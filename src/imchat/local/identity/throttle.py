"""Slows guessing down: after a few failures on one key, each further one costs a doubled wait. Held in memory.

A key is made by `count_by`. Names that no account has are anybody's to invent, so they are counted apart: however
many fail, no account's count is forgotten for them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE_FAILURES: Final = 5
LONGEST_WAIT_MS: Final = 15 * 60 * 1000
FORGOTTEN_AFTER_MS: Final = 60 * 60 * 1000
MAX_KEYS: Final = 10_000
_INVENTED: Final = "?"


def count_by(what: str, email: str | None, name: str) -> str:
    """The key of `what` on the account with `email` (one key for all its names), or on a `name` that none has."""
    return f"{_INVENTED}{what}:{name.lower()}" if email is None else f"{what}:{email}"


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_ms: int

    def wait_until_ms(self) -> int:
        doublings = min(self.count - FREE_FAILURES, 20)
        return self.last_ms + (min(1000 << doublings, LONGEST_WAIT_MS) if doublings >= 0 else 0)


class Throttle:
    """Failures by key; above `MAX_KEYS` the oldest is forgotten: an account's not before its time."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._accounts: OrderedDict[str, _Failures] = OrderedDict()
        self._invented: OrderedDict[str, _Failures] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Whether another try on `key` may be looked at now."""
        failures = self._kept(key).get(key)
        return failures is None or failures.wait_until_ms() <= self._now_ms()

    def failed(self, key: str) -> None:
        """Count one failure."""
        now_ms = self._now_ms()
        kept = self._kept(key)
        before = kept.pop(key, None)
        fresh = before is not None and now_ms - before.last_ms < FORGOTTEN_AFTER_MS
        kept[key] = _Failures(before.count + 1 if before and fresh else 1, now_ms)
        if len(kept) > MAX_KEYS:
            oldest = next(iter(kept))
            if kept is self._invented or now_ms - kept[oldest].last_ms >= FORGOTTEN_AFTER_MS:
                del kept[oldest]

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        self._kept(key).pop(key, None)

    def _kept(self, key: str) -> OrderedDict[str, _Failures]:
        return self._invented if key.startswith(_INVENTED) else self._accounts
