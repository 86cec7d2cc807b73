"""The README's bot answers, and `imchat chat` talks: both as processes of their own."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.harness import PASSWORD, Server, sign_up

from imchat.client import Client, Heard

pytestmark = pytest.mark.slow
README = Path(__file__).parents[2] / "README.md"
SITE = "http://127.0.0.1:8484"


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


async def first_message(person: Client) -> AsyncIterator[Heard]:
    async for heard in person.events():
        yield heard
        if heard.event["type"] == "message.created":
            return


async def named(url: str, name: str) -> None:
    await asyncio.to_thread(sign_up, url, f"{name}@example.org")
    async with Client.sign_in(url, f"{name}@example.org", PASSWORD) as person:
        await person.name(handle=name, display_name=name.title())


def test_the_readmes_bot_says_what_is_said_to_it(tmp_path: Path) -> None:
    [bot] = [
        code
        for code in re.findall(
            r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        if "Client.sign_in" in code
    ]
    assert len(bot.strip().splitlines()) <= 12

    async def talk(url: str) -> None:
        await named(url, "ada")
        await named(url, "bot")
        async with asyncio.timeout(30), Client.sign_in(url, "ada@example.org", PASSWORD) as ada:
            [user] = await ada.find("bot")
            where = (await ada.direct(user["user_id"]))["conversation"]["conversation_id"]
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
