"""Limits over all connections: the memory that unfinished input and unread output may take."""

from __future__ import annotations

import asyncio
import time
from typing import Final, NamedTuple, Protocol

MAX_INPUT_BYTES: Final = 32 * 1024 * 1024
"""Unfinished heads, bodies and WebSocket messages of all connections together."""
MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Output of all connections together that clients have not read. At twice this, even quick readers are disconnected."""
_MIN_STALL_S: Final = 1.0
"""How long a client must have stopped reading to be disconnected at `MAX_UNREAD_BYTES`."""
_CHECK_S: Final = 1.0


class BodyLimit(NamedTuple):
    """What is accepted for a request once its head is complete: the size of its body; `trusted` for signed-in users."""

    max_bytes: int
    trusted: bool = False


class InputHolder(Protocol):
    """A connection that has received a part of a request or message."""

    def evict(self) -> None:
        """Reject the request and drop what was received of it."""


class InputBudget:
    """The bytes of unfinished input. Beyond the limit, the oldest input is evicted, that of signed-in users last.

    So a client that sends its request at once is served even while others send theirs as slowly as they can.
    """

    def __init__(self, max_bytes: int = MAX_INPUT_BYTES) -> None:
        self.total = 0
        self._max_bytes = max_bytes
        self._anonymous: dict[InputHolder, int] = {}
        self._trusted: dict[InputHolder, int] = {}

    def hold(self, holder: InputHolder, size: int, *, trusted: bool = False) -> None:
        """Set the size of the unfinished input of `holder`; 0 once it is finished."""
        held, other = (self._trusted, self._anonymous) if trusted else (self._anonymous, self._trusted)
        self.total -= other.pop(holder, 0)
        if size == 0:
            self.total -= held.pop(holder, 0)
            return
        self.total += size - held.get(holder, 0)
        held[holder] = size
        while self.total > self._max_bytes and (self._anonymous or self._trusted):
            oldest = next(iter(self._anonymous or self._trusted))
            self.hold(oldest, 0, trusted=not self._anonymous)
            oldest.evict()


class UnreadOutput:
    """The connections whose clients read too slowly. Beyond the limit, the one that stopped reading first is closed."""

    def __init__(self, max_bytes: int = MAX_UNREAD_BYTES) -> None:
        self._max_bytes = max_bytes
        self._stalled: dict[asyncio.Transport, tuple[float, int]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._check_is_due = False

    def add(self, transport: asyncio.Transport, response_bytes: int = 0) -> None:
        """Add a connection whose buffer is full. A partly written response of `response_bytes` is kept as a whole."""
        self._stalled[transport] = time.monotonic(), response_bytes
        loop = asyncio.get_running_loop()
        if not self._check_is_due:
            self._check_is_due = True
            loop.call_soon(self._close_oldest)  # the event loop writes first: most clients read at once
        if self._timer is None:
            self._timer = loop.call_later(_CHECK_S, self._check)

    def discard(self, transport: asyncio.Transport) -> None:
        """Remove a connection whose client reads again, or that has closed."""
        self._stalled.pop(transport, None)

    def stop(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()

    def _check(self) -> None:
        self._timer = None
        self._close_oldest()
        if self._stalled:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_S, self._check)

    def _close_oldest(self) -> None:
        self._check_is_due = False
        sizes = {
            transport: max(transport.get_write_buffer_size(), response_bytes)
            for transport, (_, response_bytes) in self._stalled.items()
        }
        total = sum(sizes.values())
        patient_s = time.monotonic() - _MIN_STALL_S
        for transport, size in sizes.items():
            if total <= self._max_bytes or (
                total <= 2 * self._max_bytes and self._stalled[transport][0] > patient_s
            ):
                return
            del self._stalled[transport]
            transport.abort()
            total -= size
