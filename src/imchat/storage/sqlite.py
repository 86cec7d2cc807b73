"""`SqliteTable`: the table in one SQLite file. A write is fsynced before it returns, or with the batch it is in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Lock, get_ident
from types import TracebackType
from typing import Final, Self

from pydantic_core import from_json, to_json

from imchat.errors import Busy
from imchat.storage.semantics import change, holds
from imchat.storage.sqlite_file import BUSY_TIMEOUT_S, Log, connect, raise_translated
from imchat.storage.table import (
    MAX_ITEM_BYTES,
    TTL_ATTRIBUTE,
    Absent,
    Condition,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Op,
    Put,
    Row,
    Update,
)
from imchat.storage.validation import check_item_size, check_key, check_ops, check_query, is_int

_GET: Final = "SELECT item FROM items WHERE pk = ? AND sk = ?"
_PUT: Final = "REPLACE INTO items (pk, sk, expires_at, item) VALUES (?, ?, ?, ?)"
_INSERT: Final = "INSERT INTO items (pk, sk, expires_at, item) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_DELETE: Final = "DELETE FROM items WHERE pk = ? AND sk = ?"
_QUERY: Final = "SELECT sk, item FROM items WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk LIMIT ?"
_QUERY_REVERSE: Final = (
    "SELECT sk, item FROM items WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk DESC LIMIT ?"
)
_PURGE: Final = """DELETE FROM items WHERE (pk, sk) IN
    (SELECT pk, sk FROM items WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"""
_BEYOND_ALL_TEXT: Final = b""  # to SQLite every blob is greater than every text
_LARGEST_EXPIRY: Final = 2**63 - 1


class _Turn:
    """Whose turn the connection is: one call's, or one batch's from its begin to its end.

    Also says in our words what SQLite says in its own.
    """

    __slots__ = ("_batch_thread", "_lock")

    def __init__(self) -> None:
        self._lock = Lock()
        self._batch_thread: int | None = None

    @property
    def in_batch(self) -> bool:
        return self._batch_thread == get_ident()

    def open_batch(self) -> None:
        if self.in_batch:
            raise ValueError("a batch is open already")
        self._wait()
        self._batch_thread = get_ident()

    def seal_batch(self) -> None:
        """From here on the thread that opened the batch waits like any other."""
        if self._batch_thread is None:
            raise ValueError("no batch is open")
        self._batch_thread = None

    def release_batch(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        if self._batch_thread != get_ident():
            self._wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._batch_thread != get_ident():
            self._lock.release()
        if isinstance(error, sqlite3.Error):
            raise_translated(error)

    def _wait(self) -> None:
        if not self._lock.acquire(timeout=BUSY_TIMEOUT_S):
            raise Busy("the database is busy; try again")


class SqliteTable:
    """A `Table` in one SQLite file, for any number of threads; any process may open the same file.

    A `write` is durable when it returns, unless the calling thread has opened a batch: then its reads and writes are
    one transaction, which `commit` ends and `sync` makes durable. Other threads wait for the batch's end.

        with SqliteTable.open("chat.db") as table:
            table.write(Put(Key("USER#1", "PROFILE"), {"handle": "ada"}, Absent()))
    """

    def __init__(self, connection: sqlite3.Connection, log: Log) -> None:
        """Use `open`, which prepares the connection."""
        self._connection = connection
        self._log = log
        self._cursor = connection.cursor()
        self._turn = _Turn()
        self._changes_before = 0

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open the database at `path`, making it where there is none; ":memory:" makes one for itself alone.

        Raises: ConfigError for a folder that does not exist or a file that cannot be written, is no database
        of imchat, is damaged, or was made by a newer imchat; Busy while another process holds it.
        """
        return cls(connect(path), Log(path))

    def close(self) -> None:
        """Give the file back. A batch still open is undone."""
        if self._turn.in_batch:
            self.rollback()
        with self._turn:
            self._log.close()
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the four verbs --

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:  # noqa: ARG002 - always consistent here
        """See `Table.get`."""
        check_key(key)
        with self._turn:
            return self._read(key)

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """See `Table.get_many`."""
        wanted = dict.fromkeys(keys)
        for key in wanted:
            check_key(key)
        with self._turn:
            return {key: item for key in wanted if (item := self._read(key)) is not None}

    def query(
        self,
        pk: str,
        *,
        prefix: str | None = None,
        low: str | None = None,
        high: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        reverse: bool = False,
        consistent: bool = True,  # noqa: ARG002 - always consistent here
    ) -> list[Row]:
        """See `Table.query`."""
        check_query(pk, prefix=prefix, low=low, high=high, after=after, limit=limit)
        start, end = _half_open(prefix, low, high)
        if after is not None and reverse:
            end = after if end is None else min(end, after)
        elif after is not None:
            start = max(start, after + "\0")
        sql = _QUERY_REVERSE if reverse else _QUERY
        bounds = (pk, start, _BEYOND_ALL_TEXT if end is None else end, -1 if limit is None else limit)
        with self._turn:
            rows = self._cursor.execute(sql, bounds).fetchall()
        return [Row(sk, from_json(text)) for sk, text in rows]

    def write(self, *ops: Op) -> None:
        """See `Table.write`. In a batch it is durable once the batch is."""
        check_ops(ops)
        with self._turn:
            if not self._turn.in_batch:
                self._log.check()
                self._apply_all(ops, "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
                self._log.sync()
                if self._log.overgrown:
                    self._checkpoint()
            elif len(ops) == 1:
                self._apply(0, ops[0])  # decides before it writes its one row, so it has nothing to undo
            else:
                self._apply_all(ops, "SAVEPOINT ops", "RELEASE ops", "ROLLBACK TO ops")

    # -- batches --

    def begin(self) -> None:
        """Open a batch: this thread's calls from here to `commit` or `rollback` are one transaction.

        Raises: Busy where another process or thread writes for too long, or a `sync` has failed.
        """
        self._log.check()
        self._turn.open_batch()
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._turn.seal_batch()
            self._turn.release_batch()
            raise_translated(error)
        self._changes_before = self._connection.total_changes

    @property
    def changed(self) -> bool:
        """Whether the open batch has written anything, so that it has to be synced."""
        return self._connection.total_changes != self._changes_before

    def commit(self) -> None:
        """End the open batch. Everybody sees it from here on; it is durable once `sync` has returned.

        Raises: Busy where the disk refuses: then nothing of the batch happened.
        """
        self._end_batch("COMMIT")

    def sync(self) -> None:
        """Make durable what was committed before this call. On any thread, whatever others do meanwhile.

        Raises: Busy where the disk refuses. What was committed may then be lost, and this table takes nothing more.
        """
        self._log.sync()

    @property
    def overgrown(self) -> bool:
        """Whether batches have written so much that it is time to `tidy`."""
        return self._log.overgrown

    def tidy(self) -> None:
        """Move what was committed from the log into the database, and empty the log. Slow; waits for an open batch."""
        with self._turn:
            self._checkpoint()

    def rollback(self) -> None:
        """Undo the open batch. May be called on another thread, like `commit`."""
        self._end_batch("ROLLBACK")

    def purge_expired(self, now_s: int, limit: int) -> int:
        """Remove at most `limit` items that had expired at `now_s` (epoch seconds); how many they were."""
        with self._turn:
            return self._cursor.execute(_PURGE, (now_s, limit)).rowcount

    def _checkpoint(self) -> None:
        # Another process that reads may keep it from being emptied: then the next one empties it.
        self._cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _end_batch(self, statement: str) -> None:
        self._turn.seal_batch()
        try:
            self._cursor.execute(statement)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._cursor.execute("ROLLBACK")
            raise Busy(f"the database could not end a batch: {error}") from error
        finally:
            self._turn.release_batch()

    def _apply_all(self, ops: tuple[Op, ...], begin: str, commit: str, undo: str) -> None:
        execute = self._cursor.execute
        execute(begin)
        try:
            for index, op in enumerate(ops):
                self._apply(index, op)
            execute(commit)
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have undone it already
                execute(undo)
            raise

    def _apply(self, index: int, op: Op) -> None:
        key = op.key
        if isinstance(op, Put):
            if isinstance(op.condition, Absent):
                if self._store(_INSERT, key, op.item) == 0:
                    raise ConditionFailed(index, self._read(key))
                return
            if op.condition is not None:
                self._demand(index, key, op.condition)
            self._store(_PUT, key, op.item)
        elif isinstance(op, Update):
            item = self._demand(index, key, op.condition) or {}
            change(item, op)
            self._store(_PUT, key, item)
        elif isinstance(op, Delete):
            if op.condition is not None:
                self._demand(index, key, op.condition)
            self._cursor.execute(_DELETE, key)
        else:
            self._demand(index, key, op.condition)

    def _demand(self, index: int, key: Key, condition: Condition | None) -> Item | None:
        """The item under `key`, if the condition holds. Raises: ConditionFailed."""
        item = self._read(key)
        if condition is not None and not holds(condition, item):
            raise ConditionFailed(index, item)
        return item

    def _read(self, key: Key) -> Item | None:
        rows = self._cursor.execute(_GET, key).fetchall()
        return from_json(rows[0][0]) if rows else None

    def _store(self, sql: str, key: Key, item: Item) -> int:
        """Write the row; how many rows that changed."""
        text = to_json(item).decode()
        # Of an update only the parts were checked. Text this short cannot be an item that is too large.
        if len(text) > MAX_ITEM_BYTES // 8:
            check_item_size(key, item)
        expiry = item.get(TTL_ATTRIBUTE)
        expires_at = expiry if is_int(expiry) and 0 <= expiry <= _LARGEST_EXPIRY else None
        return self._cursor.execute(sql, (*key, expires_at, text)).rowcount


def _half_open(prefix: str | None, low: str | None, high: str | None) -> tuple[str, str | None]:
    """The bounds as one range: from the first, inclusive, to the second, exclusive (None: to the end).

    A text's next neighbour in byte order is that text and a NUL.
    """
    if prefix is not None:
        return prefix, _behind_prefix(prefix)
    return low or "", None if high is None else high + "\0"


def _behind_prefix(prefix: str) -> str | None:
    """The lowest text above everything that starts with `prefix`, or None where there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    return stem[:-1] + ("\ue000" if stem[-1] == "\ud7ff" else chr(ord(stem[-1]) + 1))  # over the surrogates
