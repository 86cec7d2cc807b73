"""Run imchat in tests of your own programs: an app in memory, or a server on a free port, with users who can sign in.

    pytest_plugins = ["imchat.testing"]  # in conftest.py: the fixtures `imchat_app` and `imchat_server`

Nothing here needs pytest; `memory_app` and `start_server` work in every program. PYTEST_DONT_REWRITE: without this word
pytest warns about a plugin that a test has imported before.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from imchat.client import Client
from imchat.domain.ids import UserId
from imchat.domain.limits import check_handle
from imchat.embedded import open_app
from imchat.errors import Conflict
from imchat.local.data_dir import DataDir
from imchat.local.run import serve
from imchat.local.server import Options
from imchat.services import users
from imchat.services.app import App

_START_S: Final = 30
_PAGE: Final = "<!doctype html><title>imchat</title><p>The test server has no web client.</p>\n"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a test server, with the credentials to sign in."""

    user_id: UserId
    handle: str
    email: str
    password: str = field(repr=False)


class Server:
    """A running `imchat local` with a data folder of its own. Created by `start_server`."""

    def __init__(self, url: str, data_dir: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.url = url
        self.data_dir = data_dir
        self._loop = loop

    def create_account(self, handle: str, *, display_name: str | None = None) -> Account:
        """Sign up a user, without a code by mail, and set their profile.

        The e-mail address is the handle at example.org, and the password is random. The name is the capitalised handle,
        if no other is given. Raises: Invalid; Conflict if the handle is taken.
        """
        created = self._create_account(handle, display_name or handle.capitalize())
        # On the server's loop, so that this works with and without a running loop in the calling thread.
        return asyncio.run_coroutine_threadsafe(created, self._loop).result()

    def sign_in(self, account: Account) -> AbstractAsyncContextManager[Client]:
        """Return a signed-in client of the account, for `async with`."""
        return Client.sign_in(self.url, account.email, account.password)

    async def _create_account(self, handle: str, display_name: str) -> Account:
        email, password = f"{handle}@example.org", secrets.token_urlsafe(16)
        await Client.sign_up(self.url, email, password)
        async with Client.sign_in(self.url, email, password) as client:
            await client.update_profile(handle=handle, display_name=display_name)
            return Account(UserId(client.user_id), handle, email, password)


@contextlib.contextmanager
def memory_app() -> Iterator[App]:
    """Open an app that stores nothing on disk, until the end of the block."""
    with open_app(":memory:") as app:
        yield app


def create_user(app: App, handle: str, *, display_name: str | None = None) -> UserId:
    """Create a user of an app, with this handle. The name is the capitalised handle, if no other is given.

    The id is the handle without characters that no id may contain. Raises: Invalid; Conflict if the handle is taken.
    """
    user_id = UserId(check_handle(handle).replace(".", "-"))
    if users.get_many(app, [user_id]):
        raise Conflict("this handle is taken", field="handle", reason="taken")
    users.update_profile(app, user_id, handle=handle, display_name=display_name or handle.capitalize())
    return user_id


@contextlib.contextmanager
def start_server() -> Iterator[Server]:
    """Run `imchat local` on a free port of this machine, in a thread, until the end of the block.

    The data folder is temporary. Everyone may sign up, no mail is sent, and there is no web client. Raises: ConfigError.
    """
    with tempfile.TemporaryDirectory(prefix="imchat-", ignore_cleanup_errors=True) as folder:
        data = DataDir.open(Path(folder) / "data")
        site = Path(folder) / "site"
        site.mkdir()
        (site / "index.html").write_text(_PAGE, "utf-8")
        running = _ServerThread(data, site)
        running.start()
        try:
            yield Server(running.wait_for_url(), data.path, running.loop)
        finally:
            running.stop()


class _ServerThread(threading.Thread):
    """Serves in an event loop of its own, so that the tests' loops can come and go."""

    def __init__(self, data: DataDir, site: Path) -> None:
        super().__init__(name="imchat-test-server", daemon=True)
        self._data = data
        self._site = site
        self.loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._url = ""
        self._error: Exception | None = None

    def run(self) -> None:
        """Serve until `stop`."""
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.run(self._serve())
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            self._error = error
        finally:
            self._ready.set()

    def wait_for_url(self) -> str:
        """Return the URL once the server listens. Raises what stopped it."""
        if not self._ready.wait(_START_S):
            raise TimeoutError(f"the server did not start within {_START_S} seconds")
        if self._error is not None:
            raise self._error
        return self._url

    def stop(self) -> None:
        """Stop the server and wait for its end."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server has not started
            self.loop.call_soon_threadsafe(self._stopping.set)
        self.join()

    async def _serve(self) -> None:
        options = Options(sign_in_limits={})  # all test users have the address of this machine
        async with serve(self._data, deliver=lambda *_: None, options=options, site=self._site) as started:
            self._url = started.url
            self._ready.set()
            await self._stopping.wait()


if TYPE_CHECKING or "pytest" in sys.modules:  # imchat does not depend on pytest
    import pytest

    @pytest.fixture
    def imchat_app() -> Iterator[App]:
        """An app in memory, new for each test."""
        with memory_app() as app:
            yield app

    @pytest.fixture
    def imchat_server() -> Iterator[Server]:
        """A running server with an empty data folder, new for each test."""
        with start_server() as server:
            yield server
