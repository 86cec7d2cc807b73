"""Administration: suspend and restore users, remove messages, list users and read the audit log."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import CreateUsers
from tests.support.reference_client import ReferenceClient, expect_error
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.mark.covers(
    "PUT /admin/users/{user_id}/suspension", "DELETE /admin/users/{user_id}/suspension", "GET /admin/audit"
)
def test_a_suspended_user_has_no_access_until_restored(
    create_users: CreateUsers, admin: ReferenceClient
) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    bob.catch_up(conversation_id)
    ticket = bob.request("POST", "/realtime/tickets")["ticket"]
    suspension = f"/admin/users/{bob.user_id}/suspension"
    with bob.connect() as phone:
        admin.request("PUT", suspension)
        ada.send_text(conversation_id, "not for bob")
        with pytest.raises(ConnectionClosed):
            phone.wait_for("events")
    for method, path in (
        ("GET", "/conversations"),
        ("GET", f"/conversations/{conversation_id}/events"),
        ("GET", "/blocks"),
    ):
        with expect_error(403, "suspended"):
            bob.request(method, path)
    with expect_error(403, "suspended"):
        bob.send_text(conversation_id, "let me in")
    with pytest.raises(InvalidStatus), bob.connect_with_ticket(ticket):
        pass
    assert bob.request("GET", "/me")["user"]["suspended"]

    admin.request("DELETE", suspension)
    assert not bob.request("GET", "/me")["user"]["suspended"]
    bob.catch_up(conversation_id)
    assert bob.message_bodies(conversation_id) == ["not for bob"]
    newest = admin.request("GET", "/admin/audit")["entries"][:2]
    assert [(entry["action"], entry["actor_id"], entry["user_id"]) for entry in newest] == [
        ("user.restored", admin.user_id, bob.user_id),
        ("user.suspended", admin.user_id, bob.user_id),
    ]
    with expect_error(400, "invalid", field="user_id"):
        admin.request("PUT", f"/admin/users/{admin.user_id}/suspension")
    with expect_error(404, "not_found"):
        admin.request("PUT", "/admin/users/nobody/suspension")


@pytest.mark.covers("DELETE /admin/conversations/{conversation_id}/messages/{seq}", "GET /admin/audit")
def test_removing_a_message_is_in_the_audit_log_without_its_text(
    create_users: CreateUsers, admin: ReferenceClient
) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    ada.catch_up(conversation_id)
    seq = ada.send_text(conversation_id, "unbearable")["seq"]
    path = f"/admin/conversations/{conversation_id}/messages"
    change = admin.request("DELETE", f"{path}/{seq}")
    assert (change["event"]["actor_id"], change["message"]["body"]) == (admin.user_id, "")
    bob.catch_up(conversation_id)
    assert "unbearable" not in repr(bob.logs)
    with expect_error(404, "not_found"):
        admin.request("DELETE", f"{path}/99")
    entry = admin.request("GET", "/admin/audit")["entries"][0]
    assert (entry["action"], entry["user_id"], entry["conversation_id"], entry["seq"]) == (
        "message.removed",
        ada.user_id,
        conversation_id,
        seq,
    )
    assert "unbearable" not in repr(entry)


@pytest.mark.covers("GET /admin/users")
def test_only_administrators_can_list_all_users(create_users: CreateUsers, admin: ReferenceClient) -> None:
    ada, bob = create_users("ada", "bob")
    found, cursor = [], "?cursor=0"
    while cursor:
        page = admin.request("GET", "/admin/users" + cursor)
        found += [user["user_id"] for user in page["users"]]
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
