"""The floor, the baseline for comparison: a bare aiohttp server with SQLite group commit, without sign-in or validation.

It handles the requests that the benchmarks send. The ratio between a figure of imchat and of the floor, measured in the
same minute, is comparable between machines. Tokens, tickets and connection ids are user ids.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
import uvloop
from aiohttp import web

from imchat.local.data_dir import DataDir

_SCHEMA: Final = """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS events (room, seq, event, PRIMARY KEY (room, seq)) WITHOUT ROWID"""
_INSERT: Final = "INSERT INTO events VALUES (?, ?, ?)"
_NEWEST: Final = "SELECT event FROM events WHERE room = ? ORDER BY seq DESC LIMIT ?"


class BaselineServer:
    """Keeps rooms in memory and events in SQLite; responses are sent after an fsync shared by a batch."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(_SCHEMA)
        self._members: dict[str, list[str]] = {}
        self._last_seq: defaultdict[str, int] = defaultdict(lambda: 1)
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._queue: list[tuple[str, int, str, str | None, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    def application(self) -> web.Application:
        """Return the application with the routes that the benchmarks use."""
        application = web.Application()
        application.add_routes(
            [
                web.post("/api/realtime/tickets", self._create_ticket),
                web.post("/api/conversations", self._create_conversation),
                web.post("/api/conversations/{room}/members", self._add_members),
                web.post("/api/conversations/{room}/messages", self._send_message),
                web.get("/api/conversations/{room}/events", self._read_events),
                web.get("/ws", self._connect),
            ]
        )
        return application

    def fill(self, room: str, events: Iterable[str]) -> None:
        """Write events to a room's log."""
        self._commit([(room, seq, event) for seq, event in enumerate(events, 1)])

    async def _create_ticket(self, request: web.Request) -> web.Response:
        return web.json_response({"ticket": _user_id(request)}, status=201)

    async def _create_conversation(self, request: web.Request) -> web.Response:
        room = str(len(self._members))
        self._members[room] = [_user_id(request), *(await request.json())["member_ids"]]
        return _conversation_response(room)

    async def _add_members(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        self._members[room] += (await request.json())["user_ids"]
        return _conversation_response(room)

    async def _send_message(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = json.loads(await request.read())
        room = request.match_info["room"]
        self._last_seq[room] = seq = self._last_seq[room] + 1
        message = {"client_message_id": body["client_message_id"], "body": body["body"]}
        event = json.dumps({"seq": seq, "type": "message.created", "message": message})
        durable = asyncio.get_running_loop().create_future()
        self._queue.append((room, seq, event, body["connection_id"], durable))
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit_batches())
        await durable
        return web.Response(status=201, text=f'{{"event":{event}}}')

    async def _read_events(self, request: web.Request) -> web.Response:
        newest = request.match_info["room"], int(request.query["limit"])
        rows = self._database.execute(_NEWEST, newest).fetchall()
        return web.Response(text=f'{{"events":[{",".join(row[0] for row in reversed(rows))}]}}')

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        protocol, ticket = (part.strip() for part in request.headers["Sec-WebSocket-Protocol"].split(","))
        socket = web.WebSocketResponse(protocols=[protocol], compress=False)
        await socket.prepare(request)
        user = ticket.removeprefix("ticket.")
        self._sockets[user] = socket
        async for _ in socket:
            await socket.send_json({"type": "pong", "connection_id": user})
        self._sockets.pop(user, None)
        return socket

    async def _commit_batches(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, []
            await asyncio.to_thread(self._commit, [row[:3] for row in batch])
            for room, _, event, skip_connection, durable in batch:
                frame = f'{{"type":"events","conversation_id":"{room}","events":[{event}]}}'
                for user in self._members[room]:
                    if user in self._sockets and user != skip_connection:
                        await self._sockets[user].send_str(frame)
                durable.set_result(None)
            await asyncio.sleep(0)
        self._committing = None

    def _commit(self, rows: Iterable[tuple[str, int, str]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(_INSERT, rows)
        self._database.execute("COMMIT")


def _user_id(request: web.Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


def _conversation_response(room: str) -> web.Response:
    return web.json_response({"conversation": {"conversation_id": room, "last_seq": 1}}, status=201)


async def _serve(data_dir: Path, port: int) -> None:
    data = DataDir.open(data_dir)
    runner = web.AppRunner(BaselineServer(data_dir / "floor.db").application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    with data.announce(f"http://127.0.0.1:{runner.addresses[0][1]}"):
        await asyncio.Event().wait()


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), required=True)
@click.option("--port", type=int, default=0)
def main(data_dir: Path, port: int) -> None:
    """Serve until killed."""
    uvloop.run(_serve(data_dir, port))


if __name__ == "__main__":
    main()
