"""What batches add to the contract: one transaction for many calls, and a memory that is never wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.disk import Disk
from tests.support.kill import write_and_kill

from imchat.errors import Busy
from imchat.storage.sqlite.group_commit_table import BatchTable
from imchat.storage.sqlite.item_cache import GENERATION_BYTES, TAIL
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.sqlite.wal import CHECKPOINT_BYTES, Log, connect
from imchat.storage.table import Absent, ConditionFailed, Delete, Key, Put, Update

A, B = Key("P", "a"), Key("P", "b")

# Writes for ever: alone, then in batches that are synced on another thread; prints a number once it is durable.
WRITER = """
import sys, threading
from imchat.storage.sqlite.group_commit_table import BatchTable
from imchat.storage.table import Absent, Key, Put, Update

table = BatchTable.open(sys.argv[1])
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
def table(path: Path) -> Iterator[BatchTable]:
    with BatchTable.open(path) as opened:
        yield opened


@pytest.fixture
def watched(path: Path, disk: Disk) -> Iterator[BatchTable]:
    with BatchTable(connect(path), Log(path, disk)) as opened:
        yield opened


@pytest.mark.slow
def test_every_acknowledged_batch_survives_a_kill(path: Path) -> None:
    write_and_kill(WRITER, path, rounds=6)


def test_a_batch_is_on_the_disk_when_it_is_synced(watched: BatchTable, disk: Disk, path: Path) -> None:
    watched.begin()
    for number in range(3):
        watched.write(Put(A, {"n": number}))
    watched.commit()
    assert disk.synced == []
    watched.sync()
    assert disk.synced == [Path(f"{path}-wal").stat().st_size]


def test_outside_a_batch_a_write_is_on_the_disk_when_it_returns(
    watched: BatchTable, disk: Disk, path: Path
) -> None:
    for number in range(3):
        watched.write(Put(A, {"n": number}))
        assert len(disk.synced) == number + 1
        assert disk.synced[-1] == Path(f"{path}-wal").stat().st_size
    assert watched.get(A) == {"n": 2}
    assert len(disk.synced) == 3


def test_a_disk_that_failed_once_is_not_trusted_again(watched: BatchTable, disk: Disk) -> None:
    watched.begin()
    watched.write(Put(A, {"n": 1}))
    watched.commit()
    disk.broken = True
    with pytest.raises(Busy, match="disk"):
        watched.sync()
    disk.broken = False
    with pytest.raises(Busy, match="restart"):
        watched.begin()
    with pytest.raises(Busy, match="restart"):
        watched.get(A)
    with pytest.raises(Busy, match="restart"):
        watched.sync()


def test_nobody_sees_a_batch_before_its_commit(table: BatchTable, path: Path) -> None:
    with SqliteTable.open(path) as reader:
        table.begin()
        table.write(Put(A, {"n": 1}))
        table.write(Put(B, {"n": 1}), Update(A, add={"n": 1}))
        assert table.get(A) == {"n": 2}
        assert reader.query("P") == []

        table.commit()

        assert reader.get(A) == {"n": 2}
        assert len(reader.query("P")) == 2


def test_a_failed_condition_leaves_the_batch_usable(table: BatchTable, path: Path) -> None:
    table.begin()
    table.write(Put(A, {"n": 1}))
    with pytest.raises(ConditionFailed):
        table.write(Put(A, {"n": 2}, Absent()))
    with pytest.raises(ConditionFailed):
        table.write(Put(B, {"n": 2}), Put(A, {"n": 2}, Absent()))
    table.write(Update(A, add={"n": 10}))
    table.commit()

    with SqliteTable.open(path) as reader:
        assert [row.item for row in reader.query("P")] == [{"n": 11}]


def test_a_batch_rolled_back_or_left_open_never_happened(path: Path) -> None:
    with BatchTable.open(path) as table:
        table.begin()
        table.write(Put(A, {}))
        assert len(table.query("P")) == 1
        table.rollback()
        assert table.get(A) is None
        table.begin()
        table.write(Put(B, {}))

    with SqliteTable.open(path) as reader:
        assert reader.query("P") == []


def test_batches_do_not_nest_and_end_once(table: BatchTable) -> None:
    with pytest.raises(ValueError, match="no batch"):
        table.commit()
    table.begin()
    with pytest.raises(ValueError, match="already"):
        table.begin()
    table.commit()
    with pytest.raises(ValueError, match="no batch"):
        table.rollback()
    table.write(Put(A, {}))


def test_an_item_that_changes_often_in_a_batch_is_written_once(table: BatchTable) -> None:
    before = table._connection.total_changes
    table.begin()
    for _ in range(50):
        table.write(Update(A, add={"n": 1}))
    table.commit()
    assert table._connection.total_changes == before + 1
    assert table.get(A) == {"n": 50}


def test_what_is_known_is_not_read_again(table: BatchTable) -> None:
    table.write(Put(A, {"n": 1}), Put(B, {"n": 2}))
    statements: list[str] = []
    table.begin()
    table.query("P")
    table.get(Key("Q", "missing"))
    table._connection.set_trace_callback(statements.append)
    assert len(table.query("P", low="a")) == 2
    assert [row.sk for row in table.query("P", prefix="b", reverse=True, limit=1)] == ["b"]
    assert table.get_many([A, B, Key("P", "missing"), Key("Q", "missing")]).keys() == {A, B}
    table.commit()
    assert statements == ["COMMIT"]


def test_what_another_process_wrote_is_seen_by_the_next_batch(table: BatchTable, path: Path) -> None:
    table.begin()
    assert table.get(A) is None
    assert table.query("P") == []
    table.commit()
    with SqliteTable.open(path) as other:
        other.write(Put(A, {"n": 1}))
    table.begin()
    assert table.get(A) == {"n": 1}
    assert len(table.query("P")) == 1
    table.commit()


def test_a_full_disk_undoes_the_whole_batch_and_nothing_else(table: BatchTable, path: Path) -> None:
    table.write(Put(A, {"n": 1}))
    pages = table._connection.execute("PRAGMA page_count").fetchone()[0]
    table._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    table.begin()
    table.write(Put(A, {"n": 2}))
    for number in range(10):
        table.write(Put(Key("P", f"{number}"), {"text": "x" * 4_000}))
    with pytest.raises(Busy):
        table.query("Q")  # what is unwritten goes into the file first
    with pytest.raises(Busy):
        table.commit()

    with SqliteTable.open(path) as reader:
        assert [row.item for row in reader.query("P")] == [{"n": 1}]
    table._connection.execute("PRAGMA max_page_count = 1000000")
    assert [row.item for row in table.query("P")] == [{"n": 1}]
    table.write(Put(B, {"n": 2}))
    assert len(table.query("P")) == 2


def test_expired_items_are_purged_from_memory_too(table: BatchTable) -> None:
    table.begin()
    table.write(Put(A, {"expires_at": 100}), Put(B, {"expires_at": 200}))
    assert len(table.query("P")) == 2
    assert table.purge_expired(now_s=100, limit=10) == 1
    assert table.changed
    assert [row.sk for row in table.query("P")] == ["b"]
    assert table.get(A) is None
    table.commit()
    assert table.purge_expired(now_s=100, limit=10) == 0


@pytest.mark.slow
def test_memory_is_bounded_and_right_however_much_is_written(table: BatchTable) -> None:
    text = "x" * 1_000
    count = 6 * GENERATION_BYTES // 2_000
    table.begin()
    assert table.query("LOG") == []
    for number in range(count):
        table.write(Put(Key("LOG", f"{number:06}"), {"n": number, "text": text}))
        table.write(Put(Key(f"OTHER{number}", "x"), {"n": number}))
        if number % 100 == 99:
            table.commit()
            table.begin()
            assert sum(1 for _ in table._known.items()) < 12_000
            assert len(table._known._part("LOG").tail) <= 2 * TAIL
    table.write(Delete(Key("LOG", f"{count - 2:06}")))
    assert [row.item["n"] for row in table.query("LOG", low=f"{count - 3:06}")] == [count - 3, count - 1]
    assert [row.item["n"] for row in table.query("LOG", low=f"{count - 3:06}", limit=1)] == [count - 3]
    assert [row.item["n"] for row in table.query("LOG", limit=2, reverse=True)] == [count - 1, count - 3]
    assert [row.item["n"] for row in table.query("LOG", limit=2)] == [0, 1]
    assert table.get(Key("LOG", "000000")) == {"n": 0, "text": text}
    assert table.get(Key("OTHER0", "x")) == {"n": 0}
    table.commit()
    assert len(table.query("LOG")) == count - 1


def test_tidying_empties_the_log(table: BatchTable, path: Path) -> None:
    log = Path(f"{path}-wal")
    table.begin()
    for number in range(100):
        table.write(Put(Key("P", f"{number}"), {"text": "x" * 60_000}))
    table.commit()
    table.sync()
    assert table.overgrown
    assert log.stat().st_size > CHECKPOINT_BYTES
    table.tidy()
    assert not table.overgrown
    assert log.stat().st_size == 0
