"""Groups: who joins and leaves in which order, what is decided for them, from where they see the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.support.world import Borrowed, Interleaved, World

from imchat.api import serializers
from imchat.domain.event import Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import PAGE_MAX
from imchat.errors import Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import conversations, message_actions, messages, suspensions
from imchat.services import members as memberships
from imchat.storage.repositories import events, members
from imchat.storage.table import Item, Key, Op


def send(world: World, who: UserId, where: ConversationId, id_: str = "m1") -> Event:
    event = messages.send(world.app, who, where, client_message_id=id_, body="hello").event
    assert event is not None
    return event


def log(world: World, where: ConversationId) -> list[Event]:
    return events.list_after(world.table, where, 0, limit=PAGE_MAX)


def told(world: World, where: ConversationId, after: int) -> list[tuple[str, str]]:
    """(type, whom it is about) of the events past `after`."""
    return [
        (event["type"], event["user_id"]) for event in events.list_after(world.table, where, after, limit=99)
    ]


def roles(world: World, where: ConversationId) -> dict[str, str]:
    return {user_id: member.role for user_id, member in members.list_for(world.table, where).items()}


def test_a_last_owner_does_not_step_down_before_there_is_another(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    with pytest.raises(Conflict) as refusal:
        memberships.set_role(world.app, ann, where, ann, "member")
    assert refusal.value.details == {"reason": "last_owner"}
    memberships.set_role(world.app, ann, where, bob, "owner")
    memberships.set_role(world.app, ann, where, ann, "member")
    assert roles(world, where) == {ann: "member", bob: "owner"}


def test_a_last_owner_who_leaves_passes_the_group_to_the_longest_standing_admin(world: World) -> None:
    ann, bob, eve, joe = world.people("ann", "bob", "eve", "joe")
    where = world.group(ann, bob)
    memberships.add_members(world.app, ann, where, [eve])
    memberships.add_members(world.app, ann, where, [joe])
    for admin in (joe, eve):
        memberships.set_role(world.app, ann, where, admin, "admin")
    phone = world.connect(bob)
    memberships.remove_member(world.app, ann, where, ann)
    assert roles(world, where) == {bob: "member", eve: "owner", joe: "admin"}
    assert told(world, where, 5) == [("member.role_changed", eve), ("member.removed", ann)]
    [frame] = world.heard(phone, "events")
    assert frame["events"] == events.list_after(world.table, where, 5, limit=9)


def test_without_admins_the_group_passes_to_the_longest_standing_member_and_the_last_one_just_leaves(
    world: World,
) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann)
    memberships.add_members(world.app, ann, where, [eve])
    memberships.add_members(world.app, ann, where, [bob])
    memberships.remove_member(world.app, ann, where, ann)
    assert roles(world, where) == {eve: "owner", bob: "member"}
    memberships.remove_member(world.app, eve, where, eve)
    memberships.remove_member(world.app, bob, where, bob)
    assert roles(world, where) == {}
    assert told(world, where, 7) == [("member.removed", bob)]


def test_a_successor_who_leaves_in_the_same_moment_does_not_inherit(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    memberships.set_role(world.app, ann, where, bob, "admin")
    table = Interleaved(world.table, lambda: memberships.remove_member(world.app, bob, where, bob))
    memberships.remove_member(replace(world.app, table=table), ann, where, ann)
    assert roles(world, where) == {eve: "owner"}


class Counted(Borrowed):
    """A table that counts its writes."""

    writes = 0

    def write(self, *ops: Op) -> None:
        self.writes += 1
        super().write(*ops)


def test_a_hundred_people_are_added_by_a_few_transactions_and_tell_each_member_as_often(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann = world.person("ann")
    phone = world.connect(ann)
    crowd = world.people(*(f"p{number:03}" for number in range(100)))
    where = world.group(ann)
    table = Counted(world.table)
    memberships.add_members(replace(world.app, table=table), ann, where, crowd)
    assert table.writes == 2 * 4  # four batches: a transaction and the head each
    assert len(world.heard(phone, "events")) == 4
    assert [event["user_id"] for event in log(world, where)[1:]] == crowd
    stored = members.list_for(world.table, where)
    assert all(stored[event["user_id"]].joined_seq == event["seq"] for event in log(world, where)[1:])
    assert conversations.get(world.app, ann, where)[0].head.member_count == 101


def test_those_who_do_not_all_fit_are_not_added_in_part(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    where = world.group(ann)
    world.fill(where, 949)
    crowd = world.people(*(f"p{number:03}" for number in range(51)))
    with pytest.raises(Invalid) as refusal:
        memberships.add_members(world.app, ann, where, crowd)
    assert refusal.value.details == {"field": "user_ids", "limit": 1_000}
    assert len(log(world, where)) == 1


class Crash(Exception):
    """The process died here."""


class CrashingGateway:
    """Dies at the first push."""

    def post(self, _connection_ids: Sequence[str], _frame: bytes) -> set[str]:
        raise Crash

    def disconnect(self, _connection_id: str) -> None:
        raise Crash


@pytest.mark.parametrize(
    "change",
    [
        lambda app, ann, where, _bob, _eve: conversations.update_group(app, ann, where, title="New"),
        lambda app, ann, where, bob, _eve: memberships.set_role(app, ann, where, bob, "admin"),
        lambda app, ann, where, _bob, eve: memberships.add_members(app, ann, where, [eve]),
        lambda app, ann, where, bob, _eve: memberships.remove_member(app, ann, where, bob),
    ],
    ids=["title", "role", "addition", "removal"],
)
def test_a_change_that_is_asked_for_again_after_a_crash_is_pushed_and_written_once(
    world: World, change: Callable[..., None]
) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    phone = world.connect(ann)
    dying = replace(world.app, gateway=CrashingGateway())
    with pytest.raises(Crash):
        change(dying, ann, where, bob, eve)
    change(world.app, ann, where, bob, eve)
    [frame] = world.heard(phone, "events")
    assert frame["events"] == log(world, where)[1:]
    assert len(frame["events"]) == 1


def test_whoever_was_removed_long_ago_or_by_somebody_else_is_no_member(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    memberships.remove_member(world.app, ann, where, eve)
    with pytest.raises(NotFound):
        memberships.remove_member(world.app, bob, where, eve)


def test_settings_are_seen_and_the_event_tells_what_changed(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob, title="Team")
    with pytest.raises(Forbidden):
        conversations.update_group(world.app, bob, where, description="Bob was here")
    conversations.update_group(world.app, ann, where, description="What we do\nand why", posting="all")
    conversations.update_group(
        world.app, ann, where, title="Crew", description="What we do\nand why", history="joined"
    )
    conversations.update_group(world.app, ann, where, description="")
    told = [
        {name: value for name, value in event.items() if name not in {"seq", "at_ms", "message_count"}}
        for event in log(world, where)[1:]
    ]
    common = {"type": "conversation.updated", "actor_id": ann}
    assert told == [
        common | {"title": "Team", "description": "What we do\nand why"},
        common | {"title": "Crew", "history": "joined"},
        common | {"title": "Crew", "description": None},
    ]
    head = conversations.get(world.app, bob, where)[0].head
    assert (head.title, *head.settings) == ("Crew", None, "all", "joined", False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "t" * 101}, "title"),
        ({"description": "d" * 501}, "description"),
        ({"description": "\x00"}, "description"),
    ],
)
def test_a_setting_that_breaks_a_limit_changes_nothing(
    world: World, change: dict[str, Any], field: str
) -> None:
    ann = world.person("ann")
    where = world.group(ann)
    with pytest.raises(Invalid) as refusal:
        conversations.update_group(world.app, ann, where, **{"posting": "admins"} | change)
    assert refusal.value.details["field"] == field
    assert len(log(world, where)) == 1


def test_where_only_admins_write_nobody_else_does_but_a_repeated_send_is_answered(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    memberships.set_role(world.app, ann, where, bob, "admin")
    earlier = send(world, eve, where, "e1")
    conversations.update_group(world.app, ann, where, posting="admins")
    with pytest.raises(Forbidden):
        send(world, eve, where, "e2")
    assert send(world, eve, where, "e1") == earlier
    assert send(world, bob, where)["message_count"] == 2
    assert send(world, ann, where)["message_count"] == 3


def test_where_only_admins_write_others_can_still_edit_react_to_and_delete_what_is_there(
    world: World,
) -> None:
    ann, eve = world.people("ann", "eve")
    where = world.group(ann, eve)
    earlier = send(world, eve, where, "e1")["seq"]
    conversations.update_group(world.app, ann, where, posting="admins")
    assert message_actions.edit(world.app, eve, where, earlier, "better").message["body"] == "better"
    assert "reactions" in message_actions.react(world.app, eve, where, earlier, "👍").message
    assert message_actions.delete(world.app, eve, where, earlier).message["body"] == ""


def test_who_joins_a_group_that_shows_history_from_joining_never_sees_what_was_before(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    send(world, ann, where, "before")
    conversations.update_group(world.app, ann, where, history="joined")
    memberships.add_members(world.app, ann, where, [eve])
    joined = members.list_for(world.table, where)[eve].joined_seq

    def page(**bounds: int) -> tuple[list[int], bool]:
        found, more = messages.read(world.app, eve, where, **bounds)
        return [event["seq"] for event in found], more

    entry = conversations.get(world.app, eve, where)[0]
    assert (entry.me.history_from, joined) == (4, 4)
    conversations.update_group(world.app, ann, where, history="all")
    for number in range(3):
        send(world, ann, where, f"m{number}")
    assert page() == ([4, 5, 6, 7, 8], False)
    assert page(limit=5) == ([4, 5, 6, 7, 8], False)
    assert page(limit=2) == ([7, 8], True)
    assert page(before=7, limit=2) == ([5, 6], True)
    assert page(before=5, limit=2) == ([4], False)
    assert page(before=4) == ([], False)
    assert page(after=0, limit=2) == ([4, 5], True)
    assert page(after=3, limit=9) == ([4, 5, 6, 7, 8], False)
    assert page(after=6, limit=9) == ([7, 8], False)
    assert messages.read(world.app, bob, where)[0][0]["seq"] == 1


def test_a_group_settings_are_not_for_direct_conversations(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    changes: list[dict[str, Any]] = [{"description": "x"}, {"posting": "admins"}, {"public": True}]
    for change in changes:
        with pytest.raises(ImchatError) as refusal:
            conversations.update_group(world.app, ann, where, **change)
        assert refusal.value.details == {"reason": "direct"}


def test_those_added_together_hear_of_nothing_below_their_own_joining(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann)
    conversations.update_group(world.app, ann, where, history="joined")
    phones = {who: world.connect(who) for who in (bob, eve)}
    memberships.add_members(world.app, ann, where, [bob, eve])
    send(world, ann, where)
    for who, phone in phones.items():
        heard = [event["seq"] for frame in world.heard(phone, "events") for event in frame["events"]]
        assert heard == [5]
        assert min(heard) > members.list_for(world.table, where)[who].joined_seq


def test_the_inbox_of_who_joined_shows_no_message_from_before(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann)
    conversations.update_group(world.app, ann, where, history="joined")
    send(world, ann, where, "secret")
    memberships.add_members(world.app, ann, where, [bob])
    page = conversations.inbox(world.app, bob, cursor=None)
    [told] = serializers.inbox(page)["conversations"]
    assert "last_message" not in told
    assert told["unread"] == 0
    send(world, ann, where, "open")
    [told] = serializers.inbox(conversations.inbox(world.app, bob, cursor=None))["conversations"]
    assert (told["last_message"]["seq"], told["unread"]) == (5, 1)


@pytest.mark.parametrize("again", ["send", "removal"])
def test_what_is_pushed_once_more_does_not_reach_those_who_joined_after_it(world: World, again: str) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    conversations.update_group(world.app, ann, where, history="joined")
    mine = world.connect(ann)
    actions: dict[str, Callable[[], object]] = {
        "send": lambda: send(world, ann, where, "secret"),
        "removal": lambda: memberships.remove_member(world.app, ann, where, bob),
    }
    actions[again]()
    memberships.add_members(world.app, ann, where, [eve])
    phone = world.connect(eve)
    told = len(world.heard(mine, "events"))
    actions[again]()
    assert len(world.heard(mine, "events")) == told + 1
    assert world.heard(phone, "events") == []


def test_what_is_pushed_once_more_shows_nothing_from_after_a_removal_to_who_was_removed(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    send(world, ann, where, "asked")
    reply: dict[str, Any] = {"client_message_id": "answered", "body": "yes", "after_seq": 2, "reply_to": 2}
    messages.send(world.app, eve, where, **reply)
    phone = world.connect(bob)

    class Overtaken(Borrowed):
        """In the moment in which the quote is read, Bob is removed and what is quoted says something else."""

        def get_many(self, wanted: Iterable[Key]) -> dict[Key, Item]:
            wanted = list(wanted)
            if any(key.sk.startswith("EVENT#") for key in wanted):
                memberships.remove_member(world.app, ann, where, bob)
                message_actions.edit(world.app, ann, where, 2, "secret")
            return super().get_many(wanted)

    again = messages.send(replace(world.app, table=Overtaken(world.table)), eve, where, **reply).event
    assert again is not None
    assert again["quote"]["body"] == "secret"
    assert "secret" not in str(world.heard(phone))


def test_who_comes_back_is_shown_by_an_old_retry_nothing_of_what_was_said_meanwhile(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    conversations.update_group(world.app, ann, where, history="joined")
    send(world, ann, where, "asked")
    reply: dict[str, Any] = {"client_message_id": "answered", "body": "yes", "after_seq": 3, "reply_to": 3}
    messages.send(world.app, bob, where, **reply)
    memberships.remove_member(world.app, ann, where, bob)
    message_actions.edit(world.app, ann, where, 3, "secret")
    memberships.add_members(world.app, ann, where, [bob])
    phone = world.connect(eve)
    again = messages.send(world.app, bob, where, **reply).event
    assert again is not None
    assert (again["seq"], again.get("quote")) == (4, None)
    for frame in world.heard(phone, "events"):
        assert frame["events"][0]["quote"]["body"] == "secret"


def test_a_group_does_not_pass_to_somebody_who_is_suspended_while_there_are_others(world: World) -> None:
    ann, bob, eve, joe = world.people("ann", "bob", "eve", "joe")
    where = world.group(ann, bob, eve)
    memberships.set_role(world.app, ann, where, bob, "admin")
    suspensions.suspend(world.app, joe, bob)
    memberships.remove_member(world.app, ann, where, ann)
    assert roles(world, where) == {bob: "admin", eve: "owner"}
    suspensions.suspend(world.app, joe, eve)
    suspensions.restore(world.app, joe, eve)
    memberships.remove_member(world.app, eve, where, eve)
    assert roles(world, where) == {bob: "owner"}
