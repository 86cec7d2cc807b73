"""A replica that applies events has the same state as one that reads everything again."""

from __future__ import annotations

from functools import partial
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.problems import check_generated, fail_on
from tests.support.replica import Replica, verify_action
from tests.support.scenarios import ACTIONS, CASES, Scenario
from tests.support.world import World, new_world
from tools import generate

from imchat.domain.event import EventType
from imchat.errors import Conflict, Forbidden, Invalid, NotFound

REFUSALS = (Invalid, Forbidden, NotFound, Conflict)


def run(world: World, name: str) -> list[str]:
    scenario = Scenario(world)
    types: list[str] = []
    for step in CASES[name]:
        types += verify_action(world, scenario.conversation_id, scenario.people, partial(scenario.run, *step))
    return types


@pytest.mark.parametrize("name", CASES)
def test_a_replica_updated_by_events_equals_a_fresh_one(name: str) -> None:
    with new_world() as world:
        assert len(run(world, name)) >= len(CASES[name]), "the case created no event"


def test_every_event_type_has_a_case() -> None:
    seen = {"conversation.created"}  # There is no replica before this event.
    for name in CASES:
        with new_world() as world:
            seen.update(run(world, name))
    fail_on(
        f"tests/support/scenarios.py: no case makes a {name} event. Add a row to CASES."
        for name in sorted(set(get_args(EventType)) - seen)
    )


def test_the_committed_cases_of_the_web_client_are_current() -> None:
    check_generated(generate.REPLICA_CASES_PATH, generate.outputs()[generate.REPLICA_CASES_PATH])


steps = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 3), st.integers(1, 14), st.integers(0, 59)),
    min_size=1,
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_replicas_equal_the_server_after_any_actions_and_errors_change_nothing(
    actions: list[tuple[str, int, int, int]],
) -> None:
    with new_world() as world:
        scenario = Scenario(world)
        for step in actions:
            before = {
                person: Replica.fetch(world, person, scenario.conversation_id) for person in scenario.people
            }
            try:
                verify_action(world, scenario.conversation_id, scenario.people, partial(scenario.run, *step))
            except REFUSALS:
                for person, replica in before.items():
                    fresh = Replica.fetch(world, person, scenario.conversation_id)
                    assert (fresh and fresh.state()) == (replica and replica.state())
