"""`ItemCache`: the current state of recently read and written items of a table."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from enum import Enum
from typing import Final

from imchat.storage.sqlite.rows import SortKeyRange
from imchat.storage.table import Item, Key, Row

GENERATION_BYTES: Final = 4 * 1024 * 1024
"""Size of one generation of partitions. The previous generation is kept until the current one is full, too."""
OVERHEAD_BYTES: Final = 1_000
"""Memory of an item in addition to its text, or of an absent item. Measured on messages: 900 to 1,300."""
KEPT_TAIL_ROWS: Final = 256
"""Rows that stay cached at the end of a growing partition: the members, the head and the newest events of a conversation."""


class Missing(Enum):
    """The type of `MISSING`: the cache does not know whether an item exists."""

    MISSING = "unknown"


MISSING: Final = Missing.MISSING


class _Partition:
    """The cached items of one partition, and its tail: all rows from the sort key `start` to the end, if known.

    `rows` are the rows of the tail, in order, and `tail` are their sort keys. An item of None is known not to exist.
    """

    __slots__ = ("items", "rows", "start", "tail")

    def __init__(self) -> None:
        self.items: dict[str, Item | None] = {}
        self.start: str | None = None
        self.tail: list[str] = []
        self.rows: list[Row] = []

    def __contains__(self, sk: str) -> bool:
        """Return whether a sort key is within the known tail."""
        return self.start is not None and sk >= self.start

    def set(self, sk: str, item: Item | None) -> None:
        if self.start is not None and sk >= self.start:
            tail, rows = self.tail, self.rows
            index = bisect_left(tail, sk)
            exists = index < len(tail) and tail[index] == sk
            if item is None:
                del tail[index : index + exists], rows[index : index + exists]
            elif exists:
                rows[index] = Row(sk, item)
            else:
                tail.insert(index, sk)
                rows.insert(index, Row(sk, item))
        self.items[sk] = item

    def set_tail(self, start: str, rows: list[Row]) -> None:
        self.start = start
        self.rows = rows.copy()
        self.tail = [row.sk for row in rows]
        self.items.update((row.sk, row.item) for row in rows)

    def trim_tail(self) -> None:
        """Remove the beginning of a tail that is too long."""
        if len(self.tail) > 2 * KEPT_TAIL_ROWS:
            for sk in self.tail[:-KEPT_TAIL_ROWS]:
                del self.items[sk]
            del self.tail[:-KEPT_TAIL_ROWS]
            del self.rows[:-KEPT_TAIL_ROWS]
            self.start = self.tail[0]


class ItemCache:
    """Items by key, and the tails of partitions. Evicts the least recently used partitions, one generation at a time."""

    __slots__ = ("_changed_pks", "_old_generation", "_young_bytes", "_young_generation")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Remove everything."""
        self._young_generation: dict[str, _Partition] = {}
        self._old_generation: dict[str, _Partition] = {}
        self._young_bytes = 0
        self._changed_pks: set[str] = set()

    def get(self, key: Key) -> Item | Missing | None:
        """Return the item (None: it does not exist), or `MISSING` if it is not cached."""
        part = self._find(key.pk)
        if part is None:
            return MISSING
        found = part.items.get(key.sk, MISSING)
        return None if found is MISSING and key.sk in part else found

    def query(self, pk: str, bounds: SortKeyRange, limit: int | None, *, reverse: bool) -> list[Row] | None:
        """Return the rows within the bounds, in the order of `Rows.query`, or None if some are not cached."""
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
        """Store an item (None: it does not exist) whose text has `size` bytes."""
        self._find_or_add(key.pk).set(key.sk, item)
        self._changed_pks.add(key.pk)
        self._young_bytes += size + OVERHEAD_BYTES

    def set_tail(self, pk: str, start: str, rows: list[Row], size: int) -> None:
        """Store the complete rows of a partition from `start` to the end. Their texts have `size` bytes."""
        self._find_or_add(pk).set_tail(start, rows)
        self._changed_pks.add(pk)
        self._young_bytes += size + OVERHEAD_BYTES * len(rows)

    def items(self) -> Iterator[tuple[Key, Item | None]]:
        """Return all cached items, with None for those that do not exist."""
        for pk, part in [*self._young_generation.items(), *self._old_generation.items()]:
            for sk, item in part.items.items():
                yield Key(pk, sk), item

    def evict(self) -> None:
        """Remove partitions that were not used recently, and trim long tails. Not to be called within a transaction."""
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
