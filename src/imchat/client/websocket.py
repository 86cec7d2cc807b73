"""The WebSocket connection: opened with a ticket, kept alive, renewed before the gateway's limit, reopened on failure."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from imchat.client.http import retry_delay_s
from imchat.client.protocol import Event
from imchat.errors import ImchatError

RawFrame: TypeAlias = dict[str, Any]

PING_INTERVAL_S: Final = 240.0
RENEW_AFTER_S: Final = (95 * 60.0, 115 * 60.0)
"""When the connection is replaced: before the gateway's limit of two hours, and at a random time per client."""
OPEN_TIMEOUT_S: Final = 15.0
CONNECTED: Final[RawFrame] = {"type": "connected"}
"""Precedes the frames of each connection: earlier events have to be read from the log."""
MAX_INJECTED: Final = 16
"""Injected events kept per conversation while no one reads the frames; earlier ones are read from the log."""


class InjectedEvents:
    """Events that the server does not push, waiting to be read. Bounded: of each conversation the newest few."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {}
        self._added = asyncio.Event()

    def add(self, conversation_id: str, event: Event) -> None:
        """Add an event. Above `MAX_INJECTED` the oldest is dropped: its reader sees a gap and reads the log."""
        events = self._events.setdefault(conversation_id, [])
        events.append(event)
        events.sort(key=lambda each: each["seq"])
        del events[:-MAX_INJECTED]
        self._added.set()

    async def take(self) -> list[RawFrame]:
        """Wait for events; return and remove all of them as frames, one per conversation."""
        await self._added.wait()
        return self.take_nowait()

    def take_nowait(self) -> list[RawFrame]:
        """Return and remove all events as frames, one per conversation."""
        events, self._events = self._events, {}
        self._added.clear()
        return [
            {"type": "events", "conversation_id": conversation_id, "events": newest}
            for conversation_id, newest in events.items()
        ]

    def __len__(self) -> int:
        return sum(map(len, self._events.values()))


class Connection:
    """An endless stream of frames from the server.

    `ticket` returns a new ticket. `keep_alive` is called every `PING_INTERVAL_S` while connected, and raises the error that
    ends the stream if the sign-in has ended.
    """

    def __init__(
        self,
        ws_url: str,
        ticket: Callable[[], Awaitable[str]],
        keep_alive: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._ws_url = ws_url
        self._ticket = ticket
        self._keep_alive = keep_alive
        self._socket: ClientConnection | None = None
        self._injected = InjectedEvents()
        self.connection_id: str | None = None
        """The server's id of the open connection; None until the server has sent it."""

    async def frames(self) -> AsyncGenerator[RawFrame]:
        """Yield `CONNECTED` and then the frames of each connection. Raises: an ImchatError that is not retryable."""
        attempt = 0
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):
                async with self._open() as (socket, pings):
                    attempt = 0
                    yield CONNECTED
                    async with aclosing(self._receive_until_renewal(socket, pings)) as frames:
                        async for frame in frames:
                            if frame["type"] == "pong":
                                self.connection_id = frame.get("connection_id")
                            else:
                                yield frame
                    continue
            attempt += 1
            await asyncio.sleep(retry_delay_s(attempt))

    async def send(self, frame: RawFrame) -> None:
        """Send a frame if connected. The frame may be lost."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    def inject(self, conversation_id: str, event: Event) -> None:
        """Yield `event` from `frames` as if the server had pushed it, if connected."""
        if self._socket is not None:
            self._injected.add(conversation_id, event)

    async def _receive_until_renewal(
        self, socket: ClientConnection, pings: asyncio.Future[None]
    ) -> AsyncGenerator[RawFrame]:
        until_s = time.monotonic() + random.uniform(*RENEW_AFTER_S)  # noqa: S311 - jitter, not a secret
        received = asyncio.ensure_future(socket.recv())
        injected = asyncio.ensure_future(self._injected.take())
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                waiting = {received, injected} | ({pings} if not pings.done() else set())
                await asyncio.wait(waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if pings.done():
                    pings.result()
                if injected.done():
                    frames = injected.result()
                    injected = asyncio.ensure_future(self._injected.take())
                    for frame in frames:
                        yield frame
                if received.done():
                    frame = json.loads(received.result())
                    received = asyncio.ensure_future(socket.recv())
                    if isinstance(frame, dict):
                        yield frame
        finally:
            received.cancel()
            injected.cancel()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[tuple[ClientConnection, asyncio.Future[None]]]:
        try:
            ticket = await self._ticket()
        except ImchatError as error:
            if error.retryable:
                raise OSError(error.message) from error
            raise
        subprotocols = [Subprotocol("imchat.v1"), Subprotocol(f"ticket.{ticket}")]
        async with connect(
            self._ws_url,
            subprotocols=subprotocols,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=None,
            compression=None,
            proxy=None,
        ) as socket:
            pings = asyncio.create_task(self._send_pings(socket))
            self._socket, self._injected = socket, InjectedEvents()
            try:
                yield socket, pings
            finally:
                if self._socket is socket:  # and not a newer connection
                    self._socket = self.connection_id = None
                if pings.done() and not pings.cancelled():
                    pings.exception()  # marks it as seen, if the stream ended before it was raised
                pings.cancel()

    async def _send_pings(self, socket: ClientConnection) -> None:
        """Send pings until the connection is closed. Raises: the error of `keep_alive`, if it is not retryable."""
        with suppress(ConnectionClosed):
            while True:
                await socket.send('{"action":"ping"}')  # the first pong has the connection id
                await asyncio.sleep(PING_INTERVAL_S)
                try:
                    if self._keep_alive is not None:
                        await self._keep_alive()
                except ImchatError as error:
                    if not error.retryable:
                        raise
