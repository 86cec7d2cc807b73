"""Minimal HTTP and WebSocket clients, so that the client is not the bottleneck of a measurement."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from os import urandom
from typing import Final, NamedTuple, cast

_HEAD_END: Final = b"\r\n\r\n"
_TWO_BYTE_LENGTH: Final = 126
_LENGTH_BITS: Final = 0x7F
_MASK_BIT: Final = 0x80
_TEXT_FRAME: Final = 0x81


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    body: bytes


class HttpClient(asyncio.Protocol):
    """A keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[Response] | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, host: str, port: int) -> HttpClient:
        """Open a connection."""
        return (await asyncio.get_running_loop().create_connection(cls, host, port))[1]

    def request(self, request: bytes) -> asyncio.Future[Response]:
        """Send an encoded request; return its response."""
        self._waiting = self._loop.create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport (asyncio callback)."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Complete the waiting request (asyncio callback)."""
        self._buffer += data
        head, found, body = self._buffer.partition(_HEAD_END)
        if not found:
            return
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= size and self._waiting is not None:
            self._buffer = b""
            waiting, self._waiting = self._waiting, None
            if not waiting.done():  # the caller may have been cancelled
                waiting.set_result(Response(int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the waiting request (asyncio callback)."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server closed the connection"))


class WebSocketClient(asyncio.Protocol):
    """A connection that passes each message's payload to `on_message`."""

    def __init__(self, handshake: bytes, on_message: Callable[[bytes], object]) -> None:
        self._handshake = handshake
        self._on_message = on_message
        self._buffer = b""
        self._opened: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport

    @classmethod
    async def connect(
        cls, host: str, port: int, ticket: str, on_message: Callable[[bytes], object]
    ) -> WebSocketClient:
        """Open a connection with a ticket."""
        handshake = (
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64encode(urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Protocol: imchat.v1, ticket.{ticket}\r\n\r\n"
        ).encode()
        protocol = cls(handshake, on_message)
        opened = protocol._opened  # read it now: `data_received` sets the attribute to None
        await asyncio.get_running_loop().create_connection(lambda: protocol, host, port)
        assert opened is not None
        await opened
        return protocol

    def send(self, payload: bytes) -> None:
        """Send a short message, masked with zeros: client frames must be masked."""
        assert len(payload) < _TWO_BYTE_LENGTH
        self._transport.write(bytes([_TEXT_FRAME, _MASK_BIT | len(payload), 0, 0, 0, 0]) + payload)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake (asyncio callback)."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        """Parse the handshake and frames (asyncio callback)."""
        if self._buffer:
            data = self._buffer + data
        if self._opened is not None:
            head, found, rest = data.partition(_HEAD_END)
            if not found:
                self._buffer = data
                return
            if b" 101 " not in head[:13]:
                self._opened.set_exception(ConnectionRefusedError(data.decode()))
                return
            self._opened.set_result(None)
            self._opened = None
            data = rest
        self._buffer = data[self._handle_messages(data) :]

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the handshake that is in progress (asyncio callback)."""
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def _handle_messages(self, data: bytes) -> int:
        """Pass on every complete message; return where the next one begins. Server frames are not masked."""
        start, end = 0, len(data)
        while end - start >= 2:
            size = data[start + 1] & _LENGTH_BITS
            payload = start + 2
            if size >= _TWO_BYTE_LENGTH:
                payload += 2 if size == _TWO_BYTE_LENGTH else 8
                size = int.from_bytes(data[start + 2 : payload])
            if payload + size > end:
                break
            start = payload + size
            self._on_message(data[payload:start])
        return start
