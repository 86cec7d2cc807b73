"""HTTP/1.1 on one port: listening, letting go of clients that dawdle, stopping."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Final

from imchat.local.http.connection import Connection, Open, Serve

_SWEEP_S: Final = 5.0


class HttpServer:
    """Answers every request by `serve`: at once, or by something to wait for."""

    def __init__(self, serve: Serve) -> None:
        self.connections: Open[Connection] = Open()
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Raises: OSError, OverflowError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            partial(Connection, self._serve, self.connections), host, port, backlog=1024
        )
        self._sweeping = loop.call_later(_SWEEP_S, self._sweep)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def stop_listening(self) -> None:
        """Take no more connections, and no more requests on those there are."""
        self.connections.last_answers = True
        if self._server is not None:
            self._server.close()
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def stop(self, within_s: float) -> None:
        """Let open requests end, for so long; then close every connection."""
        self.stop_listening()
        for connection in list(self.connections):
            connection.close_if_idle()
        await self.connections.ended(within_s)
        for connection in list(self.connections):
            connection.abort()

    def _sweep(self) -> None:
        now_s = time.monotonic()
        for connection in list(self.connections):
            connection.close_if_late(now_s)
        self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
