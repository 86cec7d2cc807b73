"""The protocols by which services reach people: posting to open connections, and queueing what is to be posted later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Gateway(Protocol):
    """API Gateway's connection callbacks, or the one-machine server's."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        """Send one text frame (UTF-8) to each connection, in parallel. Returns those that are gone.

        A failure to reach one connection that is not known to be gone is no error: a push is a hint.
        """

    def disconnect(self, connection_id: str) -> None:
        """Close a connection; nothing happens if it is closed."""


class FanoutQueue(Protocol):
    """Where pushes wait that are too many for the request that causes them; `services/delivery.py` makes them."""

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        """Keep the jobs (texts of a few KB) durably; each is run at least once, in any order, after `delay_s` seconds.

        Raises: Busy; some of the jobs may be kept all the same.
        """
