"""The rows of the SQLite file: the texts of items under their keys, read and written in whatever transaction is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

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
_GREATER_THAN_ANY_TEXT: Final = b""  # to SQLite every blob is greater than every text
MAX_BYTES_PER_CHAR: Final = 8
"""An item has fewer bytes in DynamoDB's count than so many times the characters of its text."""
_LARGEST_EXPIRY: Final = 2**63 - 1


class StoredRow(NamedTuple):
    """An item as its row holds it."""

    pk: str
    sk: str
    expires_at: int | None
    text: str


class SortKeyRange(NamedTuple):
    """The sort keys from `start`, inclusive, to `end`, exclusive; None: to the last."""

    start: str
    end: str | None


class Rows:
    """The rows that a connection sees. Raises sqlite3.Error as it comes."""

    __slots__ = ("_connection", "_cursor")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def execute(self, statement: str) -> None:
        """Run a statement that answers nothing of interest, such as `COMMIT`."""
        self._cursor.execute(statement).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open; a full disk may end one by itself."""
        return self._connection.in_transaction

    @property
    def version(self) -> int:
        """A number that changes when another connection commits. Source: SQLite's `PRAGMA data_version`."""
        found: int = self._cursor.execute("PRAGMA data_version").fetchone()[0]
        return found

    def get(self, key: Key) -> str | None:
        """The text of the item under the key."""
        rows = self._cursor.execute(_GET, key).fetchall()
        return rows[0][0] if rows else None

    def query(
        self, pk: str, bounds: SortKeyRange, limit: int | None, *, reverse: bool
    ) -> list[tuple[str, str]]:
        """Sort keys and texts of a span, all of them or the first `limit`; from its end with `reverse`."""
        sql = _QUERY_REVERSE if reverse else _QUERY
        end = _GREATER_THAN_ANY_TEXT if bounds.end is None else bounds.end
        parameters = (pk, bounds.start, end, -1 if limit is None else limit)
        return self._cursor.execute(sql, parameters).fetchall()

    def put(self, rows: Iterable[StoredRow]) -> None:
        """Put these in place of what lay there."""
        self._cursor.executemany(_PUT, rows)

    def delete(self, keys: Iterable[Key]) -> None:
        """Remove what lies there."""
        self._cursor.executemany(_DELETE, keys)

    def checkpoint(self) -> None:
        """Move what was committed from the log into the database, and empty the log. Slow; no transaction may be open."""
        # Another process that reads may keep it from being emptied: then the next one empties it.
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def purge(self, now_s: int, limit: int) -> int:
        """Remove the items, oldest first and at most `limit`, that had expired; how many they were."""
        return self._cursor.execute(_PURGE, (now_s, limit)).rowcount


def decode_item(text: str | None) -> Item | None:
    """The item that a text holds."""
    return None if text is None else from_json(text)


def decode_rows(texts: Iterable[tuple[str, str]]) -> list[Row]:
    """The rows that sort keys and texts make."""
    return [Row(sk, from_json(text)) for sk, text in texts]


def encode_row(key: Key, item: Item) -> StoredRow:
    """The row that holds `item`, whose parts were checked. Raises: TooLarge."""
    text = to_json(item).decode()
    # Of an update only the parts were checked. Text this short cannot be an item that is too large.
    if len(text) > MAX_ITEM_BYTES // MAX_BYTES_PER_CHAR:
        check_item_size(key, item)
    expiry = item.get(TTL_ATTRIBUTE)
    expires_at = expiry if is_int(expiry) and 0 <= expiry <= _LARGEST_EXPIRY else None
    return StoredRow(key.pk, key.sk, expires_at, text)


def sort_key_range(key_range: KeyRange, *, reverse: bool) -> SortKeyRange:
    """Return the bounds of a query as one half-open range. The next string after a text, in byte order, is the text and a NUL."""
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
    """The lowest text above everything that starts with `prefix`, or None where there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    return stem[:-1] + ("\ue000" if stem[-1] == "\ud7ff" else chr(ord(stem[-1]) + 1))  # over the surrogates
