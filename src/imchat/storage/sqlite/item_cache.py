"""`ItemCache`: items of a table that are known without reading them: what was read or written lately, as it is now."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from enum import Enum
from typing import Final

from imchat.storage.sqlite.rows import SortKeyRange
from imchat.storage.table import Item, Key, Row

GENERATION_BYTES: Final = 4 * 1024 * 1024
"""What one generation of partitions takes in before the next begins; the one before it is kept as long."""
OVERHEAD_BYTES: Final = 1_000
"""What an item in memory takes beside its text, or for being absent. Measured on messages: 900 to 1,300."""
KEPT_TAIL_ROWS: Final = 256
"""Rows of one partition's tail that stay known as the partition grows: a room's members, its head, its newest events."""


class Missing(Enum):
    """Says that the working set does not know what lies under a key."""

    MISSING = "unknown"


MISSING: Final = Missing.MISSING


class _Partition:
    """What is known of one partition: some items, and from the sort key `start` on all there are.

    `rows` are those from `start` on, in order, and `tail` are their sort keys. An item that is None is known not to be there.
    """

    __slots__ = ("items", "rows", "start", "tail")

    def __init__(self) -> None:
        self.items: dict[str, Item | None] = {}
        self.start: str | None = None
        self.tail: list[str] = []
        self.rows: list[Row] = []

    def __contains__(self, sk: str) -> bool:
        """Whether `sk` lies where everything is known."""
        return self.start is not None and sk >= self.start

    def set(self, sk: str, item: Item | None) -> None:
        if self.start is not None and sk >= self.start:
            tail, rows = self.tail, self.rows
            place = bisect_left(tail, sk)
            there = place < len(tail) and tail[place] == sk
            if item is None:
                del tail[place : place + there], rows[place : place + there]
            elif there:
                rows[place] = Row(sk, item)
            else:
                tail.insert(place, sk)
                rows.insert(place, Row(sk, item))
        self.items[sk] = item

    def set_tail(self, start: str, rows: list[Row]) -> None:
        self.start = start
        self.rows = rows.copy()
        self.tail = [row.sk for row in rows]
        self.items.update((row.sk, row.item) for row in rows)

    def trim_tail(self) -> None:
        """Forget the beginning of a tail that has grown long."""
        if len(self.tail) > 2 * KEPT_TAIL_ROWS:
            for sk in self.tail[:-KEPT_TAIL_ROWS]:
                del self.items[sk]
            del self.tail[:-KEPT_TAIL_ROWS]
            del self.rows[:-KEPT_TAIL_ROWS]
            self.start = self.tail[0]


class ItemCache:
    """Items by key, and the tails of partitions. The least recently used are forgotten, by generations."""

    __slots__ = ("_changed_pks", "_old_generation", "_young_bytes", "_young_generation")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._young_generation: dict[str, _Partition] = {}
        self._old_generation: dict[str, _Partition] = {}
        self._young_bytes = 0
        self._changed_pks: set[str] = set()

    def get(self, key: Key) -> Item | Missing | None:
        """What lies under the key (None: nothing), if it is known."""
        part = self._find(key.pk)
        if part is None:
            return MISSING
        found = part.items.get(key.sk, MISSING)
        return None if found is MISSING and key.sk in part else found

    def query(self, pk: str, bounds: SortKeyRange, limit: int | None, *, reverse: bool) -> list[Row] | None:
        """The rows of a span, as `Rows.query` answers them; None if they are not all known."""
        part = self._find(pk)
        if part is None or bounds.start not in part:
            return None
        tail = part.tail
        first = bisect_left(tail, bounds.start)
        last = len(tail) if bounds.end is None else bisect_left(tail, bounds.end)
        if limit is not None and last - first > limit:
            first, last = (last - limit, last) if reverse else (first, first + limit)
        found = part.rows[first:last]
        if reverse:
            found.reverse()
        return found

    def set(self, key: Key, item: Item | None, size: int) -> None:
        """Under the key lies this now (None: nothing); its text has `size` bytes."""
        self._find_or_add(key.pk).set(key.sk, item)
        self._changed_pks.add(key.pk)
        self._young_bytes += size + OVERHEAD_BYTES

    def set_tail(self, pk: str, start: str, rows: list[Row], size: int) -> None:
        """These are all rows of the partition from `start` on; their texts have `size` bytes."""
        self._find_or_add(pk).set_tail(start, rows)
        self._changed_pks.add(pk)
        self._young_bytes += size + OVERHEAD_BYTES * len(rows)

    def items(self) -> Iterator[tuple[Key, Item | None]]:
        """All that is known."""
        for pk, part in [*self._young_generation.items(), *self._old_generation.items()]:
            for sk, item in part.items.items():
                yield Key(pk, sk), item

    def evict(self) -> None:
        """Forget what was not used for long, and keep tails short. Not between a read and what is decided from it."""
        for pk in self._changed_pks:
            part = self._find(pk)
            if part is not None:
                part.trim_tail()
        self._changed_pks.clear()
        if self._young_bytes > GENERATION_BYTES:
            self._old_generation, self._young_generation = self._young_generation, {}
            self._young_bytes = 0

    def _find(self, pk: str) -> _Partition | None:
        part = self._young_generation.get(pk)
        if part is None:
            part = self._old_generation.pop(pk, None)
            if part is not None:
                self._young_generation[pk] = part
        return part

    def _find_or_add(self, pk: str) -> _Partition:
        part = self._find(pk)
        if part is None:
            part = self._young_generation[pk] = _Partition()
        return part
