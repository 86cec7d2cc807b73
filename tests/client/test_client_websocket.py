"""The client reopens the WebSocket after the gateway closes it, as gateways do after two hours or ten idle minutes."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from imchat.client.websocket import CONNECTED, Connection
from imchat.errors import Unauthenticated


def test_a_closed_connection_is_reopened_with_a_new_ticket() -> None:
    seen: list[str] = []

    async def gateway(socket: ServerConnection) -> None:
        seen.append(socket.request.headers["Sec-WebSocket-Protocol"] if socket.request else "")
        await socket.send(json.dumps({"type": "typing", "number": len(seen)}))
        await socket.close(1001, "Going away")

    async def ticket() -> str:
        return str(len(seen) + 1)

    async def body() -> list[object]:
        async with (
            asyncio.timeout(20),
            serve(gateway, "127.0.0.1", 0, subprotocols=[Subprotocol("imchat.v1")]) as server,
        ):
            port = next(iter(server.sockets)).getsockname()[1]
            frames: list[object] = []
            async for frame in Connection(f"ws://127.0.0.1:{port}/", ticket).frames():
                frames.append(frame)
                if len(frames) == 4:
                    break
            return frames

    first, second = {"type": "typing", "number": 1}, {"type": "typing", "number": 2}
    assert asyncio.run(body()) == [CONNECTED, first, CONNECTED, second]
    assert [offered.rpartition(".")[2] for offered in seen] == ["1", "2"]


def test_the_frames_end_with_the_error_when_the_sign_in_has_ended() -> None:
    async def ticket() -> str:
        raise Unauthenticated("the sign-in has ended; sign in again")

    async def body() -> None:
        async for _ in Connection("ws://127.0.0.1:1/", ticket).frames():
            raise AssertionError("there is no connection")

    with pytest.raises(Unauthenticated):
        asyncio.run(body())
