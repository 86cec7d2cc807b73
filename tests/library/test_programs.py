"""The programs of docs/library.md: each runs, prints what the page says, is short, and has the types of `mypy --strict`."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from imchat import testing

pytestmark = pytest.mark.slow

PAGE: Final = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
LINES: Final = 40
PROGRAMS: Final = {
    title: (code, printed)
    for title, code, printed in re.findall(
        r"^### ([^\n]+)\n(?:(?!^###).)*?^```python\n(.*?)^```\n\n[^\n]*rint[^\n]*:\n\n```text\n(.*?)^```",
        PAGE,
        re.DOTALL | re.MULTILINE,
    )
}
BOT: Final = "A bot"
TESTS: Final = "Tests of your own program"


def save(folder: Path, title: str) -> Path:
    program = folder / ("test_chat.py" if title == TESTS else "program.py")
    program.write_text(PROGRAMS[title][0], encoding="utf-8")
    return program


def run(*command: str, folder: Path) -> str:
    """Run a command that must succeed; return what it prints."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_the_page_has_ten_programs() -> None:
    assert len(PROGRAMS) == PAGE.count("```python\n") == 10


@pytest.mark.parametrize("title", PROGRAMS)
def test_a_program_is_short(title: str) -> None:
    code = [line for line in PROGRAMS[title][0].splitlines() if line]
    assert len(code) <= LINES


@pytest.mark.parametrize("title", sorted(PROGRAMS.keys() - {BOT, TESTS}))
def test_a_program_prints_what_the_page_says(title: str, tmp_path: Path) -> None:
    program = save(tmp_path, title)
    assert run("-W", "error", str(program), folder=tmp_path) == PROGRAMS[title][1]


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    save(tmp_path, TESTS)
    printed = run("-m", "pytest", "-q", "-p", "no:randomly", "test_chat.py", folder=tmp_path)
    assert re.sub(r"in \d+\.\d\ds", "in 0.42s", printed) == PROGRAMS[TESTS][1]


def test_the_bot_answers_at_a_running_server(tmp_path: Path) -> None:
    program = save(tmp_path, BOT)
    with testing.start_server() as server:
        ada, bot = server.create_account("ada"), server.create_account("bot")
        environment = {"IMCHAT_URL": server.url, "BOT_EMAIL": bot.email, "BOT_PASSWORD": bot.password}
        process = subprocess.Popen(
            [sys.executable, str(program)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            printed = process.stdout.readline()
            assert asyncio.run(talk(server, ada, bot)) == "It is bot o'clock."
            printed += process.stdout.read()
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.communicate()
    assert printed == PROGRAMS[BOT][1]


async def talk(server: testing.Server, ada: testing.Account, bot: testing.Account) -> str:
    """Ask the bot for the time, then stop it; return its answer."""
    async with asyncio.timeout(30), server.sign_in(ada) as me:
        entry = await me.create_direct(bot.user_id)
        where = entry["conversation"]["conversation_id"]
        asked = await me.send(where, "!time")
        async for _, event in me.events():
            if event["type"] == "message.created" and event["actor_id"] == bot.user_id:
                assert event["message"].get("reply_to") == asked["seq"]
                await me.send(where, "!stop")
                return event["message"]["body"]
    raise AssertionError("the bot did not answer")


def test_mypy_accepts_every_program(tmp_path: Path) -> None:
    names = []
    for number, (code, _) in enumerate(PROGRAMS.values()):
        names.append(f"program_{number}.py")
        (tmp_path / names[-1]).write_text(code, encoding="utf-8")
    printed = run("-m", "mypy", "--strict", "--config-file=", "--cache-dir", "cache", *names, folder=tmp_path)
    assert printed == f"Success: no issues found in {len(names)} source files\n"
