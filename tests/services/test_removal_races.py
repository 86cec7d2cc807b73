"""Whoever is out gets nothing more: a thousand forced interleavings, and for each part of it a control that must fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeAlias

import pytest
from tests.support.interleaving import Turns
from tests.support.world import Borrowed, WaitingQueue, World

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import CONNECTION_S
from imchat.services import delivery, fanout, groups, message_actions, messages, realtime
from imchat.services.access import access_member
from imchat.services.app import App
from imchat.services.delivery import DIRECT_POSTS
from imchat.services.fanout_jobs import Announce
from imchat.storage.repositories import events, keys, members
from imchat.storage.table import Op, Put

INTERLEAVINGS: Final = 1_000
SECRET: Final = "not for those who are out"


class Scene:
    """Ann owns a group; Bob goes out of it while Cat goes on and he tries everything. Every other time there is a queue."""

    def __init__(self, world: World, seed: int) -> None:
        self.turns = Turns(seed)
        self.ann, self.bob, self.cat = UserId("u-ann"), UserId("u-bob"), UserId("u-cat")
        self.queue = WaitingQueue() if seed % 2 else None
        self.calm = replace(world.app, queue=self.queue)
        self.app = self.turns.app(self.calm)
        self.world = world
        self.where: ConversationId = world.group(self.ann, self.bob, self.cat)
        self.first = self.say(self.calm, self.cat, "first", "hello")
        self.phone = world.connect(self.bob, f"phone-{seed}")
        self.read: list[Event] = []
        world.gateway.frames.clear()

    def say(self, app: App, who: UserId, name: str, body: str) -> int:
        sent = messages.send(app, who, self.where, client_message_id=name, body=body).event
        assert sent is not None
        return sent["seq"]

    def cat_goes_on(self) -> None:
        self.say(self.app, self.cat, "more", "more")
        message_actions.edit(self.app, self.cat, self.where, self.first, SECRET)

    def bob_reads(self) -> None:
        self.read += messages.read(self.app, self.bob, self.where)[0]

    def bob_writes(self) -> None:
        self.say(self.app, self.bob, "mine", "mine")

    def bob_comes_back(self) -> None:
        realtime.disconnect(self.app, self.bob, self.phone)
        realtime.connect(self.app, self.bob, ConnectionId(f"{self.phone}-again"))

    def jobs_run(self) -> None:
        for _time in range(4):
            self.turns.wait()
            for job in self.queue.take() if self.queue else []:
                delivery.run(self.app, job, again=False)

    def all_jobs_run(self) -> None:
        while self.queue is not None and self.queue.jobs:
            self.world.clock_ms += 1_000
            for job in self.queue.take():
                delivery.run(self.calm, job, again=False)

    def log(self) -> list[Event]:
        return events.after(self.world.table, self.where, 0, limit=100)

    def reached_bob(self) -> list[Event]:
        """All events that he read or was pushed."""
        frames = [*self.world.heard(self.phone), *self.world.heard(ConnectionId(f"{self.phone}-again"))]
        return [*self.read, *(event for frame in frames for event in frame.get("events", []))]


Way: TypeAlias = Callable[[Scene], object]
"""How somebody goes out."""


def removed(scene: Scene) -> None:
    groups.remove_member(scene.app, scene.ann, scene.where, scene.bob)


def leaves(scene: Scene) -> None:
    groups.remove_member(scene.app, scene.bob, scene.where, scene.bob)


WAYS: Final[list[Way]] = [removed, leaves]


def broken(scene: Scene) -> list[str]:
    """What of the promise does not hold in the scene's end."""
    log = scene.log()
    out_seq = next((event["seq"] for event in log if event["type"] == "member.removed"), None)
    if out_seq is None:
        return ["their going out was overwritten"]
    edit_seq = next((event["seq"] for event in log if event["type"] == "message.edited"), 0)
    found = [f"event {event['seq']} reached them" for event in scene.reached_bob() if event["seq"] > out_seq]
    found += [
        f"they wrote event {event['seq']}"
        for event in log
        if event["actor_id"] == scene.bob and event["seq"] > out_seq
    ]
    if edit_seq > out_seq and SECRET in repr(scene.reached_bob()):
        found.append("they saw what a message was made to say later")
    return found


def play(scene: Scene, way: Way) -> list[str]:
    scene.turns.run(
        lambda: way(scene),
        scene.cat_goes_on,
        scene.bob_reads,
        scene.bob_writes,
        scene.bob_comes_back,
        scene.jobs_run,
    )
    scene.all_jobs_run()
    return broken(scene)


@pytest.fixture
def stage(sqlite_world: World) -> World:
    """Three people, of whom Cat has so many devices that pushes go by way of the queue where there is one."""
    sqlite_world.people("ann", "bob", "cat")
    expiry = sqlite_world.clock_ms // 1000 + 1_000 * CONNECTION_S
    devices = {f"cat-{number}": expiry for number in range(DIRECT_POSTS + 1)}
    sqlite_world.table.write(Put(keys.connections(UserId("u-cat")), devices))
    return sqlite_world


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_whoever_is_out_gets_nothing_more_and_writes_nothing_more(stage: World, way: Way) -> None:
    reached = 0
    for seed in range(INTERLEAVINGS // len(WAYS)):
        scene = Scene(stage, seed)
        assert play(scene, way) == [], f"seed {seed}"
        reached += bool(scene.read) + (len(scene.reached_bob()) > len(scene.read))
    assert reached > INTERLEAVINGS // len(WAYS) // 2, "too little reached him before: this proves nothing"


def finds_it(stage: World, prepare: Callable[[Scene], object]) -> bool:
    """Whether some seed shows that what `prepare` broke is broken."""
    for seed in range(INTERLEAVINGS):
        scene = Scene(stage, seed)
        prepare(scene)
        if play(scene, removed):
            return True
    return False


def test_control_an_append_without_its_condition_is_found(stage: World) -> None:
    class Careless(Borrowed):
        def write(self, *ops: Op) -> None:
            super().write(*(op._replace(condition=None) if isinstance(op, Put) else op for op in ops))

    def break_it(scene: Scene) -> None:
        scene.app = replace(scene.app, table=Careless(scene.app.table))

    assert finds_it(stage, break_it)


def test_control_a_membership_checked_before_the_reading_is_found(stage: World) -> None:
    def break_it(scene: Scene) -> None:
        def read_carelessly() -> None:
            access_member(scene.app, scene.bob, scene.where)
            scene.read += events.after(scene.app.table, scene.where, 0, limit=100)

        scene.bob_reads = read_carelessly  # type: ignore[method-assign]  # broken on purpose

    assert finds_it(stage, break_it)


@pytest.mark.slow
def test_control_a_job_that_chooses_people_before_events_is_found(stage: World) -> None:
    def break_it(scene: Scene) -> None:
        def run_carelessly() -> None:
            for _time in range(4):
                scene.turns.wait()
                for job in scene.queue.take() if scene.queue else []:
                    if isinstance(job, Announce):
                        everybody = members.of(scene.app.table, scene.where)
                        page = events.after(scene.app.table, scene.where, job.seq - 1, limit=100)
                        frame: dict[str, Any] = fanout.events_frame(scene.where, page)
                        fanout.notify(scene.app, everybody, frame)

        scene.jobs_run = run_carelessly  # type: ignore[method-assign]  # broken on purpose

    assert finds_it(stage, break_it)
