"""Serves one HTTP/1.1 connection: parses its requests, calls the handler for each in order, sends the responses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

from imchat.errors import Busy
from imchat.local.http.limits import BodyLimit, InputBudget, UnreadOutput
from imchat.local.http.parser import MAX_HEAD_BYTES, Admit, HeadRefused, RequestParser
from imchat.local.http.request import Request, new_request_id
from imchat.local.http.response import HttpResponse, encode_response, http_error_response

C = TypeVar("C")
log = logging.getLogger(__name__)

HEAD_TIMEOUT_S: Final = 75.0
"""How long a connection may be silent between requests, or take to send the head of a request."""
SILENCE_TIMEOUT_S: Final = 60.0
"""How long a client may send nothing of a request body, or read nothing of a response."""
BODY_TIMEOUT_S: Final = 120.0
"""How long a client may take to send a request body."""
_LINGER_S: Final = 2.0
"""How long to keep a connection open after an error response, so that a client that is still sending can read it."""
_MAX_PIPELINED: Final = 32
"""Requests of one connection that may wait for their turn."""
_MAX_PIPELINED_BYTES: Final = 256 * 1024
"""Bytes of their bodies that may wait; beyond either limit the connection is not read."""
PART_BYTES: Final = 2048
"""Received bytes that are parsed at once. One read of the socket can hold thousands of requests."""
MAX_CONNECTIONS: Final = 100_000
"""Open connections, unless the limit of open files allows fewer."""
_MAX_REFUSED: Final = 32
"""Connections over the limit that may take the time to read the response."""
_MAX_EXAMINED: Final = 16
"""Connections that are examined to find an idle one; those before it are busy."""
_WARNING_INTERVAL_S: Final = 60.0
_UNCOUNTED_BYTES: Final = 4096
"""Bodies up to this size do not count as input while their request is handled."""


class Upgrade(NamedTuple):
    """A response that switches the connection to another protocol: its encoded head, and the new protocol.

    `abandon` is called instead if the client has disconnected meanwhile.
    """

    head: bytes
    protocol: asyncio.Protocol
    abandon: Callable[[], None]


class Cancellable(NamedTuple):
    """A response that is still to be made. It is cancelled if the client closes its side of the connection first."""

    response: Awaitable[HttpResponse]


HandlerResult: TypeAlias = HttpResponse | Upgrade
RequestHandler: TypeAlias = Callable[[Request], HttpResponse | Cancellable | Awaitable[HandlerResult]]


class OpenConnections(set[C]):
    """The open connections. While `draining`, each connection closes after its next response."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        self._empty = asyncio.Event()

    def discard(self, connection: object, /) -> None:
        """Remove a connection that has closed."""
        super().discard(connection)
        if not self:
            self._empty.set()

    async def wait_until_empty(self, timeout_s: float) -> None:
        """Wait until all connections have closed, at most `timeout_s`."""
        self._empty.clear()
        if self:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), timeout_s)


class UnauthenticatedConnections:
    """The connections that have sent no request of a signed-in user, the longest idle first."""

    def __init__(self) -> None:
        self._connections: OrderedDict[Connection, None] = OrderedDict()
        self._warned_s = float("-inf")

    def add(self, connection: Connection) -> None:
        """Add a connection, or note that it has sent a request."""
        self._connections[connection] = None
        self._connections.move_to_end(connection)

    def discard(self, connection: Connection) -> None:
        """Remove a connection that has closed or whose user is signed in."""
        self._connections.pop(connection, None)

    def close_longest_idle(self) -> bool:
        """Close the connection that has been idle for longest; return False if none is idle."""
        for connection, _ in zip(self._connections, range(_MAX_EXAMINED), strict=False):
            if not connection.is_busy:
                if time.monotonic() - self._warned_s > _WARNING_INTERVAL_S:
                    self._warned_s = time.monotonic()
                    log.warning(
                        "closing idle connections that have not signed in, because as many as possible are open; "
                        "to allow more, raise the limit of open files"
                    )
                connection.abort()
                return True
        return False


@dataclass(frozen=True, slots=True)
class ServerContext:
    """What the connections of one server share."""

    handler: RequestHandler
    admit: Admit
    connections: OpenConnections[Connection] = field(default_factory=OpenConnections)
    input: InputBudget = field(default_factory=InputBudget)
    output: UnreadOutput = field(default_factory=UnreadOutput)
    upgraded: OpenConnections[Any] = field(default_factory=OpenConnections)
    """Connections that have switched to another protocol."""
    refused: OpenConnections[Connection] = field(default_factory=OpenConnections)
    """Connections over the limit, for as long as they may take to read that."""
    unauthenticated: UnauthenticatedConnections = field(default_factory=UnauthenticatedConnections)
    max_connections: int = MAX_CONNECTIONS

    @property
    def is_full(self) -> bool:
        """Whether no more connections may be open."""
        return len(self.connections) + len(self.upgraded) >= self.max_connections


class Connection(asyncio.Protocol):
    """One client connection: requests are parsed ahead and answered one after another, in order."""

    __slots__ = (
        "_body_bytes",
        "_cancellable",
        "_closed",
        "_context",
        "_first_data_s",
        "_half_closed",
        "_handler",
        "_handling",
        "_held_bytes",
        "_input_ended",
        "_is_unauthenticated",
        "_last_active_s",
        "_last_data_s",
        "_loop",
        "_open_connections",
        "_parser",
        "_reading_paused",
        "_response_bytes",
        "_transport",
        "_turn_is_due",
        "_unparsed",
        "_unread_bytes",
        "_upgrade_data",
        "_writing_paused",
    )

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._handler = context.handler
        self._open_connections = context.connections
        self._loop = asyncio.get_running_loop()
        self._upgrade_data: bytearray | None = None  # bytes received after a request to upgrade
        self._body_bytes = 0  # of the request that is being handled, if it is large
        self._held_bytes = 0  # the input that the budget has for this connection
        self._response_bytes = 0  # of the last response
        self._unread_bytes = 0  # of the responses, when the client last read
        self._handling = False  # a request is being handled
        self._turn_is_due = False  # the next request is handled in the next turn of the event loop
        self._unparsed: bytes | memoryview = b""  # what was received after the requests that wait
        self._cancellable: asyncio.Future[HttpResponse] | None = (
            None  # what handles it, if it may be cancelled
        )
        self._is_unauthenticated = True  # no request of a signed-in user has arrived
        self._input_ended = False  # no more requests are read
        self._closed = self._writing_paused = self._reading_paused = self._half_closed = False
        self._last_active_s = self._last_data_s = self._first_data_s = time.monotonic()

    # -- callbacks of the transport --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Prepare the open connection (asyncio callback)."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._parser = RequestParser(str(peer[0]) if peer else "", self._send_continue, self._context.admit)
        if self._context.is_full and not self._context.unauthenticated.close_longest_idle():
            self._refuse_connection()
        else:
            self._open_connections.add(self)
            self._context.unauthenticated.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - closed with or without an error
        """Remove the closed connection (asyncio callback)."""
        self._closed = True
        self._forget()
        self._context.refused.discard(self)
        self._context.output.discard(self._transport)
        self._body_bytes = 0
        self._drop_waiting()
        self._drop_input()
        self._cancel_response()

    def data_received(self, data: bytes) -> None:
        """Parse bytes that the client has sent (asyncio callback)."""
        if self._upgrade_data is not None:
            self._upgrade_data += data
            if len(self._upgrade_data) > MAX_HEAD_BYTES:
                self._transport.pause_reading()
        elif not self._input_ended:
            if len(data) <= PART_BYTES:
                self._parse(data)
            else:
                self._unparsed = memoryview(data)  # reading is paused until all of it has been parsed
                self._parse_more()
            self._handle_next()
            if self._parser.requests:
                self._limit_reading()
                self._count_input()
            elif self._parser.unfinished_bytes or self._held_bytes:
                self._count_input()

    def _parse_more(self) -> None:
        """Parse what was received until a request is complete; the rest waits for its response."""
        while self._unparsed and not self._parser.requests:
            part, self._unparsed = self._unparsed[:PART_BYTES], self._unparsed[PART_BYTES:]
            self._parse(part)

    def _parse(self, data: bytes | memoryview) -> None:
        try:
            self._parser.feed(data, is_last=not self._unparsed)
        except Exception as error:  # noqa: BLE001 - the client gets a response, whatever the parser raises
            self._reject(error)
        if self._parser.upgrade_data is not None:
            self._input_ended = True
            self._upgrade_data = bytearray(self._parser.upgrade_data) + self._unparsed
            self._unparsed = b""

    def eof_received(self) -> bool:
        """Stop reading requests; keep the connection open while responses are due (asyncio callback)."""
        self._input_ended = self._half_closed = True
        self._cancel_response()
        return self._handling or bool(self._parser.requests)

    def _cancel_response(self) -> None:
        """Cancel the response that is being made, if it is `Cancellable`: the client has gone."""
        if self._cancellable is not None:
            self._cancellable.cancel()

    def pause_writing(self) -> None:
        """Pause responses: the client does not read them (asyncio callback)."""
        self._writing_paused = True
        self._context.output.add(self._transport, self._response_bytes)

    def resume_writing(self) -> None:
        """Continue with responses: the client reads again (asyncio callback)."""
        self._writing_paused = False
        self._context.output.discard(self._transport)
        self._handle_next()

    def _send_continue(self) -> None:
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # -- handling requests --

    def _handle_next(self) -> None:
        """Handle the next request; the one after it in the next turn of the event loop, so that others are served."""
        if not self._parser.requests or (
            self._handling or self._turn_is_due or self._writing_paused or self._closed
        ):
            return
        request, keep_alive = self._parser.requests.pop(0)
        self._handling = True
        if self._unparsed:
            self._parse_more()
        if self._reading_paused:
            self._limit_reading()
        if self._is_unauthenticated:
            self._identify(request)
        if len(request.body) > _UNCOUNTED_BYTES:
            self._body_bytes = len(request.body)
            self._count_input()
        try:
            result = self._handler(request)
        except Exception as error:  # noqa: BLE001 - every error must leave in the common error format
            result = http_error_response(error, new_request_id())
        if isinstance(result, HttpResponse):
            self._send_response(request, keep_alive, result)
            if self._parser.requests:
                self._turn_is_due = True
                self._loop.call_soon(self._take_turn)
        else:
            task: asyncio.Future[Any]
            if isinstance(result, Cancellable):
                task = self._cancellable = asyncio.ensure_future(result.response)
            else:
                task = asyncio.ensure_future(result)
            task.add_done_callback(partial(self._on_result, request, keep_alive))

    def _take_turn(self) -> None:
        self._turn_is_due = False
        self._handle_next()

    def _identify(self, request: Request) -> None:
        """Note whether the request's user is signed in."""
        if "authorization" in request.headers:
            admitted = self._context.admit(request)
            if isinstance(admitted, BodyLimit) and admitted.trusted:
                self._is_unauthenticated = False
                self._context.unauthenticated.discard(self)
                return
        self._context.unauthenticated.add(self)

    def _forget(self) -> None:
        """Remove this connection from the open ones."""
        self._open_connections.discard(self)
        self._context.unauthenticated.discard(self)

    def _count_input(self) -> None:
        """Count what this connection has received and not answered in the budget of all connections."""
        self._last_data_s = time.monotonic()
        size = self._parser.unfinished_bytes + self._body_bytes + len(self._unparsed)
        size += sum(len(request.body) for request, _ in self._parser.requests)
        if size != self._held_bytes:
            if not self._held_bytes:
                self._first_data_s = self._last_data_s
            self._held_bytes = size
            self._context.input.hold(self, size, trusted=self._parser.trusted)

    def _drop_input(self) -> None:
        """Drop the request that is not complete."""
        self._parser.discard()
        if self._held_bytes:
            self._count_input()

    def _drop_waiting(self) -> None:
        """Drop the requests that wait."""
        self._parser.requests.clear()
        self._unparsed = b""

    def evict(self) -> None:
        """Drop the requests that wait or are not complete: the server has too much input. See `InputBudget`."""
        self._held_bytes = self._body_bytes = 0
        self._drop_waiting()
        self._reject(Busy("too many requests are being received; try again in a moment"))

    def _limit_reading(self) -> None:
        """Pause reading while many requests wait; resume when few do."""
        waiting = self._parser.requests
        size = sum(len(request.body) for request, _ in waiting)
        if not self._reading_paused and (
            self._unparsed or len(waiting) > _MAX_PIPELINED or size > _MAX_PIPELINED_BYTES
        ):
            self._reading_paused = True
            self._transport.pause_reading()
        elif (
            self._reading_paused
            and not self._unparsed
            and len(waiting) <= _MAX_PIPELINED // 2
            and size <= _MAX_PIPELINED_BYTES
        ):
            self._reading_paused = False
            self._transport.resume_reading()

    def _on_result(self, request: Request, keep_alive: bool, task: asyncio.Future[HandlerResult]) -> None:  # noqa: FBT001 - as it was parsed
        self._cancellable = None
        if task.cancelled():
            self._transport.abort()
            return
        error = task.exception()
        if error is None:
            result = task.result()
        elif isinstance(error, Exception):
            result = http_error_response(error, new_request_id())
        else:
            raise error
        if isinstance(result, Upgrade):
            self._upgrade(result)
        else:
            self._send_response(request, keep_alive, result)
            self._handle_next()

    def _send_response(self, request: Request, keep_alive: bool, response: HttpResponse) -> None:  # noqa: FBT001 - as it was parsed
        self._handling = False
        self._last_active_s = time.monotonic()
        if self._held_bytes:
            self._body_bytes = 0
            self._count_input()
        if self._closed:
            return
        keep_alive = keep_alive and self._upgrade_data is None and not self._open_connections.draining
        try:
            data = encode_response(response, keep_alive=keep_alive, head_only=request.method == "HEAD")
        except ValueError as error:
            response = http_error_response(error, new_request_id())
            data = encode_response(response, keep_alive=keep_alive, head_only=request.method == "HEAD")
        self._response_bytes = len(data)
        self._transport.write(data)
        if not keep_alive or (self._input_ended and not self._parser.requests):
            self._drop_waiting()
            self._transport.close()

    def _upgrade(self, upgrade: Upgrade) -> None:
        if self._closed or self._half_closed or self._upgrade_data is None:
            upgrade.abandon()
            self._transport.close()
            return
        self._forget()
        transport, received = self._transport, bytes(self._upgrade_data)
        self._upgrade_data = bytearray()
        self._context.output.discard(transport)
        transport.write(upgrade.head)
        transport.set_protocol(upgrade.protocol)
        upgrade.protocol.connection_made(transport)
        transport.resume_reading()
        if received:
            upgrade.protocol.data_received(received)

    # -- closing --

    def _reject(self, error: Exception, *, status: int | None = None) -> None:
        """Respond with the error and parse no more requests. `status` overrides the error's own."""
        if self._input_ended:
            return
        self._input_ended = True
        self._unparsed = b""
        self._drop_input()
        if self._handling or self._parser.requests:
            # Sent now, it would be taken for the response to an earlier request; the connection closes after the last.
            return
        if isinstance(error, HeadRefused):
            response = error.response
        else:
            response = http_error_response(error, new_request_id(), status=status)
        self._transport.write(encode_response(response, keep_alive=False, head_only=False))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(_LINGER_S, self._transport.close)

    def _refuse_connection(self) -> None:
        """Respond with 503 to a connection over the limit, or close it at once while many others are refused."""
        refused = self._context.refused
        if not refused:
            log.warning(
                "refused a connection: %d are open, which is the limit; to allow more, raise the limit of open files",
                self._context.max_connections,
            )
        if len(refused) >= _MAX_REFUSED:
            self._input_ended = True
            self._transport.abort()
            return
        refused.add(self)
        self._reject(Busy("the server has too many open connections; try again in a moment"))
        self._loop.call_later(2 * _LINGER_S, self._transport.abort)

    @property
    def is_busy(self) -> bool:
        """Whether a complete request waits or is being handled, or its response is being read."""
        return self._handling or self._writing_paused or bool(self._parser.requests)

    def close_if_idle(self) -> None:
        """Close unless a request is being handled; the connection then closes after its response."""
        if not (self._handling or self._parser.requests):
            self._transport.close()

    def close_if_timed_out(self, now_s: float) -> None:
        """Close if the client takes too long to send a request, or to read a response."""
        if self._writing_paused or self._transport.is_closing():
            self._abort_if_nothing_is_read(now_s)
        elif self._handling or self._parser.requests or self._input_ended:
            return
        elif not self._parser.in_body:
            if now_s - self._last_active_s > HEAD_TIMEOUT_S:
                self._transport.close()
        elif now_s - self._last_data_s > SILENCE_TIMEOUT_S or now_s - self._first_data_s > BODY_TIMEOUT_S:
            self._reject(Busy("the request body did not arrive in time; try again"), status=408)

    def _abort_if_nothing_is_read(self, now_s: float) -> None:
        unread_bytes = self._transport.get_write_buffer_size()
        if unread_bytes != self._unread_bytes:
            self._unread_bytes, self._last_active_s = unread_bytes, now_s
        elif now_s - self._last_active_s > SILENCE_TIMEOUT_S:
            self._transport.abort()

    def abort(self) -> None:
        """Close at once."""
        self._forget()
        self._transport.abort()
