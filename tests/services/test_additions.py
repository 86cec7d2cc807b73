"""Unwanted groups: the limit of added strangers, `group_additions`, and leaving with a block in one step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.metering import metered
from tests.support.world import RacingTable, World

from imchat.api.dispatch import HttpRequest, dispatch
from imchat.domain.ids import ConnectionId, ConversationId, UserId, direct_conversation_id
from imchat.domain.limits import REPLAY_WINDOW, STRANGERS_ADDED, STRANGERS_ADDED_S
from imchat.errors import Forbidden, Invalid, NotFound, RateLimited
from imchat.services import (
    additions,
    blocks,
    channels,
    conversations,
    invites,
    members,
    message_actions,
    messages,
    presence,
    users,
)
from imchat.services.app import App
from imchat.services.rate_limiter import StrangerLimiter
from imchat.storage.repositories import blocks as stored_blocks
from imchat.storage.repositories import members as stored
from imchat.storage.repositories import users as stored_users

ANN, BOB, CAT, DAN = UserId("u-ann"), UserId("u-bob"), UserId("u-cat"), UserId("u-dan")


def limited(world: World) -> App:
    """Return the world's app with the limit of a server."""
    return replace(world.app, stranger_limiter=StrangerLimiter(STRANGERS_ADDED))


def strangers(world: World, count: int, prefix: str = "v") -> list[UserId]:
    people = [UserId(f"{prefix}-{number:03}") for number in range(count)]
    for user_id in people:
        users.me(world.app, user_id)
    return people


def send(world: World, sender: UserId, conversation_id: ConversationId, name: str = "m") -> None:
    messages.send(world.app, sender, conversation_id, client_message_id=name, body="hello")


def count_until_refused(action: Callable[[int], object], tries: int) -> int:
    """Return how often the action works before the limit of strangers refuses it."""
    for number in range(tries):
        try:
            action(number)
        except RateLimited:
            return number
    return tries


def test_a_stranger_cannot_be_put_into_290_groups(world: World) -> None:
    world.people("ann", "bob")
    app = limited(world)
    world.clock_ms += 13 * 60_000
    assert count_until_refused(lambda _: conversations.create_group(app, ANN, [BOB], "Spam"), 290) == 20
    assert len(conversations.inbox(world.app, BOB).entries) == 20
    with pytest.raises(RateLimited) as caught:
        conversations.create_group(app, ANN, [BOB], "Spam")
    wait_s = STRANGERS_ADDED_S - (world.clock_ms // 1000) % STRANGERS_ADDED_S
    assert caught.value.details == {"reason": "strangers", "limit": 20, "retry_after_s": wait_s}
    assert f"at most 20 people an hour who do not know you; try again in {wait_s // 60} minutes" in (
        caught.value.message
    )
    world.clock_ms += wait_s * 1000
    conversations.create_group(app, ANN, [BOB], "Spam")


def add_to_one_group(app: App, people: list[UserId]) -> Callable[[int], object]:
    conversation_id = conversations.create_group(app, ANN).conversation_id
    return lambda number: members.add_members(app, ANN, conversation_id, [people[number]])


def add_again_after_leaving(app: App, people: list[UserId]) -> Callable[[int], object]:
    conversation_id = conversations.create_group(app, ANN).conversation_id

    def add_again(_number: int) -> None:
        members.add_members(app, ANN, conversation_id, people[:1])
        members.remove_member(app, people[0], conversation_id, people[0])

    return add_again


WAYS: dict[str, Callable[[App, list[UserId]], Callable[[int], object]]] = {
    "creating groups": lambda app, people: (
        lambda number: conversations.create_group(app, ANN, [people[number]], "Buy this")
    ),
    "adding members": add_to_one_group,
    "adding again who left": add_again_after_leaving,
    "starting direct conversations": lambda app, people: (
        lambda number: conversations.create_direct(app, ANN, people[number])
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_add_strangers_counts_for_one_limit(sqlite_world: World, way: str) -> None:
    world = sqlite_world
    world.person("ann")
    people = strangers(world, 30)
    app = limited(world)
    conversations.create_group(app, ANN, strangers(world, 5, "w"))
    assert count_until_refused(WAYS[way](app, people), 30) == STRANGERS_ADDED - 5
    with pytest.raises(RateLimited):
        conversations.create_group(app, ANN, people[:1])
    with pytest.raises(RateLimited):
        conversations.create_direct(app, ANN, people[-1])
    assert conversations.create_group(app, BOB, people[:3]).new, "the limit of another user"


def test_more_strangers_than_the_limit_in_one_request_are_refused_at_once(sqlite_world: World) -> None:
    world = sqlite_world
    world.person("ann")
    app = limited(world)
    people = strangers(world, STRANGERS_ADDED + 1)
    conversation_id = world.group(ANN)
    with pytest.raises(Invalid, match="member_ids has 21 of them") as caught:
        conversations.create_group(app, ANN, people)
    assert caught.value.details == {"field": "member_ids", "limit": 20, "reason": "strangers"}
    with pytest.raises(Invalid, match="user_ids has 21 of them"):
        members.add_members(app, ANN, conversation_id, people)
    assert set(stored.list_for(world.table, conversation_id)) == {ANN}
    members.add_members(app, ANN, conversation_id, people[1:])


def test_the_limit_is_exact_for_several_processes(world: World) -> None:
    """The same user adds strangers by several functions, some of which lose the race for the first item."""
    functions = [StrangerLimiter(STRANGERS_ADDED) for _ in range(3)]
    accepted = 0
    for number in range(30):
        try:
            functions[number % 3].count(
                world.table, ANN, 1 + number % 3, now_s=world.clock_ms // 1000, field="user_ids"
            )
        except RateLimited:
            continue
        accepted += 1 + number % 3
    assert accepted == STRANGERS_ADDED


def test_a_lost_race_does_not_count_twice(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob")
    conversation_id = world.group(ANN)
    limiter = StrangerLimiter(1)
    table = RacingTable(world.table, lambda: send(world, ANN, conversation_id))
    members.add_members(
        replace(world.app, table=table, stranger_limiter=limiter), ANN, conversation_id, [BOB]
    )
    assert BOB in stored.list_for(world.table, conversation_id)


def test_the_limit_has_a_status_and_a_header(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob")
    app = replace(world.app, stranger_limiter=StrangerLimiter(1))
    body = json.dumps({"kind": "group", "member_ids": [BOB]}).encode()
    responses = [
        dispatch(app, HttpRequest("POST", "/api/conversations", {}, body, ANN, "r")) for _ in range(2)
    ]
    assert [response.status for response in responses] == [201, 429]
    error = json.loads(responses[1].body)["error"]
    assert error["details"]["reason"] == "strangers"
    assert int(responses[1].headers["retry-after"]) == error["details"]["retry_after_s"] <= STRANGERS_ADDED_S


def start_direct(world: World, creator: UserId = ANN) -> ConversationId:
    return world.direct(creator, BOB if creator == ANN else ANN)


def after_fifty_own_messages(world: World) -> None:
    send(world, BOB, start_direct(world))
    for number in range(REPLAY_WINDOW):
        send(world, ANN, start_direct(world), f"m{number}")


def react(world: World) -> None:
    send(world, ANN, start_direct(world))
    message_actions.react(world.app, BOB, start_direct(world), 2, "👍")


def join_by_link(world: World) -> None:
    token = invites.create(world.app, ANN, world.group(ANN)).token
    invites.accept(world.app, BOB, token)


def join_channel(world: World, *user_ids: UserId) -> None:
    conversation_id = world.group(CAT)
    conversations.update_group(world.app, CAT, conversation_id, public=True)
    for user_id in user_ids:
        channels.join(world.app, user_id, conversation_id)


def add_and_leave(world: World) -> None:
    members.remove_member(world.app, BOB, world.group(CAT, ANN, BOB), BOB)


def add_to_group(world: World) -> None:
    members.add_members(world.app, ANN, world.group(ANN), [BOB])


KNOWN: dict[str, Callable[[World], object]] = {
    "they wrote in the direct conversation": lambda world: send(world, BOB, start_direct(world)),
    "they reacted in the direct conversation": react,
    "they started the direct conversation": lambda world: start_direct(world, BOB),
    "they created a common group": lambda world: world.group(BOB, ANN),
    "another user created a common group": lambda world: world.group(CAT, ANN, BOB),
    "they joined a group by a link": join_by_link,
}
STRANGER: dict[str, Callable[[World], object]] = {
    "nothing is shared": lambda _world: None,
    "the actor started the direct conversation": start_direct,
    "the actor wrote in the direct conversation": lambda world: send(world, ANN, start_direct(world)),
    "they wrote before fifty messages of the actor": after_fifty_own_messages,
    "the actor created a group with them": lambda world: world.group(ANN, BOB),
    "the actor added them to a group": add_to_group,
    "both joined a public channel": lambda world: join_channel(world, ANN, BOB),
    "they left the common group": add_and_leave,
    "each is in a group of another user": lambda world: [world.group(CAT, ANN), world.group(CAT, BOB)],
}


@pytest.mark.parametrize("case", [*KNOWN, *STRANGER])
def test_a_user_is_known_only_by_what_the_other_or_someone_else_did(world: World, case: str) -> None:
    world.people("ann", "bob", "cat")
    (KNOWN | STRANGER)[case](world)
    found = additions.find_strangers(world.app, ANN, [BOB])
    assert found == (set() if case in KNOWN else {BOB})
    app = replace(world.app, stranger_limiter=StrangerLimiter(0))
    if case in KNOWN:
        assert conversations.create_group(app, ANN, [BOB]).new
    else:
        with pytest.raises(Invalid):
            conversations.create_group(app, ANN, [BOB])


def test_known_people_and_existing_conversations_are_not_counted_and_cost_no_write(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    world.people("ann", "bob", "cat")
    send(world, BOB, world.direct(ANN, BOB))
    world.direct(ANN, CAT)
    app, count, _ = metered(replace(world.app, stranger_limiter=StrangerLimiter(0)))
    conversations.create_direct(app, ANN, CAT)
    assert count.write_units == 0
    conversation_id = conversations.create_group(app, ANN, [BOB]).conversation_id
    assert count.write_units == 2 * (2 * 2 + 2), "no more than creating a group costs without the limit"
    members.add_members(app, ANN, conversation_id, [BOB])


REFUSED_WAYS: dict[str, Callable[[App, ConversationId, list[UserId]], object]] = {
    "creating a group": lambda app, _group, people: conversations.create_group(app, ANN, people),
    "adding members": lambda app, group, people: members.add_members(app, ANN, group, people),
}


@pytest.mark.parametrize("has_limiter", ["with a limit", "without a limit"])
@pytest.mark.parametrize("way", REFUSED_WAYS)
def test_a_user_who_allows_only_known_people_is_not_added_by_a_stranger(
    world: World, way: str, has_limiter: str
) -> None:
    world.people("ann", "bob", "cat", "dan")
    for user_id in (BOB, DAN):
        users.update_profile(world.app, user_id, group_additions="known")
    send(world, DAN, world.direct(ANN, DAN))
    app = limited(world) if has_limiter == "with a limit" else world.app
    conversation_id = world.group(ANN)
    with pytest.raises(Forbidden) as caught:
        REFUSED_WAYS[way](app, conversation_id, [CAT, BOB, DAN])
    assert caught.value.details == {"reason": "group_additions", "user_ids": [BOB]}
    assert "invite link" in caught.value.message
    assert set(stored.list_for(world.table, conversation_id)) == {ANN}
    assert conversations.inbox(world.app, BOB).entries == []
    REFUSED_WAYS[way](app, conversation_id, [CAT, DAN])
    users.update_profile(world.app, BOB, group_additions="everyone")
    REFUSED_WAYS[way](app, conversation_id, [BOB])


def test_a_user_who_allows_only_known_people_can_still_join_and_get_messages(world: World) -> None:
    world.people("ann", "bob")
    assert users.me(world.app, BOB).group_additions == "everyone"
    users.update_profile(world.app, BOB, group_additions="known")
    assert users.me(world.app, BOB).group_additions == "known"
    conversation_id = world.group(ANN)
    invites.accept(world.app, BOB, invites.create(world.app, ANN, conversation_id).token)
    members.add_members(world.app, ANN, conversation_id, [BOB])
    assert world.direct(ANN, BOB)


def test_a_refusal_after_a_block_does_not_show_the_setting(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob")
    users.update_profile(world.app, BOB, group_additions="known")
    blocks.block(world.app, BOB, ANN)
    for way in REFUSED_WAYS.values():
        with pytest.raises(Forbidden) as caught:
            way(world.app, world.group(ANN), [BOB])
        assert caught.value.details == {"reason": "blocked", "user_ids": [BOB]}


def test_the_setting_is_private_and_survives_other_changes(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob")

    def request(method: str, path: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        response = dispatch(world.app, HttpRequest(method, "/api" + path, {}, content, BOB, "r"))
        return response.status, json.loads(response.body)

    assert request("PATCH", "/me", {"group_additions": "known"})[1]["user"]["group_additions"] == "known"
    assert request("PATCH", "/me", {"display_name": "Bobby"})[1]["user"]["group_additions"] == "known"
    assert request("PATCH", "/me", {"group_additions": "friends"})[0] == 400
    assert "group_additions" not in request("GET", f"/users/{BOB}")[1]["user"]
    stored_profile = stored_users.get(world.table, BOB)
    assert stored_profile is not None
    assert stored_profile.group_additions == "known"


def test_leaving_can_block_the_user_who_added_me_in_the_same_transaction(world: World) -> None:
    world.people("ann", "bob", "cat")
    conversation_id = world.group(ANN, BOB, CAT)
    world.connect(BOB)
    world.connect(ANN)
    presence.subscribe(world.app, BOB, conversation_id, [ANN])
    members.leave_and_block(world.app, BOB, conversation_id, ANN)
    assert set(stored.list_for(world.table, conversation_id)) == {ANN, CAT}
    assert stored_blocks.exists(world.table, BOB, ANN)
    assert world.received(ConnectionId(f"c-{BOB}"), "presence")[-1]["online"] is False
    with pytest.raises(Forbidden):
        members.add_members(world.app, ANN, conversation_id, [BOB])
    with pytest.raises(Forbidden):
        world.direct(ANN, BOB)
    with pytest.raises(NotFound):
        members.leave_and_block(world.app, BOB, conversation_id, ANN)


def test_leaving_with_a_block_marks_the_direct_conversation_also_if_it_is_created_meanwhile(
    world: World,
) -> None:
    world.people("ann", "bob")
    conversation_id = world.group(ANN, BOB)
    table = RacingTable(world.table, lambda: world.direct(ANN, BOB))
    members.leave_and_block(replace(world.app, table=table), BOB, conversation_id, ANN)
    assert stored.list_for(world.table, direct_conversation_id(ANN, BOB))[BOB].blocks
    assert set(stored.list_for(world.table, conversation_id)) == {ANN}


def test_leaving_with_a_block_does_both_or_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob", "cat")
    conversation_id = world.group(ANN, BOB)
    for user_id, other, error in (
        (BOB, BOB, Invalid),
        (BOB, UserId("u-unknown"), NotFound),
        (CAT, ANN, NotFound),
    ):
        with pytest.raises(error):
            members.leave_and_block(world.app, user_id, conversation_id, other)
        assert set(stored.list_for(world.table, conversation_id)) == {ANN, BOB}
        assert stored_blocks.involving(world.table, user_id) == set()
    blocks.block(world.app, BOB, ANN)
    before = blocks.list_blocked(world.app, BOB)
    world.clock_ms += 1_000
    members.leave_and_block(world.app, BOB, conversation_id, ANN)
    assert blocks.list_blocked(world.app, BOB) == before
    assert set(stored.list_for(world.table, conversation_id)) == {ANN}


def test_the_last_owner_who_leaves_with_a_block_passes_the_group_on(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob", "cat")
    conversation_id = world.group(ANN, BOB, CAT)
    members.leave_and_block(world.app, ANN, conversation_id, CAT)
    assert "owner" in {member.role for member in stored.list_for(world.table, conversation_id).values()}
    assert stored_blocks.exists(world.table, ANN, CAT)


def test_the_query_parameter_block_works_only_when_leaving(sqlite_world: World) -> None:
    world = sqlite_world
    world.people("ann", "bob", "cat")
    conversation_id = world.group(ANN, BOB, CAT)

    def delete(user_id: UserId, caller: UserId, block: str) -> tuple[int, Any]:
        path = f"/api/conversations/{conversation_id}/members/{user_id}"
        response = dispatch(world.app, HttpRequest("DELETE", path, {"block": block}, b"", caller, "r"))
        return response.status, json.loads(response.body)

    status, body = delete(BOB, ANN, CAT)
    assert (status, body["error"]["details"]["field"]) == (400, "block")
    assert delete(BOB, BOB, "no such id")[0] == 404
    assert set(stored.list_for(world.table, conversation_id)) == {ANN, BOB, CAT}
    assert delete(BOB, BOB, ANN) == (200, {})
    assert stored_blocks.exists(world.table, BOB, ANN)
