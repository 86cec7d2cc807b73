"""Sign-in, profiles, tickets, personal settings, presence and sign-out."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.protocol.conftest import CreateUsers
from tests.support.deployments import Deployment
from tests.support.reference_client import ReferenceClient, WireLog, expect_error
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.mark.covers("GET /health")
def test_the_health_check_needs_no_sign_in(create_users: CreateUsers) -> None:
    [ada] = create_users("ada")
    ada.token = ""

    assert ada.request("GET", "/health")["status"] == "ok"


@pytest.mark.covers("GET /me", "PATCH /me", "GET /users/{user_id}")
def test_profiles_are_visible_to_others_and_handles_are_unique(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    profile = ada.request("GET", "/me")["user"]
    assert ada.request("GET", f"/users/{bob.user_id}")["user"]["display_name"] == "Bob"

    with expect_error(409, "conflict", reason="taken"):
        bob.request("PATCH", "/me", {"handle": profile["handle"]})
    with expect_error(400, "invalid", field="handle"):
        bob.request("PATCH", "/me", {"handle": "B"})


def test_a_wrong_password_is_refused(create_users: CreateUsers) -> None:
    [lee] = create_users("lee")

    with pytest.raises(ClientError) as wrong:
        lee.sign_in("wrong horse 9")

    assert wrong.value.response["Error"]["Code"] == "NotAuthorizedException"


def test_a_refreshed_token_is_accepted_and_a_forged_or_missing_one_is_not(create_users: CreateUsers) -> None:
    [lee] = create_users("lee")
    lee.refresh()
    assert lee.request("GET", "/me")["user"]["user_id"] == lee.user_id

    lee.token = lee.token[:-8] + "AAAAAAAA"
    with expect_error(401):
        lee.request("GET", "/me")
    lee.token = ""
    with expect_error(401):
        lee.request("GET", "/me")


@pytest.mark.covers("POST /realtime/tickets")
def test_a_ticket_opens_one_connection(create_users: CreateUsers) -> None:
    [lee] = create_users("lee")
    ticket = lee.request("POST", "/realtime/tickets")["ticket"]
    with lee.connect_with_ticket(ticket) as connection:
        assert connection.subprotocol == "imchat.v1"

    for invalid in (ticket, "never-issued"):
        with pytest.raises(InvalidStatus) as error, lee.connect_with_ticket(invalid):
            pass
        assert error.value.response.status_code == 401


@pytest.mark.covers("action ping", "frame pong", "frame error")
def test_an_unknown_frame_gets_an_error_and_the_connection_stays_open(create_users: CreateUsers) -> None:
    [lee] = create_users("lee")
    with lee.connect() as connection:
        connection.send("dance")
        assert connection.wait_for("error")["error"]["code"] == "invalid"
        connection.send("ping")
        assert connection.wait_for("pong")["connection_id"]


@pytest.mark.covers("PATCH /conversations/{conversation_id}/me", "frame settings")
def test_personal_settings_reach_only_the_devices_of_their_user(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    settings_path = f"/conversations/{conversation_id}/me"
    with ada.connect() as phone, bob.connect() as bob_phone:
        settings = ada.request(
            "PATCH", settings_path, {"muted": True, "pinned": True, "marked_unread": True}
        )["settings"]
        assert settings == {"muted": True, "archived": False, "pinned": True, "marked_unread": True}
        assert phone.wait_for("settings") == {
            "type": "settings",
            "conversation_id": conversation_id,
            "settings": settings,
        }
        ada.request("PUT", f"/conversations/{conversation_id}/read", {"seq": 1})
        assert phone.wait_for("settings")["settings"] == settings | {"marked_unread": False}
        assert bob_phone.receive_pending() == []
    ada.request("PATCH", settings_path, {"muted": False})
    [entry] = ada.request("GET", "/conversations")["conversations"]
    assert entry["settings"] == {"muted": False, "archived": False, "pinned": True, "marked_unread": False}
    assert not any(bob.request("GET", f"/conversations/{conversation_id}")["settings"].values())
    with expect_error(400, "invalid", field="loud"):
        ada.request("PATCH", settings_path, {"loud": True})


@pytest.mark.covers(
    "GET /conversations/{conversation_id}/presence",
    "PUT /conversations/{conversation_id}/presence/watch",
    "frame presence",
)
def test_watching_a_member_shows_them_go_online_offline_and_hide(create_users: CreateUsers) -> None:
    ada, bob, eve = create_users("ada", "bob", "eve")
    conversation_id = ada.create_direct(bob)
    watch = f"/conversations/{conversation_id}/presence/watch"
    with ada.connect() as phone:
        watched = ada.request("PUT", watch, {"user_ids": [bob.user_id]})
        assert watched["presence"] == [{"user_id": bob.user_id, "online": False}]
        with bob.connect():
            online = phone.wait_for("presence")
            assert (online["user_id"], online["online"]) == (bob.user_id, True)
            presence = ada.request(
                "GET", f"/conversations/{conversation_id}/presence?user_ids={bob.user_id}"
            )["presence"]
            assert presence == [{"user_id": bob.user_id, "online": True}]
        offline = phone.wait_for("presence")
        assert not offline["online"]
        assert offline["last_seen_ms"] <= watched["until_ms"]
        assert not bob.request("PATCH", "/me", {"show_presence": False})["user"]["show_presence"]
        assert not phone.wait_for("presence")["online"]
    assert {
        entry["user_id"]
        for entry in ada.request("GET", f"/conversations/{conversation_id}/presence")["presence"]
    } == {ada.user_id}
    with expect_error(404, "not_found"):
        eve.request("GET", f"/conversations/{conversation_id}/presence")
    with expect_error(400, "invalid", field="user_ids"):
        ada.request("PUT", watch, {"user_ids": []})


@pytest.mark.covers("POST /me/sign-out")
def test_sign_out_closes_the_connections_of_this_device_only(
    deployment: Deployment, wire_log: WireLog, create_users: CreateUsers
) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    bob.catch_up(conversation_id)
    laptop = ReferenceClient(deployment.site, bob.email, wire_log).sign_in()
    unused = bob.request("POST", "/realtime/tickets")["ticket"]
    with bob.connect() as phone:
        assert bob.request("POST", "/me/sign-out") == {}
        with pytest.raises(ConnectionClosed):
            phone.receive()
    # The gateway decides which status it returns when `$connect` responds with 401. Browsers see neither.
    with pytest.raises(InvalidStatus, match=r"40[13]"), bob.connect_with_ticket(unused):
        pass
    with expect_error(401, "unauthenticated"):
        bob.request("POST", "/realtime/tickets")
    with laptop.connect() as connection:
        laptop.catch_up(conversation_id)
        ada.send_text(conversation_id, "are you there?")
        assert connection.wait_for("events")["events"][0]["message"]["body"] == "are you there?"
