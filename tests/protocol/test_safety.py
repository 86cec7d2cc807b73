"""Keeping away from people, and what administrators do."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
from tests.support.deployments import Deployment
from tests.support.reference_client import Record, Stranger, refused
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.mark.covers("PUT /blocks/{user_id}", "GET /blocks", "DELETE /blocks/{user_id}")
def test_a_block_keeps_two_people_apart_until_it_is_taken_back(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    ada.catch_up(where)
    bob.catch_up(where)
    ada.http("PUT", f"/blocks/{bob.user_id}")
    for who in (ada, bob):
        with refused(403, "forbidden", reason="blocked"):
            who.write(where, "hello?")
    with refused(403, "forbidden", reason="blocked", user_ids=[ada.user_id]):
        bob.start_group(ada)
    with refused(400, "invalid", field="user_id"):
        ada.http("PUT", f"/blocks/{ada.user_id}")
    with refused(404, "not_found"):
        ada.http("PUT", "/blocks/nobody")

    listed = ada.http("GET", "/blocks")
    assert (
        [one["user_id"] for one in listed["blocks"]]
        == [one["user_id"] for one in listed["users"]]
        == [bob.user_id]
    )
    assert bob.http("GET", "/blocks") == {"blocks": [], "users": []}

    ada.http("DELETE", f"/blocks/{bob.user_id}")
    bob.write(where, "hello again")
    assert ada.http("GET", f"/conversations/{where}/events")["events"][-1]["message"]["body"] == "hello again"


@pytest.mark.covers("PUT /blocks/{user_id}")
def test_nobody_starts_a_conversation_past_a_block(people: People) -> None:
    ada, bob = people("ada", "bob")
    ada.http("PUT", f"/blocks/{bob.user_id}")
    for who, other in ((ada, bob), (bob, ada)):
        with refused(403, "forbidden", reason="blocked"):
            who.start_direct(other)


@pytest.mark.covers("POST /me/sign-out")
def test_whoever_signs_out_hears_nothing_more_on_this_device_and_goes_on_on_others(
    deployment: Deployment, record: Record, people: People
) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    bob.catch_up(where)
    laptop = Stranger(deployment.site, bob.email, record).sign_in()
    unused = bob.http("POST", "/realtime/tickets")["ticket"]
    with bob.connect() as phone:
        assert bob.http("POST", "/me/sign-out") == {}
        with pytest.raises(ConnectionClosed):
            phone.next()
    # What becomes of the 401 with which `$connect` refuses is the gateway's affair; a browser sees neither.
    with pytest.raises(InvalidStatus, match=r"40[13]"), bob.connect_with(unused):
        pass
    with refused(401, "unauthenticated"):
        bob.http("POST", "/realtime/tickets")
    with laptop.connect() as line:
        laptop.catch_up(where)
        ada.write(where, "are you there?")
        assert line.hear("events")["events"][0]["message"]["body"] == "are you there?"


@pytest.mark.covers(
    "PUT /admin/users/{user_id}/suspension", "DELETE /admin/users/{user_id}/suspension", "GET /admin/audit"
)
def test_whoever_is_suspended_is_out_until_they_are_restored(people: People, admin: Stranger) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    bob.catch_up(where)
    ticket = bob.http("POST", "/realtime/tickets")["ticket"]
    suspension = f"/admin/users/{bob.user_id}/suspension"
    with bob.connect() as phone:
        admin.http("PUT", suspension)
        ada.write(where, "not for bob")
        with pytest.raises(ConnectionClosed):
            phone.hear("events")
    for method, path in (
        ("GET", "/conversations"),
        ("GET", f"/conversations/{where}/events"),
        ("GET", "/blocks"),
    ):
        with refused(403, "suspended"):
            bob.http(method, path)
    with refused(403, "suspended"):
        bob.write(where, "let me in")
    with pytest.raises(InvalidStatus), bob.connect_with(ticket):
        pass
    assert bob.http("GET", "/me")["user"]["suspended"]

    admin.http("DELETE", suspension)
    assert not bob.http("GET", "/me")["user"]["suspended"]
    bob.catch_up(where)
    assert bob.bodies(where) == ["not for bob"]
    newest = admin.http("GET", "/admin/audit")["entries"][:2]
    assert [(one["action"], one["actor_id"], one["user_id"]) for one in newest] == [
        ("user.restored", admin.user_id, bob.user_id),
        ("user.suspended", admin.user_id, bob.user_id),
    ]
    with refused(400, "invalid", field="user_id"):
        admin.http("PUT", f"/admin/users/{admin.user_id}/suspension")
    with refused(404, "not_found"):
        admin.http("PUT", "/admin/users/nobody/suspension")


@pytest.mark.covers("DELETE /admin/conversations/{conversation_id}/messages/{seq}", "GET /admin/audit")
def test_an_administrator_removes_a_message_and_it_is_noted_without_its_text(
    people: People, admin: Stranger
) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    ada.catch_up(where)
    seq = ada.write(where, "unbearable")["seq"]
    path = f"/admin/conversations/{where}/messages"
    done = admin.http("DELETE", f"{path}/{seq}")
    assert (done["event"]["actor_id"], done["message"]["body"]) == (admin.user_id, "")
    bob.catch_up(where)
    assert "unbearable" not in repr(bob.logs)
    with refused(404, "not_found"):
        admin.http("DELETE", f"{path}/99")
    entry = admin.http("GET", "/admin/audit")["entries"][0]
    assert (entry["action"], entry["user_id"], entry["conversation_id"], entry["seq"]) == (
        "message.removed",
        ada.user_id,
        where,
        seq,
    )
    assert "unbearable" not in repr(entry)


@pytest.mark.covers("GET /admin/users")
def test_an_administrator_sees_everybody_and_nobody_else_does(people: People, admin: Stranger) -> None:
    ada, bob = people("ada", "bob")
    found, cursor = [], "?cursor=0"
    while cursor:
        page = admin.http("GET", "/admin/users" + cursor)
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
        with refused(403, "forbidden"):
            ada.http(method, path)
