"""Sending messages: once, in one order and without gaps, also with retries, races and removals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json
from tests.support.world import RacingTable, TableWrapper, World

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import BODY_BYTES, PAGE_DEFAULT, REACTION_KINDS, REACTION_NAMES
from imchat.domain.message import Message, Reaction
from imchat.errors import Busy, Conflict, Invalid, NotFound
from imchat.local.group_commit import DeferredActions
from imchat.services import conversations, members, message_actions, messages
from imchat.services.app import App
from imchat.services.messages import PAGE_BYTES
from imchat.services.runtime import InlineRuntime
from imchat.storage.repositories import conversations as heads
from imchat.storage.repositories import events, keys
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import KeyRange, Op, Put, Row, Table

LAMBDA_BYTES = 6 * 1024 * 1024
"""Maximum size of a function's response. Source: Lambda quotas, "Invocation payload"."""


def send(
    world: World,
    user_id: UserId,
    conversation_id: ConversationId,
    id_: str,
    *,
    body: str = "hello",
    after_seq: int | None = None,
) -> Event:
    sent = messages.send(
        world.app, user_id, conversation_id, client_message_id=id_, body=body, after_seq=after_seq
    )
    assert sent.event is not None
    return sent.event


def log(world: World, conversation_id: ConversationId) -> list[Event]:
    return events.list_after(world.table, conversation_id, 0, limit=10_000)


def test_a_message_gets_the_next_seq_and_is_pushed_to_all_connections(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phones = [world.connect(ann), world.connect(bob, "phone"), world.connect(bob, "laptop")]
    event = send(world, ann, conversation_id, "m1", body="hi")
    assert (event["seq"], event["message_count"], event["actor_id"]) == (2, 1, ann)
    for phone in phones:
        assert world.received(phone, "events") == [
            {"type": "events", "conversation_id": conversation_id, "events": [event]}
        ]


def test_the_sending_connection_gets_no_push_but_the_senders_other_devices_do(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    laptop, tablet, bobs_phone = (
        world.connect(ann, "laptop"),
        world.connect(ann, "tablet"),
        world.connect(bob),
    )
    for _attempt in range(2):
        world.gateway.frames.clear()
        sent = messages.send(
            world.app,
            ann,
            conversation_id,
            client_message_id="m1",
            body="hi",
            connection_id=ConnectionId(laptop),
        )
        [frame] = world.received(tablet, "events")
        assert frame["events"] == [sent.event]
        assert world.received(bobs_phone, "events") == [frame]
        assert world.received(laptop) == []
    send(world, ann, conversation_id, "m2")
    assert [frame["events"][0]["seq"] for frame in world.received(laptop, "events")] == [3]


@pytest.mark.parametrize("name", ["c-u-bob", "c-u-eve", "closed", "expires_at", ""])
def test_a_connection_id_of_another_user_is_ignored(world: World, name: str) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    phones = [world.connect(user_id) for user_id in (ann, bob, eve)]
    world.gateway.frames.clear()
    messages.send(
        world.app, ann, conversation_id, client_message_id="m1", body="hi", connection_id=ConnectionId(name)
    )
    assert [len(world.received(phone, "events")) for phone in phones] == [1, 1, 0]


def test_a_reply_is_not_pushed_to_the_sending_connection(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    anns_phone, bobs_phone = world.connect(ann), world.connect(bob)
    send(world, bob, conversation_id, "m1")
    world.gateway.frames.clear()
    messages.send(
        world.app,
        ann,
        conversation_id,
        client_message_id="m2",
        body="yes",
        reply_to=2,
        connection_id=anns_phone,
    )
    assert (world.received(anns_phone), len(world.received(bobs_phone))) == ([], 1)


def test_the_pushed_event_equals_the_event_in_the_log(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    send(world, ann, conversation_id, "m1")
    result = messages.read(world.app, bob, conversation_id, after=1)
    page, more = result.events, result.has_more
    assert world.received(phone, "events")[0]["events"] == page
    assert not more


@pytest.mark.parametrize("after_seq", [None, 1])
def test_a_repeated_send_returns_the_first_event_and_pushes_it_again(
    world: World, after_seq: int | None
) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    first = send(world, ann, conversation_id, "m1", after_seq=after_seq)
    send(world, bob, conversation_id, "m1")
    again = messages.send(
        world.app, ann, conversation_id, client_message_id="m1", body="hello", after_seq=after_seq
    )
    assert again.event == first
    assert not again.new
    assert [event["seq"] for event in log(world, conversation_id)] == [1, 2, 3]
    assert [frame["events"][0]["seq"] for frame in world.received(phone, "events")] == [2, 3, 2]


def test_two_users_may_use_the_same_client_message_id(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    assert send(world, ann, conversation_id, "same")["seq"] == 2
    assert send(world, bob, conversation_id, "same")["seq"] == 3


def test_a_retry_without_after_seq_is_found_among_the_newest_fifty(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "mine")
    for number in range(49):
        send(world, bob, conversation_id, f"b{number}")
    assert send(world, ann, conversation_id, "mine")["seq"] == 2


def test_a_sender_too_far_behind_must_read_the_log_first(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    for number in range(1_000):
        sent: Event = {
            "seq": number + 2,
            "at_ms": world.clock_ms,
            "type": "message.created",
            "actor_id": bob,
            "message": {"client_message_id": f"b{number}", "body": "x"},
            "message_count": number + 1,
        }
        events.append(world.table, conversation_id, sent)
    heads.advance_head(world.table, conversation_id, sent)
    assert send(world, ann, conversation_id, "fits", after_seq=1)["seq"] == 1_002
    with pytest.raises(Conflict) as refusal:
        send(world, ann, conversation_id, "late", after_seq=1)
    assert refusal.value.details == {"reason": "behind", "last_seq": 1_002}
    assert send(world, ann, conversation_id, "late", after_seq=2)["seq"] == 1_003


def test_an_after_seq_past_the_end_of_the_log_is_refused(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    with pytest.raises(Invalid) as refusal:
        send(world, ann, conversation_id, "m1", after_seq=2)
    assert refusal.value.details == {"field": "after_seq", "limit": 1}


def test_timestamps_in_a_log_never_decrease(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    first = send(world, ann, conversation_id, "m1")
    world.clock_ms -= 5_000
    assert send(world, bob, conversation_id, "m2")["at_ms"] == first["at_ms"]


def test_strangers_get_the_same_error_for_existing_and_unknown_conversations(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.direct(ann, bob)
    for after_seq in (None, 0, 1, 99):
        refusals = []
        for target_id in (conversation_id, ConversationId("nowhere")):
            with pytest.raises(NotFound) as refusal:
                send(world, eve, target_id, "m1", after_seq=after_seq)
            refusals.append((refusal.value.message, refusal.value.details))
        assert refusals[0] == refusals[1]


def test_a_removed_member_cannot_send_or_read_and_gets_no_more_pushes(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    phone = world.connect(eve)
    members.remove_member(world.app, ann, conversation_id, eve)
    with pytest.raises(NotFound):
        send(world, eve, conversation_id, "m1")
    with pytest.raises(NotFound):
        messages.read(world.app, eve, conversation_id)
    send(world, ann, conversation_id, "secret")
    removal = log(world, conversation_id)[1]
    assert removal["type"] == "member.removed"
    assert [event["seq"] for frame in world.received(phone, "events") for event in frame["events"]] == [
        removal["seq"]
    ]


def racing_app(world: World, meanwhile: Callable[[], object]) -> App:
    table = RacingTable(world.table, meanwhile)
    return App(table=table, gateway=world.gateway, now_ms=world.app.now_ms, new_id=world.app.new_id)


def test_a_send_that_loses_the_race_for_a_seq_takes_the_next_one(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    app = racing_app(world, lambda: send(world, bob, conversation_id, "first"))
    late = messages.send(app, ann, conversation_id, client_message_id="second", body="x", after_seq=1).event
    assert late is not None
    assert (late["seq"], late["message_count"]) == (3, 2)


def test_a_retry_that_races_its_first_attempt_does_not_duplicate_the_message(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    app = racing_app(world, lambda: send(world, ann, conversation_id, "same", after_seq=1))
    sent = messages.send(app, ann, conversation_id, client_message_id="same", body="hello", after_seq=1)
    assert not sent.new
    assert [event["type"] for event in log(world, conversation_id)] == [
        "conversation.created",
        "message.created",
    ]


def test_a_sender_removed_between_read_and_write_cannot_send(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    app = racing_app(world, lambda: members.remove_member(world.app, ann, conversation_id, eve))
    with pytest.raises(NotFound):
        messages.send(app, eve, conversation_id, client_message_id="m1", body="too late", after_seq=1)
    assert [event["type"] for event in log(world, conversation_id)] == [
        "conversation.created",
        "member.removed",
    ]


class PartlyVisibleRemoval(TableWrapper):
    """A table on which a removal is partly visible: its event is there, and the member still exists."""

    def __init__(self, table: Table, member_row: Row) -> None:
        super().__init__(table)
        self._member_row = member_row

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        return [*super().query(key_range, **options), self._member_row]


@pytest.mark.parametrize("after_seq", [None, 1, 2])
def test_a_removal_counts_as_soon_as_its_event_is_visible(world: World, after_seq: int | None) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    phone = world.connect(eve)
    key = keys.member(conversation_id, eve)
    member_row = Row(key.sk, world.table.get(key) or {})
    members.remove_member(world.app, ann, conversation_id, eve)
    received = len(world.received(phone))

    app = replace(world.app, table=PartlyVisibleRemoval(world.table, member_row))
    with pytest.raises(NotFound):
        messages.send(app, eve, conversation_id, client_message_id="m1", body="too late", after_seq=after_seq)
    messages.send(app, bob, conversation_id, client_message_id="m2", body="secret", after_seq=after_seq)
    assert len(world.received(phone)) == received


def test_a_member_who_was_removed_and_added_again_can_send(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    members.remove_member(world.app, ann, conversation_id, bob)
    members.add_members(world.app, ann, conversation_id, [bob])
    assert send(world, bob, conversation_id, "m1", after_seq=1)["seq"] == 4


def test_a_member_added_during_a_send_gets_the_message(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    phone = world.connect(eve)
    app = racing_app(world, lambda: members.add_members(world.app, ann, conversation_id, [eve]))
    messages.send(app, bob, conversation_id, client_message_id="m1", body="welcome", after_seq=1)
    received = [event["seq"] for frame in world.received(phone, "events") for event in frame["events"]]
    assert received == [3]


def test_too_many_lost_races_raise_busy(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    attempts: list[int] = []

    class RecordingRuntime(InlineRuntime):
        def backoff(self, attempt: int) -> None:
            attempts.append(attempt)

    class ContendedTable(RacingTable):
        def write(self, *ops: Op) -> None:
            if isinstance(ops[0], Put) and ops[0].key.sk.startswith("EVENT#"):
                send(world, bob, conversation_id, f"b{len(attempts)}")
            self.table.write(*ops)

    table = ContendedTable(world.table, lambda: None)
    app = App(table, world.gateway, world.app.now_ms, world.app.new_id, runtime=RecordingRuntime())
    with pytest.raises(Busy):
        messages.send(app, ann, conversation_id, client_message_id="m1", body="x", after_seq=1)
    assert attempts == list(range(1, 13))
    assert all(event["actor_id"] == bob for event in log(world, conversation_id)[1:])


def test_a_retry_completes_a_send_that_crashed_after_the_put(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    died_after_the_put: Event = {
        "seq": 2,
        "at_ms": world.clock_ms,
        "type": "message.created",
        "actor_id": ann,
        "message": {"client_message_id": "m1", "body": "hello"},
        "message_count": 1,
    }
    events.append(world.table, conversation_id, died_after_the_put)
    assert not world.received(phone)
    send(world, ann, conversation_id, "m1", after_seq=1)
    head = heads.get(world.table, conversation_id)
    assert head is not None
    assert (head.last_seq, head.message_count) == (2, 1)
    assert len(world.received(phone, "events")) == 1


def test_concurrent_threads_create_no_gaps_and_no_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "race.db"
    with SqliteTable.open(path) as table:
        world = World(table)
        people = world.people(*(f"person{number}" for number in range(6)))
        conversation_id = world.group(people[0], *people[1:])
    failures: list[BaseException] = []
    start = threading.Barrier(len(people))

    def chat(user_id: UserId) -> None:
        try:
            with SqliteTable.open(path) as own:
                app = App(own, world.gateway, world.app.now_ms, world.app.new_id)
                start.wait()
                for number in range(12):
                    for _attempt in range(2):
                        send_with_retries(app, user_id, conversation_id, f"{user_id}-{number}")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=chat, args=(user_id,)) for user_id in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with SqliteTable.open(path) as table:
        page = events.list_after(table, conversation_id, 0, limit=1_000)
    assert [event["seq"] for event in page] == list(range(1, 6 * 12 + 2))
    assert [event["message_count"] for event in page] == list(range(6 * 12 + 1))
    sent = [event["message"]["client_message_id"] for event in page[1:]]
    assert len(set(sent)) == len(sent)


def send_with_retries(app: App, user_id: UserId, conversation_id: ConversationId, id_: str) -> None:
    """Send as a client does: retry on `Busy`."""
    for _attempt in range(50):
        try:
            messages.send(app, user_id, conversation_id, client_message_id=id_, body="x", after_seq=1)
        except Busy:
            continue
        return
    raise AssertionError("every attempt was refused as busy")


def test_a_page_of_long_messages_fits_into_a_lambda_response(sqlite_world: World) -> None:
    ann, bob = sqlite_world.people("ann", "bob")
    conversation_id = sqlite_world.direct(ann, bob)
    body = "\N{GRINNING FACE}" * (BODY_BYTES // 4)
    for number in range(1, 120):
        send(sqlite_world, ann, conversation_id, f"m{number}", body=body, after_seq=number)
    read: list[int] = []
    more, pages = True, 0
    while more:
        result = messages.read(
            sqlite_world.app, bob, conversation_id, after=read[-1] if read else 0, limit=200
        )
        page, more = result.events, result.has_more
        assert len(json.dumps(json.dumps(page, ensure_ascii=False))) < LAMBDA_BYTES
        read += [event["seq"] for event in page]
        pages += 1
    assert read == list(range(1, 121))
    assert pages > 1
    newest = messages.read(sqlite_world.app, bob, conversation_id, before=121, limit=200)
    assert newest.has_more
    seqs = [event["seq"] for event in newest.events]
    assert seqs == list(range(121 - len(seqs), 121))
    around = messages.read(sqlite_world.app, bob, conversation_id, around=60, limit=200)
    assert len(json.dumps(json.dumps(around.events, ensure_ascii=False))) < LAMBDA_BYTES
    seqs = [event["seq"] for event in around.events]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert 1 < seqs[0] < 60 < seqs[-1] < 120
    assert (around.has_before, around.has_after) == (True, True)


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of events that each read of the log has returned."""
    counts: list[int] = []
    for name in ("list_after", "list_before"):
        read = getattr(events, name)

        def count(*arguments: Any, read: Any = read, **options: Any) -> Any:
            found = read(*arguments, **options)
            counts.append(len(found))
            return found

        monkeypatch.setattr(events, name, count)
    return counts


@pytest.mark.parametrize("bounds", [{}, {"after": 0}, {"before": 100}, {"around": 60}])
def test_long_messages_are_read_in_pages_of_half_a_megabyte(
    sqlite_world: World, rows_read: list[int], bounds: dict[str, int]
) -> None:
    ann, bob = sqlite_world.people("ann", "bob")
    conversation_id = sqlite_world.direct(ann, bob)
    for number in range(1, 120):
        send(sqlite_world, ann, conversation_id, f"m{number}", body="\u00e9" * 5_000, after_seq=number)
    rows_read.clear()
    page = messages.read(sqlite_world.app, bob, conversation_id, limit=200, **bounds)
    assert page.has_more
    assert PAGE_BYTES / 2 < len(to_json(page.events)) < PAGE_BYTES * 1.05
    assert max(rows_read) <= PAGE_DEFAULT + 1
    assert len(rows_read) == (2 if "around" in bounds else 1)


@pytest.mark.parametrize("bounds", [{}, {"after": 0}, {"around": 60}])
def test_short_messages_with_many_reactions_are_read_in_pages_of_half_a_megabyte(
    sqlite_world: World, rows_read: list[int], bounds: dict[str, int]
) -> None:
    ann, bob = sqlite_world.people("ann", "bob")
    conversation_id = sqlite_world.direct(ann, bob)
    user_ids = [UserId(f"{number:036}") for number in range(REACTION_NAMES)]
    reactions: list[Reaction] = [
        {"emoji": chr(0x1F600 + number), "count": 20, "user_ids": user_ids}
        for number in range(REACTION_KINDS)
    ]
    for number in range(1, 120):
        send(sqlite_world, ann, conversation_id, f"m{number}", after_seq=number)
        stored: Message = {"client_message_id": f"m{number}", "body": "x", "reactions": reactions}
        sqlite_world.table.write(events.set_message(conversation_id, number + 1, stored))
    rows_read.clear()
    page = messages.read(sqlite_world.app, bob, conversation_id, limit=200, **bounds)
    assert page.has_more
    assert PAGE_BYTES / 3 < len(to_json(page.events)) < PAGE_BYTES * 1.05
    assert max(rows_read) <= PAGE_DEFAULT + 1


@pytest.mark.parametrize(("bounds", "first"), [({}, 2), ({"after": 0}, 1), ({"before": 131}, 1)])
def test_short_messages_fill_a_page_however_long_it_is(
    sqlite_world: World, rows_read: list[int], bounds: dict[str, int], first: int
) -> None:
    ann, bob = sqlite_world.people("ann", "bob")
    conversation_id = sqlite_world.direct(ann, bob)
    for number in range(1, 131):
        send(sqlite_world, ann, conversation_id, f"m{number}", after_seq=number)
    rows_read.clear()
    page = messages.read(sqlite_world.app, bob, conversation_id, limit=130, **bounds)
    assert [event["seq"] for event in page.events] == list(range(first, first + 130))
    assert page.has_more == (bounds != {"before": 131})
    assert rows_read == [51, 80] or bounds == {"before": 131}
    rows_read.clear()
    assert len(messages.read(sqlite_world.app, bob, conversation_id, limit=50, **bounds).events) == 50
    assert rows_read == [51]


@pytest.mark.parametrize("kind", ["reaction", "edit", "pin", "join"])
def test_an_event_that_overtakes_a_head_update_still_shows_the_new_message_in_the_inbox(
    world: World, kind: str
) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "old", body="old")
    overtakes: dict[str, Callable[[], object]] = {
        "reaction": lambda: message_actions.react(world.app, bob, conversation_id, 2, "👍"),
        "edit": lambda: message_actions.edit(world.app, ann, conversation_id, 2, "older"),
        "pin": lambda: message_actions.pin(world.app, ann, conversation_id, 2),
        "join": lambda: members.add_members(world.app, ann, conversation_id, [eve]),
    }
    slow = replace(world.app, table=RacingTable(world.table, overtakes[kind], sk="HEAD"))
    messages.send(slow, bob, conversation_id, client_message_id="new", body="new", after_seq=2)
    head = heads.get(world.table, conversation_id)
    assert head is not None
    assert head.last_message is not None
    assert (head.last_seq, head.message_count, head.last_message["message"]["body"]) == (4, 2, "new")


@pytest.mark.parametrize("gone", ["deleted", "edited"])
def test_the_old_text_of_a_message_changed_before_the_head_update_is_not_in_the_inbox(
    world: World, gone: str
) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)

    def overtake() -> None:
        message_actions.react(world.app, ann, conversation_id, 2, "👍")
        if gone == "deleted":
            message_actions.delete(world.app, bob, conversation_id, 2)
        else:
            message_actions.edit(world.app, bob, conversation_id, 2, "better")

    slow = replace(world.app, table=RacingTable(world.table, overtake, sk="HEAD"))
    messages.send(slow, bob, conversation_id, client_message_id="new", body="secret", after_seq=1)
    head = heads.get(world.table, conversation_id)
    assert head is not None
    assert head.last_message is not None
    assert head.last_message["message"]["body"] == ("" if gone == "deleted" else "better")


def test_a_retry_in_a_batch_with_newer_messages_keeps_the_head_at_the_newest(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    deferred = DeferredActions()
    world.app = replace(world.app, runtime=deferred)
    send(world, ann, conversation_id, "first")
    newest = send(world, bob, conversation_id, "second")
    send(world, ann, conversation_id, "first")
    deferred.run()
    head = heads.get(world.table, conversation_id)
    assert head is not None
    assert (head.last_seq, head.message_count) == (newest["seq"], newest["message_count"])


@pytest.mark.parametrize("then", ["nothing", "a reaction", "a pin", "a deletion", "a joining", "a title"])
def test_a_head_update_deferred_to_the_end_of_a_batch_includes_all_its_events(
    sqlite_world: World, then: str
) -> None:
    world = sqlite_world
    ann, bob, cat = world.people("ann", "bob", "cat")
    conversation_id = world.group(ann, bob)
    deferred = DeferredActions()
    app = world.app = replace(world.app, runtime=deferred)
    sent = [send(world, ann, conversation_id, str(number)) for number in range(3)]
    seq = sent[-1]["seq"]
    match then:
        case "a reaction":
            message_actions.react(app, bob, conversation_id, seq, "👍")
        case "a pin":
            message_actions.pin(app, ann, conversation_id, seq)
        case "a deletion":
            message_actions.delete(app, ann, conversation_id, seq)
        case "a joining":
            members.add_members(app, ann, conversation_id, [cat])
        case "a title":
            conversations.update_group(app, ann, conversation_id, title="New")
    send(world, bob, conversation_id, "and-on")
    deferred.run()
    head, newest = heads.get(world.table, conversation_id), log(world, conversation_id)[-1]
    assert head is not None
    assert (head.last_seq, head.message_count) == (newest["seq"], newest["message_count"])
    assert head.last_message is not None
    assert head.last_message["seq"] == newest["seq"]
    assert head.pinned == ((seq,) if then == "a pin" else ())
    send(world, bob, conversation_id, "newest", body="the newest")
    message_actions.react(app, ann, conversation_id, newest["seq"], "👍")
    deferred.run()
    head = heads.get(world.table, conversation_id)
    assert head is not None
    assert head.last_message is not None
    assert head.last_message["message"]["body"] == "the newest"
