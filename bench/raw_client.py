"""HTTP and WebSocket as lean as Python allows, so that the client never is what is measured."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from os import urandom
from typing import Final, NamedTuple, cast

_END: Final = b"\r\n\r\n"
_TWO_BYTES: Final = 126
_LENGTH: Final = 0x7F
_MASKED: Final = 0x80
_TEXT: Final = 0x81


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes


class Http(asyncio.Protocol):
    """A connection that is kept open, with one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._waiting: asyncio.Future[Answer] | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport

    @classmethod
    async def connect(cls, host: str, port: int) -> Http:
        """A new connection."""
        return (await asyncio.get_running_loop().create_connection(cls, host, port))[1]

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a whole request."""
        self._waiting = self._loop.create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._buffer += data
        head, found, body = self._buffer.partition(_END)
        if not found:
            return
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= size and self._waiting is not None:
            self._buffer = b""
            waiting, self._waiting = self._waiting, None
            waiting.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server closed the connection"))


class WebSocket(asyncio.Protocol):
    """A connection that hands each message's payload to `on_message`."""

    def __init__(self, handshake: bytes, on_message: Callable[[bytes], object]) -> None:
        self._handshake = handshake
        self._on_message = on_message
        self._buffer = b""
        self._opened: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport

    @classmethod
    async def connect(
        cls, host: str, port: int, ticket: str, on_message: Callable[[bytes], object]
    ) -> WebSocket:
        """A new connection, opened by a ticket."""
        handshake = (
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64encode(urandom(16)).decode()}\r\n"
            f"Sec-WebSocket-Protocol: imchat.v1, ticket.{ticket}\r\n\r\n"
        ).encode()
        protocol = cls(handshake, on_message)
        opened = protocol._opened  # which the answer, if it is here already, has replaced by None
        await asyncio.get_running_loop().create_connection(lambda: protocol, host, port)
        assert opened is not None
        await opened
        return protocol

    def say(self, payload: bytes) -> None:
        """Send a short message. The mask that a client's frames must have is that of zeros."""
        assert len(payload) < _TWO_BYTES
        self._transport.write(bytes([_TEXT, _MASKED | len(payload), 0, 0, 0, 0]) + payload)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._buffer:
            data = self._buffer + data
        if self._opened is not None:
            head, found, rest = data.partition(_END)
            if not found:
                self._buffer = data
                return
            if b" 101 " not in head[:13]:
                self._opened.set_exception(ConnectionRefusedError(data.decode()))
                return
            self._opened.set_result(None)
            self._opened = None
            data = rest
        self._buffer = data[self._take(data) :]

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def _take(self, data: bytes) -> int:
        """Hand on every whole message; where the next one begins. A server's frames have no mask."""
        start, end = 0, len(data)
        while end - start >= 2:
            size = data[start + 1] & _LENGTH
            payload = start + 2
            if size >= _TWO_BYTES:
                payload += 2 if size == _TWO_BYTES else 8
                size = int.from_bytes(data[start + 2 : payload])
            if payload + size > end:
                break
            start = payload + size
            self._on_message(data[payload:start])
        return start
