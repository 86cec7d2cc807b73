"""`EventStream`: one loop over the events of a client. A client has at most one at a time."""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Generic, Self, TypeVar

from imchat.errors import Conflict

T_co = TypeVar("T_co", covariant=True)


class EventStreamSlot:
    """The place for the stream of a client that is being read. It is free again once that stream ended or was left."""

    def __init__(self) -> None:
        # Weak: a stream whose loop was left by `break` is no longer referenced, so its place is free at once.
        self._current: weakref.ref[EventStream[Any]] | None = None

    def take(self, stream: EventStream[Any]) -> None:
        """Give the place to `stream`. Raises: Conflict while another stream has it."""
        current = None if self._current is None else self._current()
        if current is not None and current is not stream:
            raise Conflict(
                "another loop over events() or frames() of this client is running; read one loop and share its events, "
                "close it first (`aclose()`), or sign in a second client",
                reason="receiving",
            )
        self._current = weakref.ref(stream)

    def leave(self, stream: EventStream[Any]) -> None:
        """Free the place if `stream` has it."""
        if self._current is not None and self._current() is stream:
            self._current = None


class EventStream(AsyncIterator[T_co], Generic[T_co]):
    """An asynchronous iterator over events, to be used in `async for`.

    A loop that is left by `break` or by an exception ends the stream. A stream that you keep in a variable ends with
    `await stream.aclose()`.
    """

    def __init__(self, slot: EventStreamSlot, source: AsyncGenerator[T_co]) -> None:
        self._slot = slot
        self._source = source

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        self._slot.take(self)
        try:
            return await anext(self._source)
        except BaseException:  # as any generator, this one ended with it
            self._slot.leave(self)
            raise

    async def aclose(self) -> None:
        """End the stream."""
        await self._source.aclose()
        self._slot.leave(self)
