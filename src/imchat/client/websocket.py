"""The WebSocket connection: opened with a ticket, kept alive, renewed before the gateway's limit, reopened on failure."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from imchat.client.http import retry_delay_s
from imchat.errors import ImchatError

Frame: TypeAlias = dict[str, Any]

PING_INTERVAL_S: Final = 240.0
RENEW_AFTER_S: Final = (95 * 60.0, 115 * 60.0)
"""When the connection is replaced: before the gateway's limit of two hours, and at a random time per client."""
OPEN_TIMEOUT_S: Final = 15.0
CONNECTED: Final[Frame] = {"type": "connected"}
"""Precedes the frames of each connection: earlier events have to be read from the log."""


class Connection:
    """An endless stream of frames from the server. `ticket` returns a new ticket."""

    def __init__(self, ws_url: str, ticket: Callable[[], Awaitable[str]]) -> None:
        self._ws_url = ws_url
        self._ticket = ticket
        self._socket: ClientConnection | None = None
        self._injected: asyncio.Queue[Frame] = asyncio.Queue()
        self.connection_id: str | None = None
        """The server's id of the open connection; None until the server has sent it."""

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield `CONNECTED` and then the frames of each connection. Raises: an ImchatError that is not retryable."""
        attempt = 0
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):
                async with self._open() as socket:
                    attempt = 0
                    yield CONNECTED
                    async for frame in self._receive_until_renewal(socket):
                        if frame["type"] == "pong":
                            self.connection_id = frame.get("connection_id")
                        else:
                            yield frame
                    continue
            attempt += 1
            await asyncio.sleep(retry_delay_s(attempt))

    async def send(self, frame: Frame) -> None:
        """Send a frame if connected. The frame may be lost."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    def inject(self, frame: Frame) -> None:
        """Yield `frame` from `frames` as if the server had sent it, if connected."""
        if self._socket is not None:
            self._injected.put_nowait(frame)

    async def _receive_until_renewal(self, socket: ClientConnection) -> AsyncIterator[Frame]:
        until_s = time.monotonic() + random.uniform(*RENEW_AFTER_S)  # noqa: S311 - jitter, not a secret
        received = asyncio.ensure_future(socket.recv())
        injected = asyncio.ensure_future(self._injected.get())
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                await asyncio.wait({received, injected}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if injected.done():
                    frame = injected.result()
                    injected = asyncio.ensure_future(self._injected.get())
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
    async def _open(self) -> AsyncIterator[ClientConnection]:
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
            pings = asyncio.create_task(_send_pings(socket))
            self._socket, self._injected = socket, asyncio.Queue()
            try:
                yield socket
            finally:
                if self._socket is socket:  # and not a newer connection
                    self._socket = self.connection_id = None
                pings.cancel()


async def _send_pings(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await socket.send('{"action":"ping"}')  # the first pong has the connection id
            await asyncio.sleep(PING_INTERVAL_S)
