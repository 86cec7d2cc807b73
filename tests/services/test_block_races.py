"""A block, a suspension and a sign-out hold from their answer on: a thousand interleavings of each, and controls that must fail.

No event of the log tells of either, so the bound is a step, not a `seq`: what begins after the end does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeAlias, cast

import pytest
from tests.support.interleaving import Turns
from tests.support.world import Borrowed, ListeningGateway, World, new_world

from imchat.domain.ids import ConnectionId, ConversationId, SignInId, UserId
from imchat.errors import Forbidden, Unauthenticated
from imchat.services import blocks, conversations, groups, messages, realtime, suspensions
from imchat.services.app import App
from imchat.storage.repositories import connections
from imchat.storage.sqlite.group_commit_table import BatchTable
from imchat.storage.table import Op

INTERLEAVINGS: Final = 1_000
TIMES: Final = 3
PHONE, LAPTOP = SignInId("phone"), SignInId("laptop")


class ClosingGateway(ListeningGateway):
    """Posts to nobody whose connection it closed, as every gateway does."""

    def disconnect(self, connection_id: str) -> None:
        super().disconnect(connection_id)
        self.gone.add(connection_id)


Connect: TypeAlias = Callable[[App, UserId, ConnectionId, SignInId | None], None]


class Stage(NamedTuple):
    """Where every scene begins."""

    world: World
    ann: UserId
    bob: UserId
    cat: UserId
    group: ConversationId
    late: ConversationId

    def scenes(self) -> Iterator[Scene]:
        """A scene for each seed; what happened in one is undone behind it."""
        table = cast(BatchTable, self.world.table)
        for seed in range(INTERLEAVINGS):
            table.begin()
            try:
                yield Scene(seed, self)
            finally:
                table.rollback()


class Scene:
    """Ann and Bob, directly and in a group, while she blocks him, or he is suspended, or signs out. Cat writes in the group."""

    def __init__(self, seed: int, stage: Stage) -> None:
        world = stage.world
        self.turns = Turns(seed)
        self.gateway = ClosingGateway()
        self.calm = replace(world.app, gateway=self.gateway)
        self.app = self.turns.app(self.calm)
        self.ann, self.bob, self.cat, self.group, self.late = stage[1:]
        # Every other time the direct conversation begins only now.
        self.direct = world.direct(self.ann, self.bob) if seed % 2 else None
        self.line = ConnectionId(f"line-{seed}-")
        realtime.connect(self.calm, self.bob, self.line, PHONE)
        self.handshakes: set[str] = set()
        """Connections that do not stand yet, or never will: no gateway hands frames on to them."""
        self.connect: Connect = realtime.connect
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
                except (Forbidden, Unauthenticated):
                    continue
                if over:
                    self.broken.append(f"{name} after the end")

        return run

    def say(self, who: UserId, where: Any, name: str) -> None:
        messages.send(self.app, who, where, client_message_id=name, body=name)

    def open_line(self, ticket: str, name: str) -> None:
        line = ConnectionId(f"{self.line}-{name}")
        self.handshakes.add(line)
        redeemed = realtime.redeem_ticket(self.app, ticket)
        if redeemed is None:
            raise Unauthenticated("the ticket was used")
        self.connect(self.app, self.bob, line, redeemed.sign_in)
        self.handshakes.remove(line)

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


def signed_out(scene: Scene) -> None:
    realtime.sign_out(scene.app, scene.bob, PHONE)


def play_signed_out(scene: Scene, way: Way = signed_out) -> list[str]:
    bob, laptop = scene.bob, ConnectionId(f"laptop-{scene.line}")
    unused = {f"old-{time}": realtime.issue_ticket(scene.calm, bob, PHONE)[0] for time in range(TIMES + 1)}
    scene.turns.run(
        lambda: scene.end(way),
        scene.tries("old", lambda name: scene.open_line(unused[name], name)),
        scene.tries(
            "new", lambda name: scene.open_line(realtime.issue_ticket(scene.app, bob, PHONE)[0], name)
        ),
        lambda: cat_goes_on(scene),
        lambda: realtime.connect(scene.app, bob, laptop, LAPTOP),
    )
    scene.app = scene.calm
    scene.tries("late", lambda name: scene.open_line(unused["old-3"], name))()
    # The other device comes back, if its line was closed as well, and misses nothing from there.
    if laptop in scene.gateway.gone:
        realtime.connect(scene.app, bob, laptop := ConnectionId(f"again-{laptop}"), LAPTOP)
    cat_goes_on(scene)
    if "cat-" not in repr(scene.gateway.frames.get(laptop)):
        scene.broken.append("the other device was signed out as well")
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
    return repr(
        [frames[line] for line in frames if line.startswith(scene.line) and line not in scene.handshakes]
    )


PLAYS: Final = {"blocked": play_blocked, "suspended": play_suspended, "signed out": play_signed_out}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with new_world() as world:
        ann, bob, cat = world.people("ann", "bob", "cat")
        yield Stage(world, ann, bob, cat, world.group(cat, ann, bob), world.group(cat, ann))


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYS)
def test_what_begins_after_the_answer_does_not_happen(stage: Stage, name: str) -> None:
    for seed, scene in enumerate(stage.scenes()):
        assert PLAYS[name](scene) == [], f"seed {seed}"


def finds_it(stage: Stage, name: str, break_it: Callable[[Scene], object]) -> bool:
    """Whether some seed shows that what was broken is broken."""
    for scene in stage.scenes():
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
    stage: Stage, name: str, forgotten: Callable[[Op], bool]
) -> None:
    def break_it(scene: Scene) -> None:
        scene.app = replace(scene.app, table=Without(scene.app.table, forgotten))

    assert finds_it(stage, name, break_it)


def test_control_without_the_look_after_the_writing_some_seed_finds_it(stage: Stage) -> None:
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


@pytest.mark.parametrize("kept", ["note", "closing"])
def test_control_half_a_sign_out_is_found(stage: Stage, kept: str) -> None:
    def half(scene: Scene) -> None:
        if kept == "note":
            connections.end_sign_in(scene.app.table, scene.bob, PHONE, now_s=0)
        else:
            realtime.sign_out(scene.app, scene.bob, None)

    assert any(play_signed_out(scene, half) for scene in stage.scenes())


def test_control_a_connection_that_looks_before_it_is_noted_is_found(stage: Stage) -> None:
    def connect_carelessly(app: App, user_id: UserId, line: ConnectionId, sign_in: SignInId | None) -> None:
        if sign_in is not None and connections.is_over(app.table, user_id, sign_in):
            raise Unauthenticated("signed out")
        realtime.connect(app, user_id, line)

    def break_it(scene: Scene) -> None:
        scene.connect = connect_carelessly

    assert finds_it(stage, "signed out", break_it)
