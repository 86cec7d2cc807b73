"""Group commit in addition to the contract: one transaction for many calls, and a cache that is never stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.disk import Disk
from tests.support.kill import check_writes_survive_kills

from imchat.errors import Busy
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.item_cache import GENERATION_BYTES, KEPT_TAIL_ROWS
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.sqlite.wal import CHECKPOINT_BYTES, WriteAheadLog, connect
from imchat.storage.table import Absent, ConditionFailed, Delete, Key, KeyRange, Put, Update

A, B = Key("P", "a"), Key("P", "b")

# Writes forever: single writes, then batches that are synced on another thread. Prints each number once it is durable.
WRITER = """
import sys, threading
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.table import Absent, Key, Put, Update

table = GroupCommitTable.open(sys.argv[1])
number = int(sys.argv[2])
while True:
    in_batch = number % 3
    if in_batch:
        table.begin()
    first = number
    for number in range(first, first + 5):
        table.write(Put(Key("LOG", f"{number:09}"), {"n": number}, Absent()), Update(Key("HEAD", "h"), set={"n": number}))
        if not in_batch:
            print(number, flush=True)
    if in_batch:
        table.commit()
        syncing = threading.Thread(target=table.sync)
        syncing.start()
        syncing.join()
        print(number, flush=True)
    number += 1
"""


@pytest.fixture
def table(path: Path) -> Iterator[GroupCommitTable]:
    with GroupCommitTable.open(path) as opened:
        yield opened


@pytest.fixture
def observed(path: Path, disk: Disk) -> Iterator[GroupCommitTable]:
    with GroupCommitTable(connect(path), WriteAheadLog(path, disk)) as opened:
        yield opened


@pytest.mark.slow
def test_every_acknowledged_batch_survives_a_kill(path: Path) -> None:
    check_writes_survive_kills(WRITER, path, rounds=6)


def test_a_batch_is_on_disk_after_sync(observed: GroupCommitTable, disk: Disk, path: Path) -> None:
    observed.begin()
    for number in range(3):
        observed.write(Put(A, {"n": number}))
    observed.commit()
    assert disk.synced == []
    observed.sync()
    assert disk.synced == [Path(f"{path}-wal").stat().st_size]


def test_a_write_outside_a_batch_is_on_disk_when_it_returns(
    observed: GroupCommitTable, disk: Disk, path: Path
) -> None:
    for number in range(3):
        observed.write(Put(A, {"n": number}))
        assert len(disk.synced) == number + 1
        assert disk.synced[-1] == Path(f"{path}-wal").stat().st_size
    assert observed.get(A) == {"n": 2}
    assert len(disk.synced) == 3


def test_a_table_rejects_all_calls_after_a_failed_sync(observed: GroupCommitTable, disk: Disk) -> None:
    observed.begin()
    observed.write(Put(A, {"n": 1}))
    observed.commit()
    disk.broken = True
    with pytest.raises(Busy, match="disk"):
        observed.sync()
    disk.broken = False
    with pytest.raises(Busy, match="restart"):
        observed.begin()
    with pytest.raises(Busy, match="restart"):
        observed.get(A)
    with pytest.raises(Busy, match="restart"):
        observed.sync()


def test_a_batch_is_invisible_to_others_before_its_commit(table: GroupCommitTable, path: Path) -> None:
    with SqliteTable.open(path) as reader:
        table.begin()
        table.write(Put(A, {"n": 1}))
        table.write(Put(B, {"n": 1}), Update(A, add={"n": 1}))
        assert table.get(A) == {"n": 2}
        assert reader.query(KeyRange("P")) == []

        table.commit()

        assert reader.get(A) == {"n": 2}
        assert len(reader.query(KeyRange("P"))) == 2


def test_a_failed_condition_leaves_the_batch_usable(table: GroupCommitTable, path: Path) -> None:
    table.begin()
    table.write(Put(A, {"n": 1}))
    with pytest.raises(ConditionFailed):
        table.write(Put(A, {"n": 2}, Absent()))
    with pytest.raises(ConditionFailed):
        table.write(Put(B, {"n": 2}), Put(A, {"n": 2}, Absent()))
    table.write(Update(A, add={"n": 10}))
    table.commit()

    with SqliteTable.open(path) as reader:
        assert [row.item for row in reader.query(KeyRange("P"))] == [{"n": 11}]


def test_a_batch_that_is_rolled_back_or_left_open_has_no_effect(path: Path) -> None:
    with GroupCommitTable.open(path) as table:
        table.begin()
        table.write(Put(A, {}))
        assert len(table.query(KeyRange("P"))) == 1
        table.rollback()
        assert table.get(A) is None
        table.begin()
        table.write(Put(B, {}))

    with SqliteTable.open(path) as reader:
        assert reader.query(KeyRange("P")) == []


def test_batches_cannot_be_nested_or_ended_twice(table: GroupCommitTable) -> None:
    with pytest.raises(ValueError, match="no batch"):
        table.commit()
    table.begin()
    with pytest.raises(ValueError, match="already"):
        table.begin()
    table.commit()
    with pytest.raises(ValueError, match="no batch"):
        table.rollback()
    table.write(Put(A, {}))


def test_an_item_that_changes_often_in_a_batch_is_written_once(table: GroupCommitTable) -> None:
    before = table._connection.total_changes
    table.begin()
    for _ in range(50):
        table.write(Update(A, add={"n": 1}))
    table.commit()
    assert table._connection.total_changes == before + 1
    assert table.get(A) == {"n": 50}


def test_cached_items_are_not_read_again(table: GroupCommitTable) -> None:
    table.write(Put(A, {"n": 1}), Put(B, {"n": 2}))
    statements: list[str] = []
    table.begin()
    table.query(KeyRange("P"))
    table.get(Key("Q", "missing"))
    table._connection.set_trace_callback(statements.append)
    assert len(table.query(KeyRange("P", low="a"))) == 2
    assert [row.sk for row in table.query(KeyRange("P", prefix="b"), reverse=True, limit=1)] == ["b"]
    assert table.get_many([A, B, Key("P", "missing"), Key("Q", "missing")]).keys() == {A, B}
    table.commit()
    assert statements == ["COMMIT"]


def test_the_next_batch_sees_the_writes_of_another_process(table: GroupCommitTable, path: Path) -> None:
    table.begin()
    assert table.get(A) is None
    assert table.query(KeyRange("P")) == []
    table.commit()
    with SqliteTable.open(path) as other:
        other.write(Put(A, {"n": 1}))
    table.begin()
    assert table.get(A) == {"n": 1}
    assert len(table.query(KeyRange("P"))) == 1
    table.commit()


def test_a_full_disk_rolls_back_the_whole_batch_and_nothing_else(table: GroupCommitTable, path: Path) -> None:
    table.write(Put(A, {"n": 1}))
    pages = table._connection.execute("PRAGMA page_count").fetchone()[0]
    table._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    table.begin()
    table.write(Put(A, {"n": 2}))
    for number in range(10):
        table.write(Put(Key("P", f"{number}"), {"text": "x" * 4_000}))
    with pytest.raises(Busy):
        table.query(KeyRange("Q"))  # pending writes go into the file first
    with pytest.raises(Busy):
        table.commit()

    with SqliteTable.open(path) as reader:
        assert [row.item for row in reader.query(KeyRange("P"))] == [{"n": 1}]
    table._connection.execute("PRAGMA max_page_count = 1000000")
    assert [row.item for row in table.query(KeyRange("P"))] == [{"n": 1}]
    table.write(Put(B, {"n": 2}))
    assert len(table.query(KeyRange("P"))) == 2


def test_expired_items_are_purged_from_the_cache_too(table: GroupCommitTable) -> None:
    table.begin()
    table.write(Put(A, {"expires_at": 100}), Put(B, {"expires_at": 200}))
    assert len(table.query(KeyRange("P"))) == 2
    assert table.purge_expired(now_s=100, limit=10) == 1
    assert table.changed
    assert [row.sk for row in table.query(KeyRange("P"))] == ["b"]
    assert table.get(A) is None
    table.commit()
    assert table.purge_expired(now_s=100, limit=10) == 0


@pytest.mark.slow
def test_the_cache_stays_bounded_and_correct_after_many_writes(table: GroupCommitTable) -> None:
    text = "x" * 1_000
    count = 6 * GENERATION_BYTES // 2_000
    table.begin()
    assert table.query(KeyRange("LOG")) == []
    for number in range(count):
        table.write(Put(Key("LOG", f"{number:06}"), {"n": number, "text": text}))
        table.write(Put(Key(f"OTHER{number}", "x"), {"n": number}))
        if number % 100 == 99:
            table.commit()
            table.begin()
            assert sum(1 for _ in table._cache.items()) < 12_000
            assert len(table._cache._find_or_add("LOG").tail) <= 2 * KEPT_TAIL_ROWS
    table.write(Delete(Key("LOG", f"{count - 2:06}")))
    assert [row.item["n"] for row in table.query(KeyRange("LOG", low=f"{count - 3:06}"))] == [
        count - 3,
        count - 1,
    ]
    assert [row.item["n"] for row in table.query(KeyRange("LOG", low=f"{count - 3:06}"), limit=1)] == [
        count - 3
    ]
    assert [row.item["n"] for row in table.query(KeyRange("LOG"), limit=2, reverse=True)] == [
        count - 1,
        count - 3,
    ]
    assert [row.item["n"] for row in table.query(KeyRange("LOG"), limit=2)] == [0, 1]
    assert table.get(Key("LOG", "000000")) == {"n": 0, "text": text}
    assert table.get(Key("OTHER0", "x")) == {"n": 0}
    table.commit()
    assert len(table.query(KeyRange("LOG"))) == count - 1


def test_a_checkpoint_empties_the_log(table: GroupCommitTable, path: Path) -> None:
    log = Path(f"{path}-wal")
    table.begin()
    for number in range(100):
        table.write(Put(Key("P", f"{number}"), {"text": "x" * 60_000}))
    table.commit()
    table.sync()
    assert table.needs_checkpoint
    assert log.stat().st_size > CHECKPOINT_BYTES
    table.checkpoint()
    assert not table.needs_checkpoint
    assert log.stat().st_size == 0
