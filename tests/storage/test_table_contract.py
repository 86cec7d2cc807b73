"""The contract of `Table`, tested on every implementation (listed in `conftest.py`)."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest

from imchat.errors import TooLarge
from imchat.storage.table import (
    MAX_ITEM_BYTES,
    MAX_OPS,
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
    from imchat.storage.table import Condition, Item, Op, Table

A, B, C = Key("P", "a"), Key("P", "b"), Key("Q", "c")


def condition_failure(table: Table, *ops: Op) -> ConditionFailed:
    with pytest.raises(ConditionFailed) as failure:
        table.write(*ops)
    return failure.value


def nested(depth: int) -> Any:
    value: Any = "leaf"
    for level in range(depth):
        value = [value] if level % 2 else {"deeper": value}
    return value


@pytest.mark.parametrize(
    ("store", "variable"),
    [("DynamoDB Local", "IMCHAT_DYNAMODB_LOCAL"), ("emulator", "IMCHAT_DYNAMODB_EMULATOR")],
)
def test_a_store_named_by_the_environment_is_tested(stores: list[str], store: str, variable: str) -> None:
    if not os.environ.get(variable):
        pytest.skip(f"NOT TESTED on {store}: {variable} is not set (see tests/storage/conftest.py)")
    assert store in stores


# -- items and keys --


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"text": "", "zero": 0, "none": None, "yes": True, "no": False, "list": [], "map": {}},
        {"large": 10**38 - 1, "small": -(10**38 - 1), "hundred": 100, "negative": -1},
        {"mixed": [1, "1", True, None, {"deep": [[], {}]}]},
        {"L0SM9cOFvHcCIhw=": 1, "#pk": 2, ":c": 3, "name": 4, "a.b[0]": 5, "ключ": 6, "PK": 7, " ": 8},
        {"text": "\0 \x01 \x7f \r\n \u2028 \ufffe \uffff \U0001f600 \U0010ffff e\u0301 é"},
        {"deepest": nested(31)},
    ],
    ids=["empty", "plain", "integers", "mixed", "names", "characters", "nesting"],
)
def test_an_item_is_returned_as_it_was_put(table: Table, item: Item) -> None:
    table.write(Put(A, item))

    found = table.get(A)

    assert found == item
    assert table.query(KeyRange("P")) == [Row("a", item)]
    assert table.get_many([A]) == {A: item}


def test_true_and_1_are_different_values(table: Table) -> None:
    table.write(Put(A, {"yes": True, "one": 1, "list": [True, 1, False, 0]}))

    found = table.get(A)

    assert found is not None
    assert found["yes"] is True
    assert type(found["one"]) is int
    assert [type(value) for value in found["list"]] == [bool, int, bool, int]


@pytest.mark.parametrize("text", ["\0", "a\0b", "\U0010ffff", "é", "e\u0301", " ", "%_", "CONV#1\x1f", "'\""])
def test_keys_are_stored_byte_for_byte(table: Table, text: str) -> None:
    key = Key(text, text)
    table.write(Put(key, {"id": text}))

    assert table.get(key) == {"id": text}
    assert table.query(KeyRange(text)) == [Row(text, {"id": text})]
    assert table.get(Key(text + "\0", text)) is None
    assert table.get_many([key, Key(text, text + "\0")]) == {key: {"id": text}}


def test_keys_of_maximum_length_are_stored(table: Table) -> None:
    key = Key("p" * 2048, "é" * 512)
    table.write(Put(key, {"n": 1}))

    assert table.get(key) == {"n": 1}


def test_a_missing_item_is_none(table: Table) -> None:
    assert table.get(A) is None
    assert table.get(A, consistent=False) is None
    assert table.get_many([A, B]) == {}
    assert table.get_many([]) == {}
    assert table.query(KeyRange("P")) == []


def test_a_table_never_changes_an_item_it_received_or_returned(table: Table) -> None:
    given: Item = {"n": 1, "map": {"n": 1}}
    table.write(Put(A, given))
    found, [row] = table.get(A), table.query(KeyRange("P"))
    table.write(Update(A, set={"map": {"n": 2}}, add={"n": 1}))
    table.write(Update(A, remove=["map"]))

    assert given == found == row.item == {"n": 1, "map": {"n": 1}}
    assert table.get(A) == {"n": 2}


def test_get_many_accepts_any_number_of_keys_and_duplicates(table: Table) -> None:
    keys = [Key("P", f"{number:03}") for number in range(230)]
    for start in range(0, len(keys), MAX_OPS):
        table.write(*(Put(key, {"id": key.sk}) for key in keys[start : start + MAX_OPS]))

    found = table.get_many([*keys, *keys, C])

    assert found == {key: {"id": key.sk} for key in keys}


# -- queries --

SORT_KEYS = sorted(
    ["a", "a\0", "a1", "ab", "b", "b#1", "b#2", "b#\U0010ffff", "b$", "é", "\ue000", "\U0001f600"]
)


@pytest.fixture
def filled(table: Table) -> Table:
    table.write(*(Put(Key("P", sk), {"id": sk}) for sk in reversed(SORT_KEYS)), Put(Key("O", "a"), {}))
    table.write(Put(Key("P\0", "a"), {}))
    return table


def sort_keys(rows: list[Row]) -> list[str]:
    assert all(row.item == {"id": row.sk} for row in rows)
    return [row.sk for row in rows]


def test_query_results_are_ordered_by_utf_8_bytes(filled: Table) -> None:
    assert sorted(SORT_KEYS, key=str.encode) == SORT_KEYS
    assert sort_keys(filled.query(KeyRange("P"))) == SORT_KEYS
    assert sort_keys(filled.query(KeyRange("P"), reverse=True)) == SORT_KEYS[::-1]
    assert sort_keys(filled.query(KeyRange("P"), consistent=False)) == SORT_KEYS


@pytest.mark.parametrize(
    "prefix", ["", "a", "b#", "b", "é", "\ue000", "\U0001f600", "b#\U0010ffff", "z", "\ud7ff"]
)
def test_a_prefix_selects_the_sort_keys_that_start_with_it(filled: Table, prefix: str) -> None:
    expected = [sk for sk in SORT_KEYS if sk.startswith(prefix)]

    assert sort_keys(filled.query(KeyRange("P", prefix=prefix))) == expected
    assert sort_keys(filled.query(KeyRange("P", prefix=prefix), reverse=True)) == expected[::-1]


def test_a_prefix_of_the_last_character_selects_up_to_the_end(table: Table) -> None:
    last = "\U0010ffff"
    table.write(*(Put(Key("P", sk), {"id": sk}) for sk in ("a", last, last * 2, last + "a")))

    assert sort_keys(table.query(KeyRange("P", prefix=last))) == [last, last + "a", last * 2]


BOUNDS: list[Any] = [None, "", "a", "a\0", "aa", "b", "b#1", "b#9", "é", "\U0001f600", "\U0010ffff"]


def test_low_and_high_are_inclusive(filled: Table) -> None:
    for low, high in itertools.product(BOUNDS, BOUNDS):
        expected = [sk for sk in SORT_KEYS if (low is None or sk >= low) and (high is None or sk <= high)]

        assert sort_keys(filled.query(KeyRange("P", low=low, high=high))) == expected
        assert (
            sort_keys(filled.query(KeyRange("P", low=low, high=high), reverse=True, limit=2))
            == expected[::-1][:2]
        )


@pytest.mark.parametrize(
    "bounds",
    [{}, {"prefix": "b"}, {"prefix": "b#"}, {"low": "a1", "high": "b#2"}, {"low": "b"}, {"high": "b"}],
)
def test_after_resumes_after_a_row(filled: Table, bounds: dict[str, Any]) -> None:
    within = sort_keys(filled.query(KeyRange("P", **bounds)))
    for after in BOUNDS[1:]:
        ascending = filled.query(KeyRange("P", after=after, **bounds))
        descending = filled.query(KeyRange("P", after=after, **bounds), reverse=True)

        assert sort_keys(ascending) == [sk for sk in within if sk > after]
        assert sort_keys(descending) == [sk for sk in reversed(within) if sk < after]


def test_pages_together_contain_all_rows(filled: Table) -> None:
    for reverse in (False, True):
        seen: list[str] = []
        while page := filled.query(KeyRange("P", after=seen[-1] if seen else None), limit=5, reverse=reverse):
            assert len(page) <= 5
            seen += sort_keys(page)
        assert seen == (SORT_KEYS[::-1] if reverse else SORT_KEYS)


def test_a_query_reads_all_pages_of_the_store(table: Table) -> None:
    keys = [Key("P", f"{number:02}") for number in range(12)]
    for key in keys:  # 3.6 MB: DynamoDB returns 1 MB per page
        table.write(Put(key, {"fill": "x" * 300_000}))

    assert [row.sk for row in table.query(KeyRange("P"))] == [key.sk for key in keys]
    assert [row.sk for row in table.query(KeyRange("P"), limit=7, reverse=True)] == [
        key.sk for key in keys[:4:-1]
    ]
    assert len(table.get_many(keys)) == len(keys)


# -- writes --


def test_put_replaces_the_whole_item(table: Table) -> None:
    table.write(Put(A, {"old": 1, "both": 1}))
    table.write(Put(A, {"both": 2}))

    assert table.get(A) == {"both": 2}


def test_update_sets_adds_and_removes(table: Table) -> None:
    table.write(Put(A, {"kept": 1, "changed": "old", "count": 5, "gone": 1, "list": [1]}))
    table.write(
        Update(
            A,
            set={"changed": {"new": [None]}, "fresh": True, "L0SM9cOFvHcCIhw=": 3},
            add={"count": -7, "counted": 2},
            remove=["gone", "never"],
        )
    )

    expected = {"kept": 1, "changed": {"new": [None]}, "count": -2, "list": [1], "fresh": True, "counted": 2}
    assert table.get(A) == {**expected, "L0SM9cOFvHcCIhw=": 3}


def test_an_update_creates_a_missing_item(table: Table) -> None:
    table.write(Update(A, set={"x": 1}))
    table.write(Update(B, add={"n": 3}))

    assert table.get_many([A, B]) == {A: {"x": 1}, B: {"n": 3}}


def test_an_update_that_only_removes_creates_an_empty_item(table: Table) -> None:
    table.write(Update(A, remove=["x"]))
    table.write(Update(B, remove=["x"]), Put(C, {}))

    assert table.get_many([A, B, C]) == {A: {}, B: {}, C: {}}


def test_delete_removes_an_item_and_ignores_a_missing_one(table: Table) -> None:
    table.write(Put(A, {"x": 1}), Put(B, {"x": 2}))
    table.write(Delete(A))
    table.write(Delete(A))

    assert table.query(KeyRange("P")) == [Row("b", {"x": 2})]


def test_adding_to_a_non_integer_is_rejected(table: Table) -> None:
    item = {"text": "1", "yes": True, "none": None}
    table.write(Put(A, item))
    for name in item:
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
            table.write(Update(A, add={name: 1}))
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
            table.write(Put(B, {}), Update(A, add={name: 1}))

    assert table.query(KeyRange("P")) == [Row("a", item)]


# -- conditions --

ITEM: Item = {"text": "t", "n": 5, "one": 1, "yes": True, "none": None, "list": [1], "L0SM=": "id"}
TRUE_CONDITIONS: list[Condition] = [
    Present(),
    Equals("text", "t"),
    Equals("n", 5),
    Equals("yes", value=True),
    Equals("none", None),
    Equals("L0SM=", "id"),
    LessThan("n", 6),
]
FALSE_CONDITIONS: list[Condition] = [
    Absent(),
    Equals("text", "T"),
    Equals("text", None),
    Equals("n", "5"),
    Equals("one", value=True),
    Equals("yes", 1),
    Equals("yes", value=False),
    Equals("none", 0),
    Equals("none", ""),
    Equals("missing", None),
    Equals("list", 1),
    LessThan("n", 5),
    LessThan("text", 10),
    LessThan("yes", 10),
    LessThan("none", 10),
    LessThan("missing", 10),
]


def conditional_ops(condition: Condition) -> list[Op]:
    return [
        Put(A, {"put": 1}, condition),
        Update(A, set={"set": 1}, condition=condition),
        Delete(A, condition),
        Check(A, condition),
    ]


@pytest.mark.parametrize("condition", TRUE_CONDITIONS, ids=str)
def test_a_write_succeeds_if_its_condition_holds(table: Table, condition: Condition) -> None:
    for op in conditional_ops(condition):
        for more_ops in ([], [Put(B, {})]):
            table.write(Put(A, ITEM))
            table.write(op, *more_ops)
            assert (table.get(A) == ITEM) == isinstance(op, Check)


@pytest.mark.parametrize("condition", FALSE_CONDITIONS, ids=str)
def test_a_failed_condition_changes_nothing_and_returns_the_item(table: Table, condition: Condition) -> None:
    table.write(Put(A, ITEM))
    for op in conditional_ops(condition):
        single = condition_failure(table, op)
        transaction = condition_failure(table, Put(B, {}), op, Put(C, {}))

        assert (single.index, single.item) == (0, ITEM)
        assert (transaction.index, transaction.item) == (1, ITEM)
    assert table.get_many([A, B, C]) == {A: ITEM}


@pytest.mark.parametrize(
    "condition", [Present(), Equals("x", 1), Equals("x", None), LessThan("x", 1)], ids=str
)
def test_only_absent_holds_for_a_missing_item(table: Table, condition: Condition) -> None:
    for op in conditional_ops(condition):
        single = condition_failure(table, op)
        transaction = condition_failure(table, op, Put(B, {}))

        assert (single.index, single.item) == (transaction.index, transaction.item) == (0, None)
    assert table.query(KeyRange("P")) == []
    table.write(Check(A, Absent()))
    table.write(Put(A, {}, Absent()), Delete(B, Absent()), Update(C, set={"x": 1}, condition=Absent()))
    assert table.get_many([A, B, C]) == {A: {}, C: {"x": 1}}


def test_an_item_without_attributes_is_present(table: Table) -> None:
    table.write(Put(A, {}))

    failure = condition_failure(table, Put(A, {"x": 1}, Absent()))

    assert failure.item == {}
    table.write(Check(A, Present()))


def test_the_first_of_several_failures_is_reported(table: Table) -> None:
    table.write(Put(B, {"x": 1}))

    failure = condition_failure(table, Put(A, {}), Put(B, {}, Absent()), Check(C, Present()))

    assert (failure.index, failure.item) == (1, {"x": 1})
    assert table.get_many([A, B, C]) == {B: {"x": 1}}


def test_conditions_are_checked_before_any_op_of_the_write(table: Table) -> None:
    table.write(*(Put(Key("P", f"{number:03}"), {"n": number}, Absent()) for number in range(MAX_OPS)))

    assert len(table.query(KeyRange("P"))) == MAX_OPS


# -- rejected calls --


@pytest.mark.parametrize(
    "key",
    [
        Key("", "s"),
        Key("p", ""),
        Key("p" * 2049, "s"),
        Key("p", "s" * 1025),
        Key("p", "é" * 513),
        Key("\ud800", "s"),
    ],
    ids=["empty pk", "empty sk", "long pk", "long sk", "long in bytes", "lone surrogate"],
)
def test_an_invalid_key_is_rejected(table: Table, key: Key) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
        table.get(key)
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
        table.get_many([A, key])
    for op in (Put(key, {}), Update(key, set={"x": 1}), Delete(key), Check(key, Absent())):
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
            table.write(Put(A, {}), op)
    assert table.get(A) is None


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        b"bytes",
        {1, 2},
        (1, 2),
        object(),
        {1: "x"},
        {"": 1},
        "\ud800",
        ["\udfff"],
        10**38,
        nested(33),
    ],
    ids=lambda value: repr(value)[:12].encode("ascii", "replace").decode(),
)
def test_an_invalid_value_is_rejected(table: Table, value: Any) -> None:
    for op in (
        Put(A, {"x": value}),
        Put(A, {"x": {"deeper": [value]}}),
        Update(A, set={"x": value}),
        Put(A, {}, Equals("x", value)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
            table.write(op)
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
            table.write(Put(B, {}), op)
    assert table.query(KeyRange("P")) == []


@pytest.mark.parametrize(
    "ops",
    [
        (),
        (Put(A, {}), Delete(A)),
        (Check(A, Absent()), Put(A, {})),
        tuple(Put(Key("P", f"{number}"), {}) for number in range(MAX_OPS + 1)),
        (Update(A),),
        (Update(A, set={"x": 1}, add={"x": 1}),),
        (Update(A, set={"x": 1}, remove=["x"]),),
        (Update(A, remove=["x", "x"]),),
        (Update(A, add={"x": True}),),
        (Update(A, add={"x": 10**38}),),
        (Update(A, set={"": 1}),),
        (Update(A, remove=[""]),),
        (Update(A, set={"pk": "x"}),),
        (Update(A, remove=["sk"]),),
        (Put(A, {"pk": "P"}),),
        (Put(A, {"": 1}),),
        (Put(A, {}, Equals("", 1)),),
        (Put(A, {}, Equals("sk", "a")),),
        (Put(A, {}, LessThan("x", value=True)),),
    ],
    ids=str,
)
def test_an_invalid_write_is_rejected(table: Table, ops: tuple[Op, ...]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
        table.write(*ops)
    assert table.query(KeyRange("P")) == []


@pytest.mark.parametrize(
    "key_range",
    [
        {"pk": ""},
        {"pk": "p" * 2049},
        {"pk": "\ud800"},
        {"prefix": "a", "low": "a"},
        {"prefix": "a", "high": "b"},
        {"after": "x" * 1025},
        {"low": "\ud800"},
    ],
    ids=str,
)
def test_an_invalid_key_range_is_rejected(table: Table, key_range: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
        table.query(KeyRange(**{"pk": "P", **key_range}))


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_rejected(table: Table, limit: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - messages differ between tables
        table.query(KeyRange("P"), limit=limit)


def test_an_item_above_the_limit_is_too_large(table: Table) -> None:
    fits = {"fill": "x" * (MAX_ITEM_BYTES - 10_000)}
    table.write(Put(A, fits))

    for op in (
        Put(A, {"fill": "x" * MAX_ITEM_BYTES}),
        Put(A, {"fill": "é" * (MAX_ITEM_BYTES // 2)}),
        Put(A, {"fill": "\U0001f600" * (MAX_ITEM_BYTES // 4)}),
        Update(A, set={"more": "x" * 20_000}),
        Update(A, set={"fill": "x" * MAX_ITEM_BYTES}),
    ):
        with pytest.raises(TooLarge) as raised:
            table.write(op)
        assert raised.value.details["limit"] == MAX_ITEM_BYTES
        with pytest.raises(TooLarge):
            table.write(Put(B, {}), op)

    assert table.get(A) == fits
    assert table.get(B) is None


def test_a_transaction_above_four_megabytes_is_too_large(table: Table) -> None:
    with pytest.raises(TooLarge):
        table.write(*(Put(Key("P", f"{number:02}"), {"fill": "x" * 400_000}) for number in range(11)))

    assert table.query(KeyRange("P")) == []
