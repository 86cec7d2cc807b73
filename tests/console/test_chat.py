"""How `imchat chat` prints the texts of others, and which lines it sends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.support.browser_harness import PASSWORD, Server, sign_up

from imchat.client import Client
from imchat.console import terminal
from imchat.console.chat import _formatted, _is_command, _name, _printable

COMMAND = [sys.executable, "-m", "imchat", "chat", "--email", "ada@example.org", "--with", "bob"]


@pytest.mark.parametrize(
    "text",
    ["👩\u200d👩\u200d👧\u200d👦", "a\u00a0b", "你\u3000好", "क्\u200dष", "🏴\U000e0067\U000e007f", "\U0001fae9", "a\tb"],
)  # fmt: skip
def test_joined_emoji_and_spaces_are_printed(text: str) -> None:
    assert _printable(text) == text


@pytest.mark.parametrize(
    "char", ["\x1b", "\r", "\x08", "\x9b", "\u2028", "\u2029", "\x85", "\u202e", "\u2066", "\x0b"]
)
def test_characters_that_control_a_terminal_are_replaced(char: str) -> None:
    assert _printable(f"a{char}b") == "a\ufffdb"


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_the_further_lines_of_a_message_are_indented(line_break: str) -> None:
    assert _printable(f"hi{line_break}12:00  Ann I agree") == "hi\n       12:00  Ann I agree"


@pytest.mark.parametrize("line_break", ["\n", "\r", "\u2028", "\x85"])
def test_a_name_is_printed_on_one_line(line_break: str) -> None:
    assert _name({"display_name": f"Ann{line_break}12:00  Bob"}) == "Ann 12:00  Bob"


@pytest.fixture
def terminal_of_20_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(terminal, "columns", lambda: 20)


@pytest.mark.usefixtures("terminal_of_20_columns")
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("12:00  Bob hi", ["12:00  Bob hi"]),
        ("12:00  Bob I agree with that", ["12:00  Bob I agree ", "       with that"]),
        ("12:00  Bob " + " " * 40 + "12:00  Cem hi", ["12:00  Bob", "       12:00  Cem hi"]),
        ("12:00  Bob xxxxxxxxx12:00 Cem", ["12:00  Bob xxxxxxxxx", "       12:00 Cem"]),
        ("12:00  Bob " + "x" * 30, ["12:00  Bob xxxxxxxxx", "       " + "x" * 13, "       xxxxxxxx"]),
        ("12:00  Bob 界界界界界界", ["12:00  Bob ", "       界界界界界界"]),
        ("12:00  Bob a\t12:00", ["12:00  Bob a\t", "       12:00"]),
        ("hi\n       there", ["hi", "       there"]),
        ("\x1b[2m12:00\x1b[0m  Bob 123456789", ["\x1b[2m12:00\x1b[0m  Bob 123456789"]),
    ],
)
def test_the_rows_that_continue_a_line_are_indented(text: str, rows: list[str]) -> None:
    assert terminal.wrap(text, 7).split("\n") == rows


@pytest.mark.usefixtures("terminal_of_20_columns")
@pytest.mark.parametrize(
    "padding", ["x", " ", "\u00a0", "\u3000", "界", "\t", "👪", "🏴\U000e0067", "e\u0301", "\u2800", "\u0378"]
)
def test_no_padding_puts_a_text_into_the_first_column(padding: str) -> None:
    for length in range(40):
        text = f"12:00  Bob {padding * length}12:00  Cem"
        first, *others = terminal.wrap(text, 7).split("\n")
        assert first.startswith("12:00  Bob")
        assert all(row.startswith("       ") for row in others)
        assert all(cell_len(row.expandtabs()) <= 20 for row in (first, *others))


def test_lines_are_not_wrapped_without_a_terminal() -> None:
    assert terminal.wrap("x" * 1000, 7) == "x" * 1000


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/quit", True),
        ("/me waves", True),
        ("/quit now", True),
        ("//me waves", False),
        ("/etc/hosts is wrong", False),
        ("/ or \\", False),
        ("1/me", False),
        ("/", False),
    ],
)
def test_a_line_that_begins_with_a_slash_and_a_word_is_a_command(line: str, *, command: bool) -> None:
    assert _is_command(line) is command


@pytest.mark.parametrize(
    ("given", "sent", "reason"),
    [
        (b"one\n\xff\ntwo\n", ["one", "two"], "not text in the encoding utf-8"),
        (b"one\n/me waves\n//me waves\n", ["one", "/me waves"], "/me is not a command"),
        ("one\n\u200b\ntwo".encode(), ["one", "two"], "body must contain a visible character"),
    ],
)
def test_a_piped_line_that_is_not_sent_is_named_and_ends_with_status_1(
    tmp_path: Path, given: bytes, sent: list[str], reason: str
) -> None:
    async def bodies(url: str) -> list[str]:
        async with Client.sign_in(url, "bob@example.org", PASSWORD) as bob:
            [entry] = [entry async for entry in bob.inbox()]
            events, _ = await bob.read_events(entry["conversation"]["conversation_id"])
            return [event["message"]["body"] for event in events if event["type"] == "message.created"]

    async def create_users(url: str) -> None:
        for handle in ("ada", "bob"):
            await asyncio.to_thread(sign_up, url, f"{handle}@example.org")
            async with Client.sign_in(url, f"{handle}@example.org", PASSWORD) as user:
                await user.update_profile(handle=handle, display_name=handle.title())

    with Server(tmp_path) as server:
        asyncio.run(create_users(server.url))
        result = subprocess.run(
            [*COMMAND, "--url", server.url],
            input=given,
            capture_output=True,
            check=False,
            timeout=60,
            env=os.environ | {"IMCHAT_PASSWORD": PASSWORD, "PYTHONIOENCODING": "utf-8"},
        )
        assert asyncio.run(bodies(server.url)) == sent
    assert result.returncode == 1
    assert f"not sent: {reason}" in result.stdout.decode()
    assert result.stderr.decode() == "Error: 1 line of the input could not be sent; see above\n"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("**a *b* c**", "\x1b[1ma \x1b[3mb\x1b[23m c\x1b[22m"),
        ("`**a**` ~~b~~", "\x1b[33m**a**\x1b[39m \x1b[9mb\x1b[29m"),
        ("[a](https://example.com)", "a (https://example.com)"),
        ("||a|| b", "▒▒▒ b"),
        ("> a\n> ```\n> b\n> ```", "a\n       \x1b[33mb\x1b[39m"),
        ("**\x1b[8ma**", "\x1b[1m\ufffd[8ma\x1b[22m"),
        ("\ufdd2a\ufdd3", "\ufffda\ufffd"),
        ("2*3*4", "2*3*4"),
    ],
)
def test_formats_are_styles_of_the_terminal_and_spoilers_are_hidden(body: str, shown: str) -> None:
    assert _formatted(body) == shown
