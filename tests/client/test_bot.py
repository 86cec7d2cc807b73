"""The README's bot answers, and `imchat chat` talks: both as processes of their own."""

from __future__ import annotations

import asyncio
import os
import re
import select
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.browser_harness import PASSWORD, Server, sign_up

from imchat.client import Client, EventInConversation

pytestmark = pytest.mark.slow
README = Path(__file__).parents[2] / "README.md"
SITE = "http://127.0.0.1:8484"
WIDTH = 80


@contextmanager
def program(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


async def first_message(person: Client) -> AsyncIterator[EventInConversation]:
    async for heard in person.events():
        yield heard
        if heard.event["type"] == "message.created":
            return


async def named(url: str, name: str) -> None:
    await asyncio.to_thread(sign_up, url, f"{name}@example.org")
    async with Client.sign_in(url, f"{name}@example.org", PASSWORD) as person:
        await person.update_profile(handle=name, display_name=name.title())


def readmes_bot() -> str:
    [bot] = [
        code
        for code in re.findall(
            r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        if "Client.sign_in" in code
    ]
    return str(bot)


def test_the_readmes_bot_says_what_is_said_to_it(tmp_path: Path) -> None:
    bot = readmes_bot()
    assert len([line for line in bot.splitlines() if line]) <= 10

    async def talk(url: str) -> None:
        await named(url, "ada")
        await named(url, "bot")
        async with asyncio.timeout(30), Client.sign_in(url, "ada@example.org", PASSWORD) as ada:
            [user] = await ada.find_users("bot")
            where = (await ada.create_direct(user["user_id"]))["conversation"]["conversation_id"]
            with program("-c", bot.replace(SITE, url), BOT_PASSWORD=PASSWORD) as running:
                assert running.stdout is not None
                assert await asyncio.to_thread(running.stdout.readline) == "listening\n"
                await ada.send(where, "hello?")
                said = []
                async for _, event in ada.events():
                    if event["type"] == "message.created":
                        said.append((event["actor_id"] == ada.user_id, event["message"]["body"]))
                    if len(said) == 2:
                        break
                assert said == [(True, "hello?"), (False, "hello?")]

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))


def test_the_readmes_bot_goes_on_where_somebody_does_not_let_it_answer(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        await named(url, "ada")
        await named(url, "bot")
        async with asyncio.timeout(30), Client.sign_in(url, "ada@example.org", PASSWORD) as ada:
            [user] = await ada.find_users("bot")
            bot_id = user["user_id"]
            news = (await ada.create_group([bot_id], "News"))["conversation"]["conversation_id"]
            await ada.update_group(news, posting="admins")
            direct = (await ada.create_direct(bot_id))["conversation"]["conversation_id"]

            async def answered(body: str) -> None:
                await ada.send(direct, body)
                async for where, event in ada.events():
                    if event["type"] == "message.created" and event["actor_id"] == bot_id:
                        assert (where, event["message"]["body"]) == (direct, body)
                        return

            with program("-c", readmes_bot().replace(SITE, url), BOT_PASSWORD=PASSWORD) as running:
                assert running.stdout is not None
                assert await asyncio.to_thread(running.stdout.readline) == "listening\n"
                await answered("hello?")
                await ada.send(news, "only I write here")
                await answered("and here?")
                await ada.send(news, "and you are out before you can answer")
                await ada.remove_member(news, bot_id)
                await answered("still there?")

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))


def test_one_can_chat_in_the_terminal(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        await named(url, "ada")
        await named(url, "bob")
        command = ("-m", "imchat", "chat", "--url", url, "--email", "ada@example.org", "--with", "@bob")
        async with asyncio.timeout(30), Client.sign_in(url, "bob@example.org", PASSWORD) as bob:
            with program(*command, IMCHAT_PASSWORD=PASSWORD) as ada:
                assert ada.stdin is not None
                assert ada.stdout is not None
                ada.stdin.write("Hello from a terminal\n")
                ada.stdin.flush()
                heard = [one async for one in first_message(bob)]
                assert heard[-1].event["message"]["body"] == "Hello from a terminal"
                await bob.send(heard[-1].conversation_id, "and \u202ehello back")
                shown = ""
                while "hello back" not in shown:
                    shown += await asyncio.to_thread(ada.stdout.readline)
                assert "\u202e" not in shown
                ada.stdin.write("/quit\n")
                ada.stdin.flush()
                assert await asyncio.to_thread(ada.wait) == 0
                assert PASSWORD not in shown

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))


class Terminal:
    """A person at a terminal of 80 columns, where `command` runs; `rows` is what stands on the screen."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (40, WIDTH))
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        self._shown = ""

    def types(self, line: str) -> None:
        """Type a line, once it is asked for: what is typed before that the system shows as it comes."""
        self._until(
            lambda: self.rows()[-1].rstrip() == ">" and not select.select([self._ours], [], [], 0.3)[0]
        )
        os.write(self._ours, f"{line}\r".encode())

    def sees(self, words: str) -> None:
        """Wait until these words stand there."""
        self._until(lambda: words in "".join(self.rows()))

    def _until(self, stands: Callable[[], bool]) -> None:
        while not stands():
            assert select.select([self._ours], [], [], 20)[0], self.rows()
            self._shown += os.read(self._ours, 65536).decode(errors="replace")

    def rows(self) -> list[str]:
        """The screen's, from its top."""
        rows, row, column = [""], 0, 0
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", self._shown):
            if part == "\n" or (part.isprintable() and column == WIDTH):
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            if part == "\r":
                column = 0
            elif part == "\x1b[1A":
                row -= 1
            elif part == "\x1b[2K":
                rows[row] = ""
            elif part.isprintable():
                rows[row] = rows[row][:column].ljust(column) + part + rows[row][column + 1 :]
                column += 1
        return rows


def test_at_a_terminal_each_message_stands_once_and_a_mistyped_command_is_not_said(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        await named(url, "ada")
        await named(url, "bob")
        command = ("-m", "imchat", "chat", "--url", url, "--email", "ada@example.org", "--with", "bob")
        async with asyncio.timeout(50), Client.sign_in(url, "bob@example.org", PASSWORD) as bob:
            ada = Terminal(*command, IMCHAT_PASSWORD=PASSWORD)
            try:
                await asyncio.to_thread(ada.sees, "/quit ends")
                await asyncio.to_thread(ada.sees, "> ")
                await asyncio.to_thread(ada.types, "/help")
                await asyncio.to_thread(ada.sees, "/help is no command")
                for body in ("one", "two", "long " * 30 + "three"):
                    await asyncio.to_thread(ada.types, body)
                    await asyncio.to_thread(ada.sees, f"you {body}")
                [entry] = [entry async for entry in bob.inbox()]
                where = entry["conversation"]["conversation_id"]
                await bob.send(where, "heard you")
                await asyncio.to_thread(ada.sees, "Bob heard you")
                events, _ = await bob.read_events(where)
                said = [event["message"]["body"] for event in events if event["type"] == "message.created"]
                assert [body[-5:].strip() for body in said] == ["one", "two", "three", "d you"]
                screen = ada.rows()
                for words in ("you one", "you two", "three", "Bob heard you"):
                    assert sum(words in line for line in screen) == 1, screen
                assert not any(line.startswith("> >") for line in screen)
                ada.types("/quit")
                await asyncio.to_thread(ada.sees, "See you.")
                assert await asyncio.to_thread(ada.process.wait) == 0
            finally:
                ada.process.kill()
                ada.process.wait()

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))
