"""`open_app`: the application on one database file, for programs that use imchat as a library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imchat.entrypoints.bootstrap import ThreadedRuntime, new_id, now_ms
from imchat.services.app import App
from imchat.services.protocols import Gateway
from imchat.storage.sqlite.table import SqliteTable


class NullGateway:
    """A `Gateway` without connections: it sends nothing and reports every connection as gone."""

    def post(self, connection_ids: Sequence[str], frame: bytes) -> set[str]:  # noqa: ARG002 - there is no connection
        """Return all ids, as no connection exists."""
        return set(connection_ids)

    def disconnect(self, connection_id: str) -> None:
        """Do nothing, as no connection exists."""


@contextmanager
def open_app(path: Path | str, *, gateway: Gateway | None = None) -> Iterator[App]:
    """Open the application on the SQLite file at `path`, and close it at the end of the block.

    The file is created if missing; ":memory:" stores nothing. `gateway` pushes events to connected clients; without
    one, nothing is pushed. Every write is durable when its call returns, and any number of threads may share the app.
    Do not open the folder of a running `imchat local`: its clients would not receive events until they read the log.
    Raises: ConfigError if the file cannot be used. After the block, every function called with the app raises Closed.
    """
    with SqliteTable.open(path) as table:
        yield App(
            table=table,
            gateway=gateway or NullGateway(),
            now_ms=now_ms,
            new_id=new_id,
            runtime=ThreadedRuntime(),
        )
