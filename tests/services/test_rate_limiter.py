"""The rate limiter: exact in one process, within a bound in several, at less than 0.2 write units per request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from tests.support.metering import metered
from tests.support.world import World

from imchat.api.dispatch import HttpRequest, dispatch
from imchat.api.responses import HttpResponse
from imchat.domain.ids import UserId
from imchat.domain.limits import RATE_S
from imchat.errors import RateLimited
from imchat.services import messages
from imchat.services.app import App
from imchat.services.rate_limiter import READ_UNIT_BYTES, RateLimiter, create_read_limiter

ANN, BOB = UserId("u-ann"), UserId("u-bob")
MOST = 100
MIB = 1024 * 1024


def count_accepted(
    world: World, functions: list[RateLimiter], tries: int, user_id: UserId = ANN, *, bytes_each: int = 0
) -> int:
    """Return how many of `tries` requests are accepted, sent to each limiter in turn."""
    count = 0
    for number in range(tries):
        try:
            functions[number % len(functions)].count(world.table, user_id, now_s=world.clock_ms // 1000)
            functions[number % len(functions)].add_response(user_id, bytes_each)
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


def test_a_rate_limit_error_has_retry_after_and_reads_are_not_counted_as_requests(
    sqlite_world: World,
) -> None:
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


def read_pages(app: App, reader: UserId, conversation_id: str, times: int) -> list[HttpResponse]:
    path = f"/api/conversations/{conversation_id}/events"
    request = HttpRequest("GET", path, {"limit": "200"}, b"", reader, "r")
    return [dispatch(app, request) for _ in range(times)]


def test_reads_are_counted_by_the_size_of_their_responses(sqlite_world: World) -> None:
    world, limit = sqlite_world, 1_000_000
    ann, bob = world.people("ann", "bob")
    large, small = world.direct(ann, bob), world.group(bob, ann)
    app = replace(world.app, rate_limiter=RateLimiter(MOST), read_limiter=create_read_limiter(limit))
    for number in range(20):
        messages.send(app, ann, large, client_message_id=f"m{number}", body="x" * 8_000)

    pages = read_pages(app, ann, large, 10)

    statuses = [page.status for page in pages]
    assert statuses == [200] * statuses.count(200) + [429] * statuses.count(429)
    read_bytes = sum(len(page.body) for page in pages if page.status == 200)
    assert limit <= read_bytes + 10 * READ_UNIT_BYTES
    assert read_bytes <= limit + len(pages[0].body), "one page more than the limit at most"
    assert 1 <= int(pages[-1].headers["retry-after"]) <= RATE_S
    assert [page.status for page in read_pages(app, bob, small, 100)] == [200] * 100


def test_sending_is_possible_after_too_many_reads_and_reading_after_too_many_sends(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    app = replace(
        world.app, rate_limiter=RateLimiter(2), read_limiter=create_read_limiter(2 * READ_UNIT_BYTES)
    )

    def send() -> int:
        return dispatch(app, HttpRequest("POST", "/api/realtime/tickets", {}, b"", ann, "r")).status

    reads = [page.status for page in read_pages(app, ann, conversation_id, 3)]
    assert reads == [200, 200, 429], "small pages are counted as well"
    assert [send() for _ in range(3)] == [201, 201, 429]
    world.clock_ms += RATE_S * 1000
    assert [send() for _ in range(3)] == [201, 201, 429]
    assert read_pages(app, ann, conversation_id, 1)[0].status == 200


def test_processes_share_the_count_of_reads(world: World) -> None:
    """Each of them is far below the limit, all of them together are above it."""
    limiters = [create_read_limiter(100 * MIB) for _ in range(10)]
    accepted = count_accepted(world, limiters, 100, bytes_each=4 * MIB)
    assert 25 <= accepted <= 25 + 2 * len(limiters)


def test_counting_reads_takes_two_write_units_for_4_mb_and_no_read(sqlite_world: World) -> None:
    app, count, _ = metered(sqlite_world.app)
    limiter = create_read_limiter(1024 * MIB)
    for number in range(1, 401):
        limiter.count(app.table, ANN, now_s=0)
        limiter.add_response(ANN, 100_000)
        assert count.write_units <= 2 * number * (100_000 + READ_UNIT_BYTES) / (4 * MIB)
    assert count.read_units == 0


def test_a_rate_limited_user_can_still_sign_out_and_block(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob")
    app = replace(world.app, rate_limiter=RateLimiter(1))

    def call(method: str, path: str) -> int:
        return dispatch(app, HttpRequest(method, "/api" + path, {}, b"", ANN, "r")).status

    assert [call("POST", "/realtime/tickets") for _ in range(2)] == [201, 429]
    assert [call("PUT", f"/blocks/{BOB}"), call("POST", "/me/sign-out")] == [200, 200]
    assert call("DELETE", f"/blocks/{BOB}") == 429, "unblocking may wait"
