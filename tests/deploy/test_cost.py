"""The estimate: every meter is there, the prices are dated, and what it takes for granted is what the code does."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.metering import counted
from tests.support.world import new_world
from tests.templates import loading

from imchat.deploy.operate import cost
from imchat.deploy.operate.cost import Estimate, Row, Usage, estimate
from imchat.domain import limits
from imchat.domain.ids import ConnectionId, SignInId
from imchat.errors import ConfigError
from imchat.services import delivery, realtime

ROOT: Final = Path(__file__).resolve().parents[2]
TEAM: Final = Usage()


def row(made: Estimate, service: str, what: str) -> Row:
    [found] = [row for row in made.rows if (row.service, row.what) == (service, what)]
    return found


def dollars(meters: cost.Meters, *services: str) -> float:
    """What these meters cost a million times over, at list price."""
    prices: dict[str, dict[str, Any]] = json.loads(
        Path(cost.__file__).with_name("prices.json").read_text("utf-8")
    )[cost.PRICED]["meters"]
    return sum(
        count * 1_000_000 * float(prices[name]["price"]) / int(prices[name]["per"])
        for name, count in meters.items()
        if name in prices and prices[name]["service"] in services
    )


def test_a_million_messages_cost_at_most_four_dollars_beside_the_functions_running_time() -> None:
    """And the time, at the memory of the templates, takes them less than a twentieth above that."""
    meters = cost.message(TEAM)
    timeless = {name: count for name, count in meters.items() if name != "gb_seconds"}
    services = ("API Gateway", "Lambda", "DynamoDB", "SQS")
    assert meters["socket_messages"] == 1, "the other's device; the sender has it from the answer"
    assert dollars(timeless, *services) <= 4
    assert dollars(meters, *services) < 4.2


def test_a_message_is_metered_as_the_data_model_says() -> None:
    metered = cost.message(TEAM)
    assert (metered["http_requests"], metered["write_units"], metered["read_units"]) == (1, 2, 3)
    said = (ROOT / "docs" / "data-model.md").read_text("utf-8")
    assert "a message between two people is 4 calls in 3 steps, 2 write units and 3 read units" in said


def test_the_prices_of_a_message_and_of_a_team_are_those_on_the_page() -> None:
    said = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    services = ("API Gateway", "Lambda", "DynamoDB", "SQS")
    timeless = {name: count for name, count in cost.message(TEAM).items() if name != "gb_seconds"}
    lean = dollars(timeless, *services)
    assert f"| together | {dollars(cost.message(TEAM), *services):.2f} |" in said
    assert f"| together, without the running time, which is assumed | {lean:.2f} |" in said
    team, nobody = estimate(TEAM), estimate(replace(TEAM, users=0))
    assert f"${team.total:.0f} at list price, of which ${team.total_after_free:.0f} are beyond" in said
    assert f"${nobody.total:.2f} at list price, ${nobody.total_after_free:.2f} beyond what is free" in said


def test_a_longer_message_takes_more_write_units() -> None:
    assert cost.message(replace(TEAM, body_bytes=8_000))["write_units"] == 10


def test_a_larger_group_costs_a_push_and_a_read_for_each_member_and_nothing_more() -> None:
    two, ten = (cost.message(replace(TEAM, group_size=size)) for size in (2, 10))
    assert {name for name in ten if ten[name] != two[name]} == {"read_units", "socket_messages", "edge_bytes"}
    assert (ten["read_units"] - two["read_units"], ten["socket_messages"]) == (8, 9)


def test_many_pushes_go_by_the_queue_and_signals_are_not_told_there() -> None:
    crowd = replace(TEAM, group_size=500)
    assert cost.message(crowd)["queue_requests"] > 0
    assert cost.message(TEAM)["queue_requests"] == 0
    assert cost.reading(crowd)["socket_messages"] == 0
    assert cost.typing(crowd)["socket_messages"] == 1


def test_who_is_never_online_gets_no_push() -> None:
    alone = estimate(replace(TEAM, hours_online=0))
    assert row(alone, "API Gateway", "WebSocket messages").quantity == 0
    assert row(alone, "API Gateway", "WebSocket connection minutes").quantity == 0
    assert row(alone, "API Gateway", "HTTP requests").quantity > 0


def test_every_meter_is_a_row_with_a_unit_a_price_and_its_source() -> None:
    made = estimate(TEAM)
    assert {row.service for row in made.rows} == {
        *("API Gateway", "Lambda", "DynamoDB", "SQS"),
        *("CloudFront", "S3", "Cognito", "CloudWatch"),
    }
    for one in made.rows:
        assert one.quantity > 0, one
        assert one.price > 0
        assert one.source.startswith("https://aws.amazon.com/")
    assert made.total == pytest.approx(sum(one.quantity * one.price for one in made.rows))


def test_prices_are_dated() -> None:
    made = estimate(TEAM)
    assert dt.date.fromisoformat(made.as_of) >= dt.date(2026, 1, 1)
    assert made.source


def test_a_region_without_prices_is_told_by_those_of_another() -> None:
    assert cost.regions() == ["us-east-1"]
    assert estimate(TEAM, region="eu-central-1").prices_of == "us-east-1"


def test_what_is_free_is_counted_apart() -> None:
    made = estimate(TEAM)
    users = row(made, "Cognito", "monthly active users (Essentials)")
    assert users.cost == pytest.approx(1.5)
    assert users.cost_after_free == 0
    assert 0 < made.total_after_free < made.total
    many = row(estimate(replace(TEAM, users=10_100)), "Cognito", "monthly active users (Essentials)")
    assert many.cost_after_free == pytest.approx(1.5)


def test_twice_the_people_cost_twice_the_requests() -> None:
    one, two = estimate(TEAM), estimate(replace(TEAM, users=TEAM.users * 2))
    for service, what in (("API Gateway", "HTTP requests"), ("DynamoDB", "write request units")):
        assert row(two, service, what).cost == pytest.approx(2 * row(one, service, what).cost)


@pytest.mark.parametrize("wrong", [{"users": -1}, {"group_size": 1}, {"hours_online": 25}, {"body_bytes": 0}])
def test_numbers_that_cannot_be_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} is from"):
        estimate(replace(TEAM, **wrong))


def test_what_is_taken_for_granted_is_what_the_code_does() -> None:
    assert cost.DIRECT_POSTS == delivery.DIRECT_POSTS
    assert cost.SIGNAL_MEMBERS == limits.SIGNAL_MEMBERS
    client = (ROOT / "frontend" / "src" / "core" / "sync" / "realtime.ts").read_text("utf-8")
    [minutes] = re.findall(r"PING_MS = (\d+) \* 60_000", client)
    assert 60 / int(minutes) == cost.PINGS_AN_HOUR


def test_a_connection_takes_the_units_that_it_is_metered_with() -> None:
    with new_world() as world:
        ann, connection, sign_in = world.person("ann"), ConnectionId("c1"), SignInId("s1")
        app, count, _ = counted(world.app)
        secret, _ = realtime.issue_ticket(app, ann, sign_in)
        realtime.redeem_ticket(app, secret)
        realtime.connect(app, ann, connection, sign_in)
        realtime.disconnect(app, ann, connection)
    hours = cost.CONNECTION_HOURS
    one, two = (cost.day(replace(TEAM, hours_online=hours * times)) for times in (1, 2))
    metered = (two["read_units"] - one["read_units"], two["write_units"] - one["write_units"])
    assert metered == (count.read_units, count.write_units)


def test_alarms_and_memory_are_those_of_the_templates() -> None:
    template = loading.load("app")
    alarms = loading.of_type(template, "AWS::CloudWatch::Alarm").values()
    metrics = [max(1, sum("MetricStat" in metric for metric in alarm.get("Metrics", []))) for alarm in alarms]
    assert sum(metrics) == cost.ALARM_METRICS
    assert template["Parameters"]["MemoryMb"]["Default"] == cost.MEMORY_MB
