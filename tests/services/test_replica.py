"""Whoever had the old state and applied the events has what whoever reads everything anew has."""

from __future__ import annotations

from functools import partial
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.problems import check_generated, fail_on
from tests.support.replica import Replica, verify_action
from tests.support.scenarios import ACTIONS, CASES, Scene
from tests.support.world import World, new_world
from tools import generate

from imchat.domain.event import EventType
from imchat.errors import Conflict, Forbidden, Invalid, NotFound

REFUSALS = (Invalid, Forbidden, NotFound, Conflict)


def run(world: World, name: str) -> list[str]:
    scene = Scene(world)
    types: list[str] = []
    for step in CASES[name]:
        types += verify_action(world, scene.where, scene.people, partial(scene.act, *step))
    return types


@pytest.mark.parametrize("name", CASES)
def test_events_bring_a_replica_to_where_a_fresh_one_is(name: str) -> None:
    with new_world() as world:
        assert len(run(world, name)) >= len(CASES[name]), "nothing happened"


def test_every_kind_of_event_has_a_case_and_every_action_a_row() -> None:
    seen = {"conversation.created"}  # there is no replica before it
    for name in CASES:
        with new_world() as world:
            seen.update(run(world, name))
    fail_on(
        f"tests/support/scenarios.py: no case makes a {name} event. Add a row to CASES."
        for name in sorted(set(get_args(EventType)) - seen)
    )


def test_the_cases_for_the_web_client_are_these() -> None:
    check_generated(generate.CASES_FILE, generate.outputs()[generate.CASES_FILE])


steps = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 3), st.integers(1, 14), st.integers(0, 59)),
    min_size=1,
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_whatever_people_do_replicas_agree_with_the_server_and_a_refusal_changes_nothing(
    todo: list[tuple[str, int, int, int]],
) -> None:
    with new_world() as world:
        scene = Scene(world)
        for step in todo:
            before = {person: Replica.fetch(world, person, scene.where) for person in scene.people}
            try:
                verify_action(world, scene.where, scene.people, partial(scene.act, *step))
            except REFUSALS:
                for person, replica in before.items():
                    fresh = Replica.fetch(world, person, scene.where)
                    assert (fresh and fresh.state()) == (replica and replica.state())
