"""Another process that uses a database: a backup tool that reads it, or a shell with an open transaction."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

_PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("SELECT count(*) FROM items").fetchone()
print("open", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def transaction_elsewhere(path: Path, kind: Literal["read", "write"]) -> Iterator[None]:
    """Keep a transaction of another process open on the database until the block ends."""
    begin = "BEGIN" if kind == "read" else "BEGIN IMMEDIATE"
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(path), begin],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield
        finally:
            process.communicate("")
