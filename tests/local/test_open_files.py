"""`imchat local` at its limit of open files, and after a failed fsync."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.support.local_server import RunningServer, run, running_server

from imchat.errors import Busy
from imchat.local.data_dir import DataDir
from imchat.local.open_files import MAX_OPEN_FILES, max_connections
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.sqlite.wal import StorageFailed, SyncFailed, WriteAheadLog, connect
from imchat.storage.table import Key, Put, Table

pytestmark = pytest.mark.slow

PROGRAM = """
import resource, sys
from pathlib import Path
from imchat.local import run
from imchat.local.server import Options
from imchat.storage.sqlite import wal

resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[3])))

def fail(file):
    raise OSError(5, "Input/output error")

def started(server):
    if len(sys.argv) > 4:  # the database whose disk breaks now
        original = wal.WriteAheadLog._sync_file
        def sync_file(log, file):
            if sys.argv[4] in str(log._path):
                log._sync = fail
            original(log, file)
        wal.WriteAheadLog._sync_file = sync_file
    print(server.max_connections, server.url, flush=True)

run.run(Path(sys.argv[1]), options=Options(port=0), confirm=False, policy=run.OPEN, with_demo=False, started=started,
    deliver=lambda *_: None)
"""


@contextmanager
def program(
    folder: Path, *arguments: str, limits: tuple[int, int]
) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Run the server with a soft and a hard limit of open files: the process, its connection limit and its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), *map(str, limits), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        limit, url = process.stdout.readline().split()
        yield process, int(limit), int(url.rpartition(":")[2])
    finally:
        process.kill()
        process.communicate()


def sign_up(port: int, name: str) -> int:
    config = urlopen(f"http://127.0.0.1:{port}/config.json", timeout=10).read().decode()
    client_id = config.partition('"client_id":"')[2].partition('"')[0]
    body = f'{{"ClientId":"{client_id}","Username":"{name}@example.com","Password":"password1"}}'
    headers = {"X-Amz-Target": "AWSCognitoIdentityProviderService.SignUp"}
    status: int = urlopen(Request(f"http://127.0.0.1:{port}/", body.encode(), headers), timeout=10).status
    return status


def on_machine(tmp_path: Path, test: Callable[[RunningServer], Awaitable[None]], **options: Any) -> None:
    async def body() -> None:
        async with running_server(tmp_path, **options) as made:
            await test(made)

    run(body())


def test_the_soft_limit_is_raised_so_that_idle_connections_do_no_harm(tmp_path: Path) -> None:
    with program(tmp_path, limits=(256, 1024)) as (_, limit, port):
        assert limit == max_connections(1024) == 768
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(400)]
        assert sign_up(port, "ada") == 200
        for connection in idle:
            connection.close()


def test_a_server_full_of_idle_connections_serves_new_ones(tmp_path: Path) -> None:
    with program(tmp_path, limits=(256, 256)) as (_, limit, port):
        assert limit == 192
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(280)]
        assert sign_up(port, "ada") == 200
        for connection in idle:
            connection.close()
        assert sign_up(port, "grace") == 200


async def open_signed_in(m: RunningServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection and send a request of a signed-in user."""
    host, port = m.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ada\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))
    return reader, writer


async def request(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], *headers: bytes
) -> tuple[bytes, bytes]:
    """Request the health check; return the head and the body of the response."""
    reader, writer = connection
    writer.write(b"\r\n".join([b"GET /api/health HTTP/1.1", b"Host: localhost", *headers, b"", b""]))
    head = await reader.readuntil(b"\r\n\r\n")
    return head, await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r")[0]))


def test_at_the_limit_a_new_connection_replaces_the_longest_idle_one_that_has_not_signed_in(
    tmp_path: Path,
) -> None:
    """A request without a valid token changes only how long its connection has been idle."""

    async def test(m: RunningServer) -> None:
        host, port = m.url.removeprefix("http://").split(":")
        member = await open_signed_in(m)
        silent = await asyncio.open_connection(host, int(port))
        stranger = await asyncio.open_connection(host, int(port))
        assert b" 200 " in (await request(stranger, b"Authorization: Bearer bad"))[0]
        beginner = await asyncio.open_connection(host, int(port))
        beginner[1].write(b"GET / HT")
        await asyncio.sleep(0.05)
        assert b" 200 " in (await request(stranger))[0]

        new = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
        assert b" 200 " in (await request(new[0]))[0]

        for closed in (silent, beginner):
            with contextlib.suppress(ConnectionError):
                assert await closed[0].read() == b""
        for kept in (member, stranger, *new):
            assert b" 200 " in (await request(kept))[0]
        for _, writer in (member, silent, stranger, beginner, *new):
            writer.close()

    on_machine(tmp_path, test, max_connections=4)


def test_a_connection_whose_request_is_being_handled_is_not_replaced(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        def on_request(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("x")
            return {"statusCode": 200, "body": "{}"}

        host, port = m.url.removeprefix("http://").split(":")
        stranger = await asyncio.open_connection(host, int(port))
        m.pausable_table.sync_allowed.clear()
        m.pausable_table.sync_started.clear()
        m.on_request = on_request
        waiting = asyncio.ensure_future(request(stranger))
        await m.wait_until(m.pausable_table.sync_started.is_set)
        refused = await asyncio.open_connection(host, int(port))
        assert (await refused[0].read()).startswith(b"HTTP/1.1 503 ")
        m.pausable_table.sync_allowed.set()
        assert b" 200 " in (await waiting)[0]
        for _, writer in (stranger, refused):
            writer.close()

    on_machine(tmp_path, test, max_connections=1)


def test_connections_over_the_limit_get_503_with_retry_after(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        host, port = m.url.removeprefix("http://").split(":")
        sockets = [await m.connect(), await m.connect()]  # upgraded connections count, too
        idle = await open_signed_in(m)
        for _ in range(3):
            reader, writer = await asyncio.open_connection(host, int(port))
            refused = await reader.read()
            assert refused.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in refused
            assert b"\r\nconnection: close\r\n" in refused
            writer.close()
        await sockets[0].send_str("hello")
        assert await sockets[0].receive_str() == "hello"
        idle[1].close()
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()

    on_machine(tmp_path, test, max_connections=3)


@pytest.mark.parametrize(
    ("open_files", "connections"), [(64, 1), (256, 192), (1024, 768), (4096, 3072), (MAX_OPEN_FILES, 64_512)]
)
def test_some_files_are_kept_back(open_files: int, connections: int) -> None:
    assert max_connections(open_files) == connections


@pytest.mark.parametrize("kind", [GroupCommitTable, SqliteTable])
def test_the_log_is_opened_at_the_start(
    tmp_path: Path, kind: type[GroupCommitTable | SqliteTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    with kind.open(tmp_path / "x.db") as table:
        monkeypatch.setattr(os, "open", _too_many_open_files)
        table.write(Put(Key("A", "b"), {"c": 1}))
        assert table.get(Key("A", "b")) == {"c": 1}


def _too_many_open_files(*_: object) -> int:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("kind", [GroupCommitTable, SqliteTable])
def test_too_many_open_files_are_not_a_failed_fsync(
    tmp_path: Path, kind: type[GroupCommitTable | SqliteTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[StorageFailed] = []
    path = tmp_path / "x.db"
    table = kind(connect(path), WriteAheadLog(path))
    table.on_failed(failures.append)
    with table, monkeypatch.context() as patch:
        patch.setattr(os, "open", _too_many_open_files)
        with pytest.raises(Busy) as refused:
            table.write(Put(Key("A", "b"), {"c": 1}))
        assert not isinstance(refused.value, SyncFailed)
        patch.undo()
        table.write(Put(Key("A", "c"), {"c": 2}))
        assert _read(table) == [1, 2]
    assert failures == []


def _read(table: Table) -> list[object]:
    return [(table.get(Key("A", sk)) or {})["c"] for sk in ("b", "c")]


@pytest.mark.parametrize("database", ["identity.db", "imchat.db"])
def test_after_a_failed_fsync_the_process_ends_with_a_clear_message(tmp_path: Path, database: str) -> None:
    with program(tmp_path, database, limits=(1024, 1024)) as (process, _, port):
        with contextlib.suppress(OSError):  # an error status, or the end of the connection
            sign_up(port, "ada")
            _create_profile(port)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 1
        assert "Error: the disk could not store a write: [Errno 5] Input/output error. imchat stops" in errors
        assert "Traceback" not in errors
    with program(tmp_path, limits=(1024, 1024)) as (_, _, port):
        assert sign_up(port, "grace") == 200


@pytest.mark.parametrize("damage", ["overwritten", "cut"])
@pytest.mark.parametrize("database", ["identity.db", "imchat.db"])
def test_a_database_that_is_damaged_while_it_is_used_ends_the_process_with_a_clear_message(
    tmp_path: Path, database: str, damage: str
) -> None:
    data = DataDir.open(tmp_path)
    with (
        data.lock(),
        SqliteTable.open(data.conversations) as chats,
        SqliteTable.open(data.accounts) as accounts,
    ):
        for table in (chats, accounts):
            table.write(*(Put(Key(f"X{number}", "x"), {"text": "x" * 3_000}) for number in range(90)))
    with program(tmp_path, limits=(1024, 1024)) as (process, _, port):
        path = tmp_path / database
        size = path.stat().st_size
        with path.open("r+b") as file:
            if damage == "cut":
                file.truncate(4096)
            else:
                file.seek(4096)
                file.write(b"\xff" * (size - 4096))
        with pytest.raises(OSError, match=r"503|closed|reset|500"):
            _use(port)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 1
        assert f"Error: {path} is damaged (" in errors
        assert "Traceback" not in errors


def _use(port: int) -> None:
    sign_up(port, "ada")
    _create_profile(port)


def _create_profile(port: int) -> None:
    config = urlopen(f"http://127.0.0.1:{port}/config.json", timeout=10).read().decode()
    client_id = config.partition('"client_id":"')[2].partition('"')[0]
    body = (
        f'{{"ClientId":"{client_id}","AuthFlow":"USER_PASSWORD_AUTH",'
        '"AuthParameters":{"USERNAME":"ada@example.com","PASSWORD":"password1"}}'
    )
    headers = {"X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth"}
    answer = urlopen(Request(f"http://127.0.0.1:{port}/", body.encode(), headers), timeout=10).read().decode()
    token = answer.partition('"AccessToken": "')[2].partition('"')[0]
    urlopen(
        Request(f"http://127.0.0.1:{port}/api/me", headers={"Authorization": f"Bearer {token}"}), timeout=10
    )
