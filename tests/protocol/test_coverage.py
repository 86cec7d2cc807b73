"""Every part of the protocol has a test in this folder. `docs/add-a-feature.md` shows how to add one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.protocol import coverage
from tests.support.problems import fail_on
from tests.support.reference_client import Exchange, WireLog


def test_every_route_frame_and_event_has_a_test_and_every_test_names_what_exists() -> None:
    claimed, everything = coverage.claimed(Path(__file__).parent), coverage.everything()
    fail_on(
        f'{name} has no test. Add one to tests/protocol/, marked @pytest.mark.covers("{name}").'
        for name in sorted(everything - claimed)
    )
    fail_on(
        f'tests/protocol/: a test is marked covers("{name}"), which the protocol does not have. Correct the marker.'
        for name in sorted(claimed - everything)
    )


def test_only_successful_requests_count_as_covered() -> None:
    wire_log = WireLog()
    me = {"user": {"user_id": "a", "handle": None, "display_name": None, "created_at_ms": 1}}
    not_found = {"error": {"code": "not_found", "message": "no", "retryable": False, "request_id": "r"}}
    wire_log.exchanges += [Exchange("GET", "/me?x=1", 200, me), Exchange("GET", "/users/a", 404, not_found)]

    assert coverage.seen(wire_log) == {"GET /me"}


@pytest.mark.parametrize(
    "exchange",
    [
        Exchange("GET", "/me", 200, {"user": {"user_id": "a"}}),
        Exchange("GET", "/realtime/tickets", 200, {}),
        Exchange("POST", "/realtime/tickets", 200, {"ticket": "t", "expires_at_ms": 1}),
        Exchange("GET", "/me", 404, {"error": {"code": "not_found"}}),
    ],
)
def test_a_response_that_breaks_its_schema_fails_the_test(exchange: Exchange) -> None:
    wire_log = WireLog()
    wire_log.exchanges.append(exchange)

    with pytest.raises((AssertionError, ValueError)):
        coverage.seen(wire_log)
