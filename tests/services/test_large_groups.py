"""Groups so large that a send does not read all members: they behave like small groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.world import InMemoryQueue, RacingTable, TableWrapper, World

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import BEHIND_MAX, GROUP_MEMBERS
from imchat.errors import Conflict, Invalid, NotFound
from imchat.services import members as memberships
from imchat.services import message_actions, messages
from imchat.storage.repositories import conversations, members
from imchat.storage.repositories.events import SMALL_ROOM_MEMBERS, TAIL_ROWS
from imchat.storage.table import Item, Key, KeyRange, Row


class RowCountingTable(TableWrapper):
    """Counts the rows that queries return."""

    rows = 0

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        found = super().query(key_range, **options)
        self.rows += len(found)
        return found


def large_group(world: World, *names: str) -> tuple[ConversationId, list[UserId]]:
    """Create a large group with these users, the first of them as owner, and many other members."""
    people = world.people(*names)
    conversation_id = world.group(*people)
    world.fill(conversation_id, SMALL_ROOM_MEMBERS)
    return conversation_id, people


def send(world: World, user_id: UserId, conversation_id: ConversationId, name: str = "m1") -> int:
    sent = messages.send(
        world.app, user_id, conversation_id, client_message_id=name, body="hello", after_seq=1
    ).event
    assert sent is not None
    return sent["seq"]


def test_a_send_to_a_large_group_reads_some_members_and_pushes_to_all(sqlite_world: World) -> None:
    world = sqlite_world
    conversation_id, (ann, bob) = large_group(world, "ann", "bob")
    world.fill(conversation_id, 300, prefix="more-")
    phone = world.connect(bob)
    table, queue = RowCountingTable(world.table), InMemoryQueue()
    app = replace(world.app, table=table, queue=queue)
    messages.send(app, ann, conversation_id, client_message_id="m1", body="hello", after_seq=1)
    assert table.rows == TAIL_ROWS
    assert len(queue.take()) == 1
    send(world, ann, conversation_id, "without-a-queue")
    assert len(world.received(phone, "events")) == 1


def test_all_members_of_a_small_group_are_read_however_far_behind_the_sender_is(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    world.fill(conversation_id, SMALL_ROOM_MEMBERS - 2)
    for number in range(BEHIND_MAX):
        messages.send(world.app, ann, conversation_id, client_message_id=f"m{number}", body="x")
    phone = world.connect(bob)
    assert send(world, ann, conversation_id, "last") == BEHIND_MAX + 2
    assert len(world.received(phone)) == 1
    with pytest.raises(Conflict):
        send(world, ann, conversation_id, "too-late")


def test_a_member_removed_from_a_large_group_is_notified_and_cannot_send(world: World) -> None:
    conversation_id, (ann, bob) = large_group(world, "ann", "bob")
    phone = world.connect(bob)
    memberships.remove_member(world.app, ann, conversation_id, bob)
    assert [frame["type"] for frame in world.received(phone)] == ["events", "conversation"]
    with pytest.raises(NotFound):
        send(world, bob, conversation_id)
    send(world, ann, conversation_id)
    assert len(world.received(phone)) == 2


def test_a_member_of_a_large_group_removed_during_a_send_appends_nothing(world: World) -> None:
    conversation_id, (ann, bob) = large_group(world, "ann", "bob")
    racing_table = RacingTable(
        world.table, lambda: memberships.remove_member(world.app, ann, conversation_id, bob)
    )
    with pytest.raises(NotFound):
        messages.send(
            replace(world.app, table=racing_table),
            bob,
            conversation_id,
            client_message_id="m1",
            body="x",
            after_seq=1,
        )


def test_the_membership_in_a_large_group_is_read_after_the_log(world: World) -> None:
    conversation_id, (ann, bob) = large_group(world, "ann", "bob")

    class RemovalBeforeGetMany(TableWrapper):
        """Removes Bob after the log was read and before his membership is."""

        def get_many(self, wanted: Any) -> dict[Key, Item]:
            memberships.remove_member(world.app, ann, conversation_id, bob)
            return super().get_many(wanted)

    with pytest.raises(NotFound):
        messages.send(
            replace(world.app, table=RemovalBeforeGetMany(world.table)),
            bob,
            conversation_id,
            client_message_id="m1",
            body="x",
        )


def test_a_large_group_gets_a_new_owner_when_the_last_one_leaves(sqlite_world: World) -> None:
    world = sqlite_world
    conversation_id, (ann, bob, _eve) = large_group(world, "ann", "bob", "eve")
    memberships.set_role(world.app, ann, conversation_id, bob, "admin")
    with pytest.raises(Conflict):
        memberships.set_role(world.app, ann, conversation_id, ann, "member")
    memberships.remove_member(world.app, ann, conversation_id, ann)
    assert members.list_for(world.table, conversation_id)[bob].role == "owner"


def test_the_member_count_of_a_large_group_follows_additions_and_removals(world: World) -> None:
    conversation_id, (ann, bob) = large_group(world, "ann", "bob")
    eve, kim = world.people("eve", "kim")
    memberships.add_members(world.app, ann, conversation_id, [eve, bob, kim])
    memberships.remove_member(world.app, bob, conversation_id, bob)
    head = conversations.get(world.table, conversation_id)
    assert head is not None
    assert head.member_count == len(members.list_for(world.table, conversation_id)) == SMALL_ROOM_MEMBERS + 3


def test_a_large_group_accepts_members_up_to_the_limit(sqlite_world: World) -> None:
    world = sqlite_world
    conversation_id, (ann,) = large_group(world, "ann")
    world.fill(conversation_id, GROUP_MEMBERS - SMALL_ROOM_MEMBERS - 2, prefix="more-")
    bob, eve = world.people("bob", "eve")
    with pytest.raises(Invalid):
        memberships.add_members(world.app, ann, conversation_id, [bob, eve])
    memberships.add_members(world.app, ann, conversation_id, [bob])
    with pytest.raises(Invalid):
        memberships.add_members(world.app, ann, conversation_id, [eve])


def test_mentions_work_in_a_large_group_in_sent_and_edited_messages(sqlite_world: World) -> None:
    world = sqlite_world
    conversation_id, (ann, bob) = large_group(world, "ann", "bob")
    world.person("eve")
    sent = messages.send(world.app, ann, conversation_id, client_message_id="m1", body="@bob @eve").event
    assert sent is not None
    assert sent["message"]["mentions"] == {"bob": bob}
    message_actions.edit(world.app, ann, conversation_id, sent["seq"], "@unknown")
    edited = message_actions.edit(world.app, ann, conversation_id, sent["seq"], "@eve or @bob")
    assert edited.message["mentions"] == {"bob": bob}
