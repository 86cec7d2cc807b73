"""`open_app`: the application on one database file, for programs that use imchat as a library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imchat.entrypoints.bootstrap import ThreadedRuntime, new_id, now_ms
from imchat.services.app import App
from imchat.services.protocols import Gateway
from imchat.storage.sqlite.table import SqliteTable


class NobodyConnected:
    """A `Gateway` where there are no connections: a post reaches nobody, and every connection is gone."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:  # noqa: ARG002 - nobody to send it to
        """Returns all of them."""
        return set(connection_ids)

    def disconnect(self, connection_id: str) -> None:
        """There is nothing to close."""


@contextmanager
def open_app(path: Path | str, *, gateway: Gateway | None = None) -> Iterator[App]:
    """The application on the SQLite file at `path`, made if missing; ":memory:" keeps nothing. Closes it at the end.

    `gateway` reaches those who are connected; without one nobody is. Every write is durable when its call returns, and
    any number of threads may share the app. Not for the folder of a running `imchat local`: its clients would
    hear of nothing before they read the log. Raises: ConfigError for a file that cannot be used.
    """
    with SqliteTable.open(path) as table:
        yield App(
            table=table,
            gateway=gateway or NobodyConnected(),
            now_ms=now_ms,
            new_id=new_id,
            runtime=ThreadedRuntime(),
        )
