"""The SQLite file behind `SqliteTable`: its schema and settings, its log, whose it is, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from imchat.errors import Busy, ConfigError

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x696D6368  # "imch": marks the file as ours, for us and for file(1)
BUSY_TIMEOUT_S: Final = 5.0

CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
"""A log longer than this is emptied into the database. SQLite's own measure, 1,000 pages."""

_FDATASYNC: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)  # Linux alone has the former
_MEMORY: Final = ":memory:"
_SCHEMA: Final = (
    # WITHOUT ROWID: the key is the tree's key, so a query reads neighbours. SQLite orders text by its UTF-8.
    """CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, expires_at INTEGER, item TEXT NOT NULL, PRIMARY KEY (pk, sk)
    ) WITHOUT ROWID""",
    "CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_SETTINGS: Final = (
    "PRAGMA synchronous = NORMAL",  # in WAL mode: commits are written, checkpoints synced; see `Log.sync`
    "PRAGMA wal_autocheckpoint = 0",  # it would stop whoever happens to commit; see `Log.overgrown`
    "PRAGMA secure_delete = ON",  # what was deleted is overwritten with zeros; not every build of SQLite does so unasked
    "PRAGMA cache_size = -8000",  # KiB; the operating system's cache holds the rest
)
_TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


class WriteAheadLog:
    """The write-ahead log behind a connection: SQLite writes commits to it, `sync` makes them durable.

    SQLite would do the same in each commit (`synchronous = FULL`), and hold the connection meanwhile. A log that could
    not be synced once is never trusted again: the system may have dropped what it could not write
    (https://wiki.postgresql.org/wiki/Fsync_Errors).
    """

    __slots__ = ("_file", "_path", "_sync", "_sync_failed")

    def __init__(self, path: Path | str, sync: Callable[[int], None] = _FDATASYNC) -> None:
        """For the database at `path`; ":memory:" has no log. `sync` is the system's call, on a file descriptor."""
        self._path = None if path == _MEMORY else Path(f"{Path(path).resolve()}-wal")
        self._file: int | None = None
        self._sync = sync
        self._sync_failed = False

    def sync(self) -> None:
        """Wait until what was committed is on the disk. Raises: Busy."""
        if self._path is None:
            return
        self.check()
        try:
            self._sync(self._open(self._path))
        except OSError as error:
            self._sync_failed = True
            raise Busy(f"the disk did not store what was written: {error}") from error

    def check(self) -> None:
        """Refuse to go on once a `sync` has failed. Raises: Busy."""
        if self._sync_failed:
            raise Busy("the disk failed to store something; restart imchat once it works again")

    @property
    def needs_checkpoint(self) -> bool:
        """Whether a checkpoint should empty it."""
        return self._file is not None and os.fstat(self._file).st_size > CHECKPOINT_BYTES

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self, path: Path) -> int:
        if self._file is None:
            self._sync_directory(path.parent)
            self._file = os.open(path, os.O_RDWR)
        return self._file

    def _sync_directory(self, path: Path) -> None:
        """Make durable that the log is there at all: SQLite leaves that, too, to whoever syncs."""
        if os.name == "nt":  # there a folder cannot be opened, nor need be
            return
        folder = os.open(path, os.O_RDONLY)
        try:
            self._sync(folder)
        finally:
            os.close(folder)


def connect(path: Path | str) -> sqlite3.Connection:
    """Open the database at `path`, making it where there is none.

    Raises: ConfigError; Busy. `SqliteTable.open` says for what.
    """
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
        )
    except sqlite3.Error as error:
        raise ConfigError(f"{path} cannot be opened as a database: {error}") from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        if _is_transient(error):
            raise Busy(f"{path} is in use by another process; try again") from error
        raise ConfigError(f"{path} cannot be used as a database: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def translate_errors() -> Iterator[None]:
    """What SQLite says in the block, in our words: Busy for what passes with time. Any other error stays as it is."""
    try:
        yield
    except sqlite3.Error as error:
        if _is_transient(error):
            raise Busy("the database is busy; try again") from error
        raise


def _is_transient(error: sqlite3.Error) -> bool:
    # The low byte is the primary code. A full disk passes too, once somebody makes room.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _TRANSIENT


def _prepare(connection: sqlite3.Connection, path: Path | str) -> None:
    _has_schema(connection, path)  # before anything is changed in a file that is not
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != ("memory" if path == _MEMORY else "wal"):
        raise ConfigError(f"{path} cannot be shared on its file system; use a folder on a local disk")
    for pragma in _SETTINGS:
        connection.execute(pragma)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _has_schema(connection, path):
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _has_schema(connection: sqlite3.Connection, path: Path | str) -> bool:
    """Whether the schema is there; an empty file has none yet. Raises: ConfigError for any other file."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return False
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigError(f"{path} is a database, but not one of imchat; choose another folder")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise ConfigError(f"{path} was made by a newer imchat (format {version}); upgrade imchat to open it")
    return True
