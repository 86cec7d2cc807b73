"""One HTTP/1.1 connection: its requests in turn, each answered by `serve`. What is no HTTP is refused in the one shape."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeAlias, TypeVar, cast

from imchat.errors import ImchatError
from imchat.local.apigateway.events import Request, new_request_id
from imchat.local.http.parser import HEAD_BYTES, RequestReader
from imchat.local.http.response import HttpResponse, encode, http_error_response

C = TypeVar("C")

HEAD_S: Final = 75.0
"""How long a connection may be silent between requests, or take for a request's head."""
REQUEST_S: Final = 300.0
"""How long a request may take to come in, and an answer to be read."""
_LINGER_S: Final = 2.0
"""How long to read on after a refusal, so that a client still writing gets to see it."""
_PIPELINED: Final = 32
"""Requests of one connection that may wait for their turn."""
_WAITING_BYTES: Final = 1024 * 1024
"""Past it their bodies, too, keep a connection from being read on."""


class Upgrade(NamedTuple):
    """An answer that turns the connection into something else: the bytes that say so, and who has it from then on.

    `abandon` is called instead if the client went away meanwhile.
    """

    head: bytes
    protocol: asyncio.Protocol
    abandon: Callable[[], None]


Served: TypeAlias = HttpResponse | Upgrade
Serve: TypeAlias = Callable[[Request], HttpResponse | Awaitable[Served]]


class Open(set[C]):
    """Connections that are open; `last_answers` once each answer is its connection's last."""

    def __init__(self) -> None:
        super().__init__()
        self.last_answers = False
        self._none = asyncio.Event()

    def forget(self, connection: C) -> None:
        """It has ended."""
        self.discard(connection)
        if not self:
            self._none.set()

    async def ended(self, within_s: float) -> None:
        """Wait until none is open, but no longer than that."""
        self._none.clear()
        if self:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._none.wait(), within_s)


class Connection(asyncio.Protocol):
    """One client's connection: requests are read ahead, and answered one after another in their order."""

    def __init__(self, serve: Serve, open_connections: Open[Connection]) -> None:
        self._serve = serve
        self._open = open_connections
        self._loop = asyncio.get_running_loop()
        self._rest: list[bytes] | None = None  # what came behind a request to upgrade
        self._busy = self._ends = self._closed = self._stalled = self._paused = self._half_closed = False
        self._since_s = time.monotonic()

    # -- what the transport says --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: here it is."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._reader = RequestReader(str(peer[0]) if peer else "", self._go_on)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone either way
        """asyncio: it is gone."""
        self._closed = True
        self._open.forget(self)

    def data_received(self, data: bytes) -> None:
        """asyncio: the client says something."""
        if self._rest is not None:
            self._rest.append(data)
            if sum(map(len, self._rest)) > HEAD_BYTES:
                self._transport.pause_reading()
        elif not self._ends:
            try:
                self._reader.feed(data)
            except ImchatError as error:
                self._refuse(error)
            if self._reader.rest is not None:
                self._ends, self._rest = True, [self._reader.rest]
            self._next()
            if self._reader.requests:
                self._pace()

    def eof_received(self) -> bool:
        """asyncio: the client has said all it wants. It still waits for what it asked."""
        self._ends = self._half_closed = True
        return self._busy or bool(self._reader.requests)

    def pause_writing(self) -> None:
        """asyncio: the client does not read what it is told."""
        self._stalled = True

    def resume_writing(self) -> None:
        """asyncio: it reads again."""
        self._stalled = False
        self._next()

    def _go_on(self) -> None:
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # -- the turn of each request --

    def _next(self) -> None:
        while self._reader.requests and not (self._busy or self._stalled or self._closed):
            request, keep_alive = self._reader.requests.popleft()
            if self._paused:
                self._pace()
            self._busy = True
            try:
                served = self._serve(request)
            except Exception as error:  # noqa: BLE001 - nothing may leave in another shape
                served = http_error_response(error, new_request_id())
            if isinstance(served, HttpResponse):
                self._leave(request, keep_alive, served)
            else:
                later = asyncio.ensure_future(served)
                later.add_done_callback(partial(self._ready, request, keep_alive))

    def _pace(self) -> None:
        """Read on only while little waits for its turn."""
        waiting = self._reader.requests
        size = sum(len(request.body) for request, _ in waiting)
        if not self._paused and (len(waiting) > _PIPELINED or size > _WAITING_BYTES):
            self._paused = True
            self._transport.pause_reading()
        elif self._paused and len(waiting) <= _PIPELINED // 2 and size <= _WAITING_BYTES:
            self._paused = False
            self._transport.resume_reading()

    def _ready(self, request: Request, keep_alive: bool, later: asyncio.Future[Served]) -> None:  # noqa: FBT001 - as it was parsed
        if later.cancelled():
            self._transport.abort()
            return
        problem = later.exception()
        if problem is None:
            served = later.result()
        elif isinstance(problem, Exception):
            served = http_error_response(problem, new_request_id())
        else:
            raise problem
        if isinstance(served, Upgrade):
            self._turn_over(served)
        else:
            self._leave(request, keep_alive, served)
            self._next()

    def _leave(self, request: Request, keep_alive: bool, answer: HttpResponse) -> None:  # noqa: FBT001 - as it was parsed
        self._busy = False
        self._since_s = time.monotonic()
        if self._closed:
            return
        keep_alive = keep_alive and self._rest is None and not self._open.last_answers
        try:
            data = encode(answer, keep_alive=keep_alive, head_only=request.method == "HEAD")
        except ValueError as error:
            refusal = http_error_response(error, new_request_id())
            data = encode(refusal, keep_alive=keep_alive, head_only=False)
        self._transport.write(data)
        if not keep_alive or (self._ends and not self._reader.requests):
            self._reader.requests.clear()
            self._transport.close()

    def _turn_over(self, upgrade: Upgrade) -> None:
        if self._closed or self._half_closed or self._rest is None:
            upgrade.abandon()
            self._transport.close()
            return
        self._open.forget(self)
        transport, rest = self._transport, b"".join(self._rest)
        transport.write(upgrade.head)
        transport.set_protocol(upgrade.protocol)
        upgrade.protocol.connection_made(transport)
        transport.resume_reading()
        if rest:
            upgrade.protocol.data_received(rest)

    # -- ends --

    def _refuse(self, error: ImchatError) -> None:
        """Answer with the error, and read nothing more as a request."""
        if self._ends:
            return
        self._ends = True
        if self._busy or self._reader.requests:
            return  # out of its turn it would be taken for another's answer; the connection ends behind the last one
        refusal = http_error_response(error, new_request_id())
        self._transport.write(encode(refusal, keep_alive=False, head_only=False))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(_LINGER_S, self._transport.close)

    def close_if_idle(self) -> None:
        """Close unless a request is being answered: that one's answer is the last."""
        if not (self._busy or self._reader.requests):
            self._transport.close()

    def close_if_late(self, now_s: float) -> None:
        """Close if the client takes too long to ask for something, or to read what it is told."""
        if (self._stalled or self._transport.is_closing()) and now_s - self._since_s > REQUEST_S:
            self._transport.abort()
            return
        patience_s = REQUEST_S if self._reader.in_body else HEAD_S
        if not (self._busy or self._reader.requests) and now_s - self._since_s > patience_s:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()
