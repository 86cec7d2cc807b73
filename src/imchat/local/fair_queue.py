"""`FairQueue`: waiting jobs of many users, taken in turn, so that no user waits for all the jobs of another."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from imchat.errors import Busy, RateLimited

J = TypeVar("J")

MAX_WAITING_EACH: Final = 128
"""Jobs of one user that may wait. More requests are refused: they would only wait for each other."""
MAX_WAITING: Final = 8192
"""Jobs of all users that may wait: about two seconds of work."""
LONG_JOB_S: Final = 0.002
"""A longer job costs its user the next turns. Sending a message takes a tenth of it, a page of 512 KB about as long as it."""
MAX_DEBT_S: Final = 0.02
"""The longest time that a user owes: after at most ten batches, the next job runs however many others wait."""
RETRY_AFTER_S: Final = 1


class FairQueue(Generic[J]):
    """Jobs by owner: a user, an address, or None for the server itself, whose jobs are never refused.

    The owners take turns of one job. One whose job was long owes the time, and is passed over while others wait, until
    `begin_batch` has forgiven the debt. A batch that has run jobs ends rather than run one of an owner in debt, so that
    its responses do not wait for it.
    """

    def __init__(self) -> None:
        self._turns: deque[Hashable] = deque()
        self._jobs: dict[Hashable, deque[J]] = {}
        self._debts: dict[Hashable, float] = {}
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def add(self, job: J, owner: Hashable = None, *, limited: bool = True) -> None:
        """Add a job. Raises: RateLimited if too many of its owner wait, Busy if too many wait in all.

        The limits do not apply to jobs that are not `limited`.
        """
        jobs = self._jobs.get(owner)
        if owner is not None and limited:
            if jobs is not None and len(jobs) >= MAX_WAITING_EACH:
                raise RateLimited(
                    f"{MAX_WAITING_EACH} of your requests are waiting; send the next one after a response",
                    retry_after_s=RETRY_AFTER_S,
                )
            if self._waiting >= MAX_WAITING:
                raise Busy("too many requests are waiting; try again in a moment")
        if jobs is None:
            self._jobs[owner] = deque((job,))
            self._turns.append(owner)
        else:
            jobs.append(job)
        self._waiting += 1

    def begin_batch(self) -> None:
        """Forgive every owner in debt the time of one long job."""
        if self._debts:
            self._debts = {
                owner: debt - LONG_JOB_S for owner, debt in self._debts.items() if debt > LONG_JOB_S
            }

    def take(self, *, is_first: bool) -> tuple[J, Hashable] | None:
        """Remove the next job and return it with its owner, or None if the batch should end.

        The first job of a batch may be of an owner in debt, if no other waits.
        """
        turns = self._turns
        if not turns:
            return None
        if self._debts:
            for _ in range(len(turns)):
                if turns[0] not in self._debts:
                    break
                turns.rotate(-1)
            else:
                if not is_first:
                    return None
        owner = turns.popleft()
        jobs = self._jobs[owner]
        job = jobs.popleft()
        if jobs:
            turns.append(owner)
        else:
            del self._jobs[owner]
        self._waiting -= 1
        return job, owner

    def charge(self, owner: Hashable, took_s: float) -> None:
        """Charge an owner for a job that was long."""
        self._debts[owner] = min(self._debts.get(owner, 0.0) + took_s, MAX_DEBT_S)

    def clear(self) -> list[J]:
        """Remove all jobs and return them."""
        jobs = [job for waiting in self._jobs.values() for job in waiting]
        self._turns.clear()
        self._jobs.clear()
        self._waiting = 0
        return jobs
