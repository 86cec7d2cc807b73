"""A member's own settings of a conversation, and unread mentions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.world import RacingTable, World

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import MENTIONS_KEPT
from imchat.errors import NotFound
from imchat.services import conversations, messages, read_cursors
from imchat.services import members as memberships
from imchat.services.read_cursors import ReadPosition
from imchat.storage.repositories import members


def test_settings_are_stored_and_pushed_once_to_the_users_own_devices(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone, tablet, bobs_phone = world.connect(ann, "phone"), world.connect(ann, "tablet"), world.connect(bob)
    conversations.update_settings(world.app, ann, conversation_id, {"archived": True, "muted": True})
    conversations.update_settings(world.app, ann, conversation_id, {"muted": True})
    conversations.update_settings(world.app, ann, conversation_id, {"archived": False})
    pushed = [frame["settings"] for frame in world.received(phone, "settings")]
    defaults = {"muted": False, "archived": False, "pinned": False, "marked_unread": False}
    assert pushed == [defaults | {"muted": True, "archived": True}, defaults | {"muted": True}]
    assert world.received(tablet) == world.received(phone)
    assert world.received(bobs_phone) == []
    [entry] = conversations.inbox(world.app, ann, cursor=None).entries
    assert entry.me.settings == ("muted",)


def test_concurrent_settings_of_two_devices_are_both_stored(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    table = RacingTable(
        world.table,
        lambda: conversations.update_settings(world.app, ann, conversation_id, {"pinned": True}),
        "MEMBER#",
    )
    conversations.update_settings(replace(world.app, table=table), ann, conversation_id, {"muted": True})
    assert members.list_for(world.table, conversation_id)[ann].settings == ("muted", "pinned")


def test_marking_as_read_clears_marked_unread_even_if_the_cursor_does_not_move(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    conversations.update_settings(world.app, ann, conversation_id, {"marked_unread": True})
    read_cursors.mark_read(world.app, ann, conversation_id, 1)
    assert members.list_for(world.table, conversation_id)[ann].settings == ()


def test_settings_of_a_member_who_leaves_at_the_same_time_are_not_stored(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    table = RacingTable(
        world.table, lambda: memberships.remove_member(world.app, ann, conversation_id, bob), "MEMBER#"
    )
    with pytest.raises(NotFound):
        conversations.update_settings(replace(world.app, table=table), bob, conversation_id, {"muted": True})
    assert members.get(world.table, conversation_id, bob) is None
    memberships.add_members(world.app, ann, conversation_id, [bob])
    assert members.list_for(world.table, conversation_id)[bob].settings == ()


def test_a_stranger_cannot_change_settings(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    for conversation_id in (world.direct(ann, bob), ConversationId("nowhere")):
        with pytest.raises(NotFound, match="no such conversation"):
            conversations.update_settings(world.app, eve, conversation_id, {})


def mention(world: World, conversation_id: ConversationId, user_id: UserId, id_: str, body: str) -> int:
    event = messages.send(world.app, user_id, conversation_id, client_message_id=id_, body=body).event
    assert event is not None
    return event["seq"]


def mentions(world: World, conversation_id: ConversationId, user_id: UserId) -> int:
    return conversations.get(world.app, user_id, conversation_id).me.unread_mentions


def test_unread_mentions_are_counted_per_member_until_they_are_read(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    first = mention(world, conversation_id, ann, "m1", "@bob and @bob, look")
    mention(world, conversation_id, ann, "m1", "@bob and @bob, look")
    mention(world, conversation_id, ann, "m2", "no mention")
    mention(world, conversation_id, bob, "b1", "@bob is me, @eve is you")
    last = mention(world, conversation_id, ann, "m3", "@bob?")
    assert (mentions(world, conversation_id, bob), mentions(world, conversation_id, eve)) == (2, 1)
    assert read_cursors.mark_read(world.app, bob, conversation_id, first) == ReadPosition(first, 1, 3, 1)
    assert read_cursors.mark_read(world.app, bob, conversation_id, last) == ReadPosition(last, 4, 0, 0)
    [entry] = conversations.inbox(world.app, eve, cursor=None).entries
    assert (entry.me.unread_mentions, entry.head.unread(eve, entry.me.read_count)) == (1, 4)


def test_two_concurrent_mentions_both_count(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    table = RacingTable(world.table, lambda: mention(world, conversation_id, eve, "e1", "@bob!"))
    messages.send(replace(world.app, table=table), ann, conversation_id, client_message_id="a1", body="@bob!")
    assert mentions(world, conversation_id, bob) == 2


def test_only_the_newest_unread_mentions_are_stored_and_reading_resets_them(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    seqs = [mention(world, conversation_id, ann, f"m{number}", "@bob") for number in range(MENTIONS_KEPT + 1)]
    assert mentions(world, conversation_id, bob) == MENTIONS_KEPT
    read_cursors.mark_read(world.app, bob, conversation_id, seqs[-1])
    mention(world, conversation_id, ann, "new", "@bob")
    assert members.list_for(world.table, conversation_id)[bob].mentions == [seqs[-1] + 1]
