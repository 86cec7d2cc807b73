"""Signing in, profiles, tickets: who somebody is, and that it is really checked."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.protocol.conftest import People
from tests.support.reference_client import expect_error
from websockets.exceptions import InvalidStatus


@pytest.mark.covers("GET /health")
def test_whether_it_runs_is_told_to_anybody(people: People) -> None:
    [ada] = people("ada")
    ada.token = ""

    assert ada.request("GET", "/health")["status"] == "ok"


@pytest.mark.covers("GET /me", "PATCH /me", "GET /users/{user_id}")
def test_a_profile_is_seen_by_others_and_a_handle_is_one_persons(people: People) -> None:
    ada, bob = people("ada", "bob")
    mine = ada.request("GET", "/me")["user"]
    assert ada.request("GET", f"/users/{bob.user_id}")["user"]["display_name"] == "Bob"

    with expect_error(409, "conflict", reason="taken"):
        bob.request("PATCH", "/me", {"handle": mine["handle"]})
    with expect_error(400, "invalid", field="handle"):
        bob.request("PATCH", "/me", {"handle": "B"})


def test_a_wrong_password_is_refused(people: People) -> None:
    [lee] = people("lee")

    with pytest.raises(ClientError) as wrong:
        lee.sign_in("wrong horse 9")

    assert wrong.value.response["Error"]["Code"] == "NotAuthorizedException"


def test_a_refreshed_token_is_good_and_a_forged_or_missing_one_is_not(people: People) -> None:
    [lee] = people("lee")
    lee.refresh()
    assert lee.request("GET", "/me")["user"]["user_id"] == lee.user_id

    lee.token = lee.token[:-8] + "AAAAAAAA"
    with expect_error(401):
        lee.request("GET", "/me")
    lee.token = ""
    with expect_error(401):
        lee.request("GET", "/me")


@pytest.mark.covers("POST /realtime/tickets")
def test_a_ticket_opens_one_connection(people: People) -> None:
    [lee] = people("lee")
    ticket = lee.request("POST", "/realtime/tickets")["ticket"]
    with lee.connect_with_ticket(ticket) as line:
        assert line.subprotocol == "imchat.v1"

    for bad in (ticket, "never-issued"):
        with pytest.raises(InvalidStatus) as refusal, lee.connect_with_ticket(bad):
            pass
        assert refusal.value.response.status_code == 401


@pytest.mark.covers("action ping", "frame pong", "frame error")
def test_a_frame_that_means_nothing_is_refused_and_the_connection_stays(people: People) -> None:
    [lee] = people("lee")
    with lee.connect() as line:
        line.send("dance")
        assert line.wait_for("error")["error"]["code"] == "invalid"
        line.send("ping")
        assert line.wait_for("pong")["connection_id"]


@pytest.mark.covers("PATCH /conversations/{conversation_id}/me", "frame settings")
def test_what_somebody_chooses_for_themselves_reaches_their_devices_and_nobody_else(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    mine = f"/conversations/{where}/me"
    with ada.connect() as phone, bob.connect() as his:
        chosen = ada.request("PATCH", mine, {"muted": True, "pinned": True, "marked_unread": True})[
            "settings"
        ]
        assert chosen == {"muted": True, "archived": False, "pinned": True, "marked_unread": True}
        assert phone.wait_for("settings") == {
            "type": "settings",
            "conversation_id": where,
            "settings": chosen,
        }
        ada.request("PUT", f"/conversations/{where}/read", {"seq": 1})
        assert phone.wait_for("settings")["settings"] == chosen | {"marked_unread": False}
        assert his.receive_pending() == []
    ada.request("PATCH", mine, {"muted": False})
    [entry] = ada.request("GET", "/conversations")["conversations"]
    assert entry["settings"] == {"muted": False, "archived": False, "pinned": True, "marked_unread": False}
    assert not any(bob.request("GET", f"/conversations/{where}")["settings"].values())
    with expect_error(400, "invalid", field="loud"):
        ada.request("PATCH", mine, {"loud": True})


@pytest.mark.covers(
    "GET /conversations/{conversation_id}/presence",
    "PUT /conversations/{conversation_id}/presence/watch",
    "frame presence",
)
def test_whoever_watches_somebody_sees_them_come_go_and_hide(people: People) -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    where = ada.create_direct(bob)
    watch = f"/conversations/{where}/presence/watch"
    with ada.connect() as phone:
        watched = ada.request("PUT", watch, {"user_ids": [bob.user_id]})
        assert watched["presence"] == [{"user_id": bob.user_id, "online": False}]
        with bob.connect():
            came = phone.wait_for("presence")
            assert (came["user_id"], came["online"]) == (bob.user_id, True)
            shown = ada.request("GET", f"/conversations/{where}/presence?user_ids={bob.user_id}")["presence"]
            assert shown == [{"user_id": bob.user_id, "online": True}]
        went = phone.wait_for("presence")
        assert not went["online"]
        assert went["last_seen_ms"] <= watched["until_ms"]
        assert not bob.request("PATCH", "/me", {"show_presence": False})["user"]["show_presence"]
        assert not phone.wait_for("presence")["online"]
    assert {one["user_id"] for one in ada.request("GET", f"/conversations/{where}/presence")["presence"]} == {
        ada.user_id
    }
    with expect_error(404, "not_found"):
        eve.request("GET", f"/conversations/{where}/presence")
    with expect_error(400, "invalid", field="user_ids"):
        ada.request("PUT", watch, {"user_ids": []})
