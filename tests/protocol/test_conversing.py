"""Two people meet, talk, and miss nothing."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
from tests.support.reference_client import refused


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
    assert ada.http("GET", f"/users?prefix={handle}")["users"][0] == {
        "user_id": bob.user_id,
        "handle": handle,
        "display_name": "Bob",
    }
    with bob.connect() as phone:
        where = ada.start_direct(bob)
        assert phone.hear("conversation")["conversation_id"] == where
        ada.catch_up(where)
        bob.catch_up(where)

        message = ada.draft(where, "Hello, Bob! 👋🏽\n\tHow are you?")
        event = ada.post(where, message)
        assert phone.hear("events")["events"] == [event]
        ada.apply(where, [event])

        ada.apply(where, [ada.write(where, "Lost on the way")])
        assert phone.next()["type"] == "events"  # not applied, as if it had never come
        ada.write(where, "Still there?")
        phone.hear("events")
        assert bob.bodies(where) == [message["body"], "Lost on the way", "Still there?"]
        assert bob.reads == 1


@pytest.mark.covers(
    "GET /conversations",
    "GET /conversations/{conversation_id}",
    "PUT /conversations/{conversation_id}/read",
    "frame receipt",
)
def test_what_was_missed_is_in_the_log_unread_until_it_was_seen(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    for body in ("One", "Two"):
        ada.write(where, body)

    with bob.connect() as laptop:
        bob.catch_up(where)
        assert bob.bodies(where) == ["One", "Two"]
        [entry] = bob.http("GET", "/conversations")["conversations"]
        assert (entry["unread"], entry["last_message"]["message"]["body"]) == (2, "Two")
        read = bob.http("PUT", f"/conversations/{where}/read", {"seq": bob.last(where)})
        assert read == {"read_seq": 3, "read_count": 2, "unread": 0, "unread_mentions": 0}
        receipt = laptop.hear("receipt")
        assert (receipt["user_id"], receipt["read_seq"]) == (bob.user_id, 3)
    members = ada.http("GET", f"/conversations/{where}")["conversation"]["members"]
    assert {member["user_id"]: member["read_seq"] for member in members}[bob.user_id] == 3


@pytest.mark.covers(
    "action ping", "frame pong", "POST /conversations/{conversation_id}/messages", "frame events"
)
def test_a_message_is_pushed_to_all_but_the_connection_that_its_sender_names(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    with ada.connect() as here, ada.connect() as tablet, bob.connect() as phone:
        assert here.name() != tablet.name()
        first = ada.draft(where, "From here") | {"connection_id": here.name()}
        for _try in ("the first", "again"):
            event = ada.post(where, first)
            assert tablet.hear("events")["events"] == phone.hear("events")["events"] == [event]
            assert here.rest() == []
        forged = ada.draft(where, "Not for your phone") | {"connection_id": phone.name()}
        event = ada.post(where, forged)
        for line in (here, tablet, phone):
            assert line.hear("events")["events"] == [event]


def test_a_message_that_is_sent_again_is_there_once(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    message = ada.draft(where, "Once")

    first = ada.answer("POST", f"/conversations/{where}/messages", message)
    again = ada.answer("POST", f"/conversations/{where}/messages", message)

    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    bob.catch_up(where)
    assert bob.bodies(where) == ["Once"]


def test_a_send_that_claims_to_have_read_past_the_end_is_refused_by_name(people: People) -> None:
    [sam] = people("sam")
    where = sam.start_group()

    with refused(400, "invalid", field="after_seq", limit=1):
        sam.post(where, {**sam.draft(where, "hi"), "after_seq": 99})


def test_who_is_not_in_a_conversation_cannot_tell_that_it_exists(people: People) -> None:
    ada, eve = people("ada", "eve")
    where = ada.start_group()

    with refused(404, "not_found"):
        eve.catch_up(where)
    with refused(404, "not_found"):
        eve.write(where, "Hello?")
    with refused(404, "not_found"):
        eve.catch_up("gNothingThatExists")
