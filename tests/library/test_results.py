"""Results of the library: named fields, JSON objects, checked ids, and a clear error after the app was closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from tests.support.world import World

import imchat
from imchat import (
    admin,
    blocks,
    channels,
    conversations,
    invites,
    members,
    message_actions,
    messages,
    presence,
    read_cursors,
    realtime,
    suspensions,
    testing,
    users,
)
from imchat.api.dispatch import HttpRequest, dispatch
from imchat.domain.ids import SignInId
from imchat.domain.record import Record

BAD_IDS = ["a#b", "é", "x" * 500, "", " ", "a\n"]


@dataclass(frozen=True, slots=True)
class Scene:
    """An app with two users, a group, a message and an invite."""

    app: imchat.App
    ada: imchat.UserId
    bob: imchat.UserId
    group: imchat.ConversationId
    token: str


@pytest.fixture
def scene(imchat_app: imchat.App) -> Scene:
    app = imchat_app
    ada, bob = testing.create_user(app, "ada"), testing.create_user(app, "bob.b")
    group = conversations.create_group(app, ada, [bob], "Team").conversation_id
    messages.send(app, ada, group, client_message_id="1", body="Hello, @bob.b!")
    return Scene(app, ada, bob, group, invites.create(app, ada, group).token)


def results(scene: Scene) -> dict[str, Record]:
    app, ada, bob, group = scene.app, scene.ada, scene.bob, scene.group
    blocks.block(app, ada, testing.create_user(app, "eve"))
    suspensions.suspend(app, ada, testing.create_user(app, "mallory"))
    conversations.update_group(app, ada, group, public=True)
    [invite] = invites.list_invites(app, ada, group)
    [found] = channels.search(app, "Team")
    return {
        "profile": users.me(app, ada),
        "conversation": conversations.get(app, ada, group),
        "inbox": conversations.inbox(app, bob),
        "settings": conversations.update_settings(app, bob, group, {"muted": True}),
        "members": members.list_members(app, ada, group),
        "sent": messages.send(app, bob, group, client_message_id="1", body="Hi"),
        "page": messages.read(app, bob, group),
        "change": message_actions.react(app, bob, group, 2, "👍"),
        "position": read_cursors.mark_read(app, bob, group, 2),
        "presence": presence.subscribe(app, ada, group, [bob]),
        "ticket": realtime.issue_ticket(app, ada),
        "invite": invite,
        "preview": invites.preview(app, scene.token),
        "channel": found,
        "blocks": blocks.list_blocked(app, ada),
        "users": admin.list_users(app),
        "log": admin.audit_log(app),
    }


def test_json_and_fastapi_turn_every_result_into_the_same_object(scene: Scene) -> None:
    for name, result in results(scene).items():
        as_json = json.loads(json.dumps(result.to_dict()))
        assert isinstance(as_json, dict), name
        assert as_json, name
        assert jsonable_encoder(result) == as_json, name


def test_fastapi_describes_every_result_in_its_openapi_page(scene: Scene) -> None:
    api = FastAPI()

    def endpoint(result: Record) -> Callable[[], Any]:
        def respond() -> Any:
            return result

        respond.__annotations__["return"] = type(result)
        return respond

    for name, result in results(scene).items():
        api.get(f"/{name}")(endpoint(result))
    schemas = api.openapi()["components"]["schemas"]
    assert schemas["EventPage"]["properties"].keys() == {
        "events",
        "has_more",
        "has_before",
        "has_after",
    }
    assert schemas["Member"]["properties"]["role"]["enum"] == ["owner", "admin", "member"]


def test_the_fields_of_nested_results_are_named_in_json(scene: Scene) -> None:
    found = conversations.get(scene.app, scene.bob, scene.group).to_dict()
    assert found["head"]["title"] == "Team"
    assert found["head"]["settings"]["posting"] == "all"
    assert found["me"]["mentions"] == [2]
    assert {member["role"] for member in found["members"]} == {"owner", "member"}
    assert {user["handle"] for user in found["users"]} == {"ada", "bob.b"}


def test_results_compare_by_their_fields_and_show_them(scene: Scene) -> None:
    first, again = users.get(scene.app, scene.ada), users.get(scene.app, scene.ada)
    assert first == again
    assert {first, again} == {first}
    assert first != replace(first, display_name="Another")
    assert first != users.get(scene.app, scene.bob)
    assert first != first.to_dict()
    assert repr(imchat.Block(scene.ada, 5)) == "Block(user_id='ada', blocked_at_ms=5)"


def test_a_result_has_no_attributes_besides_its_fields(scene: Scene) -> None:
    for name, result in results(scene).items():
        assert not hasattr(result, "__dict__"), name


@pytest.mark.parametrize("bad_id", BAD_IDS)
def test_an_id_that_breaks_the_rule_is_refused_with_its_field_and_limit(scene: Scene, bad_id: str) -> None:
    app, ada, bad_user = scene.app, scene.ada, imchat.UserId(bad_id)
    bad_conversation = imchat.ConversationId(bad_id)
    users_of: list[Callable[[], object]] = [
        lambda: users.me(app, bad_user),
        lambda: users.update_profile(app, bad_user, handle="bad"),
        lambda: users.get(app, bad_user),
        lambda: conversations.create_direct(app, ada, bad_user),
        lambda: conversations.create_direct(app, bad_user, ada),
        lambda: conversations.create_group(app, ada, [bad_user]),
        lambda: conversations.inbox(app, bad_user),
        lambda: members.add_members(app, ada, scene.group, [bad_user]),
        lambda: messages.send(app, bad_user, scene.group, client_message_id="1", body="x"),
        lambda: messages.read(app, bad_user, scene.group),
        lambda: blocks.block(app, bad_user, ada),
        lambda: blocks.unblock(app, ada, bad_user),
        lambda: realtime.issue_ticket(app, bad_user, SignInId("s")),
        lambda: suspensions.suspend(app, ada, bad_user),
    ]
    conversations_of: list[Callable[[], object]] = [
        lambda: conversations.get(app, ada, bad_conversation),
        lambda: messages.send(app, ada, bad_conversation, client_message_id="1", body="x"),
        lambda: messages.send(app, ada, bad_conversation, client_message_id="1", body="x", after_seq=1),
        lambda: messages.read(app, ada, bad_conversation),
        lambda: members.list_members(app, ada, bad_conversation),
        lambda: channels.join(app, ada, bad_conversation),
        lambda: admin.remove_message(app, ada, bad_conversation, 2),
        lambda: invites.list_invites(app, ada, bad_conversation),
    ]
    for field, actions in (("user_id", users_of), ("conversation_id", conversations_of)):
        for number, action in enumerate(actions):
            with pytest.raises(imchat.errors.Invalid, match=f"{field} must be 1 to 64 characters") as refusal:
                action()
            assert refusal.value.details == {"field": field, "limit": "^[A-Za-z0-9_-]{1,64}$"}, number


@pytest.mark.parametrize("bad_id", ["a#b", "é", "x" * 500])
def test_in_a_request_such_an_id_is_unknown_as_the_protocol_says(sqlite_world: World, bad_id: str) -> None:
    ann = sqlite_world.person("ann")
    group = sqlite_world.group(ann)

    def status(method: str, path: str, body: object = None) -> int:
        content = b"" if body is None else json.dumps(body).encode()
        request = HttpRequest(method, f"/api{path}", {}, content, ann, "r")
        return dispatch(sqlite_world.app, request).status

    direct = {"kind": "direct", "member_ids": [bad_id]}
    assert status("POST", "/conversations", direct) == 404
    assert status("POST", "/conversations", {"kind": "group", "member_ids": [bad_id]}) == 404
    assert status("POST", f"/conversations/{group}/members", {"user_ids": [bad_id]}) == 404
    assert status("GET", f"/conversations/{bad_id}") == 404
    assert status("GET", f"/users/{bad_id}") == 404
    assert status("POST", f"/invites/{'t' * 30}/accept") == 404
    assert status("GET", f"/invites/{'t' * 30}") == 404


def test_an_app_that_was_closed_says_so() -> None:
    with testing.memory_app() as app:
        ada = testing.create_user(app, "ada")
        group = conversations.create_group(app, ada, title="Team").conversation_id
    calls: list[Callable[[], object]] = [
        lambda: users.me(app, ada),
        lambda: users.search(app, "ad"),
        lambda: messages.send(app, ada, group, client_message_id="1", body="x"),
        lambda: messages.read(app, ada, group),
        lambda: conversations.inbox(app, ada),
    ]
    for call in calls:
        with pytest.raises(imchat.errors.Closed, match="this app is closed"):
            call()
