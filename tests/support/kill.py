"""Kills a process that writes, and looks at what it left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Key, KeyRange


def write_and_kill(program: str, path: Path, *, rounds: int) -> None:
    """Run and kill `program` so many times; each number that it printed must be in the file, and none left out.

    It gets the database's path and the first number that it is to write.
    """
    acknowledged = -1
    for round_number in range(rounds):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(path), str(acknowledged + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        with writer:
            assert writer.stdout is not None
            for _ in range(3 + 17 * round_number):  # so that kills meet all that it does
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])

        with SqliteTable.open(path) as table:
            numbers = [row.item["n"] for row in table.query(KeyRange("LOG"))]
            assert numbers[: acknowledged + 1] == list(range(acknowledged + 1))
            assert table.get(Key("HEAD", "h")) == {"n": numbers[-1]}
            acknowledged = numbers[-1]  # what was written but not acknowledged may be there too
