"""Tables of actions on a conversation and of test cases made of them.

A new event type needs a row in `ACTIONS` and one in `CASES`. `tests/services/test_replica.py` checks that, and the web
client's tests run the same cases.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from tests.support.replica import Replica
from tests.support.world import World, new_world

from imchat.domain.ids import UserId
from imchat.domain.limits import PREVIEW_CHARS
from imchat.domain.member import Role
from imchat.services import channels, conversations, members, message_actions, messages

TEXTS: Final = ("Hello", "@bob, @eve and @zoe?", "x" * (PREVIEW_CHARS + 1), "👩🏽‍🚀\n<b>", "@ann")
EMOJI: Final = ("👍", "🎉", "\u2764")
ROLES: Final[tuple[Role, ...]] = ("member", "admin", "owner")


class Scenario:
    """A group of three with some history, and a user outside of it: identical in every world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.app = world.app
        self.people = world.people("ann", "bob", "eve", "zoe")
        ann, bob, eve, _ = self.people
        self.conversation_id = world.group(ann, bob, eve)
        members.set_role(self.app, ann, self.conversation_id, bob, "admin")
        self.send(ann, "Lunch? @bob")
        self.send(eve, "Yes", reply_to=3)
        self.send(bob, "No")
        message_actions.react(self.app, bob, self.conversation_id, 3, EMOJI[0])
        message_actions.pin(self.app, ann, self.conversation_id, 4)

    def send(self, user_id: UserId, body: str, reply_to: int | None = None) -> None:
        id_ = self.app.new_id()
        messages.send(
            self.app, user_id, self.conversation_id, client_message_id=id_, body=body, reply_to=reply_to
        )

    def run(self, kind: str, user_index: int, seq: int, number: int) -> None:
        """Run an action of `ACTIONS` as the user with this index."""
        ACTIONS[kind](self, self.people[user_index], seq, number)


Action: TypeAlias = Callable[[Scenario, UserId, int, int], object]

# Arguments: the scenario, the actor, a seq, and a number that selects a variant. An action may raise an error.
ACTIONS: Final[dict[str, Action]] = {
    "send": lambda s, user_id, _seq, n: s.send(user_id, TEXTS[n % 5]),
    "reply": lambda s, user_id, seq, n: s.send(user_id, TEXTS[n % 5], reply_to=seq),
    "edit": lambda s, user_id, seq, n: message_actions.edit(
        s.app, user_id, s.conversation_id, seq, TEXTS[n % 5]
    ),
    "delete": lambda s, user_id, seq, _n: message_actions.delete(s.app, user_id, s.conversation_id, seq),
    "react": lambda s, user_id, seq, n: message_actions.react(
        s.app, user_id, s.conversation_id, seq, EMOJI[n % 3]
    ),
    "unreact": lambda s, user_id, seq, n: message_actions.unreact(
        s.app, user_id, s.conversation_id, seq, EMOJI[n % 3]
    ),
    "pin": lambda s, user_id, seq, _n: message_actions.pin(s.app, user_id, s.conversation_id, seq),
    "unpin": lambda s, user_id, seq, _n: message_actions.unpin(s.app, user_id, s.conversation_id, seq),
    "rename": lambda s, user_id, _seq, n: conversations.update_group(
        s.app, user_id, s.conversation_id, title=f"Title {n}"
    ),
    "describe": lambda s, user_id, _seq, n: conversations.update_group(
        s.app, user_id, s.conversation_id, description=TEXTS[n % 5]
    ),
    "posting": lambda s, user_id, _seq, n: conversations.update_group(
        s.app, user_id, s.conversation_id, posting=("admins", "all")[n % 2]
    ),
    "history": lambda s, user_id, _seq, n: conversations.update_group(
        s.app, user_id, s.conversation_id, history=("joined", "all")[n % 2]
    ),
    "open": lambda s, user_id, _seq, n: conversations.update_group(
        s.app, user_id, s.conversation_id, public=n % 2 == 0
    ),
    "join": lambda s, user_id, _seq, _n: channels.join(s.app, user_id, s.conversation_id),
    "add": lambda s, user_id, _seq, n: members.add_members(
        s.app, user_id, s.conversation_id, [s.people[n % 4]]
    ),
    "remove": lambda s, user_id, _seq, n: members.remove_member(
        s.app, user_id, s.conversation_id, s.people[n % 4]
    ),
    "role": lambda s, user_id, seq, n: members.set_role(
        s.app, user_id, s.conversation_id, s.people[seq % 4], ROLES[n % 3]
    ),
}

ANN, BOB, EVE, ZOE = range(4)

# Name of the case: its actions (kind, user index, seq, number), run in order, none of them refused.
CASES: Final[dict[str, list[tuple[str, int, int, int]]]] = {
    "a message": [("send", ANN, 0, 0)],
    "my own message": [("send", BOB, 0, 0)],
    "a message that mentions me, longer than the inbox shows": [("send", EVE, 0, 1), ("send", ANN, 0, 2)],
    "a reply": [("reply", EVE, 5, 3)],
    "an edited message, quoted": [("edit", ANN, 3, 2)],
    "the newest message edited": [("edit", BOB, 5, 3)],
    "a quoted message deleted": [("delete", ANN, 3, 0)],
    "a pinned reply deleted": [("delete", EVE, 4, 0)],
    "the newest message deleted": [("delete", BOB, 5, 0)],
    "a reaction": [("react", EVE, 5, 1)],
    "a second reaction with the same emoji": [("react", EVE, 3, 0)],
    "a reaction removed": [("unreact", BOB, 3, 0)],
    "a pin": [("pin", ANN, 3, 0)],
    "a pin removed": [("unpin", ANN, 4, 0)],
    "a new title": [("rename", ANN, 0, 7)],
    "a description and who may post": [("describe", ANN, 0, 3), ("posting", ANN, 0, 0)],
    "a member added": [("add", ANN, 0, ZOE)],
    "a user joins a public channel": [("open", ANN, 0, 0), ("join", ZOE, 0, 0)],
    "a member removed": [("remove", ANN, 0, EVE)],
    "a role": [("role", ANN, EVE, 1)],
    "the owner leaves": [("remove", ANN, 0, ANN)],
    "a message with all kinds of changes": [
        ("reply", EVE, 3, 4),
        ("reply", ANN, 8, 0),
        ("react", BOB, 8, 2),
        ("edit", EVE, 8, 1),
        ("pin", BOB, 8, 0),
        ("unreact", BOB, 8, 2),
        ("delete", ANN, 8, 0),
    ],
}


def cases_as_json() -> str:
    """Return the cases as JSON for clients in other languages: Bob's state before, the pushes to him, his state after."""
    cases = [_run_case(name) for name in CASES]
    before = cases[0].pop("before")
    assert all(case.pop("before", before) == before for case in cases)
    return json.dumps({"me": "u-bob", "before": before, "cases": cases}, ensure_ascii=False, indent=1) + "\n"


def _run_case(name: str) -> dict[str, Any]:
    with new_world() as world:
        scenario = Scenario(world)
        me = scenario.people[BOB]
        phone = world.connect(me)
        before = Replica.fetch(world, me, scenario.conversation_id)
        for kind, user_index, seq, number in CASES[name]:
            scenario.run(kind, user_index, seq, number)
        after = Replica.fetch(world, me, scenario.conversation_id)
        assert before is not None
        assert after is not None
        known = {event["seq"]: event for event in before.events}
        return {
            "name": name,
            "pushed": [event for frame in world.received(phone, "events") for event in frame["events"]],
            "entry": after.entry,
            "changed": [event for event in after.events if known.get(event["seq"]) != event],
            "before": before.state(),
        }
