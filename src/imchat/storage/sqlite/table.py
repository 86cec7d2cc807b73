"""`SqliteTable`: a table in one SQLite file, for any number of threads. A write is on disk when it returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Self

from imchat.errors import Busy, Closed
from imchat.storage.conditions import apply_op
from imchat.storage.sqlite.rows import Rows, decode_item, decode_rows, encode_row, sort_key_range
from imchat.storage.sqlite.wal import BUSY_TIMEOUT_S, StorageFailed, SyncedLength, WriteAheadLog, connect
from imchat.storage.table import Check, Item, Key, KeyRange, Op, Row
from imchat.storage.validation import check_key, check_ops, check_query


class SqliteTable:
    """A `Table` in one SQLite file. Several processes may open the same file.

    with SqliteTable.open("chat.db") as table:
        table.write(Put(Key("USER#1", "PROFILE"), {"handle": "ada"}, Absent()))
    """

    def __init__(self, connection: sqlite3.Connection, log: WriteAheadLog) -> None:
        """Use `open` instead, which prepares the connection."""
        self._connection = connection
        self._log = log
        self._rows = Rows(connection)
        self._lock = Lock()
        self._closed = False

    @classmethod
    def open(cls, path: Path | str, synced_length: SyncedLength | None = None) -> Self:
        """Open the database at `path`, or create it if it does not exist. ":memory:" creates a private one.

        Raises: ConfigError if the folder does not exist, or the file cannot be written, is damaged, is not an imchat
        database, or was created by a newer imchat; Busy while another process has it locked.
        """
        table = cls(connect(path), WriteAheadLog(path, synced_length=synced_length))
        table._log.open()
        return table

    def on_failed(self, callback: Callable[[StorageFailed], None]) -> None:
        """Call `callback`, on the thread of the call, if a sync fails or the file is damaged: nothing is stored any more."""
        self._log.on_failed = callback

    def close(self) -> None:
        """Close the file. Every later call raises Closed, except another `close`."""
        with self._lock:
            self._closed = True
            self._log.close()
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:  # noqa: ARG002 - reads are always consistent
        """See `Table.get`."""
        check_key(key)
        with self._locked():
            return decode_item(self._rows.get(key))

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """See `Table.get_many`."""
        unique_keys = dict.fromkeys(keys)
        for key in unique_keys:
            check_key(key)
        with self._locked():
            return {
                key: item for key in unique_keys if (item := decode_item(self._rows.get(key))) is not None
            }

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
        with self._locked():
            bounds = sort_key_range(key_range, reverse=reverse)
            return decode_rows(self._rows.query(key_range.pk, bounds, limit, reverse=reverse))

    def write(self, *ops: Op) -> None:
        """See `Table.write`."""
        check_ops(ops)
        with self._locked():
            self._log.check()
            self._apply(ops)
            self._log.sync()
            if self._log.needs_checkpoint:
                self._checkpoint()
                self._log.after_checkpoint()

    def purge_expired(self, now_s: int, limit: int) -> int:
        """Delete up to `limit` items that expired by `now_s` (epoch seconds). Returns the number of deleted items.

        Also empties the write-ahead log, if no reader in another process needs it: deleted data is then in no file any more.
        """
        with self._locked():
            purged = self._rows.purge(now_s, limit)
            self._checkpoint()
            return purged

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the connection. Raises: Closed; Busy for errors that can be retried."""
        if not self._lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise Busy("the database is busy; try again")
        try:
            if self._closed:
                raise Closed("this app is closed; call its functions inside the `with open_app(...)` block")
            with self._log.translate_errors():
                yield
        finally:
            self._lock.release()

    def _checkpoint(self) -> None:
        self._log.before_checkpoint()
        self._rows.checkpoint()

    def _apply(self, ops: Iterable[Op]) -> None:
        rows = self._rows
        rows.execute("BEGIN IMMEDIATE")
        try:
            for index, op in enumerate(ops):
                item = apply_op(index, op, decode_item(rows.get(op.key)))
                if isinstance(op, Check):
                    continue
                if item is None:
                    rows.delete([op.key])
                else:
                    rows.put([encode_row(op.key, item)])
            rows.execute("COMMIT")
        except BaseException:
            if rows.in_transaction:  # SQLite may have rolled back already because the disk is full
                rows.execute("ROLLBACK")
            raise
