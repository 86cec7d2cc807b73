"""Presence: visible to members of the same conversation, pushed to subscribers, and hidden on request."""

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


def read_presence(
    world: World, user_id: UserId, conversation_id: ConversationId, *user_ids: UserId
) -> list[Presence]:
    found = presence.get(world.app, user_id, conversation_id, user_ids or None)
    return sorted(found, key=lambda one: one.user_id)


def disconnect(world: World, user_id: UserId, connection_id: str | None = None) -> None:
    realtime.disconnect(world.app, user_id, ConnectionId(connection_id or f"c-{user_id}"))


def received(world: World, user_id: UserId) -> list[dict[str, Any]]:
    frames = world.received(ConnectionId(f"c-{user_id}"), "presence")
    return [{name: value for name, value in frame.items() if name != "type"} for frame in frames]


def test_members_see_who_is_online_and_when_others_were_last_seen(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    world.connect(bob)
    world.connect(eve)
    world.clock_ms += 5_000
    disconnect(world, eve)
    assert read_presence(world, ann, conversation_id) == [
        Presence(ann, online=False, last_seen_ms=None),
        Presence(bob, online=True, last_seen_ms=None),
        Presence(eve, online=False, last_seen_ms=world.clock_ms),
    ]
    assert read_presence(world, ann, conversation_id, bob, UserId("u-unknown")) == [
        Presence(bob, online=True, last_seen_ms=None)
    ]


def test_presence_is_visible_only_among_members(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.direct(ann, bob)
    world.connect(eve)
    for inaccessible_id in (conversation_id, ConversationId("nowhere")):
        for action in (
            lambda inaccessible_id=inaccessible_id: read_presence(world, eve, inaccessible_id),
            lambda inaccessible_id=inaccessible_id: presence.subscribe(
                world.app, eve, inaccessible_id, [ann]
            ),
        ):
            with pytest.raises(NotFound, match="no such conversation"):
                action()
    assert presence.subscribe(world.app, ann, conversation_id, [eve]).presences == []
    disconnect(world, eve)
    assert presence_subscriptions.list_for(world.table, eve, now_s=0) == {}


def test_subscribers_are_notified_of_the_first_connection_and_of_the_last_one_closed(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    world.connect(ann)
    found = presence.subscribe(world.app, ann, conversation_id, [bob])
    presences, until_ms = found.presences, found.until_ms
    assert (presences, until_ms) == (
        [Presence(bob, online=False, last_seen_ms=None)],
        world.clock_ms + WATCH_S * 1000,
    )
    world.connect(bob, "phone")
    world.connect(bob, "tablet")
    disconnect(world, bob, "phone")
    world.clock_ms += 1_000
    disconnect(world, bob, "tablet")
    assert received(world, ann) == [
        {"user_id": bob, "online": True},
        {"user_id": bob, "online": False, "last_seen_ms": world.clock_ms},
    ]


def test_a_subscription_expires(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    world.connect(ann)
    presence.subscribe(world.app, ann, conversation_id, [bob])
    world.clock_ms += WATCH_S * 1000
    world.connect(bob)
    assert received(world, ann) == []


@pytest.mark.parametrize("gone", ["subscriber", "subject"])
def test_a_subscriber_who_no_longer_shares_the_conversation_gets_no_pushes(world: World, gone: str) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(eve, ann, bob)
    world.connect(ann)
    presence.subscribe(world.app, ann, conversation_id, [bob])
    memberships.remove_member(world.app, eve, conversation_id, ann if gone == "subscriber" else bob)
    world.connect(bob)
    assert received(world, ann) == []


def test_a_user_who_hides_their_presence_appears_offline(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    world.connect(ann)
    world.connect(bob)
    presence.subscribe(world.app, ann, conversation_id, [bob])
    users.update_profile(world.app, bob, show_presence=False)
    assert read_presence(world, ann, conversation_id, bob) == []
    disconnect(world, bob)
    world.connect(bob)
    assert received(world, ann) == [{"user_id": bob, "online": False}]
    users.update_profile(world.app, bob, show_presence=True)
    assert received(world, ann)[1:] == [{"user_id": bob, "online": True}]
    assert read_presence(world, ann, conversation_id, bob) == [Presence(bob, online=True, last_seen_ms=None)]


def test_a_new_name_does_not_change_the_presence_setting(world: World) -> None:
    ann = world.person("ann")
    users.update_profile(world.app, ann, show_presence=False)
    users.update_profile(world.app, ann, display_name="Anna")
    assert not users.me(world.app, ann).show_presence


def test_in_a_large_group_user_ids_are_required(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    for number in range(SIGNAL_MEMBERS - 1):
        world.table.write(members.put_new(conversation_id, Member(UserId(f"m{number}"), "member", 1, 1, 0)))
    with pytest.raises(Invalid) as refusal:
        read_presence(world, ann, conversation_id)
    assert refusal.value.details == {"field": "user_ids", "limit": 100}
    assert read_presence(world, ann, conversation_id, bob) == [Presence(bob, online=False, last_seen_ms=None)]


@pytest.mark.parametrize("count", [0, 21])
def test_the_number_of_subscribed_users_is_limited(world: World, count: int) -> None:
    ann, bob = world.people("ann", "bob")
    with pytest.raises(Invalid) as refusal:
        presence.subscribe(world.app, ann, world.direct(ann, bob), [UserId(f"u{n}") for n in range(count)])
    assert refusal.value.details["field"] == "user_ids"


def test_the_oldest_subscription_is_evicted(sqlite_world: World) -> None:
    world = sqlite_world
    bob = world.person("bob")
    for number in range(WATCHERS_MAX + 1):
        presence_subscriptions.add(
            world.table, [bob], UserId(f"w{number}"), ConversationId("c"), now_s=1_000 + number // 50
        )
    kept = presence_subscriptions.list_for(world.table, bob, now_s=1_002)
    assert len(kept) == WATCHERS_MAX
    assert f"w{WATCHERS_MAX}" in kept


def test_a_disconnect_creates_no_profile(world: World) -> None:
    newcomer = UserId("newcomer")
    world.connect(newcomer)
    disconnect(world, newcomer)
    assert users.get_many(world.app, [newcomer]) == []
