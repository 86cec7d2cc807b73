"""`InlineRuntime`: the `Runtime` of a process that serves one request at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


class InlineRuntime:
    """Does everything at once, in the calling thread; other runtimes override what they do differently."""

    def backoff(self, attempt: int) -> None:
        """Do not wait: where requests run one after another, none loses two races in a row."""

    def run_concurrently(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """Call `first`, then `second`."""
        return first(), second()

    def defer(self, key: Hashable, action: Callable[[], None]) -> None:  # noqa: ARG002 - nothing to merge with
        """Run `action` at once: without shared transactions no later action can replace it."""
        action()
