"""Reaching a data folder's user pool for administration, whether or not `imchat local` is running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from imchat.entrypoints import bootstrap
from imchat.errors import Busy
from imchat.local.files import DataDir
from imchat.local.identity import AdminKey, Deliver, Identity, read_admin_key
from imchat.local.identity.http import serve_identity
from imchat.storage.sqlite import SqliteTable


@dataclass(frozen=True, slots=True)
class LocalPool:
    """Where the pool listens, and the key that its administration is signed with."""

    url: str
    key: AdminKey


@contextlib.contextmanager
def reach_user_pool(folder: DataDir, deliver: Deliver) -> Iterator[LocalPool]:
    """The running server's pool, or one that is served until the block ends, giving its codes to `deliver`.

    Raises: Busy while the server is starting; ConfigError.
    """
    running = folder.running()
    if running is not None:
        if running.url is None:
            raise Busy("another imchat process is starting on this data folder; try again in a moment")
        yield LocalPool(running.url, read_admin_key(folder.keys))
        return
    with folder.lock(), SqliteTable.open(folder.accounts) as table:
        identity = Identity(table=table, keys=folder.keys, now_ms=bootstrap.now_ms, deliver=deliver)
        with serve_identity(identity) as url:
            yield LocalPool(url, read_admin_key(folder.keys))
