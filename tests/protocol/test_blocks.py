"""Blocks: a user and a user they blocked cannot exchange messages."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import CreateUsers
from tests.support.reference_client import expect_error


@pytest.mark.covers("PUT /blocks/{user_id}", "GET /blocks", "DELETE /blocks/{user_id}")
def test_a_block_stops_messages_in_both_directions_until_it_is_removed(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    ada.catch_up(conversation_id)
    bob.catch_up(conversation_id)
    ada.request("PUT", f"/blocks/{bob.user_id}")
    for user in (ada, bob):
        with expect_error(403, "forbidden", reason="blocked"):
            user.send_text(conversation_id, "hello?")
    with expect_error(403, "forbidden", reason="blocked", user_ids=[ada.user_id]):
        bob.create_group(ada)
    with expect_error(400, "invalid", field="user_id"):
        ada.request("PUT", f"/blocks/{ada.user_id}")
    with expect_error(404, "not_found"):
        ada.request("PUT", "/blocks/nobody")

    listed = ada.request("GET", "/blocks")
    assert (
        [block["user_id"] for block in listed["blocks"]]
        == [user["user_id"] for user in listed["users"]]
        == [bob.user_id]
    )
    assert bob.request("GET", "/blocks") == {"blocks": [], "users": []}

    ada.request("DELETE", f"/blocks/{bob.user_id}")
    bob.send_text(conversation_id, "hello again")
    assert (
        ada.request("GET", f"/conversations/{conversation_id}/events")["events"][-1]["message"]["body"]
        == "hello again"
    )


@pytest.mark.covers("PUT /blocks/{user_id}")
def test_blocked_users_cannot_start_a_conversation(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    ada.request("PUT", f"/blocks/{bob.user_id}")
    for user, other in ((ada, bob), (bob, ada)):
        with expect_error(403, "forbidden", reason="blocked"):
            user.create_direct(other)
