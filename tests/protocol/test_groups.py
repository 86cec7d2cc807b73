"""Groups: members, roles, invites and public channels."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import CreateUsers
from tests.support.reference_client import expect_error


@pytest.mark.covers(
    "POST /conversations/{conversation_id}/members",
    "DELETE /conversations/{conversation_id}/members/{user_id}",
    "event member.added",
    "event member.removed",
    "action typing",
    "frame typing",
)
def test_members_see_others_join_type_and_leave(create_users: CreateUsers) -> None:
    eve, kim = create_users("eve", "kim")
    conversation_id = eve.create_group()
    with eve.connect() as eve_phone, kim.connect() as kim_phone:
        eve.request("POST", f"/conversations/{conversation_id}/members", {"user_ids": [kim.user_id]})
        assert kim_phone.wait_for("conversation")["change"] == "added"
        kim.catch_up(conversation_id)
        kim_phone.send("typing", conversation_id=conversation_id)
        assert eve_phone.wait_for("typing")["user_id"] == kim.user_id
        assert kim.request("DELETE", f"/conversations/{conversation_id}/members/{kim.user_id}") == {}
        assert kim_phone.wait_for("conversation")["change"] == "removed"
        assert kim.event_types(conversation_id)[-1] == "member.removed"
    eve.catch_up(conversation_id)
    assert eve.event_types(conversation_id) == ["conversation.created", "member.added", "member.removed"]


def test_a_removed_member_gets_the_removal_and_nothing_after_it(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_group(bob)
    with bob.connect() as phone:
        bob.catch_up(conversation_id)
        ada.request("DELETE", f"/conversations/{conversation_id}/members/{bob.user_id}")
        assert phone.wait_for("conversation")["change"] == "removed"
        ada.send_text(conversation_id, "Among ourselves")
        assert phone.receive_pending() == []
    assert bob.event_types(conversation_id) == ["conversation.created", "member.removed"]
    with expect_error(404, "not_found"):
        bob.catch_up(conversation_id)
    with expect_error(404, "not_found"):
        bob.send_text(conversation_id, "Let me in")
    with expect_error(404, "not_found"):
        bob.request("GET", f"/conversations/{conversation_id}")
    assert bob.request("GET", "/conversations")["conversations"] == []
    ada.catch_up(conversation_id)
    assert ada.message_bodies(conversation_id) == ["Among ourselves"]


@pytest.mark.covers(
    "PATCH /conversations/{conversation_id}",
    "PATCH /conversations/{conversation_id}/members/{user_id}",
    "event conversation.updated",
    "event member.role_changed",
)
def test_a_new_role_allows_what_was_forbidden_before(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_group(bob)
    with expect_error(403, "forbidden"):
        bob.request("PATCH", f"/conversations/{conversation_id}", {"title": "Dinner"})

    ada.request("PATCH", f"/conversations/{conversation_id}/members/{bob.user_id}", {"role": "admin"})
    renamed = bob.request("PATCH", f"/conversations/{conversation_id}", {"title": "Dinner"})

    assert renamed["conversation"]["title"] == "Dinner"
    bob.catch_up(conversation_id)
    assert bob.event_types(conversation_id) == [
        "conversation.created",
        "member.role_changed",
        "conversation.updated",
    ]


@pytest.mark.covers(
    "POST /conversations/{conversation_id}/invites",
    "GET /conversations/{conversation_id}/invites",
    "DELETE /conversations/{conversation_id}/invites/{invite_id}",
    "GET /invites/{token}",
    "POST /invites/{token}/accept",
)
def test_an_invite_works_until_it_is_used_up_or_revoked(create_users: CreateUsers) -> None:
    ada, bob, eve = create_users("ada", "bob", "eve")
    conversation_id = ada.create_group(title="Hikers")
    single_use = ada.request(
        "POST", f"/conversations/{conversation_id}/invites", {"max_uses": 1, "expires_in_s": 3600}
    )
    link = f"/invites/{single_use['token']}"
    assert bob.request("GET", link)["conversation"]["title"] == "Hikers"
    assert bob.request("POST", f"{link}/accept")["conversation"]["member_count"] == 2
    assert bob.request("POST", f"{link}/accept")["conversation"]["member_count"] == 2
    with expect_error(409, "conflict", reason="used_up"):
        eve.request("POST", f"{link}/accept")
    other = ada.request("POST", f"/conversations/{conversation_id}/invites", {})
    assert [
        invite["uses"]
        for invite in ada.request("GET", f"/conversations/{conversation_id}/invites")["invites"]
    ] == [1, 0]
    assert (
        ada.request("DELETE", f"/conversations/{conversation_id}/invites/{other['invite']['invite_id']}")
        == {}
    )
    with expect_error(409, "conflict", reason="revoked"):
        eve.request("GET", f"/invites/{other['token']}")
    with expect_error(404, "not_found"):
        eve.request("GET", "/invites/nothing")
    with expect_error(403, "forbidden"):
        bob.request("POST", f"/conversations/{conversation_id}/invites", {})


@pytest.mark.covers(
    "GET /channels",
    "POST /conversations/{conversation_id}/join",
    "GET /conversations/{conversation_id}/members",
)
def test_every_user_can_find_and_join_a_public_channel_and_reads_it_from_then_on(
    create_users: CreateUsers,
) -> None:
    ada, bob = create_users("ada", "bob")
    word = f"peak{ada.user_id[:8]}"
    conversation_id = ada.create_group(title=f"The {word} watchers")
    with expect_error(404, "not_found"):
        bob.request("POST", f"/conversations/{conversation_id}/join")
    ada.send_text(conversation_id, "Among ourselves")
    settings = {"public": True, "history": "joined", "posting": "admins", "description": "Who sees most?"}
    ada.request("PATCH", f"/conversations/{conversation_id}", settings)

    [found] = bob.request("GET", f"/channels?q=watch%20{word.upper()}")["channels"]
    assert (found["conversation_id"], found["description"]) == (conversation_id, "Who sees most?")
    joined = bob.request("POST", f"/conversations/{conversation_id}/join")

    assert {name: joined["conversation"][name] for name in settings} == settings
    page = bob.request("GET", f"/conversations/{conversation_id}/events?after=0")
    assert [event["type"] for event in page["events"]] == ["member.added"]
    assert page["events"][0]["seq"] == joined["history_from"] == 4
    assert len(bob.request("GET", f"/conversations/{conversation_id}/members")["members"]) == 2
    with expect_error(403, "forbidden"):
        bob.request(
            "POST",
            f"/conversations/{conversation_id}/messages",
            {"client_message_id": "m1", "body": "May I?"},
        )
    with expect_error(400, "invalid", field="q"):
        bob.request("GET", "/channels?q=%23")
