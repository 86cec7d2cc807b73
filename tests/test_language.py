"""Check the wording and format of the texts: banned words, line length, decision records."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
DECISIONS: Final = ROOT / "docs" / "decisions"
LINE_LENGTH: Final = 100

# The replacement for each banned word.
SUGGESTIONS: Final = {
    "anew": "again",
    "whoever": "the user, member or sender",
    "somebody": "a user, another user, someone",
    "hamper": "block, prevent",
    "mend": "fix",
}
# Letters delimit words, so that names_with_underscores are checked too.
BANNED: Final = re.compile(
    r"(?<![a-z])(anew|whoever|somebody|hamper|mend)(?:s|ed|ing)?(?![a-z])", re.IGNORECASE
)
CHECKED: Final = (
    "src",
    "docs",
    "tests",
    "frontend",
    "bench",
    "tools",
    "templates",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
    "pyproject.toml",
)
# This file, and data that is locked or generated.
EXEMPT: Final = re.compile(r"^tests/test_language\.py$|\.lock$|/package-lock\.json$|/emoji_table\.py$")
STATUS: Final = re.compile(
    r"Date: (?P<date>\d{4}-\d{2}-\d{2}) · "
    r"Status: (?P<status>accepted|superseded by \[decision \d+\]\([\w.-]+\.md\))"
)


def tracked(*paths: str) -> Iterator[str]:
    """Yield the names of the files below some paths that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    yield from sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def banned_words(name: str, text: str) -> Iterator[str]:
    """Yield one message for each banned word in a text."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in BANNED.finditer(line):
            yield f"{name}:{number}: {match[0]!r}; write instead: {SUGGESTIONS[match[1].lower()]}"


def long_lines(name: str, text: str) -> Iterator[str]:
    """Yield one message for each prose line that is too long.

    Tables, headings, code blocks, lines with a link and lines that are a single code span cannot be wrapped.
    """
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        fence = line.lstrip().startswith("```")
        code ^= fence
        if code or fence or len(line) <= LINE_LENGTH:
            continue
        if line.lstrip().startswith(("|", "#")) or "](" in line or re.fullmatch(r"\s*`[^`]+`\S*", line):
            continue
        yield f"{name}:{number}: {len(line)} characters; wrap at {LINE_LENGTH}"


def decisions() -> list[Path]:
    """Return the decision records, in the order of their numbers."""
    return sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")


def header(path: Path) -> tuple[str, str, str, str]:
    """Return the number, title, date and status of a decision record."""
    title, blank, status, *_ = [*path.read_text("utf-8").splitlines(), "", "", ""]
    titled = re.fullmatch(r"# (\d+)\. (\S.*)", title)
    assert titled, f"{path.name}:1: expected '# NUMBER. TITLE', found {title!r}"
    assert titled[1] == path.name.partition("-")[0].lstrip("0"), f"{path.name}:1: not the number of the file"
    assert blank == "", f"{path.name}:2: expected an empty line"
    dated = STATUS.fullmatch(status)
    assert dated, f"{path.name}:3: expected 'Date: YYYY-MM-DD · Status: accepted', found {status!r}"
    return titled[1], titled[2], dated["date"], dated["status"]


def test_no_file_contains_a_banned_word() -> None:
    found: list[str] = []
    for name in tracked(*CHECKED):
        content = (ROOT / name).read_bytes()
        if not EXEMPT.search(name) and b"\0" not in content:
            found += banned_words(name, content.decode("utf-8"))
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("word", ["Anew", "whoever", "SOMEBODY", "hampers", "mended", "test_mending_it"])
def test_a_banned_word_is_reported_with_its_line_and_a_suggestion(word: str) -> None:
    [message] = banned_words("page.md", f"first line\nrecommend, amend, {word}.\n")
    banned = word.removeprefix("test_").removesuffix("_it")
    assert message.startswith(f"page.md:2: {banned!r}; write instead: ")


def test_documentation_lines_are_at_most_100_characters_long() -> None:
    pages = [
        name
        for name in tracked("docs", "README.md", "CHANGELOG.md")
        if name.endswith(".md") and not name.startswith("docs/reference/")
    ]
    found = [message for name in pages for message in long_lines(name, (ROOT / name).read_text("utf-8"))]
    assert not found, "\n" + "\n".join(found)


def test_line_length_applies_to_prose_only() -> None:
    long = "word " * 30
    allowed = f"# {long}\n| {long} |\n```\n{long}\n```\n{long}[link](page.md)\n`{long}`.\n"
    assert list(long_lines("page.md", allowed + long)) == ["page.md:8: 150 characters; wrap at 100"]


@pytest.mark.parametrize("path", decisions(), ids=lambda path: path.name)
def test_a_decision_has_a_title_a_date_and_a_status(path: Path) -> None:
    assert header(path)


def test_the_index_of_decisions_lists_every_decision_as_its_file_does() -> None:
    index = (DECISIONS / "README.md").read_text("utf-8")
    listed = [line for line in index.splitlines() if re.match(r"\| \d", line)]
    expected = [
        f"| {number} | [{title}]({path.name}) | {date} | {status} |"
        for path in decisions()
        for number, title, date, status in [header(path)]
    ]
    assert listed == expected
