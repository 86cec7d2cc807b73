"""Runs the server without sockets on raw request bytes, so that the instructions of one message can be counted."""

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
from imchat.local.http.connection import Connection
from imchat.local.server import Handlers, LocalServer, Options
from imchat.services import conversations, users
from imchat.services.app import App
from imchat.services.rate_limiter import RateLimiter
from imchat.storage.repositories import connections
from imchat.storage.sqlite.group_commit_table import GroupCommitTable

PAIRS: Final = 10
IN_FLIGHT: Final = 8
MESSAGES: Final = PAIRS * IN_FLIGHT
"""Messages per round: all are sent at once and answered before the next round."""


class _Transport(asyncio.Transport):
    """A transport that passes written bytes to a function."""

    def __init__(self, on_write: Callable[[bytes], object]) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self._on_write = on_write

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._on_write(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


class _TokenTable:
    """Looks up claims by token; its tokens are as long as real ones."""

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
    """A direct conversation, with the request heads and connection ids of its two members."""

    request_heads: list[bytes]
    connection_ids: list[bytes]
    last_seq: int

    def update_last_seq(self, response: bytes) -> None:
        at = response.rfind(b'"seq":') + 6
        self.last_seq = max(self.last_seq, int(response[at : response.find(b",", at)]))


async def send_messages(folder: Path, rounds: int) -> None:
    """Send `rounds` times 80 messages in ten direct conversations, and wait for every response."""
    gateway, deferred, sign_in = LocalGateway(), DeferredActions(), _TokenTable()
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
        pairs = [_create_pair(app, gateway, sign_in, number) for number in range(PAIRS)]
        await _send_rounds(server, pairs, rounds)
        await queue.close()


def _create_pair(app: App, gateway: LocalGateway, sign_in: _TokenTable, number: int) -> _Pair:
    people = [UserId(f"{number:08d}-0000-4000-8000-{side:012d}") for side in range(2)]
    connection_ids: list[bytes] = []
    for side, user_id in enumerate(people):
        users.update_profile(app, user_id, handle=f"p{number}_{side}", display_name="SignedInUser")
        socket = gateway.add()
        socket.open(_Transport(len), lambda: None)
        connections.add(app.table, user_id, ConnectionId(socket.connection_id), now_s=int(time.time()))
        connection_ids.append(socket.connection_id.encode())
    head = conversations.create_direct(app, *people).head
    return _Pair(
        [_request_head(head.conversation_id, sign_in.token(user_id)) for user_id in people],
        connection_ids,
        head.last_seq,
    )


def _request_head(conversation_id: ConversationId, token: str) -> bytes:
    return (
        f"POST /api/conversations/{conversation_id}/messages HTTP/1.1\r\nHost: 127.0.0.1:8484\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    ).encode()


async def _send_rounds(server: LocalServer, pairs: list[_Pair], rounds: int) -> None:
    numbers = itertools.count(1)
    waiting = 0
    answered = asyncio.Event()

    def expect(pair: _Pair) -> Callable[[bytes], None]:
        def on_response(data: bytes) -> None:
            nonlocal waiting
            assert data.startswith(b"HTTP/1.1 201 "), data
            pair.update_last_seq(data)
            waiting -= 1
            if waiting == 0:
                answered.set()

        return on_response

    clients: list[tuple[_Pair, int, Connection]] = []
    for pair, number in itertools.product(pairs, range(IN_FLIGHT)):
        connection = Connection(server._http.context)
        connection.connection_made(_Transport(expect(pair)))
        clients.append((pair, number % 2, connection))
    for _round in range(rounds):
        waiting = len(clients)
        answered.clear()
        for pair, side, connection in clients:
            fields = b'{"client_message_id":"%032x","body":"%b","after_seq":%d,"connection_id":"%b"}'
            content = fields % (next(numbers), BODY, pair.last_seq, pair.connection_ids[side])
            connection.data_received(
                b"%bContent-Length: %d\r\n\r\n%b" % (pair.request_heads[side], len(content), content)
            )
        await answered.wait()


def main(rounds: int) -> None:
    """Send the messages in a temporary folder, without the time limits of batches: valgrind would exceed them."""
    import uvloop  # noqa: PLC0415 - not available on Windows

    from imchat.local import group_commit  # noqa: PLC0415 - changed below

    group_commit.MAX_RUN_S = 1000.0  # type: ignore[misc]  # Final, except here
    group_commit.LONG_JOB_S = 1000.0  # type: ignore[attr-defined]  # as above
    with TemporaryDirectory() as folder:
        uvloop.run(send_messages(Path(folder), rounds))
