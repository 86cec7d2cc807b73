"""The `Gateway` protocol: how a service reaches an open WebSocket connection."""

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
