"""Read and write the rows of the SQLite file: items as JSON text, by key. Uses the transaction that is open, if any."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from imchat.storage.table import MAX_ITEM_BYTES, TTL_ATTRIBUTE, Item, Key, KeyRange, Row
from imchat.storage.validation import check_item_size, is_int

_GET: Final = "SELECT item FROM items WHERE pk = ? AND sk = ?"
_PUT: Final = "REPLACE INTO items (pk, sk, expires_at, item) VALUES (?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM items WHERE pk = ? AND sk = ?"
_QUERY: Final = "SELECT sk, item FROM items WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk LIMIT ?"
_QUERY_REVERSE: Final = (
    "SELECT sk, item FROM items WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk DESC LIMIT ?"
)
_PURGE: Final = """DELETE FROM items WHERE (pk, sk) IN
    (SELECT pk, sk FROM items WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"""
_GREATER_THAN_ANY_TEXT: Final = b""  # SQLite sorts every blob after every text
MAX_BYTES_PER_CHAR: Final = 8
"""An item's size in DynamoDB's count is below this many bytes per character of its JSON text."""
_LONG_TEXT: Final = 1000
"""Above this many characters, the standard library parses non-ASCII JSON faster: four times for the longest messages."""
_LARGEST_EXPIRY: Final = 2**63 - 1


class StoredRow(NamedTuple):
    """A row of the `items` table."""

    pk: str
    sk: str
    expires_at: int | None
    text: str


class SortKeyRange(NamedTuple):
    """The sort keys from `start` (inclusive) to `end` (exclusive; None: no upper bound)."""

    start: str
    end: str | None


class Rows:
    """Row access through one connection. Raises sqlite3.Error unchanged."""

    __slots__ = ("_connection", "_cursor")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def execute(self, statement: str) -> None:
        """Run a statement without a result, such as `COMMIT`."""
        self._cursor.execute(statement).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open. SQLite may roll one back on its own when the disk is full."""
        return self._connection.in_transaction

    @property
    def version(self) -> int:
        """A number that changes when another connection commits. Source: SQLite's `PRAGMA data_version`."""
        version: int = self._cursor.execute("PRAGMA data_version").fetchone()[0]
        return version

    def get(self, key: Key) -> str | None:
        """Return the JSON text of an item, or None."""
        rows = self._cursor.execute(_GET, key).fetchall()
        return rows[0][0] if rows else None

    def query(
        self, pk: str, bounds: SortKeyRange, limit: int | None, *, reverse: bool
    ) -> list[tuple[str, str]]:
        """Return sort keys and JSON texts within the bounds: all, or the first `limit`. Descending with `reverse`."""
        sql = _QUERY_REVERSE if reverse else _QUERY
        end = _GREATER_THAN_ANY_TEXT if bounds.end is None else bounds.end
        parameters = (pk, bounds.start, end, -1 if limit is None else limit)
        return self._cursor.execute(sql, parameters).fetchall()

    def put(self, rows: Iterable[StoredRow]) -> None:
        """Insert rows. Replaces existing ones."""
        self._cursor.executemany(_PUT, rows)

    def delete(self, keys: Iterable[Key]) -> None:
        """Delete rows. Ignores missing ones."""
        self._cursor.executemany(_DELETE, keys)

    def checkpoint(self) -> None:
        """Move committed writes from the log into the database, and empty the log. Slow. No transaction may be open.

        Does not wait for readers in other processes: writes that they still need stay in the log until a later checkpoint.
        """
        timeout_ms: int = self._cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        self.execute("PRAGMA busy_timeout = 0")
        try:
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.execute(f"PRAGMA busy_timeout = {timeout_ms}")

    def purge(self, now_s: int, limit: int) -> int:
        """Delete up to `limit` expired items, oldest first. Returns the number of deleted items."""
        return self._cursor.execute(_PURGE, (now_s, limit)).rowcount


def decode_item(text: str | None) -> Item | None:
    """Return the item of a JSON text."""
    return None if text is None else _parse(text)


def decode_rows(texts: Iterable[tuple[str, str]]) -> list[Row]:
    """Return the rows of sort keys and JSON texts."""
    return [Row(sk, _parse(text)) for sk, text in texts]


def _parse(text: str) -> Any:
    return json.loads(text) if len(text) > _LONG_TEXT and not text.isascii() else from_json(text)


def encode_row(key: Key, item: Item) -> StoredRow:
    """Return the row of an item whose ops were validated. Raises: TooLarge."""
    text = to_json(item).decode()
    # An update was validated without the rest of its item, so check the whole. A short text cannot exceed the limit.
    if len(text) > MAX_ITEM_BYTES // MAX_BYTES_PER_CHAR:
        check_item_size(key, item)
    expiry = item.get(TTL_ATTRIBUTE)
    expires_at = expiry if is_int(expiry) and 0 <= expiry <= _LARGEST_EXPIRY else None
    return StoredRow(key.pk, key.sk, expires_at, text)


def sort_key_range(key_range: KeyRange, *, reverse: bool) -> SortKeyRange:
    """Return a key range as half-open bounds. In byte order, the next string after a string is that string plus NUL."""
    _, prefix, low, high, after = key_range
    if prefix is not None:
        start, end = prefix, _prefix_end(prefix)
    else:
        start, end = low or "", None if high is None else high + "\0"
    if after is not None and reverse:
        end = after if end is None else min(end, after)
    elif after is not None:
        start = max(start, after + "\0")
    return SortKeyRange(start, end)


def _prefix_end(prefix: str) -> str | None:
    """Return the lowest string above all strings that start with `prefix`, or None if there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    return stem[:-1] + ("\ue000" if stem[-1] == "\ud7ff" else chr(ord(stem[-1]) + 1))  # skips the surrogates
