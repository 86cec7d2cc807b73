"""One WebSocket connection's life at `/ws`, as API Gateway leads it: authorizer, `$connect`, messages, `$disconnect`.

The `websockets` package knows the protocol (RFC 6455); this module gives it bytes and the application its events.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import OPEN, SERVER, Protocol
from websockets.server import ServerProtocol

from imchat.api.responses import error_frame
from imchat.domain.limits import CONNECTION_S
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import Forbidden, Invalid, Unauthenticated
from imchat.local.apigateway.connections import BUFFER_BYTES, MESSAGE_BYTES, LocalGateway, Socket, encode_text
from imchat.local.apigateway.events import Request, WebSocketEvents, encode_body, is_allowed, new_request_id
from imchat.local.group_commit import GroupCommitQueue
from imchat.local.http.connection import Open, Served, Upgrade
from imchat.local.http.response import HttpResponse, encode, http_error_response

IDLE_S: Final = 10 * 60
"""How long a connection may say and hear nothing. Source: API Gateway quotas, "Idle Connection Timeout"."""
FRAME_BYTES: Final = 32 * 1024
"""Longest frame of a client; longer messages take several. Source: API Gateway quotas, "WebSocket frame size"."""
_CLOSING_S: Final = 1.0
"""How long to wait for a client to answer our closing frame."""
_AHEAD: Final = 32
"""Messages of one client that may wait for the application before it is read on."""

# Its records quote what clients send, tickets among it.
_silent = logging.getLogger("imchat.local.apigateway.websocket.wire")
_silent.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class _Api:
    """What every connection works with; times in seconds."""

    websocket: Handler
    batches: GroupCommitQueue
    gateway: LocalGateway
    idle_s: float
    lifetime_s: float
    connections: Open[_Connection]


class WebSocketApi:
    """The WebSocket API over the application's handlers."""

    def __init__(
        self,
        *,
        authorizer: Handler,
        websocket: Handler,
        batches: GroupCommitQueue,
        gateway: LocalGateway,
        idle_s: float = IDLE_S,
        lifetime_s: float = CONNECTION_S,
    ) -> None:
        self._authorizer = authorizer
        self._api = _Api(websocket, batches, gateway, idle_s, lifetime_s, Open())

    async def serve(self, request: Request) -> Served:
        """Open a connection, or refuse it."""
        accepted = ServerProtocol(logger=_silent).accept(
            Handshake(request.raw_path, Headers(request.header_lines))
        )
        if request.method != "GET" or accepted.status_code != 101:  # noqa: PLR2004 - that is, Switching Protocols
            return http_error_response(Invalid("this address speaks WebSocket only"), new_request_id())
        if not _same_origin(request):
            return http_error_response(Forbidden("a page of another site may not connect"), new_request_id())
        socket = self._api.gateway.add()
        events = WebSocketEvents(request, socket.connection_id, int(time.time() * 1000))
        try:
            events, welcome = await self._api.batches.run(lambda: self._connect(events))
        except BaseException as error:
            self._api.gateway.remove(socket)
            if isinstance(
                error, Exception
            ):  # an authorizer says "Unauthorized" by an exception of no type of its own
                return _refusal(error)
            raise
        headers = {name.lower(): value for name, value in accepted.headers.raw_items()}
        head = HttpResponse(101, {**headers, **(welcome.get("headers") or {})}, b"")
        connection = _Connection(self._api, socket, events)
        return Upgrade(encode(head, keep_alive=True, head_only=True), connection, connection.end)

    async def close_all(self) -> None:
        """End every connection with "going away", as when a server stops."""
        for connection in list(self._api.connections):
            connection.go_away()
        await self._api.connections.ended(_CLOSING_S)

    def _connect(self, events: WebSocketEvents) -> tuple[WebSocketEvents, dict[str, Any]]:
        """Authorize and connect; the later events carry what the authorizer granted."""
        context = is_allowed(self._authorizer(events.authorize(), None))
        if context is None:
            raise Forbidden("the ticket does not open this connection")
        allowed = replace(events, authorizer=context)
        answer = self._api.websocket(allowed.connect(), None)
        if int(answer.get("statusCode", 200)) >= 300:  # noqa: PLR2004 - every success is below
            raise _Refused(answer)
        return allowed, answer


class _Connection(asyncio.Protocol):
    """An open connection, from its first frame to `$disconnect`."""

    __slots__ = (
        "_ahead",
        "_api",
        "_due",
        "_events",
        "_kind",
        "_loop",
        "_parts",
        "_socket",
        "_transport",
        "_wire",
    )

    def __init__(self, api: _Api, socket: Socket, events: WebSocketEvents) -> None:
        self._api = api
        self._socket = socket
        self._events = events
        self._wire = Protocol(SERVER, state=OPEN, max_size=(MESSAGE_BYTES, FRAME_BYTES), logger=_silent)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._due: asyncio.TimerHandle | None = None
        self._kind = Opcode.TEXT
        self._parts: list[bytes] = []
        self._ahead = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._api.connections.add(self)
        self._socket.open(self._transport, self.go_away)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is gone either way
        self._wire.receive_eof()
        self.end()

    def end(self) -> None:
        """The connection is no more: let the application know."""
        if self._due is not None:
            self._due.cancel()
        self._api.connections.forget(self)
        self._api.gateway.remove(self._socket)
        code = int(self._wire.close_code or CloseCode.ABNORMAL_CLOSURE)
        event = self._events.disconnect(code, "")
        self._api.batches.run(lambda: self._api.websocket(event, None)).add_done_callback(_let_go)

    def data_received(self, data: bytes) -> None:
        self._wire.receive_data(data)
        for frame in self._wire.events_received():
            self._take(cast(Frame, frame))
        self._flush()

    def eof_received(self) -> None:
        self._wire.receive_eof()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._kind, self._parts = frame.opcode, []
        elif frame.opcode is not Opcode.CONT:
            return  # pings, pongs and closing frames were seen to already
        if frame.data:  # empty ones could go on for ever
            self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        whole, self._parts = b"".join(self._parts), []
        text, is_base64 = encode_body(whole)
        if is_base64 and self._kind is Opcode.TEXT:
            self._wire.fail(CloseCode.INVALID_DATA, "text that is not UTF-8")
            return
        self._socket.active_s = time.monotonic()
        self._hand_on(self._events.message(text, is_base64=is_base64))

    def _hand_on(self, event: dict[str, Any]) -> None:
        self._ahead += 1
        if self._ahead == _AHEAD and self._transport is not None:
            self._transport.pause_reading()
        request_id = event["requestContext"]["requestId"]
        job = self._api.batches.run(lambda: self._api.websocket(event, None))
        job.add_done_callback(partial(self._taken, request_id))

    def _taken(self, request_id: str, job: asyncio.Future[Any]) -> None:
        self._ahead -= 1
        if self._ahead == _AHEAD // 2 and self._transport is not None:
            self._transport.resume_reading()
        error = None if job.cancelled() else job.exception()
        if isinstance(error, Exception):  # the client is told, the connection stays
            self._socket.write(encode_text(error_frame(error, request_id)), time.monotonic())

    def _flush(self) -> None:
        """Send what the protocol has to say: pongs and closing frames."""
        if self._transport is None or self._transport.is_closing():
            return
        for data in self._wire.data_to_send():
            if data:
                self._transport.write(data)
        if self._transport.get_write_buffer_size() > BUFFER_BYTES:  # it asks on and on, and reads no answer
            self._transport.abort()
            return
        if self._wire.close_expected():
            # Whoever was answered by a closing frame may go; who owes us one has a moment for it.
            if self._wire.close_rcvd is not None:
                self._transport.close()
            elif self._due is not None:
                self._due.cancel()
                self._due = self._loop.call_later(_CLOSING_S, self._transport.abort)

    def _wait(self) -> None:
        """Look again when the connection may have been silent, or open, for too long."""
        end_s = self._socket.opened_s + self._api.lifetime_s
        left_s = min(self._socket.active_s + self._api.idle_s, end_s) - time.monotonic()
        self._due = self._loop.call_later(max(left_s, 0), self._wait if left_s > 0 else self.go_away)

    def go_away(self) -> None:
        """End it with a closing frame."""
        if self._wire.state is OPEN:
            self._wire.send_close(CloseCode.GOING_AWAY, "Going away")
            self._flush()


class _Refused(Exception):
    """`$connect` answered with a status of refusal."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer


def _let_go(job: asyncio.Future[Any]) -> None:
    """Nobody is left to be told of an error: entries of dead connections expire."""
    if not job.cancelled():
        job.exception()


def _refusal(error: Exception) -> HttpResponse:
    if isinstance(error, _Refused):
        status, headers = int(error.answer["statusCode"]), error.answer.get("headers") or {}
        return HttpResponse(status, headers, (error.answer.get("body") or "").encode())
    if error.args == ("Unauthorized",):
        error = Unauthenticated("the ticket is missing, used or expired; ask for a new one")
    return http_error_response(error, new_request_id())


def _same_origin(request: Request) -> bool:
    """Whether a browser's page is one of ours. Behind a proxy the page's host is the one the proxy was asked for."""
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return host in {request.host, request.headers.get("x-forwarded-host")}
