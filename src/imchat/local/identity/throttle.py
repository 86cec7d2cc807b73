"""Slows guessing down: after a few failures on one key, each further one costs a doubled wait. Held in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE_FAILURES: Final = 5
LONGEST_WAIT_MS: Final = 15 * 60 * 1000
FORGOTTEN_AFTER_MS: Final = 60 * 60 * 1000
MAX_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_ms: int

    def wait_until_ms(self) -> int:
        doublings = min(self.count - FREE_FAILURES, 20)
        return self.last_ms + (min(1000 << doublings, LONGEST_WAIT_MS) if doublings >= 0 else 0)


class Throttle:
    """Failures by key, the oldest forgotten above `MAX_KEYS`."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Whether another try on `key` may be looked at now."""
        failures = self._failures.get(key)
        return failures is None or failures.wait_until_ms() <= self._now_ms()

    def failed(self, key: str) -> None:
        """Count one failure."""
        now_ms = self._now_ms()
        before = self._failures.pop(key, None)
        fresh = before is not None and now_ms - before.last_ms < FORGOTTEN_AFTER_MS
        self._failures[key] = _Failures(before.count + 1 if before and fresh else 1, now_ms)
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        self._failures.pop(key, None)
