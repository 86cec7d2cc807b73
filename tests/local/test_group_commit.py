"""Group commit: nothing leaves before it is durable, and what could not be stored is refused."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.local_server import NAME, HeldTable, Machine, machine, run

from imchat.errors import Busy
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.group_commit import MAX_JOBS, DeferredActions, GroupCommitQueue
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.wal import CHECKPOINT_BYTES
from imchat.storage.table import Key, KeyRange, Put


def on_machine(tmp_path: Path, test: Callable[[Machine], Awaitable[None]]) -> None:
    async def body() -> None:
        async with machine(tmp_path) as made:
            await test(made)

    run(body())


def on_table(
    tmp_path: Path,
    test: Callable[[HeldTable, GroupCommitQueue], Awaitable[None]],
    finish: Callable[[], None] = lambda: None,
) -> None:
    async def body() -> None:
        with GroupCommitTable.open(tmp_path / "imchat.db") as table:
            held = HeldTable(table)
            batches = GroupCommitQueue(held, LocalGateway(), finish)
            await test(held, batches)
            await batches.close()

    run(body())


async def post(m: Machine, name: str) -> tuple[int, dict[str, Any]]:
    async with m.session.post(f"{m.url}/api/{name}", headers=NAME) as answer:
        return answer.status, await answer.json(content_type=None)


def store_and_push(m: Machine) -> None:
    """Every request stores its path and pushes it to all sockets."""

    def reply(event: dict[str, Any]) -> dict[str, Any]:
        ids = [socket.connection_id for socket in m.gateway.sockets]
        m.gateway.post(ids, event["rawPath"].encode())
        m.write(event["rawPath"])
        return {"statusCode": 200, "body": "{}"}

    m.reply = reply


async def nothing_yet(*waiting: asyncio.Future[Any]) -> None:
    done, _ = await asyncio.wait(waiting, timeout=0.15)
    assert not done


def test_what_jobs_leave_to_the_end_of_their_batch_is_done_once_and_is_durable_with_it(
    tmp_path: Path,
) -> None:
    finish = DeferredActions()
    done: list[int] = []

    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        def leave(number: int) -> list[int]:
            finish.defer("head", lambda: note(number))
            return done.copy()

        def note(number: int) -> None:
            done.append(number)
            held.table.write(Put(Key("TEST", "head"), {"number": number}))

        seen = await asyncio.gather(*(batches.run(partial(leave, number)) for number in range(5)))
        assert seen == [[]] * 5
        assert done == [4]
        assert held.syncs == 1
        await batches.run(lambda: None)
        assert done == [4]

    on_table(tmp_path, test, finish.run)


def test_no_answer_and_no_push_leaves_before_it_is_durable(tmp_path: Path) -> None:
    async def test(m: Machine) -> None:
        ws = await m.connect()
        store_and_push(m)
        m.held.go.clear()
        answer = asyncio.ensure_future(post(m, "one"))
        push = asyncio.ensure_future(ws.receive_str())

        await nothing_yet(answer, push)
        m.held.go.set()

        assert (await answer)[0] == 200
        assert await push == "/api/one"

    on_machine(tmp_path, test)


def test_what_could_not_be_committed_or_synced_is_refused_and_never_pushed(tmp_path: Path) -> None:
    async def test(m: Machine) -> None:
        ws = await m.connect()
        store_and_push(m)
        m.held.go.clear()
        m.held.syncing.clear()
        first = asyncio.ensure_future(post(m, "first"))
        await m.until(m.held.syncing.is_set)
        second, third = (asyncio.ensure_future(post(m, name)) for name in ("second", "third"))
        await nothing_yet(first, second, third)
        m.held.broken = True
        m.held.go.set()

        for status, body in await asyncio.gather(first, second, third):
            assert status == 503
            assert body["error"]["code"] == "busy"
            assert body["error"]["retryable"] is True
        m.held.broken = False
        assert (await post(m, "fourth"))[0] == 200
        assert await ws.receive_str() == "/api/fourth"

    on_machine(tmp_path, test)


def test_a_connection_whose_commit_fails_is_refused(tmp_path: Path) -> None:
    async def test(m: Machine) -> None:
        def greet(_event: dict[str, Any]) -> dict[str, Any]:
            m.write("connection")
            return {"statusCode": 200}

        m.greet = greet
        m.held.broken = True
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await m.connect()
        assert refused.value.status == 503
        assert m.gateway.sockets == []

    on_machine(tmp_path, test)


def test_requests_that_arrive_during_a_sync_share_the_next_one(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        held.go.clear()
        first = batches.run(lambda: held.table.write(Put(Key("A", "0"), {})))
        await asyncio.to_thread(held.syncing.wait, 10)
        rest = [batches.run(partial(held.table.write, Put(Key("A", str(n)), {}))) for n in range(1, 9)]
        await nothing_yet(first, *rest)
        held.go.set()

        await asyncio.gather(first, *rest)

        assert held.syncs == 2
        assert len(held.table.query(KeyRange("A"))) == 9

    on_table(tmp_path, test)


def test_a_read_waits_until_what_it_saw_is_durable(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        held.go.clear()
        key = Key("A", "1")
        written = batches.run(lambda: held.table.write(Put(key, {"n": 1})))
        seen_in_batch = batches.run(lambda: held.table.get(key))
        await asyncio.to_thread(held.syncing.wait, 10)
        seen_later = batches.run(lambda: held.table.get(key))

        await nothing_yet(written, seen_in_batch, seen_later)
        held.go.set()

        assert await seen_in_batch == await seen_later == {"n": 1}

    on_table(tmp_path, test)


def test_a_read_of_what_could_not_be_made_durable_is_refused(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        held.go.clear()
        key = Key("A", "1")
        written = batches.run(lambda: held.table.write(Put(key, {"n": 1})))
        await asyncio.to_thread(held.syncing.wait, 10)
        seen_later = batches.run(lambda: held.table.get(key))
        await nothing_yet(written, seen_later)
        held.broken = True
        held.go.set()

        for refused in (written, seen_later):
            with pytest.raises(Busy):
                await refused

    on_table(tmp_path, test)


def test_jobs_run_in_the_order_they_came_and_large_crowds_in_several_batches(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        order: list[int] = []
        batches_begun = itertools.count()

        def begin() -> None:
            next(batches_begun)
            held.table.begin()

        held.begin = begin

        def job(number: int) -> int:
            order.append(number)
            held.table.write(Put(Key("A", str(number)), {}))
            return number

        count = 2 * MAX_JOBS + 1
        answers = await asyncio.gather(*(batches.run(partial(job, n)) for n in range(count)))

        assert answers == order == list(range(count))
        assert next(batches_begun) >= 3

    on_table(tmp_path, test)


def test_a_batch_takes_along_whom_the_one_before_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two crowds would take turns, each in batches of its own."""
    monkeypatch.setattr("imchat.local.group_commit.MAX_WAIT_S", 10)  # however slow this disk is

    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        sizes: list[int] = []

        def job(number: int) -> None:
            sizes[-1] += 1
            held.table.write(Put(Key("A", str(number)), {}))

        def begin() -> None:
            sizes.append(0)
            held.table.begin()

        async def client(number: int) -> None:
            for _ in range(10):
                await batches.run(partial(job, number))

        held.begin = begin
        early = asyncio.gather(*(client(number) for number in range(8)))
        await asyncio.to_thread(held.syncing.wait, 10)
        await asyncio.gather(early, *(client(number) for number in range(8, 16)))

        assert sizes.count(16) >= 5, sizes

    on_table(tmp_path, test)


def test_a_job_that_fails_harms_no_other_of_its_batch(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        def broken() -> None:
            raise KeyError("x")

        before, failed, behind = (
            batches.run(lambda: held.table.write(Put(Key("A", "1"), {}))),
            batches.run(broken),
            batches.run(lambda: held.table.write(Put(Key("A", "2"), {}))),
        )
        await before
        await behind
        with pytest.raises(KeyError):
            await failed
        assert len(held.table.query(KeyRange("A"))) == 2

    on_table(tmp_path, test)


@pytest.mark.parametrize(
    "error", [Busy("another process writes"), sqlite3.OperationalError("disk I/O error")]
)
def test_a_store_that_cannot_begin_refuses_those_who_wait_and_serves_those_who_come_after(
    tmp_path: Path, error: Exception
) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        def fail() -> None:
            raise error

        held.begin = fail
        refused = batches.run(lambda: 1)
        async with asyncio.timeout(5):
            with pytest.raises(Busy):
                await refused
        held.begin = held.table.begin
        assert await batches.run(lambda: 2) == 2

    on_table(tmp_path, test)


def test_closing_finishes_what_is_queued_and_refuses_the_rest(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        queued = [batches.run(partial(held.table.write, Put(Key("A", str(n)), {}))) for n in range(9)]
        await batches.close()
        assert all(future.done() for future in queued)
        with pytest.raises(Busy):
            await batches.run(lambda: 1)

    on_table(tmp_path, test)


def test_the_next_requests_run_while_a_batch_waits_for_the_disk(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        held.go.clear()
        first = batches.run(lambda: held.table.write(Put(Key("A", "1"), {})))
        await asyncio.to_thread(held.syncing.wait, 10)
        ran = threading.Event()
        second = batches.run(ran.set)

        await asyncio.to_thread(ran.wait, 10)

        assert ran.is_set()
        await nothing_yet(first, second)
        held.go.set()
        await asyncio.gather(first, second)

    on_table(tmp_path, test)


def test_the_log_is_cleared_up_between_batches(tmp_path: Path) -> None:
    async def test(held: HeldTable, batches: GroupCommitQueue) -> None:
        log = tmp_path / "imchat.db-wal"
        longest = 0
        for number in range(200):
            item = {"text": "x" * 60_000}
            await batches.run(partial(held.table.write, Put(Key("A", str(number)), item)))
            longest = max(longest, log.stat().st_size)
        assert CHECKPOINT_BYTES < longest < 2 * CHECKPOINT_BYTES

    on_table(tmp_path, test)
