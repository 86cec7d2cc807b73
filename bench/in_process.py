"""The server without its sockets: the same parts, fed with requests' bytes, so that what one message takes can be counted."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from bench.scenario import BODY
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.entrypoints import authorizer, bootstrap, http, websocket
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.group_commit import DeferredActions, GroupCommitQueue
from imchat.local.http.connection import Connection, OpenConnections
from imchat.local.server import Handlers, LocalServer, Options
from imchat.services import conversations, users
from imchat.services.app import App
from imchat.services.rate_limiter import RateLimiter
from imchat.storage.repositories import connections
from imchat.storage.sqlite.group_commit_table import GroupCommitTable

PAIRS: Final = 10
IN_FLIGHT: Final = 8
MESSAGES: Final = PAIRS * IN_FLIGHT
"""Of one round: all of them are there at once, and answered before the next."""


class _Wire(asyncio.Transport):
    """Where the bytes go."""

    def __init__(self, on_write: Callable[[bytes], object]) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self._on_write = on_write

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._on_write(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


class _SignIn:
    """Knows everybody by a token as long as a real one."""

    pool_id = "local_bench"
    client_id = "bench"

    def __init__(self) -> None:
        self._claims: dict[str, Mapping[str, Any]] = {}

    def token(self, user_id: UserId) -> str:
        token = f"{'e' * 800}.{user_id}"
        names = ("iss", "origin_jti", "event_id", "jti", "scope", "username")
        self._claims[token] = {
            **dict.fromkeys(names, "x" * 36),
            "sub": user_id,
            "token_use": "access",
            "exp": 2**33,
        }
        return token

    def verify_access_token(self, token: str) -> Mapping[str, Any]:
        return self._claims[token]


@dataclass(slots=True)
class _Pair:
    """A direct conversation, the beginnings of its two members' requests, and what these name as their connections."""

    heads: list[bytes]
    named: list[bytes]
    last_seq: int

    def learn(self, answer: bytes) -> None:
        at = answer.rfind(b'"seq":') + 6
        self.last_seq = max(self.last_seq, int(answer[at : answer.find(b",", at)]))


async def play(folder: Path, rounds: int) -> None:
    """Send `rounds` times 80 messages in ten direct conversations, and wait for every answer."""
    gateway, deferred, sign_in = LocalGateway(), DeferredActions(), _SignIn()
    with GroupCommitTable.open(folder / "imchat.db") as table:
        app = App(
            table=table,
            gateway=gateway,
            now_ms=bootstrap.now_ms,
            new_id=bootstrap.new_id,
            runtime=deferred,
            rate_limiter=RateLimiter(10**9),
        )
        handlers = Handlers(
            http.create_handler(app), websocket.create_handler(app), authorizer.create_handler(app)
        )
        server = LocalServer(
            handlers=handlers,
            store=table,
            gateway=gateway,
            sign_in=cast("Any", sign_in),
            purge_accounts=lambda *_: 0,
            site=cast("Any", None),
            options=Options(),
        )
        server._queue = queue = GroupCommitQueue(table, gateway, deferred.run)
        pairs = [_pair(app, gateway, sign_in, number) for number in range(PAIRS)]
        await _rounds(server, pairs, rounds)
        await queue.close()


def _pair(app: App, gateway: LocalGateway, sign_in: _SignIn, number: int) -> _Pair:
    people = [UserId(f"{number:08d}-0000-4000-8000-{side:012d}") for side in range(2)]
    named: list[bytes] = []
    for side, user_id in enumerate(people):
        users.update_profile(app, user_id, handle=f"p{number}_{side}", display_name="Person")
        socket = gateway.add()
        socket.open(_Wire(len), lambda: None)
        connections.add(app.table, user_id, ConnectionId(socket.connection_id), now_s=int(time.time()))
        named.append(socket.connection_id.encode())
    head = conversations.create_direct(app, *people)[0].head
    return _Pair([_head(head.conversation_id, sign_in.token(one)) for one in people], named, head.last_seq)


def _head(conversation_id: ConversationId, token: str) -> bytes:
    return (
        f"POST /api/conversations/{conversation_id}/messages HTTP/1.1\r\nHost: 127.0.0.1:8484\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    ).encode()


async def _rounds(server: LocalServer, pairs: list[_Pair], rounds: int) -> None:
    numbers = itertools.count(1)
    waiting = 0
    answered = asyncio.Event()

    def take(pair: _Pair) -> Callable[[bytes], None]:
        def on_answer(data: bytes) -> None:
            nonlocal waiting
            assert data.startswith(b"HTTP/1.1 201 "), data
            pair.learn(data)
            waiting -= 1
            if waiting == 0:
                answered.set()

        return on_answer

    lines: list[tuple[_Pair, int, Connection]] = []
    for pair, number in itertools.product(pairs, range(IN_FLIGHT)):
        connection = Connection(server._handle, OpenConnections())
        connection.connection_made(_Wire(take(pair)))
        lines.append((pair, number % 2, connection))
    for _round in range(rounds):
        waiting = len(lines)
        answered.clear()
        for pair, side, connection in lines:
            fields = b'{"client_message_id":"%032x","body":"%b","after_seq":%d,"connection_id":"%b"}'
            content = fields % (next(numbers), BODY, pair.last_seq, pair.named[side])
            connection.data_received(
                b"%bContent-Length: %d\r\n\r\n%b" % (pair.heads[side], len(content), content)
            )
        await answered.wait()


def main(rounds: int) -> None:
    """Play in a folder that goes afterwards; a batch may run as long as it likes, so that counting does not cut it short."""
    import uvloop  # noqa: PLC0415 - not made for Windows

    from imchat.local import group_commit  # noqa: PLC0415 - to be changed, here only

    group_commit.MAX_RUN_S = 1000.0  # type: ignore[misc]  # Final, but for this
    with TemporaryDirectory() as folder:
        uvloop.run(play(Path(folder), rounds))
