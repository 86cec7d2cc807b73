"""`GroupCommitTable`: the table in one SQLite file as one thread of one server uses it, with many writes in a transaction.

What a batch writes is kept in memory and goes into the file at its end, each item once however often it changed. What was
read stays known for the batches that follow, for as long as nobody else writes to the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

from imchat.errors import Busy
from imchat.storage.conditions import apply_op
from imchat.storage.sqlite.item_cache import MISSING, ItemCache
from imchat.storage.sqlite.rows import (
    MAX_BYTES_PER_CHAR,
    Rows,
    SortKeyRange,
    StoredRow,
    decode_item,
    decode_rows,
    encode_row,
    sort_key_range,
)
from imchat.storage.sqlite.wal import WriteAheadLog, connect, translate_errors
from imchat.storage.table import MAX_ITEM_BYTES, Check, Item, Key, KeyRange, Op, Put, Row
from imchat.storage.validation import check_key, check_ops, check_query

T = TypeVar("T")

MAX_CACHED_TAIL_ROWS: Final = 1_000
"""Rows of a query that are worth keeping in memory."""


class _PendingWrite(NamedTuple):
    """What will lie under a key (None: nothing), of at most so many bytes in DynamoDB's count; its row, if made already."""

    item: Item | None
    max_bytes: int
    row: StoredRow | None = None


class GroupCommitTable:
    """A `Table` whose calls, from `begin` to `commit`, are one transaction. For one thread, but for `sync` and `tidy`.

    Outside a batch each call is one of its own, and a write is on the disk when it returns.
    """

    def __init__(self, connection: sqlite3.Connection, log: WriteAheadLog) -> None:
        """Use `open`, which prepares the connection."""
        self._connection = connection
        self._log = log
        self._rows = Rows(connection)
        self._cache = ItemCache()
        self._data_version = -1
        self._in_batch = False
        self._pending: dict[Key, _PendingWrite] = {}
        self._flushed = False

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open the database at `path`; see `SqliteTable.open`."""
        return cls(connect(path), WriteAheadLog(path))

    def close(self) -> None:
        """Give the file back. A batch still open is undone."""
        if self._in_batch:
            self.rollback()
        self._log.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the four verbs --

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:  # noqa: ARG002 - always consistent here
        """See `Table.get`."""
        if not self._in_batch:
            return self._run_as_batch(partial(self.get, key))
        known = self._cache.get(key)
        if known is not MISSING:
            return known
        check_key(key)
        with translate_errors():
            text = self._rows.get(key)
        item = decode_item(text)
        self._cache.set(key, item, len(text or ""))
        return item

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """See `Table.get_many`."""
        if not self._in_batch:
            return self._run_as_batch(partial(self.get_many, keys))
        return {key: item for key in keys if (item := self.get(key)) is not None}

    def query(
        self,
        key_range: KeyRange,
        *,
        limit: int | None = None,
        reverse: bool = False,
        consistent: bool = True,  # noqa: ARG002 - always consistent here
    ) -> list[Row]:
        """See `Table.query`."""
        check_query(key_range, limit)
        wanted = sort_key_range(key_range, reverse=reverse)
        if not self._in_batch:
            return self._run_as_batch(partial(self._query, key_range.pk, wanted, limit, reverse=reverse))
        return self._query(key_range.pk, wanted, limit, reverse=reverse)

    def write(self, *ops: Op) -> None:
        """See `Table.write`. In a batch it is durable once the batch is."""
        if not self._in_batch:
            self._run_as_batch(partial(self.write, *ops))
            return
        sizes = check_ops(ops)
        changes: list[tuple[Key, int, _PendingWrite]] = []
        for index, op in enumerate(ops):
            item = apply_op(index, op, self.get(op.key))
            if not isinstance(op, Check):
                changes.append((op.key, sizes[index], self._pending_write(op, item, sizes[index])))
        for key, size, waiting in changes:
            self._cache.set(key, waiting.item, size)
            self._pending[key] = waiting

    # -- batches --

    def begin(self) -> None:
        """Open a batch.

        Raises: Busy where another process writes for too long, or a `sync` has failed.
        """
        if self._in_batch:
            raise ValueError("a batch is open already")
        self._log.check()
        with translate_errors():
            self._rows.execute("BEGIN IMMEDIATE")
            version = self._rows.version
        self._in_batch, self._flushed = True, False
        if version != self._data_version:  # somebody else has written
            self._cache.clear()
            self._data_version = version

    @property
    def changed(self) -> bool:
        """Whether the open batch has written anything, so that it has to be synced."""
        return self._flushed or bool(self._pending)

    def commit(self) -> None:
        """End the open batch. Everybody sees it from here on; it is durable once `sync` has returned.

        Raises: Busy where the disk refuses: then nothing of the batch happened.
        """
        self._check_open()
        try:
            self._flush()
            self._rows.execute("COMMIT")
        except (sqlite3.Error, Busy) as error:
            self.rollback()
            raise Busy(f"the database could not end a batch: {error}") from error
        self._in_batch = False
        self._cache.evict()

    def rollback(self) -> None:
        """Undo the open batch."""
        self._check_open()
        self._in_batch = False
        self._pending.clear()
        self._cache.clear()
        if self._rows.in_transaction:  # a full disk may have ended it already
            with translate_errors():
                self._rows.execute("ROLLBACK")

    def sync(self) -> None:
        """Make durable what was committed before this call. On any thread, whatever others do meanwhile.

        Raises: Busy where the disk refuses. What was committed may then be lost, and this table takes nothing more.
        """
        self._log.sync()

    @property
    def needs_checkpoint(self) -> bool:
        """Whether batches have written so much that it is time to `tidy`."""
        return self._log.needs_checkpoint

    def checkpoint(self) -> None:
        """Move what was committed from the log into the database, and empty the log. On any thread, while no batch is open."""
        with translate_errors():
            self._rows.checkpoint()

    def purge_expired(self, now_s: int, limit: int) -> int:
        """Remove at most `limit` items that had expired at `now_s` (epoch seconds); how many they were."""
        if not self._in_batch:
            return self._run_as_batch(partial(self.purge_expired, now_s, limit))
        with translate_errors():
            self._flush()
            purged = self._rows.purge(now_s, limit)
        if purged:
            self._cache.clear()
            self._flushed = True
        return purged

    def _run_as_batch(self, call: Callable[[], T]) -> T:
        """A call that is a batch of its own."""
        self.begin()
        try:
            answer = call()
        except BaseException:
            self.rollback()
            raise
        changed = self.changed
        self.commit()
        if changed:
            self.sync()
            if self.needs_checkpoint:
                self.checkpoint()
        return answer

    def _query(self, pk: str, wanted: SortKeyRange, limit: int | None, *, reverse: bool) -> list[Row]:
        known = self._cache.query(pk, wanted, limit, reverse=reverse)
        if known is not None:
            return known
        with translate_errors():
            self._flush()
            texts = self._rows.query(pk, wanted, limit, reverse=reverse)
        rows = decode_rows(texts)
        to_the_end = wanted.end is None and not reverse and (limit is None or len(rows) < limit)
        if to_the_end and len(rows) <= MAX_CACHED_TAIL_ROWS:
            self._cache.set_tail(pk, wanted.start, rows, sum(len(text) for _, text in texts))
        return rows

    def _pending_write(self, op: Op, item: Item | None, op_bytes: int) -> _PendingWrite:
        """What the op leaves under its key. An item that changes on and on in one batch gets its text when that ends.

        Raises: TooLarge.
        """
        if item is None:
            return _PendingWrite(None, 0)
        if isinstance(op, Put):
            return _PendingWrite(item, op_bytes)
        before = self._pending.get(op.key)
        if before is not None and before.max_bytes + op_bytes <= MAX_ITEM_BYTES:
            return _PendingWrite(item, before.max_bytes + op_bytes)
        row = encode_row(op.key, item)
        return _PendingWrite(item, len(row.text) * MAX_BYTES_PER_CHAR, row)

    def _flush(self) -> None:
        """Write into the open transaction what was kept in memory. Raises: Busy; sqlite3.Error."""
        if not self._pending:
            return
        if not self._rows.in_transaction:
            raise Busy("the disk is full")
        waiting = self._pending.items()
        self._rows.put([row or encode_row(key, item) for key, (item, _, row) in waiting if item is not None])
        self._rows.delete([key for key, (item, _, _) in waiting if item is None])
        self._pending.clear()
        self._flushed = True

    def _check_open(self) -> None:
        if not self._in_batch:
            raise ValueError("no batch is open")
