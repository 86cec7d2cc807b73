"""The WebSocket: opened with a ticket, kept alive, renewed before its time, opened again when it broke."""

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

from imchat.client.http import wait_s
from imchat.errors import ImchatError

Frame: TypeAlias = dict[str, Any]

PING_S: Final = 240.0
RENEW_S: Final = (95 * 60.0, 115 * 60.0)
"""When a new connection is opened in place of the old: before the gateway's two hours, not all clients at once."""
OPENING_S: Final = 15.0
CONNECTED: Final[Frame] = {"type": "connected"}
"""Comes before the frames of each connection: what was before it has to be read."""


class Line:
    """Frames from the server, for ever. `ticket` gets a new one."""

    def __init__(self, ws_url: str, ticket: Callable[[], Awaitable[str]]) -> None:
        self._ws_url = ws_url
        self._ticket = ticket
        self._socket: ClientConnection | None = None
        self._told: asyncio.Queue[Frame] = asyncio.Queue()
        self.connection_id: str | None = None
        """What the server calls the open connection; None while there is none, or none that it has named yet."""

    async def frames(self) -> AsyncIterator[Frame]:
        """`CONNECTED`, then what comes; again after each break. Raises: the ImchatError for which trying again is no use."""
        attempt = 0
        while True:
            with suppress(OSError, TimeoutError, WebSocketException):
                async with self._open() as socket:
                    attempt = 0
                    yield CONNECTED
                    async for frame in self._until_renewal(socket):
                        if frame["type"] == "pong":
                            self.connection_id = frame.get("connection_id")
                        else:
                            yield frame
                    continue
            attempt += 1
            await asyncio.sleep(wait_s(attempt))

    async def say(self, frame: Frame) -> None:
        """Send a frame, if there is a connection; what is said this way may be lost."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    def tell(self, frame: Frame) -> None:
        """Let `frame` come as if it had been pushed, if there is a connection."""
        if self._socket is not None:
            self._told.put_nowait(frame)

    async def _until_renewal(self, socket: ClientConnection) -> AsyncIterator[Frame]:
        until_s = time.monotonic() + random.uniform(*RENEW_S)  # noqa: S311 - spreads load, keeps no secret
        reading = asyncio.ensure_future(socket.recv())
        told = asyncio.ensure_future(self._told.get())
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                await asyncio.wait({reading, told}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if told.done():
                    frame = told.result()
                    told = asyncio.ensure_future(self._told.get())
                    yield frame
                if reading.done():
                    frame = json.loads(reading.result())
                    reading = asyncio.ensure_future(socket.recv())
                    if isinstance(frame, dict):
                        yield frame
        finally:
            reading.cancel()
            told.cancel()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ClientConnection]:
        try:
            ticket = await self._ticket()
        except ImchatError as error:
            if error.retryable:
                raise OSError(error.message) from error
            raise
        offered = [Subprotocol("imchat.v1"), Subprotocol(f"ticket.{ticket}")]
        async with connect(
            self._ws_url,
            subprotocols=offered,
            open_timeout=OPENING_S,
            ping_interval=None,
            compression=None,
            proxy=None,
        ) as socket:
            pinging = asyncio.create_task(_ping(socket))
            self._socket, self._told = socket, asyncio.Queue()
            try:
                yield socket
            finally:
                if self._socket is socket:  # not another that was opened since
                    self._socket = self.connection_id = None
                pinging.cancel()


async def _ping(socket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await socket.send('{"action":"ping"}')  # the first answer names the connection
            await asyncio.sleep(PING_S)
