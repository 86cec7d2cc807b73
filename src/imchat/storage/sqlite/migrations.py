"""Migrations of the SQLite file, from each earlier schema version to the next, and the backup that is made before."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

CREATE_ABOUT: Final = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"  # facts about the file
)


def _add_about(connection: sqlite3.Connection) -> None:
    connection.execute(CREATE_ABOUT)


def _change_nothing(_connection: sqlite3.Connection) -> None:
    """Migrate to version 3: only a version that requires the second step of a sign-in may open the accounts."""


MIGRATIONS: Final[dict[int, Callable[[sqlite3.Connection], None]]] = {1: _add_about, 2: _change_nothing}
"""By the version that they start from. A migration runs in a transaction that also sets the new version."""


def back_up(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the database, including its write-ahead log, to a file next to it; return the file. It is durable on return.

    Raises: OSError, sqlite3.Error.
    """
    backup = path.with_name(f"{path.name}.format-{version}.bak")
    partial = backup.with_name(f"{backup.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    try:
        with contextlib.closing(sqlite3.connect(partial)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        file = os.open(partial, os.O_RDWR)
        try:
            os.fsync(file)
        finally:
            os.close(file)
        partial.replace(backup)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return backup
