"""The command in unusual terminals: other encodings, full disks, closed streams, narrow screens, shells."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from imchat.console import base
from imchat.deploy.operate.users import User

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "imchat"]
NEEDS_DEV_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
FISH = shutil.which("fish")
LONG = "a.very.long.address.of.a.user@department.example.org"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one user, whose name and address are outside cp1252."""
    path = tmp_path / "data"
    run("user", "create", "你好@example.com", "--name", "łódź", "--local", "--data-dir", str(path))
    return path


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in its own session: it has no terminal."""
    environment = os.environ | options.pop("environment", {})
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=30,
        check=False,
        env=environment,
        start_new_session=True,
        **options,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "koi8-r"])
def test_characters_that_the_encoding_lacks_are_escaped(data_dir: Path, encoding: str) -> None:
    result = run(
        "user", "list", "--local", "--data-dir", str(data_dir), environment={"PYTHONIOENCODING": encoding}
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "\\u4f60\\u597d@example.com" in result.stdout


def test_json_is_valid_in_every_encoding(data_dir: Path) -> None:
    options = ("user", "list", "--json", "--local", "--data-dir", str(data_dir))
    for encoding in ("cp1252", "utf-8"):
        result = run(*options, environment={"PYTHONIOENCODING": encoding})
        assert json.loads(result.stdout)[0]["name"] == "łódź"


def test_an_error_message_is_printed_in_every_encoding(tmp_path: Path) -> None:
    arguments = ("user", "list", "--local", "--data-dir", str(tmp_path / "→你"))
    result = run(*arguments, environment={"PYTHONIOENCODING": "cp1252"})
    assert result.returncode == 1
    assert "->\\u4f60 has no accounts" in result.stderr


def test_a_path_that_is_no_text_is_printed(tmp_path: Path) -> None:
    result = run("user", "list", "--local", "--data-dir", os.fsdecode(bytes(tmp_path) + b"/\xff"))
    assert result.returncode == 1
    assert "\\udcff has no accounts" in result.stderr


@pytest.mark.parametrize(
    "arguments", [("user", "create"), ("chat", "--url", "http://127.0.0.1:1", "--email")]
)
def test_an_argument_that_is_no_text_is_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    local = ("--local", "--data-dir", str(tmp_path / "data")) if arguments[0] == "user" else ()
    result = run(*arguments, os.fsdecode(b"\xff@example.com"), *local)
    assert result.returncode == 2
    assert "not text" in result.stderr


def test_a_password_on_standard_input_that_is_no_text_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe secret words\n")
    with (tmp_path / "password").open() as stdin:
        options = ("--local", "--data-dir", str(tmp_path / "data"))
        result = run("user", "create", "ann@example.com", "--password-stdin", *options, stdin=stdin)
    assert result.returncode == 2
    assert "not valid UTF-8" in result.stderr


@NEEDS_DEV_FULL
@pytest.mark.parametrize(
    "arguments", ["--help", "user list --local --data-dir {}", "completion fish", "cost"]
)
def test_output_that_cannot_be_written_is_an_error_of_one_line(data_dir: Path, arguments: str) -> None:
    with Path("/dev/full").open("w") as full:
        result = run(*arguments.format(data_dir).split(), stdout=full)
    assert result.returncode == 1
    assert result.stderr.splitlines()[0].startswith("Error: the output cannot be written: No space left")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- <&- 2>&-"])
def test_closed_streams_are_no_error(data_dir: Path, closed: str) -> None:
    command = f"exec {sys.executable} -m imchat user list --local --data-dir {data_dir} {closed}"
    result = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=False, timeout=30
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("columns", ["60", "40", "10"])
def test_piped_output_is_never_cut(tmp_path: Path, columns: str) -> None:
    options = ("--local", "--data-dir", str(tmp_path / "data"))
    run("user", "create", LONG, *options)
    assert LONG in run("user", "list", *options, environment={"COLUMNS": columns}).stdout
    cost = run("cost", environment={"COLUMNS": columns}).stdout
    assert "WebSocket connection minutes" in cost
    assert "…" not in cost


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_narrow_terminal_shows_whole_addresses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setattr(base, "get_console", lambda: Console(file=sys.stdout, width=width))
    user = User(
        LONG, "Ann", "1", "CONFIRMED", enabled=True, admin=True, created=datetime(2026, 1, 31, tzinfo=UTC)
    )
    base.print_users([user], as_json=False)
    out = capsys.readouterr().out
    assert LONG in out
    for text in ("Ann", "administrator", "active", "2026-01-31"):
        assert text in out


@pytest.mark.parametrize("width", [40, 20])
def test_a_narrow_terminal_shows_every_character_of_a_table(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(base, "get_console", lambda: Console(file=out, width=width, force_terminal=True))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_row("AVeryLongResourceNameWithoutSpaces" * 2, "https://example.org/" + "x" * 40)
    base.print_renderable(table)
    assert "…" not in out.getvalue()
    assert out.getvalue().count("x") == 41


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("chat", "--email", "ann@example.com"), "--password or IMCHAT_PASSWORD"),
        (("chat", "--password", "x"), "--email"),
        (("chat",), "--email"),
    ],
)
def test_a_prompt_without_a_terminal_is_wrong_usage(arguments: tuple[str, ...], named: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert f"no terminal to ask for it: set {named}" in result.stderr
    assert "Warning" not in result.stderr


def test_the_fish_script_keeps_the_commas_of_a_description() -> None:
    assert 'string split --max 1 "," $completion' in run("completion", "fish").stdout


@pytest.mark.skipif(FISH is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("typed", "description"),
    [
        ("imchat init --sign", "invitation (only users created with `imchat user create`)"),
        ("imchat logs --since", "a duration such as 15m, 2h or 3d, or an ISO time."),
        ("imchat init --domain", "such as chat.example.org"),
    ],
)
def test_fish_shows_whole_descriptions(typed: str, description: str) -> None:
    program = f"""{" ".join(COMMAND)} completion fish | source; complete -C {typed!r}"""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        [str(FISH), "--no-config", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert description in result.stdout
