"""Presence: seen by those who share a conversation and ask, told to those who watch, hidden by whoever wants to."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.world import World

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import SIGNAL_MEMBERS, WATCH_S, WATCHERS_MAX
from imchat.domain.member import Member
from imchat.errors import Invalid, NotFound
from imchat.services import members as memberships
from imchat.services import presence, realtime, users
from imchat.services.presence import Presence
from imchat.storage.repositories import members, presence_subscriptions


def look(world: World, who: UserId, where: ConversationId, *user_ids: UserId) -> list[Presence]:
    return sorted(presence.get(world.app, who, where, user_ids or None))


def leave(world: World, user_id: UserId, connection_id: str | None = None) -> None:
    realtime.disconnect(world.app, user_id, ConnectionId(connection_id or f"c-{user_id}"))


def heard(world: World, user_id: UserId) -> list[dict[str, Any]]:
    frames = world.heard(ConnectionId(f"c-{user_id}"), "presence")
    return [{name: value for name, value in frame.items() if name != "type"} for frame in frames]


def test_members_see_who_is_there_and_when_the_others_were(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    world.connect(bob)
    world.connect(eve)
    world.clock_ms += 5_000
    leave(world, eve)
    assert look(world, ann, where) == [
        Presence(ann, online=False, last_seen_ms=None),
        Presence(bob, online=True, last_seen_ms=None),
        Presence(eve, online=False, last_seen_ms=world.clock_ms),
    ]
    assert look(world, ann, where, bob, UserId("u-nobody")) == [Presence(bob, online=True, last_seen_ms=None)]


def test_a_stranger_sees_nobody_and_of_strangers_nobody_is_seen(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.direct(ann, bob)
    world.connect(eve)
    for nowhere in (where, ConversationId("nowhere")):
        for action in (
            lambda nowhere=nowhere: look(world, eve, nowhere),
            lambda nowhere=nowhere: presence.subscribe(world.app, eve, nowhere, [ann]),
        ):
            with pytest.raises(NotFound, match="no such conversation"):
                action()
    assert presence.subscribe(world.app, ann, where, [eve])[0] == []
    leave(world, eve)
    assert presence_subscriptions.list_for(world.table, eve, now_s=0) == {}


def test_watchers_hear_of_the_first_device_that_comes_and_the_last_that_goes(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    world.connect(ann)
    seen, until_ms = presence.subscribe(world.app, ann, where, [bob])
    assert (seen, until_ms) == (
        [Presence(bob, online=False, last_seen_ms=None)],
        world.clock_ms + WATCH_S * 1000,
    )
    world.connect(bob, "phone")
    world.connect(bob, "tablet")
    leave(world, bob, "phone")
    world.clock_ms += 1_000
    leave(world, bob, "tablet")
    assert heard(world, ann) == [
        {"user_id": bob, "online": True},
        {"user_id": bob, "online": False, "last_seen_ms": world.clock_ms},
    ]


def test_a_watch_ends_by_itself(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    world.connect(ann)
    presence.subscribe(world.app, ann, where, [bob])
    world.clock_ms += WATCH_S * 1000
    world.connect(bob)
    assert heard(world, ann) == []


@pytest.mark.parametrize("gone", ["watcher", "watched"])
def test_who_no_longer_shares_the_conversation_hears_nothing_more(world: World, gone: str) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(eve, ann, bob)
    world.connect(ann)
    presence.subscribe(world.app, ann, where, [bob])
    memberships.remove_member(world.app, eve, where, ann if gone == "watcher" else bob)
    world.connect(bob)
    assert heard(world, ann) == []


def test_whoever_hides_is_seen_by_nobody_and_goes_like_anybody(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    world.connect(ann)
    world.connect(bob)
    presence.subscribe(world.app, ann, where, [bob])
    users.update_profile(world.app, bob, show_presence=False)
    assert look(world, ann, where, bob) == []
    leave(world, bob)
    world.connect(bob)
    assert heard(world, ann) == [{"user_id": bob, "online": False}]
    users.update_profile(world.app, bob, show_presence=True)
    assert heard(world, ann)[1:] == [{"user_id": bob, "online": True}]
    assert look(world, ann, where, bob) == [Presence(bob, online=True, last_seen_ms=None)]


def test_a_new_name_leaves_presence_as_it_was(world: World) -> None:
    ann = world.person("ann")
    users.update_profile(world.app, ann, show_presence=False)
    users.update_profile(world.app, ann, display_name="Anna")
    assert not users.me(world.app, ann).show_presence


def test_in_a_crowd_people_have_to_be_named(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    for number in range(SIGNAL_MEMBERS - 1):
        world.table.write(members.put_new(where, Member(UserId(f"m{number}"), "member", 1, 1, 0)))
    with pytest.raises(Invalid) as refusal:
        look(world, ann, where)
    assert refusal.value.details == {"field": "user_ids", "limit": 100}
    assert look(world, ann, where, bob) == [Presence(bob, online=False, last_seen_ms=None)]


@pytest.mark.parametrize("count", [0, 21])
def test_no_more_people_are_watched_than_a_screen_shows(world: World, count: int) -> None:
    ann, bob = world.people("ann", "bob")
    with pytest.raises(Invalid) as refusal:
        presence.subscribe(world.app, ann, world.direct(ann, bob), [UserId(f"u{n}") for n in range(count)])
    assert refusal.value.details["field"] == "user_ids"


def test_the_watcher_who_asked_longest_ago_makes_way(sqlite_world: World) -> None:
    world = sqlite_world
    bob = world.person("bob")
    for number in range(WATCHERS_MAX + 1):
        presence_subscriptions.add(
            world.table, [bob], UserId(f"w{number}"), ConversationId("c"), now_s=1_000 + number // 50
        )
    kept = presence_subscriptions.list_for(world.table, bob, now_s=1_002)
    assert len(kept) == WATCHERS_MAX
    assert f"w{WATCHERS_MAX}" in kept


def test_ones_own_going_writes_no_profile_that_was_not_there(world: World) -> None:
    newcomer = UserId("newcomer")
    world.connect(newcomer)
    leave(world, newcomer)
    assert users.get_many(world.app, [newcomer]) == []
