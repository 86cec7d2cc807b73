"""Prepares the standard streams: characters that the output's encoding lacks, closed streams, and full disks."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from pathlib import Path
from typing import Final, TextIO, cast

_REPLACEMENTS: Final = str.maketrans(
    {
        "✓": "+",
        "✗": "x",
        "·": "-",
        "→": "->",
        "±": "!",
        "…": "...",
        "\u2013": "-",
        "“": '"',
        "”": '"',
    }
)
"""ASCII in place of the decorations that imchat prints."""
_ERROR_HANDLER: Final = "imchat.ascii"
_WRITE_ERRORS: Final = frozenset({errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})


def prepare_streams() -> None:
    """Make every text printable, whatever the encoding of the output, and replace closed streams by empty ones."""
    codecs.register_error(_ERROR_HANDLER, _escape)
    if sys.stdin is None:
        sys.stdin = _open_null("r")
    if sys.stdout is None:
        sys.stdout = _open_null("w")
    if sys.stderr is None:
        sys.stderr = _open_null("w")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERROR_HANDLER)


def flush_output() -> None:
    """Write buffered output. Raises: OSError; a later flush at the end of the process then writes nothing."""
    try:
        sys.stdout.flush()
    except OSError:
        discard_output()
        raise


def discard_output() -> None:
    """Discard buffered and further output: without this, the process would end with a second error."""
    # The buffer can only be emptied by writing it somewhere else.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def is_write_error(error: OSError) -> bool:
    """Return whether the output could not be written, for example because the disk is full."""
    return error.filename is None and error.errno in _WRITE_ERRORS


def _open_null(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace decorations by ASCII, and escape other characters as in `\\u4f60`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    escaped = []
    for char in error.object[error.start : error.end]:
        replaced = char.translate(_REPLACEMENTS)
        escaped.append(replaced if replaced != char else _escape_char(char))
    return "".join(escaped), error.end


def _escape_char(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - longer than four digits
