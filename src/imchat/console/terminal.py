"""The line that somebody types at a terminal: how wide it is, what stands in it, when it is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any


def columns() -> int:
    """How many columns the terminal has."""
    return shutil.get_terminal_size().columns


def rows(text: str) -> int:
    """How many rows of the screen it takes; the cursor stands below its end."""
    from rich.cells import cell_len

    return cell_len(text) // columns() + 1


def call_when_asked(call: Callable[[], object]) -> bool:
    """Have `call` called, on its thread, each time `input` has written its prompt. Returns whether that works here."""
    readline = _readline()
    if not hasattr(readline, "set_pre_input_hook"):
        return False
    readline.set_pre_input_hook(call)
    return True


def typed() -> str:
    """What stands in the line so far."""
    readline = _readline()
    return readline.get_line_buffer() if readline else ""


def _readline() -> Any:
    try:
        import readline  # not on every platform
    except ImportError:
        return None
    return readline
