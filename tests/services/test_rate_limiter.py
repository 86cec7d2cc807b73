"""The rate limiter: exact in one process, within a bound in several, at less than 0.2 write units per request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.support.metering import metered
from tests.support.world import World

from imchat.api.dispatch import HttpRequest, dispatch
from imchat.domain.ids import UserId
from imchat.domain.limits import RATE_S
from imchat.errors import RateLimited
from imchat.services.rate_limiter import RateLimiter

ANN, BOB = UserId("u-ann"), UserId("u-bob")
MOST = 100


def count_accepted(world: World, functions: list[RateLimiter], tries: int, user_id: UserId = ANN) -> int:
    """Return how many of `tries` requests are accepted, sent to each limiter in turn."""
    count = 0
    for number in range(tries):
        try:
            functions[number % len(functions)].count(world.table, user_id, now_s=world.clock_ms // 1000)
        except RateLimited:
            continue
        count += 1
    return count


def test_one_process_accepts_exactly_the_limit_for_each_user(world: World) -> None:
    single = [RateLimiter(MOST)]
    assert (count_accepted(world, single, 3 * MOST), count_accepted(world, single, 7, BOB)) == (MOST, 7)


def test_a_user_can_continue_after_retry_after(world: World) -> None:
    single = [RateLimiter(MOST)]
    world.clock_ms += 13_000
    count_accepted(world, single, MOST)
    with pytest.raises(RateLimited) as caught:
        single[0].count(world.table, ANN, now_s=world.clock_ms // 1000)
    assert caught.value.details["retry_after_s"] == RATE_S - 13
    world.clock_ms += caught.value.details["retry_after_s"] * 1000
    assert count_accepted(world, single, 1) == 1


@pytest.mark.parametrize("functions", [2, 5, 20])
def test_several_processes_accept_no_more_than_the_stated_bound(world: World, functions: int) -> None:
    tries = 3 * MOST * functions if functions < 10 else 16 * 3 * functions
    accepted = count_accepted(world, [RateLimiter(MOST) for _ in range(functions)], tries)
    assert MOST - 15 * functions <= accepted <= MOST + 15 * (functions + 1)


def test_a_request_costs_less_than_a_fifth_of_a_write_unit_and_no_read(sqlite_world: World) -> None:
    app, count, _ = metered(sqlite_world.app)
    rates = RateLimiter(10_000)
    for number in range(1, 1_001):
        rates.count(app.table, ANN, now_s=0)
        assert count.write_units < number / 5
    assert count.read_units == 0


def test_a_rate_limit_error_has_retry_after_and_reads_are_not_counted(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann")
    app = replace(world.app, rate_limiter=RateLimiter(2))

    def call(method: str, path: str) -> tuple[int, Mapping[str, str]]:
        response = dispatch(app, HttpRequest(method, "/api" + path, {}, b"", ANN, "r"))
        return response.status, response.headers

    responses = [call("POST", "/realtime/tickets") for _ in range(3)]
    assert [status for status, _ in responses] == [201, 201, 429]
    assert 1 <= int(responses[2][1]["retry-after"]) <= RATE_S
    assert call("GET", "/conversations")[0] == 200


def test_a_rate_limited_user_can_still_sign_out_and_block(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob")
    app = replace(world.app, rate_limiter=RateLimiter(1))

    def call(method: str, path: str) -> int:
        return dispatch(app, HttpRequest(method, "/api" + path, {}, b"", ANN, "r")).status

    assert [call("POST", "/realtime/tickets") for _ in range(2)] == [201, 429]
    assert [call("PUT", f"/blocks/{BOB}"), call("POST", "/me/sign-out")] == [200, 200]
    assert call("DELETE", f"/blocks/{BOB}") == 429, "unblocking may wait"
