"""The WebSocket connections of `imchat local`, and the `Gateway` that posts to them as API Gateway does."""

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

MAX_MESSAGE_BYTES: Final = 128 * 1024
"""Longest message in either direction. Source: API Gateway quotas, "WebSocket message payload size"."""
MAX_BUFFER_BYTES: Final = 1024 * 1024
"""Unsent bytes for a slow client; beyond them its connection is closed, and it catches up from the log."""

_TEXT_FRAME: Final = 0x81  # an unfragmented text message
_ONE_BYTE_LIMIT: Final = 126
_TWO_BYTES_LIMIT: Final = 1 << 16


class Socket:
    """One client connection. Frames written before `open` are sent when it opens."""

    __slots__ = ("_ended", "_pending_frames", "_transport", "active_s", "close", "connection_id", "opened_s")

    def __init__(self, connection_id: str) -> None:
        self.connection_id = connection_id
        self.opened_s = self.active_s = time.monotonic()
        self.close: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None
        self._pending_frames: list[bytes] = []
        self._ended = False

    def open(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        """Send the pending frames after the handshake. `close` closes the connection with a closing frame."""
        self._transport = transport
        self.close = close
        self.write(b"".join(self._pending_frames), self.active_s)
        self._pending_frames = []
        if self._ended:
            close()

    def end(self) -> None:
        """Close the connection, or before `open`: close it as soon as it opens."""
        self._ended = True
        if self.close is not None:
            self.close()

    def write(self, frames: bytes, now_s: float) -> None:
        """Send encoded frames, or close the connection if its client reads too slowly."""
        if self._transport is None:
            self._pending_frames.append(frames)
        elif self._transport.get_write_buffer_size() > MAX_BUFFER_BYTES:
            self._transport.abort()
        elif frames and not self._transport.is_closing():
            self._transport.write(frames)
            self.active_s = now_s


class LocalGateway:
    """A `Gateway` and an `OutgoingBuffer`: holds what the jobs of a batch post until the batch is durable."""

    def __init__(self) -> None:
        self._sockets: dict[str, Socket] = {}
        self._posts: list[tuple[list[Socket], bytes]] = []
        self._closing: list[Socket] = []

    @property
    def sockets(self) -> list[Socket]:
        """All open connections."""
        return list(self._sockets.values())

    def add(self) -> Socket:
        """Add a connection, with an id in API Gateway's format."""
        socket = Socket(b64encode(os.urandom(11)).decode())
        self._sockets[socket.connection_id] = socket
        return socket

    def remove(self, socket: Socket) -> None:
        """Remove a connection that has closed; posts to it then report it as gone."""
        self._sockets.pop(socket.connection_id, None)

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        """Send `frame` (a JSON text, at most 128 KB) to each connection after the commit; return the closed ids.

        Raises: TooLarge.
        """
        if len(frame) > MAX_MESSAGE_BYTES:
            raise TooLarge(
                f"a frame has {len(frame):,} bytes; the limit is {MAX_MESSAGE_BYTES:,}",
                limit=MAX_MESSAGE_BYTES,
            )
        open_sockets: list[Socket] = []
        gone: set[str] = set()
        for connection_id in connection_ids:
            socket = self._sockets.get(connection_id)
            if socket is None:
                gone.add(connection_id)
            else:
                open_sockets.append(socket)
        if open_sockets:
            self._posts.append((open_sockets, encode_text_frame(frame)))
        return gone

    def disconnect(self, connection_id: str) -> None:
        """Close the connection after the commit, if it is open."""
        socket = self._sockets.get(connection_id)
        if socket is not None:
            self._closing.append(socket)

    def take(self) -> Callable[[], None]:
        """Remove the posts since the last call; return the function that sends them, one write per connection."""
        posts, self._posts = self._posts, []
        closing, self._closing = self._closing, []
        return partial(_send, posts, closing) if posts or closing else _do_nothing


def _do_nothing() -> None:
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


def encode_text_frame(payload: bytes) -> bytes:
    """Encode `payload` as one WebSocket text frame of a server (RFC 6455, section 5.2).

    Encoded once for all recipients: framing it for each would cost more than the write.
    """
    size = len(payload)
    if size < _ONE_BYTE_LIMIT:
        return struct.pack("!BB", _TEXT_FRAME, size) + payload
    if size < _TWO_BYTES_LIMIT:
        return struct.pack("!BBH", _TEXT_FRAME, 126, size) + payload
    return struct.pack("!BBQ", _TEXT_FRAME, 127, size) + payload
