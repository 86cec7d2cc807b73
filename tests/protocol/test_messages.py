"""Two people meet, talk, and miss nothing."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
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
def test_two_people_meet_and_talk_and_a_lost_push_does_no_harm(people: People) -> None:
    ada, bob = people("ada", "bob")
    handle = bob.email.partition("@")[0]
    assert ada.request("GET", f"/users?prefix={handle}")["users"][0] == {
        "user_id": bob.user_id,
        "handle": handle,
        "display_name": "Bob",
    }
    with bob.connect() as phone:
        where = ada.create_direct(bob)
        assert phone.wait_for("conversation")["conversation_id"] == where
        ada.catch_up(where)
        bob.catch_up(where)

        message = ada.new_message(where, "Hello, Bob! 👋🏽\n\tHow are you?")
        event = ada.send_message(where, message)
        assert phone.wait_for("events")["events"] == [event]
        ada.apply(where, [event])

        ada.apply(where, [ada.send_text(where, "Lost on the way")])
        assert phone.receive()["type"] == "events"  # not applied, as if it had never come
        ada.send_text(where, "Still there?")
        phone.wait_for("events")
        assert bob.message_bodies(where) == [message["body"], "Lost on the way", "Still there?"]
        assert bob.gap_reads == 1


@pytest.mark.covers(
    "GET /conversations",
    "GET /conversations/{conversation_id}",
    "PUT /conversations/{conversation_id}/read",
    "frame receipt",
)
def test_what_was_missed_is_in_the_log_unread_until_it_was_seen(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    for body in ("One", "Two"):
        ada.send_text(where, body)

    with bob.connect() as laptop:
        bob.catch_up(where)
        assert bob.message_bodies(where) == ["One", "Two"]
        [entry] = bob.request("GET", "/conversations")["conversations"]
        assert (entry["unread"], entry["last_message"]["message"]["body"]) == (2, "Two")
        read = bob.request("PUT", f"/conversations/{where}/read", {"seq": bob.last_seq(where)})
        assert read == {"read_seq": 3, "read_count": 2, "unread": 0, "unread_mentions": 0}
        receipt = laptop.wait_for("receipt")
        assert (receipt["user_id"], receipt["read_seq"]) == (bob.user_id, 3)
    members = ada.request("GET", f"/conversations/{where}")["conversation"]["members"]
    assert {member["user_id"]: member["read_seq"] for member in members}[bob.user_id] == 3


@pytest.mark.covers(
    "action ping", "frame pong", "POST /conversations/{conversation_id}/messages", "frame events"
)
def test_a_message_is_pushed_to_all_but_the_connection_that_its_sender_names(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    with ada.connect() as here, ada.connect() as tablet, bob.connect() as phone:
        assert here.name() != tablet.name()
        first = ada.new_message(where, "From here") | {"connection_id": here.name()}
        for _try in ("the first", "again"):
            event = ada.send_message(where, first)
            assert tablet.wait_for("events")["events"] == phone.wait_for("events")["events"] == [event]
            assert here.receive_pending() == []
        forged = ada.new_message(where, "Not for your phone") | {"connection_id": phone.name()}
        event = ada.send_message(where, forged)
        for line in (here, tablet, phone):
            assert line.wait_for("events")["events"] == [event]


def test_a_message_that_is_sent_again_is_there_once(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    message = ada.new_message(where, "Once")

    first = ada.request_with_status("POST", f"/conversations/{where}/messages", message)
    again = ada.request_with_status("POST", f"/conversations/{where}/messages", message)

    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    bob.catch_up(where)
    assert bob.message_bodies(where) == ["Once"]


def test_a_send_that_claims_to_have_read_past_the_end_is_refused_by_name(people: People) -> None:
    [sam] = people("sam")
    where = sam.create_group()

    with expect_error(400, "invalid", field="after_seq", limit=1):
        sam.send_message(where, {**sam.new_message(where, "hi"), "after_seq": 99})


def test_who_is_not_in_a_conversation_cannot_tell_that_it_exists(people: People) -> None:
    ada, eve = people("ada", "eve")
    where = ada.create_group()

    with expect_error(404, "not_found"):
        eve.catch_up(where)
    with expect_error(404, "not_found"):
        eve.send_text(where, "Hello?")
    with expect_error(404, "not_found"):
        eve.catch_up("gNothingThatExists")
