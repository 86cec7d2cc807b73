"""Counting what an operation asks of AWS: calls and units of the table by DynamoDB's rules, posts, messages in the queue.

Units: a strongly consistent read of 4 KB, half for one that is not, 1 at least for each item of a get and for a
query's sum; a write of 1 KB of the larger of what was and what is; twice that in a transaction; a refused write costs as much.
Source: DynamoDB developer guide, "Read and write operations".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from tests.support.world import Borrowed

from imchat.services.app import App
from imchat.services.fanout_jobs import Job, decode_job
from imchat.services.protocols import Gateway
from imchat.storage.table import Check, ConditionFailed, Item, Key, KeyRange, Op, Row, Table
from imchat.storage.validation import check_item_size

T = TypeVar("T")
READ_BYTES: Final = 4 * 1024
WRITE_BYTES: Final = 1024
PAGE_BYTES: Final = 1024 * 1024
"""What one Query reads at most."""
BATCH_KEYS: Final = 100
SEND_BATCH: Final = 10


@dataclass
class Count:
    """`steps`: calls of the table that wait for one another; those side by side are one."""

    calls: int = 0
    steps: int = 0
    read_units: float = 0
    write_units: int = 0
    posts: int = 0
    queue_calls: int = 0


class _Table(Borrowed):
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


class CountedQueue:
    """Keeps jobs with the moment (ms) from which they may run, and counts the calls that brought them."""

    def __init__(self, count: Count, now_ms: Callable[[], int]) -> None:
        self.jobs: list[tuple[int, Job]] = []
        self._count = count
        self._now_ms = now_ms

    def put(self, jobs: Sequence[str], *, delay_s: int = 0) -> None:
        self._count.queue_calls += -(-len(jobs) // SEND_BATCH)
        self.jobs += [(self._now_ms() + delay_s * 1000, decode_job(job)) for job in jobs]

    def take_due(self) -> list[Job]:
        """The jobs whose time has come."""
        now_ms = self._now_ms()
        due = [job for due_ms, job in self.jobs if due_ms <= now_ms]
        self.jobs = [later for later in self.jobs if later[0] > now_ms]
        return due


def counted(app: App) -> tuple[App, Count, CountedQueue]:
    """`app` as it is on AWS, with a queue; what is done with it is counted."""
    count = Count()
    queue = CountedQueue(count, app.now_ms)

    def both(first: Callable[[], object], second: Callable[[], object]) -> tuple[object, object]:
        begun = count.steps
        one = first()
        after_first, count.steps = count.steps, begun
        other = second()
        count.steps = max(after_first, count.steps)
        return one, other

    table, gateway = _Table(app.table, count), _Gateway(app.gateway, count)
    return replace(app, table=table, gateway=gateway, both=both, queue=queue), count, queue


def _size(key: Key, item: Item | None) -> int:
    return 0 if item is None else check_item_size(key, item)


def _read_units(size: int) -> int:
    return max(1, -(-size // READ_BYTES))


def _write_units(size: int) -> int:
    return max(1, -(-size // WRITE_BYTES))
