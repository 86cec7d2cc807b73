"""Run random sequences of operations on all tables side by side: results and errors must be equal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import (
    Absent,
    Check,
    ConditionFailed,
    Delete,
    Equals,
    Key,
    KeyRange,
    LessThan,
    Present,
    Put,
    Row,
    Update,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imchat.storage.dynamodb.table import DynamoTable
    from imchat.storage.table import Item, Op, Table

# Few names, so that operations hit the same items. They include neighbours in byte order, and names that some stores mishandle.
PARTITIONS = st.sampled_from(["P", "P\0", "Q"])
SORT_KEYS = st.sampled_from(["a", "a\0", "a#1", "a#2", "b", "é", "\uffff", "\U0001f600"])
KEYS = st.builds(Key, PARTITIONS, SORT_KEYS)
NAMES = st.sampled_from(["n", "name", "L0SM=", "#a", ":v", "a.b", "expires_at"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
INTEGERS = st.integers(-3, 3) | st.integers(-(10**37), 10**37)
PLAIN = st.none() | st.booleans() | INTEGERS | TEXT
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=4)
CONDITIONS = (
    st.builds(Absent)
    | st.builds(Present)
    | st.builds(Equals, NAMES, PLAIN)
    | st.builds(LessThan, NAMES, INTEGERS)
)
OPTIONAL_CONDITIONS = st.none() | CONDITIONS


@st.composite
def updates(draw: st.DrawFn) -> Update:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    verbs = {name: draw(st.sampled_from(["set", "add", "remove"])) for name in names}
    return Update(
        draw(KEYS),
        set={name: draw(VALUES) for name in names if verbs[name] == "set"},
        add={name: draw(st.integers(-9, 9)) for name in names if verbs[name] == "add"},
        remove=[name for name in names if verbs[name] == "remove"],
        condition=draw(OPTIONAL_CONDITIONS),
    )


OPS = (
    st.builds(Put, KEYS, ITEMS, OPTIONAL_CONDITIONS)
    | updates()
    | st.builds(Delete, KEYS, OPTIONAL_CONDITIONS)
    | st.builds(Check, KEYS, CONDITIONS)
)
BOUNDS = st.none() | SORT_KEYS | st.sampled_from(["", "a#", "\U0010ffff"])
LOW_TO_HIGH = st.builds(KeyRange, PARTITIONS, low=BOUNDS, high=BOUNDS, after=BOUNDS)
PREFIXES = st.builds(KeyRange, PARTITIONS, prefix=BOUNDS, after=BOUNDS)
LIMITS = st.none() | st.integers(1, 3)


REJECTED = "rejected"


class AllTables(RuleBasedStateMachine):
    """Makes the same calls on all tables. One SQLite table is sometimes in a batch, which must not change any result."""

    def __init__(self, new_reference: Callable[[], Table]) -> None:
        super().__init__()
        self.sqlite = SqliteTable.open(":memory:")
        self.group_commit = GroupCommitTable.open(":memory:")
        self.reference = new_reference()
        self.in_batch = False

    def compare(self, call: Callable[[Table], Any]) -> Any:
        tables: list[Table] = [self.reference, self.sqlite, self.group_commit]
        results = [result_of(partial(call, table)) for table in tables]
        expected, *actual = [repr(normalize(result)) for result in results]
        if not (results[0] == REJECTED and all(map(self.reference_may_reject, results[1:]))):
            assert actual == [expected] * 2
        return results[0]

    def reference_may_reject(self, sqlite_result: Any) -> bool:
        """Return whether the reference table may reject a call with this result in SQLite."""
        return bool(sqlite_result == REJECTED)

    @rule(op=OPS)
    def write(self, op: Op) -> None:
        before = self.reference.get(op.key)
        if self.compare(lambda table: table.write(op)) == REJECTED:
            self.restore(op.key, before)
        self.compare(lambda table: table.get(op.key))

    def restore(self, key: Key, before: Item | None) -> None:
        """Restore an item of the reference table after a rejected write. Nothing to do by default."""

    @rule(ops=st.lists(OPS, min_size=2, max_size=4, unique_by=lambda op: op.key))
    def transact(self, ops: list[Op]) -> None:
        self.compare(lambda table: table.write(*ops))
        self.compare(lambda table: table.get_many(op.key for op in ops))

    @rule(key_range=LOW_TO_HIGH, limit=LIMITS, reverse=st.booleans())
    def query_low_to_high(self, key_range: KeyRange, **options: Any) -> None:
        self.compare(lambda table: table.query(key_range, **options))

    @rule(key_range=PREFIXES, limit=LIMITS, reverse=st.booleans())
    def query_prefix(self, key_range: KeyRange, **options: Any) -> None:
        self.compare(lambda table: table.query(key_range, **options))

    @precondition(lambda self: not self.in_batch)
    @rule()
    def begin(self) -> None:
        self.group_commit.begin()
        self.in_batch = True

    @precondition(lambda self: self.in_batch)
    @rule()
    def commit(self) -> None:
        self.group_commit.commit()
        self.in_batch = False

    def teardown(self) -> None:
        for pk in ("P", "P\0", "Q"):
            self.compare(lambda table, pk=pk: table.query(KeyRange(pk)))  # type: ignore[misc]  # a default of a lambda has no type
        self.sqlite.close()
        self.group_commit.close()


def result_of(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or its error, as a comparable value."""
    try:
        return call()
    except ConditionFailed as failure:
        return ("condition failed", failure.index, failure.item)
    except ValueError:
        return REJECTED


def normalize(value: Any) -> Any:
    """Return a value with all dicts in the same order, to compare by `repr`, which distinguishes True from 1."""
    if isinstance(value, dict):
        return {
            "dict": sorted(
                ((key, normalize(element)) for key, element in value.items()), key=lambda pair: pair[0]
            )
        }
    if isinstance(value, Row):
        return [value.sk, normalize(value.item)]
    if isinstance(value, list | tuple):
        return [normalize(element) for element in value]
    return value


def test_moto_still_applies_part_of_a_rejected_update(new_moto_table: Callable[[], DynamoTable]) -> None:
    table, key = new_moto_table(), Key("P", "a")
    table.write(Put(key, {"n": None}))
    assert result_of(lambda: table.write(Update(key, set={"name": 1}, add={"n": 1}))) == REJECTED
    assert table.get(key) == {"n": None, "name": 1}, "moto has fixed this: remove SqliteAndMoto.restore"


def test_moto_rejects_a_transaction_for_an_invalid_update_after_a_failed_condition(
    new_moto_table: Callable[[], DynamoTable],
) -> None:
    """DynamoDB lists a reason for each op, and the first one decides: the failed condition."""
    table = new_moto_table()
    table.write(Put(Key("P", "a"), {"n": None}))
    ops = (Check(Key("P", "b"), Present()), Update(Key("P", "a"), add={"n": 1}))
    assert result_of(lambda: table.write(*ops)) == REJECTED, (
        "moto has fixed this: remove SqliteAndMoto.reference_may_reject"
    )


@pytest.mark.slow
def test_sqlite_and_dynamodb_return_the_same_results(new_moto_table: Callable[[], DynamoTable]) -> None:
    class SqliteAndMoto(AllTables):
        def __init__(self) -> None:
            super().__init__(new_moto_table)

        def restore(self, key: Key, before: Item | None) -> None:
            """Undo the part of a rejected update that moto has already applied."""
            self.reference.write(Delete(key) if before is None else Put(key, before))

        def reference_may_reject(self, sqlite_result: Any) -> bool:
            """moto rejects a whole transaction for one invalid update, whatever condition failed before it."""
            failed = isinstance(sqlite_result, tuple) and sqlite_result[0] == "condition failed"
            return failed or super().reference_may_reject(sqlite_result)

    run_state_machine_as_test(
        SqliteAndMoto,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
