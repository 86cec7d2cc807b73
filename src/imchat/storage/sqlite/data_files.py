"""Checks on the two databases of a data folder: damaged pages, lost files, files of another folder."""

from __future__ import annotations

import sqlite3
import time
import uuid
from pathlib import Path
from typing import Final

from imchat.errors import ConfigError
from imchat.storage.sqlite.wal import connect, open_error

CHECK_LIMIT_S: Final = 1.0
"""How long the pages of a database are checked at the start; a second checks about 1 GB that is in memory."""
_FOLDER_ID: Final = "folder_id"
_SESSIONS: Final = "SELECT 1 FROM items WHERE pk >= 'SESSION#' AND pk < 'SESSION$' LIMIT 1"


class DataFiles:
    """The databases of conversations and of accounts, both open."""

    def __init__(self, conversations: Path, accounts: Path) -> None:
        """Open, check and mark both. Raises: ConfigError; Busy. See `connect`."""
        paths = (conversations, accounts)
        empty = [_is_empty(path) for path in paths]
        self._connections: list[sqlite3.Connection] = []
        try:
            for path, is_empty in zip(paths, empty, strict=True):
                if not is_empty:
                    self._connections.append(connect(path))
                    _check_pages(self._connections[-1], path)
            if any(empty) and not all(empty):
                _check_other_is_unused(self._connections[0], paths, empty_index=empty.index(True))
            for path, is_empty in zip(paths, empty, strict=True):
                if is_empty:
                    self._connections.append(connect(path))
            self._mark(paths)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close both; the last one to close a database empties and deletes its write-ahead log."""
        for connection in self._connections:
            connection.close()

    def _mark(self, paths: tuple[Path, Path]) -> None:
        """Give both files the same mark, unless they have it. Raises: ConfigError if they have different ones."""
        marks = {_folder_id(connection) for connection in self._connections}
        known = marks - {None}
        if len(known) > 1:
            raise ConfigError(
                f"{paths[0].name} and {paths[1].name} in {paths[0].parent} belong to different data folders; "
                "restore both from the same backup"
            )
        if None not in marks:
            return
        mark = known.pop() if known else uuid.uuid4().hex
        for connection in self._connections:
            connection.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (_FOLDER_ID, mark))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # makes it durable


def _check_other_is_unused(
    connection: sqlite3.Connection, paths: tuple[Path, Path], *, empty_index: int
) -> None:
    """Raise ConfigError if one database is empty although the other one, of this connection, has been used."""
    conversations_are_empty = empty_index == 0
    if _folder_id(connection) or not conversations_are_empty:
        used = _has_items(connection)
    else:  # before the first start of the server, `imchat user create` of format 1 has made accounts, but no sign-in
        used = connection.execute(_SESSIONS).fetchone() is not None
    if used:
        raise _lost(paths[empty_index], paths[1 - empty_index])


def _is_empty(path: Path) -> bool:
    """Return whether a database has no tables. Raises: ConfigError if it is damaged."""
    connection = sqlite3.connect(path)
    try:
        return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    except sqlite3.Error as error:
        raise open_error(path, error) from error
    finally:
        connection.close()


def _folder_id(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT value FROM about WHERE name = ?", (_FOLDER_ID,)).fetchone()
    return None if row is None else str(row[0])


def _has_items(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM items LIMIT 1").fetchone() is not None


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Check the structure of the pages, for at most `CHECK_LIMIT_S`. Raises: ConfigError."""
    until_s = time.monotonic() + CHECK_LIMIT_S
    connection.set_progress_handler(lambda: time.monotonic() > until_s, 10_000)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT:
            return
        raise open_error(path, error) from error
    finally:
        connection.set_progress_handler(None, 0)
    if found != "ok":
        damage = sqlite3.DatabaseError(" ".join(str(found).split()))
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise open_error(path, damage)


def _lost(path: Path, other: Path) -> ConfigError:
    return ConfigError(
        f"{path} is empty, but {other.name} next to it is in use: its data was lost; restore both from the same backup, "
        "or choose another folder with --data-dir"
    )
