"""Messages are edited, quoted, reacted to, pinned and deleted."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.protocol.conftest import CreateUsers
from tests.support.reference_client import expect_error

ASTRONAUT = "👩🏽‍🚀"


@pytest.mark.covers(
    "PATCH /conversations/{conversation_id}/messages/{seq}",
    "DELETE /conversations/{conversation_id}/messages/{seq}",
    "event message.edited",
    "event message.deleted",
)
def test_edited_and_deleted_text_is_gone_from_every_response(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    handle = bob.email.partition("@")[0]
    with bob.connect() as phone:
        seq = ada.send_text(conversation_id, f"Helo @{handle}")["seq"]
        assert phone.wait_for("events")["events"][0]["message"]["mentions"] == {handle: bob.user_id}
        reply = {**bob.new_message(conversation_id, "Hi"), "reply_to": seq}
        assert bob.send_message(conversation_id, reply)["quote"]["body"] == f"Helo @{handle}"
        phone.wait_for("events")

        edited = ada.request("PATCH", f"/conversations/{conversation_id}/messages/{seq}", {"body": "Hello"})
        assert phone.wait_for("events")["events"] == [edited["event"]]
        assert edited["message"]["body"] == "Hello"
        assert ada.request(
            "PATCH", f"/conversations/{conversation_id}/messages/{seq}", {"body": "Hello"}
        ) == {"message": edited["message"]}
        assert phone.wait_for("events")["events"] == [
            edited["event"]
        ]  # pushed again: the first push may have been lost
        with expect_error(403, "forbidden"):
            bob.request("PATCH", f"/conversations/{conversation_id}/messages/{seq}", {"body": "Bye"})

        deleted = ada.request("DELETE", f"/conversations/{conversation_id}/messages/{seq}")
        assert phone.wait_for("events")["events"][-1] == deleted["event"]
    ada.catch_up(conversation_id)
    assert "Hel" not in str(ada.logs[conversation_id])
    assert ada.logs[conversation_id][2]["quote"]["body"] == ""
    with expect_error(409, "conflict", reason="deleted"):
        ada.request("PATCH", f"/conversations/{conversation_id}/messages/{seq}", {"body": "Again"})
    with expect_error(404, "not_found"):
        ada.request("DELETE", f"/conversations/{conversation_id}/messages/99")


@pytest.mark.covers(
    "PUT /conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    "DELETE /conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    "event reaction.added",
    "event reaction.removed",
)
def test_a_reaction_of_several_code_points_works_in_the_path(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_direct(bob)
    seq = ada.send_text(conversation_id, "Off I go")["seq"]
    path = f"/conversations/{conversation_id}/messages/{seq}/reactions/"
    with ada.connect() as phone:
        reacted = bob.request("PUT", path + quote(ASTRONAUT))
        assert reacted["message"]["reactions"] == [
            {"emoji": ASTRONAUT, "count": 1, "user_ids": [bob.user_id]}
        ]
        assert bob.request("PUT", path + quote(ASTRONAUT)) == {"message": reacted["message"]}
        assert bob.request("DELETE", path + quote(ASTRONAUT))["event"]["emoji"] == ASTRONAUT
        ada.catch_up(conversation_id)
        assert phone.wait_for("events")["events"] == [reacted["event"]]
    for invalid in ("LOL", quote(ASTRONAUT * 2), quote(quote(ASTRONAUT))):
        with expect_error(400, "invalid", field="emoji"):
            bob.request("PUT", path + invalid)


@pytest.mark.covers(
    "PUT /conversations/{conversation_id}/messages/{seq}/pin",
    "DELETE /conversations/{conversation_id}/messages/{seq}/pin",
    "GET /conversations/{conversation_id}/pins",
    "event message.pinned",
    "event message.unpinned",
)
def test_group_managers_pin_messages_for_all_members(create_users: CreateUsers) -> None:
    ada, bob = create_users("ada", "bob")
    conversation_id = ada.create_group(bob)
    seq = bob.send_text(conversation_id, "Lunch at noon")["seq"]
    pin = f"/conversations/{conversation_id}/messages/{seq}/pin"
    with expect_error(403, "forbidden"):
        bob.request("PUT", pin)
    assert ada.request("PUT", pin)["event"]["type"] == "message.pinned"
    assert bob.request("GET", f"/conversations/{conversation_id}")["conversation"]["pinned"] == [seq]
    [pinned] = bob.request("GET", f"/conversations/{conversation_id}/pins")["events"]
    assert pinned["message"]["body"] == "Lunch at noon"
    assert ada.request("DELETE", pin)["event"]["type"] == "message.unpinned"
    assert bob.request("GET", f"/conversations/{conversation_id}/pins") == {"events": []}
