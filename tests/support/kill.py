"""Kill a writing process and check what it stored."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Key, KeyRange


def check_writes_survive_kills(program: str, path: Path, *, rounds: int) -> None:
    """Run and kill `program` `rounds` times. Each number it printed must be stored, without gaps.

    Its arguments are the path of the database and the first number to write.
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
            for _ in range(3 + 17 * round_number):  # so that kills happen at every step
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])

        with SqliteTable.open(path) as table:
            numbers = [row.item["n"] for row in table.query(KeyRange("LOG"))]
            assert numbers[: acknowledged + 1] == list(range(acknowledged + 1))
            assert table.get(Key("HEAD", "h")) == {"n": numbers[-1]}
            acknowledged = numbers[-1]  # writes that were not acknowledged may be stored too
