"""Keeping away from people, and what administrators do."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
from tests.support.deployments import Deployment
from tests.support.reference_client import ReferenceClient, WireLog, expect_error
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.mark.covers("PUT /blocks/{user_id}", "GET /blocks", "DELETE /blocks/{user_id}")
def test_a_block_keeps_two_people_apart_until_it_is_taken_back(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    ada.catch_up(where)
    bob.catch_up(where)
    ada.request("PUT", f"/blocks/{bob.user_id}")
    for who in (ada, bob):
        with expect_error(403, "forbidden", reason="blocked"):
            who.send_text(where, "hello?")
    with expect_error(403, "forbidden", reason="blocked", user_ids=[ada.user_id]):
        bob.create_group(ada)
    with expect_error(400, "invalid", field="user_id"):
        ada.request("PUT", f"/blocks/{ada.user_id}")
    with expect_error(404, "not_found"):
        ada.request("PUT", "/blocks/nobody")

    listed = ada.request("GET", "/blocks")
    assert (
        [one["user_id"] for one in listed["blocks"]]
        == [one["user_id"] for one in listed["users"]]
        == [bob.user_id]
    )
    assert bob.request("GET", "/blocks") == {"blocks": [], "users": []}

    ada.request("DELETE", f"/blocks/{bob.user_id}")
    bob.send_text(where, "hello again")
    assert (
        ada.request("GET", f"/conversations/{where}/events")["events"][-1]["message"]["body"] == "hello again"
    )


@pytest.mark.covers("PUT /blocks/{user_id}")
def test_nobody_starts_a_conversation_past_a_block(people: People) -> None:
    ada, bob = people("ada", "bob")
    ada.request("PUT", f"/blocks/{bob.user_id}")
    for who, other in ((ada, bob), (bob, ada)):
        with expect_error(403, "forbidden", reason="blocked"):
            who.create_direct(other)


@pytest.mark.covers("POST /me/sign-out")
def test_whoever_signs_out_hears_nothing_more_on_this_device_and_goes_on_on_others(
    deployment: Deployment, record: WireLog, people: People
) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    bob.catch_up(where)
    laptop = ReferenceClient(deployment.site, bob.email, record).sign_in()
    unused = bob.request("POST", "/realtime/tickets")["ticket"]
    with bob.connect() as phone:
        assert bob.request("POST", "/me/sign-out") == {}
        with pytest.raises(ConnectionClosed):
            phone.receive()
    # What becomes of the 401 with which `$connect` refuses is the gateway's affair; a browser sees neither.
    with pytest.raises(InvalidStatus, match=r"40[13]"), bob.connect_with_ticket(unused):
        pass
    with expect_error(401, "unauthenticated"):
        bob.request("POST", "/realtime/tickets")
    with laptop.connect() as line:
        laptop.catch_up(where)
        ada.send_text(where, "are you there?")
        assert line.wait_for("events")["events"][0]["message"]["body"] == "are you there?"


@pytest.mark.covers(
    "PUT /admin/users/{user_id}/suspension", "DELETE /admin/users/{user_id}/suspension", "GET /admin/audit"
)
def test_whoever_is_suspended_is_out_until_they_are_restored(people: People, admin: ReferenceClient) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    bob.catch_up(where)
    ticket = bob.request("POST", "/realtime/tickets")["ticket"]
    suspension = f"/admin/users/{bob.user_id}/suspension"
    with bob.connect() as phone:
        admin.request("PUT", suspension)
        ada.send_text(where, "not for bob")
        with pytest.raises(ConnectionClosed):
            phone.wait_for("events")
    for method, path in (
        ("GET", "/conversations"),
        ("GET", f"/conversations/{where}/events"),
        ("GET", "/blocks"),
    ):
        with expect_error(403, "suspended"):
            bob.request(method, path)
    with expect_error(403, "suspended"):
        bob.send_text(where, "let me in")
    with pytest.raises(InvalidStatus), bob.connect_with_ticket(ticket):
        pass
    assert bob.request("GET", "/me")["user"]["suspended"]

    admin.request("DELETE", suspension)
    assert not bob.request("GET", "/me")["user"]["suspended"]
    bob.catch_up(where)
    assert bob.message_bodies(where) == ["not for bob"]
    newest = admin.request("GET", "/admin/audit")["entries"][:2]
    assert [(one["action"], one["actor_id"], one["user_id"]) for one in newest] == [
        ("user.restored", admin.user_id, bob.user_id),
        ("user.suspended", admin.user_id, bob.user_id),
    ]
    with expect_error(400, "invalid", field="user_id"):
        admin.request("PUT", f"/admin/users/{admin.user_id}/suspension")
    with expect_error(404, "not_found"):
        admin.request("PUT", "/admin/users/nobody/suspension")


@pytest.mark.covers("DELETE /admin/conversations/{conversation_id}/messages/{seq}", "GET /admin/audit")
def test_an_administrator_removes_a_message_and_it_is_noted_without_its_text(
    people: People, admin: ReferenceClient
) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    ada.catch_up(where)
    seq = ada.send_text(where, "unbearable")["seq"]
    path = f"/admin/conversations/{where}/messages"
    done = admin.request("DELETE", f"{path}/{seq}")
    assert (done["event"]["actor_id"], done["message"]["body"]) == (admin.user_id, "")
    bob.catch_up(where)
    assert "unbearable" not in repr(bob.logs)
    with expect_error(404, "not_found"):
        admin.request("DELETE", f"{path}/99")
    entry = admin.request("GET", "/admin/audit")["entries"][0]
    assert (entry["action"], entry["user_id"], entry["conversation_id"], entry["seq"]) == (
        "message.removed",
        ada.user_id,
        where,
        seq,
    )
    assert "unbearable" not in repr(entry)


@pytest.mark.covers("GET /admin/users")
def test_an_administrator_sees_everybody_and_nobody_else_does(people: People, admin: ReferenceClient) -> None:
    ada, bob = people("ada", "bob")
    found, cursor = [], "?cursor=0"
    while cursor:
        page = admin.request("GET", "/admin/users" + cursor)
        found += [one["user_id"] for one in page["users"]]
        cursor = f"?cursor={page['next_cursor']}" if "next_cursor" in page else ""
    assert {ada.user_id, bob.user_id, admin.user_id} <= set(found)
    for method, path in (
        ("GET", "/admin/users"),
        ("GET", "/admin/audit"),
        ("PUT", f"/admin/users/{bob.user_id}/suspension"),
        ("DELETE", f"/admin/users/{bob.user_id}/suspension"),
        ("DELETE", "/admin/conversations/x/messages/1"),
    ):
        with expect_error(403, "forbidden"):
            ada.request(method, path)
