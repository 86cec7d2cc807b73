"""Suspensions, and the other actions of administrators: remove messages, list users, read the audit log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import RacingTable, TableWrapper, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.errors import Busy, Invalid, NotFound, Suspended
from imchat.services import admin, message_actions, messages, realtime, suspensions, users
from imchat.services import members as memberships
from imchat.services.access import require_member
from imchat.storage.repositories import audit, connections, members
from imchat.storage.repositories.audit import AuditEntry
from imchat.storage.table import ConditionFailed, Op

ADMIN = UserId("u-admin")


def send(world: World, user_id: UserId, conversation_id: ConversationId, name: str) -> int:
    event = messages.send(
        world.app, user_id, conversation_id, client_message_id=name, body="hello", after_seq=1
    ).event
    assert event is not None
    return event["seq"]


def test_a_suspended_user_can_neither_write_nor_read_until_restored(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    seq = send(world, bob, conversation_id, "before")
    suspensions.suspend(world.app, ADMIN, bob)
    for action in (
        lambda: send(world, bob, conversation_id, "m"),
        lambda: send(world, bob, conversation_id, "before"),
        lambda: messages.read(world.app, bob, conversation_id),
        lambda: message_actions.delete(world.app, bob, conversation_id, seq),
        lambda: require_member(world.app, bob, conversation_id),
        lambda: suspensions.check_not_suspended(world.app, bob),
    ):
        with pytest.raises(Suspended):
            action()
    send(world, ann, conversation_id, "meanwhile")

    suspensions.restore(world.app, ADMIN, bob)
    send(world, bob, conversation_id, "after")
    assert len(messages.read(world.app, bob, conversation_id).events) == 4


def test_suspending_closes_connections_refuses_tickets_and_stops_pushes(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob, "phone")
    secret = realtime.issue_ticket(world.app, bob).secret
    suspensions.suspend(world.app, ADMIN, bob)
    assert world.gateway.disconnected == [phone]
    assert realtime.redeem_ticket(world.app, secret) is None
    with pytest.raises(Suspended):
        world.connect(bob, "tablet")
    world.gateway.frames.clear()
    send(world, ann, conversation_id, "m")
    realtime.disconnect(world.app, bob, phone)
    assert world.gateway.frames == {}

    suspensions.restore(world.app, ADMIN, bob)
    world.connect(bob, "phone again")
    send(world, ann, conversation_id, "m2")
    assert world.received(ConnectionId("phone again"), "events")


def test_a_suspension_applies_to_conversations_joined_later(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    group = world.group(ann)
    suspensions.suspend(world.app, ADMIN, bob)
    memberships.add_members(world.app, ann, group, [bob])
    for conversation_id in (group, world.group(ann, bob), world.direct(ann, bob)):
        with pytest.raises(Suspended):
            send(world, bob, conversation_id, "m")


def test_a_user_added_during_their_suspension_is_suspended_there_too(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    group = world.group(ann)
    racing = replace(
        world.app, table=RacingTable(world.table, lambda: suspensions.suspend(world.app, ADMIN, bob))
    )
    memberships.add_members(racing, ann, group, [bob])
    with pytest.raises(Suspended):
        send(world, bob, group, "m")


def test_suspending_again_completes_what_a_crash_interrupted_and_is_logged_once(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    world.connect(bob)

    class Crashing(TableWrapper):
        def write(self, *ops: Op) -> None:
            if ops[0].key.sk in ("CONNECTIONS", f"MEMBER#{bob}"):
                raise Busy("a crash")
            super().write(*ops)

    with pytest.raises(Busy):
        suspensions.suspend(replace(world.app, table=Crashing(world.table)), ADMIN, bob)
    suspensions.suspend(world.app, ADMIN, bob)
    with pytest.raises(Suspended):
        send(world, bob, conversation_id, "m")
    assert connections.list_for(world.table, [bob], now_s=0) == {}
    assert [entry.action for entry in admin.audit_log(world.app, cursor=None).entries] == ["user.suspended"]


def test_concurrent_suspend_and_restore_leave_marks_that_match_the_profile(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    racing = RacingTable(world.table, lambda: suspensions.restore(world.app, ADMIN, bob), "MEMBER#")
    suspensions.suspend(replace(world.app, table=racing), ADMIN, bob)
    assert not suspensions.is_suspended(world.app, bob)
    assert not members.list_for(world.table, conversation_id)[bob].suspended
    send(world, bob, conversation_id, "m")


def test_administrators_cannot_suspend_themselves_or_unknown_users(world: World) -> None:
    ann = world.person("ann")
    with pytest.raises(Invalid, match="yourself"):
        suspensions.suspend(world.app, ann, ann)
    for action in (suspensions.suspend, suspensions.restore):
        with pytest.raises(NotFound):
            action(world.app, ann, UserId("u-unknown"))
    assert admin.audit_log(world.app, cursor=None) == admin.AuditPage([], None)


def test_an_administrator_can_remove_a_message_without_being_a_member(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    seq = send(world, ann, conversation_id, "m")
    phone = world.connect(bob)
    done = admin.remove_message(world.app, ADMIN, conversation_id, seq)
    assert done.event is not None
    assert (done.event["type"], done.event["actor_id"], done.message["body"]) == (
        "message.deleted",
        ADMIN,
        "",
    )
    assert world.received(phone, "events")[-1]["events"] == [done.event]
    assert "hello" not in repr(messages.read(world.app, bob, conversation_id))

    assert admin.remove_message(world.app, ADMIN, conversation_id, seq).event is None
    for other_id, other_seq in (
        (conversation_id, 99),
        (conversation_id, 1),
        (ConversationId("nowhere"), seq),
    ):
        with pytest.raises(NotFound):
            admin.remove_message(world.app, ADMIN, other_id, other_seq)
    [entry] = admin.audit_log(world.app, cursor=None).entries
    expected = AuditEntry(entry.audit_id, world.clock_ms, ADMIN, "message.removed", ann, conversation_id, seq)
    assert entry == expected


def test_the_audit_log_is_read_in_pages_newest_first_and_never_overwritten(sqlite_world: World) -> None:
    world = sqlite_world
    bob = world.person("bob")
    for number in range(admin.PAGE // 2 + 1):
        world.clock_ms += number
        suspensions.suspend(world.app, ADMIN, bob)
        suspensions.restore(world.app, ADMIN, bob)
    found = admin.audit_log(world.app, cursor=None)
    page, cursor = found.entries, found.next_cursor
    found = admin.audit_log(world.app, cursor=cursor)
    rest, end = found.entries, found.next_cursor
    assert (len(page), len(rest), end) == (admin.PAGE, 2, None)
    all_entries = [*page, *rest]
    assert all_entries == sorted(all_entries, key=lambda entry: entry.audit_id, reverse=True)
    with pytest.raises(ConditionFailed):
        world.table.write(audit.put_new(replace(page[0], actor_id=bob)))


def test_all_users_are_listed_once_in_pages(sqlite_world: World) -> None:
    world = sqlite_world
    user_ids = [UserId(f"v-{number:03}") for number in range(admin.PAGE + 1)]
    for user_id in user_ids * 2:
        users.me(world.app, user_id)
    suspensions.suspend(world.app, ADMIN, user_ids[0])
    found = admin.list_users(world.app, cursor=None)
    page, cursor = found.users, found.next_cursor
    found = admin.list_users(world.app, cursor=cursor)
    rest, end = found.users, found.next_cursor
    assert [user.user_id for user in (*page, *rest)] == user_ids
    assert ([user.suspended_at_ms for user in page[:2]], end) == ([world.clock_ms, None], None)
