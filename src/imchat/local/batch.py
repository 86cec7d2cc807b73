"""Group commit: requests run one after another on the event loop's thread, many in one transaction.

While one batch commits in a worker thread (the fsync holds no GIL), the next requests queue. What a batch answers
and pushes leaves after its commit, all at once: nothing that was seen outside can be lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from imchat.errors import Busy

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_JOBS: Final = 128
"""Jobs in one batch: beyond it an answer would wait longer for its neighbours than a commit of its own costs."""
MAX_RUN_S: Final = 0.008
"""How long a batch's jobs may run before it is committed as it is."""


class Transactions(Protocol):
    """What a batch needs of its table; `SqliteTable` has it."""

    @property
    def changed(self) -> bool:
        """Whether the open transaction has written anything."""

    def begin(self) -> None:
        """Open a transaction on the calling thread. Raises: Busy."""

    def commit(self) -> None:
        """Make it durable; called on another thread than `begin` was. Raises: Busy, and then nothing happened."""


class Outbox(Protocol):
    """What jobs send while they run, held back until their commit."""

    def release(self) -> None:
        """The batch is durable: send."""

    def discard(self) -> None:
        """The batch did not happen: forget."""


class _Done(NamedTuple):
    """A job that has run: where its answer goes, once it may go."""

    future: asyncio.Future[Any]
    answer: Any
    error: Exception | None


class Batches:
    """The queue of jobs over one table. Make it and use it on a running event loop's thread."""

    def __init__(self, table: Transactions, outbox: Outbox) -> None:
        self._table = table
        self._outbox = outbox
        self._queue: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """What `job` returned or raised, once it is durable. Jobs run in the order of the calls.

        Raises, through the future: Busy if the commit failed (then nothing of the job happened).
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(Busy("the server is stopping; try again in a moment"))
            return future
        self._queue.append((job, future))
        if self._worker is None:
            self._worker = self._loop.create_task(self._work())
        return future

    async def close(self) -> None:
        """Finish what is queued, then refuse the rest."""
        self._closed = True
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._run_batch()
                # Two turns of the loop: in the first the answers are written, in the second they leave.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        finally:
            self._worker = None

    async def _run_batch(self) -> None:
        try:
            self._table.begin()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for an answer for ever
            log.error("a batch could not begin: %s", error)  # noqa: TRY400 - its place says nothing: it always is the commit
            while self._queue:
                _refuse(self._queue.popleft()[1])
            return
        done = self._run_jobs()
        try:
            if self._table.changed:
                await self._loop.run_in_executor(self._thread, self._table.commit)
            else:  # nothing to sync: a thread would only add its latency
                self._table.commit()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was stored
            self._outbox.discard()
            log.error("a batch of %d requests could not be stored: %s", len(done), error)  # noqa: TRY400 - its place says nothing: it always is the commit
            for future, _, _ in done:
                _refuse(future)
            return
        self._outbox.release()
        for future, answer, problem in done:
            if future.cancelled():
                continue
            if problem is None:
                future.set_result(answer)
            else:
                future.set_exception(problem)

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


def _refuse(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.set_exception(Busy("the server could not store this; try again in a moment"))
