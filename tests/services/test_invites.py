"""Joining a group without being added: by invite links, and by finding public channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.support.world import RacingTable, World

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import CHANNEL_MEMBERS, GROUP_INVITES
from imchat.domain.search_terms import SEARCHABLE
from imchat.errors import Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import channels, conversations, invites
from imchat.services import members as memberships
from imchat.services.app import App
from imchat.storage.repositories import events, members
from imchat.storage.repositories import invites as stored_invites


def members_of(world: World, conversation_id: ConversationId) -> set[str]:
    return set(members.list_for(world.table, conversation_id))


def use_counts(world: World, user_id: UserId, conversation_id: ConversationId) -> list[int]:
    return [invite.uses for invite in invites.list_invites(world.app, user_id, conversation_id)]


def assert_conflict(reason: str, action: Callable[[], object]) -> None:
    with pytest.raises(Conflict) as refusal:
        action()
    assert refusal.value.details["reason"] == reason


def test_a_link_shows_a_preview_of_the_group_and_adds_a_user_once(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, title="Hikers")
    created = invites.create(world.app, ann, conversation_id)
    token = created.token
    preview = invites.preview(world.app, token)
    assert (preview.head.title, preview.head.member_count) == ("Hikers", 1)
    assert preview.invite == created.invite
    tablet = world.connect(bob)
    assert invites.accept(world.app, bob, token) == conversation_id
    assert invites.accept(world.app, bob, token) == conversation_id
    [joined] = events.list_after(world.table, conversation_id, 1, limit=9)
    assert (joined["type"], joined["actor_id"], joined["user_id"], joined["role"]) == (
        "member.added",
        bob,
        bob,
        "member",
    )
    assert use_counts(world, ann, conversation_id) == [1]
    assert conversations.get(world.app, bob, conversation_id).head.member_count == 2
    assert world.received(tablet)[0] == {
        "type": "conversation",
        "conversation_id": conversation_id,
        "change": "added",
    }


def test_a_removed_member_can_rejoin_by_a_link_until_it_is_revoked(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, title="Hikers")
    created = invites.create(world.app, ann, conversation_id)
    invite, token = created.invite, created.token
    invites.accept(world.app, bob, token)
    memberships.remove_member(world.app, ann, conversation_id, bob)
    assert invites.accept(world.app, bob, token) == conversation_id
    memberships.remove_member(world.app, ann, conversation_id, bob)
    invites.revoke(world.app, ann, conversation_id, invite.invite_id)
    assert_conflict("revoked", lambda: invites.accept(world.app, bob, token))


def test_the_token_is_not_stored_in_the_table(world: World) -> None:
    ann = world.person("ann")
    conversation_id = world.group(ann)
    created = invites.create(world.app, ann, conversation_id)
    invite, token = created.invite, created.token
    stored = repr(stored_invites.list_for(world.table, conversation_id))
    assert token not in stored
    assert token[:30] not in stored
    assert invite.invite_id in stored


def test_a_closed_link_states_its_reason(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann)
    single_use_token = invites.create(world.app, ann, conversation_id, max_uses=1).token
    invites.accept(world.app, bob, single_use_token)
    expired_token = invites.create(world.app, ann, conversation_id, expires_in_s=60).token
    world.clock_ms += 60_000
    created = invites.create(world.app, ann, conversation_id)
    revoked, revoked_token = created.invite, created.token
    invites.revoke(world.app, ann, conversation_id, revoked.invite_id)
    invites.revoke(world.app, ann, conversation_id, revoked.invite_id)
    for token, reason in (
        (single_use_token, "used_up"),
        (expired_token, "expired"),
        (revoked_token, "revoked"),
    ):
        assert_conflict(reason, partial(invites.preview, world.app, token))
        assert_conflict(reason, partial(invites.accept, world.app, eve, token))
    assert members_of(world, conversation_id) == {ann, bob}
    assert sorted(use_counts(world, ann, conversation_id)) == [0, 1]
    assert invites.accept(world.app, bob, single_use_token) == conversation_id


@pytest.mark.parametrize("guess", ["x", "x" * 30, "0" * 63, "0" * 30 + "nowhere", "of an existing group"])
def test_an_unknown_link_raises_not_found(world: World, guess: str) -> None:
    ann, bob = world.people("ann", "bob")
    token = "0" * 30 + world.group(ann) if " " in guess else guess
    actions: list[Callable[[], object]] = [
        lambda: invites.preview(world.app, token),
        lambda: invites.accept(world.app, bob, token),
    ]
    for action in actions:
        with pytest.raises(NotFound, match="no such invite"):
            action()


def test_only_one_of_two_concurrent_joins_gets_the_last_use(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann)
    token = invites.create(world.app, ann, conversation_id, max_uses=1).token
    table = RacingTable(world.table, lambda: invites.accept(world.app, eve, token))
    assert_conflict("used_up", lambda: invites.accept(replace(world.app, table=table), bob, token))
    assert members_of(world, conversation_id) == {ann, eve}
    assert use_counts(world, ann, conversation_id) == [1]


def test_a_link_revoked_during_its_use_admits_no_user(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann)
    created = invites.create(world.app, ann, conversation_id)
    invite, token = created.invite, created.token
    table = RacingTable(
        world.table, lambda: invites.revoke(world.app, ann, conversation_id, invite.invite_id)
    )
    assert_conflict("revoked", lambda: invites.accept(replace(world.app, table=table), bob, token))
    assert members_of(world, conversation_id) == {ann}


def test_only_owners_and_admins_create_list_and_revoke_links(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    invite = invites.create(world.app, ann, conversation_id).invite
    actions: list[Callable[[UserId, ConversationId], object]] = [
        lambda user_id, conversation_id: invites.create(world.app, user_id, conversation_id),
        lambda user_id, conversation_id: invites.list_invites(world.app, user_id, conversation_id),
        lambda user_id, conversation_id: invites.revoke(
            world.app, user_id, conversation_id, invite.invite_id
        ),
    ]
    for action in actions:
        with pytest.raises(Forbidden):
            action(bob, conversation_id)
        for other_id in (conversation_id, ConversationId("nowhere")):
            with pytest.raises(NotFound):
                action(eve, other_id)
        assert_conflict("direct", partial(action, ann, world.direct(ann, bob)))
    assert use_counts(world, ann, conversation_id) == [0]
    with pytest.raises(NotFound):
        invites.revoke(world.app, ann, conversation_id, "0" * 32)


def test_an_admin_demoted_at_the_same_time_creates_no_link(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    memberships.set_role(world.app, ann, conversation_id, bob, "admin")

    def demote() -> None:
        memberships.set_role(world.app, ann, conversation_id, bob, "member")

    table = RacingTable(world.table, demote, sk="")
    with pytest.raises(Forbidden):
        invites.create(replace(world.app, table=table), bob, conversation_id)
    assert use_counts(world, ann, conversation_id) == []


@pytest.mark.parametrize(
    ("bounds", "field", "limit"),
    [
        ({"expires_in_s": 59}, "expires_in_s", 60),
        ({"expires_in_s": 31_622_401}, "expires_in_s", 31_622_400),
        ({"max_uses": 0}, "max_uses", 1),
        ({"max_uses": 10_001}, "max_uses", 10_000),
    ],
)
def test_a_link_with_invalid_limits_is_refused(
    world: World, bounds: dict[str, Any], field: str, limit: int
) -> None:
    ann = world.person("ann")
    conversation_id = world.group(ann)
    with pytest.raises(Invalid) as refusal:
        invites.create(world.app, ann, conversation_id, **bounds)
    assert refusal.value.details == {"field": field, "limit": limit}
    assert use_counts(world, ann, conversation_id) == []


def test_the_number_of_open_links_is_limited(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    conversation_id = world.group(ann)
    for _ in range(GROUP_INVITES):
        invites.create(world.app, ann, conversation_id, expires_in_s=60)
    assert_conflict("invites", lambda: invites.create(world.app, ann, conversation_id))
    world.clock_ms += 60_000
    invites.create(world.app, ann, conversation_id)


def public_channel(world: World, owner: UserId, title: str) -> ConversationId:
    conversation_id = world.group(owner, title=title)
    conversations.update_group(world.app, owner, conversation_id, public=True)
    return conversation_id


def find_channels(app: App, text: str) -> list[ConversationId]:
    return sorted(head.conversation_id for head in channels.search(app, text))


def test_public_channels_are_found_by_prefixes_of_their_words_and_private_groups_are_not(
    world: World,
) -> None:
    ann = world.person("ann")
    hikers, bikers = (
        public_channel(world, ann, "Alpine Hikers: north"),
        public_channel(world, ann, "ALPINE bikers, Österreich"),
    )
    world.group(ann, title="Alpine climbers")
    assert find_channels(world.app, "alp") == sorted([hikers, bikers])
    assert find_channels(world.app, "Alpine nor") == [hikers]
    assert find_channels(world.app, "öster") == [bikers]
    assert find_channels(world.app, "o\N{COMBINING DIAERESIS}st") == [bikers]
    assert find_channels(world.app, "pine") == []
    assert find_channels(world.app, "climbers") == []
    assert find_channels(world.app, "osterreich") == [bikers]
    assert find_channels(world.app, "a") == []
    for text, limit in (("# !", SEARCHABLE), ("", 1), ("x" * 101, 100)):
        with pytest.raises(Invalid) as refusal:
            find_channels(world.app, text)
        assert refusal.value.details == {"field": "q", "limit": limit}


def test_a_channel_with_a_title_without_blanks_is_found_by_each_of_its_characters(world: World) -> None:
    ann = world.person("ann")
    conversation_id = public_channel(world, ann, "東京都庁")
    for text in ("東", "京都", "庁", "都庁"):
        assert find_channels(world.app, text) == [conversation_id]
    assert find_channels(world.app, "都京") == []


def test_a_channel_is_found_by_its_present_title_and_only_while_public_and_not_empty(world: World) -> None:
    ann = world.person("ann")
    conversation_id = public_channel(world, ann, "Old town")
    conversations.update_group(world.app, ann, conversation_id, title="New town")
    assert (
        find_channels(world.app, "old"),
        find_channels(world.app, "new"),
        find_channels(world.app, "town"),
    ) == (
        [],
        [conversation_id],
        [conversation_id],
    )
    conversations.update_group(world.app, ann, conversation_id, public=False)
    assert find_channels(world.app, "town") == []
    conversations.update_group(world.app, ann, conversation_id, public=True)
    memberships.remove_member(world.app, ann, conversation_id, ann)
    assert find_channels(world.app, "town") == []


@pytest.mark.parametrize("title", ["...", "!?"])
def test_a_channel_without_a_searchable_title_cannot_become_public(world: World, title: str) -> None:
    ann = world.person("ann")
    conversation_id = world.group(ann, title=title)
    with pytest.raises(Invalid) as refusal:
        conversations.update_group(world.app, ann, conversation_id, public=True)
    assert refusal.value.details == {"field": "title", "limit": SEARCHABLE}
    conversations.update_group(world.app, ann, conversation_id, public=True, title="Party 🎉")
    with pytest.raises(Invalid):
        conversations.update_group(world.app, ann, conversation_id, title=title)
    assert find_channels(world.app, "party") == [conversation_id]


def test_any_user_can_join_a_public_channel_and_a_private_group_looks_unknown(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id, private = public_channel(world, ann, "Town"), world.group(ann)
    channels.join(world.app, bob, conversation_id)
    channels.join(world.app, bob, conversation_id)
    assert [event["type"] for event in events.list_after(world.table, conversation_id, 2, limit=9)] == [
        "member.added"
    ]
    errors = set()
    for other_id in (private, ConversationId("nowhere"), world.direct(ann, bob)):
        with pytest.raises(ImchatError) as refusal:
            channels.join(world.app, world.person("eve"), other_id)
        errors.add((type(refusal.value), refusal.value.message))
    assert errors == {(NotFound, "no such conversation")}
    assert members_of(world, private) == {ann}


def test_a_group_without_members_cannot_be_joined(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = public_channel(world, ann, "Ghost town")
    token = invites.create(world.app, ann, conversation_id).token
    memberships.remove_member(world.app, ann, conversation_id, ann)
    actions: list[Callable[[], object]] = [
        lambda: invites.preview(world.app, token),
        lambda: invites.accept(world.app, bob, token),
        lambda: channels.join(world.app, bob, conversation_id),
    ]
    for action in actions:
        with pytest.raises(NotFound):
            action()
    assert members_of(world, conversation_id) == set()


def test_a_public_channel_has_at_most_ten_thousand_members_listed_in_pages(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = public_channel(world, ann, "All")
    world.fill(conversation_id, CHANNEL_MEMBERS - 2, prefix="m")
    channels.join(world.app, bob, conversation_id)
    with pytest.raises(Invalid) as refusal:
        channels.join(world.app, eve, conversation_id)
    assert refusal.value.details == {"field": "user_ids", "limit": 10_000}
    entry = conversations.get(world.app, bob, conversation_id)
    users = entry.users
    assert (entry.head.member_count, entry.members) == (10_000, None)
    assert bob in {user.user_id for user in users}
    found = memberships.list_members(world.app, bob, conversation_id, after=None)
    page, cursor = found.members, found.next_cursor
    following = memberships.list_members(world.app, bob, conversation_id, after=cursor).members
    assert [member.user_id for member in page + following] == [f"m{number:05}" for number in range(200)]
    found = memberships.list_members(world.app, bob, conversation_id, after=UserId("m09997"))
    last, end = found.members, found.next_cursor
    assert ([member.user_id for member in last], end) == ([ann, bob], None)
    with pytest.raises(NotFound):
        memberships.list_members(world.app, eve, conversation_id, after=None)
