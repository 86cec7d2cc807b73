"""Group commit: nothing is sent before it is durable, and requests that could not be stored get an error."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from tests.support.local_server import (
    AUTHORIZATION,
    CONNECT_RESPONSE,
    PausableTable,
    RunningServer,
    run,
    running_server,
)
from tests.support.other_process import transaction_elsewhere

from imchat.errors import Busy
from imchat.local import group_commit
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.fair_queue import LONG_JOB_S, MAX_WAITING_PER_OWNER
from imchat.local.group_commit import MAX_JOBS, DeferredActions, GroupCommitQueue
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.wal import CHECKPOINT_BYTES, LONG_LOG_BYTES, Locked
from imchat.storage.table import Delete, Key, KeyRange, Put


def on_machine(tmp_path: Path, test: Callable[[RunningServer], Awaitable[None]]) -> None:
    async def body() -> None:
        async with running_server(tmp_path) as server:
            await test(server)

    run(body())


def on_table(
    tmp_path: Path,
    test: Callable[[PausableTable, GroupCommitQueue], Awaitable[None]],
    run_deferred: Callable[[], None] = lambda: None,
) -> None:
    async def body() -> None:
        with GroupCommitTable.open(tmp_path / "imchat.db") as table:
            pausable = PausableTable(table)
            queue = GroupCommitQueue(pausable, LocalGateway(), run_deferred)
            await test(pausable, queue)
            await queue.close()

    run(body())


async def post(m: RunningServer, name: str) -> tuple[int, dict[str, Any]]:
    async with m.session.post(f"{m.url}/api/{name}", headers=AUTHORIZATION) as response:
        return response.status, await response.json(content_type=None)


def store_and_push(m: RunningServer) -> None:
    """Make every request store its path and push it to all connections."""

    def reply(event: dict[str, Any]) -> dict[str, Any]:
        ids = [socket.connection_id for socket in m.gateway.sockets]
        m.gateway.post(ids, event["rawPath"].encode())
        m.write(event["rawPath"])
        return {"statusCode": 200, "body": "{}"}

    m.on_request = reply


async def read_status(m: RunningServer, user: str) -> int:
    """Send a request on a new connection as this user; return the status."""
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {user}"}
        async with session.get(f"{m.url}/api/me", headers=headers) as response:
            await response.read()
            return response.status


@contextmanager
def locked(table: PausableTable) -> Iterator[None]:
    """Let no batch begin until the block ends."""
    begin = table.begin

    def wait() -> None:
        raise Locked("another process writes")

    table.begin = wait
    try:
        yield
    finally:
        table.begin = begin


async def assert_still_waiting(*waiting: asyncio.Future[Any]) -> None:
    done, _ = await asyncio.wait(waiting, timeout=0.15)
    assert not done


def test_deferred_actions_run_once_at_the_end_of_their_batch_and_are_durable_with_it(
    tmp_path: Path,
) -> None:
    deferred = DeferredActions()
    done: list[int] = []

    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        def defer_write(number: int) -> list[int]:
            deferred.defer("head", lambda: write(number))
            return done.copy()

        def write(number: int) -> None:
            done.append(number)
            pausable_table.table.write(Put(Key("TEST", "head"), {"number": number}))

        seen = await asyncio.gather(*(queue.run(partial(defer_write, number)) for number in range(5)))
        assert seen == [[]] * 5
        assert done == [4]
        assert pausable_table.syncs == 1
        await queue.run(lambda: None)
        assert done == [4]

    on_table(tmp_path, test, deferred.run)


def test_responses_and_pushes_are_sent_only_after_the_sync(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        store_and_push(m)
        m.pausable_table.sync_allowed.clear()
        response = asyncio.ensure_future(post(m, "one"))
        push = asyncio.ensure_future(ws.receive_str())

        await assert_still_waiting(response, push)
        m.pausable_table.sync_allowed.set()

        assert (await response)[0] == 200
        assert await push == "/api/one"

    on_machine(tmp_path, test)


def test_a_failed_commit_or_sync_returns_busy_and_sends_no_push(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        store_and_push(m)
        m.pausable_table.sync_allowed.clear()
        m.pausable_table.sync_started.clear()
        first = asyncio.ensure_future(post(m, "first"))
        await m.wait_until(m.pausable_table.sync_started.is_set)
        second, third = (asyncio.ensure_future(post(m, name)) for name in ("second", "third"))
        await assert_still_waiting(first, second, third)
        m.pausable_table.broken = True
        m.pausable_table.sync_allowed.set()

        for status, body in await asyncio.gather(first, second, third):
            assert status == 503
            assert body["error"]["code"] == "busy"
            assert body["error"]["retryable"] is True
        m.pausable_table.broken = False
        assert (await post(m, "fourth"))[0] == 200
        assert await ws.receive_str() == "/api/fourth"

    on_machine(tmp_path, test)


def test_a_connection_whose_commit_fails_is_rejected(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        def greet(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("connection")
            return {"statusCode": 200}

        m.on_connect = greet
        m.pausable_table.broken = True
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await m.connect()
        assert refused.value.status == 503
        assert m.gateway.sockets == []

    on_machine(tmp_path, test)


def test_requests_that_arrive_during_a_sync_share_the_next_one(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        pausable_table.sync_allowed.clear()
        first = queue.run(lambda: pausable_table.table.write(Put(Key("A", "0"), {})))
        await asyncio.to_thread(pausable_table.sync_started.wait, 10)
        rest = [
            queue.run(partial(pausable_table.table.write, Put(Key("A", str(n)), {}))) for n in range(1, 9)
        ]
        await assert_still_waiting(first, *rest)
        pausable_table.sync_allowed.set()

        await asyncio.gather(first, *rest)

        assert pausable_table.syncs == 2
        assert len(pausable_table.table.query(KeyRange("A"))) == 9

    on_table(tmp_path, test)


def test_a_read_waits_until_the_data_it_returns_is_durable(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        pausable_table.sync_allowed.clear()
        key = Key("A", "1")
        written = queue.run(lambda: pausable_table.table.write(Put(key, {"n": 1})))
        seen_in_batch = queue.run(lambda: pausable_table.table.get(key))
        await asyncio.to_thread(pausable_table.sync_started.wait, 10)
        seen_later = queue.run(lambda: pausable_table.table.get(key))

        await assert_still_waiting(written, seen_in_batch, seen_later)
        pausable_table.sync_allowed.set()

        assert await seen_in_batch == await seen_later == {"n": 1}

    on_table(tmp_path, test)


def test_a_read_of_data_that_could_not_be_synced_returns_busy(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        pausable_table.sync_allowed.clear()
        key = Key("A", "1")
        written = queue.run(lambda: pausable_table.table.write(Put(key, {"n": 1})))
        await asyncio.to_thread(pausable_table.sync_started.wait, 10)
        seen_later = queue.run(lambda: pausable_table.table.get(key))
        await assert_still_waiting(written, seen_later)
        pausable_table.broken = True
        pausable_table.sync_allowed.set()

        for refused in (written, seen_later):
            with pytest.raises(Busy):
                await refused

    on_table(tmp_path, test)


def test_jobs_run_in_order_and_many_jobs_run_in_several_batches(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        order: list[int] = []
        batches_begun = itertools.count()

        def begin() -> None:
            next(batches_begun)
            pausable_table.table.begin()

        pausable_table.begin = begin

        def job(number: int) -> int:
            order.append(number)
            pausable_table.table.write(Put(Key("A", str(number)), {}))
            return number

        count = 2 * MAX_JOBS + 1
        responses = await asyncio.gather(*(queue.run(partial(job, n)) for n in range(count)))

        assert responses == order == list(range(count))
        assert next(batches_begun) >= 3

    on_table(tmp_path, test)


def test_a_user_with_many_waiting_requests_does_not_delay_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP requests, WebSocket messages and handshakes of one user or address share its turns."""
    # On a busy machine the first handshake can take long enough for a deficit, and the second one then waits.
    monkeypatch.setattr(group_commit, "LONG_JOB_S", 1000.0)

    async def test(m: RunningServer) -> None:
        ws = await m.connect()
        order: list[str] = []

        def on_request(event: dict[str, Any]) -> dict[str, Any]:
            order.append(event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"])
            return {"statusCode": 200, "body": "{}"}

        def on_connect(_event: dict[str, Any]) -> dict[str, Any]:
            order.append("a connection")
            return CONNECT_RESPONSE

        def get(user: str) -> asyncio.Future[int]:
            return asyncio.ensure_future(read_status(m, user))

        m.on_request = on_request
        m.on_connect = on_connect
        with locked(m.pausable_table):
            many = [get("ada") for _ in range(60)]
            for number in range(20):
                await ws.send_str(f"frame {number}")
            await m.wait_until(lambda: len(m.queue) == 80)
            others = [get("bob"), get("carl")]
            connecting = asyncio.ensure_future(m.connect())
            await m.wait_until(lambda: len(m.queue) == 83)
        assert await asyncio.gather(*many, *others) == [200] * 62
        await connecting
        assert {"a connection", "bob", "carl"} <= set(order[:4]), order

    on_machine(tmp_path, test)


def test_too_many_waiting_requests_of_one_user_get_429_and_those_of_others_200(tmp_path: Path) -> None:
    async def test(m: RunningServer) -> None:
        with locked(m.pausable_table):
            many = [asyncio.ensure_future(read_status(m, "ada")) for _ in range(MAX_WAITING_PER_OWNER + 20)]
            await m.wait_until(lambda: sum(response.done() for response in many) == 20)
            others = [asyncio.ensure_future(read_status(m, "bob")) for _ in range(2)]
            await m.wait_until(lambda: len(m.queue) == MAX_WAITING_PER_OWNER + 2)
        assert sorted(await asyncio.gather(*many)) == [200] * MAX_WAITING_PER_OWNER + [429] * 20
        assert await asyncio.gather(*others) == [200, 200]

    on_machine(tmp_path, test)


def test_a_long_request_delays_no_response_to_a_request_that_arrived_before_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user with long requests gets batches of one; the others' requests run first, in batches of their own."""
    clock = SimpleNamespace(now_s=0.0)
    monkeypatch.setattr("imchat.local.group_commit.time", SimpleNamespace(monotonic=lambda: clock.now_s))

    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        batches: list[str] = []

        def begin() -> None:
            batches.append("")
            pausable_table.table.begin()

        def long_read() -> None:
            clock.now_s += 2 * LONG_JOB_S
            batches[-1] += "a"

        def short_read(name: str) -> None:
            batches[-1] += name

        pausable_table.begin = begin
        reads = [queue.run(long_read, "ada") for _ in range(4)]
        await reads[0]
        others = [queue.run(partial(short_read, name), name) for name in "bcd"]
        await asyncio.gather(*reads, *others)
        assert batches == ["a", "bcd", "a", "a", "a"]

    on_table(tmp_path, test)


def test_a_batch_includes_requests_of_clients_that_the_previous_batch_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise two groups of clients would take turns, each in separate batches."""
    monkeypatch.setattr("imchat.local.group_commit.MAX_WAIT_S", 10)  # however slow this disk is

    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        sizes: list[int] = []

        def job(number: int) -> None:
            sizes[-1] += 1
            pausable_table.table.write(Put(Key("A", str(number)), {}))

        def begin() -> None:
            sizes.append(0)
            pausable_table.table.begin()

        async def client(number: int) -> None:
            for _ in range(10):
                await queue.run(partial(job, number))

        pausable_table.begin = begin
        early = asyncio.gather(*(client(number) for number in range(8)))
        await asyncio.to_thread(pausable_table.sync_started.wait, 10)
        await asyncio.gather(early, *(client(number) for number in range(8, 16)))

        assert sizes.count(16) >= 5, sizes

    on_table(tmp_path, test)


def test_a_failing_job_does_not_affect_the_others_in_its_batch(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        def broken() -> None:
            raise KeyError("x")

        before, failed, after = (
            queue.run(lambda: pausable_table.table.write(Put(Key("A", "1"), {}))),
            queue.run(broken),
            queue.run(lambda: pausable_table.table.write(Put(Key("A", "2"), {}))),
        )
        await before
        await after
        with pytest.raises(KeyError):
            await failed
        assert len(pausable_table.table.query(KeyRange("A"))) == 2

    on_table(tmp_path, test)


@pytest.mark.parametrize(
    "error", [Busy("another process writes"), sqlite3.OperationalError("disk I/O error")]
)
def test_a_failed_begin_rejects_the_waiting_jobs_and_later_jobs_run(tmp_path: Path, error: Exception) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        def fail() -> None:
            raise error

        pausable_table.begin = fail
        refused = queue.run(lambda: 1)
        async with asyncio.timeout(5):
            with pytest.raises(Busy):
                await refused
        pausable_table.begin = pausable_table.table.begin
        assert await queue.run(lambda: 2) == 2

    on_table(tmp_path, test)


def test_closing_finishes_the_waiting_jobs_and_rejects_later_ones(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        queued = [queue.run(partial(pausable_table.table.write, Put(Key("A", str(n)), {}))) for n in range(9)]
        await queue.close()
        assert all(future.done() for future in queued)
        with pytest.raises(Busy):
            await queue.run(lambda: 1)

    on_table(tmp_path, test)


def test_the_next_requests_run_while_a_batch_is_synced(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        pausable_table.sync_allowed.clear()
        first = queue.run(lambda: pausable_table.table.write(Put(Key("A", "1"), {})))
        await asyncio.to_thread(pausable_table.sync_started.wait, 10)
        ran = threading.Event()
        second = queue.run(ran.set)

        await asyncio.to_thread(ran.wait, 10)

        assert ran.is_set()
        await assert_still_waiting(first, second)
        pausable_table.sync_allowed.set()
        await asyncio.gather(first, second)

    on_table(tmp_path, test)


def test_the_log_is_checkpointed_between_batches(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        log = tmp_path / "imchat.db-wal"
        longest = 0
        for number in range(200):
            item = {"text": "x" * 60_000}
            await queue.run(partial(pausable_table.table.write, Put(Key("A", str(number)), item)))
            longest = max(longest, log.stat().st_size)
        assert CHECKPOINT_BYTES < longest < 2 * CHECKPOINT_BYTES

    on_table(tmp_path, test)


def test_a_reader_in_another_process_delays_no_request_however_long_the_log_is(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        log = tmp_path / "imchat.db-wal"
        await queue.run(partial(pausable_table.table.write, Put(Key("A", "first"), {})))
        with transaction_elsewhere(tmp_path / "imchat.db", "read"):
            for number in range(200):
                start_s = time.monotonic()
                item = {"text": "x" * 60_000}
                await queue.run(partial(pausable_table.table.write, Put(Key("A", str(number)), item)))
                assert time.monotonic() - start_s < 2
            assert log.stat().st_size > 2 * CHECKPOINT_BYTES
        async with asyncio.timeout(10):
            while log.stat().st_size > CHECKPOINT_BYTES:
                await queue.run(partial(pausable_table.table.write, Put(Key("A", "last"), {})))

    on_table(tmp_path, test)


def test_requests_run_while_a_long_log_is_copied_into_the_database(tmp_path: Path) -> None:
    started, allowed = threading.Event(), threading.Event()

    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        def backfill() -> None:
            started.set()
            assert allowed.wait(10)
            pausable_table.table.backfill()

        pausable_table.backfill = backfill
        log, number = tmp_path / "imchat.db-wal", 0
        write = pausable_table.table.write
        await queue.run(partial(write, Put(Key("A", "first"), {})))
        with transaction_elsewhere(tmp_path / "imchat.db", "read"):
            while log.stat().st_size <= LONG_LOG_BYTES:
                number += 1
                items = [Put(Key("A", f"{number} {part}"), {"text": "x" * 60_000}) for part in range(50)]
                await queue.run(partial(write, *items))
        for _ in range(200):
            await queue.run(partial(write, Put(Key("A", "last"), {})))
            if started.is_set():
                break
            await asyncio.sleep(0.02)
        assert started.is_set()
        async with asyncio.timeout(2):
            await queue.run(partial(write, Put(Key("A", "during"), {})))
        allowed.set()
        async with asyncio.timeout(10):
            while log.stat().st_size > CHECKPOINT_BYTES:  # noqa: ASYNC110 - changes in files
                await asyncio.sleep(0.01)
        assert await queue.run(partial(pausable_table.table.get, Key("A", "during"))) == {}

    on_table(tmp_path, test)


def test_the_event_loop_keeps_running_while_another_process_writes(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        await queue.run(partial(pausable_table.table.write, Put(Key("A", "first"), {})))
        with transaction_elsewhere(tmp_path / "imchat.db", "write"):
            job = queue.run(partial(pausable_table.table.write, Put(Key("A", "second"), {})))
            start_s = time.monotonic()
            await asyncio.sleep(0.2)
            assert time.monotonic() - start_s < 2
            assert not job.done()
        await job
        assert await queue.run(partial(pausable_table.table.get, Key("A", "second"))) == {}

    on_table(tmp_path, test)


def test_deleted_text_leaves_the_files_once_the_reader_in_another_process_is_gone(tmp_path: Path) -> None:
    async def test(pausable_table: PausableTable, queue: GroupCommitQueue) -> None:
        key, files = Key("A", "gone"), [tmp_path / "imchat.db", tmp_path / "imchat.db-wal"]
        await queue.run(partial(pausable_table.table.write, Put(key, {"text": "a deleted secret"})))
        with transaction_elsewhere(tmp_path / "imchat.db", "read"):
            await queue.run(partial(pausable_table.table.write, Delete(key)))
            start_s = time.monotonic()
            queue.checkpoint()
            await queue.run(lambda: None)
            await queue.run(lambda: None)
            assert time.monotonic() - start_s < 2
        queue.checkpoint()
        async with asyncio.timeout(10):
            while any(b"a deleted secret" in file.read_bytes() for file in files):  # noqa: ASYNC110 - changes in files
                await asyncio.sleep(0.01)

    on_table(tmp_path, test)


def test_a_job_whose_client_has_gone_does_not_run(tmp_path: Path) -> None:
    async def test(_table: PausableTable, queue: GroupCommitQueue) -> None:
        ran: list[str] = []
        jobs = [queue.run(partial(ran.append, name), name) for name in "abc"]
        jobs[1].cancel()
        await asyncio.wait(jobs)
        assert ran == ["a", "c"]

    on_table(tmp_path, test)


@pytest.mark.parametrize(("method", "runs"), [("GET", False), ("POST", True)])
def test_what_a_client_that_has_gone_wanted_to_read_is_dropped_and_its_changes_are_stored(
    tmp_path: Path, method: str, *, runs: bool
) -> None:
    async def test(m: RunningServer) -> None:
        with locked(m.pausable_table):
            _, writer = await asyncio.open_connection("127.0.0.1", int(m.url.rpartition(":")[2]))
            head = f"{method} /api/gone HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ada\r\n\r\n"
            writer.write(head.encode())
            await m.wait_until(lambda: len(m.queue) == 1)
            writer.close()
            await asyncio.sleep(0.05)
        assert (await post(m, "later"))[0] == 200
        assert ("/api/gone" in [event["rawPath"] for event in m.requests]) is runs

    on_machine(tmp_path, test)


def test_no_batch_runs_while_many_bytes_of_responses_wait_for_an_fsync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imchat.local.group_commit.MAX_HELD_BYTES", 10_000)

    async def test(table: PausableTable, queue: GroupCommitQueue) -> None:
        table.sync_allowed.clear()
        first = queue.run(lambda: table.table.write(Put(Key("TEST", "a"), {})))
        held: list[asyncio.Future[Any]] = []
        while not table.sync_started.is_set():  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(0.001)
        ran = 0

        def read() -> SimpleNamespace:
            nonlocal ran
            ran += 1
            return SimpleNamespace(body=bytes(3_000))

        for _ in range(10):
            held.append(queue.run(read))
            await asyncio.sleep(0.03)
        assert 4 <= ran < 10
        table.sync_allowed.set()
        await asyncio.wait([first, *held], timeout=10)
        assert ran == 10
        assert all(job.done() for job in held)

    on_table(tmp_path, test)
