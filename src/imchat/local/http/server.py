"""Runs the HTTP/1.1 server on one port: listening, closing connections that time out, stopping."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Final

from imchat.local.http.connection import MAX_CONNECTIONS, Connection, RequestHandler, ServerContext
from imchat.local.http.limits import BodyLimit
from imchat.local.http.parser import MAX_BODY_BYTES, Admit

_TIMEOUT_CHECK_S: Final = 5.0
_BACKLOG: Final = 128
"""Connections that may wait to be accepted; they are accepted all at once, and each takes an open file."""
_ANY_BODY: Final = BodyLimit(MAX_BODY_BYTES)


class HttpServer:
    """Calls `handler` for every request; it returns the response, or an awaitable of it.

    `admit` decides on a request with a body before the body is received. Beyond `max_connections` open ones, including
    upgraded ones, a connection is refused with 503.
    """

    def __init__(
        self,
        handler: RequestHandler,
        admit: Admit = lambda _head: _ANY_BODY,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.context = ServerContext(handler, admit, max_connections=max_connections)
        self.connections = self.context.connections
        self.port = 0
        self._server: asyncio.Server | None = None
        self._timeout_check: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port. Raises: OSError, OverflowError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            partial(Connection, self.context), host, port, backlog=_BACKLOG
        )
        self._timeout_check = loop.call_later(_TIMEOUT_CHECK_S, self._close_timed_out)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def stop_listening(self) -> None:
        """Accept no more connections, and no more requests on the open ones."""
        self.connections.draining = True
        if self._server is not None:
            self._server.close()
        if self._timeout_check is not None:
            self._timeout_check.cancel()

    async def stop(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for open requests to finish, then close every connection."""
        self.stop_listening()
        for connection in list(self.connections):
            connection.close_if_idle()
        await self.connections.wait_until_empty(timeout_s)
        for connection in [*self.connections, *self.context.refused]:
            connection.abort()
        self.context.output.stop()

    def _close_timed_out(self) -> None:
        now_s = time.monotonic()
        for connection in list(self.connections):
            connection.close_if_timed_out(now_s)
        loop = asyncio.get_running_loop()
        self._timeout_check = loop.call_later(_TIMEOUT_CHECK_S, self._close_timed_out)
