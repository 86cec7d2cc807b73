"""All tables, side by side, under any sequence of operations: they answer alike, errors included."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from imchat.storage.sqlite.group_commit_table import BatchTable
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import (
    Absent,
    Check,
    ConditionFailed,
    Delete,
    Equals,
    Key,
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

# Few names, so that operations meet; among them neighbours in byte order and the names that trip stores.
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
MAYBE = st.none() | CONDITIONS


@st.composite
def updates(draw: st.DrawFn) -> Update:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    verbs = {name: draw(st.sampled_from(["set", "add", "remove"])) for name in names}
    return Update(
        draw(KEYS),
        set={name: draw(VALUES) for name in names if verbs[name] == "set"},
        add={name: draw(st.integers(-9, 9)) for name in names if verbs[name] == "add"},
        remove=[name for name in names if verbs[name] == "remove"],
        condition=draw(MAYBE),
    )


OPS = (
    st.builds(Put, KEYS, ITEMS, MAYBE)
    | updates()
    | st.builds(Delete, KEYS, MAYBE)
    | st.builds(Check, KEYS, CONDITIONS)
)
BOUNDS = st.none() | SORT_KEYS | st.sampled_from(["", "a#", "\U0010ffff"])


REFUSED = "refused"


class AllTables(RuleBasedStateMachine):
    """Drives the tables with the same calls; one of SQLite's now and then in a batch, which must change no answer."""

    def __init__(self, new_other: Callable[[], Table]) -> None:
        super().__init__()
        self.sqlite = SqliteTable.open(":memory:")
        self.batches = BatchTable.open(":memory:")
        self.other = new_other()
        self.in_batch = False

    def compare(self, call: Callable[[Table], Any]) -> Any:
        tables: list[Table] = [self.other, self.sqlite, self.batches]
        answers = [answer(partial(call, table)) for table in tables]
        expected, *others = [repr(normal(each)) for each in answers]
        if not (answers[0] == REFUSED and all(map(self.other_may_refuse, answers[1:]))):
            assert others == [expected] * 2
        return answers[0]

    def other_may_refuse(self, sqlite_answer: Any) -> bool:
        """Return whether the other table may refuse a call that SQLite answers in this way."""
        return bool(sqlite_answer == REFUSED)

    @rule(op=OPS)
    def write(self, op: Op) -> None:
        before = self.other.get(op.key)
        if self.compare(lambda table: table.write(op)) == REFUSED:
            self.undo(op.key, before)
        self.compare(lambda table: table.get(op.key))

    def undo(self, key: Key, before: Item | None) -> None:
        """What the other table needs after a write that it refused: nothing."""

    @rule(ops=st.lists(OPS, min_size=2, max_size=4, unique_by=lambda op: op.key))
    def transact(self, ops: list[Op]) -> None:
        self.compare(lambda table: table.write(*ops))
        self.compare(lambda table: table.get_many(op.key for op in ops))

    @rule(
        pk=PARTITIONS,
        low=BOUNDS,
        high=BOUNDS,
        after=BOUNDS,
        limit=st.none() | st.integers(1, 3),
        reverse=st.booleans(),
    )
    def query_range(self, pk: str, **bounds: Any) -> None:
        self.compare(lambda table: table.query(pk, **bounds))

    @rule(
        pk=PARTITIONS, prefix=BOUNDS, after=BOUNDS, limit=st.none() | st.integers(1, 3), reverse=st.booleans()
    )
    def query_prefix(self, pk: str, **bounds: Any) -> None:
        self.compare(lambda table: table.query(pk, **bounds))

    @precondition(lambda self: not self.in_batch)
    @rule()
    def begin(self) -> None:
        self.batches.begin()
        self.in_batch = True

    @precondition(lambda self: self.in_batch)
    @rule()
    def commit(self) -> None:
        self.batches.commit()
        self.in_batch = False

    def teardown(self) -> None:
        for pk in ("P", "P\0", "Q"):
            self.compare(lambda table, pk=pk: table.query(pk))  # type: ignore[misc]  # no type for a lambda's default
        self.sqlite.close()
        self.batches.close()


def answer(call: Callable[[], Any]) -> Any:
    """What came back, or the error, as one comparable value."""
    try:
        return call()
    except ConditionFailed as failure:
        return ("condition failed", failure.index, failure.item)
    except ValueError:
        return REFUSED


def normal(value: Any) -> Any:
    """The value with every dict in one order, for `repr`, which tells True from 1."""
    if isinstance(value, dict):
        return {
            "dict": sorted(((key, normal(each)) for key, each in value.items()), key=lambda pair: pair[0])
        }
    if isinstance(value, Row):
        return [value.sk, normal(value.item)]
    if isinstance(value, list | tuple):
        return [normal(each) for each in value]
    return value


def test_what_moto_is_mended_for(new_moto_table: Callable[[], DynamoTable]) -> None:
    table, key = new_moto_table(), Key("P", "a")
    table.write(Put(key, {"n": None}))
    assert answer(lambda: table.write(Update(key, set={"name": 1}, add={"n": 1}))) == REFUSED
    assert table.get(key) == {"n": None, "name": 1}, "moto is right now: SqliteAndMoto.undo can go"


def test_moto_refuses_a_transaction_for_an_invalid_update_after_a_failed_condition(
    new_moto_table: Callable[[], DynamoTable],
) -> None:
    """DynamoDB lists a reason for each op, and the first one decides: the failed condition."""
    table = new_moto_table()
    table.write(Put(Key("P", "a"), {"n": None}))
    ops = (Check(Key("P", "b"), Present()), Update(Key("P", "a"), add={"n": 1}))
    assert answer(lambda: table.write(*ops)) == REFUSED, (
        "moto is fixed: remove SqliteAndMoto.other_may_refuse"
    )


@pytest.mark.slow
def test_sqlite_and_dynamodb_answer_alike(new_moto_table: Callable[[], DynamoTable]) -> None:
    class SqliteAndMoto(AllTables):
        def __init__(self) -> None:
            super().__init__(new_moto_table)

        def undo(self, key: Key, before: Item | None) -> None:
            """moto keeps what an update has set before it meets what it refuses."""
            self.other.write(Delete(key) if before is None else Put(key, before))

        def other_may_refuse(self, sqlite_answer: Any) -> bool:
            """moto refuses a whole transaction for one invalid update, whatever condition failed before it."""
            failed = isinstance(sqlite_answer, tuple) and sqlite_answer[0] == "condition failed"
            return failed or super().other_may_refuse(sqlite_answer)

    run_state_machine_as_test(
        SqliteAndMoto,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
        ),
    )
