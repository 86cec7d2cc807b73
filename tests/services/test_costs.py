"""What operations cost: the committed table, its bounds, and that the counting itself is right."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from moto import mock_aws
from tests.support.dynamo import client_at, new_dynamo_table
from tests.support.metering import counted
from tests.support.world import World, new_world
from tools import cost_report

from imchat.storage.table import Absent, ConditionFailed, Key, KeyRange, Put, Update

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def page() -> str:
    return cost_report.generate()


def row(page: str, name: str) -> list[float]:
    [line] = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    return [float(cell.replace(",", "")) for cell in line.strip("| ").split(" | ")[1:]]


def test_the_committed_table_is_what_was_counted(page: str) -> None:
    assert (ROOT / cost_report.PATH).read_text(encoding="utf-8") == page, "run `make generate`"


def test_a_message_between_two_keeps_to_its_bounds(page: str) -> None:
    calls, steps, read_units, write_units, posts, queue_calls = row(page, "send to 2 members")
    assert calls <= 6
    assert steps <= 3
    assert (read_units, write_units) <= (3, 2)
    assert (posts, queue_calls) == (1, 0), "the other's connection; the sender named their own"


def test_a_message_costs_its_sender_the_same_in_every_crowd(page: str) -> None:
    assert row(page, "send to 1,000 members") == row(page, "send to 10,000 members")
    calls, steps, read_units, write_units, _, queue_calls = row(page, "send to 10,000 members")
    assert (calls, steps, queue_calls) == (4, 4, 1)
    assert (read_units, write_units) == (7, 2)


def test_bringing_it_to_n_members_takes_n_hundredths_of_batch_reads_and_a_unit_each(page: str) -> None:
    calls, _, read_units, write_units, posts, _ = row(page, "… later, to 10,000")
    assert posts == 10_000
    assert calls <= 10_000 / 100 + 60
    assert read_units <= 10_000 * 1.05
    assert write_units == 2


def test_units_are_counted_as_dynamodb_counts_them() -> None:
    with new_world() as world:
        app, count, _ = counted(world.app)
        key = Key("p", "s")
        app.table.write(Put(key, {"text": "x" * 1_100}, Absent()))
        assert count.write_units == 2, "1.1 KB"
        app.table.write(Update(key, set={"text": "x"}))
        assert count.write_units == 4, "of the larger of before and after"
        with pytest.raises(ConditionFailed):
            app.table.write(Put(key, {"text": "x"}, Absent()))
        assert count.write_units == 5, "a refused one costs as well"
        app.table.write(Put(Key("p", "a"), {}), Put(Key("p", "b"), {}))
        assert count.write_units == 9, "twice in a transaction"
        assert (count.calls, count.steps) == (4, 4)
        app.table.write(Put(key, {"text": "x" * 5_000}))
        app.table.get(key)
        assert count.read_units == 2, "5 KB"
        app.table.get(key, consistent=False)
        assert count.read_units == 3, "half of it"
        app.table.get_many([key, Key("p", "nothing")])
        assert count.read_units == 6, "one for what is not there"
        app.table.query(KeyRange("p"))
        assert count.read_units == 8, "the sum, rounded once"


def test_calls_are_counted_as_the_client_makes_them() -> None:
    """The same sends on DynamoDB's own protocol: the client's calls are those that were counted."""
    with mock_aws():
        client = client_at(None)
        made: Counter[str] = Counter()
        world = World(new_dynamo_table(client))
        ann, where = cost_report.create_room(world, 10)
        client.meta.events.register("before-call.dynamodb", lambda model, **_: made.update([model.name]))
        cost_report.send(world.app, ann, where, "plain", after_seq=2)
        assert made == {"Query": 1, "PutItem": 1, "UpdateItem": 1, "BatchGetItem": 1}
        with new_world() as other:
            ann, where = cost_report.create_room(other, 10)
            app, count, _ = counted(other.app)
            cost_report.send(app, ann, where, "plain", after_seq=2)
            assert count.calls == sum(made.values())
