"""Whoever is suspended does nothing and gets nothing, until they are restored; administrators see what was done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import Borrowed, Interleaved, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.errors import Busy, Invalid, NotFound, Suspended
from imchat.services import admin, message_actions, messages, realtime, suspensions, users
from imchat.services import members as memberships
from imchat.services.access import require_member
from imchat.storage.repositories import audit, connections, members
from imchat.storage.table import ConditionFailed, Op

ADMIN = UserId("u-admin")


def send(world: World, who: UserId, where: ConversationId, name: str) -> int:
    event = messages.send(world.app, who, where, client_message_id=name, body="hello", after_seq=1).event
    assert event is not None
    return event["seq"]


def test_whoever_is_suspended_writes_and_reads_nothing_until_they_are_restored(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    seq = send(world, bob, where, "before")
    suspensions.suspend(world.app, ADMIN, bob)
    for act in (
        lambda: send(world, bob, where, "m"),
        lambda: send(world, bob, where, "before"),
        lambda: messages.read(world.app, bob, where),
        lambda: message_actions.delete(world.app, bob, where, seq),
        lambda: require_member(world.app, bob, where),
        lambda: suspensions.check_not_suspended(world.app, bob),
    ):
        with pytest.raises(Suspended):
            act()
    send(world, ann, where, "meanwhile")

    suspensions.restore(world.app, ADMIN, bob)
    send(world, bob, where, "after")
    assert len(messages.read(world.app, bob, where)[0]) == 4


def test_their_connections_are_closed_their_tickets_refused_and_nothing_is_pushed(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob, "phone")
    secret, _ = realtime.issue_ticket(world.app, bob)
    suspensions.suspend(world.app, ADMIN, bob)
    assert world.gateway.disconnected == [phone]
    assert realtime.redeem_ticket(world.app, secret) is None
    with pytest.raises(Suspended):
        world.connect(bob, "tablet")
    world.gateway.frames.clear()
    send(world, ann, where, "m")
    realtime.disconnect(world.app, bob, phone)
    assert world.gateway.frames == {}

    suspensions.restore(world.app, ADMIN, bob)
    world.connect(bob, "phone again")
    send(world, ann, where, "m2")
    assert world.heard(ConnectionId("phone again"), "events")


def test_a_suspended_person_is_known_in_conversations_that_they_come_into_later(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    group = world.group(ann)
    suspensions.suspend(world.app, ADMIN, bob)
    memberships.add_members(world.app, ann, group, [bob])
    for where in (group, world.group(ann, bob), world.direct(ann, bob)):
        with pytest.raises(Suspended):
            send(world, bob, where, "m")


def test_who_is_added_while_they_are_being_suspended_is_suspended_there_as_well(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    group = world.group(ann)
    racing = replace(
        world.app, table=Interleaved(world.table, lambda: suspensions.suspend(world.app, ADMIN, bob))
    )
    memberships.add_members(racing, ann, group, [bob])
    with pytest.raises(Suspended):
        send(world, bob, group, "m")


def test_what_a_crash_left_half_done_is_mended_by_suspending_again_and_noted_once(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    world.connect(bob)

    class Crashing(Borrowed):
        def write(self, *ops: Op) -> None:
            if ops[0].key.sk in ("CONNECTIONS", f"MEMBER#{bob}"):
                raise Busy("a crash")
            super().write(*ops)

    with pytest.raises(Busy):
        suspensions.suspend(replace(world.app, table=Crashing(world.table)), ADMIN, bob)
    suspensions.suspend(world.app, ADMIN, bob)
    with pytest.raises(Suspended):
        send(world, bob, where, "m")
    assert connections.list_for(world.table, [bob], now_s=0) == {}
    assert [entry.action for entry in admin.audit_log(world.app, cursor=None)[0]] == ["user.suspended"]


def test_when_two_administrators_disagree_the_marks_say_what_the_profile_says(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    racing = Interleaved(world.table, lambda: suspensions.restore(world.app, ADMIN, bob), "MEMBER#")
    suspensions.suspend(replace(world.app, table=racing), ADMIN, bob)
    assert not suspensions.is_suspended(world.app, bob)
    assert not members.list_for(world.table, where)[bob].suspended
    send(world, bob, where, "m")


def test_oneself_and_nobody_cannot_be_suspended(world: World) -> None:
    ann = world.person("ann")
    with pytest.raises(Invalid, match="yourself"):
        suspensions.suspend(world.app, ann, ann)
    for act in (suspensions.suspend, suspensions.restore):
        with pytest.raises(NotFound):
            act(world.app, ann, UserId("u-nobody"))
    assert admin.audit_log(world.app, cursor=None) == ([], None)


def test_an_administrator_removes_a_message_of_a_conversation_that_they_are_not_in(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    seq = send(world, ann, where, "m")
    phone = world.connect(bob)
    done = admin.remove_message(world.app, ADMIN, where, seq)
    assert done.event is not None
    assert (done.event["type"], done.event["actor_id"], done.message["body"]) == (
        "message.deleted",
        ADMIN,
        "",
    )
    assert world.heard(phone, "events")[-1]["events"] == [done.event]
    assert "hello" not in repr(messages.read(world.app, bob, where))

    assert admin.remove_message(world.app, ADMIN, where, seq).event is None
    for nowhere, missing in (
        (where, 99),
        (where, 1),
        (ConversationId("nowhere"), seq),
        (ConversationId("%"), seq),
    ):
        with pytest.raises(NotFound):
            admin.remove_message(world.app, ADMIN, nowhere, missing)
    [entry] = admin.audit_log(world.app, cursor=None)[0]
    assert entry[1:] == (world.clock_ms, ADMIN, "message.removed", ann, where, seq)


def test_the_audit_log_is_read_by_pages_newest_first_and_never_overwritten(sqlite_world: World) -> None:
    world = sqlite_world
    bob = world.person("bob")
    for number in range(admin.PAGE // 2 + 1):
        world.clock_ms += number
        suspensions.suspend(world.app, ADMIN, bob)
        suspensions.restore(world.app, ADMIN, bob)
    page, cursor = admin.audit_log(world.app, cursor=None)
    rest, end = admin.audit_log(world.app, cursor=cursor)
    assert (len(page), len(rest), end) == (admin.PAGE, 2, None)
    everything = [*page, *rest]
    assert everything == sorted(everything, reverse=True)
    with pytest.raises(ConditionFailed):
        world.table.write(audit.put_new(page[0]._replace(actor_id=bob)))


def test_everybody_is_listed_once_by_pages(sqlite_world: World) -> None:
    world = sqlite_world
    everybody = [UserId(f"v-{number:03}") for number in range(admin.PAGE + 1)]
    for who in everybody * 2:
        users.me(world.app, who)
    suspensions.suspend(world.app, ADMIN, everybody[0])
    page, cursor = admin.list_users(world.app, cursor=None)
    rest, end = admin.list_users(world.app, cursor=cursor)
    assert [user.user_id for user in (*page, *rest)] == everybody
    assert ([user.suspended_at_ms for user in page[:2]], end) == ([world.clock_ms, None], None)
