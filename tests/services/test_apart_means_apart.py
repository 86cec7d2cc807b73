"""A block and a suspension hold from their answer on: five hundred forced interleavings, and controls that must fail.

No event of the log tells of either, so the bound is a step, not a `seq`: what begins after the end does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias

import pytest
from tests.services.interleaving import Turns
from tests.world import Borrowed, ListeningGateway, World, new_world

from imchat.domain.ids import ConnectionId, UserId
from imchat.errors import Forbidden
from imchat.services import blocks, conversations, groups, messages, realtime, suspensions
from imchat.storage.table import Op

INTERLEAVINGS: Final = 500
TIMES: Final = 3


class ClosingGateway(ListeningGateway):
    """Posts to nobody whose connection it closed, as every gateway does."""

    def disconnect(self, connection_id: str) -> None:
        super().disconnect(connection_id)
        self.gone.add(connection_id)


class Scene:
    """Ann and Bob, directly and in a group, while Bob is blocked by her, or suspended. Cat writes in the group, too."""

    def __init__(self, seed: int, world: World) -> None:
        self.turns = Turns(seed)
        self.gateway = ClosingGateway()
        self.calm = replace(world.app, gateway=self.gateway)
        self.app = self.turns.app(self.calm)
        names = [f"{name}{seed}" for name in ("ann", "bob", "cat")]
        self.ann, self.bob, self.cat = world.people(*names)
        # Every other time the direct conversation begins only now.
        self.direct = world.direct(self.ann, self.bob) if seed % 2 else None
        self.group = world.group(self.cat, self.ann, self.bob)
        self.late = world.group(self.cat, self.ann)
        self.line = ConnectionId(f"line-{seed}-")
        realtime.connect(self.calm, self.bob, self.line)
        self.ended = False
        self.broken: list[str] = []

    def end(self, way: Callable[[Scene], object]) -> None:
        way(self)
        self.ended = True

    def tries(self, name: str, act: Callable[[str], object]) -> Callable[[], None]:
        """Somebody who does it again and again; it is to be refused if it begins after the end."""

        def run() -> None:
            for time in range(TIMES):
                self.turns.wait()
                over = self.ended
                try:
                    act(f"{name}-{time}")
                except Forbidden:
                    continue
                if over:
                    self.broken.append(f"{name} after the end")

        return run

    def say(self, who: UserId, where: Any, name: str) -> None:
        messages.send(self.app, who, where, client_message_id=name, body=name)

    def direct_message(self, who: UserId, other: UserId, name: str) -> None:
        where = self.direct or conversations.create_direct(self.app, who, other)[0].head.conversation_id
        self.say(who, where, name)


Way: TypeAlias = Callable[[Scene], object]


def blocked(scene: Scene) -> None:
    blocks.block(scene.app, scene.ann, scene.bob)


def suspended(scene: Scene) -> None:
    suspensions.suspend(scene.app, UserId("u-admin"), scene.bob)


def play_blocked(scene: Scene, way: Way = blocked) -> list[str]:
    ann, bob = scene.ann, scene.bob
    scene.turns.run(
        lambda: scene.end(way),
        scene.tries("bob", lambda name: scene.direct_message(bob, ann, name)),
        scene.tries("ann", lambda name: scene.direct_message(ann, bob, name)),
        scene.tries("add", lambda _name: conversations.create_group(scene.app, bob, [ann], None)),
    )
    return scene.broken


def play_suspended(scene: Scene, way: Way = suspended) -> list[str]:
    bob = scene.bob
    scene.turns.run(
        lambda: scene.end(way),
        scene.tries("send", lambda name: scene.say(bob, scene.group, name)),
        scene.tries("read", lambda _name: messages.read(scene.app, bob, scene.group)),
        scene.tries(
            "connect", lambda name: realtime.connect(scene.app, bob, ConnectionId(f"{scene.line}-{name}"))
        ),
        lambda: cat_goes_on(scene),
        lambda: groups.add_members(scene.app, scene.cat, scene.late, [bob]),
    )
    # When all is over, also for what was under way, nothing is open to him anywhere.
    scene.app = scene.calm
    scene.tries("group", lambda name: scene.say(bob, scene.group, name))()
    scene.tries("late", lambda name: scene.say(bob, scene.late, name))()
    cat_goes_on(scene)
    return scene.broken


def cat_goes_on(scene: Scene) -> None:
    """Cat writes in the group; what she begins after the end is not for Bob."""
    for _time in range(TIMES):
        scene.turns.wait()
        over, name = scene.ended, f"cat-{scene.turns.step}-{_time}"
        messages.send(scene.app, scene.cat, scene.group, client_message_id=name, body=name)
        if over and name in reached(scene):
            scene.broken.append("heard what was said after the end")


def reached(scene: Scene) -> str:
    """All that was pushed to Bob's connections."""
    frames = scene.gateway.frames
    return repr([frames[line] for line in frames if line.startswith(scene.line)])


PLAYS: Final = {"blocked": play_blocked, "suspended": play_suspended}


@pytest.fixture
def stage() -> Iterator[World]:
    with new_world() as world:
        yield world


@pytest.mark.parametrize("name", PLAYS)
def test_what_begins_after_the_answer_does_not_happen(stage: World, name: str) -> None:
    for seed in range(INTERLEAVINGS // len(PLAYS)):
        assert PLAYS[name](Scene(seed, stage)) == [], f"seed {seed}"


def finds_it(stage: World, name: str, break_it: Callable[[Scene], object]) -> bool:
    """Whether some seed shows that what was broken is broken."""
    for seed in range(INTERLEAVINGS // len(PLAYS)):
        scene = Scene(seed, stage)
        break_it(scene)
        if PLAYS[name](scene):
            return True
    return False


class Without(Borrowed):
    """A table on which writes to some keys are forgotten."""

    def __init__(self, table: Any, forgotten: Callable[[Op], bool]) -> None:
        super().__init__(table)
        self._forgotten = forgotten

    def write(self, *ops: Op) -> None:
        if kept := [op for op in ops if not self._forgotten(op)]:
            super().write(*kept)


@pytest.mark.parametrize(
    ("name", "forgotten"),
    [
        ("blocked", lambda op: type(op).__name__ == "Check"),
        ("blocked", lambda op: "blocks" in getattr(op, "set", ())),
        ("suspended", lambda op: "suspended" in getattr(op, "set", ()) and op.key.sk.startswith("MEMBER#")),
        ("suspended", lambda op: "suspended" in getattr(op, "set", ()) and op.key.sk == "CONNECTIONS"),
    ],
    ids=[
        "no checks at the beginning",
        "no mark in the conversation",
        "no mark on members",
        "no mark on connections",
    ],
)
def test_control_without_a_part_of_it_some_seed_finds_it(
    stage: World, name: str, forgotten: Callable[[Op], bool]
) -> None:
    def break_it(scene: Scene) -> None:
        scene.app = replace(scene.app, table=Without(scene.app.table, forgotten))

    assert finds_it(stage, name, break_it)


def test_control_without_the_look_after_the_writing_some_seed_finds_it(stage: World) -> None:
    def break_it(scene: Scene) -> None:
        class Blind(Borrowed):
            def get_many(self, keys: Any) -> Any:
                found = super().get_many(keys)
                return {
                    key: {name: item[name] for name in item if name != "suspended_at_ms"}
                    for key, item in found.items()
                }

        scene.app = replace(scene.app, table=Blind(scene.app.table))

    assert finds_it(stage, "suspended", break_it)
