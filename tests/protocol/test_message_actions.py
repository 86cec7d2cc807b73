"""What becomes of a message: edited, quoted, reacted to, pinned, deleted."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.protocol.conftest import People
from tests.support.reference_client import expect_error

ASTRONAUT = "👩🏽‍🚀"


@pytest.mark.covers(
    "PATCH /conversations/{conversation_id}/messages/{seq}",
    "DELETE /conversations/{conversation_id}/messages/{seq}",
    "event message.edited",
    "event message.deleted",
)
def test_a_text_is_put_right_and_taken_back_and_nobody_finds_the_old_one(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    handle = bob.email.partition("@")[0]
    with bob.connect() as phone:
        seq = ada.send_text(where, f"Helo @{handle}")["seq"]
        assert phone.wait_for("events")["events"][0]["message"]["mentions"] == {handle: bob.user_id}
        answer = {**bob.new_message(where, "Hi"), "reply_to": seq}
        assert bob.send_message(where, answer)["quote"]["body"] == f"Helo @{handle}"
        phone.wait_for("events")

        edited = ada.request("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Hello"})
        assert phone.wait_for("events")["events"] == [edited["event"]]
        assert edited["message"]["body"] == "Hello"
        assert ada.request("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Hello"}) == {
            "message": edited["message"]
        }
        assert phone.wait_for("events")["events"] == [edited["event"]]  # once more: a push may have been lost
        with expect_error(403, "forbidden"):
            bob.request("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Bye"})

        gone = ada.request("DELETE", f"/conversations/{where}/messages/{seq}")
        assert phone.wait_for("events")["events"][-1] == gone["event"]
    ada.catch_up(where)
    assert "Hel" not in str(ada.logs[where])
    assert ada.logs[where][2]["quote"]["body"] == ""
    with expect_error(409, "conflict", reason="deleted"):
        ada.request("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Again"})
    with expect_error(404, "not_found"):
        ada.request("DELETE", f"/conversations/{where}/messages/99")


@pytest.mark.covers(
    "PUT /conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    "DELETE /conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    "event reaction.added",
    "event reaction.removed",
)
def test_a_reaction_of_several_code_points_survives_the_path(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_direct(bob)
    seq = ada.send_text(where, "Off I go")["seq"]
    path = f"/conversations/{where}/messages/{seq}/reactions/"
    with ada.connect() as phone:
        done = bob.request("PUT", path + quote(ASTRONAUT))
        assert done["message"]["reactions"] == [{"emoji": ASTRONAUT, "count": 1, "user_ids": [bob.user_id]}]
        assert bob.request("PUT", path + quote(ASTRONAUT)) == {"message": done["message"]}
        assert bob.request("DELETE", path + quote(ASTRONAUT))["event"]["emoji"] == ASTRONAUT
        ada.catch_up(where)
        assert phone.wait_for("events")["events"] == [done["event"]]
    for nothing in ("LOL", quote(ASTRONAUT * 2), quote(quote(ASTRONAUT))):
        with expect_error(400, "invalid", field="emoji"):
            bob.request("PUT", path + nothing)


@pytest.mark.covers(
    "PUT /conversations/{conversation_id}/messages/{seq}/pin",
    "DELETE /conversations/{conversation_id}/messages/{seq}/pin",
    "GET /conversations/{conversation_id}/pins",
    "event message.pinned",
    "event message.unpinned",
)
def test_who_runs_a_group_pins_and_everybody_sees_it(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.create_group(bob)
    seq = bob.send_text(where, "Lunch at noon")["seq"]
    pin = f"/conversations/{where}/messages/{seq}/pin"
    with expect_error(403, "forbidden"):
        bob.request("PUT", pin)
    assert ada.request("PUT", pin)["event"]["type"] == "message.pinned"
    assert bob.request("GET", f"/conversations/{where}")["conversation"]["pinned"] == [seq]
    [pinned] = bob.request("GET", f"/conversations/{where}/pins")["events"]
    assert pinned["message"]["body"] == "Lunch at noon"
    assert ada.request("DELETE", pin)["event"]["type"] == "message.unpinned"
    assert bob.request("GET", f"/conversations/{where}/pins") == {"events": []}
