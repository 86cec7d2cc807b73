"""Protocols that a runtime implements for the services: posting to connections, queueing pushes, running calls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Gateway(Protocol):
    """The open connections: API Gateway's, or those of `imchat local`."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        """Send one text frame (UTF-8) to each connection, in parallel. Returns the ids of closed connections.

        Failing to reach a connection that may still be open is not an error: a push is only a hint.
        """

    def disconnect(self, connection_id: str) -> None:
        """Close a connection. Does nothing if it is closed already."""


class FanoutQueue(Protocol):
    """A queue for pushes that are too many for one request; `services/delivery.py` creates the jobs."""

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        """Store the jobs (texts of a few KB) durably; each runs at least once, in any order, after `delay_s` seconds.

        Raises: Busy; some of the jobs may be stored nevertheless.
        """


class Runtime(Protocol):
    """How the process that serves a request waits, runs calls in parallel and defers work."""

    def backoff(self, attempt: int) -> None:
        """Wait before retrying after lost race number `attempt` (1, 2, …)."""

    def run_concurrently(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """Call both functions, in parallel where that is faster, and return both results."""

    def defer(self, key: Hashable, action: Callable[[], None]) -> None:
        """Run `action` before the response is returned. Of several actions with one key, only the last must run."""
