"""People come to a group, get roles in it, and go."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
from tests.protocol.stranger import refused


@pytest.mark.covers(
    "POST /conversations/{conversation_id}/members",
    "DELETE /conversations/{conversation_id}/members/{user_id}",
    "event member.added",
    "event member.removed",
    "action typing",
    "frame typing",
)
def test_a_group_tells_of_joining_typing_and_leaving(people: People) -> None:
    eve, kim = people("eve", "kim")
    where = eve.start_group()
    with eve.connect() as hers, kim.connect() as theirs:
        eve.http("POST", f"/conversations/{where}/members", {"user_ids": [kim.user_id]})
        assert theirs.hear("conversation")["change"] == "added"
        kim.catch_up(where)
        theirs.say("typing", conversation_id=where)
        assert hers.hear("typing")["user_id"] == kim.user_id
        assert kim.http("DELETE", f"/conversations/{where}/members/{kim.user_id}") == {}
        assert theirs.hear("conversation")["change"] == "removed"
        assert kim.types(where)[-1] == "member.removed"
    eve.catch_up(where)
    assert eve.types(where) == ["conversation.created", "member.added", "member.removed"]


def test_a_removed_member_hears_of_it_and_of_nothing_after_it(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_group(bob)
    with bob.connect() as phone:
        bob.catch_up(where)
        ada.http("DELETE", f"/conversations/{where}/members/{bob.user_id}")
        assert phone.hear("conversation")["change"] == "removed"
        ada.write(where, "Among ourselves")
        assert phone.rest() == []
    assert bob.types(where) == ["conversation.created", "member.removed"]
    with refused(404, "not_found"):
        bob.catch_up(where)
    with refused(404, "not_found"):
        bob.write(where, "Let me in")
    with refused(404, "not_found"):
        bob.http("GET", f"/conversations/{where}")
    assert bob.http("GET", "/conversations")["conversations"] == []
    ada.catch_up(where)
    assert ada.bodies(where) == ["Among ourselves"]


@pytest.mark.covers(
    "PATCH /conversations/{conversation_id}",
    "PATCH /conversations/{conversation_id}/members/{user_id}",
    "event conversation.updated",
    "event member.role_changed",
)
def test_a_role_allows_what_was_refused_before(people: People) -> None:
    ada, bob = people("ada", "bob")
    where = ada.start_group(bob)
    with refused(403, "forbidden"):
        bob.http("PATCH", f"/conversations/{where}", {"title": "Dinner"})

    ada.http("PATCH", f"/conversations/{where}/members/{bob.user_id}", {"role": "admin"})
    renamed = bob.http("PATCH", f"/conversations/{where}", {"title": "Dinner"})

    assert renamed["conversation"]["title"] == "Dinner"
    bob.catch_up(where)
    assert bob.types(where) == ["conversation.created", "member.role_changed", "conversation.updated"]
