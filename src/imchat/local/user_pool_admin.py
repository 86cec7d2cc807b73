"""Connects to the user pool of a data folder for administration, whether or not `imchat local` is running."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imchat.domain.ids import UserId
from imchat.domain.user import User
from imchat.entrypoints import bootstrap
from imchat.errors import Busy
from imchat.local.cognito_api import CognitoApi
from imchat.local.data_dir import DataDir
from imchat.local.http import HttpServer
from imchat.local.identity import AdminKey, Deliver, Identity, read_admin_key
from imchat.storage.repositories import users
from imchat.storage.sqlite.table import SqliteTable


@dataclass(frozen=True, slots=True)
class LocalUserPool:
    """The URL of a user pool, and the key that signs administrative calls."""

    url: str
    key: AdminKey


@contextlib.contextmanager
def connect_user_pool(folder: DataDir, deliver: Deliver) -> Iterator[LocalUserPool]:
    """Yield the running server's pool, or serve the pool until the block ends, passing codes to `deliver`.

    Raises: Busy while the server is starting; ConfigError.
    """
    running = folder.running()
    if running is not None:
        if running.url is None:
            raise Busy("another imchat process is starting with this data folder; try again in a moment")
        yield LocalUserPool(running.url, read_admin_key(folder.keys))
        return
    with folder.lock(), SqliteTable.open(folder.accounts, folder.synced_length(folder.accounts)) as table:
        identity = Identity(table=table, keys=folder.keys, now_ms=bootstrap.now_ms, deliver=deliver)
        with serve_identity(identity) as url:
            yield LocalUserPool(url, read_admin_key(folder.keys))


def read_profiles(folder: DataDir, user_ids: Iterable[str]) -> dict[str, User]:
    """Return the profiles of users, by user id, from the conversations' database. Users without one are left out."""
    with SqliteTable.open(folder.conversations) as table:
        found = users.get_many(table, map(UserId, user_ids))
    return {str(user_id): user for user_id, user in found.items()}


@contextlib.contextmanager
def serve_identity(identity: Identity) -> Iterator[str]:
    """Serve `identity` on a free port of this machine, in a thread, until the block ends; yields the URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="identity-server", daemon=True)
    thread.start()
    cognito = CognitoApi(identity)

    server = HttpServer(cognito.serve)
    try:
        port = asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(0), loop).result()
    finally:
        cognito.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
