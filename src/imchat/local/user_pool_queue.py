"""Runs the requests of a user pool on one thread: sign-ins before sign-ups, and client addresses in turn (round-robin).

A password check takes about 10 ms. Many requests at once must not block the event loop, and many of one client must not
delay the others.
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
"""Requests of each of the two priorities that may wait: about a second of work."""
MAX_WAIT_S: Final = 10.0
"""How long a request may wait. Sign-ups, which wait for all sign-ins, can reach it."""


class QueueFull(Busy):
    """The request was not run, because too many requests wait or it waited too long."""

    def __init__(self) -> None:
        super().__init__("too many requests wait for the user pool; try again in a moment")


class _Job:
    """Waiting work, and the future for its result."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future


class UserPoolQueue:
    """Runs jobs one after another on one thread: urgent ones first, and addresses in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urgent_jobs = _RoundRobin()
        self._other_jobs = _RoundRobin()
        self._is_running = False  # the thread runs jobs until none waits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in")

    async def run(self, work: Callable[[], T], *, address: str | None, urgent: bool) -> T:
        """Run `work` for the client at `address` and return its result; None is the server itself, which has no limit.

        Urgent work runs before all other work. If the call is cancelled before the work begins, the work is dropped.

        Raises: QueueFull; whatever `work` raises.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        jobs = self._urgent_jobs if urgent else self._other_jobs
        with self._lock:
            dropped = jobs.add(address, job)
            starts, self._is_running = not self._is_running, True
        if dropped is not None:
            _fail(dropped.future, QueueFull())
        if starts:
            self._thread.submit(self._run_jobs)
        timer = loop.call_later(MAX_WAIT_S, self._expire, jobs, address, job)
        try:
            result: T = await job.future
            return result
        finally:
            timer.cancel()
            self._discard(jobs, address, job)

    def close(self) -> None:
        """Cancel the waiting jobs, and wait for the running one."""
        self._cancel_waiting()
        self._thread.shutdown(cancel_futures=True)

    def _run_jobs(self) -> None:
        """Run jobs until none waits. One call runs at a time, however many jobs are added and dropped."""
        while (job := self._take()) is not None:
            try:
                result = job.work()
            except Exception as error:  # noqa: BLE001 - the caller that awaits the future handles it
                _call_in_loop(job.future, _fail, job.future, error)
            else:
                _call_in_loop(job.future, _finish, job.future, result)

    def _take(self) -> _Job | None:
        with self._lock:
            job = self._urgent_jobs.take() or self._other_jobs.take()
            self._is_running = job is not None
            return job

    def _cancel_waiting(self) -> None:
        with self._lock:
            waiting = [*self._urgent_jobs.clear(), *self._other_jobs.clear()]
        for job in waiting:
            _call_in_loop(job.future, job.future.cancel)

    def _discard(self, jobs: _RoundRobin, address: str | None, job: _Job) -> bool:
        with self._lock:
            return jobs.discard(address, job)

    def _expire(self, jobs: _RoundRobin, address: str | None, job: _Job) -> None:
        if self._discard(jobs, address, job):
            _fail(job.future, QueueFull())


class _RoundRobin:
    """The waiting jobs of one priority, by address. The first address is the next in turn."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str | None, deque[_Job]] = OrderedDict()
        self._count = 0

    def add(self, address: str | None, job: _Job) -> _Job | None:
        """Add a job. If too many wait, drop the newest job of the address that has the most, and return it.

        The dropped job is `job` itself if no address has more than its own.
        """
        dropped = None
        if self._count >= MAX_WAITING and address is not None:
            busiest = max(self._waiting, key=lambda other: len(self._waiting[other]))
            if len(self._waiting[busiest]) <= len(self._waiting.get(address, ())) + 1:
                return job
            dropped = self._waiting[busiest][-1]
            self.discard(busiest, dropped)
        self._waiting.setdefault(address, deque()).append(job)
        self._count += 1
        return dropped

    def take(self) -> _Job | None:
        """Remove and return the oldest job of the next address, and put that address last."""
        if not self._waiting:
            return None
        address, jobs = self._waiting.popitem(last=False)
        self._count -= 1
        job = jobs.popleft()
        if jobs:
            self._waiting[address] = jobs
        return job

    def clear(self) -> list[_Job]:
        """Remove and return all jobs."""
        jobs = [job for waiting in self._waiting.values() for job in waiting]
        self._waiting.clear()
        self._count = 0
        return jobs

    def discard(self, address: str | None, job: _Job) -> bool:
        """Remove a job. Return whether it was waiting."""
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
