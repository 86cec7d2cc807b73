"""The costs of operations: the committed table is current, stays within limits, and counts correctly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from moto import mock_aws
from tests.support.dynamo import client_at, new_dynamo_table
from tests.support.metering import metered
from tests.support.problems import check_generated
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


def test_the_committed_cost_table_is_current(page: str) -> None:
    check_generated(cost_report.PATH, page)


def test_a_direct_message_stays_within_its_cost_limits(page: str) -> None:
    calls, steps, read_units, write_units, posts, queue_calls = row(page, "send to 2 members")
    assert calls <= 6
    assert steps <= 3
    assert (read_units, write_units) <= (3, 2)
    assert (posts, queue_calls) == (1, 0), "only the other user's connection: the sender named their own"


def test_a_send_costs_the_same_in_every_large_group(page: str) -> None:
    assert row(page, "send to 1,000 members") == row(page, "send to 10,000 members")
    calls, steps, read_units, write_units, _, queue_calls = row(page, "send to 10,000 members")
    assert (calls, steps, queue_calls) == (4, 4, 1)
    assert (read_units, write_units) == (7, 2)


def test_delivery_to_n_members_takes_n_hundredths_of_batch_reads_and_one_unit_each(page: str) -> None:
    calls, _, read_units, write_units, posts, _ = row(page, "… later, to 10,000")
    assert posts == 10_000
    assert calls <= 10_000 / 100 + 60
    assert read_units <= 10_000 * 1.05
    assert write_units == 2


def test_units_are_counted_as_dynamodb_counts_them() -> None:
    with new_world() as world:
        app, count, _ = metered(world.app)
        key = Key("p", "s")
        app.table.write(Put(key, {"text": "x" * 1_100}, Absent()))
        assert count.write_units == 2, "1.1 KB"
        app.table.write(Update(key, set={"text": "x"}))
        assert count.write_units == 4, "1.1 KB: the larger of the sizes before and after"
        with pytest.raises(ConditionFailed):
            app.table.write(Put(key, {"text": "x"}, Absent()))
        assert count.write_units == 5, "a refused write costs as well"
        app.table.write(Put(Key("p", "a"), {}), Put(Key("p", "b"), {}))
        assert count.write_units == 9, "a transaction costs double"
        assert (count.calls, count.steps) == (4, 4)
        app.table.write(Put(key, {"text": "x" * 5_000}))
        app.table.get(key)
        assert count.read_units == 2, "5 KB"
        app.table.get(key, consistent=False)
        assert count.read_units == 3, "5 KB, eventually consistent: half"
        app.table.get_many([key, Key("p", "nothing")])
        assert count.read_units == 6, "one unit for the missing item"
        app.table.query(KeyRange("p"))
        assert count.read_units == 8, "the sum is rounded once"


def test_calls_are_counted_as_the_client_makes_them() -> None:
    """For the same sends, the calls of the DynamoDB client are those that were counted."""
    with mock_aws():
        client = client_at(None)
        client_calls: Counter[str] = Counter()
        world = World(new_dynamo_table(client))
        ann, conversation_id = cost_report.create_room(world, 10)
        client.meta.events.register(
            "before-call.dynamodb", lambda model, **_: client_calls.update([model.name])
        )
        cost_report.send(world.app, ann, conversation_id, "plain", after_seq=2)
        assert client_calls == {"Query": 1, "PutItem": 1, "UpdateItem": 1, "BatchGetItem": 1}
        with new_world() as other:
            ann, conversation_id = cost_report.create_room(other, 10)
            app, count, _ = metered(other.app)
            cost_report.send(app, ann, conversation_id, "plain", after_seq=2)
            assert count.calls == sum(client_calls.values())
