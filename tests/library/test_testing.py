"""`imchat.testing`: apps and servers for the tests of other programs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import urllib3

import imchat
from imchat import conversations, errors, testing, users

pytestmark = pytest.mark.slow


def test_an_app_in_memory_is_empty_each_time() -> None:
    for _ in range(2):
        with testing.memory_app() as app:
            ada = testing.create_user(app, "ada")
            assert users.get(app, ada).display_name == "Ada"
            assert conversations.inbox(app, ada).entries == []


def test_a_created_user_has_the_given_name_and_an_id_even_for_a_handle_with_a_dot() -> None:
    with testing.memory_app() as app:
        user_id = testing.create_user(app, "a.b", display_name="A. B.")
        assert (user_id, users.get(app, user_id).handle) == ("a-b", "a.b")
        with pytest.raises(errors.Conflict):
            testing.create_user(app, "a.b")
        with pytest.raises(errors.Invalid):
            testing.create_user(app, "No Handle")


def test_the_fixtures_are_an_open_app_and_a_running_server(
    imchat_app: imchat.App, imchat_server: testing.Server
) -> None:
    assert users.search(imchat_app, "ada") == []
    assert urllib3.request("GET", f"{imchat_server.url}/api/health").json()["status"] == "ok"


def test_two_accounts_of_a_server_exchange_a_message(imchat_server: testing.Server) -> None:
    ada, bob = imchat_server.create_account("ada"), imchat_server.create_account("bob", display_name="Bob B.")

    async def exchange() -> tuple[str, str | None]:
        async with imchat_server.sign_in(ada) as me, imchat_server.sign_in(bob) as other:
            entry = await me.create_direct(bob.user_id)
            await me.send(entry["conversation"]["conversation_id"], "Hello!")
            async for _, event in other.events():
                if event["type"] == "message.created":
                    return event["message"]["body"], (await me.user(bob.user_id))["display_name"]
        raise AssertionError("no message")

    assert asyncio.run(exchange()) == ("Hello!", "Bob B.")


def test_an_account_can_be_created_while_an_event_loop_runs(imchat_server: testing.Server) -> None:
    async def create() -> str:
        account = imchat_server.create_account("ada")
        async with imchat_server.sign_in(account) as me:
            return me.user_id

    assert asyncio.run(create())


def test_the_password_of_an_account_is_not_shown(imchat_server: testing.Server) -> None:
    account = imchat_server.create_account("ada")
    assert account.password not in repr(account)


def test_a_handle_that_is_taken_or_not_allowed_is_refused(imchat_server: testing.Server) -> None:
    imchat_server.create_account("ada")
    with pytest.raises(errors.Conflict):
        imchat_server.create_account("ada")
    with pytest.raises(errors.Invalid):
        imchat_server.create_account("x")


def test_servers_run_side_by_side_and_leave_nothing() -> None:
    threads = threading.active_count()
    with testing.start_server() as one, testing.start_server() as other:
        assert one.url != other.url
        one.create_account("ada")
        other.create_account("ada")
        folders = [one.data_dir, other.data_dir]
        assert all(folder.is_dir() for folder in folders)
    assert not any(folder.exists() for folder in folders)
    assert threading.active_count() <= threads + 1  # a thread of asyncio.to_thread may end later
    with pytest.raises(urllib3.exceptions.MaxRetryError):
        urllib3.request("GET", one.url, retries=0)


def test_a_server_that_cannot_start_raises_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMCHAT_REQUESTS_PER_MINUTE", "many")
    with pytest.raises(errors.ConfigError, match="IMCHAT_REQUESTS_PER_MINUTE"), testing.start_server():
        pass


def test_the_server_also_stops_after_an_error_in_the_block() -> None:
    with pytest.raises(KeyError), testing.start_server() as server:
        raise KeyError
    assert not server.data_dir.exists()


def test_the_module_works_without_pytest(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "sys.modules['pytest'] = None\n"
        "del sys.modules['pytest']\n"
        "from imchat import testing\n"
        "with testing.memory_app() as app:\n"
        "    print(testing.create_user(app, 'ada'), 'pytest' in sys.modules, hasattr(testing, 'imchat_app'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("ada False False\n", "")
