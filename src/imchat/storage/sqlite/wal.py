"""Open the SQLite file of a table: schema, settings, write-ahead log and errors."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from imchat.errors import Busy, ConfigError, ImchatError
from imchat.storage.sqlite.migrations import CREATE_ABOUT, MIGRATIONS, back_up

log = logging.getLogger(__name__)

SCHEMA_VERSION: Final = 3
APPLICATION_ID: Final = 0x696D6368  # "imch": marks the file as an imchat database, also for file(1)
BUSY_TIMEOUT_S: Final = 5.0

CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
"""A longer log is moved into the database. The default of SQLite: 1,000 pages."""
LONG_LOG_BYTES: Final = 8 * CHECKPOINT_BYTES
"""A longer log is first moved into the database while requests run: all at once would stop them for too long."""
CHECKPOINT_RETRY_S: Final = 1.0
"""How long after a checkpoint that could not empty the log the next one is due."""

_FDATASYNC: Final[Callable[[int], None]] = getattr(
    os, "fdatasync", os.fsync
)  # fdatasync exists on Linux only
_MEMORY: Final = ":memory:"
_SCHEMA: Final = (
    # WITHOUT ROWID stores rows in key order, so a query reads adjacent rows. SQLite orders text by its UTF-8 bytes.
    """CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, expires_at INTEGER, item TEXT NOT NULL, PRIMARY KEY (pk, sk)
    ) WITHOUT ROWID""",
    "CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL",
    CREATE_ABOUT,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_SETTINGS: Final = (
    "PRAGMA synchronous = NORMAL",  # in WAL mode: syncs on checkpoint, not on commit; see `WriteAheadLog.sync`
    "PRAGMA wal_autocheckpoint = 0",  # it would block a commit; see `WriteAheadLog.needs_checkpoint`
    "PRAGMA secure_delete = ON",  # overwrites deleted data with zeros; not the default in every build of SQLite
    "PRAGMA cache_size = -8000",  # KiB; the operating system caches the rest
)
_NEEDED_BYTES: Final = 256 * 1024  # the index of the log and a few pages
_UNREADABLE: Final = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
)
"""The file is shorter than it was, or its disk cannot read it any more."""
_TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


class StorageFailed(Busy):
    """The table stores nothing any more. `report` is one line for the operator, with the cause and what to do."""

    def __init__(self, message: str, *, report: str = "") -> None:
        super().__init__(message)
        self.report = report or message


class SyncFailed(StorageFailed):
    """The system could not write to the disk: committed writes may be lost, and the log is not used again."""


class Damaged(StorageFailed):
    """The file has invalid pages, or cannot be read."""


class Locked(Busy):
    """Another process is writing to the database; nothing was done, and it can be tried again at once."""


class SyncedLength:
    """The length of a write-ahead log at its last sync, stored in 8 bytes of a file. A log that is shorter later was cut.

    The length is stored after the sync of the log and is not synced itself. So after a power failure the file has this
    length or an earlier one, never a greater one.
    """

    BYTES: Final = 8

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._offset = offset
        self._file: IO[bytes] | None = None

    def read(self) -> int:
        """Return the stored length, 0 if there is none. Raises: OSError."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            return int.from_bytes(file.read(self.BYTES), "little")

    def store(self, length: int) -> None:
        """Store a length. If that fails, the earlier one stays, which is not greater."""
        with contextlib.suppress(OSError):
            self._write(length)

    def clear(self) -> None:
        """Store 0 on the disk, before the log is emptied. Raises: OSError."""
        os.fsync(self._write(0).fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, length: int) -> IO[bytes]:
        if self._file is None:
            self._file = self._path.open("r+b", buffering=0)
        self._file.seek(self._offset)
        self._file.write(length.to_bytes(self.BYTES, "little"))
        return self._file


class WriteAheadLog:
    """The write-ahead log of a connection: SQLite writes commits to it, and `sync` makes them durable.

    SQLite could sync in each commit (`synchronous = FULL`), but would block the connection meanwhile. After a failed sync
    the log is never used again, because the system may have dropped the data that it could not write
    (https://wiki.postgresql.org/wiki/Fsync_Errors).
    """

    __slots__ = ("_failure", "_file", "_path", "_retry_at_s", "_sync", "_synced_length", "on_failed")

    def __init__(
        self,
        path: Path | str,
        sync: Callable[[int], None] = _FDATASYNC,
        synced_length: SyncedLength | None = None,
    ) -> None:
        """Use the log of the database at `path`; ":memory:" has none. `sync` is the system call, given a file descriptor."""
        self._path = None if path == _MEMORY else Path(f"{Path(path).resolve()}-wal")
        self._file: int | None = None
        self._sync = sync
        self._synced_length = synced_length
        self._failure: StorageFailed | None = None
        self.on_failed: Callable[[StorageFailed], None] = lambda _failure: None
        """Called once, on the thread of the call that failed: from then on nothing can be stored."""
        self._retry_at_s = 0.0

    def sync(self) -> None:
        """Wait until all commits are on disk. Raises: SyncFailed; Busy if the log could not be opened."""
        if self._path is None:
            return
        self.check()
        try:
            file = self._open(self._path)
        except (
            OSError
        ) as error:  # too many open files, for example: nothing is lost, and a later sync can succeed
            raise Busy(f"the database log could not be opened: {error}") from error
        length = os.fstat(file).st_size
        self._sync_file(file)
        if self._synced_length is not None:
            self._synced_length.store(length)

    def open(self) -> None:
        """Open the log file now instead of at the first `sync`. Raises: Busy."""
        if self._path is not None and self._path.exists():
            try:
                self._open(self._path)
            except OSError as error:
                raise Busy(f"the database log could not be opened: {error}") from error

    def check(self) -> None:
        """Raise StorageFailed if an earlier call has failed in a way that ends the use of the table."""
        if self._failure is not None:
            raise type(self._failure)(self._failure.message, report=self._failure.report)

    def fail(self, failure: StorageFailed) -> StorageFailed:
        """Make every later `check` raise this failure; return it."""
        if self._failure is None:
            self._failure = failure
            self.on_failed(failure)
        return failure

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise Busy for SQLite errors in the block that can be retried, Damaged for a damaged file. Others pass unchanged."""
        try:
            yield
        except sqlite3.Error as error:
            if _is_damage(error):
                raise self.fail(self._damaged(error)) from error
            if _is_transient(error):
                raise _transient_error(error) from error
            raise

    def _damaged(self, error: sqlite3.Error) -> Damaged:
        database = str(self._path or _MEMORY).removesuffix("-wal")
        return Damaged("the database is damaged", report=_damage_report(database, error))

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the log is long enough for a checkpoint, and none has failed to empty it in the last second."""
        return (
            self._file is not None
            and os.fstat(self._file).st_size > CHECKPOINT_BYTES
            and time.monotonic() >= self._retry_at_s
        )

    @property
    def is_long(self) -> bool:
        """Whether a checkpoint of the whole log would take too long."""
        return self._file is not None and os.fstat(self._file).st_size > LONG_LOG_BYTES

    def before_checkpoint(self) -> None:
        """Prepare for a checkpoint, which empties the log. Raises: Busy."""
        if self._synced_length is not None:
            try:
                self._synced_length.clear()
            except OSError as error:
                raise Busy(f"the length of the database log could not be stored: {error}") from error

    def after_checkpoint(self) -> None:
        """Postpone the next checkpoint if a reader in another process prevented this one from emptying the log."""
        if self.needs_checkpoint:
            self._retry_at_s = time.monotonic() + CHECKPOINT_RETRY_S

    def close(self) -> None:
        """Close the log file."""
        if self._synced_length is not None:
            self._synced_length.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self, path: Path) -> int:
        if self._file is None:
            self._sync_directory(path.parent)
            self._file = os.open(path, os.O_RDWR)
        return self._file

    def _sync_directory(self, path: Path) -> None:
        """Make the directory entry of the log durable. With `synchronous = NORMAL`, SQLite leaves this to the caller, too."""
        if os.name == "nt":  # Windows cannot open a folder, and does not need to
            return
        folder = os.open(path, os.O_RDONLY)
        try:
            self._sync_file(folder)
        finally:
            os.close(folder)

    def _sync_file(self, file: int) -> None:
        """Call the system's sync. Raises: SyncFailed."""
        try:
            if not os.fstat(file).st_nlink:
                raise FileNotFoundError(errno.ENOENT, "its write-ahead log was deleted", str(self._path))
            self._sync(file)
        except OSError as error:
            report = (
                f"the disk could not store a write: {error}. imchat stops, because writes could be lost without notice; "
                "nothing that was confirmed is affected. Check the disk, then start imchat again."
            )
            message = f"the disk could not store a write: {error}; fix the disk, then restart imchat"
            raise self.fail(SyncFailed(message, report=report)) from error


def connect(path: Path | str) -> sqlite3.Connection:
    """Open the database at `path`, or create it if it does not exist.

    Raises: ConfigError; Busy. See `SqliteTable.open`.
    """
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S
        )
    except sqlite3.Error as error:
        raise ConfigError(f"{path} cannot be opened as a database: {error}") from error
    try:
        _prepare(connection, path)
    except OSError as error:
        connection.close()
        raise ConfigError(f"{path} cannot be backed up before it is migrated: {error.strerror}") from error
    except sqlite3.Error as error:
        connection.close()
        raise open_error(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_error(path: Path | str, error: sqlite3.Error) -> ImchatError:
    """Return the error for a database that cannot be opened, with its cause and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if _is_damage(error):
        return ConfigError(_damage_report(path, error))
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _disk_is_full(path)):
        return ConfigError(f"{path} cannot be opened: its disk is full; free some space")
    if code in _TRANSIENT:
        return Busy(f"{path} is locked by another process; try again")
    return ConfigError(f"{path} cannot be used as a database: {error}")


def _disk_is_full(path: Path | str) -> bool:
    try:
        return shutil.disk_usage(Path(path).parent).free < _NEEDED_BYTES
    except OSError:
        return False


def _damage_report(path: Path | str, error: sqlite3.Error) -> str:
    return (
        f"{path} is damaged ({error}); restore the data folder from a backup, or save what can still be read with: "
        f"sqlite3 {path} .recover"
    )


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or code in _UNREADABLE


def _transient_error(error: sqlite3.Error) -> Busy:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return Busy("the disk is full; free some space and try again")
    return Locked("the database is busy; try again")


def _is_transient(error: sqlite3.Error) -> bool:
    # The low byte is the primary code. A full disk counts as transient, because space can be freed.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _TRANSIENT


def _prepare(connection: sqlite3.Connection, path: Path | str) -> None:
    version = _schema_version(connection, path)  # before changing a file that is not an imchat database
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != ("memory" if path == _MEMORY else "wal"):
        raise ConfigError(
            f"{path} is on a file system without support for write-ahead logging; use a folder on a local disk"
        )
    for pragma in _SETTINGS:
        connection.execute(pragma)
    if 0 < version < SCHEMA_VERSION and path != _MEMORY:
        backup = back_up(connection, Path(path), version)
        log.warning(
            "%s is migrated to format %d; backup of format %d: %s", path, SCHEMA_VERSION, version, backup
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _schema_version(connection, path)
        if not version:
            for statement in _SCHEMA:
                connection.execute(statement)
        for earlier in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
            MIGRATIONS[earlier](connection)
            connection.execute(f"PRAGMA user_version = {earlier + 1}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _schema_version(connection: sqlite3.Connection, path: Path | str) -> int:
    """Return the version of the schema, 0 for an empty file. Raises: ConfigError for any other file."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ConfigError(f"{path} is not an imchat database; choose another folder")
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise ConfigError(
            f"{path} was created by a newer imchat (format {version}); upgrade imchat to open it"
        )
    return version
