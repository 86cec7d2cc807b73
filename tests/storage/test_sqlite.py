"""What SQLite adds to the contract: durability, batches, several users of one file, files that are refused."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imchat.errors import Busy, ConfigError
from imchat.storage.sqlite import SqliteTable
from imchat.storage.sqlite_file import CHECKPOINT_BYTES, Log, connect
from imchat.storage.table import Absent, ConditionFailed, Key, Put, Update

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = Key("P", "a"), Key("P", "b")

# Writes for ever: alone, then in batches that are synced on another thread; prints a number once it is durable.
WRITER = """
import sys, threading
from imchat.storage.sqlite import SqliteTable
from imchat.storage.table import Absent, Key, Put, Update

table = SqliteTable.open(sys.argv[1])
number = int(sys.argv[2])
while True:
    batched = number % 3
    if batched:
        table.begin()
    first = number
    for number in range(first, first + 5):
        table.write(Put(Key("LOG", f"{number:09}"), {"n": number}, Absent()), Update(Key("HEAD", "h"), set={"n": number}))
        if not batched:
            print(number, flush=True)
    if batched:
        table.commit()
        syncing = threading.Thread(target=table.sync)
        syncing.start()
        syncing.join()
        print(number, flush=True)
    number += 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.db"


@pytest.fixture
def table(path: Path) -> Iterator[SqliteTable]:
    with SqliteTable.open(path) as opened:
        yield opened


def pragma(table: SqliteTable, name: str) -> object:
    # Settings of a connection are seen nowhere but on it.
    return table._connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_acknowledged_write_survives_a_kill(path: Path) -> None:
    acknowledged = -1
    for round_number in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        with writer:
            assert writer.stdout is not None
            for _ in range(
                3 + 17 * round_number
            ):  # so that kills meet single writes, open batches and commits
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])

        with SqliteTable.open(path) as table:
            numbers = [row.item["n"] for row in table.query("LOG")]
            assert numbers[: acknowledged + 1] == list(range(acknowledged + 1))
            assert table.get(Key("HEAD", "h")) == {"n": numbers[-1]}
            acknowledged = numbers[-1]  # what was written but not acknowledged may be there too


class Disk:
    """Stands before the system's call: notes how long the log was at each sync, and fails while `broken`."""

    def __init__(self) -> None:
        self.synced: list[int] = []
        self.folders: list[int] = []
        self.broken = False

    def __call__(self, file: int) -> None:
        if self.broken:
            raise OSError(errno.EIO, "Input/output error")
        os.fdatasync(file)
        state = os.fstat(file)
        if stat.S_ISDIR(state.st_mode):
            self.folders.append(state.st_ino)
        else:
            self.synced.append(state.st_size)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def watched(path: Path, disk: Disk) -> Iterator[SqliteTable]:
    with SqliteTable(connect(path), Log(path, disk)) as table:
        yield table


def test_a_write_is_on_the_disk_when_it_returns(watched: SqliteTable, disk: Disk, path: Path) -> None:
    assert pragma(watched, "journal_mode") == "wal"
    for number in range(3):
        watched.write(Put(A, {"n": number}))
        assert len(disk.synced) == number + 1
        assert disk.synced[-1] == Path(f"{path}-wal").stat().st_size


def test_the_logs_name_is_on_the_disk_before_what_it_holds(
    watched: SqliteTable, disk: Disk, path: Path
) -> None:
    watched.write(Put(Key("A", "1"), {}))
    watched.write(Put(Key("A", "2"), {}))
    assert disk.folders == [path.parent.stat().st_ino]


def test_a_batch_is_on_the_disk_when_it_is_synced(watched: SqliteTable, disk: Disk, path: Path) -> None:
    watched.begin()
    for number in range(3):
        watched.write(Put(A, {"n": number}))
    watched.commit()
    assert disk.synced == []
    watched.sync()
    assert disk.synced == [Path(f"{path}-wal").stat().st_size]


def test_a_disk_that_failed_once_is_not_trusted_again(watched: SqliteTable, disk: Disk) -> None:
    watched.write(Put(A, {"n": 1}))
    disk.broken = True
    with pytest.raises(Busy, match="disk"):
        watched.write(Put(A, {"n": 2}))
    disk.broken = False
    with pytest.raises(Busy, match="restart"):
        watched.write(Put(A, {"n": 3}))
    with pytest.raises(Busy, match="restart"):
        watched.begin()
    with pytest.raises(Busy, match="restart"):
        watched.sync()


def test_the_log_of_lone_writes_is_cleared_up_too(table: SqliteTable, path: Path) -> None:
    log, longest = Path(f"{path}-wal"), 0
    for number in range(150):
        table.write(Put(Key("P", f"{number}"), {"text": "x" * 60_000}))
        longest = max(longest, log.stat().st_size)
    assert longest < 2 * CHECKPOINT_BYTES
    assert len(table.query("P")) == 150


def test_of_racing_conditional_puts_exactly_one_wins(path: Path) -> None:
    rounds, racers = 100, 4
    start = threading.Barrier(racers)

    def race(table: SqliteTable, racer: int) -> list[int]:
        won = []
        for number in range(rounds):
            start.wait()
            with suppress(ConditionFailed):
                table.write(Put(Key("RACE", f"{number:03}"), {"winner": racer}, Absent()))
                won.append(number)
        return won

    # Two threads share each table, and two tables the file.
    with SqliteTable.open(path) as one, SqliteTable.open(path) as two, ThreadPoolExecutor(racers) as pool:
        wins = list(pool.map(race, [one, one, two, two], range(racers)))
        winners = [row.item["winner"] for row in one.query("RACE")]

    assert sorted(itertools.chain(*wins)) == list(range(rounds))
    assert [winners.count(racer) for racer in range(racers)] == [len(won) for won in wins]


def test_racing_updates_lose_nothing(path: Path) -> None:
    def count(table: SqliteTable) -> None:
        for _ in range(50):
            table.write(Update(A, add={"n": 1}))

    with SqliteTable.open(path) as one, SqliteTable.open(path) as two, ThreadPoolExecutor(4) as pool:
        list(pool.map(count, [one, one, two, two]))
        assert one.get(A) == {"n": 200}


def test_nobody_sees_a_batch_before_its_commit(table: SqliteTable, path: Path) -> None:
    with SqliteTable.open(path) as reader:
        table.begin()
        table.write(Put(A, {"n": 1}))
        table.write(Put(B, {"n": 1}), Update(A, add={"n": 1}))
        assert table.get(A) == {"n": 2}
        assert reader.query("P") == []

        table.commit()

        assert reader.get(A) == {"n": 2}
        assert len(reader.query("P")) == 2


def test_other_threads_wait_for_the_end_of_a_batch(table: SqliteTable) -> None:
    with ThreadPoolExecutor(1) as pool:
        table.begin()
        table.write(Put(A, {"n": 1}))
        waiting = pool.submit(table.get, A)
        table.write(Update(A, add={"n": 1}))
        table.commit()

        assert waiting.result() == {"n": 2}


def test_a_failed_condition_leaves_the_batch_usable(table: SqliteTable) -> None:
    table.begin()
    table.write(Put(A, {"n": 1}))
    with pytest.raises(ConditionFailed):
        table.write(Put(A, {"n": 2}, Absent()))
    with pytest.raises(ConditionFailed):
        table.write(Put(B, {"n": 2}), Put(A, {"n": 2}, Absent()))
    table.write(Update(A, add={"n": 10}))
    table.commit()

    assert [row.item for row in table.query("P")] == [{"n": 11}]


def test_a_batch_rolled_back_or_left_open_never_happened(path: Path) -> None:
    with SqliteTable.open(path) as table:
        table.begin()
        table.write(Put(A, {}))
        table.rollback()
        assert table.get(A) is None
        table.begin()
        table.write(Put(B, {}))

    with SqliteTable.open(path) as table:
        assert table.query("P") == []


def test_batches_do_not_nest_and_end_once(table: SqliteTable) -> None:
    with pytest.raises(ValueError, match="no batch"):
        table.commit()
    table.begin()
    with pytest.raises(ValueError, match="already"):
        table.begin()
    table.commit()
    with pytest.raises(ValueError, match="no batch"):
        table.rollback()
    table.write(Put(A, {}))


def test_expired_items_are_purged_oldest_first_and_others_stay(table: SqliteTable) -> None:
    for number in range(5):
        table.write(Put(Key("P", f"{number}"), {"expires_at": 100 + number}))
    table.write(Put(Key("P", "never"), {"n": 1}), Put(Key("P", "text"), {"expires_at": "1"}))
    table.write(Put(Key("P", "huge"), {"expires_at": 10**30}))
    table.write(Update(Key("P", "1"), set={"expires_at": 900}), Update(Key("P", "2"), remove=["expires_at"]))

    assert table.purge_expired(now_s=103, limit=1) == 1
    assert table.get(Key("P", "0")) is None
    assert table.purge_expired(now_s=103, limit=10) == 1
    assert [row.sk for row in table.query("P")] == ["1", "2", "4", "huge", "never", "text"]
    assert table.purge_expired(now_s=103, limit=10) == 0


def test_a_table_in_memory_needs_no_file() -> None:
    with SqliteTable.open(":memory:") as table, SqliteTable.open(":memory:") as other:
        table.write(Put(A, {"n": 1}))
        assert table.get(A) == {"n": 1}
        assert other.get(A) is None


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        SqliteTable.open(path)
    assert "\n" not in refused.value.message
    assert str(path) in refused.value.message
    return refused.value.message


def test_a_file_of_a_newer_imchat_is_refused_untouched(table: SqliteTable, path: Path) -> None:
    table._connection.execute("PRAGMA user_version = 99")
    table.close()

    assert "newer imchat" in refusal(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (99,)
    raw.close()


def test_a_database_of_somebody_else_is_refused_untouched(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE items (pk TEXT)")
    raw.close()
    before = path.read_bytes()

    assert "not one of imchat" in refusal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 100)

    refusal(path)
    assert path.read_bytes() == b"Dear diary, " * 100


def test_a_damaged_file_is_refused(table: SqliteTable, path: Path) -> None:
    table.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(range(256)) * 16 + content[4196:])

    refusal(path)


def test_a_folder_that_cannot_hold_the_file_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "missing" / "table.db")
    refusal(tmp_path)
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        refusal(tmp_path / "table.db")
