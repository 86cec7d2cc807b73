"""Users take turns: no user's request waits for all the requests of another, and a long one costs its user the next turns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_server import run, running_server

from imchat.errors import Busy, RateLimited
from imchat.local.fair_queue import LONG_JOB_S, MAX_DEFICIT_S, MAX_WAITING, MAX_WAITING_PER_OWNER, FairQueue
from imchat.local.trusted_proxies import parse_proxy


def queue_of(*owners: Iterable[Hashable]) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for jobs in owners:
        for number, owner in enumerate(jobs):
            queue.add(f"{owner}{number}", owner)
    return queue


def run_batch(queue: FairQueue[str], took_s: float = 0.0, long_owner: str = "") -> list[str]:
    """Run a batch; the jobs of `long_owner` take `took_s`. Return the jobs in order."""
    done: list[str] = []
    queue.begin_batch()
    while (taken := queue.take(is_first=not done)) is not None:
        job, owner = taken
        done.append(job)
        if owner == long_owner:
            queue.add_deficit(owner, took_s)
    return done


def test_a_request_is_next_but_one_however_many_of_another_user_wait() -> None:
    queue = queue_of("a" * 100, "b", "c")
    assert run_batch(queue)[:4] == ["a0", "b0", "c0", "a1"]


def test_the_requests_of_one_user_run_in_order() -> None:
    assert run_batch(queue_of("aaa", "bb")) == ["a0", "b0", "a1", "b1", "a2"]


def test_a_user_who_returns_takes_the_last_turn_of_the_round() -> None:
    queue = queue_of("aaa", "b")
    assert queue.take(is_first=True) == ("a0", "a")
    assert queue.take(is_first=False) == ("b0", "b")
    queue.add("b1", "b")
    queue.add("c0", "c")
    assert run_batch(queue) == ["a1", "b1", "c0", "a2"]


def test_a_long_request_ends_the_batch_of_a_user_who_is_alone() -> None:
    queue = queue_of("aaa")
    assert [run_batch(queue, 5 * LONG_JOB_S, "a") for _ in range(4)] == [["a0"], ["a1"], ["a2"], []]


def test_a_user_with_long_requests_is_passed_over_until_the_deficit_is_zero() -> None:
    queue = queue_of("aa", "b")
    assert run_batch(queue, 4 * LONG_JOB_S, "a") == ["a0", "b0"]
    batches: list[list[str]] = []
    for number in range(4):
        queue.add(f"c{number}", "c")
        batches.append(run_batch(queue))
    assert batches == [["c0"], ["c1"], ["c2"], ["a1", "c3"]]


def test_the_debt_of_a_user_is_bounded() -> None:
    queue = queue_of("aa")
    assert run_batch(queue, 1000.0, "a") == ["a0"]
    waited = 0
    while True:
        queue.add("b", "b")
        if "a1" in run_batch(queue):
            break
        waited += 1
    assert waited <= MAX_DEFICIT_S / LONG_JOB_S


def test_users_in_debt_take_turns_if_no_other_waits() -> None:
    queue = queue_of("aa", "bb")
    for owner in "ab":
        queue.add_deficit(owner, MAX_DEFICIT_S)
    assert [run_batch(queue) for _ in range(4)] == [["a0"], ["b0"], ["a1"], ["b1"]]


def test_too_many_requests_of_one_user_are_refused_and_those_of_others_are_not() -> None:
    queue = queue_of("a" * MAX_WAITING_PER_OWNER)
    with pytest.raises(RateLimited) as refused:
        queue.add("one more", "a")
    assert refused.value.details["retry_after_s"] == 1
    queue.add("another user's", "b")
    queue.add("the end of a connection", "a", limited=False)
    assert len(queue) == MAX_WAITING_PER_OWNER + 2


def test_requests_are_refused_when_too_many_of_all_users_wait_and_the_servers_own_jobs_are_not() -> None:
    queue = queue_of(*([f"user {number}"] for number in range(MAX_WAITING)))
    with pytest.raises(Busy):
        queue.add("one more", "b")
    queue.add("a health check")
    assert len(queue) == MAX_WAITING + 1


def test_cleared_jobs_are_returned_and_later_ones_run() -> None:
    queue = queue_of("aa", "b")
    assert sorted(queue.clear()) == ["a0", "a1", "b0"]
    assert (len(queue), run_batch(queue)) == (0, [])
    queue.add("c0", "c")
    assert run_batch(queue) == ["c0"]


@pytest.mark.parametrize("kind", ["health check", "WebSocket"])
@pytest.mark.parametrize(("proxy", "owner"), [("127.0.0.1", "203.0.113.7"), ("10.0.0.1", "127.0.0.1")])
def test_requests_without_sign_in_take_turns_by_the_address_that_a_trusted_proxy_states(
    tmp_path: Path, kind: str, proxy: str, owner: str
) -> None:
    async def test() -> None:
        async with running_server(tmp_path, trusted_proxies=(parse_proxy(proxy),)) as server:
            owners: list[Hashable] = []
            add = server.queue.add

            def record(job: Any, owner: Hashable = None, *, limited: bool = True) -> None:
                owners.append(owner)
                add(job, owner, limited=limited)

            server.queue.add = record  # type: ignore[method-assign]  # replaced to record the owners
            headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
            if kind == "WebSocket":
                await (await server.connect(headers=headers)).close()
            else:
                async with server.session.get(f"{server.url}/api/health", headers=headers):
                    pass
            assert owners[0] == owner

    run(test())
