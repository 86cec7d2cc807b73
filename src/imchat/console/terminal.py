"""The terminal: its width, lines that are wrapped for it, the text of its input line, and when its prompt is shown."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from typing import Any, Final
from unicodedata import category, east_asian_width

_PARTS: Final = re.compile(r"\x1b\[[0-9;]*m|\s+|[^\s\x1b]+")
"""A style, blanks or a word."""
_TAB_COLUMNS: Final = 8


def columns() -> int:
    """Return the number of columns of the terminal."""
    return shutil.get_terminal_size().columns


def rows(text: str) -> int:
    """Return how many rows `text` takes, with the cursor after its end."""
    from rich.cells import cell_len

    return cell_len(text) // columns() + 1


def wrap(text: str, indent: int) -> str:
    """Return `text` for a terminal: the rows that continue a line begin with `indent` blanks.

    The terminal would begin them in the first column, where a text could imitate a line of its own. Without a terminal,
    lines are not wrapped.
    """
    if not sys.stdout.isatty():
        return text
    width = columns()
    return "\n".join(_wrap_line(line, width, min(indent, width // 2)) for line in text.split("\n"))


def _wrap_line(line: str, width: int, indent: int) -> str:
    new_row = "\n" + " " * indent
    wrapped, used = "", 0
    for part in _PARTS.findall(line):
        size = 0 if part[0] == "\x1b" else sum(map(_max_columns, part))
        if used + size <= width:
            wrapped, used = wrapped + part, used + size
        elif part.isspace():
            wrapped, used = wrapped + new_row, indent
        elif indent + size <= width:
            wrapped, used = wrapped + new_row + part, indent + size
        else:
            for char in part:
                if used + _max_columns(char) > width:
                    wrapped, used = wrapped + new_row, indent
                wrapped, used = wrapped + char, used + _max_columns(char)
    return wrapped


def _max_columns(char: str) -> int:
    """Return the most columns that a terminal uses for a character.

    Terminals differ for emoji, for characters that join others and for those that are newer than they are.
    """
    if char == "\t":
        return _TAB_COLUMNS
    return 2 if east_asian_width(char) in "WF" or category(char) in {"So", "Cn", "Co"} else 1


def on_prompt(callback: Callable[[], object]) -> bool:
    """Call `callback`, on the thread of `input`, each time `input` has printed its prompt.

    Returns False where readline does not support this.
    """
    readline = _readline()
    if not hasattr(readline, "set_pre_input_hook"):
        return False
    readline.set_pre_input_hook(callback)
    return True


def current_input() -> str:
    """Return the text typed in the input line so far."""
    readline = _readline()
    return readline.get_line_buffer() if readline else ""


def _readline() -> Any:
    try:
        import readline  # not on every platform
    except ImportError:
        return None
    return readline
