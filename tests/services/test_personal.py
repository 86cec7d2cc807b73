"""What people choose for themselves of a conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.world import Interleaved, World

from imchat.domain.ids import ConversationId
from imchat.errors import NotFound
from imchat.services import conversations, groups, personal, receipts
from imchat.storage import members


def test_settings_are_kept_and_told_to_ones_own_devices_once(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone, tablet, his = world.connect(ann, "phone"), world.connect(ann, "tablet"), world.connect(bob)
    personal.update(world.app, ann, where, {"archived": True, "muted": True})
    personal.update(world.app, ann, where, {"muted": True})
    personal.update(world.app, ann, where, {"archived": False})
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
        world.table, lambda: personal.update(world.app, ann, where, {"pinned": True}), "MEMBER#"
    )
    personal.update(replace(world.app, table=table), ann, where, {"muted": True})
    assert members.of(world.table, where)[ann].settings == ("muted", "pinned")


def test_reading_ends_that_a_conversation_is_marked_unread_also_where_the_cursor_stays(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    personal.update(world.app, ann, where, {"marked_unread": True})
    receipts.mark_read(world.app, ann, where, 1)
    assert members.of(world.table, where)[ann].settings == ()


def test_whoever_leaves_in_the_same_moment_leaves_nothing_behind(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    table = Interleaved(world.table, lambda: groups.remove_member(world.app, ann, where, bob), "MEMBER#")
    with pytest.raises(NotFound):
        personal.update(replace(world.app, table=table), bob, where, {"muted": True})
    assert members.get(world.table, where, bob) is None
    groups.add_members(world.app, ann, where, [bob])
    assert members.of(world.table, where)[bob].settings == ()


def test_a_stranger_chooses_nothing(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    for where in (world.direct(ann, bob), ConversationId("nowhere")):
        with pytest.raises(NotFound, match="no such conversation"):
            personal.update(world.app, eve, where, {})
