"""Conversations: creation, the inbox, read cursors, the log, permissions in groups, and profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.support.world import RacingTable, TableWrapper, World

from imchat.domain.ids import ConversationId, UserId
from imchat.errors import Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import conversations, messages, read_cursors
from imchat.services import members as memberships
from imchat.services import users as accounts
from imchat.services.app import App
from imchat.services.read_cursors import ReadPosition
from imchat.storage.repositories import conversations as stored
from imchat.storage.repositories import events, keys, members
from imchat.storage.repositories import users as profiles
from imchat.storage.table import Delete, Item, Key, KeyRange, Row, Table, Update


def send(
    world: World, user_id: UserId, conversation_id: ConversationId, id_: str = "m1", body: str = "hello"
) -> int:
    event = messages.send(world.app, user_id, conversation_id, client_message_id=id_, body=body).event
    assert event is not None
    return event["seq"]


def unread(world: World, user_id: UserId, conversation_id: ConversationId) -> int:
    entry = conversations.get(world.app, user_id, conversation_id)
    return entry.head.unread(user_id, entry.me.read_count)


def roles(world: World, conversation_id: ConversationId) -> dict[str, str]:
    return {
        user_id: member.role for user_id, member in members.list_for(world.table, conversation_id).items()
    }


def test_two_users_have_one_direct_conversation_whichever_of_them_creates_it(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    first = conversations.create_direct(world.app, ann, bob)
    new = first.new
    again = conversations.create_direct(world.app, bob, ann)
    new_again = again.new
    assert (new, new_again) == (True, False)
    assert first.head.conversation_id == again.head.conversation_id
    assert roles(world, first.head.conversation_id) == {ann: "member", bob: "member"}
    assert len(events.list_after(world.table, first.head.conversation_id, 0, limit=10)) == 1


def test_a_direct_conversation_needs_another_existing_user(world: World) -> None:
    ann = world.person("ann")
    with pytest.raises(Invalid):
        conversations.create_direct(world.app, ann, ann)
    with pytest.raises(NotFound):
        conversations.create_direct(world.app, ann, UserId("unknown"))
    with pytest.raises(Invalid):
        conversations.create_direct(world.app, ann, UserId("no such\nid" * 1_000))


def test_the_creator_owns_a_new_group_and_its_members_are_notified(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    phone = world.connect(eve)
    entry = conversations.create_group(world.app, ann, [bob, eve, bob], "Lunch")
    users = entry.users
    conversation_id = entry.head.conversation_id
    assert roles(world, conversation_id) == {ann: "owner", bob: "member", eve: "member"}
    assert {user.user_id for user in users} == {ann, bob, eve}
    assert world.received(phone) == [
        {"type": "conversation", "conversation_id": conversation_id, "change": "added"}
    ]


def test_a_new_group_has_at_most_forty_nine_members(sqlite_world: World) -> None:
    world = sqlite_world
    people = world.people(*(f"p{number:02}" for number in range(50)))
    assert len(roles(world, world.group(people[0], *people[1:49]))) == 49
    with pytest.raises(Invalid) as refusal:
        world.group(people[0], *people[1:])
    assert refusal.value.details == {"field": "member_ids", "limit": 48}


def test_a_group_has_at_most_a_thousand_members(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann)
    world.fill(conversation_id, 998)
    memberships.add_members(world.app, ann, conversation_id, [bob])
    assert send(world, bob, conversation_id) == 3
    with pytest.raises(Invalid) as refusal:
        memberships.add_members(world.app, ann, conversation_id, [eve])
    assert refusal.value.details == {"field": "user_ids", "limit": 1_000}
    assert len(roles(world, conversation_id)) == 1_000


def test_the_inbox_shows_the_newest_message_and_the_unread_count(world: World) -> None:
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


def test_the_pages_of_the_inbox_contain_every_conversation_once(sqlite_world: World) -> None:
    world = sqlite_world
    ann = world.person("ann")
    created = {world.group(ann) for _ in range(conversations.INBOX_PAGE + 5)}
    first = conversations.inbox(world.app, ann, cursor=None)
    rest = conversations.inbox(world.app, ann, cursor=first.next_cursor)
    assert (len(first.entries), len(rest.entries), rest.next_cursor) == (100, 5, None)
    assert {entry.head.conversation_id for entry in first.entries + rest.entries} == created


def test_marking_as_read_moves_the_cursor_up_and_never_back(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    seqs = [send(world, bob, conversation_id, f"m{number}") for number in range(3)]
    assert unread(world, ann, conversation_id) == 3
    assert read_cursors.mark_read(world.app, ann, conversation_id, seqs[1]) == ReadPosition(seqs[1], 2, 1, 0)
    assert read_cursors.mark_read(world.app, ann, conversation_id, seqs[0]) == ReadPosition(seqs[1], 2, 1, 0)
    assert read_cursors.mark_read(world.app, ann, conversation_id, seqs[2]) == ReadPosition(seqs[2], 3, 0, 0)
    read = [(frame["user_id"], frame["read_seq"]) for frame in world.received(phone, "receipt")]
    assert read == [(ann, seqs[1]), (ann, seqs[2])]


def test_a_cursor_that_another_device_moved_further_does_not_move_back(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    seqs = [send(world, bob, conversation_id, f"m{number}") for number in range(3)]
    table = RacingTable(
        world.table, lambda: read_cursors.mark_read(world.app, ann, conversation_id, seqs[2]), "MEMBER#"
    )
    assert read_cursors.mark_read(
        replace(world.app, table=table), ann, conversation_id, seqs[0]
    ) == ReadPosition(seqs[2], 3, 0, 0)
    assert members.list_for(world.table, conversation_id)[ann].read_seq == seqs[2]


def test_a_late_head_update_does_not_replace_a_newer_event(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    table = RacingTable(world.table, lambda: send(world, bob, conversation_id, "newer"), "HEAD")
    messages.send(replace(world.app, table=table), ann, conversation_id, client_message_id="older", body="x")
    head = conversations.get(world.app, ann, conversation_id).head
    assert (head.last_seq, head.message_count) == (3, 2)
    assert head.last_message is not None
    assert head.last_message["message"]["client_message_id"] == "newer"


def test_a_removed_member_no_longer_has_the_conversation_in_the_inbox(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    memberships.remove_member(world.app, ann, conversation_id, bob)
    assert conversations.inbox(world.app, bob, cursor=None).entries == []
    assert stored.list_pointers(world.table, bob, after=None, limit=10) == []


def test_a_cursor_past_the_end_of_the_log_is_refused(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    with pytest.raises(Invalid) as refusal:
        read_cursors.mark_read(world.app, ann, conversation_id, 2)
    assert refusal.value.details == {"field": "seq", "limit": 1}
    assert members.list_for(world.table, conversation_id)[ann].read_seq == 1


def test_the_author_of_the_newest_message_has_no_unread_messages(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, bob, conversation_id, "b1")
    send(world, ann, conversation_id, "a1")
    assert (unread(world, ann, conversation_id), unread(world, bob, conversation_id)) == (0, 2)
    assert read_cursors.mark_read(world.app, ann, conversation_id, 1) == ReadPosition(1, 0, 0, 0)


def test_the_log_is_read_in_pages_in_both_directions(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    for number in range(9):
        send(world, ann, conversation_id, f"m{number}")

    def page(**bounds: int) -> tuple[list[int], bool]:
        page = messages.read(world.app, bob, conversation_id, **bounds)
        found, more = page.events, page.has_more
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


def test_a_page_around_an_event_has_events_on_both_sides_of_it(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    for number in range(9):
        send(world, ann, conversation_id, f"m{number}")

    def page(around: int, limit: int = 50) -> tuple[list[int], bool | None, bool | None]:
        page = messages.read(world.app, bob, conversation_id, around=around, limit=limit)
        assert page.has_more == (page.has_before or page.has_after)
        return [event["seq"] for event in page.events], page.has_before, page.has_after

    assert page(5, limit=4) == ([3, 4, 5, 6], True, True)
    assert page(5, limit=5) == ([3, 4, 5, 6, 7], True, True)
    assert page(5, limit=1) == ([5], True, True)
    assert page(2, limit=4) == ([1, 2, 3], False, True)
    assert page(3, limit=4) == ([1, 2, 3, 4], False, True)
    assert page(9, limit=4) == ([7, 8, 9, 10], True, False)
    assert page(8, limit=4) == ([6, 7, 8, 9], True, True)
    assert page(0, limit=4) == ([1, 2], False, True)
    assert page(40, limit=4) == ([9, 10], True, False)
    assert page(5) == (list(range(1, 11)), False, False)


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"around": 3, "before": 2}, "around"),
        ({"around": 3, "after": 2}, "around"),
        ({"around": -1}, "around"),
        ({"limit": 201}, "limit"),
        ({"after": 1, "before": 2}, "before"),
        ({"after": -1}, "after"),
        ({"before": 10**12}, "before"),
    ],
)
def test_a_page_with_invalid_bounds_is_refused(world: World, bounds: dict[str, int], field: str) -> None:
    ann, bob = world.people("ann", "bob")
    with pytest.raises(Invalid) as refusal:
        messages.read(world.app, ann, world.direct(ann, bob), **bounds)
    assert refusal.value.details["field"] == field


class RemovedAfter(TableWrapper):
    """A table that runs `removal` once, right after `reads` reads."""

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
    "read",
    [
        messages.read,
        conversations.get,
        lambda app, user_id, _where: conversations.inbox(app, user_id, cursor=None),
    ],
    ids=["log", "conversation", "inbox"],
)
def test_a_member_removed_during_a_read_sees_nothing_from_after_the_removal(
    world: World, read: Callable[..., object]
) -> None:
    """Content is read before the membership is checked; in the opposite order, the later message would leak."""
    ann, bob, eve = world.people("ann", "bob", "eve")

    def remove(conversation_id: ConversationId) -> None:
        memberships.remove_member(world.app, ann, conversation_id, eve)
        send(world, ann, conversation_id, body="secret")

    for reads in (1, 2, 3):
        conversation_id = world.group(ann, bob, eve)
        table = RemovedAfter(world.table, reads, partial(remove, conversation_id))
        try:
            seen = read(replace(world.app, table=table), eve, conversation_id)
        except NotFound:
            seen = None
        assert "secret" not in repr(seen)
        assert table.reads_left <= 0 or reads == 3


def test_only_owners_and_admins_can_rename_a_group(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob, title="Old")
    with pytest.raises(Forbidden):
        conversations.update_group(world.app, bob, conversation_id, title="Bob's")
    conversations.update_group(world.app, ann, conversation_id, title="New")
    conversations.update_group(world.app, ann, conversation_id, title="New")
    entry = conversations.get(world.app, bob, conversation_id)
    assert (entry.head.title, entry.head.last_seq) == ("New", 2)


def test_a_new_member_joins_once_and_at_the_end_of_the_log(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id)
    phone = world.connect(eve)
    memberships.add_members(world.app, ann, conversation_id, [eve])
    memberships.add_members(world.app, ann, conversation_id, [eve, bob])
    member = members.list_for(world.table, conversation_id)[eve]
    assert (member.joined_seq, member.read_seq, member.read_count) == (3, 3, 1)
    assert unread(world, eve, conversation_id) == 0
    assert [frame["type"] for frame in world.received(phone)] == ["conversation", "events", "conversation"]
    assert len(events.list_after(world.table, conversation_id, 0, limit=99)) == 3


def test_members_can_only_act_on_lower_roles(world: World) -> None:
    ann, bob, eve, joe = world.people("ann", "bob", "eve", "joe")
    conversation_id = world.group(ann, bob, eve, joe)
    memberships.set_role(world.app, ann, conversation_id, bob, "admin")
    refused: list[Callable[[], None]] = [
        lambda: memberships.set_role(world.app, bob, conversation_id, eve, "admin"),
        lambda: memberships.remove_member(world.app, bob, conversation_id, ann),
        lambda: memberships.remove_member(world.app, eve, conversation_id, joe),
        lambda: memberships.add_members(world.app, eve, conversation_id, [joe]),
    ]
    for attempt in refused:
        with pytest.raises(Forbidden):
            attempt()
    memberships.remove_member(world.app, bob, conversation_id, eve)
    memberships.remove_member(world.app, joe, conversation_id, joe)
    assert roles(world, conversation_id) == {ann: "owner", bob: "admin"}
    assert conversations.inbox(world.app, eve, cursor=None).entries == []


def test_the_members_of_a_direct_conversation_cannot_change(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.direct(ann, bob)
    refused: list[Callable[[], None]] = [
        lambda: memberships.remove_member(world.app, ann, conversation_id, ann),
        lambda: memberships.add_members(world.app, ann, conversation_id, [eve]),
        lambda: conversations.update_group(world.app, ann, conversation_id, title="x"),
        lambda: memberships.set_role(world.app, ann, conversation_id, bob, "admin"),
    ]
    for attempt in refused:
        with pytest.raises(Conflict):
            attempt()
    assert len(events.list_after(world.table, conversation_id, 0, limit=9)) == 1


def test_a_stranger_gets_the_same_error_from_every_action(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    app, known, unknown = world.app, world.group(ann, bob), ConversationId("nowhere")
    actions: list[Callable[[ConversationId], object]] = [
        lambda conversation_id: conversations.get(app, eve, conversation_id),
        lambda conversation_id: messages.read(app, eve, conversation_id),
        lambda conversation_id: read_cursors.mark_read(app, eve, conversation_id, 1),
        lambda conversation_id: conversations.update_group(app, eve, conversation_id, title="x"),
        lambda conversation_id: memberships.add_members(app, eve, conversation_id, [eve]),
        lambda conversation_id: memberships.set_role(app, eve, conversation_id, ann, "member"),
        lambda conversation_id: memberships.remove_member(app, eve, conversation_id, ann),
    ]
    for action in actions:
        answers: list[tuple[type[ImchatError], str, dict[str, object]]] = []
        for conversation_id in (known, unknown):
            with pytest.raises(ImchatError) as refusal:
                action(conversation_id)
            answers.append((type(refusal.value), refusal.value.message, refusal.value.details))
        assert answers[0] == answers[1]


def test_a_handle_belongs_to_one_user_and_is_free_again_after_a_change(world: World) -> None:
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


def test_users_are_found_by_the_words_of_their_display_name(world: World) -> None:
    ada, grace, kaoru = world.people("ada", "grace", "kaoru")
    accounts.update_profile(world.app, ada, display_name="Ada Łovelace-King")
    accounts.update_profile(world.app, grace, display_name="Admiral Grace Hopper")
    accounts.update_profile(world.app, kaoru, display_name="田中 薫")

    def found(text: str) -> list[str | None]:
        return [user.handle for user in accounts.search(world.app, text)]

    assert found("love") == found("LOVELACE k") == found("king ada") == ["ada"]
    assert found("hop") == found("grace hopper") == found("@gra") == ["grace"]
    assert found("ad") == ["ada", "grace"], "a handle comes before a name"
    assert found("田") == found("中") == found("薫") == ["kaoru"]
    assert found("ovelace") == found("ada hopper") == found("中田") == []
    accounts.update_profile(world.app, ada, display_name="Ada Byron")
    assert (found("love"), found("byron")) == ([], ["ada"])
    for text in ("#", " ", "x" * 81):
        with pytest.raises(Invalid) as refusal:
            found(text)
        assert refusal.value.details["field"] == "prefix"


def test_two_changes_of_a_name_at_once_leave_no_old_name_in_the_search(world: World) -> None:
    ann = world.person("ann")

    def rename(app: App, name: str) -> None:
        accounts.update_profile(app, ann, display_name=name)

    table = RacingTable(world.table, lambda: rename(world.app, "Second"), "PROFILE")
    rename(replace(world.app, table=table), "Third")
    assert [user.display_name for user in accounts.search(world.app, "third")] == ["Third"]
    assert accounts.search(world.app, "second") == []


def test_a_name_from_before_names_were_searchable_is_found_after_the_next_visit(world: World) -> None:
    ann = world.person("ann")
    accounts.update_profile(world.app, ann, display_name="Zoe")
    profile = profiles.get(world.table, ann)
    assert profile is not None
    for key in profiles.name_entries(ann, "Zoe"):
        world.table.write(Delete(key))
    world.table.write(Update(keys.profile(ann), remove=["name_indexed"]))
    assert accounts.search(world.app, "zoe") == []
    accounts.me(world.app, ann)
    assert [user.user_id for user in accounts.search(world.app, "zoe")] == [ann]


def test_only_one_of_two_concurrent_handle_changes_succeeds(world: World) -> None:
    ann = world.person("ann")

    def choose(app: App, handle: str) -> None:
        accounts.update_profile(app, ann, handle=handle, display_name=None)

    table = RacingTable(world.table, lambda: choose(world.app, "anna"), "PROFILE")
    with pytest.raises(Conflict) as refusal:
        choose(replace(world.app, table=table), "annie")
    assert refusal.value.details == {"reason": "changed"}
    assert accounts.me(world.app, ann).handle == "anna"
    assert [user.handle for user in accounts.search(world.app, "an")] == ["anna"]


def test_a_new_display_name_is_visible_in_the_directory(world: World) -> None:
    ann = world.person("ann")
    accounts.update_profile(world.app, ann, handle=None, display_name="Ann Other")
    assert accounts.search(world.app, "ann")[0].display_name == "Ann Other"


def test_the_first_call_creates_a_profile(world: World) -> None:
    first = accounts.me(world.app, UserId("new"))
    world.clock_ms += 1_000
    assert accounts.me(world.app, UserId("new")) == first
    assert (first.handle, first.display_name) == (None, None)


def test_a_user_without_a_profile_can_create_a_conversation(world: World) -> None:
    newcomer, ann = UserId("newcomer"), world.person("ann")
    found = conversations.create_direct(world.app, newcomer, ann)
    users, new = found.users, found.new
    assert new
    assert {user.user_id for user in users} == {newcomer, ann}
