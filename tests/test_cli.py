"""The `imchat` command: help, exit statuses, one-line errors and clean shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import browser_harness

from imchat import assets
from imchat.local.data_dir import FORMAT, DataDir

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "imchat"]


@pytest.fixture(scope="module", autouse=True)
def _site() -> None:
    """Require the built web client (`make site`): the tests run the real command."""
    assets.site_dir()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environment},
    )


@contextlib.contextmanager
def local_server(data_dir: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `imchat local` on a free port. Yields the process and its URL."""
    process = subprocess.Popen(
        [*COMMAND, "local", "--data-dir", str(data_dir), "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = browser_harness.wait_for_url(process, data_dir)
        if url is None:
            process.kill()
            raise AssertionError(process.communicate())
        yield process, url
    finally:
        process.kill()
        process.communicate()


def assert_one_line_error(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_help_lists_the_commands_without_importing_their_dependencies() -> None:
    program = (
        "import sys; from imchat.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "heavy = {'asyncio', 'boto3', 'botocore', 'cryptography', 'httptools', 'pydantic', 'rich', 'sqlite3'}\n"
        "heavy &= set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "local" in result.stdout
    assert "user" in result.stdout
    assert result.stdout.endswith("heavy: []\n")


def test_the_server_starts_without_the_aws_sdk(tmp_path: Path) -> None:
    program = "import sys; import imchat.local.run; print([name for name in sys.modules if name.startswith('boto')])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["local", "--port", "99999"], ["local", "--what"], ["nothing"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_an_invalid_sign_up_policy_is_an_error_and_starts_nothing(tmp_path: Path) -> None:
    result = run("local", "--sign-up", "closed", "--data-dir", str(tmp_path / "data"))
    assert result.returncode == 1
    assert "sign-up must be open, invitation or domain:example.org" in result.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("invitation", "by invitation: imchat user create"),
        ("domain:b.example,a.example", "e-mail at b.example, a.example"),
    ],
)
def test_a_server_with_restricted_sign_up_prints_who_may_sign_up(
    tmp_path: Path, policy: str, message: str
) -> None:
    with local_server(tmp_path, "--sign-up", policy) as (process, _):
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    assert message in out


def test_the_server_prints_its_url_and_removes_server_json_when_stopped(tmp_path: Path) -> None:
    with local_server(tmp_path) as (process, url):
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)

    assert process.returncode == 0
    assert err == ""
    assert url in out
    assert str(tmp_path) in out
    assert "Ctrl-C" in out
    assert not (tmp_path / "server.json").exists()


def test_ctrl_c_stops_the_server_within_two_seconds_with_fifty_open_sockets(tmp_path: Path) -> None:
    async def open_sockets_and_interrupt(
        process: subprocess.Popen[str], url: str, token: str
    ) -> list[int | None]:
        async with aiohttp.ClientSession() as session:
            headers = {"Authorization": f"Bearer {token}"}
            sockets = []
            for _ in range(50):
                async with session.post(f"{url}/api/realtime/tickets", headers=headers) as answer:
                    ticket = (await answer.json())["ticket"]
                sockets.append(
                    await session.ws_connect(f"{url}/ws", protocols=["imchat.v1", f"ticket.{ticket}"])
                )
            live = sockets[-32:]  # a user can have 32 connections: the oldest were closed
            ends = [asyncio.ensure_future(ws.receive()) for ws in live]
            process.send_signal(signal.SIGINT)
            await asyncio.gather(*ends)
            return [ws.close_code for ws in live]

    with local_server(tmp_path) as (process, url):
        codes = asyncio.run(
            open_sockets_and_interrupt(process, url, browser_harness.sign_up(url, "ada@example.com").token)
        )
        _, err = process.communicate(timeout=2)

    assert process.returncode == 0
    assert err == ""
    assert codes == [1001] * 32


def test_a_second_process_on_the_same_data_directory_is_an_error(tmp_path: Path) -> None:
    with local_server(tmp_path) as (process, url):
        result = run("local", "--data-dir", str(tmp_path), "--port", "0")

        assert_one_line_error(result, url, f"process {process.pid}", "--data-dir")
        assert process.poll() is None
        assert json.loads((tmp_path / "server.json").read_bytes())["url"] == url


def test_an_occupied_port_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("local", "--data-dir", str(tmp_path), "--port", str(port))

    assert_one_line_error(result, f"port {port}", "in use", "--port")
    assert not (tmp_path / "server.json").exists()


def test_the_suggested_port_exists(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 65535)):
        result = run("local", "--data-dir", str(tmp_path), "--port", "65535")

    assert_one_line_error(result, "--port 65534")


def test_an_invitation_names_the_data_directory(tmp_path: Path) -> None:
    with local_server(tmp_path, "--sign-up", "invitation") as (process, _):
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    assert f"imchat user create --local --data-dir {tmp_path}" in out


def test_a_file_as_data_directory_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("")

    assert_one_line_error(run("local", "--data-dir", str(path)), str(path), "--data-dir")


def test_a_data_directory_that_is_not_writable_is_an_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:  # root may write everywhere except in /proc
        path = Path("/proc/imchat")
    else:
        path = tmp_path
        tmp_path.chmod(0o500)

    assert_one_line_error(run("local", "--data-dir", str(path)), str(path), "--data-dir")


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("chat.example.org", "https://chat.example.org"),
        ("http://127.0.0.1:1", "127.0.0.1:1 cannot be reached"),
        ("{url}/elsewhere", "is not an imchat site"),
    ],
)
def test_chat_with_a_wrong_address_is_an_error(tmp_path: Path, site: str, message: str) -> None:
    with local_server(tmp_path) as (_process, url):
        result = run("chat", "--url", site.format(url=url), "--email", "ada@example.org", IMCHAT_PASSWORD="x")
    assert_one_line_error(result, message, "address")


def test_a_data_directory_of_a_newer_version_is_an_error(tmp_path: Path) -> None:
    DataDir.open(tmp_path)
    (tmp_path / "format").write_text(f"{FORMAT + 1}\n")

    assert_one_line_error(
        run("local", "--data-dir", str(tmp_path)), "newer imchat", "install a newer version of imchat"
    )


def test_an_invalid_database_file_is_an_error(tmp_path: Path) -> None:
    DataDir.open(tmp_path).conversations.write_bytes(b"not a database" * 1000)

    assert_one_line_error(run("local", "--data-dir", str(tmp_path), "--port", "0"), "imchat.db")


@pytest.mark.slow
def test_the_demo_can_be_added_twice_and_its_users_can_sign_in(tmp_path: Path) -> None:
    shown = []
    for _ in range(2):
        with local_server(tmp_path, "--demo") as (process, url):
            inbox = demo_inbox(tmp_path, url)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        assert err == ""
        shown.append([line for line in out.splitlines() if "Demo" in line])
        [entry] = inbox["conversations"]
        assert entry["conversation"]["message_count"] == 11
        assert [user["display_name"] for user in inbox["users"]] == ["Grace Hopper"]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2


def demo_inbox(data_dir: Path, url: str) -> dict[str, Any]:
    """Return the inbox of the first demo user, after signing in with the generated password."""
    email, password = next(iter(json.loads((data_dir / "keys" / "demo.json").read_bytes()).items()))
    token = browser_harness.sign_in(url, email, password)
    return browser_harness.call(f"{url}/api/conversations", headers={"Authorization": f"Bearer {token}"})
