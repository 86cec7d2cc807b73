"""Keeping away from people."""

from __future__ import annotations

import pytest
from tests.protocol.conftest import People
from tests.protocol.stranger import refused


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
