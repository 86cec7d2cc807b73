"""Count the AWS usage of an operation: table calls and capacity units by DynamoDB's rules, posts, and queue calls.

A read unit is 4 KB, rounded up to at least 1 unit for each item of a get and for the sum of a query; an eventually
consistent read costs half. A write unit is 1 KB of the larger of the old and the new item; in a
transaction a write costs double; a refused write costs the same. Source: DynamoDB developer guide, "Read and write
operations".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from tests.support.world import TableWrapper

from imchat.services.app import App
from imchat.services.fanout_jobs import Job, decode_job
from imchat.services.protocols import Gateway
from imchat.services.runtime import InlineRuntime
from imchat.storage.table import Check, ConditionFailed, Item, Key, KeyRange, Op, Row, Table
from imchat.storage.validation import check_item_size

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
READ_BYTES: Final = 4 * 1024
WRITE_BYTES: Final = 1024
PAGE_BYTES: Final = 1024 * 1024
"""The most that one Query call reads."""
BATCH_KEYS: Final = 100
SEND_BATCH: Final = 10


@dataclass
class Count:
    """AWS usage. `steps` counts consecutive table calls; concurrent calls are one step."""

    calls: int = 0
    steps: int = 0
    read_units: float = 0
    write_units: int = 0
    posts: int = 0
    queue_calls: int = 0


class _Table(TableWrapper):
    def __init__(self, table: Table, count: Count) -> None:
        super().__init__(table)
        self._count = count

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        item = super().get(key, consistent=consistent)
        self._read(1, _read_units(_size(key, item)) / (1 if consistent else 2))
        return item

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = set(keys)
        found = super().get_many(wanted)
        if wanted:
            units = sum(_read_units(_size(key, found.get(key))) for key in wanted)
            self._read(-(-len(wanted) // BATCH_KEYS), units)
        return found

    def query(self, key_range: KeyRange, *, consistent: bool = True, **options: Any) -> list[Row]:
        rows = super().query(key_range, consistent=consistent, **options)
        size = sum(_size(Key(key_range.pk, row.sk), row.item) for row in rows)
        self._read(1 + size // PAGE_BYTES, _read_units(size) / (1 if consistent else 2))
        return rows

    def write(self, *ops: Op) -> None:
        before = [_size(op.key, self.table.get(op.key)) for op in ops]
        self._count.calls += 1
        self._count.steps += 1
        try:
            super().write(*ops)
        except ConditionFailed:
            self._count.write_units += sum(map(_write_units, before)) * (1 + (len(ops) > 1))
            raise
        after = [0 if isinstance(op, Check) else _size(op.key, self.table.get(op.key)) for op in ops]
        units = sum(_write_units(max(sizes)) for sizes in zip(before, after, strict=True))
        self._count.write_units += units * (1 + (len(ops) > 1))

    def _read(self, calls: int, units: float) -> None:
        self._count.calls += calls
        self._count.steps += calls
        self._count.read_units += units


class _Gateway:
    def __init__(self, gateway: Gateway, count: Count) -> None:
        self._gateway = gateway
        self._count = count

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:
        self._count.posts += len(connection_ids)
        return self._gateway.post(connection_ids, frame)

    def disconnect(self, connection_id: str) -> None:
        self._gateway.disconnect(connection_id)


class MeteredQueue:
    """Stores jobs with the time (ms) from which they may run, and counts the calls that queued them."""

    def __init__(self, count: Count, now_ms: Callable[[], int]) -> None:
        self.jobs: list[tuple[int, Job]] = []
        self._count = count
        self._now_ms = now_ms

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        self._count.queue_calls += -(-len(jobs) // SEND_BATCH)
        self.jobs += [(self._now_ms() + delay_s * 1000, decode_job(job)) for job in jobs]

    def take_due(self) -> list[Job]:
        """Return the jobs that are due, and remove them from the queue."""
        now_ms = self._now_ms()
        due = [job for due_ms, job in self.jobs if due_ms <= now_ms]
        self.jobs = [(due_ms, job) for due_ms, job in self.jobs if due_ms > now_ms]
        return due


class _MeteredRuntime(InlineRuntime):
    """Counts the steps of concurrent calls as those of the longer one."""

    def __init__(self, count: Count) -> None:
        self._count = count

    def run_concurrently(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        count = self._count
        steps_before = count.steps
        first_result = first()
        after_first, count.steps = count.steps, steps_before
        second_result = second()
        count.steps = max(after_first, count.steps)
        return first_result, second_result


def metered(app: App) -> tuple[App, Count, MeteredQueue]:
    """Return `app` as on AWS, with a queue, and the count of its usage."""
    count = Count()
    queue = MeteredQueue(count, app.now_ms)
    table, gateway = _Table(app.table, count), _Gateway(app.gateway, count)
    return (
        replace(app, table=table, gateway=gateway, runtime=_MeteredRuntime(count), queue=queue),
        count,
        queue,
    )


def _size(key: Key, item: Item | None) -> int:
    return 0 if item is None else check_item_size(key, item)


def _read_units(size: int) -> int:
    return max(1, -(-size // READ_BYTES))


def _write_units(size: int) -> int:
    return max(1, -(-size // WRITE_BYTES))
