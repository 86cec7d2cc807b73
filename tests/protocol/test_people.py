"""Signing in, profiles, tickets: who somebody is, and that it is really checked."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.protocol.conftest import People
from tests.support.reference_client import refused
from websockets.exceptions import InvalidStatus


@pytest.mark.covers("GET /health")
def test_whether_it_runs_is_told_to_anybody(people: People) -> None:
    [ada] = people("ada")
    ada.token = ""

    assert ada.http("GET", "/health")["status"] == "ok"


@pytest.mark.covers("GET /me", "PATCH /me", "GET /users/{user_id}")
def test_a_profile_is_seen_by_others_and_a_handle_is_one_persons(people: People) -> None:
    ada, bob = people("ada", "bob")
    mine = ada.http("GET", "/me")["user"]
    assert ada.http("GET", f"/users/{bob.user_id}")["user"]["display_name"] == "Bob"

    with refused(409, "conflict", reason="taken"):
        bob.http("PATCH", "/me", {"handle": mine["handle"]})
    with refused(400, "invalid", field="handle"):
        bob.http("PATCH", "/me", {"handle": "B"})


def test_a_wrong_password_is_refused(people: People) -> None:
    [lee] = people("lee")

    with pytest.raises(ClientError) as wrong:
        lee.sign_in("wrong horse 9")

    assert wrong.value.response["Error"]["Code"] == "NotAuthorizedException"


def test_a_refreshed_token_is_good_and_a_forged_or_missing_one_is_not(people: People) -> None:
    [lee] = people("lee")
    lee.refresh()
    assert lee.http("GET", "/me")["user"]["user_id"] == lee.user_id

    lee.token = lee.token[:-8] + "AAAAAAAA"
    with refused(401):
        lee.http("GET", "/me")
    lee.token = ""
    with refused(401):
        lee.http("GET", "/me")


@pytest.mark.covers("POST /realtime/tickets")
def test_a_ticket_opens_one_connection(people: People) -> None:
    [lee] = people("lee")
    ticket = lee.http("POST", "/realtime/tickets")["ticket"]
    with lee.connect_with(ticket) as line:
        assert line.subprotocol == "imchat.v1"

    for bad in (ticket, "never-issued"):
        with pytest.raises(InvalidStatus) as refusal, lee.connect_with(bad):
            pass
        assert refusal.value.response.status_code == 401


@pytest.mark.covers("action ping", "frame pong", "frame error")
def test_a_frame_that_means_nothing_is_refused_and_the_connection_stays(people: People) -> None:
    [lee] = people("lee")
    with lee.connect() as line:
        line.say("dance")
        assert line.hear("error")["error"]["code"] == "invalid"
        line.say("ping")
        assert line.hear("pong")["connection_id"]


@pytest.mark.covers("PATCH /conversations/{conversation_id}/me", "frame settings")
def test_what_somebody_chooses_for_themselves_reaches_their_devices_and_nobody_else(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    mine = f"/conversations/{where}/me"
    with ada.connect() as phone, bob.connect() as his:
        chosen = ada.http("PATCH", mine, {"muted": True, "pinned": True, "marked_unread": True})["settings"]
        assert chosen == {"muted": True, "archived": False, "pinned": True, "marked_unread": True}
        assert phone.hear("settings") == {"type": "settings", "conversation_id": where, "settings": chosen}
        ada.http("PUT", f"/conversations/{where}/read", {"seq": 1})
        assert phone.hear("settings")["settings"] == chosen | {"marked_unread": False}
        assert his.rest() == []
    ada.http("PATCH", mine, {"muted": False})
    [entry] = ada.http("GET", "/conversations")["conversations"]
    assert entry["settings"] == {"muted": False, "archived": False, "pinned": True, "marked_unread": False}
    assert not any(bob.http("GET", f"/conversations/{where}")["settings"].values())
    with refused(400, "invalid", field="loud"):
        ada.http("PATCH", mine, {"loud": True})


@pytest.mark.covers(
    "GET /conversations/{conversation_id}/presence",
    "PUT /conversations/{conversation_id}/presence/watch",
    "frame presence",
)
def test_whoever_watches_somebody_sees_them_come_go_and_hide(people: People) -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    where = ada.start_direct(bob)
    watch = f"/conversations/{where}/presence/watch"
    with ada.connect() as phone:
        watched = ada.http("PUT", watch, {"user_ids": [bob.user_id]})
        assert watched["presence"] == [{"user_id": bob.user_id, "online": False}]
        with bob.connect():
            came = phone.hear("presence")
            assert (came["user_id"], came["online"]) == (bob.user_id, True)
            shown = ada.http("GET", f"/conversations/{where}/presence?user_ids={bob.user_id}")["presence"]
            assert shown == [{"user_id": bob.user_id, "online": True}]
        went = phone.hear("presence")
        assert not went["online"]
        assert went["last_seen_ms"] <= watched["until_ms"]
        assert not bob.http("PATCH", "/me", {"show_presence": False})["user"]["show_presence"]
        assert not phone.hear("presence")["online"]
    assert {one["user_id"] for one in ada.http("GET", f"/conversations/{where}/presence")["presence"]} == {
        ada.user_id
    }
    with refused(404, "not_found"):
        eve.http("GET", f"/conversations/{where}/presence")
    with refused(400, "invalid", field="user_ids"):
        ada.http("PUT", watch, {"user_ids": []})
