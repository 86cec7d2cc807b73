"""One WebSocket connection's life at `/ws`, as API Gateway leads it: authorizer, `$connect`, messages, `$disconnect`."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from imchat.api.answers import refusal_frame
from imchat.domain.limits import CONNECTION_S
from imchat.entrypoints.bootstrap import Handler
from imchat.errors import Forbidden, ImchatError, Invalid, Unauthenticated
from imchat.local.answers import SECURITY_HEADERS, answer, error_answer
from imchat.local.batch import Batches
from imchat.local.events import Request, WebSocketEvents, granted, new_request_id, text_or_base64
from imchat.local.gateway import MESSAGE_BYTES, LocalGateway, Socket, encode_text

IDLE_S: Final = 10 * 60
"""How long a connection may say and hear nothing. Source: API Gateway quotas, "Idle Connection Timeout"."""
_CLOSING_S: Final = 1.0
"""How long to wait for a client to answer our closing frame."""


class WebSocketApi:
    """The WebSocket API over the application's handlers."""

    def __init__(
        self,
        *,
        authorizer: Handler,
        websocket: Handler,
        batches: Batches,
        gateway: LocalGateway,
        idle_s: float = IDLE_S,
        lifetime_s: float = CONNECTION_S,
    ) -> None:
        self._authorizer = authorizer
        self._websocket = websocket
        self._batches = batches
        self._gateway = gateway
        self._idle_s = idle_s
        self._lifetime_s = lifetime_s
        self._ending: set[asyncio.Task[Any]] = set()

    async def serve(self, http: web.BaseRequest, request: Request) -> web.StreamResponse:
        """Lead the connection from its handshake to its end, or refuse it."""
        ws = web.WebSocketResponse(
            timeout=_CLOSING_S, max_msg_size=MESSAGE_BYTES + 1, compress=False, autoclose=False
        )
        try:
            if not ws.can_prepare(http):
                raise Invalid("this address speaks WebSocket only")
            if not _same_origin(http):
                raise Forbidden("a page of another site may not connect")
            socket = self._gateway.add()
        except ImchatError as error:
            return error_answer(error, new_request_id())
        try:
            return await self._lead(http, request, ws, socket)
        finally:
            self._gateway.remove(socket)

    async def close_all(self) -> None:
        """End every connection with "going away", as when a server stops."""
        for socket in self._gateway.sockets:
            if socket.close is not None:
                socket.close()
        if self._ending:
            await asyncio.wait(self._ending, timeout=_CLOSING_S)

    async def _lead(
        self, http: web.BaseRequest, request: Request, ws: web.WebSocketResponse, socket: Socket
    ) -> web.StreamResponse:
        events = WebSocketEvents(request, socket.connection_id, int(time.time() * 1000))
        try:
            events, welcome = await self._batches.run(lambda: self._connect(events))
        except Exception as error:  # noqa: BLE001 - an authorizer says "Unauthorized" by an exception of no type of its own
            return _refusal(error)
        ws.headers.update(SECURITY_HEADERS)
        ws.headers.update(welcome.get("headers") or {})
        code = int(WSCloseCode.ABNORMAL_CLOSURE)
        try:
            await ws.prepare(http)
            transport = http.transport
            if transport is not None:
                socket.open(transport, lambda: self._end(ws))
                code = await self._listen(ws, socket, events)
        except ConnectionError:
            pass  # the client went away while something was being said to it: an end like any other
        finally:
            self._gateway.remove(socket)
            with suppress(ImchatError):
                await self._batches.run(lambda: self._websocket(events.disconnect(code, ""), None))
        return ws

    def _connect(self, events: WebSocketEvents) -> tuple[WebSocketEvents, dict[str, Any]]:
        """Authorize and connect; the later events carry what the authorizer granted."""
        context = granted(self._authorizer(events.authorize(), None))
        if context is None:
            raise Forbidden("the ticket does not open this connection")
        allowed = WebSocketEvents(events.request, events.connection_id, events.connected_ms, context)
        answer = self._websocket(allowed.connect(), None)
        if int(answer.get("statusCode", 200)) >= 300:  # noqa: PLR2004 - every success is below
            raise _Refused(answer)
        return allowed, answer

    async def _listen(self, ws: web.WebSocketResponse, socket: Socket, events: WebSocketEvents) -> int:
        """Hand on the client's messages until the connection ends; the closing code."""
        end_s = socket.opened_s + self._lifetime_s
        while True:
            now_s = time.monotonic()
            due_s = min(socket.active_s + self._idle_s, end_s)
            if now_s >= due_s:
                await ws.close(code=WSCloseCode.GOING_AWAY, message=b"Going away")
                return WSCloseCode.GOING_AWAY
            try:
                message = await ws.receive(timeout=due_s - now_s)
            except TimeoutError:
                continue
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                if message.type is WSMsgType.CLOSE:
                    await ws.close(code=message.data if message.data in _ECHOED else WSCloseCode.OK)
                return ws.close_code or int(WSCloseCode.ABNORMAL_CLOSURE)
            socket.active_s = time.monotonic()
            text = message.data
            is_base64 = False
            if message.type is WSMsgType.BINARY:
                text, is_base64 = text_or_base64(text)
            await self._hand_on(socket, events.message(text, is_base64=is_base64))

    async def _hand_on(self, socket: Socket, event: dict[str, Any]) -> None:
        try:
            await self._batches.run(lambda: self._websocket(event, None))
        except Exception as error:  # noqa: BLE001 - the client is told, the connection stays
            frame = refusal_frame(error, event["requestContext"]["requestId"])
            socket.write(encode_text(frame), time.monotonic())

    def _end(self, ws: web.WebSocketResponse) -> None:
        task = asyncio.ensure_future(ws.close(code=WSCloseCode.GOING_AWAY, message=b"Going away"))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


_ECHOED: Final = {1000, 1001, *range(3000, 5000)}
"""Closing codes that a client may send and gets back."""


class _Refused(Exception):
    """`$connect` answered with a status of refusal."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer


def _refusal(error: Exception) -> web.StreamResponse:
    if isinstance(error, _Refused):
        status, headers = int(error.answer["statusCode"]), error.answer.get("headers") or {}
        return answer(status, (error.answer.get("body") or "").encode(), headers)
    if error.args == ("Unauthorized",):
        error = Unauthenticated("the ticket is missing, used or expired; ask for a new one")
    return error_answer(error, new_request_id())


def _same_origin(http: web.BaseRequest) -> bool:
    """Whether a browser's page is one of ours. Behind a proxy the page's host is the one the proxy was asked for."""
    origin = http.headers.get("Origin")
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return host in {http.host, http.headers.get("X-Forwarded-Host")}
