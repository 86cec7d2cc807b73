"""Conversations of so many that nobody reads all of them for one message: they keep every promise of small ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.world import Borrowed, Interleaved, WaitingQueue, World

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import BEHIND_MAX, GROUP_MEMBERS
from imchat.errors import Conflict, Invalid, NotFound
from imchat.services import members as memberships
from imchat.services import message_actions, messages
from imchat.storage.repositories import conversations, members
from imchat.storage.repositories.events import SMALL_ROOM_MEMBERS, TAIL_ROWS
from imchat.storage.table import Item, Key, KeyRange, Row


class Watched(Borrowed):
    """Counts the rows that queries bring."""

    rows = 0

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        found = super().query(key_range, **options)
        self.rows += len(found)
        return found


def crowd(world: World, *names: str) -> tuple[ConversationId, list[UserId]]:
    """A group of these people, the first of whom owns it, in a crowd."""
    people = world.people(*names)
    where = world.group(*people)
    world.fill(where, SMALL_ROOM_MEMBERS)
    return where, people


def say(world: World, who: UserId, where: ConversationId, name: str = "m1") -> int:
    sent = messages.send(world.app, who, where, client_message_id=name, body="hello", after_seq=1).event
    assert sent is not None
    return sent["seq"]


def test_a_message_to_a_crowd_reads_a_part_of_it_and_reaches_everybody(sqlite_world: World) -> None:
    world = sqlite_world
    where, (ann, bob) = crowd(world, "ann", "bob")
    world.fill(where, 300, prefix="more-")
    phone = world.connect(bob)
    table, queue = Watched(world.table), WaitingQueue()
    app = replace(world.app, table=table, queue=queue)
    messages.send(app, ann, where, client_message_id="m1", body="hello", after_seq=1)
    assert table.rows == TAIL_ROWS
    assert len(queue.take()) == 1
    say(world, ann, where, "without-a-queue")
    assert len(world.heard(phone, "events")) == 1


def test_a_room_is_read_whole_however_far_behind_its_writer_is(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    world.fill(where, SMALL_ROOM_MEMBERS - 2)
    for number in range(BEHIND_MAX):
        messages.send(world.app, ann, where, client_message_id=f"m{number}", body="x")
    phone = world.connect(bob)
    assert say(world, ann, where, "last") == BEHIND_MAX + 2
    assert len(world.heard(phone)) == 1
    with pytest.raises(Conflict):
        say(world, ann, where, "too-late")


def test_who_was_removed_from_a_crowd_learns_of_it_and_posts_nothing_more(world: World) -> None:
    where, (ann, bob) = crowd(world, "ann", "bob")
    phone = world.connect(bob)
    memberships.remove_member(world.app, ann, where, bob)
    assert [frame["type"] for frame in world.heard(phone)] == ["events", "conversation"]
    with pytest.raises(NotFound):
        say(world, bob, where)
    say(world, ann, where)
    assert len(world.heard(phone)) == 2


def test_a_member_of_a_crowd_who_is_removed_while_sending_appends_nothing(world: World) -> None:
    where, (ann, bob) = crowd(world, "ann", "bob")
    racing = Interleaved(world.table, lambda: memberships.remove_member(world.app, ann, where, bob))
    with pytest.raises(NotFound):
        messages.send(
            replace(world.app, table=racing), bob, where, client_message_id="m1", body="x", after_seq=1
        )


def test_a_membership_of_a_crowd_is_read_after_its_log(world: World) -> None:
    where, (ann, bob) = crowd(world, "ann", "bob")

    class Slow(Borrowed):
        """The removal falls between the log's reading and the membership's."""

        def get_many(self, wanted: Any) -> dict[Key, Item]:
            memberships.remove_member(world.app, ann, where, bob)
            return super().get_many(wanted)

    with pytest.raises(NotFound):
        messages.send(
            replace(world.app, table=Slow(world.table)), bob, where, client_message_id="m1", body="x"
        )


def test_a_crowd_passes_on_when_its_last_owner_leaves(sqlite_world: World) -> None:
    world = sqlite_world
    where, (ann, bob, _eve) = crowd(world, "ann", "bob", "eve")
    memberships.set_role(world.app, ann, where, bob, "admin")
    with pytest.raises(Conflict):
        memberships.set_role(world.app, ann, where, ann, "member")
    memberships.remove_member(world.app, ann, where, ann)
    assert members.list_for(world.table, where)[bob].role == "owner"


def test_a_crowd_is_counted_as_people_come_and_go(world: World) -> None:
    where, (ann, bob) = crowd(world, "ann", "bob")
    eve, kim = world.people("eve", "kim")
    memberships.add_members(world.app, ann, where, [eve, bob, kim])
    memberships.remove_member(world.app, bob, where, bob)
    head = conversations.get(world.table, where)
    assert head is not None
    assert head.member_count == len(members.list_for(world.table, where)) == SMALL_ROOM_MEMBERS + 3


def test_a_crowd_takes_as_many_as_fit(sqlite_world: World) -> None:
    world = sqlite_world
    where, (ann,) = crowd(world, "ann")
    world.fill(where, GROUP_MEMBERS - SMALL_ROOM_MEMBERS - 2, prefix="more-")
    bob, eve = world.people("bob", "eve")
    with pytest.raises(Invalid):
        memberships.add_members(world.app, ann, where, [bob, eve])
    memberships.add_members(world.app, ann, where, [bob])
    with pytest.raises(Invalid):
        memberships.add_members(world.app, ann, where, [eve])


def test_a_mention_finds_its_member_in_a_crowd_when_it_is_sent_and_when_it_is_edited(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    where, (ann, bob) = crowd(world, "ann", "bob")
    world.person("eve")
    sent = messages.send(world.app, ann, where, client_message_id="m1", body="@bob @eve").event
    assert sent is not None
    assert sent["message"]["mentions"] == {"bob": bob}
    message_actions.edit(world.app, ann, where, sent["seq"], "@nobody")
    edited = message_actions.edit(world.app, ann, where, sent["seq"], "@eve or @bob")
    assert edited.message["mentions"] == {"bob": bob}
