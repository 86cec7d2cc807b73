"""What becomes of a message: edited, quoted, reacted to, pinned, deleted."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.protocol.conftest import People
from tests.support.reference_client import refused

ASTRONAUT = "👩🏽‍🚀"


@pytest.mark.covers(
    "PATCH /conversations/{conversation_id}/messages/{seq}",
    "DELETE /conversations/{conversation_id}/messages/{seq}",
    "event message.edited",
    "event message.deleted",
)
def test_a_text_is_put_right_and_taken_back_and_nobody_finds_the_old_one(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    handle = bob.email.partition("@")[0]
    with bob.connect() as phone:
        seq = ada.write(where, f"Helo @{handle}")["seq"]
        assert phone.hear("events")["events"][0]["message"]["mentions"] == {handle: bob.user_id}
        answer = {**bob.draft(where, "Hi"), "reply_to": seq}
        assert bob.post(where, answer)["quote"]["body"] == f"Helo @{handle}"
        phone.hear("events")

        edited = ada.http("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Hello"})
        assert phone.hear("events")["events"] == [edited["event"]]
        assert edited["message"]["body"] == "Hello"
        assert ada.http("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Hello"}) == {
            "message": edited["message"]
        }
        assert phone.hear("events")["events"] == [edited["event"]]  # once more: a push may have been lost
        with refused(403, "forbidden"):
            bob.http("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Bye"})

        gone = ada.http("DELETE", f"/conversations/{where}/messages/{seq}")
        assert phone.hear("events")["events"][-1] == gone["event"]
    ada.catch_up(where)
    assert "Hel" not in str(ada.logs[where])
    assert ada.logs[where][2]["quote"]["body"] == ""
    with refused(409, "conflict", reason="deleted"):
        ada.http("PATCH", f"/conversations/{where}/messages/{seq}", {"body": "Again"})
    with refused(404, "not_found"):
        ada.http("DELETE", f"/conversations/{where}/messages/99")


@pytest.mark.covers(
    "PUT /conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    "DELETE /conversations/{conversation_id}/messages/{seq}/reactions/{emoji}",
    "event reaction.added",
    "event reaction.removed",
)
def test_a_reaction_of_several_code_points_survives_the_path(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_direct(bob)
    seq = ada.write(where, "Off I go")["seq"]
    path = f"/conversations/{where}/messages/{seq}/reactions/"
    with ada.connect() as phone:
        done = bob.http("PUT", path + quote(ASTRONAUT))
        assert done["message"]["reactions"] == [{"emoji": ASTRONAUT, "count": 1, "user_ids": [bob.user_id]}]
        assert bob.http("PUT", path + quote(ASTRONAUT)) == {"message": done["message"]}
        assert bob.http("DELETE", path + quote(ASTRONAUT))["event"]["emoji"] == ASTRONAUT
        ada.catch_up(where)
        assert phone.hear("events")["events"] == [done["event"]]
    for nothing in ("LOL", quote(ASTRONAUT * 2), quote(quote(ASTRONAUT))):
        with refused(400, "invalid", field="emoji"):
            bob.http("PUT", path + nothing)


@pytest.mark.covers(
    "PUT /conversations/{conversation_id}/messages/{seq}/pin",
    "DELETE /conversations/{conversation_id}/messages/{seq}/pin",
    "GET /conversations/{conversation_id}/pins",
    "event message.pinned",
    "event message.unpinned",
)
def test_who_runs_a_group_pins_and_everybody_sees_it(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_group(bob)
    seq = bob.write(where, "Lunch at noon")["seq"]
    pin = f"/conversations/{where}/messages/{seq}/pin"
    with refused(403, "forbidden"):
        bob.http("PUT", pin)
    assert ada.http("PUT", pin)["event"]["type"] == "message.pinned"
    assert bob.http("GET", f"/conversations/{where}")["conversation"]["pinned"] == [seq]
    [pinned] = bob.http("GET", f"/conversations/{where}/pins")["events"]
    assert pinned["message"]["body"] == "Lunch at noon"
    assert ada.http("DELETE", pin)["event"]["type"] == "message.unpinned"
    assert bob.http("GET", f"/conversations/{where}/pins") == {"events": []}
