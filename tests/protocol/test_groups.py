"""People come to a group, get roles in it, and go."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
from tests.support.reference_client import expect_error


@pytest.mark.covers(
    "POST /conversations/{conversation_id}/members",
    "DELETE /conversations/{conversation_id}/members/{user_id}",
    "event member.added",
    "event member.removed",
    "action typing",
    "frame typing",
)
def test_a_group_tells_of_joining_typing_and_leaving(people: People) -> None:
    eve, kim = people("eve", "kim")
    where = eve.create_group()
    with eve.connect() as hers, kim.connect() as theirs:
        eve.request("POST", f"/conversations/{where}/members", {"user_ids": [kim.user_id]})
        assert theirs.wait_for("conversation")["change"] == "added"
        kim.catch_up(where)
        theirs.send("typing", conversation_id=where)
        assert hers.wait_for("typing")["user_id"] == kim.user_id
        assert kim.request("DELETE", f"/conversations/{where}/members/{kim.user_id}") == {}
        assert theirs.wait_for("conversation")["change"] == "removed"
        assert kim.event_types(where)[-1] == "member.removed"
    eve.catch_up(where)
    assert eve.event_types(where) == ["conversation.created", "member.added", "member.removed"]


def test_a_removed_member_hears_of_it_and_of_nothing_after_it(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_group(bob)
    with bob.connect() as phone:
        bob.catch_up(where)
        ada.request("DELETE", f"/conversations/{where}/members/{bob.user_id}")
        assert phone.wait_for("conversation")["change"] == "removed"
        ada.send_text(where, "Among ourselves")
        assert phone.receive_pending() == []
    assert bob.event_types(where) == ["conversation.created", "member.removed"]
    with expect_error(404, "not_found"):
        bob.catch_up(where)
    with expect_error(404, "not_found"):
        bob.send_text(where, "Let me in")
    with expect_error(404, "not_found"):
        bob.request("GET", f"/conversations/{where}")
    assert bob.request("GET", "/conversations")["conversations"] == []
    ada.catch_up(where)
    assert ada.message_bodies(where) == ["Among ourselves"]


@pytest.mark.covers(
    "PATCH /conversations/{conversation_id}",
    "PATCH /conversations/{conversation_id}/members/{user_id}",
    "event conversation.updated",
    "event member.role_changed",
)
def test_a_role_allows_what_was_refused_before(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_group(bob)
    with expect_error(403, "forbidden"):
        bob.request("PATCH", f"/conversations/{where}", {"title": "Dinner"})

    ada.request("PATCH", f"/conversations/{where}/members/{bob.user_id}", {"role": "admin"})
    renamed = bob.request("PATCH", f"/conversations/{where}", {"title": "Dinner"})

    assert renamed["conversation"]["title"] == "Dinner"
    bob.catch_up(where)
    assert bob.event_types(where) == ["conversation.created", "member.role_changed", "conversation.updated"]


@pytest.mark.covers(
    "POST /conversations/{conversation_id}/invites",
    "GET /conversations/{conversation_id}/invites",
    "DELETE /conversations/{conversation_id}/invites/{invite_id}",
    "GET /invites/{token}",
    "POST /invites/{token}/accept",
)
def test_a_link_leads_in_until_it_is_used_up_or_revoked(people: People) -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    where = ada.create_group(title="Hikers")
    once = ada.request("POST", f"/conversations/{where}/invites", {"max_uses": 1, "expires_in_s": 3600})
    link = f"/invites/{once['token']}"
    assert bob.request("GET", link)["conversation"]["title"] == "Hikers"
    assert bob.request("POST", f"{link}/accept")["conversation"]["member_count"] == 2
    assert bob.request("POST", f"{link}/accept")["conversation"]["member_count"] == 2
    with expect_error(409, "conflict", reason="used_up"):
        eve.request("POST", f"{link}/accept")
    other = ada.request("POST", f"/conversations/{where}/invites", {})
    assert [one["uses"] for one in ada.request("GET", f"/conversations/{where}/invites")["invites"]] == [1, 0]
    assert ada.request("DELETE", f"/conversations/{where}/invites/{other['invite']['invite_id']}") == {}
    with expect_error(409, "conflict", reason="revoked"):
        eve.request("GET", f"/invites/{other['token']}")
    with expect_error(404, "not_found"):
        eve.request("GET", "/invites/nothing")
    with expect_error(403, "forbidden"):
        bob.request("POST", f"/conversations/{where}/invites", {})


@pytest.mark.covers(
    "GET /channels",
    "POST /conversations/{conversation_id}/join",
    "GET /conversations/{conversation_id}/members",
)
def test_everybody_finds_and_joins_a_public_channel_and_sees_it_from_their_joining(people: People) -> None:
    ada, bob = people("ada", "bob")
    word = f"peak{ada.user_id[:8]}"
    where = ada.create_group(title=f"The {word} watchers")
    with expect_error(404, "not_found"):
        bob.request("POST", f"/conversations/{where}/join")
    ada.send_text(where, "Among ourselves")
    settings = {"public": True, "history": "joined", "posting": "admins", "description": "Who sees most?"}
    ada.request("PATCH", f"/conversations/{where}", settings)

    [found] = bob.request("GET", f"/channels?q=watch%20{word.upper()}")["channels"]
    assert (found["conversation_id"], found["description"]) == (where, "Who sees most?")
    joined = bob.request("POST", f"/conversations/{where}/join")

    assert {name: joined["conversation"][name] for name in settings} == settings
    page = bob.request("GET", f"/conversations/{where}/events?after=0")
    assert [event["type"] for event in page["events"]] == ["member.added"]
    assert page["events"][0]["seq"] == joined["history_from"] == 4
    assert len(bob.request("GET", f"/conversations/{where}/members")["members"]) == 2
    with expect_error(403, "forbidden"):
        bob.request("POST", f"/conversations/{where}/messages", {"client_message_id": "m1", "body": "May I?"})
    with expect_error(400, "invalid", field="q"):
        bob.request("GET", "/channels?q=a")
