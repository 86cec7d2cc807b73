"""Protocols of what services need from the runtime: a gateway to open connections, and a queue for fan-out jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Gateway(Protocol):
    """The connection callbacks of API Gateway, or of the local server."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        """Send one text frame (UTF-8) to each connection, in parallel. Return the connections that are gone.

        Failing to reach a connection that may still be open is not an error: a push may get lost.
        """

    def disconnect(self, connection_id: str) -> None:
        """Close a connection. If it is closed already, nothing happens."""


class FanoutQueue(Protocol):
    """A queue for fan-out jobs: pushes that are too many for the request that causes them. See `services/delivery.py`."""

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        """Store the jobs (texts of a few KB) durably. Each runs at least once, in any order, after `delay_s` seconds.

        Raises: Busy; some of the jobs may have been stored nevertheless.
        """
