"""The bot of the README and `imchat chat`, each as a separate process."""

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
def running_program(*command: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def first_message(person: Client) -> AsyncIterator[EventInConversation]:
    async for event in person.events():
        yield event
        if event.event["type"] == "message.created":
            return


async def create_user(url: str, name: str) -> None:
    await asyncio.to_thread(sign_up, url, f"{name}@example.org")
    async with Client.sign_in(url, f"{name}@example.org", PASSWORD) as person:
        await person.update_profile(handle=name, display_name=name.title())


def readme_bot() -> str:
    [bot] = [
        code
        for code in re.findall(
            r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        if "Client.sign_in" in code
    ]
    return str(bot)


def test_the_readme_bot_echoes_messages(tmp_path: Path) -> None:
    bot = readme_bot()
    assert len([line for line in bot.splitlines() if line]) <= 10

    async def talk(url: str) -> None:
        await create_user(url, "ada")
        await create_user(url, "bot")
        async with asyncio.timeout(30), Client.sign_in(url, "ada@example.org", PASSWORD) as ada:
            [user] = await ada.find_users("bot")
            where = (await ada.create_direct(user["user_id"]))["conversation"]["conversation_id"]
            with running_program("-c", bot.replace(SITE, url), BOT_PASSWORD=PASSWORD) as process:
                assert process.stdout is not None
                assert await asyncio.to_thread(process.stdout.readline) == "listening\n"
                await ada.send(where, "hello?")
                messages = []
                async for _, event in ada.events():
                    if event["type"] == "message.created":
                        messages.append((event["actor_id"] == ada.user_id, event["message"]["body"]))
                    if len(messages) == 2:
                        break
                assert messages == [(True, "hello?"), (False, "hello?")]

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))


def test_the_readme_bot_continues_after_it_may_not_answer(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        await create_user(url, "ada")
        await create_user(url, "bot")
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

            with running_program("-c", readme_bot().replace(SITE, url), BOT_PASSWORD=PASSWORD) as process:
                assert process.stdout is not None
                assert await asyncio.to_thread(process.stdout.readline) == "listening\n"
                await answered("hello?")
                await ada.send(news, "only I write here")
                await answered("and here?")
                await ada.send(news, "and you are removed before you can answer")
                await ada.remove_member(news, bot_id)
                await answered("still there?")

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))


def test_chat_works_without_a_terminal(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        await create_user(url, "ada")
        await create_user(url, "bob")
        command = ("-m", "imchat", "chat", "--url", url, "--email", "ada@example.org", "--with", "@bob")
        async with asyncio.timeout(30), Client.sign_in(url, "bob@example.org", PASSWORD) as bob:
            with running_program(*command, IMCHAT_PASSWORD=PASSWORD) as ada:
                assert ada.stdin is not None
                assert ada.stdout is not None
                ada.stdin.write("Hello from a terminal\n")
                ada.stdin.flush()
                received = [event async for event in first_message(bob)]
                event = received[-1].event
                assert event["type"] == "message.created"
                assert event["message"]["body"] == "Hello from a terminal"
                await bob.send(received[-1].conversation_id, "and \u202ehello back")
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
    """Runs `command` in a terminal of 80 columns; `rows` is the text on the screen."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._parent_fd, child_fd = os.openpty()
        termios.tcsetwinsize(child_fd, (40, WIDTH))
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=child_fd,
            stdout=child_fd,
            stderr=child_fd,
            env={**os.environ, "TERM": "xterm-256color", **environment},
        )
        os.close(child_fd)
        self._shown = ""

    def type(self, line: str) -> None:
        """Type a line once the prompt is shown: the terminal echoes text that is typed earlier."""
        self._until(
            lambda: self.rows()[-1].rstrip() == ">" and not select.select([self._parent_fd], [], [], 0.3)[0]
        )
        os.write(self._parent_fd, f"{line}\r".encode())

    def wait_for(self, text: str) -> None:
        """Wait until the text is on the screen, perhaps on several rows."""
        self._until(lambda: text.strip() in " ".join(" ".join(self.rows()).split()))

    def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert select.select([self._parent_fd], [], [], 20)[0], self.rows()
            self._shown += os.read(self._parent_fd, 65536).decode(errors="replace")

    def rows(self) -> list[str]:
        """Return the rows of the screen."""
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


def test_in_a_terminal_each_message_is_shown_once_and_a_mistyped_command_is_not_sent(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        await create_user(url, "ada")
        await create_user(url, "bob")
        command = ("-m", "imchat", "chat", "--url", url, "--email", "ada@example.org", "--with", "bob")
        async with asyncio.timeout(50), Client.sign_in(url, "bob@example.org", PASSWORD) as bob:
            ada = Terminal(*command, IMCHAT_PASSWORD=PASSWORD)
            try:
                await asyncio.to_thread(ada.wait_for, "/quit to quit")
                await asyncio.to_thread(ada.wait_for, "> ")
                await asyncio.to_thread(ada.type, "/help")
                await asyncio.to_thread(ada.wait_for, "/help is not a command")
                for body in ("one", "two", "long " * 30 + "three"):
                    await asyncio.to_thread(ada.type, body)
                    await asyncio.to_thread(ada.wait_for, f"you {body}")
                [entry] = [entry async for entry in bob.inbox()]
                where = entry["conversation"]["conversation_id"]
                await bob.send(where, "got it")
                await asyncio.to_thread(ada.wait_for, "Bob got it")
                events, _ = await bob.read_events(where)
                bodies = [event["message"]["body"] for event in events if event["type"] == "message.created"]
                assert [body[-5:].strip() for body in bodies] == ["one", "two", "three", "ot it"]
                screen = ada.rows()
                for text in ("you one", "you two", "three", "Bob got it"):
                    assert sum(text in line for line in screen) == 1, screen
                assert not any(line.startswith("> >") for line in screen)
                ada.type("/quit")
                await asyncio.to_thread(ada.wait_for, "Goodbye.")
                assert await asyncio.to_thread(ada.process.wait) == 0
            finally:
                ada.process.kill()
                ada.process.wait()

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))


def test_no_text_of_another_user_can_imitate_a_line_in_a_terminal(tmp_path: Path) -> None:
    """The padding fills the first row, so that the terminal itself would begin the next one with the forged line."""
    forged, choice = "12:00  Cem I agree", "   2  Bank"
    paddings = [fill * (WIDTH - len("12:00  Bob ")) for fill in (" ", "x", "\u00a0")]

    async def talk(url: str) -> None:
        await create_user(url, "ada")
        await create_user(url, "bob")
        command = ("-m", "imchat", "chat", "--url", url, "--email", "ada@example.org")
        async with asyncio.timeout(50), Client.sign_in(url, "bob@example.org", PASSWORD) as bob:
            [ada_found] = await bob.find_users("ada")
            title = "x" * (WIDTH - len("   1  ")) + choice
            group = await bob.create_group([ada_found["user_id"]], title)
            ada = Terminal(*command, IMCHAT_PASSWORD=PASSWORD)
            try:
                await asyncio.to_thread(ada.wait_for, "Conversation [1]:")
                os.write(ada._parent_fd, b"1\r")
                await asyncio.to_thread(ada.wait_for, "/quit to quit")
                for padding in paddings:
                    await bob.send(group["conversation"]["conversation_id"], f"{padding}{forged}")
                await bob.send(group["conversation"]["conversation_id"], "the end")
                await asyncio.to_thread(ada.wait_for, "Bob the end")
                rows = ada.rows()
            finally:
                ada.process.kill()
                ada.process.wait()
        assert [row for row in rows if row.startswith((forged, choice))] == []
        assert sum(row.strip() == forged for row in rows) == len(paddings)
        assert sum(row.endswith(choice) for row in rows) == 1

    with Server(tmp_path) as server:
        asyncio.run(talk(server.url))
