"""The cost estimate: complete rows, dated prices, and assumptions that match the code."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.metering import metered
from tests.support.world import new_world
from tests.templates import loading

from imchat.deploy.operate import cost
from imchat.deploy.operate.cost import CostRow, Estimate, Usage, estimate
from imchat.domain import limits
from imchat.domain.ids import ConnectionId, SignInId
from imchat.errors import ConfigError
from imchat.services import delivery, realtime

ROOT: Final = Path(__file__).resolve().parents[2]
TEAM: Final = Usage()


def row(result: Estimate, service: str, what: str) -> CostRow:
    [found] = [row for row in result.rows if (row.service, row.what) == (service, what)]
    return found


def dollars(meters: cost.Meters, *services: str) -> float:
    """Return the list price of a million times these quantities."""
    prices: dict[str, dict[str, Any]] = json.loads(
        Path(cost.__file__).with_name("prices.json").read_text("utf-8")
    )[cost.DEFAULT_PRICE_REGION]["meters"]
    return sum(
        count * 1_000_000 * float(prices[name]["price"]) / int(prices[name]["per"])
        for name, count in meters.items()
        if name in prices and prices[name]["service"] in services
    )


def test_a_million_messages_cost_at_most_four_dollars_without_function_duration() -> None:
    """With the duration, at the memory size of the templates, they cost less than 5% more."""
    meters = cost.per_message(TEAM)
    without_duration = {name: count for name, count in meters.items() if name != "gb_seconds"}
    services = ("API Gateway", "Lambda", "DynamoDB", "SQS")
    assert meters["socket_messages"] == 1, "to the other user; the sender gets it in the response"
    assert dollars(without_duration, *services) <= 4
    assert dollars(meters, *services) < 4.2


def test_the_quantities_of_a_message_match_the_data_model_page() -> None:
    quantities = cost.per_message(TEAM)
    assert (quantities["http_requests"], quantities["write_units"], quantities["read_units"]) == (1, 2, 3)
    page = (ROOT / "docs" / "data-model.md").read_text("utf-8")
    assert "a message between two people is 4 calls in 3 steps, 2 write units and 3 read units" in page


def test_the_prices_match_the_deploy_page() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    services = ("API Gateway", "Lambda", "DynamoDB", "SQS")
    without_duration = {name: count for name, count in cost.per_message(TEAM).items() if name != "gb_seconds"}
    price_without_duration = dollars(without_duration, *services)
    assert f"| together | {dollars(cost.per_message(TEAM), *services):.2f} |" in page
    assert f"| together, without the running time, which is assumed | {price_without_duration:.2f} |" in page
    team, no_users = estimate(TEAM), estimate(replace(TEAM, users=0))
    assert f"${team.total:.0f} at list price, of which ${team.total_after_free:.0f} are beyond" in page
    assert (
        f"${no_users.total:.2f} at list price, ${no_users.total_after_free:.2f} beyond what is free" in page
    )


def test_a_longer_message_uses_more_write_units() -> None:
    assert cost.per_message(replace(TEAM, body_bytes=8_000))["write_units"] == 10


def test_each_member_adds_only_one_push_and_one_read() -> None:
    two, ten = (cost.per_message(replace(TEAM, group_size=size)) for size in (2, 10))
    assert {name for name in ten if ten[name] != two[name]} == {"read_units", "socket_messages", "edge_bytes"}
    assert (ten["read_units"] - two["read_units"], ten["socket_messages"]) == (8, 9)


def test_large_rooms_use_the_queue_and_get_no_signals() -> None:
    large = replace(TEAM, group_size=500)
    assert cost.per_message(large)["queue_requests"] > 0
    assert cost.per_message(TEAM)["queue_requests"] == 0
    assert cost.per_read(large)["socket_messages"] == 0
    assert cost.per_typing_signal(large)["socket_messages"] == 1


def test_users_who_are_never_online_get_no_push() -> None:
    offline = estimate(replace(TEAM, hours_online=0))
    assert row(offline, "API Gateway", "WebSocket messages").quantity == 0
    assert row(offline, "API Gateway", "WebSocket connection minutes").quantity == 0
    assert row(offline, "API Gateway", "HTTP requests").quantity > 0


def test_every_charge_is_a_row_with_quantity_price_and_source() -> None:
    result = estimate(TEAM)
    assert {row.service for row in result.rows} == {
        *("API Gateway", "Lambda", "DynamoDB", "SQS"),
        *("CloudFront", "S3", "Cognito", "CloudWatch"),
    }
    for charge in result.rows:
        assert charge.quantity > 0, charge
        assert charge.price > 0
        assert charge.source.startswith("https://aws.amazon.com/")
    assert result.total == pytest.approx(sum(charge.quantity * charge.price for charge in result.rows))


def test_prices_are_dated() -> None:
    result = estimate(TEAM)
    assert dt.date.fromisoformat(result.as_of) >= dt.date(2026, 1, 1)
    assert result.source


def test_a_region_without_prices_uses_those_of_the_default_region() -> None:
    assert cost.regions() == ["us-east-1"]
    assert estimate(TEAM, region="eu-central-1").prices_of == "us-east-1"


def test_the_free_tier_is_subtracted() -> None:
    result = estimate(TEAM)
    users = row(result, "Cognito", "monthly active users (Essentials)")
    assert users.cost == pytest.approx(1.5)
    assert users.cost_after_free == 0
    assert 0 < result.total_after_free < result.total
    many = row(estimate(replace(TEAM, users=10_100)), "Cognito", "monthly active users (Essentials)")
    assert many.cost_after_free == pytest.approx(1.5)


def test_twice_the_users_cost_twice_the_requests() -> None:
    one, two = estimate(TEAM), estimate(replace(TEAM, users=TEAM.users * 2))
    for service, what in (("API Gateway", "HTTP requests"), ("DynamoDB", "write request units")):
        assert row(two, service, what).cost == pytest.approx(2 * row(one, service, what).cost)


@pytest.mark.parametrize("wrong", [{"users": -1}, {"group_size": 1}, {"hours_online": 25}, {"body_bytes": 0}])
def test_numbers_out_of_range_are_errors_that_name_the_field(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} must be between"):
        estimate(replace(TEAM, **wrong))


def test_assumptions_match_the_code() -> None:
    assert cost.DIRECT_POSTS == delivery.DIRECT_POSTS
    assert cost.SIGNAL_MEMBERS == limits.SIGNAL_MEMBERS
    client = (ROOT / "frontend" / "src" / "core" / "sync" / "realtime.ts").read_text("utf-8")
    [minutes] = re.findall(r"PING_MS = (\d+) \* 60_000", client)
    assert 60 / int(minutes) == cost.PINGS_PER_HOUR


def test_a_connection_uses_the_estimated_units() -> None:
    with new_world() as world:
        ann, connection, sign_in = world.person("ann"), ConnectionId("c1"), SignInId("s1")
        app, count, _ = metered(world.app)
        secret = realtime.issue_ticket(app, ann, sign_in).secret
        realtime.redeem_ticket(app, secret)
        realtime.connect(app, ann, connection, sign_in)
        realtime.disconnect(app, ann, connection)
    hours = cost.CONNECTION_HOURS
    one, two = (cost.per_user_day(replace(TEAM, hours_online=hours * times)) for times in (1, 2))
    quantities = (two["read_units"] - one["read_units"], two["write_units"] - one["write_units"])
    assert quantities == (count.read_units, count.write_units)


def test_alarms_and_memory_match_the_templates() -> None:
    template = loading.load("app")
    alarms = loading.of_type(template, "AWS::CloudWatch::Alarm").values()
    metrics = [max(1, sum("MetricStat" in metric for metric in alarm.get("Metrics", []))) for alarm in alarms]
    assert sum(metrics) == cost.ALARM_METRICS
    assert template["Parameters"]["MemoryMb"]["Default"] == cost.MEMORY_MB
