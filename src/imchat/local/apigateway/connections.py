"""The sockets of `imchat local`, and the `Gateway` that posts to them the way API Gateway does."""

from __future__ import annotations

import asyncio
import os
import struct
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from imchat.errors import TooLarge

MESSAGE_BYTES: Final = 128 * 1024
"""Longest message, either way. Source: API Gateway quotas, "WebSocket message payload size"."""
BUFFER_BYTES: Final = 1024 * 1024
"""What may wait for a slow reader. Past it the socket is closed: the reader catches up from the log."""

_TEXT: Final = 0x81  # a whole text message in one frame
_ONE_BYTE: Final = 126
_TWO_BYTES: Final = 1 << 16


class Socket:
    """One client's connection. Until `open`, what is posted to it waits."""

    __slots__ = ("_early", "_ended", "_transport", "active_s", "close", "connection_id", "opened_s")

    def __init__(self, connection_id: str) -> None:
        self.connection_id = connection_id
        self.opened_s = self.active_s = time.monotonic()
        self.close: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._ended = False

    def open(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        """The handshake is over: send what waited. `close` ends the connection with a proper closing frame."""
        self._transport = transport
        self.close = close
        self.write(b"".join(self._early), self.active_s)
        self._early = []
        if self._ended:
            close()

    def end(self) -> None:
        """End the connection, or, before `open`, see to it that it ends then."""
        self._ended = True
        if self.close is not None:
            self.close()

    def write(self, frames: bytes, now_s: float) -> None:
        """Send encoded frames, or end the connection if its reader is too slow."""
        if self._transport is None:
            self._early.append(frames)
        elif self._transport.get_write_buffer_size() > BUFFER_BYTES:
            self._transport.abort()
        elif frames and not self._transport.is_closing():
            self._transport.write(frames)
            self.active_s = now_s


class LocalGateway:
    """Holds back what the jobs of a batch post until the batch is durable: a `Gateway` and an `Outbox`."""

    def __init__(self) -> None:
        self._sockets: dict[str, Socket] = {}
        self._posts: list[tuple[list[Socket], bytes]] = []
        self._closing: list[Socket] = []

    @property
    def sockets(self) -> list[Socket]:
        """All connections there are."""
        return list(self._sockets.values())

    def add(self) -> Socket:
        """A new connection under an id like API Gateway's."""
        socket = Socket(b64encode(os.urandom(11)).decode())
        self._sockets[socket.connection_id] = socket
        return socket

    def remove(self, socket: Socket) -> None:
        """The connection ended: posts to it answer "gone" from here on."""
        self._sockets.pop(socket.connection_id, None)

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        """Send `frame` (a JSON text, at most 128 KB) to each connection after the commit; the ids that are gone.

        Raises: TooLarge.
        """
        if len(frame) > MESSAGE_BYTES:
            raise TooLarge(
                f"a frame has {len(frame):,} bytes; {MESSAGE_BYTES:,} is the most", limit=MESSAGE_BYTES
            )
        there: list[Socket] = []
        gone: set[str] = set()
        for connection_id in connection_ids:
            socket = self._sockets.get(connection_id)
            if socket is None:
                gone.add(connection_id)
            else:
                there.append(socket)
        if there:
            self._posts.append((there, encode_text(frame)))
        return gone

    def disconnect(self, connection_id: str) -> None:
        """End the connection after the commit, if it is there."""
        socket = self._sockets.get(connection_id)
        if socket is not None:
            self._closing.append(socket)

    def take(self) -> Callable[[], None]:
        """Take what was posted since the last call; what to call once it is durable: one write for each recipient."""
        posts, self._posts = self._posts, []
        closing, self._closing = self._closing, []
        return partial(_send, posts, closing) if posts or closing else _nothing


def _nothing() -> None:
    pass


def _send(posts: list[tuple[list[Socket], bytes]], closing: list[Socket]) -> None:
    now_s = time.monotonic()
    if len(posts) == 1:
        [(sockets, frame)] = posts
        for socket in sockets:
            socket.write(frame, now_s)
    else:
        frames: dict[Socket, list[bytes]] = {}
        for sockets, frame in posts:
            for socket in sockets:
                frames.setdefault(socket, []).append(frame)
        for socket, parts in frames.items():
            socket.write(b"".join(parts), now_s)
    for socket in closing:
        socket.end()


def encode_text(payload: bytes) -> bytes:
    """`payload` as one WebSocket text frame of a server (RFC 6455, section 5.2).

    Encoded here, once for all recipients, because framing it anew for each would cost more than the write.
    """
    size = len(payload)
    if size < _ONE_BYTE:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < _TWO_BYTES:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload
