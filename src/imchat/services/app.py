"""`App`: what every service works with, handed in from outside."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from imchat.services.protocols import FanoutQueue, Gateway
from imchat.services.rate_limiter import RateLimiter
from imchat.storage.table import Table

A = TypeVar("A")
B = TypeVar("B")


def _at_once(attempt: int) -> None:
    """Do not wait: where requests run one after another, none loses a race twice."""


def _now(_key: Hashable, action: Callable[[], None]) -> None:
    """Do it at once: where requests share no transaction, none brings up to date what the next one changes again."""
    action()


def _in_turn(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    return first(), second()


@dataclass(frozen=True, slots=True)
class App:
    """The composed application.

    `now_ms` is the clock (epoch, UTC), `new_id` makes unguessable ids of 32 letters and digits, `pause(attempt)` waits a
    jittered moment before a lost race is run again (attempt 1, 2, …), `both` runs two functions, side by side
    where calls are remote. `once_a_batch(key, action)` does `action` before the requests that share a transaction are answered;
    of several under one key, only the last. Without a `queue` every push is made by the request that causes it; without
    `rates` people may ask as often as they like.
    """

    table: Table
    gateway: Gateway
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    pause: Callable[[int], None] = _at_once
    both: Callable[[Callable[[], object], Callable[[], object]], tuple[object, object]] = _in_turn
    once_a_batch: Callable[[Hashable, Callable[[], None]], None] = _now
    queue: FanoutQueue | None = None
    rate_limiter: RateLimiter | None = None
