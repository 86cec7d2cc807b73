"""Blocks: whom they keep apart, in what, and what they do not touch; and that nobody learns whose they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.support.world import Interleaved, World

from imchat.domain.ids import ConnectionId, ConversationId, UserId, direct_conversation_id
from imchat.errors import Busy, Forbidden, Invalid, NotFound
from imchat.services import (
    blocks,
    conversations,
    message_actions,
    messages,
    presence,
    read_cursors,
    realtime,
    users,
)
from imchat.services import members as memberships
from imchat.storage.repositories import blocks as stored
from imchat.storage.repositories import keys, members


def say(world: World, who: UserId, where: ConversationId, name: str, body: str = "hello") -> dict[str, Any]:
    event = messages.send(world.app, who, where, client_message_id=name, body=body).event
    assert event is not None
    return {**event}


def refusal(act: Callable[[], object]) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Forbidden) as caught:
        act()
    return caught.value.message, caught.value.details


def test_after_a_block_neither_of_two_can_say_anything_to_the_other_and_both_get_one_answer(
    world: World,
) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    seqs = {who: say(world, who, where, f"by-{who}")["seq"] for who in (ann, bob)}
    blocks.block(world.app, ann, bob)
    tries = [
        act
        for who, seq in seqs.items()
        for act in (
            lambda who=who: messages.send(world.app, who, where, client_message_id="more", body="more"),
            lambda who=who, seq=seq: message_actions.edit(world.app, who, where, seq, "other words"),
            lambda who=who, seq=seq: message_actions.react(world.app, who, where, seq, "👍"),
            lambda who=who, seq=seq: message_actions.pin(world.app, who, where, seq),
        )
    ]
    told = [refusal(act) for act in tries]
    assert told == [("you can't message this person", {"reason": "blocked"})] * 8
    assert messages.read(world.app, bob, where)[0][-1]["seq"] == 3


def test_past_a_block_a_message_can_still_be_deleted_and_an_answer_repeated(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    sent = say(world, bob, where, "m")
    blocks.block(world.app, ann, bob)
    assert say(world, bob, where, "m") == sent
    assert message_actions.delete(world.app, bob, where, sent["seq"]).message["body"] == ""


def test_a_direct_conversation_past_a_block_cannot_begin_from_either_side(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    blocks.block(world.app, ann, bob)
    tries = [lambda: world.direct(ann, bob), lambda: world.direct(bob, ann)]
    assert [refusal(act) for act in tries] == [("you can't message this person", {"reason": "blocked"})] * 2
    assert conversations.inbox(world.app, bob, cursor=None).entries == []

    blocks.unblock(world.app, ann, bob)
    say(world, bob, world.direct(bob, ann), "m")


def test_taking_a_block_back_opens_the_conversation_unless_the_other_blocked_as_well(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    blocks.block(world.app, ann, bob)
    blocks.block(world.app, bob, ann)
    blocks.unblock(world.app, ann, bob)
    refusal(lambda: say(world, ann, where, "m"))
    blocks.unblock(world.app, bob, ann)
    say(world, ann, where, "m")
    assert stored.involving(world.table, ann) == set()


def test_a_block_is_repeated_and_taken_back_twice_without_harm_and_keeps_its_time(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    blocks.block(world.app, ann, bob)
    first = blocks.list_blocked(world.app, ann, cursor=None)
    world.clock_ms += 5_000
    blocks.block(world.app, ann, bob)
    assert blocks.list_blocked(world.app, ann, cursor=None) == first
    assert [one.user_id for one in first[0]] == [user.user_id for user in first[1]] == [bob]
    assert blocks.list_blocked(world.app, bob, cursor=None) == ([], [], None)
    for _ in range(2):
        blocks.unblock(world.app, ann, bob)
    assert blocks.list_blocked(world.app, ann, cursor=None) == ([], [], None)


def test_oneself_and_nobody_cannot_be_blocked(world: World) -> None:
    ann = world.person("ann")
    with pytest.raises(Invalid, match="yourself"):
        blocks.block(world.app, ann, ann)
    for nobody in ("u-nobody", "not an id"):
        with pytest.raises(NotFound):
            blocks.block(world.app, ann, UserId(nobody))
    assert stored.involving(world.table, ann) == set()


def test_neither_adds_the_other_to_a_group_and_nobody_else_is_added_then(world: World) -> None:
    ann, bob, cat = world.people("ann", "bob", "cat")
    blocks.block(world.app, ann, bob)
    for actor, other in ((ann, bob), (bob, ann)):
        said = ("you can't add these people", {"reason": "blocked", "user_ids": [other]})
        assert refusal(partial(world.group, actor, cat, other)) == said
        where = world.group(actor)
        assert refusal(partial(memberships.add_members, world.app, actor, where, [cat, other])) == said
        assert set(members.list_for(world.table, where)) == {actor}
    memberships.add_members(world.app, cat, world.group(cat), [ann, bob])


def test_in_a_group_both_write_and_only_mentions_by_the_blocked_are_plain_text(world: World) -> None:
    ann, bob, cat = world.people("ann", "bob", "cat")
    where = world.group(cat, ann, bob)
    blocks.block(world.app, ann, bob)
    seq = say(world, bob, where, "plain", "hello")["seq"]
    assert say(world, bob, where, "b", "@ann and @cat")["message"]["mentions"] == {"cat": cat}
    assert message_actions.edit(world.app, bob, where, seq, "@ann").message.get("mentions", {}) == {}
    assert say(world, ann, where, "a", "@bob")["message"]["mentions"] == {"bob": bob}
    assert members.list_for(world.table, where)[ann].mentions == ()


def test_presence_is_hidden_both_ways_and_those_who_watch_see_the_other_go(world: World) -> None:
    ann, bob, cat = world.people("ann", "bob", "cat")
    where = world.group(cat, ann, bob)
    for who in (ann, bob):
        world.connect(who)
    presence.subscribe(world.app, ann, where, [bob])
    presence.subscribe(world.app, bob, where, [ann])
    presence.subscribe(world.app, cat, where, [ann, bob])
    blocks.block(world.app, ann, bob)
    for who, other in ((ann, bob), (bob, ann)):
        frames = world.heard(ConnectionId(f"c-{who}"), "presence")
        assert frames == [{"type": "presence", "user_id": other, "online": False}]
        assert other not in {one.user_id for one in presence.get(world.app, who, where, None)}
    world.gateway.frames.clear()
    theirs = world.connect(cat)
    for who, other in ((ann, bob), (bob, ann)):
        realtime.disconnect(world.app, who, ConnectionId(f"c-{who}"))
        realtime.connect(world.app, who, ConnectionId(f"c-{who}"))
        assert world.heard(ConnectionId(f"c-{other}"), "presence") == []
        assert [frame["online"] for frame in world.heard(theirs, "presence")] == [False, True]
        world.gateway.frames.clear()
    assert {one.user_id for one in presence.get(world.app, cat, where, None)} == {ann, bob, cat}


def test_nobody_past_a_block_hears_of_typing_or_reading(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    lines = {who: world.connect(who) for who in (ann, bob)}
    said = say(world, bob, where, "read-me")
    blocks.block(world.app, ann, bob)
    world.gateway.frames.clear()
    for who in (ann, bob):
        realtime.notify_typing(world.app, who, where)
    read_cursors.mark_read(world.app, ann, where, said["seq"])
    assert world.heard(lines[bob]) == []
    assert [frame["type"] for frame in world.heard(lines[ann])] == ["receipt"]


def test_in_a_group_both_sides_of_a_block_hear_of_typing_and_reading(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    line = world.connect(bob)
    said = say(world, bob, where, "read-me")
    blocks.block(world.app, ann, bob)
    world.gateway.frames.clear()
    realtime.notify_typing(world.app, ann, where)
    read_cursors.mark_read(world.app, ann, where, said["seq"])
    assert [frame["type"] for frame in world.heard(line)] == ["typing", "receipt"]


def test_a_block_that_races_the_conversations_beginning_is_noted_in_it_or_prevents_it(world: World) -> None:
    ann, bob, cat, dan = world.people("ann", "bob", "cat", "dan")
    app = replace(world.app, table=Interleaved(world.table, lambda: blocks.block(world.app, ann, bob)))
    refusal(lambda: conversations.create_direct(app, bob, ann))
    assert members.list_for(world.table, direct_conversation_id(ann, bob)) == {}

    app = replace(world.app, table=Interleaved(world.table, lambda: world.direct(dan, cat), "BLOCK#"))
    blocks.block(app, cat, dan)
    assert members.list_for(world.table, direct_conversation_id(cat, dan))[cat].blocks


def test_a_block_that_always_loses_its_race_writes_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)

    class Vanishing(Interleaved):
        def get(self, key: Any, *, consistent: bool = True) -> Any:
            return None if key == keys.member(where, ann) else super().get(key, consistent=consistent)

    with pytest.raises(Busy):
        blocks.block(replace(world.app, table=Vanishing(world.table, lambda: None)), ann, bob)
    assert stored.involving(world.table, bob) == set()
    say(world, bob, where, "m")


def test_many_blocks_are_listed_by_pages(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    others = [UserId(f"v-{number:03}") for number in range(blocks.BLOCKS_PAGE + 1)]
    for other in others:
        users.me(world.app, other)
        blocks.block(world.app, ann, other)
    page, people, cursor = blocks.list_blocked(world.app, ann, cursor=None)
    rest, _, end = blocks.list_blocked(world.app, ann, cursor=cursor)
    assert [one.user_id for one in (*page, *rest)] == others
    assert (len(page), len(people), end) == (blocks.BLOCKS_PAGE, blocks.BLOCKS_PAGE, None)
