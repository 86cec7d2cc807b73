"""mypy, run as a user of the package would, knows the fields of each event and frame type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tools import client_types

import imchat
from imchat.client.websocket import CONNECTED

PROGRAM = """
import asyncio
from imchat.client import Client, EventInConversation

async def main() -> None:
    async with Client.sign_in("https://chat.example.org", "bot@example.org", "password") as me:
        async for where, event in me.events():
            if event["type"] == "message.created":
                {message}
            elif event["type"] == "member.added":
                print(event["role"], event["user_id"], event["seq"])
            elif event["type"] == "message.edited" and "message" in event:
                print(event["message"]["body"])
        async for found in me.frames():
            if isinstance(found, EventInConversation):
                print(found.event["at_ms"])
            elif found["type"] == "receipt":
                {receipt}
        sent = await me.send(where, "hello")
        echoed: str = sent["message"]["body"]
        events, more = await me.read_events(where)
        print([event["type"] for event in events], echoed, more)

asyncio.run(main())
"""
GOOD = {"message": 'body: str = event["message"]["body"]', "receipt": 'seq: int = found["read_seq"]'}


def check(folder: Path, **parts: str) -> tuple[int, str]:
    """Run `mypy --strict` on the program; return its status and output."""
    program = folder / "program.py"
    program.write_text(PROGRAM.format(**{**GOOD, **parts}))
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(folder / "cache"),
    ]
    done = subprocess.run([*command, str(program)], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_mypy_accepts_a_program_that_checks_the_type_of_an_event_and_reports_wrong_fields(
    tmp_path: Path,
) -> None:
    assert check(tmp_path) == (0, "Success: no issues found in 1 source file\n")
    for part, statement, reported in [
        ("message", 'event["message"]["body"].foo', '"str" has no attribute "foo"  [attr-defined]'),
        ("message", 'event["mesage"]', 'TypedDict "MessageCreated" has no key "mesage"'),
        ("message", 'event["emoji"]', 'TypedDict "MessageCreated" has no key "emoji"'),
        ("receipt", 'found["seq"]', 'TypedDict "ReceiptFrame" has no key "seq"'),
    ]:
        status, output = check(tmp_path, **{part: statement})
        assert status == 1, statement
        assert reported in output, statement
        assert output.endswith("Found 1 error in 1 file (checked 1 source file)\n"), output


def test_the_types_are_those_that_the_schema_generates() -> None:
    root = Path(__file__).parents[2]
    assert (root / client_types.PATH).read_text(encoding="utf-8") == client_types.generate(), (
        "run `make generate`"
    )


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(imchat.__file__).parent / "py.typed").is_file()


def test_a_frame_of_the_client_itself_is_no_frame_type() -> None:
    assert f'"{CONNECTED["type"]}"' not in client_types.generate()
