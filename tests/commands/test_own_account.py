"""`imchat account two-step`, `imchat chat` with a code, and `imchat user reset-two-step`."""

from __future__ import annotations

import asyncio
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from tests.support.authenticator import Authenticator
from tests.support.browser_harness import PASSWORD, Server, sign_up

from imchat.client import Client
from imchat.console.two_step import qr_lines
from imchat.errors import CodeRequired

EMAIL = "ada@example.org"

pytestmark = pytest.mark.slow


class Command:
    """A running `imchat` command without a terminal: answers are written to its standard input."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "imchat", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=os.environ
            | {"IMCHAT_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,
        )

    def read_until(self, pattern: str) -> str:
        """Read lines until one matches; return its first group."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if (match := re.search(pattern, line)) is not None:
                return match[1]
        raise AssertionError(self._process.communicate(timeout=30)[1])

    def answer(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def finish(self, text: str = "") -> tuple[int, str, str]:
        """Write the rest of the input; return the status, and the rest of the output and of the errors."""
        out, err = self._process.communicate(text, timeout=30)
        return self._process.returncode, out, err


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as running:
        sign_up(running.url, EMAIL)
        yield running


def account(server: Server, state: str, *more: str) -> Command:
    return Command("account", "two-step", state, "--url", server.url, "--email", EMAIL, *more)


def turn_on(server: Server) -> Authenticator:
    """Turn it on with the code of the step before, so that the one of now can be used."""
    command = account(server, "on")
    app = Authenticator(command.read_until(r"enter this key in the app: ([A-Z2-7 ]+)").replace(" ", ""))
    status, out, err = command.finish(f"{app.code(steps_from_now=-1)}\n")
    assert (status, err) == (0, ""), err
    assert "Two-step sign-in is on." in out
    return app


def signs_in_without_code(server: Server) -> bool:
    async def sign_in() -> bool:
        try:
            async with Client.sign_in(server.url, EMAIL, PASSWORD):
                return True
        except CodeRequired:
            return False

    return asyncio.run(sign_in())


def test_a_user_turns_two_step_sign_in_on_and_off(server: Server) -> None:
    app = turn_on(server)
    assert not signs_in_without_code(server)
    status, _, err = account(server, "off").finish()
    assert status == 1
    assert (
        err
        == "Error: this account has two-step sign-in; set --code to the code that its authenticator app shows\n"
    )
    status, out, err = account(server, "off", "--code", app.code()).finish()
    assert (status, err) == (0, "")
    assert out == "Two-step sign-in is off. Signing in requires the password only.\n"
    assert signs_in_without_code(server)


def test_a_wrong_code_is_asked_for_again_and_the_uri_is_that_of_the_key(server: Server) -> None:
    command = account(server, "on")
    uri = command.read_until(r"Open this address with your authenticator app: (\S+)")
    app = Authenticator(command.read_until(r"enter this key in the app: ([A-Z2-7 ]+)").replace(" ", ""))
    assert uri.startswith("otpauth://totp/imchat%20127.0.0.1:ada@example.org?")
    assert f"secret={app.secret}&" in uri
    status, out, err = command.finish(f"{app.wrong_code()}\n{app.code()}\n")
    assert (status, err) == (0, "")
    assert "The code is wrong; enter the code that your authenticator app shows now." in out
    assert not signs_in_without_code(server)


def test_three_wrong_codes_leave_it_off(server: Server) -> None:
    command = account(server, "on")
    app = Authenticator(command.read_until(r"enter this key in the app: ([A-Z2-7 ]+)").replace(" ", ""))
    status, _, err = command.finish(f"{app.wrong_code()}\n" * 3)
    assert status == 1
    assert "the code is wrong" in err
    assert signs_in_without_code(server)


class Terminal:
    """A running `imchat` command in a terminal."""

    def __init__(self, *arguments: str) -> None:
        pty = pytest.importorskip("pty")
        self._screen, other_end = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "imchat", *arguments],
            stdin=other_end,
            stdout=other_end,
            stderr=other_end,
            env=os.environ | {"IMCHAT_PASSWORD": PASSWORD, "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,
        )
        os.close(other_end)
        self._unread = b""

    def read_until(self, text: str) -> str:
        """Read until the text is shown; return what was read."""
        while (before := self._unread.partition(text.encode()))[1] == b"":
            assert select.select([self._screen], [], [], 30)[0], self._unread
            try:
                self._unread += os.read(self._screen, 4096)
            except OSError:  # the process has ended
                raise AssertionError(self._unread) from None
        self._unread = before[2]
        return before[0].decode()

    def type(self, text: str) -> None:
        os.write(self._screen, f"{text}\n".encode())


def test_a_terminal_shows_a_qr_code_and_asks_for_codes(server: Server) -> None:
    arguments = ("account", "two-step", "on", "--url", server.url, "--email", EMAIL)
    prompt = "Code of your authenticator app: "
    first = Terminal(*arguments)
    shown = first.read_until(prompt)
    assert "Scan this QR code" in shown
    assert "█▀" in shown
    assert "otpauth" not in shown
    key = re.search(r"enter this key in the app: ([A-Z2-7 ]+)", shown)
    assert key is not None
    app = Authenticator(key[1].replace(" ", ""))
    first.type(app.code(steps_from_now=-1))
    first.read_until("Two-step sign-in is on.")
    assert first.process.wait(30) == 0

    again = Terminal(*arguments)  # the sign-in requires a code now
    again.read_until(prompt)
    again.type(app.wrong_code())
    again.read_until("The code is wrong; enter the code that your authenticator app shows now.")
    again.read_until(prompt)
    again.type(app.code())
    again.read_until("Scan this QR code")
    again.process.kill()
    again.process.wait()


def test_chat_signs_in_with_a_code(server: Server) -> None:
    sign_up(server.url, "bob@example.org")

    async def set_handles() -> None:
        for handle in ("ada", "bob"):
            async with Client.sign_in(server.url, f"{handle}@example.org", PASSWORD) as user:
                await user.update_profile(handle=handle, display_name=handle.title())

    asyncio.run(set_handles())
    app = turn_on(server)
    chat = ("chat", "--url", server.url, "--email", EMAIL, "--with", "bob")
    status, out, err = Command(*chat).finish("hello\n")
    assert status == 1
    assert "set --code to the code that its authenticator app shows" in err
    assert out == ""
    used = app.code()
    status, _, err = Command(*chat, "--code", used).finish("hello\n")
    assert (status, err) == (0, "")
    status, _, err = Command(*chat, "--code", used).finish("again\n")
    assert status == 1
    assert err == (
        "Error: this code was used already; wait until your authenticator app shows the next one\n"
    )


@pytest.mark.parametrize("while_running", [True, False])
def test_an_administrator_resets_it_for_a_user_who_lost_the_app(
    tmp_path: Path, *, while_running: bool
) -> None:
    arguments = ("user", "reset-two-step", EMAIL, "--local", "--data-dir", str(tmp_path))
    with Server(tmp_path) as server:
        sign_up(server.url, EMAIL)
        turn_on(server)
        status, _, err = Command(*arguments).finish()
        assert status == 2
        assert "--yes" in err
        if while_running:
            assert Command(*arguments, "--yes").finish()[0] == 0
            assert signs_in_without_code(server)
    if not while_running:
        status, out, err = Command(*arguments, "--yes").finish()
        assert (status, err) == (0, "")
        assert f"Two-step sign-in is off for {EMAIL}." in out
        with Server(tmp_path) as restarted:
            assert signs_in_without_code(restarted)


def test_the_printed_qr_code_has_the_modules_of_the_text() -> None:
    text = "otpauth://totp/imchat%20chat.example.org:ada@example.org?secret=GEZDGNBVGY3TQOJQ&issuer=imchat"
    lines = qr_lines(text)
    upper = [[char in "▀█" for char in line] for line in lines]
    lower = [[char in "▄█" for char in line] for line in lines]
    rows = [row for pair in zip(upper, lower, strict=True) for row in pair]
    expected = [
        [bool(module) for module in row] for row in segno.make_qr(text, error="l").matrix_iter(border=2)
    ]
    assert rows[: len(expected)] == expected
    assert not any(map(any, rows[len(expected) :]))
    assert len({len(line) for line in lines}) == 1
