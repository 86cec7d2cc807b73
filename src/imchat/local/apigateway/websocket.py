"""Serves WebSocket connections at `/ws` as API Gateway does: authorizer, `$connect`, messages, `$disconnect`.

The `websockets` package implements the protocol (RFC 6455); this module feeds it bytes and sends the application events.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeaderValue
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN, SERVER, Protocol
from websockets.server import ServerProtocol

from imchat.api.responses import error_frame
from imchat.domain.limits import CONNECTION_S
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import Forbidden, Invalid, Unauthenticated
from imchat.local.apigateway.connections import (
    MAX_BUFFER_BYTES,
    MAX_MESSAGE_BYTES,
    LocalGateway,
    Socket,
    encode_text_frame,
)
from imchat.local.apigateway.events import WebSocketEvents, authorizer_context, encode_body
from imchat.local.group_commit import GroupCommitQueue
from imchat.local.http import (
    HandlerResult,
    HttpResponse,
    InputBudget,
    OpenConnections,
    Request,
    UnreadOutput,
    Upgrade,
    encode_response,
    http_error_response,
    new_request_id,
)
from imchat.local.refusal_log import RefusalLog
from imchat.local.server_names import ServerNames
from imchat.local.trusted_proxies import TrustedProxies

IDLE_TIMEOUT_S: Final = 10 * 60
"""How long a connection may be idle in both directions. Source: API Gateway quotas, "Idle Connection Timeout"."""
PING_INTERVAL_S: Final = 30.0
"""How often each client is pinged: a proxy closes a connection that is silent, nginx after 60 s, its default."""
_MAX_UNANSWERED_PINGS: Final = 2
"""After this many pings, one more interval without any data ends the connection."""
_PING_FRAME: Final = b"\x89\x00"  # RFC 6455, section 5.5.2
MAX_FRAME_BYTES: Final = 32 * 1024
"""Longest frame from a client; longer messages need several. Source: API Gateway quotas, "WebSocket frame size"."""
_HANDSHAKE_HEADERS: Final = frozenset(
    {"connection", "upgrade", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-version"}
)
_CLOSE_TIMEOUT_S: Final = 1.0
"""How long to wait for a client to reply to our closing frame."""
MESSAGE_TIMEOUT_S: Final = 60.0
"""How long a client may send nothing of a message that it has begun."""
_MAX_PENDING: Final = 32
"""Messages of one client that may wait to be handled; at this number its connection is not read."""
_MAX_PENDING_BYTES: Final = 64 * 1024
"""Bytes of these messages; beyond them the connection is not read. Valid messages have up to 4 KB."""

_NO_UPGRADE: Final = (
    "refused WebSocket connections: the request has no valid `Upgrade` and `Connection` header. If a proxy removes them, "
    "let it pass them on; nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade";'
)
_NO_PROTOCOL: Final = (
    "refused WebSocket connections: the request has no `Sec-WebSocket-Protocol` header, which holds the ticket. "
    "If a proxy removes it, let it pass it on"
)

# Its log records quote what clients send, including tickets.
_silent_log = logging.getLogger("imchat.local.apigateway.websocket.wire")
_silent_log.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class _ConnectionContext:
    """The dependencies and limits of every connection; times in seconds."""

    websocket: Handler
    queue: GroupCommitQueue
    gateway: LocalGateway
    input: InputBudget
    output: UnreadOutput
    ping_s: float
    idle_s: float
    lifetime_s: float
    connections: OpenConnections[_Connection]


class WebSocketApi:
    """The WebSocket API over the application's handlers."""

    def __init__(
        self,
        *,
        authorizer: Handler,
        websocket: Handler,
        queue: GroupCommitQueue,
        gateway: LocalGateway,
        server_names: ServerNames,
        trusted_proxies: TrustedProxies,
        unfinished_input: InputBudget,
        unread_output: UnreadOutput,
        connections: OpenConnections[Any],
        refusals: RefusalLog,
        ping_s: float = PING_INTERVAL_S,
        idle_s: float = IDLE_TIMEOUT_S,
        lifetime_s: float = CONNECTION_S,
    ) -> None:
        self._authorizer = authorizer
        self._server_names = server_names
        self._trusted_proxies = trusted_proxies
        self._refusals = refusals
        self._context = _ConnectionContext(
            websocket,
            queue,
            gateway,
            unfinished_input,
            unread_output,
            ping_s,
            idle_s,
            lifetime_s,
            connections,
        )

    async def serve(self, request: Request) -> HandlerResult:
        """Open a connection, or respond with an error."""
        handshake_headers = _accept_handshake(request)
        headers = request.headers
        if handshake_headers is None:
            if "sec-websocket-key" in headers:
                self._refusals.add("upgrade", _NO_UPGRADE)
            return http_error_response(
                Invalid("this URL accepts WebSocket connections only"), new_request_id()
            )
        origin, forwarded_hosts = headers.get("origin"), headers.get("x-forwarded-host", "")
        if origin is not None and not self._server_names.is_same_origin(
            origin, request.host, forwarded_hosts
        ):
            return http_error_response(Forbidden("pages of other sites may not connect"), new_request_id())
        if "sec-websocket-protocol" not in headers:
            self._refusals.add("protocol", _NO_PROTOCOL)
        socket = self._context.gateway.add()
        events = WebSocketEvents(request, socket.connection_id, int(time.time() * 1000))
        try:
            owner = self._trusted_proxies.client_address(request)
            events, response = await self._context.queue.run(lambda: self._connect(events), owner)
        except BaseException as error:
            self._context.gateway.remove(socket)
            if isinstance(
                error, Exception
            ):  # a Lambda authorizer denies by raising Exception("Unauthorized")
                return _error_response(error)
            raise
        handshake = HttpResponse(101, {**handshake_headers, **(response.get("headers") or {})}, b"")
        connection = _Connection(self._context, socket, events)
        head = encode_response(handshake, keep_alive=True, head_only=True)
        return Upgrade(head, connection, connection.end)

    async def close_all(self) -> None:
        """Close every connection with code 1001, "going away": the server stops."""
        for connection in list(self._context.connections):
            connection.go_away()
        await self._context.connections.wait_until_empty(_CLOSE_TIMEOUT_S)

    def _connect(self, events: WebSocketEvents) -> tuple[WebSocketEvents, dict[str, Any]]:
        """Call the authorizer and `$connect`; the later events carry the authorizer's context."""
        context = authorizer_context(self._authorizer(events.authorize(), None))
        if context is None:
            raise Forbidden("the ticket is not valid for this connection; request a new one")
        allowed = replace(events, authorizer=context)
        response = self._context.websocket(allowed.connect(), None)
        if int(response.get("statusCode", 200)) >= 300:  # noqa: PLR2004 - success statuses are below
            raise _ConnectRejected(response)
        return allowed, response


class _Connection(asyncio.Protocol):
    """An open connection, from its first frame to `$disconnect`."""

    __slots__ = (
        "_context",
        "_events",
        "_held_bytes",
        "_last_data_s",
        "_loop",
        "_message",
        "_message_timer",
        "_next_ping_s",
        "_opcode",
        "_pending",
        "_pending_bytes",
        "_protocol",
        "_reading_paused",
        "_socket",
        "_timer",
        "_transport",
        "_unanswered_pings",
    )

    def __init__(self, context: _ConnectionContext, socket: Socket, events: WebSocketEvents) -> None:
        self._context = context
        self._socket = socket
        self._events = events
        self._protocol = Protocol(
            SERVER, state=OPEN, max_size=(MAX_MESSAGE_BYTES, MAX_FRAME_BYTES), logger=_silent_log
        )
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._opcode = Opcode.TEXT
        self._message = bytearray()  # joined: a list of small fragments would take several times their size
        self._message_timer: asyncio.TimerHandle | None = None
        self._last_data_s = 0.0
        self._held_bytes = 0  # the input that the budget has for this connection
        self._pending = self._pending_bytes = 0
        self._reading_paused = False
        # After a restart all clients connect at once; they are pinged one after another.
        self._next_ping_s = socket.opened_s + random.random() * context.ping_s  # noqa: S311 - no secret
        self._unanswered_pings = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._context.connections.add(self)
        self._socket.open(self._transport, self.go_away)
        self._check_timeouts()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - closed with or without an error
        self._protocol.receive_eof()
        self.end()

    def end(self) -> None:
        """Send `$disconnect` to the application after the connection has closed."""
        for timer in (self._timer, self._message_timer):
            if timer is not None:
                timer.cancel()
        self._message.clear()
        self._hold(0)
        if self._transport is not None:
            self._context.output.discard(self._transport)
        self._context.connections.discard(self)
        self._context.gateway.remove(self._socket)
        code = int(self._protocol.close_code or CloseCode.ABNORMAL_CLOSURE)
        event = self._events.disconnect(code, "")
        job = self._context.queue.run(
            lambda: self._context.websocket(event, None), self._events.user_id, limited=False
        )
        job.add_done_callback(_ignore_result)

    def data_received(self, data: bytes) -> None:
        self._unanswered_pings = 0
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            self._receive_frame(cast(Frame, frame))
        unfinished = len(self._message) + len(self._protocol.reader.buffer)
        if unfinished or self._held_bytes:
            self._last_data_s = time.monotonic()
            self._hold(unfinished)
            if unfinished and self._message_timer is None:
                self._message_timer = self._loop.call_later(MESSAGE_TIMEOUT_S, self._check_message)
        self._flush()

    def pause_writing(self) -> None:
        if self._transport is not None:
            self._context.output.add(self._transport)

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._context.output.discard(self._transport)

    def evict(self) -> None:
        """Close the connection: the server holds too much unfinished input. See `InputBudget`."""
        self._held_bytes = 0
        self._message.clear()
        if self._transport is not None:
            self._transport.abort()

    def _hold(self, size: int) -> None:
        if size != self._held_bytes:
            self._held_bytes = size
            self._context.input.hold(self, size, trusted=True)

    def _check_message(self) -> None:
        """Close the connection if nothing more of an unfinished message has arrived for a while."""
        self._message_timer = None
        if not self._held_bytes or self._transport is None:
            return
        left_s = self._last_data_s + MESSAGE_TIMEOUT_S - time.monotonic()
        if left_s <= 0:
            self._message.clear()
            self._hold(0)
            self._protocol.fail(CloseCode.POLICY_VIOLATION, "the message did not arrive in time")
            self._flush()
        else:
            self._message_timer = self._loop.call_later(left_s, self._check_message)

    def eof_received(self) -> None:
        self._protocol.receive_eof()

    def _receive_frame(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._opcode = frame.opcode
            self._message.clear()
        elif frame.opcode is not Opcode.CONT:
            return  # the protocol has handled pings, pongs and closing frames
        self._message += frame.data
        if not frame.fin:
            return
        message = bytes(self._message)
        self._message.clear()
        text, is_base64 = encode_body(message)
        if is_base64 and self._opcode is Opcode.TEXT:
            self._protocol.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
            return
        self._socket.active_s = time.monotonic()
        self._handle_message(self._events.message(text, is_base64=is_base64), len(message))

    def _handle_message(self, event: dict[str, Any], size: int) -> None:
        self._pending += 1
        self._pending_bytes += size
        self._limit_reading()
        request_id = event["requestContext"]["requestId"]
        job = self._context.queue.run(lambda: self._context.websocket(event, None), self._events.user_id)
        job.add_done_callback(partial(self._on_handled, request_id, size))

    def _limit_reading(self) -> None:
        """Pause reading while many messages wait; resume when few do."""
        if self._transport is None or self._transport.is_closing():
            return
        if not self._reading_paused:
            if self._pending >= _MAX_PENDING or self._pending_bytes > _MAX_PENDING_BYTES:
                self._reading_paused = True
                self._transport.pause_reading()
        elif self._pending <= _MAX_PENDING // 2 and self._pending_bytes <= _MAX_PENDING_BYTES // 2:
            self._reading_paused = False
            self._transport.resume_reading()

    def _on_handled(self, request_id: str, size: int, job: asyncio.Future[Any]) -> None:
        self._pending -= 1
        self._pending_bytes -= size
        self._limit_reading()
        error = None if job.cancelled() else job.exception()
        if isinstance(error, Exception):  # the client gets an error frame and stays connected
            self._socket.write(encode_text_frame(error_frame(error, request_id)), time.monotonic())

    def _flush(self) -> None:
        """Send the frames that the protocol has queued: pongs and closing frames."""
        if self._transport is None or self._transport.is_closing():
            return
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
        if (
            self._transport.get_write_buffer_size() > MAX_BUFFER_BYTES
        ):  # it sends pings without end and reads no pongs
            self._transport.abort()
            return
        if self._protocol.close_expected():
            # A client whose closing frame we have replied to is closed at once; else it has time to reply to ours.
            if self._protocol.close_rcvd is not None:
                self._transport.close()
            elif self._timer is not None:
                self._timer.cancel()
                self._timer = self._loop.call_later(_CLOSE_TIMEOUT_S, self._transport.abort)

    def _check_timeouts(self) -> None:
        """Close the connection if it has been idle, open or without an answer for too long, else ping when it is time."""
        context, now_s = self._context, time.monotonic()
        end_s = self._socket.opened_s + context.lifetime_s
        left_s = min(self._socket.active_s + context.idle_s, end_s) - now_s
        if now_s >= self._next_ping_s:
            if self._unanswered_pings < _MAX_UNANSWERED_PINGS:
                self._ping()
                self._next_ping_s = now_s + context.ping_s
            else:
                left_s = 0
        delay_s = max(0, min(left_s, self._next_ping_s - now_s))
        self._timer = self._loop.call_later(delay_s, self._check_timeouts if left_s > 0 else self.go_away)

    def _ping(self) -> None:
        if self._transport is not None and self._protocol.state is OPEN:
            self._transport.write(_PING_FRAME)
            if not self._reading_paused:  # an answer may have arrived, but is not read
                self._unanswered_pings += 1

    def go_away(self) -> None:
        """Close the connection with a closing frame."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY, "Going away")
            self._flush()


class _ConnectRejected(Exception):
    """`$connect` responded with an error status."""

    def __init__(self, response: dict[str, Any]) -> None:
        super().__init__()
        self.response = response


def _ignore_result(job: asyncio.Future[Any]) -> None:
    """Ignore an error of `$disconnect`: the stored connection expires anyway."""
    if not job.cancelled():
        job.exception()


def _error_response(error: Exception) -> HttpResponse:
    if isinstance(error, _ConnectRejected):
        status, headers = int(error.response["statusCode"]), error.response.get("headers") or {}
        return HttpResponse(status, headers, (error.response.get("body") or "").encode())
    if error.args == ("Unauthorized",):
        error = Unauthenticated("the ticket is missing, used or expired; request a new one")
    return http_error_response(error, new_request_id())


def _accept_handshake(request: Request) -> dict[str, str] | None:
    """Return the headers that accept the WebSocket handshake, or None if the request is not a valid one.

    The package gets only the headers of RFC 6455, section 4.2.1, because it rejects a request for any other header that
    is not Latin-1, such as a cookie of another server on the same host.
    """
    try:
        headers = Headers(
            (name, value) for name, value in request.header_lines if name.lower() in _HANDSHAKE_HEADERS
        )
    except InvalidHeaderValue:
        return None
    accepted = ServerProtocol(logger=_silent_log).accept(Handshake(request.raw_path, headers))
    if request.method != "GET" or accepted.status_code != 101:  # noqa: PLR2004 - Switching Protocols
        return None
    return {name.lower(): value for name, value in accepted.headers.raw_items()}
