"""SQLite in addition to the contract: durability, concurrent users of one file, files that are rejected."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.disk import Disk
from tests.support.kill import check_writes_survive_kills
from tests.support.other_process import transaction_elsewhere

from imchat.errors import Busy, ConfigError
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.sqlite.wal import CHECKPOINT_BYTES, WriteAheadLog, connect
from imchat.storage.table import Absent, ConditionFailed, Delete, Key, KeyRange, Put, Update

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = Key("P", "a"), Key("P", "b")

# Writes forever. Prints each number once it is durable.
WRITER = """
import sys
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import Absent, Key, Put, Update

table = SqliteTable.open(sys.argv[1])
number = int(sys.argv[2])
while True:
    table.write(Put(Key("LOG", f"{number:09}"), {"n": number}, Absent()), Update(Key("HEAD", "h"), set={"n": number}))
    print(number, flush=True)
    number += 1
"""


@pytest.fixture
def table(path: Path) -> Iterator[SqliteTable]:
    with SqliteTable.open(path) as opened:
        yield opened


def pragma(table: SqliteTable, name: str) -> object:
    # Connection settings can be read only on the same connection.
    return table._connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_acknowledged_write_survives_a_kill(path: Path) -> None:
    check_writes_survive_kills(WRITER, path, rounds=3)


@pytest.fixture
def observed(path: Path, disk: Disk) -> Iterator[SqliteTable]:
    with SqliteTable(connect(path), WriteAheadLog(path, disk)) as table:
        yield table


def test_a_write_is_on_disk_when_it_returns(observed: SqliteTable, disk: Disk, path: Path) -> None:
    assert pragma(observed, "journal_mode") == "wal"
    for number in range(3):
        observed.write(Put(A, {"n": number}))
        assert len(disk.synced) == number + 1
        assert disk.synced[-1] == Path(f"{path}-wal").stat().st_size


def test_the_directory_entry_of_the_log_is_synced_first(
    observed: SqliteTable, disk: Disk, path: Path
) -> None:
    observed.write(Put(Key("A", "1"), {}))
    observed.write(Put(Key("A", "2"), {}))
    assert disk.folders == [path.parent.stat().st_ino]


def test_a_table_rejects_writes_after_a_failed_sync(observed: SqliteTable, disk: Disk) -> None:
    observed.write(Put(A, {"n": 1}))
    disk.broken = True
    with pytest.raises(Busy, match="disk"):
        observed.write(Put(A, {"n": 2}))
    disk.broken = False
    with pytest.raises(Busy, match="restart"):
        observed.write(Put(A, {"n": 3}))


def test_single_writes_trigger_checkpoints_of_the_log(table: SqliteTable, path: Path) -> None:
    log, longest = Path(f"{path}-wal"), 0
    for number in range(150):
        table.write(Put(Key("P", f"{number}"), {"text": "x" * 60_000}))
        longest = max(longest, log.stat().st_size)
    assert longest < 2 * CHECKPOINT_BYTES
    assert len(table.query(KeyRange("P"))) == 150


def test_a_reader_in_another_process_delays_no_single_write(table: SqliteTable, path: Path) -> None:
    table.write(Put(A, {}))
    with transaction_elsewhere(path, "read"):
        for number in range(150):
            start_s = time.monotonic()
            table.write(Put(Key("P", f"{number}"), {"text": "x" * 60_000}))
            assert time.monotonic() - start_s < 2
        assert Path(f"{path}-wal").stat().st_size > 2 * CHECKPOINT_BYTES


def test_purging_expired_items_removes_their_text_from_the_files(table: SqliteTable, path: Path) -> None:
    table.write(Put(A, {"expires_at": 100, "text": "an expired secret"}))
    with transaction_elsewhere(path, "read"):
        start_s = time.monotonic()
        assert table.purge_expired(now_s=100, limit=10) == 1
        assert time.monotonic() - start_s < 2
    table.purge_expired(now_s=100, limit=10)
    assert b"an expired secret" not in path.read_bytes() + Path(f"{path}-wal").read_bytes()


def test_exactly_one_of_several_concurrent_conditional_puts_succeeds(path: Path) -> None:
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

    # Two threads share each table, and two tables share the file.
    with SqliteTable.open(path) as one, SqliteTable.open(path) as two, ThreadPoolExecutor(racers) as pool:
        wins = list(pool.map(race, [one, one, two, two], range(racers)))
        winners = [row.item["winner"] for row in one.query(KeyRange("RACE"))]

    assert sorted(itertools.chain(*wins)) == list(range(rounds))
    assert [winners.count(racer) for racer in range(racers)] == [len(won) for won in wins]


def test_no_concurrent_update_is_lost(path: Path) -> None:
    def count(table: SqliteTable) -> None:
        for _ in range(50):
            table.write(Update(A, add={"n": 1}))

    with SqliteTable.open(path) as one, SqliteTable.open(path) as two, ThreadPoolExecutor(4) as pool:
        list(pool.map(count, [one, one, two, two]))
        assert one.get(A) == {"n": 200}


def test_expired_items_are_purged_oldest_first(table: SqliteTable) -> None:
    for number in range(5):
        table.write(Put(Key("P", f"{number}"), {"expires_at": 100 + number}))
    table.write(Put(Key("P", "never"), {"n": 1}), Put(Key("P", "text"), {"expires_at": "1"}))
    table.write(Put(Key("P", "huge"), {"expires_at": 10**30}))
    table.write(Update(Key("P", "1"), set={"expires_at": 900}), Update(Key("P", "2"), remove=["expires_at"]))

    assert table.purge_expired(now_s=103, limit=1) == 1
    assert table.get(Key("P", "0")) is None
    assert table.purge_expired(now_s=103, limit=10) == 1
    assert [row.sk for row in table.query(KeyRange("P"))] == ["1", "2", "4", "huge", "never", "text"]
    assert table.purge_expired(now_s=103, limit=10) == 0


@pytest.mark.slow
def test_deleted_and_replaced_data_is_erased_from_the_file(path: Path) -> None:
    with SqliteTable.open(path) as table:
        for number in range(200):
            table.write(Put(Key("P", f"{number:03}"), {"text": f"secret-{number} " * 20}))
        assert b"secret-7 " in path.read_bytes() + Path(f"{path}-wal").read_bytes()
        for number in range(200):
            key = Key("P", f"{number:03}")
            table.write(Update(key, set={"text": ""}) if number % 2 else Delete(key))
    assert b"secret" not in path.read_bytes()
    assert not Path(f"{path}-wal").exists()


def test_a_table_in_memory_needs_no_file() -> None:
    with SqliteTable.open(":memory:") as table, SqliteTable.open(":memory:") as other:
        table.write(Put(A, {"n": 1}))
        assert table.get(A) == {"n": 1}
        assert other.get(A) is None


def error_message(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        SqliteTable.open(path)
    assert "\n" not in raised.value.message
    assert str(path) in raised.value.message
    return raised.value.message


def test_a_file_of_a_newer_imchat_is_rejected_unchanged(table: SqliteTable, path: Path) -> None:
    table._connection.execute("PRAGMA user_version = 99")
    table.close()

    assert "newer imchat" in error_message(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (99,)
    raw.close()


def test_a_database_of_another_program_is_rejected_unchanged(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE items (pk TEXT)")
    raw.close()
    before = path.read_bytes()

    assert "not an imchat database" in error_message(path)
    assert path.read_bytes() == before


def test_a_file_that_is_not_a_database_is_rejected_unchanged(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 100)

    error_message(path)
    assert path.read_bytes() == b"Dear diary, " * 100


def test_a_damaged_file_is_rejected(table: SqliteTable, path: Path) -> None:
    table.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes(range(256)) * 16 + content[4196:])

    error_message(path)


def test_a_missing_or_read_only_folder_is_rejected(tmp_path: Path) -> None:
    error_message(tmp_path / "missing" / "table.db")
    error_message(tmp_path)
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o500)
        error_message(tmp_path / "table.db")
