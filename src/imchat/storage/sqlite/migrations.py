"""Migrations of the SQLite file, from each earlier schema version to the next, and the backup that is made before."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic_core import from_json

from imchat.domain.ids import ConversationId, UserId
from imchat.storage.repositories import channel_index, keys, users
from imchat.storage.sqlite.rows import Rows, encode_row
from imchat.storage.table import Key

CREATE_ABOUT: Final = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"  # facts about the file
)


def _add_about(connection: sqlite3.Connection) -> None:
    connection.execute(CREATE_ABOUT)


def _index_names(connection: sqlite3.Connection) -> None:
    """Add display names to the search index, and index the titles of public channels by the same terms.

    In the accounts nothing changes: the version only keeps out versions of imchat that do not require the second step of a
    sign-in.
    """
    rows = Rows(connection)
    profiles = connection.execute(
        "SELECT pk, item FROM items WHERE pk >= 'USER#' AND pk < 'USER$' AND sk = 'PROFILE'"
    ).fetchall()
    for pk, text in profiles:
        user_id, item = UserId(pk.removeprefix("USER#")), from_json(text)
        if item["display_name"] is not None:
            entries = users.name_entries(user_id, item["display_name"])
            entries[Key(pk, "PROFILE")] = item | {"name_indexed": True}
            rows.put(encode_row(key, entry) for key, entry in entries.items())
    found = connection.execute(
        "SELECT DISTINCT substr(sk, instr(sk, '#') + 1) FROM items WHERE pk >= 'CHANNELS#' AND pk < 'CHANNELS$'"
    ).fetchall()
    connection.execute("DELETE FROM items WHERE pk >= 'CHANNELS#' AND pk < 'CHANNELS$'")
    for (conversation_id,) in found:
        head = from_json(rows.get(keys.head(conversation_id)) or "{}")
        entries = channel_index.entries(ConversationId(conversation_id), head.get("title") or "")
        rows.put(encode_row(key, entry) for key, entry in entries.items())


MIGRATIONS: Final[dict[int, Callable[[sqlite3.Connection], None]]] = {1: _add_about, 2: _index_names}
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
