"""Starting conversations, the inbox, groups and who may do what in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.support.world import Borrowed, Interleaved, World

from imchat.domain.ids import ConversationId, UserId
from imchat.errors import Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import conversations, messages, read_cursors
from imchat.services import members as memberships
from imchat.services import users as accounts
from imchat.services.app import App
from imchat.storage.repositories import conversations as stored
from imchat.storage.repositories import events, members
from imchat.storage.table import Item, Key, KeyRange, Row, Table


def send(world: World, who: UserId, where: ConversationId, id_: str = "m1", body: str = "hello") -> int:
    event = messages.send(world.app, who, where, client_message_id=id_, body=body).event
    assert event is not None
    return event["seq"]


def unread(world: World, who: UserId, where: ConversationId) -> int:
    entry = conversations.get(world.app, who, where)[0]
    return entry.head.unread(who, entry.me.read_count)


def roles(world: World, where: ConversationId) -> dict[str, str]:
    return {user_id: member.role for user_id, member in members.list_for(world.table, where).items()}


def test_a_direct_conversation_is_the_same_whoever_starts_it_and_however_often(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    first, _, new = conversations.create_direct(world.app, ann, bob)
    again, _, new_again = conversations.create_direct(world.app, bob, ann)
    assert (new, new_again) == (True, False)
    assert first.head.conversation_id == again.head.conversation_id
    assert roles(world, first.head.conversation_id) == {ann: "member", bob: "member"}
    assert len(events.list_after(world.table, first.head.conversation_id, 0, limit=10)) == 1


def test_nobody_has_a_direct_conversation_with_themselves_or_with_a_stranger_to_the_system(
    world: World,
) -> None:
    ann = world.person("ann")
    with pytest.raises(Invalid):
        conversations.create_direct(world.app, ann, ann)
    with pytest.raises(NotFound):
        conversations.create_direct(world.app, ann, UserId("nobody"))
    with pytest.raises(NotFound):
        conversations.create_direct(world.app, ann, UserId("no such\nid" * 1_000))


def test_a_group_has_its_maker_as_owner_and_tells_everybody(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    phone = world.connect(eve)
    entry, users = conversations.create_group(world.app, ann, [bob, eve, bob], "Lunch")
    where = entry.head.conversation_id
    assert roles(world, where) == {ann: "owner", bob: "member", eve: "member"}
    assert {user.user_id for user in users} == {ann, bob, eve}
    assert world.heard(phone) == [{"type": "conversation", "conversation_id": where, "change": "added"}]


def test_forty_nine_people_fit_a_new_group_and_fifty_do_not(sqlite_world: World) -> None:
    world = sqlite_world
    everybody = world.people(*(f"p{number:02}" for number in range(50)))
    assert len(roles(world, world.group(everybody[0], *everybody[1:49]))) == 49
    with pytest.raises(Invalid) as refusal:
        world.group(everybody[0], *everybody[1:])
    assert refusal.value.details == {"field": "member_ids", "limit": 48}


def test_a_thousand_people_fit_a_group_and_one_more_does_not(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann)
    world.fill(where, 998)
    memberships.add_members(world.app, ann, where, [bob])
    assert send(world, bob, where) == 3
    with pytest.raises(Invalid) as refusal:
        memberships.add_members(world.app, ann, where, [eve])
    assert refusal.value.details == {"field": "user_ids", "limit": 1_000}
    assert len(roles(world, where)) == 1_000


def test_the_inbox_shows_the_newest_message_and_what_is_unread(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    direct, group = world.direct(ann, bob), world.group(eve, ann)
    send(world, bob, direct, "m1", "x" * 500)
    send(world, bob, direct, "m2", "y" * 500)
    inbox = conversations.inbox(world.app, ann, cursor=None)
    by_id = {entry.head.conversation_id: entry for entry in inbox.entries}
    assert set(by_id) == {direct, group}
    newest = by_id[direct].head.last_message
    assert newest is not None
    assert newest["message"]["body"] == "y" * 200
    assert (unread(world, ann, direct), unread(world, ann, group)) == (2, 0)
    assert {member.user_id for member in by_id[direct].members or []} == {ann, bob}
    assert by_id[group].members is None
    assert [user.user_id for user in inbox.users] == [bob]
    assert inbox.next_cursor is None


def test_the_inbox_comes_in_pages_that_lose_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    made = {world.group(ann) for _ in range(conversations.INBOX_PAGE + 5)}
    first = conversations.inbox(world.app, ann, cursor=None)
    rest = conversations.inbox(world.app, ann, cursor=first.next_cursor)
    assert (len(first.entries), len(rest.entries), rest.next_cursor) == (100, 5, None)
    assert {entry.head.conversation_id for entry in first.entries + rest.entries} == made


def test_reading_moves_the_cursor_up_and_never_back(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    seqs = [send(world, bob, where, f"m{number}") for number in range(3)]
    assert unread(world, ann, where) == 3
    assert read_cursors.mark_read(world.app, ann, where, seqs[1]) == (seqs[1], 2, 1, 0)
    assert read_cursors.mark_read(world.app, ann, where, seqs[0]) == (seqs[1], 2, 1, 0)
    assert read_cursors.mark_read(world.app, ann, where, seqs[2]) == (seqs[2], 3, 0, 0)
    read = [(frame["user_id"], frame["read_seq"]) for frame in world.heard(phone, "receipt")]
    assert read == [(ann, seqs[1]), (ann, seqs[2])]


def test_a_cursor_that_another_device_moved_further_meanwhile_stays_there(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    seqs = [send(world, bob, where, f"m{number}") for number in range(3)]
    table = Interleaved(
        world.table, lambda: read_cursors.mark_read(world.app, ann, where, seqs[2]), "MEMBER#"
    )
    assert read_cursors.mark_read(replace(world.app, table=table), ann, where, seqs[0]) == (seqs[2], 3, 0, 0)
    assert members.list_for(world.table, where)[ann].read_seq == seqs[2]


def test_a_head_that_shows_a_newer_event_stays_so(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    table = Interleaved(world.table, lambda: send(world, bob, where, "newer"), "HEAD")
    messages.send(replace(world.app, table=table), ann, where, client_message_id="older", body="x")
    head = conversations.get(world.app, ann, where)[0].head
    assert (head.last_seq, head.message_count) == (3, 2)
    assert head.last_message is not None
    assert head.last_message["message"]["client_message_id"] == "newer"


def test_who_is_out_has_the_conversation_in_no_list(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    memberships.remove_member(world.app, ann, where, bob)
    assert conversations.inbox(world.app, bob, cursor=None).entries == []
    assert stored.list_pointers(world.table, bob, after=None, limit=10) == []


def test_a_cursor_past_the_end_of_the_log_is_refused(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    with pytest.raises(Invalid) as refusal:
        read_cursors.mark_read(world.app, ann, where, 2)
    assert refusal.value.details == {"field": "seq", "limit": 1}
    assert members.list_for(world.table, where)[ann].read_seq == 1


def test_whoever_wrote_last_has_nothing_unread(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, bob, where, "b1")
    send(world, ann, where, "a1")
    assert (unread(world, ann, where), unread(world, bob, where)) == (0, 2)
    assert read_cursors.mark_read(world.app, ann, where, 1) == (1, 0, 0, 0)


def test_history_comes_in_pages_in_both_directions(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    for number in range(9):
        send(world, ann, where, f"m{number}")

    def page(**bounds: int) -> tuple[list[int], bool]:
        found, more = messages.read(world.app, bob, where, **bounds)
        return [event["seq"] for event in found], more

    assert page(limit=3) == ([8, 9, 10], True)
    assert page(before=8, limit=3) == ([5, 6, 7], True)
    assert page(before=4, limit=3) == ([1, 2, 3], False)
    assert page(before=1) == ([], False)
    assert page(before=0) == ([], False)
    assert page(after=0, limit=3) == ([1, 2, 3], True)
    assert page(after=7, limit=3) == ([8, 9, 10], False)
    assert page(after=10) == ([], False)
    assert page(limit=200) == (list(range(1, 11)), False)


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"after": 1, "before": 2}, "before"),
        ({"after": -1}, "after"),
        ({"before": 10**12}, "before"),
    ],
)
def test_a_page_out_of_bounds_is_refused(world: World, bounds: dict[str, int], field: str) -> None:
    ann, bob = world.people("ann", "bob")
    with pytest.raises(Invalid) as refusal:
        messages.read(world.app, ann, world.direct(ann, bob), **bounds)
    assert refusal.value.details["field"] == field


class RemovedAfter(Borrowed):
    """A table that runs `removal` once, right after so many reads."""

    def __init__(self, table: Table, reads: int, removal: Callable[[], object]) -> None:
        super().__init__(table)
        self.reads_left = reads
        self._removal = removal

    def _count(self) -> None:
        self.reads_left -= 1
        if self.reads_left == 0:
            self._removal()

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        item = super().get(key, consistent=consistent)
        self._count()
        return item

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        items = super().get_many(keys)
        self._count()
        return items

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        rows = super().query(key_range, **options)
        self._count()
        return rows


@pytest.mark.parametrize(
    "look",
    [
        messages.read,
        conversations.get,
        lambda app, who, _where: conversations.inbox(app, who, cursor=None),
    ],
    ids=["log", "conversation", "inbox"],
)
def test_what_a_removal_overtakes_is_not_shown(world: World, look: Callable[..., object]) -> None:
    """Content is read before the membership is checked; the other way round, the later message would leak."""
    ann, bob, eve = world.people("ann", "bob", "eve")

    def remove(where: ConversationId) -> None:
        memberships.remove_member(world.app, ann, where, eve)
        send(world, ann, where, body="secret")

    for reads in (1, 2, 3):
        where = world.group(ann, bob, eve)
        table = RemovedAfter(world.table, reads, partial(remove, where))
        try:
            seen = look(replace(world.app, table=table), eve, where)
        except NotFound:
            seen = None
        assert "secret" not in repr(seen)
        assert table.reads_left <= 0 or reads == 3


def test_a_group_is_renamed_by_those_who_manage_it(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob, title="Old")
    with pytest.raises(Forbidden):
        conversations.update_group(world.app, bob, where, title="Bob's")
    conversations.update_group(world.app, ann, where, title="New")
    conversations.update_group(world.app, ann, where, title="New")
    entry, _ = conversations.get(world.app, bob, where)
    assert (entry.head.title, entry.head.last_seq) == ("New", 2)


def test_people_join_where_the_log_stands_and_once(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    send(world, ann, where)
    phone = world.connect(eve)
    memberships.add_members(world.app, ann, where, [eve])
    memberships.add_members(world.app, ann, where, [eve, bob])
    member = members.list_for(world.table, where)[eve]
    assert (member.joined_seq, member.read_seq, member.read_count) == (3, 3, 1)
    assert unread(world, eve, where) == 0
    assert [frame["type"] for frame in world.heard(phone)] == ["conversation", "events", "conversation"]
    assert len(events.list_after(world.table, where, 0, limit=99)) == 3


def test_roles_and_removals_follow_rank(world: World) -> None:
    ann, bob, eve, joe = world.people("ann", "bob", "eve", "joe")
    where = world.group(ann, bob, eve, joe)
    memberships.set_role(world.app, ann, where, bob, "admin")
    refused: list[Callable[[], None]] = [
        lambda: memberships.set_role(world.app, bob, where, eve, "admin"),
        lambda: memberships.remove_member(world.app, bob, where, ann),
        lambda: memberships.remove_member(world.app, eve, where, joe),
        lambda: memberships.add_members(world.app, eve, where, [joe]),
    ]
    for attempt in refused:
        with pytest.raises(Forbidden):
            attempt()
    memberships.remove_member(world.app, bob, where, eve)
    memberships.remove_member(world.app, joe, where, joe)
    assert roles(world, where) == {ann: "owner", bob: "admin"}
    assert conversations.inbox(world.app, eve, cursor=None).entries == []


def test_a_direct_conversation_keeps_its_two_people(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.direct(ann, bob)
    refused: list[Callable[[], None]] = [
        lambda: memberships.remove_member(world.app, ann, where, ann),
        lambda: memberships.add_members(world.app, ann, where, [eve]),
        lambda: conversations.update_group(world.app, ann, where, title="x"),
        lambda: memberships.set_role(world.app, ann, where, bob, "admin"),
    ]
    for attempt in refused:
        with pytest.raises(Conflict):
            attempt()
    assert len(events.list_after(world.table, where, 0, limit=9)) == 1


def test_a_stranger_gets_the_same_answer_everywhere(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    app, known, unknown = world.app, world.group(ann, bob), ConversationId("nowhere")
    actions: list[Callable[[ConversationId], object]] = [
        lambda where: conversations.get(app, eve, where),
        lambda where: messages.read(app, eve, where),
        lambda where: read_cursors.mark_read(app, eve, where, 1),
        lambda where: conversations.update_group(app, eve, where, title="x"),
        lambda where: memberships.add_members(app, eve, where, [eve]),
        lambda where: memberships.set_role(app, eve, where, ann, "member"),
        lambda where: memberships.remove_member(app, eve, where, ann),
    ]
    for action in actions:
        answers: list[tuple[type[ImchatError], str, dict[str, object]]] = []
        for where in (known, unknown):
            with pytest.raises(ImchatError) as refusal:
                action(where)
            answers.append((type(refusal.value), refusal.value.message, refusal.value.details))
        assert answers[0] == answers[1]


def test_a_handle_belongs_to_one_person_and_is_free_again_after_a_change(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    with pytest.raises(Conflict) as refusal:
        accounts.update_profile(world.app, bob, handle="ann", display_name="Not Ann")
    assert refusal.value.details == {"field": "handle", "reason": "taken"}
    assert accounts.me(world.app, bob).display_name == "Bob"
    accounts.update_profile(world.app, ann, handle="anna", display_name=None)
    assert [user.handle for user in accounts.search(world.app, "ann")] == ["anna"]
    accounts.update_profile(world.app, bob, handle="ann", display_name=None)
    found = accounts.search(world.app, "AN")
    assert [(user.user_id, user.handle, user.display_name) for user in found] == [
        (bob, "ann", "Bob"),
        (ann, "anna", "Ann"),
    ]


def test_two_devices_that_choose_a_handle_at_the_same_moment_leave_one(world: World) -> None:
    ann = world.person("ann")

    def choose(app: App, handle: str) -> None:
        accounts.update_profile(app, ann, handle=handle, display_name=None)

    table = Interleaved(world.table, lambda: choose(world.app, "anna"), "PROFILE")
    with pytest.raises(Conflict) as refusal:
        choose(replace(world.app, table=table), "annie")
    assert refusal.value.details == {"reason": "changed"}
    assert accounts.me(world.app, ann).handle == "anna"
    assert [user.handle for user in accounts.search(world.app, "an")] == ["anna"]


def test_a_new_name_shows_in_the_directory(world: World) -> None:
    ann = world.person("ann")
    accounts.update_profile(world.app, ann, handle=None, display_name="Ann Other")
    assert accounts.search(world.app, "ann")[0].display_name == "Ann Other"


def test_a_profile_is_made_on_the_first_call_and_kept(world: World) -> None:
    first = accounts.me(world.app, UserId("new"))
    world.clock_ms += 1_000
    assert accounts.me(world.app, UserId("new")) == first
    assert (first.handle, first.display_name) == (None, None)


def test_whoever_never_asked_for_their_profile_can_start_a_conversation(world: World) -> None:
    newcomer, ann = UserId("newcomer"), world.person("ann")
    _, users, new = conversations.create_direct(world.app, newcomer, ann)
    assert new
    assert {user.user_id for user in users} == {newcomer, ann}
