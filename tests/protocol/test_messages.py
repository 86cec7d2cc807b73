"""Two users exchange messages, and every event arrives."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import CreateUsers
from tests.support.reference_client import expect_error


@pytest.mark.covers(
    "GET /users",
    "POST /conversations",
    "POST /conversations/{conversation_id}/messages",
    "GET /conversations/{conversation_id}/events",
    "event conversation.created",
    "event message.created",
    "frame conversation",
    "frame events",
)
def test_two_users_exchange_messages_and_recover_from_a_lost_push(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    handle = bob.email.partition("@")[0]
    assert ada.request("GET", f"/users?prefix={handle}")["users"][0] == {
        "user_id": bob.user_id,
        "handle": handle,
        "display_name": "Bob",
    }
    with bob.connect() as phone:
        conversation_id = ada.create_direct(bob)
        assert phone.wait_for("conversation")["conversation_id"] == conversation_id
        ada.catch_up(conversation_id)
        bob.catch_up(conversation_id)

        message = ada.new_message(conversation_id, "Hello, Bob! 👋🏽\n\tHow are you?")
        event = ada.send_message(conversation_id, message)
        assert phone.wait_for("events")["events"] == [event]
        ada.apply(conversation_id, [event])

        ada.apply(conversation_id, [ada.send_text(conversation_id, "Lost on the way")])
        assert phone.receive()["type"] == "events"  # not applied, as if the push had been lost
        ada.send_text(conversation_id, "Still there?")
        phone.wait_for("events")
        assert bob.message_bodies(conversation_id) == [message["body"], "Lost on the way", "Still there?"]
        assert bob.gap_reads == 1


@pytest.mark.covers(
    "GET /conversations",
    "GET /conversations/{conversation_id}",
    "PUT /conversations/{conversation_id}/read",
    "frame receipt",
)
def test_missed_messages_are_in_the_log_and_unread_until_marked_as_read(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    for body in ("One", "Two"):
        ada.send_text(conversation_id, body)

    with bob.connect() as laptop:
        bob.catch_up(conversation_id)
        assert bob.message_bodies(conversation_id) == ["One", "Two"]
        [entry] = bob.request("GET", "/conversations")["conversations"]
        assert (entry["unread"], entry["last_message"]["message"]["body"]) == (2, "Two")
        read = bob.request(
            "PUT", f"/conversations/{conversation_id}/read", {"seq": bob.last_seq(conversation_id)}
        )
        assert read == {"read_seq": 3, "read_count": 2, "unread": 0, "unread_mentions": 0}
        receipt = laptop.wait_for("receipt")
        assert (receipt["user_id"], receipt["read_seq"]) == (bob.user_id, 3)
    members = ada.request("GET", f"/conversations/{conversation_id}")["conversation"]["members"]
    assert {member["user_id"]: member["read_seq"] for member in members}[bob.user_id] == 3


@pytest.mark.covers(
    "action ping", "frame pong", "POST /conversations/{conversation_id}/messages", "frame events"
)
def test_a_message_is_not_pushed_to_the_connection_that_the_sender_names(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    with ada.connect() as laptop, ada.connect() as tablet, bob.connect() as phone:
        assert laptop.connection_id() != tablet.connection_id()
        first = ada.new_message(conversation_id, "From here") | {"connection_id": laptop.connection_id()}
        for _attempt in ("first", "retry"):
            event = ada.send_message(conversation_id, first)
            assert tablet.wait_for("events")["events"] == phone.wait_for("events")["events"] == [event]
            assert laptop.receive_pending() == []
        forged = ada.new_message(conversation_id, "Not for your phone") | {
            "connection_id": phone.connection_id()
        }
        event = ada.send_message(conversation_id, forged)
        for connection in (laptop, tablet, phone):
            assert connection.wait_for("events")["events"] == [event]


def test_a_repeated_send_creates_one_message(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    message = ada.new_message(conversation_id, "Once")

    first = ada.request_with_status("POST", f"/conversations/{conversation_id}/messages", message)
    again = ada.request_with_status("POST", f"/conversations/{conversation_id}/messages", message)

    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    bob.catch_up(conversation_id)
    assert bob.message_bodies(conversation_id) == ["Once"]


def test_a_send_with_after_seq_past_the_end_names_that_field(create_users: CreateUsers) -> None:
    [sam] = create_users("sam")
    conversation_id = sam.create_group()

    with expect_error(400, "invalid", field="after_seq", limit=1):
        sam.send_message(conversation_id, {**sam.new_message(conversation_id, "hi"), "after_seq": 99})


def test_users_who_are_not_members_get_not_found(create_users: CreateUsers) -> None:
    ada, eve = create_users("ada", "eve")
    conversation_id = ada.create_group()

    with expect_error(404, "not_found"):
        eve.catch_up(conversation_id)
    with expect_error(404, "not_found"):
        eve.send_text(conversation_id, "Hello?")
    with expect_error(404, "not_found"):
        eve.catch_up("gNothingThatExists")
