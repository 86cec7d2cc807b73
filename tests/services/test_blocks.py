"""Blocks: what they prevent, what they leave unchanged, and that errors do not reveal who blocked the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.support.world import RacingTable, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId, direct_conversation_id
from imchat.errors import Busy, Forbidden, Invalid, NotFound
from imchat.services import (
    blocks,
    conversations,
    message_actions,
    messages,
    presence,
    realtime,
    users,
)
from imchat.services import members as memberships
from imchat.storage.repositories import blocks as stored
from imchat.storage.repositories import keys, members


def send(
    world: World, user_id: UserId, conversation_id: ConversationId, name: str, body: str = "hello"
) -> dict[str, Any]:
    event = messages.send(world.app, user_id, conversation_id, client_message_id=name, body=body).event
    assert event is not None
    return {**event}


def catch_forbidden(action: Callable[[], object]) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Forbidden) as caught:
        action()
    return caught.value.message, caught.value.details


def test_after_a_block_both_users_get_the_same_error_for_messages_and_changes(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    seqs = {user_id: send(world, user_id, conversation_id, f"by-{user_id}")["seq"] for user_id in (ann, bob)}
    blocks.block(world.app, ann, bob)
    attempts = [
        action
        for user_id, seq in seqs.items()
        for action in (
            lambda user_id=user_id: messages.send(
                world.app, user_id, conversation_id, client_message_id="more", body="more"
            ),
            lambda user_id=user_id, seq=seq: message_actions.edit(
                world.app, user_id, conversation_id, seq, "new text"
            ),
            lambda user_id=user_id, seq=seq: message_actions.react(
                world.app, user_id, conversation_id, seq, "👍"
            ),
            lambda user_id=user_id, seq=seq: message_actions.pin(world.app, user_id, conversation_id, seq),
        )
    ]
    errors = [catch_forbidden(action) for action in attempts]
    assert errors == [("you can't message this person", {"reason": "blocked"})] * 8
    assert messages.read(world.app, bob, conversation_id).events[-1]["seq"] == 3


def test_a_blocked_user_can_still_delete_a_message_and_retry_a_send(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    sent = send(world, bob, conversation_id, "m")
    blocks.block(world.app, ann, bob)
    assert send(world, bob, conversation_id, "m") == sent
    assert message_actions.delete(world.app, bob, conversation_id, sent["seq"]).message["body"] == ""


def test_neither_user_can_create_a_direct_conversation_after_a_block(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    blocks.block(world.app, ann, bob)
    attempts = [lambda: world.direct(ann, bob), lambda: world.direct(bob, ann)]
    assert [catch_forbidden(action) for action in attempts] == [
        ("you can't message this person", {"reason": "blocked"})
    ] * 2
    assert conversations.inbox(world.app, bob, cursor=None).entries == []

    blocks.unblock(world.app, ann, bob)
    send(world, bob, world.direct(bob, ann), "m")


def test_unblocking_reopens_the_conversation_unless_the_other_user_blocked_too(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    blocks.block(world.app, ann, bob)
    blocks.block(world.app, bob, ann)
    blocks.unblock(world.app, ann, bob)
    catch_forbidden(lambda: send(world, ann, conversation_id, "m"))
    blocks.unblock(world.app, bob, ann)
    send(world, ann, conversation_id, "m")
    assert stored.involving(world.table, ann) == set()


def test_repeated_blocks_and_unblocks_change_nothing(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    blocks.block(world.app, ann, bob)
    first = blocks.list_blocked(world.app, ann, cursor=None)
    world.clock_ms += 5_000
    blocks.block(world.app, ann, bob)
    assert blocks.list_blocked(world.app, ann, cursor=None) == first
    assert [blocked.user_id for blocked in first.blocks] == [user.user_id for user in first.users] == [bob]
    assert blocks.list_blocked(world.app, bob, cursor=None) == blocks.BlockPage([], [], None)
    for _ in range(2):
        blocks.unblock(world.app, ann, bob)
    assert blocks.list_blocked(world.app, ann, cursor=None) == blocks.BlockPage([], [], None)


def test_users_cannot_block_themselves_or_unknown_users(world: World) -> None:
    ann = world.person("ann")
    with pytest.raises(Invalid, match="yourself"):
        blocks.block(world.app, ann, ann)
    with pytest.raises(NotFound):
        blocks.block(world.app, ann, UserId("u-unknown"))
    assert stored.involving(world.table, ann) == set()


def test_after_a_block_neither_user_can_add_the_other_and_the_whole_addition_fails(world: World) -> None:
    ann, bob, cat = world.people("ann", "bob", "cat")
    blocks.block(world.app, ann, bob)
    for actor, other in ((ann, bob), (bob, ann)):
        error = ("you can't add these people", {"reason": "blocked", "user_ids": [other]})
        assert catch_forbidden(partial(world.group, actor, cat, other)) == error
        conversation_id = world.group(actor)
        assert (
            catch_forbidden(partial(memberships.add_members, world.app, actor, conversation_id, [cat, other]))
            == error
        )
        assert set(members.list_for(world.table, conversation_id)) == {actor}
    memberships.add_members(world.app, cat, world.group(cat), [ann, bob])


def test_in_a_group_both_users_can_write_but_mentions_by_the_blocked_user_are_plain_text(
    world: World,
) -> None:
    ann, bob, cat = world.people("ann", "bob", "cat")
    conversation_id = world.group(cat, ann, bob)
    blocks.block(world.app, ann, bob)
    seq = send(world, bob, conversation_id, "plain", "hello")["seq"]
    assert send(world, bob, conversation_id, "b", "@ann and @cat")["message"]["mentions"] == {"cat": cat}
    assert (
        message_actions.edit(world.app, bob, conversation_id, seq, "@ann").message.get("mentions", {}) == {}
    )
    assert send(world, ann, conversation_id, "a", "@bob")["message"]["mentions"] == {"bob": bob}
    assert members.list_for(world.table, conversation_id)[ann].mentions == ()


def test_a_block_hides_presence_both_ways_and_subscribers_see_the_other_go_offline(world: World) -> None:
    ann, bob, cat = world.people("ann", "bob", "cat")
    conversation_id = world.group(cat, ann, bob)
    for user_id in (ann, bob):
        world.connect(user_id)
    presence.subscribe(world.app, ann, conversation_id, [bob])
    presence.subscribe(world.app, bob, conversation_id, [ann])
    presence.subscribe(world.app, cat, conversation_id, [ann, bob])
    blocks.block(world.app, ann, bob)
    for user_id, other in ((ann, bob), (bob, ann)):
        frames = world.received(ConnectionId(f"c-{user_id}"), "presence")
        assert frames == [{"type": "presence", "user_id": other, "online": False}]
        assert other not in {
            found.user_id for found in presence.get(world.app, user_id, conversation_id, None)
        }
    world.gateway.frames.clear()
    cats_phone = world.connect(cat)
    for user_id, other in ((ann, bob), (bob, ann)):
        realtime.disconnect(world.app, user_id, ConnectionId(f"c-{user_id}"))
        realtime.connect(world.app, user_id, ConnectionId(f"c-{user_id}"))
        assert world.received(ConnectionId(f"c-{other}"), "presence") == []
        assert [frame["online"] for frame in world.received(cats_phone, "presence")] == [False, True]
        world.gateway.frames.clear()
    assert {found.user_id for found in presence.get(world.app, cat, conversation_id, None)} == {ann, bob, cat}


def test_a_block_that_races_with_creating_the_conversation_is_stored_in_it_or_prevents_it(
    world: World,
) -> None:
    ann, bob, cat, dan = world.people("ann", "bob", "cat", "dan")
    app = replace(world.app, table=RacingTable(world.table, lambda: blocks.block(world.app, ann, bob)))
    catch_forbidden(lambda: conversations.create_direct(app, bob, ann))
    assert members.list_for(world.table, direct_conversation_id(ann, bob)) == {}

    app = replace(world.app, table=RacingTable(world.table, lambda: world.direct(dan, cat), "BLOCK#"))
    blocks.block(app, cat, dan)
    assert members.list_for(world.table, direct_conversation_id(cat, dan))[cat].blocks


def test_a_block_that_loses_every_race_writes_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)

    class Vanishing(RacingTable):
        def get(self, key: Any, *, consistent: bool = True) -> Any:
            return (
                None if key == keys.member(conversation_id, ann) else super().get(key, consistent=consistent)
            )

    with pytest.raises(Busy):
        blocks.block(replace(world.app, table=Vanishing(world.table, lambda: None)), ann, bob)
    assert stored.involving(world.table, bob) == set()
    send(world, bob, conversation_id, "m")


def test_blocks_are_listed_in_pages(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    others = [UserId(f"v-{number:03}") for number in range(blocks.BLOCKS_PAGE + 1)]
    for other in others:
        users.me(world.app, other)
        blocks.block(world.app, ann, other)
    found = blocks.list_blocked(world.app, ann, cursor=None)
    page, people, cursor = found.blocks, found.users, found.next_cursor
    found = blocks.list_blocked(world.app, ann, cursor=cursor)
    rest, end = found.blocks, found.next_cursor
    assert [blocked.user_id for blocked in (*page, *rest)] == others
    assert (len(page), len(people), end) == (blocks.BLOCKS_PAGE, blocks.BLOCKS_PAGE, None)
