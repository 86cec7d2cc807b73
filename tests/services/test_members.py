"""Members of groups: additions, removals, roles, group settings, and visible history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.support.world import RacingTable, TableWrapper, World

from imchat.api import serializers
from imchat.domain.conversation import GroupSettings
from imchat.domain.event import Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import PAGE_MAX
from imchat.errors import Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import conversations, message_actions, messages, suspensions
from imchat.services import members as memberships
from imchat.storage.repositories import events, members
from imchat.storage.table import Item, Key, Op


def send(world: World, user_id: UserId, conversation_id: ConversationId, id_: str = "m1") -> Event:
    event = messages.send(world.app, user_id, conversation_id, client_message_id=id_, body="hello").event
    assert event is not None
    return event


def log(world: World, conversation_id: ConversationId) -> list[Event]:
    return events.list_after(world.table, conversation_id, 0, limit=PAGE_MAX)


def member_events(world: World, conversation_id: ConversationId, after: int) -> list[tuple[str, str]]:
    """Return (type, user_id) of the events after seq `after`."""
    return [
        (event["type"], event["user_id"])
        for event in events.list_after(world.table, conversation_id, after, limit=99)
    ]


def roles(world: World, conversation_id: ConversationId) -> dict[str, str]:
    return {
        user_id: member.role for user_id, member in members.list_for(world.table, conversation_id).items()
    }


def test_the_last_owner_cannot_give_up_the_role(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    with pytest.raises(Conflict) as refusal:
        memberships.set_role(world.app, ann, conversation_id, ann, "member")
    assert refusal.value.details == {"reason": "last_owner"}
    memberships.set_role(world.app, ann, conversation_id, bob, "owner")
    memberships.set_role(world.app, ann, conversation_id, ann, "member")
    assert roles(world, conversation_id) == {ann: "member", bob: "owner"}


def test_when_the_last_owner_leaves_the_longest_standing_admin_becomes_owner(world: World) -> None:
    ann, bob, eve, joe = world.people("ann", "bob", "eve", "joe")
    conversation_id = world.group(ann, bob)
    memberships.add_members(world.app, ann, conversation_id, [eve])
    memberships.add_members(world.app, ann, conversation_id, [joe])
    for admin in (joe, eve):
        memberships.set_role(world.app, ann, conversation_id, admin, "admin")
    phone = world.connect(bob)
    memberships.remove_member(world.app, ann, conversation_id, ann)
    assert roles(world, conversation_id) == {bob: "member", eve: "owner", joe: "admin"}
    assert member_events(world, conversation_id, 5) == [("member.role_changed", eve), ("member.removed", ann)]
    [frame] = world.received(phone, "events")
    assert frame["events"] == events.list_after(world.table, conversation_id, 5, limit=9)


def test_without_admins_the_longest_standing_member_becomes_owner(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann)
    memberships.add_members(world.app, ann, conversation_id, [eve])
    memberships.add_members(world.app, ann, conversation_id, [bob])
    memberships.remove_member(world.app, ann, conversation_id, ann)
    assert roles(world, conversation_id) == {eve: "owner", bob: "member"}
    memberships.remove_member(world.app, eve, conversation_id, eve)
    memberships.remove_member(world.app, bob, conversation_id, bob)
    assert roles(world, conversation_id) == {}
    assert member_events(world, conversation_id, 7) == [("member.removed", bob)]


def test_a_successor_who_leaves_at_the_same_time_does_not_become_owner(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    memberships.set_role(world.app, ann, conversation_id, bob, "admin")
    table = RacingTable(world.table, lambda: memberships.remove_member(world.app, bob, conversation_id, bob))
    memberships.remove_member(replace(world.app, table=table), ann, conversation_id, ann)
    assert roles(world, conversation_id) == {eve: "owner"}


class WriteCountingTable(TableWrapper):
    """A table that counts its writes."""

    writes = 0

    def write(self, *ops: Op) -> None:
        self.writes += 1
        super().write(*ops)


def test_adding_a_hundred_users_takes_four_transactions_and_four_pushes_per_member(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann = world.person("ann")
    phone = world.connect(ann)
    new_members = world.people(*(f"p{number:03}" for number in range(100)))
    conversation_id = world.group(ann)
    table = WriteCountingTable(world.table)
    memberships.add_members(replace(world.app, table=table), ann, conversation_id, new_members)
    assert table.writes == 2 * 4  # four batches, each a transaction and a head update
    assert len(world.received(phone, "events")) == 4
    assert [event["user_id"] for event in log(world, conversation_id)[1:]] == new_members
    stored = members.list_for(world.table, conversation_id)
    assert all(
        stored[event["user_id"]].joined_seq == event["seq"] for event in log(world, conversation_id)[1:]
    )
    assert conversations.get(world.app, ann, conversation_id).head.member_count == 101


def test_if_not_all_users_fit_into_a_group_none_is_added(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    conversation_id = world.group(ann)
    world.fill(conversation_id, 949)
    new_members = world.people(*(f"p{number:03}" for number in range(51)))
    with pytest.raises(Invalid) as refusal:
        memberships.add_members(world.app, ann, conversation_id, new_members)
    assert refusal.value.details == {"field": "user_ids", "limit": 1_000}
    assert len(log(world, conversation_id)) == 1


class Crash(Exception):
    """Simulates a crash of the process."""


class CrashingGateway:
    """Crashes at the first push."""

    def post(self, _connection_ids: Sequence[str], _frame: bytes) -> set[str]:
        raise Crash

    def disconnect(self, _connection_id: str) -> None:
        raise Crash


@pytest.mark.parametrize(
    "change",
    [
        lambda app, ann, conversation_id, _bob, _eve: conversations.update_group(
            app, ann, conversation_id, title="New"
        ),
        lambda app, ann, conversation_id, bob, _eve: memberships.set_role(
            app, ann, conversation_id, bob, "admin"
        ),
        lambda app, ann, conversation_id, _bob, eve: memberships.add_members(
            app, ann, conversation_id, [eve]
        ),
        lambda app, ann, conversation_id, bob, _eve: memberships.remove_member(
            app, ann, conversation_id, bob
        ),
    ],
    ids=["title", "role", "addition", "removal"],
)
def test_a_change_retried_after_a_crash_is_written_once_and_pushed(
    world: World, change: Callable[..., None]
) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    phone = world.connect(ann)
    crashing_app = replace(world.app, gateway=CrashingGateway())
    with pytest.raises(Crash):
        change(crashing_app, ann, conversation_id, bob, eve)
    change(world.app, ann, conversation_id, bob, eve)
    [frame] = world.received(phone, "events")
    assert frame["events"] == log(world, conversation_id)[1:]
    assert len(frame["events"]) == 1


def test_removing_a_user_whom_another_admin_removed_raises_not_found(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    memberships.remove_member(world.app, ann, conversation_id, eve)
    with pytest.raises(NotFound):
        memberships.remove_member(world.app, bob, conversation_id, eve)


def test_changed_settings_are_visible_and_the_event_contains_only_the_changes(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob, title="Team")
    with pytest.raises(Forbidden):
        conversations.update_group(world.app, bob, conversation_id, description="Bob was here")
    conversations.update_group(
        world.app, ann, conversation_id, description="What we do\nand why", posting="all"
    )
    conversations.update_group(
        world.app, ann, conversation_id, title="Crew", description="What we do\nand why", history="joined"
    )
    conversations.update_group(world.app, ann, conversation_id, description="")
    changes = [
        {name: value for name, value in event.items() if name not in {"seq", "at_ms", "message_count"}}
        for event in log(world, conversation_id)[1:]
    ]
    common = {"type": "conversation.updated", "actor_id": ann}
    assert changes == [
        common | {"title": "Team", "description": "What we do\nand why"},
        common | {"title": "Crew", "history": "joined"},
        common | {"title": "Crew", "description": None},
    ]
    head = conversations.get(world.app, bob, conversation_id).head
    assert (head.title, head.settings) == ("Crew", GroupSettings(history="joined"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "t" * 101}, "title"),
        ({"description": "d" * 501}, "description"),
        ({"description": "\x00"}, "description"),
    ],
)
def test_an_invalid_setting_changes_nothing(world: World, change: dict[str, Any], field: str) -> None:
    ann = world.person("ann")
    conversation_id = world.group(ann)
    with pytest.raises(Invalid) as refusal:
        conversations.update_group(world.app, ann, conversation_id, **{"posting": "admins"} | change)
    assert refusal.value.details["field"] == field
    assert len(log(world, conversation_id)) == 1


def test_if_only_admins_may_post_members_cannot_send_but_a_retry_still_succeeds(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    memberships.set_role(world.app, ann, conversation_id, bob, "admin")
    earlier = send(world, eve, conversation_id, "e1")
    conversations.update_group(world.app, ann, conversation_id, posting="admins")
    with pytest.raises(Forbidden):
        send(world, eve, conversation_id, "e2")
    assert send(world, eve, conversation_id, "e1") == earlier
    assert send(world, bob, conversation_id)["message_count"] == 2
    assert send(world, ann, conversation_id)["message_count"] == 3


def test_if_only_admins_may_post_members_can_still_edit_react_and_delete(world: World) -> None:
    ann, eve = world.people("ann", "eve")
    conversation_id = world.group(ann, eve)
    earlier = send(world, eve, conversation_id, "e1")["seq"]
    conversations.update_group(world.app, ann, conversation_id, posting="admins")
    assert (
        message_actions.edit(world.app, eve, conversation_id, earlier, "better").message["body"] == "better"
    )
    assert "reactions" in message_actions.react(world.app, eve, conversation_id, earlier, "👍").message
    assert message_actions.delete(world.app, eve, conversation_id, earlier).message["body"] == ""


def test_with_history_from_joining_a_new_member_never_sees_older_events(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "before")
    conversations.update_group(world.app, ann, conversation_id, history="joined")
    memberships.add_members(world.app, ann, conversation_id, [eve])
    joined = members.list_for(world.table, conversation_id)[eve].joined_seq

    def page(**bounds: int) -> tuple[list[int], bool]:
        page = messages.read(world.app, eve, conversation_id, **bounds)
        found, more = page.events, page.has_more
        return [event["seq"] for event in found], more

    entry = conversations.get(world.app, eve, conversation_id)
    assert (entry.me.history_from, joined) == (4, 4)
    conversations.update_group(world.app, ann, conversation_id, history="all")
    for number in range(3):
        send(world, ann, conversation_id, f"m{number}")
    assert page() == ([4, 5, 6, 7, 8], False)
    assert page(limit=5) == ([4, 5, 6, 7, 8], False)
    assert page(limit=2) == ([7, 8], True)
    assert page(before=7, limit=2) == ([5, 6], True)
    assert page(before=5, limit=2) == ([4], False)
    assert page(before=4) == ([], False)
    assert page(after=0, limit=2) == ([4, 5], True)
    assert page(after=3, limit=9) == ([4, 5, 6, 7, 8], False)
    assert page(after=6, limit=9) == ([7, 8], False)
    assert page(around=1, limit=4) == ([4, 5], True)
    assert page(around=4, limit=4) == ([4, 5], True)
    assert page(around=6, limit=4) == ([4, 5, 6, 7], True)
    assert page(around=6, limit=9) == ([4, 5, 6, 7, 8], False)
    assert messages.read(world.app, bob, conversation_id).events[0]["seq"] == 1


def test_group_settings_are_refused_for_direct_conversations(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    changes: list[dict[str, Any]] = [{"description": "x"}, {"posting": "admins"}, {"public": True}]
    for change in changes:
        with pytest.raises(ImchatError) as refusal:
            conversations.update_group(world.app, ann, conversation_id, **change)
        assert refusal.value.details == {"reason": "direct"}


def test_members_added_together_get_only_events_after_their_own_joining(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann)
    conversations.update_group(world.app, ann, conversation_id, history="joined")
    phones = {user_id: world.connect(user_id) for user_id in (bob, eve)}
    memberships.add_members(world.app, ann, conversation_id, [bob, eve])
    send(world, ann, conversation_id)
    for user_id, phone in phones.items():
        received = [event["seq"] for frame in world.received(phone, "events") for event in frame["events"]]
        assert received == [5]
        assert min(received) > members.list_for(world.table, conversation_id)[user_id].joined_seq


def test_the_inbox_of_a_new_member_shows_no_message_from_before_joining(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann)
    conversations.update_group(world.app, ann, conversation_id, history="joined")
    send(world, ann, conversation_id, "secret")
    memberships.add_members(world.app, ann, conversation_id, [bob])
    page = conversations.inbox(world.app, bob, cursor=None)
    [entry] = serializers.inbox(page)["conversations"]
    assert "last_message" not in entry
    assert entry["unread"] == 0
    send(world, ann, conversation_id, "open")
    [entry] = serializers.inbox(conversations.inbox(world.app, bob, cursor=None))["conversations"]
    assert (entry["last_message"]["seq"], entry["unread"]) == (5, 1)


@pytest.mark.parametrize("repeated", ["send", "removal"])
def test_a_repeated_push_does_not_reach_members_who_joined_after_the_event(
    world: World, repeated: str
) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    conversations.update_group(world.app, ann, conversation_id, history="joined")
    anns_phone = world.connect(ann)
    actions: dict[str, Callable[[], object]] = {
        "send": lambda: send(world, ann, conversation_id, "secret"),
        "removal": lambda: memberships.remove_member(world.app, ann, conversation_id, bob),
    }
    actions[repeated]()
    memberships.add_members(world.app, ann, conversation_id, [eve])
    phone = world.connect(eve)
    pushes_before = len(world.received(anns_phone, "events"))
    actions[repeated]()
    assert len(world.received(anns_phone, "events")) == pushes_before + 1
    assert world.received(phone, "events") == []


def test_a_repeated_push_shows_a_removed_member_nothing_from_after_the_removal(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    send(world, ann, conversation_id, "question")
    reply: dict[str, Any] = {"client_message_id": "answered", "body": "yes", "after_seq": 2, "reply_to": 2}
    messages.send(world.app, eve, conversation_id, **reply)
    phone = world.connect(bob)

    class RacingReads(TableWrapper):
        """Removes Bob and edits the quoted message just before the quote is read."""

        def get_many(self, wanted: Iterable[Key]) -> dict[Key, Item]:
            wanted = list(wanted)
            if any(key.sk.startswith("EVENT#") for key in wanted):
                memberships.remove_member(world.app, ann, conversation_id, bob)
                message_actions.edit(world.app, ann, conversation_id, 2, "secret")
            return super().get_many(wanted)

    again = messages.send(
        replace(world.app, table=RacingReads(world.table)), eve, conversation_id, **reply
    ).event
    assert again is not None
    assert again["quote"]["body"] == "secret"
    assert "secret" not in str(world.received(phone))


def test_a_retry_after_rejoining_shows_nothing_from_the_time_of_absence(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    conversations.update_group(world.app, ann, conversation_id, history="joined")
    send(world, ann, conversation_id, "question")
    reply: dict[str, Any] = {"client_message_id": "answered", "body": "yes", "after_seq": 3, "reply_to": 3}
    messages.send(world.app, bob, conversation_id, **reply)
    memberships.remove_member(world.app, ann, conversation_id, bob)
    message_actions.edit(world.app, ann, conversation_id, 3, "secret")
    memberships.add_members(world.app, ann, conversation_id, [bob])
    phone = world.connect(eve)
    again = messages.send(world.app, bob, conversation_id, **reply).event
    assert again is not None
    assert (again["seq"], again.get("quote")) == (4, None)
    for frame in world.received(phone, "events"):
        assert frame["events"][0]["quote"]["body"] == "secret"


def test_a_suspended_member_becomes_owner_only_if_no_other_member_is_left(world: World) -> None:
    ann, bob, eve, joe = world.people("ann", "bob", "eve", "joe")
    conversation_id = world.group(ann, bob, eve)
    memberships.set_role(world.app, ann, conversation_id, bob, "admin")
    suspensions.suspend(world.app, joe, bob)
    memberships.remove_member(world.app, ann, conversation_id, ann)
    assert roles(world, conversation_id) == {bob: "admin", eve: "owner"}
    suspensions.suspend(world.app, joe, eve)
    suspensions.restore(world.app, joe, eve)
    memberships.remove_member(world.app, eve, conversation_id, eve)
    assert roles(world, conversation_id) == {bob: "owner"}
