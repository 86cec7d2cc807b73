"""`FairQueue`: waiting jobs of many users, taken in turn, so that no user waits for all the jobs of another."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from imchat.errors import Busy, RateLimited

J = TypeVar("J")

MAX_WAITING_PER_OWNER: Final = 128
"""Jobs of one user that may wait. More requests are refused: they would only wait for each other."""
MAX_WAITING: Final = 8192
"""Jobs of all users that may wait: about two seconds of work."""
LONG_JOB_S: Final = 0.002
"""A longer job costs its user the next turns. Sending a message takes a tenth of it, a page of 512 KB about as long as it."""
MAX_DEFICIT_S: Final = 0.02
"""The largest deficit of a user: after at most ten batches, the next job runs however many others wait."""
RETRY_AFTER_S: Final = 1


class FairQueue(Generic[J]):
    """Jobs by owner: a user, an address, or None for the server itself, whose jobs are never refused.

    The owners take turns of one job (round-robin). An owner whose job was long gets a deficit of that time. While others
    wait, an owner with a deficit has no turn; `begin_batch` reduces all deficits. A batch that has run jobs ends before a
    job of such an owner, so that its responses do not wait for it.
    """

    def __init__(self) -> None:
        self._owners: deque[Hashable] = deque()
        self._jobs: dict[Hashable, deque[J]] = {}
        self._deficits: dict[Hashable, float] = {}
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def add(self, job: J, owner: Hashable = None, *, limited: bool = True) -> None:
        """Add a job. Raises: RateLimited if too many of its owner wait, Busy if too many wait in all.

        The limits do not apply to jobs that are not `limited`.
        """
        jobs = self._jobs.get(owner)
        if owner is not None and limited:
            if jobs is not None and len(jobs) >= MAX_WAITING_PER_OWNER:
                raise RateLimited(
                    f"{MAX_WAITING_PER_OWNER} of your requests are waiting; send the next one after a response",
                    retry_after_s=RETRY_AFTER_S,
                )
            if self._waiting >= MAX_WAITING:
                raise Busy("too many requests are waiting; try again in a moment")
        if jobs is None:
            self._jobs[owner] = deque((job,))
            self._owners.append(owner)
        else:
            jobs.append(job)
        self._waiting += 1

    def begin_batch(self) -> None:
        """Reduce every deficit by the time of one long job."""
        if self._deficits:
            self._deficits = {
                owner: deficit - LONG_JOB_S
                for owner, deficit in self._deficits.items()
                if deficit > LONG_JOB_S
            }

    def take(self, *, is_first: bool) -> tuple[J, Hashable] | None:
        """Remove the next job and return it with its owner, or None if the batch should end.

        The first job of a batch may be of an owner with a deficit, if no other waits.
        """
        owners = self._owners
        if not owners:
            return None
        if self._deficits:
            for _ in range(len(owners)):
                if owners[0] not in self._deficits:
                    break
                owners.rotate(-1)
            else:
                if not is_first:
                    return None
        owner = owners.popleft()
        jobs = self._jobs[owner]
        job = jobs.popleft()
        if jobs:
            owners.append(owner)
        else:
            del self._jobs[owner]
        self._waiting -= 1
        return job, owner

    def add_deficit(self, owner: Hashable, took_s: float) -> None:
        """Add the time of a long job to the deficit of its owner."""
        self._deficits[owner] = min(self._deficits.get(owner, 0.0) + took_s, MAX_DEFICIT_S)

    def clear(self) -> list[J]:
        """Remove all jobs and return them."""
        jobs = [job for waiting in self._jobs.values() for job in waiting]
        self._owners.clear()
        self._jobs.clear()
        self._waiting = 0
        return jobs
