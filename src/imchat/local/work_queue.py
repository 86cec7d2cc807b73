"""Runs the requests of a user pool on one thread: sign-ins before sign-ups, and client addresses in turn.

A password check takes about ten milliseconds. So many requests at once must neither block the event loop nor let one
client make the others wait.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from imchat.errors import Busy

T = TypeVar("T")

MAX_WAITING: Final = 64
"""Requests of each priority that may wait: about a second of work."""
MAX_WAIT_S: Final = 10.0
"""How long a request may wait: sign-ups wait for all sign-ins."""


class QueueFull(Busy):
    """The request was not run: too many wait."""

    def __init__(self) -> None:
        super().__init__("too many requests wait for the user pool; try again in a moment")


class _Job:
    """Work that waits, with the future of its result."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future


class WorkQueue:
    """Runs work on a thread of its own, one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urgent = _Lane()
        self._other = _Lane()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in")

    async def run(self, work: Callable[[], T], *, address: str | None, urgent: bool) -> T:
        """Run `work` for the client at `address` and return its result. None is the server itself, which has no limit.

        Work that is not `urgent` waits for all that is. Cancelling the call before the work begins drops it.

        Raises: QueueFull; whatever `work` raises.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        lane = self._urgent if urgent else self._other
        with self._lock:
            dropped = lane.add(address, job)
        if dropped is not None:
            _fail(dropped.future, QueueFull())
        if dropped is not job:
            self._thread.submit(self._run_next)
        timer = loop.call_later(MAX_WAIT_S, self._expire, lane, address, job)
        try:
            result: T = await job.future
            return result
        finally:
            timer.cancel()
            self._discard(lane, address, job)

    def close(self) -> None:
        """Wait for the running work and drop what waits."""
        self._thread.shutdown(cancel_futures=True)
        while (job := self._take()) is not None:
            _call_in_loop(job.future, job.future.cancel)

    def _run_next(self) -> None:
        """Run the next job, on the thread. It is called once for each job, and finds none if one was dropped."""
        job = self._take()
        if job is None:
            return
        try:
            result = job.work()
        except Exception as error:  # noqa: BLE001 - the caller that awaits the future handles it
            _call_in_loop(job.future, _fail, job.future, error)
        else:
            _call_in_loop(job.future, _finish, job.future, result)

    def _take(self) -> _Job | None:
        with self._lock:
            return self._urgent.take() or self._other.take()

    def _discard(self, lane: _Lane, address: str | None, job: _Job) -> bool:
        with self._lock:
            return lane.discard(address, job)

    def _expire(self, lane: _Lane, address: str | None, job: _Job) -> None:
        if self._discard(lane, address, job):
            _fail(job.future, QueueFull())


class _Lane:
    """The waiting jobs of one priority, by address; the first address is the next in turn."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str | None, deque[_Job]] = OrderedDict()
        self._count = 0

    def add(self, address: str | None, job: _Job) -> _Job | None:
        """Add a job. If too many wait, drop and return the newest one of the address with the most."""
        dropped = None
        if self._count >= MAX_WAITING and address is not None:
            most = max(self._waiting, key=lambda other: len(self._waiting[other]))
            if len(self._waiting[most]) <= len(self._waiting.get(address, ())) + 1:
                return job
            dropped = self._waiting[most][-1]
            self.discard(most, dropped)
        self._waiting.setdefault(address, deque()).append(job)
        self._count += 1
        return dropped

    def take(self) -> _Job | None:
        """Remove and return the oldest job of the next address, which then is the last in turn."""
        if not self._waiting:
            return None
        address, jobs = self._waiting.popitem(last=False)
        self._count -= 1
        job = jobs.popleft()
        if jobs:
            self._waiting[address] = jobs
        return job

    def discard(self, address: str | None, job: _Job) -> bool:
        """Remove a job; return whether it waited."""
        jobs = self._waiting.get(address, deque())
        if job not in jobs:
            return False
        jobs.remove(job)
        self._count -= 1
        if not jobs:
            del self._waiting[address]
        return True


def _call_in_loop(future: asyncio.Future[Any], callback: Callable[..., Any], *arguments: Any) -> None:
    with suppress(RuntimeError):  # the event loop has ended
        future.get_loop().call_soon_threadsafe(callback, *arguments)


def _finish(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
