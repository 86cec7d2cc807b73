"""Sending: once, in one order, without a gap, whoever retries, races or was removed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.world import Borrowed, Interleaved, World

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import BODY_BYTES
from imchat.errors import Busy, Conflict, Invalid, NotFound
from imchat.local.group_commit import DeferredActions
from imchat.services import conversations, members, message_actions, messages
from imchat.services.app import App
from imchat.storage.repositories import conversations as heads
from imchat.storage.repositories import events, keys
from imchat.storage.sqlite.table import SqliteTable
from imchat.storage.table import KeyRange, Op, Put, Row, Table

LAMBDA_BYTES = 6 * 1024 * 1024
"""Longest answer of a function. Source: Lambda quotas, "Invocation payload"."""


def send(
    world: World,
    who: UserId,
    where: ConversationId,
    id_: str,
    *,
    body: str = "hello",
    after_seq: int | None = None,
) -> Event:
    sent = messages.send(world.app, who, where, client_message_id=id_, body=body, after_seq=after_seq)
    assert sent.event is not None
    return sent.event


def log(world: World, where: ConversationId) -> list[Event]:
    return events.list_after(world.table, where, 0, limit=10_000)


def test_a_message_takes_the_next_seq_and_reaches_everybody_connected(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phones = [world.connect(ann), world.connect(bob, "phone"), world.connect(bob, "laptop")]
    event = send(world, ann, where, "m1", body="hi")
    assert (event["seq"], event["message_count"], event["actor_id"]) == (2, 1, ann)
    for phone in phones:
        assert world.heard(phone, "events") == [
            {"type": "events", "conversation_id": where, "events": [event]}
        ]


def test_the_connection_that_is_answered_is_not_pushed_to_and_the_senders_other_devices_are(
    world: World,
) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    here, tablet, theirs = world.connect(ann, "here"), world.connect(ann, "tablet"), world.connect(bob)
    for _try in ("the first", "again"):
        world.gateway.frames.clear()
        sent = messages.send(
            world.app, ann, where, client_message_id="m1", body="hi", connection_id=ConnectionId(here)
        )
        [frame] = world.heard(tablet, "events")
        assert frame["events"] == [sent.event]
        assert world.heard(theirs, "events") == [frame]
        assert world.heard(here) == []
    send(world, ann, where, "m2")
    assert [frame["events"][0]["seq"] for frame in world.heard(here, "events")] == [3]


@pytest.mark.parametrize("name", ["c-u-bob", "c-u-eve", "closed", "expires_at", ""])
def test_naming_a_connection_that_is_not_ones_own_changes_nothing(world: World, name: str) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    phones = [world.connect(who) for who in (ann, bob, eve)]
    world.gateway.frames.clear()
    messages.send(world.app, ann, where, client_message_id="m1", body="hi", connection_id=ConnectionId(name))
    assert [len(world.heard(phone, "events")) for phone in phones] == [1, 1, 0]


def test_a_reply_is_pushed_to_the_senders_other_devices_only_too(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    here, theirs = world.connect(ann), world.connect(bob)
    send(world, bob, where, "m1")
    world.gateway.frames.clear()
    messages.send(world.app, ann, where, client_message_id="m2", body="yes", reply_to=2, connection_id=here)
    assert (world.heard(here), len(world.heard(theirs))) == ([], 1)


def test_what_is_pushed_is_what_the_log_holds(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    send(world, ann, where, "m1")
    page, more = messages.read(world.app, bob, where, after=1)
    assert world.heard(phone, "events")[0]["events"] == page
    assert not more


@pytest.mark.parametrize("after_seq", [None, 1])
def test_a_repeated_send_answers_the_first_event_and_pushes_it_again(
    world: World, after_seq: int | None
) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    first = send(world, ann, where, "m1", after_seq=after_seq)
    send(world, bob, where, "m1")
    again = messages.send(world.app, ann, where, client_message_id="m1", body="hello", after_seq=after_seq)
    assert again.event == first
    assert not again.new
    assert [event["seq"] for event in log(world, where)] == [1, 2, 3]
    assert [frame["events"][0]["seq"] for frame in world.heard(phone, "events")] == [2, 3, 2]


def test_two_people_may_use_the_same_client_message_id(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    assert send(world, ann, where, "same")["seq"] == 2
    assert send(world, bob, where, "same")["seq"] == 3


def test_a_retry_without_after_seq_is_found_among_the_newest_fifty(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "mine")
    for number in range(49):
        send(world, bob, where, f"b{number}")
    assert send(world, ann, where, "mine")["seq"] == 2


def test_a_sender_too_far_behind_must_read_first(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    for number in range(1_000):
        sent: Event = {
            "seq": number + 2,
            "at_ms": world.clock_ms,
            "type": "message.created",
            "actor_id": bob,
            "message": {"client_message_id": f"b{number}", "body": "x"},
            "message_count": number + 1,
        }
        events.append(world.table, where, sent)
    heads.advance_head(world.table, where, sent)
    assert send(world, ann, where, "fits", after_seq=1)["seq"] == 1_002
    with pytest.raises(Conflict) as refusal:
        send(world, ann, where, "late", after_seq=1)
    assert refusal.value.details == {"reason": "behind", "last_seq": 1_002}
    assert send(world, ann, where, "late", after_seq=2)["seq"] == 1_003


def test_an_after_seq_past_the_end_is_refused(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    with pytest.raises(Invalid) as refusal:
        send(world, ann, where, "m1", after_seq=2)
    assert refusal.value.details == {"field": "after_seq", "limit": 1}


def test_times_never_run_backwards_in_a_log(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    first = send(world, ann, where, "m1")
    world.clock_ms -= 5_000
    assert send(world, bob, where, "m2")["at_ms"] == first["at_ms"]


def test_a_stranger_cannot_tell_a_conversation_that_exists_from_one_that_does_not(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.direct(ann, bob)
    for after_seq in (None, 0, 1, 99):
        refusals = []
        for place in (where, ConversationId("nowhere")):
            with pytest.raises(NotFound) as refusal:
                send(world, eve, place, "m1", after_seq=after_seq)
            refusals.append((refusal.value.message, refusal.value.details))
        assert refusals[0] == refusals[1]


def test_a_removed_member_cannot_post_and_hears_nothing_more(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    phone = world.connect(eve)
    members.remove_member(world.app, ann, where, eve)
    with pytest.raises(NotFound):
        send(world, eve, where, "m1")
    with pytest.raises(NotFound):
        messages.read(world.app, eve, where)
    send(world, ann, where, "secret")
    removal = log(world, where)[1]
    assert removal["type"] == "member.removed"
    assert [event["seq"] for frame in world.heard(phone, "events") for event in frame["events"]] == [
        removal["seq"]
    ]


def interleaved(world: World, meanwhile: Callable[[], object]) -> App:
    table = Interleaved(world.table, meanwhile)
    return App(table=table, gateway=world.gateway, now_ms=world.app.now_ms, new_id=world.app.new_id)


def test_whoever_loses_the_race_for_a_seq_takes_the_next_one(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    app = interleaved(world, lambda: send(world, bob, where, "first"))
    late = messages.send(app, ann, where, client_message_id="second", body="x", after_seq=1).event
    assert late is not None
    assert (late["seq"], late["message_count"]) == (3, 2)


def test_a_send_whose_first_attempt_lands_meanwhile_is_not_doubled(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    app = interleaved(world, lambda: send(world, ann, where, "same", after_seq=1))
    sent = messages.send(app, ann, where, client_message_id="same", body="hello", after_seq=1)
    assert not sent.new
    assert [event["type"] for event in log(world, where)] == ["conversation.created", "message.created"]


def test_a_removal_that_comes_between_reading_and_writing_is_met(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    app = interleaved(world, lambda: members.remove_member(world.app, ann, where, eve))
    with pytest.raises(NotFound):
        messages.send(app, eve, where, client_message_id="m1", body="too late", after_seq=1)
    assert [event["type"] for event in log(world, where)] == ["conversation.created", "member.removed"]


class HalfDone(Borrowed):
    """A table whose queries meet a removal half done: its event is there, and the member still stands."""

    def __init__(self, table: Table, still_there: Row) -> None:
        super().__init__(table)
        self._still_there = still_there

    def query(self, key_range: KeyRange, **options: Any) -> list[Row]:
        return [*super().query(key_range, **options), self._still_there]


@pytest.mark.parametrize("after_seq", [None, 1, 2])
def test_a_removal_of_which_only_the_event_shows_yet_counts(world: World, after_seq: int | None) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    phone = world.connect(eve)
    place = keys.member(where, eve)
    still_there = Row(place.sk, world.table.get(place) or {})
    members.remove_member(world.app, ann, where, eve)
    heard = len(world.heard(phone))

    app = replace(world.app, table=HalfDone(world.table, still_there))
    with pytest.raises(NotFound):
        messages.send(app, eve, where, client_message_id="m1", body="too late", after_seq=after_seq)
    messages.send(app, bob, where, client_message_id="m2", body="secret", after_seq=after_seq)
    assert len(world.heard(phone)) == heard


def test_who_was_removed_and_came_back_may_post(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    members.remove_member(world.app, ann, where, bob)
    members.add_members(world.app, ann, where, [bob])
    assert send(world, bob, where, "m1", after_seq=1)["seq"] == 4


def test_a_member_added_meanwhile_hears_the_message(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    phone = world.connect(eve)
    app = interleaved(world, lambda: members.add_members(world.app, ann, where, [eve]))
    messages.send(app, bob, where, client_message_id="m1", body="welcome", after_seq=1)
    heard = [event["seq"] for frame in world.heard(phone, "events") for event in frame["events"]]
    assert heard == [3]


def test_after_too_many_lost_races_the_sender_is_told_to_try_again(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    pauses: list[int] = []

    class Contended(Interleaved):
        def write(self, *ops: Op) -> None:
            if isinstance(ops[0], Put) and ops[0].key.sk.startswith("EVENT#"):
                send(world, bob, where, f"b{len(pauses)}")
            self.table.write(*ops)

    table = Contended(world.table, lambda: None)
    app = App(table, world.gateway, world.app.now_ms, world.app.new_id, pause=pauses.append)
    with pytest.raises(Busy):
        messages.send(app, ann, where, client_message_id="m1", body="x", after_seq=1)
    assert pauses == list(range(1, 13))
    assert all(event["actor_id"] == bob for event in log(world, where)[1:])


def test_a_crash_after_the_put_is_repaired_by_the_retry(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    died_after_the_put: Event = {
        "seq": 2,
        "at_ms": world.clock_ms,
        "type": "message.created",
        "actor_id": ann,
        "message": {"client_message_id": "m1", "body": "hello"},
        "message_count": 1,
    }
    events.append(world.table, where, died_after_the_put)
    assert not world.heard(phone)
    send(world, ann, where, "m1", after_seq=1)
    head = heads.get(world.table, where)
    assert head is not None
    assert (head.last_seq, head.message_count) == (2, 1)
    assert len(world.heard(phone, "events")) == 1


def test_threads_that_race_leave_one_gap_free_order_and_no_double(tmp_path: Path) -> None:
    path = tmp_path / "race.db"
    with SqliteTable.open(path) as table:
        world = World(table)
        people = world.people(*(f"person{number}" for number in range(6)))
        where = world.group(people[0], *people[1:])
    failures: list[BaseException] = []
    start = threading.Barrier(len(people))

    def chat(who: UserId) -> None:
        try:
            with SqliteTable.open(path) as own:
                app = App(own, world.gateway, world.app.now_ms, world.app.new_id)
                start.wait()
                for number in range(12):
                    for _attempt in range(2):
                        patiently(app, who, where, f"{who}-{number}")
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=chat, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with SqliteTable.open(path) as table:
        page = events.list_after(table, where, 0, limit=1_000)
    assert [event["seq"] for event in page] == list(range(1, 6 * 12 + 2))
    assert [event["message_count"] for event in page] == list(range(6 * 12 + 1))
    sent = [event["message"]["client_message_id"] for event in page[1:]]
    assert len(set(sent)) == len(sent)


def patiently(app: App, who: UserId, where: ConversationId, id_: str) -> None:
    """Send as a client does: on `Busy`, again."""
    for _attempt in range(50):
        try:
            messages.send(app, who, where, client_message_id=id_, body="x", after_seq=1)
        except Busy:
            continue
        return
    raise AssertionError("never got through")


def test_a_page_of_long_messages_is_one_that_a_function_may_answer(sqlite_world: World) -> None:
    ann, bob = sqlite_world.people("ann", "bob")
    where = sqlite_world.direct(ann, bob)
    body = "\N{GRINNING FACE}" * (BODY_BYTES // 4)
    for number in range(1, 120):
        send(sqlite_world, ann, where, f"m{number}", body=body, after_seq=number)
    read: list[int] = []
    more, pages = True, 0
    while more:
        page, more = messages.read(sqlite_world.app, bob, where, after=read[-1] if read else 0, limit=200)
        assert len(json.dumps(json.dumps(page, ensure_ascii=False))) < LAMBDA_BYTES
        read += [event["seq"] for event in page]
        pages += 1
    assert read == list(range(1, 121))
    assert pages > 1
    newest, more = messages.read(sqlite_world.app, bob, where, before=121, limit=200)
    assert more
    assert [event["seq"] for event in newest] == list(range(121 - len(newest), 121))


@pytest.mark.parametrize("kind", ["reaction", "edit", "pin", "join"])
def test_an_event_that_overtakes_a_message_shows_it_in_the_inbox_all_the_same(
    world: World, kind: str
) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    send(world, ann, where, "old", body="old")
    overtakes: dict[str, Callable[[], object]] = {
        "reaction": lambda: message_actions.react(world.app, bob, where, 2, "👍"),
        "edit": lambda: message_actions.edit(world.app, ann, where, 2, "older"),
        "pin": lambda: message_actions.pin(world.app, ann, where, 2),
        "join": lambda: members.add_members(world.app, ann, where, [eve]),
    }
    slow = replace(world.app, table=Interleaved(world.table, overtakes[kind], sk="HEAD"))
    messages.send(slow, bob, where, client_message_id="new", body="new", after_seq=2)
    head = heads.get(world.table, where)
    assert head is not None
    assert head.last_message is not None
    assert (head.last_seq, head.message_count, head.last_message["message"]["body"]) == (4, 2, "new")


@pytest.mark.parametrize("gone", ["deleted", "edited"])
def test_a_message_that_was_taken_back_before_the_inbox_knew_it_is_not_shown_there(
    world: World, gone: str
) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)

    def overtake() -> None:
        message_actions.react(world.app, ann, where, 2, "👍")
        if gone == "deleted":
            message_actions.delete(world.app, bob, where, 2)
        else:
            message_actions.edit(world.app, bob, where, 2, "better")

    slow = replace(world.app, table=Interleaved(world.table, overtake, sk="HEAD"))
    messages.send(slow, bob, where, client_message_id="new", body="secret", after_seq=1)
    head = heads.get(world.table, where)
    assert head is not None
    assert head.last_message is not None
    assert head.last_message["message"]["body"] == ("" if gone == "deleted" else "better")


def test_a_retry_behind_newer_messages_of_its_batch_leaves_the_head_at_the_newest(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    finish = DeferredActions()
    world.app = replace(world.app, once_a_batch=finish.defer)
    send(world, ann, where, "first")
    newest = send(world, bob, where, "second")
    send(world, ann, where, "first")
    finish.run()
    head = heads.get(world.table, where)
    assert head is not None
    assert (head.last_seq, head.message_count) == (newest["seq"], newest["message_count"])


@pytest.mark.parametrize("then", ["nothing", "a reaction", "a pin", "a deletion", "a joining", "a title"])
def test_a_head_that_lags_to_the_end_of_a_batch_shows_all_of_it_then(sqlite_world: World, then: str) -> None:
    world = sqlite_world
    ann, bob, cat = world.people("ann", "bob", "cat")
    where = world.group(ann, bob)
    finish = DeferredActions()
    app = world.app = replace(world.app, once_a_batch=finish.defer)
    sent = [send(world, ann, where, str(number)) for number in range(3)]
    seq = sent[-1]["seq"]
    match then:
        case "a reaction":
            message_actions.react(app, bob, where, seq, "👍")
        case "a pin":
            message_actions.pin(app, ann, where, seq)
        case "a deletion":
            message_actions.delete(app, ann, where, seq)
        case "a joining":
            members.add_members(app, ann, where, [cat])
        case "a title":
            conversations.update_group(app, ann, where, title="New")
    send(world, bob, where, "and-on")
    finish.run()
    head, newest = heads.get(world.table, where), log(world, where)[-1]
    assert head is not None
    assert (head.last_seq, head.message_count) == (newest["seq"], newest["message_count"])
    assert head.last_message is not None
    assert head.last_message["seq"] == newest["seq"]
    assert head.pinned == ((seq,) if then == "a pin" else ())
    send(world, bob, where, "newest", body="the newest")
    message_actions.react(app, ann, where, newest["seq"], "👍")
    finish.run()
    head = heads.get(world.table, where)
    assert head is not None
    assert head.last_message is not None
    assert head.last_message["message"]["body"] == "the newest"
