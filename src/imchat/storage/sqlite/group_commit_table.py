"""`GroupCommitTable`: a table in a SQLite file that commits many writes in one transaction. For one thread of one server.

The writes of a batch are kept in memory and written to the file at its end, each item once, however often it changed.
Items stay cached across batches until another process writes to the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
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
from imchat.storage.sqlite.wal import (
    BUSY_TIMEOUT_S,
    Locked,
    StorageFailed,
    SyncedLength,
    WriteAheadLog,
    connect,
)
from imchat.storage.table import MAX_ITEM_BYTES, Check, Item, Key, KeyRange, Op, Put, Row
from imchat.storage.validation import check_key, check_ops, check_query

T = TypeVar("T")

MAX_CACHED_TAIL_ROWS: Final = 1_000
"""The largest query result that is cached."""
_RETRY_S: Final = 0.01
"""How often a call outside a batch tries again while another process writes."""


class _PendingWrite(NamedTuple):
    """An item to be stored (None: deleted), its maximum size in DynamoDB's count, and its row if already encoded."""

    item: Item | None
    max_bytes: int
    row: StoredRow | None = None


class GroupCommitTable:
    """A `Table` whose calls between `begin` and `commit` are one transaction, called a batch.

    Outside a batch, each call is a batch of its own, and a write is on disk when it returns. Not thread-safe, except for
    `sync` and `checkpoint`.
    """

    def __init__(self, connection: sqlite3.Connection, log: WriteAheadLog) -> None:
        """Use `open` instead, which prepares the connection."""
        connection.execute("PRAGMA busy_timeout = 0")  # the thread of an event loop must not wait in SQLite
        self._connection = connection
        self._log = log
        self._path = connection.execute("PRAGMA database_list").fetchone()[2]
        self._rows = Rows(connection)
        self._cache = ItemCache()
        self._data_version = -1
        self._in_batch = False
        self._pending: dict[Key, _PendingWrite] = {}
        self._flushed = False

    @classmethod
    def open(cls, path: Path | str, synced_length: SyncedLength | None = None) -> Self:
        """Open the database at `path`; see `SqliteTable.open`."""
        table = cls(connect(path), WriteAheadLog(path, synced_length=synced_length))
        table._log.open()
        return table

    def on_failed(self, callback: Callable[[StorageFailed], None]) -> None:
        """Call `callback`, on the thread of the call, if a sync fails or the file is damaged: nothing is stored any more."""
        self._log.on_failed = callback

    def close(self) -> None:
        """Close the file. Rolls back an open batch."""
        if self._in_batch:
            self.rollback()
        self._log.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the methods of `Table` --

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:  # noqa: ARG002 - reads are always consistent
        """See `Table.get`."""
        if not self._in_batch:
            return self._run_as_batch(partial(self.get, key))
        cached = self._cache.get(key)
        if cached is not MISSING:
            return cached
        check_key(key)
        with self._log.translate_errors():
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
        consistent: bool = True,  # noqa: ARG002 - reads are always consistent
    ) -> list[Row]:
        """See `Table.query`."""
        check_query(key_range, limit)
        bounds = sort_key_range(key_range, reverse=reverse)
        if not self._in_batch:
            return self._run_as_batch(partial(self._query, key_range.pk, bounds, limit, reverse=reverse))
        return self._query(key_range.pk, bounds, limit, reverse=reverse)

    def write(self, *ops: Op) -> None:
        """See `Table.write`. Within a batch, the write is durable once the batch is."""
        if not self._in_batch:
            self._run_as_batch(partial(self.write, *ops))
            return
        sizes = check_ops(ops)
        changes: list[tuple[Key, int, _PendingWrite]] = []
        for index, op in enumerate(ops):
            item = apply_op(index, op, self.get(op.key))
            if not isinstance(op, Check):
                changes.append((op.key, sizes[index], self._pending_write(op, item, sizes[index])))
        for key, size, pending in changes:
            self._cache.set(key, pending.item, size)
            self._pending[key] = pending

    # -- batches --

    def begin(self) -> None:
        """Open a batch. Does not wait.

        Raises: Locked while another process writes to the file; Busy if a `sync` has failed.
        """
        if self._in_batch:
            raise ValueError("a batch is already open; commit it or roll it back first")
        self._log.check()
        with self._log.translate_errors():
            self._rows.execute("BEGIN IMMEDIATE")
            version = self._rows.version
        self._in_batch, self._flushed = True, False
        if version != self._data_version:  # another process has written
            self._cache.clear()
            self._data_version = version

    @property
    def changed(self) -> bool:
        """Whether the open batch has written anything and must be synced."""
        return self._flushed or bool(self._pending)

    def commit(self) -> None:
        """Commit the open batch. Other readers see it from now on. It is durable once `sync` has returned.

        Raises: Busy if the disk reports an error; the batch is then rolled back.
        """
        self._check_open()
        try:
            with self._log.translate_errors():
                self._flush()
                self._rows.execute("COMMIT")
        except StorageFailed:
            self.rollback()
            raise
        except (sqlite3.Error, Busy) as error:
            self.rollback()
            raise Busy(f"the database could not commit a batch: {error}") from error
        self._in_batch = False
        self._cache.evict()

    def rollback(self) -> None:
        """Roll back the open batch."""
        self._check_open()
        self._in_batch = False
        self._pending.clear()
        self._cache.clear()
        if self._rows.in_transaction:  # SQLite may have rolled back already because the disk is full
            with self._log.translate_errors():
                self._rows.execute("ROLLBACK")

    def sync(self) -> None:
        """Make everything committed before this call durable. Thread-safe.

        Raises: Busy if the disk reports an error. Committed batches may then be lost, and the table rejects all further calls.
        """
        self._log.sync()

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the write-ahead log is long enough to call `checkpoint`."""
        return self._log.needs_checkpoint

    def checkpoint(self) -> None:
        """Move committed writes from the log into the database, and empty the log. Thread-safe while no batch is open.

        Does not wait for readers in other processes; see `Rows.checkpoint`.
        """
        self._log.before_checkpoint()
        with self._log.translate_errors():
            self._rows.checkpoint()
        self._log.after_checkpoint()

    @property
    def has_long_log(self) -> bool:
        """Whether to call `backfill` before `checkpoint`."""
        return self._log.is_long

    def backfill(self) -> None:
        """Copy the committed writes of a long log into the database. Thread-safe while batches run; does not wait for them."""
        path = self._path
        if path:
            with (
                contextlib.closing(sqlite3.connect(path, timeout=0)) as connection,
                self._log.translate_errors(),
            ):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def purge_expired(self, now_s: int, limit: int) -> int:
        """Delete up to `limit` items that expired by `now_s` (epoch seconds). Returns the number of deleted items."""
        if not self._in_batch:
            return self._run_as_batch(partial(self.purge_expired, now_s, limit))
        with self._log.translate_errors():
            self._flush()
            purged = self._rows.purge(now_s, limit)
        if purged:
            self._cache.clear()
            self._flushed = True
        return purged

    def _run_as_batch(self, call: Callable[[], T]) -> T:
        """Run a call as a batch of its own. Waits while another process writes. Raises: Busy."""
        until_s = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self.begin()
                break
            except Locked:
                if time.monotonic() > until_s:
                    raise
                time.sleep(_RETRY_S)
        try:
            result = call()
        except BaseException:
            self.rollback()
            raise
        changed = self.changed
        self.commit()
        if changed:
            self.sync()
            if self.needs_checkpoint:
                self.checkpoint()
        return result

    def _query(self, pk: str, bounds: SortKeyRange, limit: int | None, *, reverse: bool) -> list[Row]:
        cached = self._cache.query(pk, bounds, limit, reverse=reverse)
        if cached is not None:
            return cached
        with self._log.translate_errors():
            self._flush()
            texts = self._rows.query(pk, bounds, limit, reverse=reverse)
        rows = decode_rows(texts)
        to_the_end = bounds.end is None and not reverse and (limit is None or len(rows) < limit)
        if to_the_end and len(rows) <= MAX_CACHED_TAIL_ROWS:
            self._cache.set_tail(pk, bounds.start, rows, sum(len(text) for _, text in texts))
        return rows

    def _pending_write(self, op: Op, item: Item | None, op_bytes: int) -> _PendingWrite:
        """Return what an op stores under its key.

        An item that changes often within a batch is encoded only once, at the end: it cannot exceed the size limit while
        the sum of the sizes of its ops does not. Raises: TooLarge.
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
        """Write the pending changes into the open transaction. Raises: Busy; sqlite3.Error."""
        if not self._pending:
            return
        if not self._rows.in_transaction:
            raise Busy("the disk is full; free some space and try again")
        pending = self._pending.items()
        self._rows.put([row or encode_row(key, item) for key, (item, _, row) in pending if item is not None])
        self._rows.delete([key for key, (item, _, _) in pending if item is None])
        self._pending.clear()
        self._flushed = True

    def _check_open(self) -> None:
        if not self._in_batch:
            raise ValueError("no batch is open; call begin first")
