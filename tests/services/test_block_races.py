"""Blocks, suspensions and sign-outs are effective from their response on: a thousand interleavings each, and controls.

The log has no event of them, so the limit is a step of the scheduler, not a `seq`: an action that begins after the block,
suspension or sign-out ended must fail. Each control breaks the code on purpose and must be detected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeAlias, cast

import pytest
from tests.support.interleaving import Scheduler
from tests.support.world import RecordingGateway, TableWrapper, World, new_world

from imchat.domain.ids import ConnectionId, ConversationId, SignInId, UserId
from imchat.errors import Forbidden, Unauthenticated
from imchat.services import blocks, conversations, members, messages, realtime, suspensions
from imchat.services.app import App
from imchat.storage.repositories import connections
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.table import Op

INTERLEAVINGS: Final = 1_000
TIMES: Final = 3
PHONE, LAPTOP = SignInId("phone"), SignInId("laptop")


class ClosingGateway(RecordingGateway):
    """Does not post to connections that it closed, like every real gateway."""

    def disconnect(self, connection_id: str) -> None:
        super().disconnect(connection_id)
        self.gone.add(connection_id)


Connect: TypeAlias = Callable[[App, UserId, ConnectionId, SignInId | None], None]


class Environment(NamedTuple):
    """The initial state of every scenario."""

    world: World
    ann: UserId
    bob: UserId
    cat: UserId
    group: ConversationId
    other_group: ConversationId

    def scenarios(self) -> Iterator[Scenario]:
        """Yield a scenario for each seed, and roll its changes back afterwards."""
        table = cast(GroupCommitTable, self.world.table)
        for seed in range(INTERLEAVINGS):
            table.begin()
            try:
                yield Scenario(seed, self)
            finally:
                table.rollback()


class Scenario:
    """Ann and Bob write to each other while she blocks him, or he is suspended or signs out. Cat writes in their group."""

    def __init__(self, seed: int, environment: Environment) -> None:
        world = environment.world
        self.scheduler = Scheduler(seed)
        self.gateway = ClosingGateway()
        self.plain_app = replace(world.app, gateway=self.gateway)
        self.app = self.scheduler.wrap(self.plain_app)
        self.ann, self.bob, self.cat, self.group, self.other_group = environment[1:]
        # With even seeds, the direct conversation is created during the scenario.
        self.direct = world.direct(self.ann, self.bob) if seed % 2 else None
        self.connection_id = ConnectionId(f"line-{seed}-")
        realtime.connect(self.plain_app, self.bob, self.connection_id, PHONE)
        self.pending_connections: set[str] = set()
        """Connections that are not open yet, or never will be. A gateway delivers no frames to them."""
        self.connect: Connect = realtime.connect
        self.ended = False
        self.violations: list[str] = []

    def end(self, ending: Callable[[Scenario], object]) -> None:
        ending(self)
        self.ended = True

    def repeat(self, name: str, action: Callable[[str], object]) -> Callable[[], None]:
        """Return an actor that repeats an action. If the action begins after the end, it must be refused."""

        def run() -> None:
            for time in range(TIMES):
                self.scheduler.yield_turn()
                has_ended = self.ended
                try:
                    action(f"{name}-{time}")
                except (Forbidden, Unauthenticated):
                    continue
                if has_ended:
                    self.violations.append(f"{name} succeeded after the end")

        return run

    def send(self, user_id: UserId, conversation_id: Any, name: str) -> None:
        messages.send(self.app, user_id, conversation_id, client_message_id=name, body=name)

    def open_connection(self, ticket: str, name: str) -> None:
        connection_id = ConnectionId(f"{self.connection_id}-{name}")
        self.pending_connections.add(connection_id)
        redeemed = realtime.redeem_ticket(self.app, ticket)
        if redeemed is None:
            raise Unauthenticated("the ticket was used")
        self.connect(self.app, self.bob, connection_id, redeemed.sign_in)
        self.pending_connections.remove(connection_id)

    def direct_message(self, user_id: UserId, other: UserId, name: str) -> None:
        conversation_id = (
            self.direct or conversations.create_direct(self.app, user_id, other).head.conversation_id
        )
        self.send(user_id, conversation_id, name)


Ending: TypeAlias = Callable[[Scenario], object]


def block_bob(scenario: Scenario) -> None:
    blocks.block(scenario.app, scenario.ann, scenario.bob)


def suspend_bob(scenario: Scenario) -> None:
    suspensions.suspend(scenario.app, UserId("u-admin"), scenario.bob)


def run_block(scenario: Scenario, ending: Ending = block_bob) -> list[str]:
    ann, bob = scenario.ann, scenario.bob
    scenario.scheduler.run(
        lambda: scenario.end(ending),
        scenario.repeat("bob", lambda name: scenario.direct_message(bob, ann, name)),
        scenario.repeat("ann", lambda name: scenario.direct_message(ann, bob, name)),
        scenario.repeat("add", lambda _name: conversations.create_group(scenario.app, bob, [ann], None)),
    )
    return scenario.violations


def run_suspension(scenario: Scenario, ending: Ending = suspend_bob) -> list[str]:
    bob = scenario.bob
    scenario.scheduler.run(
        lambda: scenario.end(ending),
        scenario.repeat("send", lambda name: scenario.send(bob, scenario.group, name)),
        scenario.repeat("read", lambda _name: messages.read(scenario.app, bob, scenario.group)),
        scenario.repeat(
            "connect",
            lambda name: realtime.connect(
                scenario.app, bob, ConnectionId(f"{scenario.connection_id}-{name}")
            ),
        ),
        lambda: cat_writes(scenario),
        lambda: members.add_members(scenario.app, scenario.cat, scenario.other_group, [bob]),
    )
    # Now that all concurrent actions have finished, he can write in no conversation.
    scenario.app = scenario.plain_app
    scenario.repeat("group", lambda name: scenario.send(bob, scenario.group, name))()
    scenario.repeat("late", lambda name: scenario.send(bob, scenario.other_group, name))()
    cat_writes(scenario)
    return scenario.violations


def sign_bob_out(scenario: Scenario) -> None:
    realtime.sign_out(scenario.app, scenario.bob, PHONE)


def run_sign_out(scenario: Scenario, ending: Ending = sign_bob_out) -> list[str]:
    bob, laptop = scenario.bob, ConnectionId(f"laptop-{scenario.connection_id}")
    unused = {
        f"old-{time}": realtime.issue_ticket(scenario.plain_app, bob, PHONE).secret
        for time in range(TIMES + 1)
    }
    scenario.scheduler.run(
        lambda: scenario.end(ending),
        scenario.repeat("old", lambda name: scenario.open_connection(unused[name], name)),
        scenario.repeat(
            "new",
            lambda name: scenario.open_connection(
                realtime.issue_ticket(scenario.app, bob, PHONE).secret, name
            ),
        ),
        lambda: cat_writes(scenario),
        lambda: realtime.connect(scenario.app, bob, laptop, LAPTOP),
    )
    scenario.app = scenario.plain_app
    scenario.repeat("late", lambda name: scenario.open_connection(unused["old-3"], name))()
    # The other device reconnects if its connection was closed too, and then receives every event.
    if laptop in scenario.gateway.gone:
        realtime.connect(scenario.app, bob, laptop := ConnectionId(f"again-{laptop}"), LAPTOP)
    cat_writes(scenario)
    if "cat-" not in repr(scenario.gateway.frames.get(laptop)):
        scenario.violations.append("the other device was signed out as well")
    return scenario.violations


def cat_writes(scenario: Scenario) -> None:
    """Let Cat write in the group. Bob must not receive what she begins to send after the end."""
    for _time in range(TIMES):
        scenario.scheduler.yield_turn()
        has_ended, name = scenario.ended, f"cat-{scenario.scheduler.step}-{_time}"
        messages.send(scenario.app, scenario.cat, scenario.group, client_message_id=name, body=name)
        if has_ended and name in pushed_to_bob(scenario):
            scenario.violations.append("Bob received a message that was sent after the end")


def pushed_to_bob(scenario: Scenario) -> str:
    """Return all frames that were pushed to Bob's open connections, as text."""
    frames = scenario.gateway.frames
    return repr(
        [
            frames[connection_id]
            for connection_id in frames
            if connection_id.startswith(scenario.connection_id)
            and connection_id not in scenario.pending_connections
        ]
    )


SCENARIOS: Final = {"blocked": run_block, "suspended": run_suspension, "signed out": run_sign_out}


@pytest.fixture
def environment() -> Iterator[Environment]:
    with new_world() as world:
        ann, bob, cat = world.people("ann", "bob", "cat")
        yield Environment(world, ann, bob, cat, world.group(cat, ann, bob), world.group(cat, ann))


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_begins_after_the_response_succeeds(environment: Environment, name: str) -> None:
    for seed, scenario in enumerate(environment.scenarios()):
        assert SCENARIOS[name](scenario) == [], f"seed {seed}"


def some_seed_detects(environment: Environment, name: str, break_it: Callable[[Scenario], object]) -> bool:
    """Return whether the scenario fails with some seed after `break_it`."""
    for scenario in environment.scenarios():
        break_it(scenario)
        if SCENARIOS[name](scenario):
            return True
    return False


class TableWithoutWrites(TableWrapper):
    """A table that drops some of the write ops."""

    def __init__(self, table: Any, is_dropped: Callable[[Op], bool]) -> None:
        super().__init__(table)
        self._is_dropped = is_dropped

    def write(self, *ops: Op) -> None:
        if kept := [op for op in ops if not self._is_dropped(op)]:
            super().write(*kept)


@pytest.mark.parametrize(
    ("name", "is_dropped"),
    [
        ("blocked", lambda op: type(op).__name__ == "Check"),
        ("blocked", lambda op: "blocks" in getattr(op, "set", ())),
        ("suspended", lambda op: "suspended" in getattr(op, "set", ()) and op.key.sk.startswith("MEMBER#")),
        ("suspended", lambda op: "suspended" in getattr(op, "set", ()) and op.key.sk == "CONNECTIONS"),
    ],
    ids=[
        "no check when the conversation is created",
        "no mark in the conversation",
        "no mark on members",
        "no mark on connections",
    ],
)
def test_control_detects_a_missing_write(
    environment: Environment, name: str, is_dropped: Callable[[Op], bool]
) -> None:
    def break_it(scenario: Scenario) -> None:
        scenario.app = replace(scenario.app, table=TableWithoutWrites(scenario.app.table, is_dropped))

    assert some_seed_detects(environment, name, break_it)


def test_control_detects_a_missing_read_after_the_write(environment: Environment) -> None:
    def break_it(scenario: Scenario) -> None:
        class StaleTable(TableWrapper):
            def get_many(self, keys: Any) -> Any:
                found = super().get_many(keys)
                return {
                    key: {name: item[name] for name in item if name != "suspended_at_ms"}
                    for key, item in found.items()
                }

        scenario.app = replace(scenario.app, table=StaleTable(scenario.app.table))

    assert some_seed_detects(environment, "suspended", break_it)


@pytest.mark.parametrize("kept", ["mark", "closing"])
def test_control_detects_an_incomplete_sign_out(environment: Environment, kept: str) -> None:
    def sign_out_partly(scenario: Scenario) -> None:
        if kept == "mark":
            connections.mark_signed_out(scenario.app.table, scenario.bob, PHONE, now_s=0)
        else:
            realtime.sign_out(scenario.app, scenario.bob, None)

    assert any(run_sign_out(scenario, sign_out_partly) for scenario in environment.scenarios())


def test_control_detects_a_connection_that_checks_before_it_is_stored(environment: Environment) -> None:
    def check_then_connect(
        app: App, user_id: UserId, connection_id: ConnectionId, sign_in: SignInId | None
    ) -> None:
        if sign_in is not None and connections.is_signed_out(app.table, user_id, sign_in):
            raise Unauthenticated("signed out")
        realtime.connect(app, user_id, connection_id)

    def break_it(scenario: Scenario) -> None:
        scenario.connect = check_then_connect

    assert some_seed_detects(environment, "signed out", break_it)
