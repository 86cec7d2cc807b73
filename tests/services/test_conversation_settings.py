"""What people choose for themselves of a conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import Interleaved, World

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import MENTIONS_KEPT
from imchat.errors import NotFound
from imchat.services import conversations, messages, read_cursors
from imchat.services import members as memberships
from imchat.storage.repositories import members


def test_settings_are_kept_and_told_to_ones_own_devices_once(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone, tablet, his = world.connect(ann, "phone"), world.connect(ann, "tablet"), world.connect(bob)
    conversations.update_settings(world.app, ann, where, {"archived": True, "muted": True})
    conversations.update_settings(world.app, ann, where, {"muted": True})
    conversations.update_settings(world.app, ann, where, {"archived": False})
    told = [frame["settings"] for frame in world.heard(phone, "settings")]
    nothing = {"muted": False, "archived": False, "pinned": False, "marked_unread": False}
    assert told == [nothing | {"muted": True, "archived": True}, nothing | {"muted": True}]
    assert world.heard(tablet) == world.heard(phone)
    assert world.heard(his) == []
    [entry] = conversations.inbox(world.app, ann, cursor=None).entries
    assert entry.me.settings == ("muted",)


def test_what_two_devices_choose_at_once_is_both_kept(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    table = Interleaved(
        world.table, lambda: conversations.update_settings(world.app, ann, where, {"pinned": True}), "MEMBER#"
    )
    conversations.update_settings(replace(world.app, table=table), ann, where, {"muted": True})
    assert members.list_for(world.table, where)[ann].settings == ("muted", "pinned")


def test_reading_ends_that_a_conversation_is_marked_unread_also_where_the_cursor_stays(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    conversations.update_settings(world.app, ann, where, {"marked_unread": True})
    read_cursors.mark_read(world.app, ann, where, 1)
    assert members.list_for(world.table, where)[ann].settings == ()


def test_whoever_leaves_in_the_same_moment_leaves_nothing_behind(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    table = Interleaved(world.table, lambda: memberships.remove_member(world.app, ann, where, bob), "MEMBER#")
    with pytest.raises(NotFound):
        conversations.update_settings(replace(world.app, table=table), bob, where, {"muted": True})
    assert members.get(world.table, where, bob) is None
    memberships.add_members(world.app, ann, where, [bob])
    assert members.list_for(world.table, where)[bob].settings == ()


def test_a_stranger_chooses_nothing(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    for where in (world.direct(ann, bob), ConversationId("nowhere")):
        with pytest.raises(NotFound, match="no such conversation"):
            conversations.update_settings(world.app, eve, where, {})


def mention(world: World, where: ConversationId, who: UserId, id_: str, body: str) -> int:
    event = messages.send(world.app, who, where, client_message_id=id_, body=body).event
    assert event is not None
    return event["seq"]


def mentions(world: World, where: ConversationId, who: UserId) -> int:
    return conversations.get(world.app, who, where)[0].me.unread_mentions


def test_unread_mentions_are_counted_apart_once_each_and_end_with_reading(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    first = mention(world, where, ann, "m1", "@bob and @bob, look")
    mention(world, where, ann, "m1", "@bob and @bob, look")
    mention(world, where, ann, "m2", "nobody in particular")
    mention(world, where, bob, "b1", "@bob is me, @eve is you")
    last = mention(world, where, ann, "m3", "@bob?")
    assert (mentions(world, where, bob), mentions(world, where, eve)) == (2, 1)
    assert read_cursors.mark_read(world.app, bob, where, first) == (first, 1, 3, 1)
    assert read_cursors.mark_read(world.app, bob, where, last) == (last, 4, 0, 0)
    [entry] = conversations.inbox(world.app, eve, cursor=None).entries
    assert (entry.me.unread_mentions, entry.head.unread(eve, entry.me.read_count)) == (1, 4)


def test_two_mentions_at_once_both_count(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    table = Interleaved(world.table, lambda: mention(world, where, eve, "e1", "@bob!"))
    messages.send(replace(world.app, table=table), ann, where, client_message_id="a1", body="@bob!")
    assert mentions(world, where, bob) == 2


def test_of_many_unread_mentions_the_newest_are_kept_and_a_reader_starts_anew(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    seqs = [mention(world, where, ann, f"m{number}", "@bob") for number in range(MENTIONS_KEPT + 1)]
    assert mentions(world, where, bob) == MENTIONS_KEPT
    read_cursors.mark_read(world.app, bob, where, seqs[-1])
    mention(world, where, ann, "new", "@bob")
    assert members.list_for(world.table, where)[bob].mentions == [seqs[-1] + 1]
