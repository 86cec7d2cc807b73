"""Group commit: requests run one after another on the event loop's thread, many in one transaction; users take turns.

Each batch is committed on that thread, which writes it but does not wait for the disk. One fsync, in a worker thread that
does not hold the GIL, then makes all batches durable that were committed before it began. Meanwhile the next requests
arrive, and run if it takes long. The responses and pushes of a batch are sent after its fsync, all at once: nothing that
a client has seen can be lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from imchat.errors import Busy, RateLimited, source_location
from imchat.local.fair_queue import LONG_JOB_S, FairQueue
from imchat.services.runtime import InlineRuntime
from imchat.storage.sqlite.wal import BUSY_TIMEOUT_S, Locked

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_JOBS: Final = 128
"""Jobs in one batch: with more, a response waits longer for the other jobs than a separate commit costs."""
MAX_RUN_S: Final = 0.016
"""How long the jobs of a batch may run before it is committed."""
MAX_WAIT_S: Final = 0.005
"""How long a batch waits for the fsync of the one before: a slow disk must not keep the processor idle for long."""
MAX_HELD_BYTES: Final = 16 * 1024 * 1024
"""Responses of committed batches that wait for an fsync; with more, no batch runs until it has ended."""
_BACKFILL_INTERVAL_S: Final = 1.0
"""How long after a backfill a checkpoint needs no other one: it copies only what was written since."""
_RETRY_S: Final = 0.01
"""How often a batch tries to begin while another process writes to the database."""
_LOOP_TURNS: Final = 2
"""Turns of the event loop in which responses are sent and the next requests are received."""


class Transactions(Protocol):
    """What group commit needs of a table; `GroupCommitTable` implements it."""

    @property
    def changed(self) -> bool:
        """Whether the open transaction has written anything."""

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the log has grown enough for a `checkpoint`."""

    @property
    def has_long_log(self) -> bool:
        """Whether a `checkpoint` would take too long, so that `backfill` should run first."""

    def begin(self) -> None:
        """Open a transaction; must not wait. Raises: Locked while another process writes; Busy."""

    def commit(self) -> None:
        """Commit the transaction; the next `sync` makes it durable. Raises: Busy, and then nothing was stored."""

    def sync(self) -> None:
        """Make all commits durable; on any thread, while other transactions run. Raises: Busy."""

    def backfill(self) -> None:
        """Copy the log into the database, which is slow; on any thread, while transactions run. Raises: Busy."""

    def checkpoint(self) -> None:
        """Move the log into the database, which is slow; on any thread, with no transaction open.

        Must not wait for readers in other processes: no request runs meanwhile. Raises: Busy.
        """


class OutgoingBuffer(Protocol):
    """Holds what jobs send while they run, until it is durable."""

    def take(self) -> Callable[[], None]:
        """Remove what was sent since the last call; return the function that sends it once it is durable."""


def _do_nothing() -> None:
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


class _FinishedJob(NamedTuple):
    """A job that has run; its future gets the result or the error once the batch is durable."""

    future: asyncio.Future[Any]
    result: Any
    error: Exception | None


class _Batch(NamedTuple):
    """A batch that has run: its jobs, whether it wrote anything, and the function that sends its pushes.

    `held_bytes` is the size of its responses if they wait for the fsync of an earlier batch.
    """

    jobs: list[_FinishedJob]
    changed: bool
    send: Callable[[], None]
    held_bytes: int


class GroupCommitQueue:
    """The queue of jobs for one table. Create and use it on the thread of a running event loop."""

    def __init__(
        self,
        table: Transactions,
        outgoing: OutgoingBuffer,
        run_deferred: Callable[[], None] = _do_nothing,
    ) -> None:
        """Create an empty queue. It calls `run_deferred` after the jobs of each batch, in the same transaction."""
        self._table = table
        self._outgoing = outgoing
        self._run_deferred = run_deferred
        self._waiting: FairQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = FairQueue()
        self._unsynced: list[_Batch] = []
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._worker: asyncio.Task[None] | None = None
        self._syncing: asyncio.Future[None] | None = None
        self._checkpoint_requested = False
        self._backfilling: asyncio.Future[None] | None = None
        self._backfilled_s = float("-inf")
        self._closed = False

    def run(self, job: Callable[[], T], owner: Hashable = None, *, limited: bool = True) -> asyncio.Future[T]:
        """Run `job` and return its result once it is durable. The jobs of one owner run in the order of the calls.

        A job whose future is cancelled before its turn does not run. See `FairQueue` for `owner` and `limited`.
        Raises, through the future: what `job` raises; Busy if the batch could not be stored, or too many jobs wait;
        RateLimited if too many of this owner wait.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(Busy("the server is stopping; try again in a moment"))
            return future
        try:
            self._waiting.add((job, future), owner, limited=limited)
        except (RateLimited, Busy) as error:
            future.set_exception(error)
            return future
        self._start_worker()
        return future

    def checkpoint(self) -> None:
        """Checkpoint between two batches, however small the log is: deleted data then is in no file any more."""
        self._checkpoint_requested = True
        self._start_worker()

    async def close(self) -> None:
        """Finish the waiting jobs and reject later ones."""
        self._closed = True
        if self._worker is not None:
            await self._worker
        if self._backfilling is not None:
            await asyncio.wait([self._backfilling])
        await self._wait_for_sync()
        self._thread.shutdown()

    def _start_worker(self) -> None:
        if self._worker is None:
            self._worker = self._loop.create_task(self._run_batches())

    async def _run_batches(self) -> None:
        try:
            while self._waiting or self._checkpoint_requested:
                if self._waiting:
                    await self._wait_for_more_jobs()
                    if await self._begin():
                        self._run_batch()
                        self._sync()
                if self._checkpoint_requested or self._table.needs_checkpoint:
                    self._checkpoint_requested = False
                    if not self._start_backfill():
                        await self._wait_for_sync()
                        await self._checkpoint()
                await asyncio.sleep(0)  # let the event loop read from sockets
        finally:
            self._worker = None

    async def _wait_for_more_jobs(self) -> None:
        """Wait a moment for the previous batch: clients that get its responses send requests that join this one.

        Under load this doubles the batch size, and halves the cost per request of each batch.
        """
        if self._syncing is not None:
            await asyncio.wait([self._syncing], timeout=MAX_WAIT_S)
            for _ in range(_LOOP_TURNS):
                await asyncio.sleep(0)
        if self._syncing is not None and sum(batch.held_bytes for batch in self._unsynced) > MAX_HELD_BYTES:
            await self._wait_for_sync()

    async def _begin(self) -> bool:
        """Open the transaction of a batch; return False if that failed, and with it all waiting jobs.

        While another process writes to the database, the event loop goes on: connections are served, jobs wait.
        """
        until_s = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self._table.begin()
            except Exception as error:  # noqa: BLE001 - whatever it is, no client may wait for ever
                if isinstance(error, Locked) and time.monotonic() < until_s:
                    await asyncio.sleep(_RETRY_S)
                    continue
                log.error("a batch could not begin: %s", error)  # noqa: TRY400 - a traceback would only show the call above
                for _, future in self._waiting.clear():
                    _fail(future)
                return False
            return True

    def _run_batch(self) -> None:
        jobs = self._run_jobs()
        try:
            self._run_deferred()
        except Exception as error:  # noqa: BLE001 - deferred actions update hints, which later requests repair
            log.error("a deferred action failed: %s at %s", type(error).__name__, source_location(error))  # noqa: TRY400 - as above
        held_bytes = sum(map(_response_bytes, jobs)) if self._syncing is not None else 0
        batch = _Batch(jobs, self._table.changed, self._outgoing.take(), held_bytes)
        try:
            self._table.commit()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was stored
            self._fail_batches([batch], error)
        else:
            self._unsynced.append(batch)

    def _run_jobs(self) -> list[_FinishedJob]:
        waiting, jobs = self._waiting, list[_FinishedJob]()
        began_s = time.monotonic()
        until_s = began_s + MAX_RUN_S
        waiting.begin_batch()
        while len(jobs) < MAX_JOBS and began_s <= until_s:
            taken = waiting.take(is_first=not jobs)
            if taken is None:
                break
            (job, future), owner = taken
            if future.cancelled():  # the client has gone
                continue
            try:
                jobs.append(_FinishedJob(future, job(), None))
            except Exception as error:  # noqa: BLE001 - the caller that awaits the future handles it
                jobs.append(_FinishedJob(future, None, error))
            ended_s = time.monotonic()
            if ended_s - began_s > LONG_JOB_S:
                waiting.add_deficit(owner, ended_s - began_s)
            began_s = ended_s
        return jobs

    def _sync(self) -> None:
        """Make the commits durable, unless a sync is running: the end of that one starts the next."""
        if self._syncing is not None or not self._unsynced:
            return
        batches, self._unsynced = self._unsynced, []
        if any(batch.changed for batch in batches):
            self._syncing = self._loop.run_in_executor(self._thread, self._table.sync)
            self._syncing.add_done_callback(partial(self._on_synced, batches))
        else:  # nothing to sync: the thread would only add latency
            _complete(batches)

    def _on_synced(self, batches: list[_Batch], syncing: asyncio.Future[None]) -> None:
        self._syncing = None
        error = syncing.exception()
        if error is None:
            _complete(batches)
        else:
            # Later batches, even those that wrote nothing, have read what may be lost.
            later, self._unsynced = self._unsynced, []
            self._fail_batches([*batches, *later], error)
        self._sync()

    async def _wait_for_sync(self) -> None:
        while self._syncing is not None:
            await asyncio.wait([self._syncing])

    def _start_backfill(self) -> bool:
        """Start copying a long log, or return False if that is not needed or was just done. Requests run meanwhile."""
        if self._backfilling is not None:
            return True
        if not self._table.has_long_log or time.monotonic() - self._backfilled_s < _BACKFILL_INTERVAL_S:
            return False
        self._backfilling = self._loop.run_in_executor(None, self._table.backfill)
        self._backfilling.add_done_callback(self._on_backfilled)
        return True

    def _on_backfilled(self, backfilling: asyncio.Future[None]) -> None:
        self._backfilling = None
        self._backfilled_s = time.monotonic()
        if error := backfilling.exception():
            log.warning("the database log could not be copied: %s", error)
        if not self._closed:
            self.checkpoint()  # of what was written meanwhile

    async def _checkpoint(self) -> None:
        try:
            await self._loop.run_in_executor(self._thread, self._table.checkpoint)
        except Exception as error:  # noqa: BLE001 - it is tried again after the next batch
            log.warning("the database log could not be checkpointed: %s", error)

    def _fail_batches(self, batches: list[_Batch], error: BaseException) -> None:
        for batch in batches:
            log.error("a batch of %d requests could not be stored: %s", len(batch.jobs), error)
            for job in batch.jobs:
                _fail(job.future)


def _response_bytes(job: _FinishedJob) -> int:
    return len(getattr(job.result, "body", b""))


def _complete(batches: list[_Batch]) -> None:
    """Send the pushes and results of batches that are durable."""
    for batch in batches:
        batch.send()
        for future, result, error in batch.jobs:
            if future.cancelled():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def _fail(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.set_exception(Busy("the server could not store this; try again in a moment"))
