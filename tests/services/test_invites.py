"""Coming into a group by oneself: links and what ends them, public channels and how they are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.support.world import Interleaved, World

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import CHANNEL_MEMBERS, GROUP_INVITES
from imchat.errors import Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import channels, conversations, invites
from imchat.services import members as memberships
from imchat.services.app import App
from imchat.storage.repositories import events, members
from imchat.storage.repositories import invites as stored_invites


def members_of(world: World, where: ConversationId) -> set[str]:
    return set(members.list_for(world.table, where))


def uses(world: World, who: UserId, where: ConversationId) -> list[int]:
    return [one.uses for one in invites.list_invites(world.app, who, where)]


def refused(reason: str, action: Callable[[], object]) -> None:
    with pytest.raises(Conflict) as refusal:
        action()
    assert refusal.value.details["reason"] == reason


def test_whoever_has_the_link_sees_where_it_leads_and_joins_once(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, title="Hikers")
    made, token = invites.create(world.app, ann, where)
    head, found = invites.preview(world.app, token)
    assert (head.title, head.member_count, found) == ("Hikers", 1, made)
    tablet = world.connect(bob)
    assert invites.accept(world.app, bob, token) == where
    assert invites.accept(world.app, bob, token) == where
    [joined] = events.list_after(world.table, where, 1, limit=9)
    assert (joined["type"], joined["actor_id"], joined["user_id"], joined["role"]) == (
        "member.added",
        bob,
        bob,
        "member",
    )
    assert uses(world, ann, where) == [1]
    assert conversations.get(world.app, bob, where)[0].head.member_count == 2
    assert world.heard(tablet)[0] == {"type": "conversation", "conversation_id": where, "change": "added"}


def test_whoever_was_removed_comes_again_by_a_link_until_it_is_revoked(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, title="Hikers")
    made, token = invites.create(world.app, ann, where)
    invites.accept(world.app, bob, token)
    memberships.remove_member(world.app, ann, where, bob)
    assert invites.accept(world.app, bob, token) == where
    memberships.remove_member(world.app, ann, where, bob)
    invites.revoke(world.app, ann, where, made.invite_id)
    refused("revoked", lambda: invites.accept(world.app, bob, token))


def test_the_token_itself_lies_nowhere_in_the_table(world: World) -> None:
    ann = world.person("ann")
    where = world.group(ann)
    made, token = invites.create(world.app, ann, where)
    stored = repr(stored_invites.list_for(world.table, where))
    assert token not in stored
    assert token[:30] not in stored
    assert made.invite_id in stored


def test_a_link_that_has_ended_says_how(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann)
    once = invites.create(world.app, ann, where, max_uses=1)[1]
    invites.accept(world.app, bob, once)
    brief = invites.create(world.app, ann, where, expires_in_s=60)[1]
    world.clock_ms += 60_000
    taken, taken_token = invites.create(world.app, ann, where)
    invites.revoke(world.app, ann, where, taken.invite_id)
    invites.revoke(world.app, ann, where, taken.invite_id)
    for token, reason in ((once, "used_up"), (brief, "expired"), (taken_token, "revoked")):
        refused(reason, partial(invites.preview, world.app, token))
        refused(reason, partial(invites.accept, world.app, eve, token))
    assert members_of(world, where) == {ann, bob}
    assert sorted(uses(world, ann, where)) == [0, 1]
    assert invites.accept(world.app, bob, once) == where


@pytest.mark.parametrize("guess", ["x", "x" * 30, "0" * 63, "0" * 30 + "nowhere", "of a group that is there"])
def test_a_link_that_never_was_leads_nowhere(world: World, guess: str) -> None:
    ann, bob = world.people("ann", "bob")
    token = "0" * 30 + world.group(ann) if " " in guess else guess
    actions: list[Callable[[], object]] = [
        lambda: invites.preview(world.app, token),
        lambda: invites.accept(world.app, bob, token),
    ]
    for action in actions:
        with pytest.raises(NotFound, match="no such invite"):
            action()


def test_the_last_use_is_had_by_one_of_two_who_come_at_once(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann)
    token = invites.create(world.app, ann, where, max_uses=1)[1]
    table = Interleaved(world.table, lambda: invites.accept(world.app, eve, token))
    refused("used_up", lambda: invites.accept(replace(world.app, table=table), bob, token))
    assert members_of(world, where) == {ann, eve}
    assert uses(world, ann, where) == [1]


def test_a_link_that_is_revoked_in_the_moment_of_its_use_lets_nobody_in(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann)
    made, token = invites.create(world.app, ann, where)
    table = Interleaved(world.table, lambda: invites.revoke(world.app, ann, where, made.invite_id))
    refused("revoked", lambda: invites.accept(replace(world.app, table=table), bob, token))
    assert members_of(world, where) == {ann}


def test_links_are_made_listed_and_revoked_by_those_who_manage_the_group(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    made, _ = invites.create(world.app, ann, where)
    actions: list[Callable[[UserId, ConversationId], object]] = [
        lambda who, where: invites.create(world.app, who, where),
        lambda who, where: invites.list_invites(world.app, who, where),
        lambda who, where: invites.revoke(world.app, who, where, made.invite_id),
    ]
    for action in actions:
        with pytest.raises(Forbidden):
            action(bob, where)
        for nowhere in (where, ConversationId("nowhere")):
            with pytest.raises(NotFound):
                action(eve, nowhere)
        refused("direct", partial(action, ann, world.direct(ann, bob)))
    assert uses(world, ann, where) == [0]
    with pytest.raises(NotFound):
        invites.revoke(world.app, ann, where, "0" * 32)


def test_an_admin_who_loses_the_role_in_the_same_moment_makes_no_link(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    memberships.set_role(world.app, ann, where, bob, "admin")

    def demote() -> None:
        memberships.set_role(world.app, ann, where, bob, "member")

    table = Interleaved(world.table, demote, sk="")
    with pytest.raises(Forbidden):
        invites.create(replace(world.app, table=table), bob, where)
    assert uses(world, ann, where) == []


@pytest.mark.parametrize(
    ("bounds", "field", "limit"),
    [
        ({"expires_in_s": 59}, "expires_in_s", 60),
        ({"expires_in_s": 31_622_401}, "expires_in_s", 31_622_400),
        ({"max_uses": 0}, "max_uses", 1),
        ({"max_uses": 10_001}, "max_uses", 10_000),
    ],
)
def test_a_link_out_of_bounds_is_refused(
    world: World, bounds: dict[str, Any], field: str, limit: int
) -> None:
    ann = world.person("ann")
    where = world.group(ann)
    with pytest.raises(Invalid) as refusal:
        invites.create(world.app, ann, where, **bounds)
    assert refusal.value.details == {"field": field, "limit": limit}
    assert uses(world, ann, where) == []


def test_a_group_has_only_so_many_links_and_those_that_ended_do_not_count(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    where = world.group(ann)
    for _ in range(GROUP_INVITES):
        invites.create(world.app, ann, where, expires_in_s=60)
    refused("invites", lambda: invites.create(world.app, ann, where))
    world.clock_ms += 60_000
    invites.create(world.app, ann, where)


def public(world: World, owner: UserId, title: str) -> ConversationId:
    where = world.group(owner, title=title)
    conversations.update_group(world.app, owner, where, public=True)
    return where


def found(app: App, text: str) -> list[ConversationId]:
    return sorted(head.conversation_id for head in channels.search(app, text))


def test_public_channels_are_found_by_how_any_of_their_words_begin_and_private_groups_are_not(
    world: World,
) -> None:
    ann = world.person("ann")
    hikers, bikers = (
        public(world, ann, "Alpine Hikers: north"),
        public(world, ann, "ALPINE bikers, Österreich"),
    )
    world.group(ann, title="Alpine climbers")
    assert found(world.app, "alp") == sorted([hikers, bikers])
    assert found(world.app, "Alpine nor") == [hikers]
    assert found(world.app, "öster") == [bikers]
    assert found(world.app, "o\N{COMBINING DIAERESIS}st") == [bikers]
    assert found(world.app, "pine") == []
    assert found(world.app, "climbers") == []
    for nothing in ("", "a", "# !", "a b c"):
        with pytest.raises(Invalid) as refusal:
            found(world.app, nothing)
        assert refusal.value.details == {"field": "q", "limit": 2}


def test_a_channel_is_found_by_its_new_title_only_and_not_when_it_is_private_or_empty(world: World) -> None:
    ann = world.person("ann")
    where = public(world, ann, "Old town")
    conversations.update_group(world.app, ann, where, title="New town")
    assert (found(world.app, "old"), found(world.app, "new"), found(world.app, "town")) == (
        [],
        [where],
        [where],
    )
    conversations.update_group(world.app, ann, where, public=False)
    assert found(world.app, "town") == []
    conversations.update_group(world.app, ann, where, public=True)
    memberships.remove_member(world.app, ann, where, ann)
    assert found(world.app, "town") == []


@pytest.mark.parametrize("title", ["🎉", "a b c", "!?"])
def test_a_channel_that_nobody_could_find_does_not_become_public(world: World, title: str) -> None:
    ann = world.person("ann")
    where = world.group(ann, title=title)
    with pytest.raises(Invalid) as refusal:
        conversations.update_group(world.app, ann, where, public=True)
    assert refusal.value.details == {"field": "title", "limit": 2}
    conversations.update_group(world.app, ann, where, public=True, title="Party 🎉")
    with pytest.raises(Invalid):
        conversations.update_group(world.app, ann, where, title=title)
    assert found(world.app, "party") == [where]


def test_everybody_joins_a_public_channel_and_a_private_group_looks_like_none(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where, private = public(world, ann, "Town"), world.group(ann)
    channels.join(world.app, bob, where)
    channels.join(world.app, bob, where)
    assert [event["type"] for event in events.list_after(world.table, where, 2, limit=9)] == ["member.added"]
    answers = set()
    for nowhere in (private, ConversationId("nowhere"), ConversationId("no id"), world.direct(ann, bob)):
        with pytest.raises(ImchatError) as refusal:
            channels.join(world.app, world.person("eve"), nowhere)
        answers.add((type(refusal.value), refusal.value.message))
    assert answers == {(NotFound, "no such conversation")}
    assert members_of(world, private) == {ann}


def test_nobody_comes_into_a_group_that_everybody_has_left(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = public(world, ann, "Ghost town")
    token = invites.create(world.app, ann, where)[1]
    memberships.remove_member(world.app, ann, where, ann)
    actions: list[Callable[[], object]] = [
        lambda: invites.preview(world.app, token),
        lambda: invites.accept(world.app, bob, token),
        lambda: channels.join(world.app, bob, where),
    ]
    for action in actions:
        with pytest.raises(NotFound):
            action()
    assert members_of(world, where) == set()


def test_ten_thousand_people_fit_a_public_channel_and_its_members_come_in_pages(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = public(world, ann, "Everybody")
    world.fill(where, CHANNEL_MEMBERS - 2, prefix="m")
    channels.join(world.app, bob, where)
    with pytest.raises(Invalid) as refusal:
        channels.join(world.app, eve, where)
    assert refusal.value.details == {"field": "user_ids", "limit": 10_000}
    entry, users = conversations.get(world.app, bob, where)
    assert (entry.head.member_count, entry.members) == (10_000, None)
    assert bob in {user.user_id for user in users}
    page, _, cursor = memberships.list_members(world.app, bob, where, after=None)
    following, _, _ = memberships.list_members(world.app, bob, where, after=cursor)
    assert [member.user_id for member in page + following] == [f"m{number:05}" for number in range(200)]
    last, _, end = memberships.list_members(world.app, bob, where, after=UserId("m09997"))
    assert ([member.user_id for member in last], end) == ([ann, bob], None)
    with pytest.raises(NotFound):
        memberships.list_members(world.app, eve, where, after=None)
