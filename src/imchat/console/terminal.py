"""The input line of a terminal: its width, its current text, and when its prompt is shown."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any


def columns() -> int:
    """Return the number of columns of the terminal."""
    return shutil.get_terminal_size().columns


def rows(text: str) -> int:
    """Return how many rows `text` takes, with the cursor after its end."""
    from rich.cells import cell_len

    return cell_len(text) // columns() + 1


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
