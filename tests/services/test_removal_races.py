"""A removed member receives nothing more: a thousand forced interleavings, and a control for each part that must fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

import pytest
from tests.support.interleaving import Scheduler
from tests.support.world import InMemoryQueue, TableWrapper, World

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTION_S
from imchat.services import delivery, fanout, message_actions, messages, realtime
from imchat.services import members as memberships
from imchat.services.access import require_member
from imchat.services.app import App
from imchat.services.delivery import DIRECT_POSTS
from imchat.services.fanout_jobs import AnnounceJob
from imchat.storage.repositories import events, keys, members
from imchat.storage.table import Op, Put

INTERLEAVINGS: Final = 1_000
SECRET: Final = "not for removed members"


class Scenario:
    """Bob is removed from a group, or leaves it, while Cat writes and he reads, writes and reconnects. Odd seeds use a queue."""

    def __init__(self, world: World, seed: int) -> None:
        self.scheduler = Scheduler(seed)
        self.ann, self.bob, self.cat = UserId("u-ann"), UserId("u-bob"), UserId("u-cat")
        self.queue = InMemoryQueue() if seed % 2 else None
        self.plain_app = replace(world.app, queue=self.queue)
        self.app = self.scheduler.wrap(self.plain_app)
        self.world = world
        self.conversation_id: ConversationId = world.group(self.ann, self.bob, self.cat)
        self.first_seq = self.send(self.plain_app, self.cat, "first", "hello")
        self.phone = world.connect(self.bob, f"phone-{seed}")
        self.read: list[Event] = []
        world.gateway.frames.clear()

    def send(self, app: App, user_id: UserId, name: str, body: str) -> int:
        sent = messages.send(app, user_id, self.conversation_id, client_message_id=name, body=body).event
        assert sent is not None
        return sent["seq"]

    def cat_writes(self) -> None:
        self.send(self.app, self.cat, "more", "more")
        message_actions.edit(self.app, self.cat, self.conversation_id, self.first_seq, SECRET)

    def bob_reads(self) -> None:
        self.read += messages.read(self.app, self.bob, self.conversation_id).events

    def bob_writes(self) -> None:
        self.send(self.app, self.bob, "mine", "mine")

    def bob_reconnects(self) -> None:
        realtime.disconnect(self.app, self.bob, self.phone)
        realtime.connect(self.app, self.bob, ConnectionId(f"{self.phone}-again"))

    def run_jobs(self) -> None:
        for _time in range(4):
            self.scheduler.yield_turn()
            for job in self.queue.take() if self.queue else []:
                delivery.run_job(self.app, job, again=False)

    def run_all_jobs(self) -> None:
        while self.queue is not None and self.queue.jobs:
            self.world.clock_ms += 1_000
            for job in self.queue.take():
                delivery.run_job(self.plain_app, job, again=False)

    def log(self) -> list[Event]:
        return events.list_after(self.world.table, self.conversation_id, 0, limit=100)

    def received_by_bob(self) -> list[Event]:
        """Return all events that Bob read or was pushed."""
        frames = [*self.world.received(self.phone), *self.world.received(ConnectionId(f"{self.phone}-again"))]
        return [*self.read, *(event for frame in frames for event in frame.get("events", []))]


Removal: TypeAlias = Callable[[Scenario], object]
"""How Bob's membership ends."""


def ann_removes_bob(scenario: Scenario) -> None:
    memberships.remove_member(scenario.app, scenario.ann, scenario.conversation_id, scenario.bob)


def bob_leaves(scenario: Scenario) -> None:
    memberships.remove_member(scenario.app, scenario.bob, scenario.conversation_id, scenario.bob)


REMOVALS: Final[list[Removal]] = [ann_removes_bob, bob_leaves]


def find_violations(scenario: Scenario) -> list[str]:
    """Return the violations of the rule after the scenario has ended."""
    log = scenario.log()
    removal_seq = next((event["seq"] for event in log if event["type"] == "member.removed"), None)
    if removal_seq is None:
        return ["the removal was overwritten"]
    edit_seq = next((event["seq"] for event in log if event["type"] == "message.edited"), 0)
    violations = [
        f"Bob received event {event['seq']}"
        for event in scenario.received_by_bob()
        if event["seq"] > removal_seq
    ]
    violations += [
        f"Bob wrote event {event['seq']}"
        for event in log
        if event["actor_id"] == scenario.bob and event["seq"] > removal_seq
    ]
    if edit_seq > removal_seq and SECRET in repr(scenario.received_by_bob()):
        violations.append("Bob saw an edit from after the removal")
    return violations


def run_scenario(scenario: Scenario, removal: Removal) -> list[str]:
    scenario.scheduler.run(
        lambda: removal(scenario),
        scenario.cat_writes,
        scenario.bob_reads,
        scenario.bob_writes,
        scenario.bob_reconnects,
        scenario.run_jobs,
    )
    scenario.run_all_jobs()
    return find_violations(scenario)


@pytest.fixture
def prepared_world(sqlite_world: World) -> World:
    """Create three users. Cat has so many connections that pushes go through the queue, if there is one."""
    sqlite_world.people("ann", "bob", "cat")
    expiry = sqlite_world.clock_ms // 1000 + 1_000 * CONNECTION_S
    devices = {f"cat-{number}": expiry for number in range(DIRECT_POSTS + 1)}
    sqlite_world.table.write(Put(keys.connections(UserId("u-cat")), devices))
    return sqlite_world


@pytest.mark.slow
@pytest.mark.parametrize("removal", REMOVALS)
def test_a_removed_member_receives_and_writes_nothing_after_the_removal(
    prepared_world: World, removal: Removal
) -> None:
    reached = 0
    for seed in range(INTERLEAVINGS // len(REMOVALS)):
        scenario = Scenario(prepared_world, seed)
        assert run_scenario(scenario, removal) == [], f"seed {seed}"
        reached += bool(scenario.read) + (len(scenario.received_by_bob()) > len(scenario.read))
    assert reached > INTERLEAVINGS // len(REMOVALS) // 2, (
        "Bob received too little before the removal, so the test proves nothing"
    )


def some_seed_detects(prepared_world: World, prepare: Callable[[Scenario], object]) -> bool:
    """Return whether the scenario fails with some seed after `prepare` broke something."""
    for seed in range(INTERLEAVINGS):
        scenario = Scenario(prepared_world, seed)
        prepare(scenario)
        if run_scenario(scenario, ann_removes_bob):
            return True
    return False


def test_control_detects_an_append_without_its_condition(prepared_world: World) -> None:
    class UnconditionalTable(TableWrapper):
        def write(self, *ops: Op) -> None:
            super().write(*(op._replace(condition=None) if isinstance(op, Put) else op for op in ops))

    def break_it(scenario: Scenario) -> None:
        scenario.app = replace(scenario.app, table=UnconditionalTable(scenario.app.table))

    assert some_seed_detects(prepared_world, break_it)


def test_control_detects_a_membership_check_before_the_read(prepared_world: World) -> None:
    def break_it(scenario: Scenario) -> None:
        def check_then_read() -> None:
            require_member(scenario.app, scenario.bob, scenario.conversation_id)
            scenario.read += events.list_after(scenario.app.table, scenario.conversation_id, 0, limit=100)

        scenario.bob_reads = check_then_read  # type: ignore[method-assign]  # broken on purpose

    assert some_seed_detects(prepared_world, break_it)


@pytest.mark.slow
def test_control_detects_a_job_that_reads_members_before_events(prepared_world: World) -> None:
    def break_it(scenario: Scenario) -> None:
        def run_jobs_wrongly() -> None:
            for _time in range(4):
                scenario.scheduler.yield_turn()
                for job in scenario.queue.take() if scenario.queue else []:
                    if isinstance(job, AnnounceJob):
                        all_members = members.list_for(scenario.app.table, scenario.conversation_id)
                        page = events.list_after(
                            scenario.app.table, scenario.conversation_id, job.seq - 1, limit=100
                        )
                        frame: dict[str, Any] = fanout.events_frame(scenario.conversation_id, page)
                        fanout.notify(scenario.app, all_members, frame)

        scenario.run_jobs = run_jobs_wrongly  # type: ignore[method-assign]  # broken on purpose

    assert some_seed_detects(prepared_world, break_it)
