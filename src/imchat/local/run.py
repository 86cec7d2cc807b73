"""Composes and runs `imchat local`: the application on one data folder, served until the process is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from imchat import assets
from imchat.entrypoints import authorizer, bootstrap, http, websocket
from imchat.local import demo
from imchat.local.apigateway.connections import LocalGateway
from imchat.local.data_dir import DataDir
from imchat.local.group_commit import DeferredActions
from imchat.local.health import HealthTargets
from imchat.local.identity import Deliver, Identity
from imchat.local.open_files import max_connections, raise_limit
from imchat.local.server import Handlers, LocalServer, Options
from imchat.local.static_site import Site
from imchat.services.app import App
from imchat.sign_up_policy import OPEN, SignUpPolicy
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.sqlite.wal import StorageFailed

GC_THRESHOLDS: Final = (20_000, 20, 50)
"""Thresholds of the garbage collector: requests leave almost no cycles, and each message keeps a dozen objects for a while."""


_FAILURE_RESPONSE_S: Final = 0.2
"""How long to send error responses before the process ends."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running server, as shown to the user who started it."""

    url: str
    data_dir: Path
    reachable_by_others: bool = False
    people: tuple[demo.DemoUser, ...] = ()
    policy: SignUpPolicy = OPEN
    max_connections: int = 0
    storage_failure: asyncio.Future[StorageFailed] | None = None


@contextlib.asynccontextmanager
async def serve(
    data: DataDir,
    *,
    deliver: Deliver,
    options: Options,
    confirm: bool = False,
    policy: SignUpPolicy = OPEN,
    with_demo: bool = False,
    site: Path | None = None,
) -> AsyncIterator[Started]:
    """Serve the application with the data folder until the block ends. Needs a running event loop.

    `deliver` receives every code and temporary password with its recipient. With `confirm`, a sign-up must be confirmed
    by such a code. `policy` says who may sign up. `site` is the folder of the built web client. Raises: ConfigError.
    """
    web_client = Site(site or assets.site_dir())
    with (
        data.lock(),
        GroupCommitTable.open(data.conversations, data.synced_length(data.conversations)) as store,
        SqliteTable.open(data.accounts, data.synced_length(data.accounts)) as accounts,
    ):
        gateway, deferred = LocalGateway(), DeferredActions()
        app = bootstrap.create_app(store, gateway, deferred)
        identity = Identity(
            table=accounts,
            keys=data.keys,
            now_ms=bootstrap.now_ms,
            deliver=deliver,
            confirm=confirm,
            policy=policy,
        )
        storage_failure = _watch_storage(store, accounts)
        people = demo.seed(app, accounts, data.keys) if with_demo else ()
        deferred.run()
        server = LocalServer(
            handlers=_create_handlers(app),
            store=store,
            gateway=gateway,
            sign_in=identity,
            purge_accounts=accounts.purge_expired,
            site=web_client,
            options=options,
            run_deferred=deferred.run,
            health=HealthTargets(store, accounts, data.path),
        )
        async with server:
            with data.announce(server.url):
                yield Started(
                    server.public_url,
                    data.path,
                    options.public_url is not None or not _is_loopback(options.host),
                    people,
                    policy,
                    options.max_connections,
                    storage_failure,
                )


def _create_handlers(app: App) -> Handlers:
    return Handlers(
        http=http.create_handler(app),
        websocket=websocket.create_handler(app),
        authorizer=authorizer.create_handler(app),
    )


def _watch_storage(*tables: GroupCommitTable | SqliteTable) -> asyncio.Future[StorageFailed]:
    """Return a future for the first failure after which a table stores nothing any more."""
    loop = asyncio.get_running_loop()
    failure: asyncio.Future[StorageFailed] = loop.create_future()

    def on_failed(error: StorageFailed) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            loop.call_soon_threadsafe(report, error)

    def report(error: StorageFailed) -> None:
        if not failure.done():
            failure.set_result(error)

    for table in tables:
        table.on_failed(on_failed)
    return failure


def run(
    data_dir: Path | None,
    *,
    options: Options,
    confirm: bool,
    policy: SignUpPolicy,
    with_demo: bool,
    started: Callable[[Started], None],
    deliver: Deliver,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then stop cleanly. Raises the process's limit of open files. Raises: ConfigError.

    After a failed fsync, and if a database is damaged, the process ends with status 1, so that a supervisor restarts it.
    """
    options = replace(options, max_connections=min(options.max_connections, max_connections(raise_limit())))
    data = DataDir.open(data_dir)

    async def until_stopped() -> None:
        stop = asyncio.Event()
        _on_signal(stop.set)
        async with serve(
            data, deliver=deliver, options=options, confirm=confirm, policy=policy, with_demo=with_demo
        ) as server:
            started(server)
            # The objects loaded so far stay: without freezing, each full collection would stop the server for 15 to 40 ms.
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            failure = server.storage_failure
            if failure is not None:
                failure.add_done_callback(lambda _failure: stop.set())
            await stop.wait()
            if failure is not None and failure.done():
                await asyncio.sleep(_FAILURE_RESPONSE_S)
                _end_process(failure.result())

    # On platforms without signal handlers Ctrl-C cancels the task instead, which stops it cleanly too.
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(until_stopped())


def _end_process(error: StorageFailed) -> None:
    """End the process without closing the databases.

    Closing would move the log into the database without checking it, and the system may have dropped parts of it. The next
    start reads only the part of the log that is intact.
    """
    sys.stderr.write(f"Error: {error.report}\n")
    sys.stderr.flush()
    os._exit(1)


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _on_signal(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stop)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not available on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
