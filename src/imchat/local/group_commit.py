"""Group commit: requests run one after another on the event loop's thread, many in one transaction.

A batch is committed where it ran, which writes it but does not wait for the disk; one fsync, in a worker thread that
holds no GIL, then makes all batches durable that were committed before it began. Meanwhile the next requests come in, and
run if it takes long. What a batch answers and pushes leaves after its fsync, all at once: nothing that was seen outside
can be lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from imchat.errors import Busy, source_location
from imchat.services.runtime import InlineRuntime

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_JOBS: Final = 128
"""Jobs in one batch: beyond it an answer would wait longer for its neighbours than a commit of its own costs."""
MAX_RUN_S: Final = 0.016
"""How long a batch's jobs may run before it is committed as it is."""
MAX_WAIT_S: Final = 0.005
"""How long a batch waits for the one before it to be on the disk: a slow disk must not keep the processor idle for long."""
_TURNS: Final = 2
"""Turns of the loop in which answers leave, and what they bring comes in."""


class Transactions(Protocol):
    """What batches need of their table; `GroupCommitTable` has it."""

    @property
    def changed(self) -> bool:
        """Whether the open transaction has written anything."""

    @property
    def needs_checkpoint(self) -> bool:
        """Whether it is time to `tidy`."""

    def begin(self) -> None:
        """Open a transaction. Raises: Busy."""

    def commit(self) -> None:
        """End it; it is durable after the next `sync`. Raises: Busy, and then nothing happened."""

    def sync(self) -> None:
        """Make durable what was committed; on any thread, while other transactions run. Raises: Busy."""

    def checkpoint(self) -> None:
        """Clear up, which is slow; on any thread, while no transaction is open. Raises: Busy."""


class OutgoingBuffer(Protocol):
    """What jobs send while they run, held back until it is durable."""

    def take(self) -> Callable[[], None]:
        """Take what was sent since the last call; what to call when it is durable, or to forget if it never is."""


def _nothing() -> None:
    pass


class DeferredActions(InlineRuntime):
    """The `Runtime` of `imchat local`: collects deferred actions and runs them at the end of each batch.

    Requests run one after another, so it never waits for another writer.
    """

    def __init__(self) -> None:
        self._actions: dict[Hashable, Callable[[], None]] = {}

    def defer(self, key: Hashable, action: Callable[[], None]) -> None:
        """Run `action` at the end of the batch, unless a later action replaces it under `key`."""
        self._actions[key] = action

    def run(self) -> None:
        """Run the collected actions."""
        actions, self._actions = self._actions, {}
        for action in actions.values():
            action()


class _Done(NamedTuple):
    """A job that has run: where its answer goes, once it may go."""

    future: asyncio.Future[Any]
    answer: Any
    error: Exception | None


class _Batch(NamedTuple):
    """What leaves once it is durable."""

    done: list[_Done]
    changed: bool
    send: Callable[[], None]


class GroupCommitQueue:
    """The queue of jobs over one table. Make it and use it on a running event loop's thread."""

    def __init__(
        self, table: Transactions, outbox: OutgoingBuffer, finish: Callable[[], None] = _nothing
    ) -> None:
        """`finish` is called behind the jobs of each batch, in its transaction."""
        self._table = table
        self._outbox = outbox
        self._finish = finish
        self._queue: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._committed: list[_Batch] = []
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._worker: asyncio.Task[None] | None = None
        self._syncing: asyncio.Future[None] | None = None
        self._untidy = False
        self._closed = False

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """What `job` returned or raised, once it is durable. Jobs run in the order of the calls.

        Raises, through the future: Busy if it could not be stored.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(Busy("the server is stopping; try again in a moment"))
            return future
        self._queue.append((job, future))
        self._start()
        return future

    def checkpoint(self) -> None:
        """Clear up between two batches, however little was written: what was deleted is then nowhere on the disk any more."""
        self._untidy = True
        self._start()

    async def close(self) -> None:
        """Finish what is queued, then refuse the rest."""
        self._closed = True
        if self._worker is not None:
            await self._worker
        await self._settled()
        self._thread.shutdown()

    def _start(self) -> None:
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._queue or self._untidy:
                if self._queue:
                    await self._gather()
                    self._run_batch()
                    self._sync()
                if self._untidy or self._table.needs_checkpoint:
                    self._untidy = False
                    await self._settled()
                    await self._tidy()
                await asyncio.sleep(0)  # others want to read, too
        finally:
            self._worker = None

    async def _gather(self) -> None:
        """Wait a moment for the batch before: who gets its answers asks again, and comes into this one.

        Under load a batch is twice as large so, and what each costs by itself is paid half as often.
        """
        if self._syncing is not None:
            await asyncio.wait([self._syncing], timeout=MAX_WAIT_S)
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    def _run_batch(self) -> None:
        try:
            self._table.begin()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for an answer for ever
            log.error("a batch could not begin: %s", error)  # noqa: TRY400 - its place says nothing: it always is the commit
            while self._queue:
                _refuse(self._queue.popleft()[1])
            return
        done = self._run_jobs()
        try:
            self._finish()
        except Exception as error:  # noqa: BLE001 - hints that heal: the log has all that is true
            log.error("a batch could not be finished: %s at %s", type(error).__name__, source_location(error))  # noqa: TRY400 - as above
        batch = _Batch(done, self._table.changed, self._outbox.take())
        try:
            self._table.commit()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was stored
            self._drop([batch], error)
        else:
            self._committed.append(batch)

    def _run_jobs(self) -> list[_Done]:
        done: list[_Done] = []
        until = time.monotonic() + MAX_RUN_S
        while self._queue and len(done) < MAX_JOBS:
            job, future = self._queue.popleft()
            try:
                done.append(_Done(future, job(), None))
            except Exception as error:  # noqa: BLE001 - whoever waits for the answer judges it
                done.append(_Done(future, None, error))
            if time.monotonic() > until:
                break
        return done

    def _sync(self) -> None:
        """Make durable what was committed, unless that is being done: then it goes on by itself."""
        if self._syncing is not None or not self._committed:
            return
        batches, self._committed = self._committed, []
        if any(batch.changed for batch in batches):
            self._syncing = self._loop.run_in_executor(self._thread, self._table.sync)
            self._syncing.add_done_callback(partial(self._synced, batches))
        else:  # nothing to wait for: a thread would only add its latency
            _release(batches)

    def _synced(self, batches: list[_Batch], syncing: asyncio.Future[None]) -> None:
        self._syncing = None
        error = syncing.exception()
        if error is None:
            _release(batches)
        else:
            # Those behind it, also if they wrote nothing, have seen what may be lost.
            behind, self._committed = self._committed, []
            self._drop([*batches, *behind], error)
        self._sync()

    async def _settled(self) -> None:
        while self._syncing is not None:
            await asyncio.wait([self._syncing])

    async def _tidy(self) -> None:
        try:
            await self._loop.run_in_executor(self._thread, self._table.checkpoint)
        except Exception as error:  # noqa: BLE001 - it is tried again behind the next batch
            log.warning("the database could not be cleared up: %s", error)

    def _drop(self, batches: list[_Batch], error: BaseException) -> None:
        for batch in batches:
            log.error("a batch of %d requests could not be stored: %s", len(batch.done), error)
            for future, _, _ in batch.done:
                _refuse(future)


def _release(batches: list[_Batch]) -> None:
    for batch in batches:
        batch.send()
        for future, answer, problem in batch.done:
            if future.cancelled():
                continue
            if problem is None:
                future.set_result(answer)
            else:
                future.set_exception(problem)


def _refuse(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.set_exception(Busy("the server could not store this; try again in a moment"))
