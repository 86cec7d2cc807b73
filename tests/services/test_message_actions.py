"""What happens to a message after it was sent: edits, deletion, replies, reactions, mentions, pins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.metering import counted
from tests.support.world import Interleaved, World

from imchat.domain.event import Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import MENTIONS_MAX, PINS_MAX, PREVIEW_CHARS, REACTION_KINDS, REACTION_NAMES
from imchat.domain.message import Message, Reaction
from imchat.errors import Busy, Conflict, Forbidden, ImchatError, Invalid, NotFound
from imchat.services import conversations, members, message_actions, messages, read_cursors, users
from imchat.services.app import App
from imchat.services.event_log import Appended
from imchat.storage.repositories import conversations as heads
from imchat.storage.repositories import events, keys, reactions
from imchat.storage.sqlite.group_commit_table import GroupCommitTable
from imchat.storage.table import MAX_OPS, KeyRange, Op

THUMB, PARTY = "👍", "🎉"


def send(
    world: World, who: UserId, where: ConversationId, body: str, *, reply_to: int | None = None
) -> Event:
    sent = messages.send(
        world.app, who, where, client_message_id=world.app.new_id(), body=body, reply_to=reply_to
    )
    assert sent.event is not None
    return sent.event


def log(world: World, who: UserId, where: ConversationId) -> list[Event]:
    return messages.read(world.app, who, where, limit=200)[0]


def message(world: World, who: UserId, where: ConversationId, seq: int) -> Message:
    [event] = messages.read(world.app, who, where, after=seq - 1, limit=1)[0]
    return event["message"]


def last_message(world: World, who: UserId, where: ConversationId) -> dict[str, Any]:
    shown = conversations.get(world.app, who, where)[0].head.last_message
    assert shown is not None
    return shown


def everything(world: World) -> str:
    """All that the table holds, as text."""
    if isinstance(world.table, GroupCommitTable):
        rows = world.table._connection.execute("SELECT pk, sk, item FROM items").fetchall()
        return "\n".join(str(tuple(row)) for row in rows)
    table: Any = world.table
    scanned = table._client.scan(TableName=table.table_name)
    assert "LastEvaluatedKey" not in scanned
    return json.dumps(scanned["Items"], ensure_ascii=False)


# -- edits --


def test_an_edit_is_an_event_and_the_log_shows_the_new_text_only(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(bob)
    send(world, ann, where, "helo")
    world.clock_ms += 5
    done = message_actions.edit(world.app, ann, where, 2, "hello")
    assert done.message["body"] == "hello"
    assert done.message["edited_at_ms"] == world.clock_ms
    assert done.event is not None
    assert (done.event["seq"], done.event["type"], done.event["target_seq"]) == (3, "message.edited", 2)
    assert done.event["message_count"] == 1
    assert world.heard(phone, "events")[-1]["events"] == [done.event]
    shown = log(world, bob, where)
    assert shown[1]["message"] == done.message
    assert shown[2] == done.event
    assert last_message(world, bob, where)["message"]["body"] == "hello"
    assert "helo" not in everything(world)


def test_only_whoever_wrote_a_message_edits_it(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    send(world, bob, where, "mine")
    with pytest.raises(Forbidden):
        message_actions.edit(world.app, ann, where, 2, "yours")
    with pytest.raises(NotFound):
        message_actions.edit(world.app, eve, where, 2, "stolen")
    with pytest.raises(Invalid):
        message_actions.edit(world.app, bob, where, 2, " ")
    assert len(log(world, ann, where)) == 2


def test_saying_the_same_again_writes_nothing(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    send(world, ann, where, "hi")
    wishes: list[Callable[[], message_actions.MessageChange]] = [
        lambda: message_actions.edit(world.app, ann, where, 2, "ho"),
        lambda: message_actions.react(world.app, bob, where, 2, THUMB),
        lambda: message_actions.unreact(world.app, bob, where, 2, THUMB),
        lambda: message_actions.pin(world.app, ann, where, 2),
        lambda: message_actions.unpin(world.app, ann, where, 2),
        lambda: message_actions.delete(world.app, ann, where, 2),
    ]
    for seq, wish in enumerate(wishes, start=3):
        first, again = wish(), wish()
        assert first.event is not None
        assert first.event["seq"] == seq
        assert again == (first.message, None)
    assert len(log(world, ann, where)) == 8


@pytest.mark.parametrize("seq", [0, 1, 3, 10**12 - 1])
def test_what_is_no_message_cannot_be_changed(sqlite_world: World, seq: int) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    send(world, ann, where, "hi")
    for change in (message_actions.delete, message_actions.pin, message_actions.unpin):
        with pytest.raises(NotFound):
            change(world.app, ann, where, seq)
    for say in (message_actions.react, message_actions.unreact):
        with pytest.raises(NotFound):
            say(world.app, ann, where, seq, THUMB)
    with pytest.raises(NotFound):
        message_actions.edit(world.app, ann, where, seq, "x")


# -- deletion --


def test_a_deleted_message_leaves_a_tombstone_and_its_text_is_nowhere(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    send(world, ann, where, "the secret @bob")
    send(world, bob, where, "what?", reply_to=2)
    message_actions.edit(world.app, ann, where, 2, "another secret")
    message_actions.react(world.app, bob, where, 2, PARTY)
    message_actions.pin(world.app, ann, where, 2)
    assert "another secret" in everything(world)
    world.clock_ms += 5
    done = message_actions.delete(world.app, ann, where, 2)
    assert done.event is not None
    assert done.message == {
        "client_message_id": done.message["client_message_id"],
        "body": "",
        "deleted_at_ms": world.clock_ms,
        "changed_seq": done.event["seq"],
    }
    shown = log(world, bob, where)
    assert shown[1]["message"] == done.message
    assert shown[2]["quote"] == {
        "actor_id": ann,
        "body": "",
        "deleted_at_ms": world.clock_ms,
        "changed_seq": done.event["seq"],
    }
    assert all(event["message"] == done.message for event in shown if event.get("target_seq") == 2)
    assert conversations.get(world.app, bob, where)[0].head.pinned == ()
    assert "secret" not in everything(world)
    assert keys.reactions_pk(where, 2) not in everything(world)


def test_the_newest_messages_deletion_shows_in_the_inbox(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "first")
    send(world, ann, where, "second")
    message_actions.react(world.app, bob, where, 3, THUMB)
    message_actions.delete(world.app, ann, where, 3)
    shown = last_message(world, bob, where)
    assert (shown["seq"], shown["message"]["body"], "deleted_at_ms" in shown["message"]) == (3, "", True)
    message_actions.delete(world.app, ann, where, 2)
    assert last_message(world, bob, where)["seq"] == 3


def test_a_groups_owner_and_admins_delete_anyones_messages(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve, zoe = world.people("ann", "bob", "eve", "zoe")
    where = world.group(ann, bob, eve)
    members.set_role(world.app, ann, where, bob, "admin")
    for body in ("one", "two", "three"):
        send(world, eve, where, body)
    send(world, ann, where, "mine")
    with pytest.raises(NotFound):
        message_actions.delete(world.app, zoe, where, 3)
    with pytest.raises(Forbidden):
        message_actions.delete(world.app, eve, where, 6)
    for who, seq in ((ann, 3), (bob, 4), (eve, 5), (bob, 6)):
        assert "deleted_at_ms" in message_actions.delete(world.app, who, where, seq).message


def test_between_two_people_each_deletes_their_own(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "mine")
    with pytest.raises(Forbidden):
        message_actions.delete(world.app, bob, where, 2)


def test_a_tombstone_takes_no_edit_no_reaction_and_no_pin(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    message_actions.delete(world.app, ann, where, 2)
    wishes: list[Callable[[], object]] = [
        lambda: message_actions.edit(world.app, ann, where, 2, "hi"),
        lambda: message_actions.react(world.app, bob, where, 2, THUMB),
        lambda: message_actions.pin(world.app, ann, where, 2),
    ]
    for wish in wishes:
        with pytest.raises(Conflict) as refused:
            wish()
        assert refused.value.details == {"reason": "deleted"}
    assert message_actions.unreact(world.app, bob, where, 2, THUMB).event is None
    assert len(log(world, ann, where)) == 3


def test_a_deleted_message_that_is_sent_again_stays_deleted(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)

    def again() -> Appended:
        return messages.send(world.app, ann, where, client_message_id="m1", body="oops")

    again()
    message_actions.delete(world.app, ann, where, 2)
    replayed = again()
    assert not replayed.new
    assert replayed.event is not None
    assert replayed.event["message"]["body"] == ""
    assert "oops" not in everything(world)


# -- replies --


def test_a_reply_shows_what_it_answers_as_it_is_now(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(ann)
    send(world, ann, where, "x" * 1000)
    event = send(world, bob, where, "yes", reply_to=2)
    assert event["quote"] == {"actor_id": ann, "body": "x" * PREVIEW_CHARS}
    assert event["message"]["reply_to"] == 2
    assert world.heard(phone, "events")[-1]["events"] == [event]
    assert log(world, ann, where)[-1] == event
    message_actions.edit(world.app, ann, where, 2, "shorter")
    assert log(world, ann, where)[2]["quote"] == {"actor_id": ann, "body": "shorter", "changed_seq": 4}
    assert messages.read(world.app, bob, where, after=2, limit=1)[0][0]["quote"]["body"] == "shorter"


def test_a_reply_that_is_sent_again_comes_with_its_quote(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "question")
    first, again = (
        messages.send(world.app, bob, where, client_message_id="m1", body="answer", reply_to=2)
        for _ in range(2)
    )
    assert (first.event, first.new, again.new) == (again.event, True, False)


@pytest.mark.parametrize("seq", [-1, 0, 1, 9, 10**12])
def test_a_reply_to_what_is_no_message_is_refused_by_name(sqlite_world: World, seq: int) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    with pytest.raises(Invalid) as refused:
        send(world, ann, where, "ho", reply_to=seq)
    assert refused.value.details["field"] == "reply_to"
    assert len(log(world, ann, where)) == 2


def test_a_deleted_message_may_still_be_answered(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    message_actions.delete(world.app, ann, where, 2)
    assert "deleted_at_ms" in send(world, bob, where, "too late", reply_to=2)["quote"]


# -- reactions --


def test_reactions_are_counted_and_named_in_the_order_in_which_they_came(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(ann)
    send(world, ann, where, "hi")
    for who, emoji in ((bob, PARTY), (ann, THUMB), (ann, PARTY)):
        done = message_actions.react(world.app, who, where, 2, emoji)
    assert done.message["reactions"] == [
        {"emoji": PARTY, "count": 2, "user_ids": [bob, ann]},
        {"emoji": THUMB, "count": 1, "user_ids": [ann]},
    ]
    assert world.heard(phone, "events")[-1]["events"] == [done.event]
    assert done.event is not None
    assert (done.event["type"], done.event["emoji"]) == ("reaction.added", PARTY)
    assert message(world, bob, where, 2) == done.message
    message_actions.unreact(world.app, bob, where, 2, PARTY)
    left = message_actions.unreact(world.app, ann, where, 2, THUMB)
    assert left.message["reactions"] == [{"emoji": PARTY, "count": 1, "user_ids": [ann]}]
    none = message_actions.unreact(world.app, ann, where, 2, PARTY)
    assert "reactions" not in none.message
    assert keys.reactions_pk(where, 2) not in everything(world)


def test_the_same_emoji_written_another_way_is_the_same_reaction(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    message_actions.react(world.app, bob, where, 2, "\u2764")
    assert message_actions.react(world.app, bob, where, 2, "\u2764\ufe0f").event is None
    assert message_actions.unreact(world.app, bob, where, 2, "\u2764").event is not None


def test_what_is_no_emoji_is_no_reaction(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    for say in (message_actions.react, message_actions.unreact):
        with pytest.raises(Invalid):
            say(world.app, bob, where, 2, "LOL")
    assert len(log(world, ann, where)) == 2


def test_a_message_takes_so_many_kinds_of_reactions_and_no_more(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    kinds = [chr(0x1F600 + number) for number in range(REACTION_KINDS + 1)]
    for emoji in kinds[:-1]:
        message_actions.react(world.app, bob, where, 2, emoji)
    with pytest.raises(Invalid) as refused:
        message_actions.react(world.app, ann, where, 2, kinds[-1])
    assert refused.value.details == {"field": "emoji", "limit": REACTION_KINDS}
    assert message_actions.react(world.app, ann, where, 2, kinds[0]).event is not None
    assert len(log(world, ann, where)) == 2 + REACTION_KINDS + 1


def test_of_a_crowd_the_first_few_are_named_and_everybody_counts_once(sqlite_world: World) -> None:
    world = sqlite_world
    people = world.people(*(f"person{number}" for number in range(REACTION_NAMES + 5)))
    where = world.group(*people)
    send(world, people[0], where, "hi")
    for who in people:
        message_actions.react(world.app, who, where, 2, THUMB)
    assert message_actions.react(world.app, people[-1], where, 2, THUMB).event is None
    [reaction] = message(world, people[0], where, 2)["reactions"]
    assert reaction == {"emoji": THUMB, "count": len(people), "user_ids": people[:REACTION_NAMES]}
    message_actions.unreact(world.app, people[-1], where, 2, THUMB)
    message_actions.unreact(world.app, people[3], where, 2, THUMB)
    [reaction] = message(world, people[0], where, 2)["reactions"]
    assert reaction["count"] == len(people) - 2
    assert reaction["user_ids"] == [*people[:3], *people[4:REACTION_NAMES]]


def test_ten_thousand_reactions_cost_no_more_than_a_few_and_go_with_their_message(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    send(world, ann, where, "hi")
    app, count, _ = counted(world.app)
    message_actions.react(app, ann, where, 2, PARTY)
    few = (count.calls, count.read_units, count.write_units)
    crowd = [UserId(f"was-here-{number}") for number in range(9_999)]
    for start in range(0, len(crowd), MAX_OPS):
        part = crowd[start : start + MAX_OPS]
        world.table.write(*(reactions.put_new(where, 2, THUMB, who) for who in part))
    named: Reaction = {"emoji": THUMB, "count": len(crowd), "user_ids": crowd[:REACTION_NAMES]}
    stored: Message = {**message(world, ann, where, 2), "reactions": [named]}
    world.table.write(events.set_message(where, 2, stored))

    before = (count.calls, count.read_units, count.write_units)
    assert message_actions.react(app, ann, where, 2, THUMB).event is not None
    assert (count.calls - before[0], count.read_units - before[1]) <= (few[0], few[1] + 1)
    assert count.write_units - before[2] <= few[2] + 1
    [reaction] = message(world, bob, where, 2)["reactions"]
    assert (reaction["count"], len(reaction["user_ids"])) == (10_000, REACTION_NAMES)
    assert message_actions.react(app, ann, where, 2, THUMB).event is None
    message_actions.delete(app, ann, where, 2)
    assert world.table.query(KeyRange(keys.reactions_pk(where, 2))) == []


def test_the_largest_message_stays_far_below_what_an_item_may_hold(sqlite_world: World) -> None:
    world = sqlite_world
    people = [UserId(f"{number:036d}") for number in range(REACTION_NAMES)]
    for number, who in enumerate(people):
        users.update_profile(world.app, who, handle=f"p{number:029d}", display_name="P")
    where = world.group(*people)
    called = " ".join(f"@p{number:029d}" for number in range(len(people)))
    send(world, people[0], where, called + "\U0001f600" * 5_500)
    for who in people:
        for kind in range(REACTION_KINDS):
            message_actions.react(world.app, who, where, 2, chr(0x1F600 + kind))
    stored = world.table.get(keys.event(where, 2))
    assert len(json.dumps(stored, ensure_ascii=False).encode()) < 50_000


# -- mentions --


def test_a_mention_names_members_and_leaves_strangers_plain_text(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    event = send(world, ann, where, "@bob, @eve and @nobody: mail ann@bob.example")
    assert event["message"]["mentions"] == {"bob": bob}
    assert "mentions" not in send(world, ann, where, "@eve @nobody")["message"]
    members.add_members(world.app, ann, where, [eve])
    assert send(world, ann, where, "@Eve.")["message"]["mentions"] == {"eve": eve}


def test_a_mention_counts_for_whom_it_names_until_they_read_it(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob, eve)
    send(world, ann, where, "@bob and @ann, and once more @bob")
    send(world, eve, where, "@bob?")
    counts = [conversations.get(world.app, who, where)[0].me.unread_mentions for who in (ann, bob, eve)]
    assert counts == [0, 2, 0]
    read_cursors.mark_read(world.app, bob, where, 2)
    assert conversations.get(world.app, bob, where)[0].me.unread_mentions == 1


def test_an_edit_mentions_anew(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "@bob")
    assert "mentions" not in message_actions.edit(world.app, ann, where, 2, "nobody").message
    assert message_actions.edit(world.app, ann, where, 2, "@ann").message["mentions"] == {"ann": ann}


def test_only_so_many_handles_are_looked_up(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    crowd = " ".join(f"@someone{number}" for number in range(MENTIONS_MAX))
    assert "mentions" not in send(world, ann, where, f"{crowd} @bob")["message"]
    assert send(world, ann, where, f"@bob {crowd}")["message"]["mentions"] == {"bob": bob}


# -- pins --


def test_a_pin_is_an_event_and_stands_in_the_conversation(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    phone = world.connect(ann)
    send(world, ann, where, "one")
    send(world, ann, where, "two", reply_to=2)
    message_actions.pin(world.app, bob, where, 3)
    done = message_actions.pin(world.app, bob, where, 2)
    assert world.heard(phone, "events")[-1]["events"] == [done.event]
    assert log(world, ann, where)[-1] == done.event
    assert conversations.get(world.app, ann, where)[0].head.pinned == (3, 2)
    shown = log(world, ann, where)
    assert messages.list_pinned(world.app, ann, where) == [shown[2], shown[1]]
    message_actions.edit(world.app, ann, where, 2, "zwei")
    assert messages.list_pinned(world.app, ann, where)[1]["message"]["body"] == "zwei"
    message_actions.unpin(world.app, ann, where, 3)
    assert conversations.get(world.app, ann, where)[0].head.pinned == (2,)


def test_a_groups_owner_and_admins_pin(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    send(world, bob, where, "mine")
    for change in (message_actions.pin, message_actions.unpin):
        with pytest.raises(Forbidden):
            change(world.app, bob, where, 2)
        with pytest.raises(NotFound):
            change(world.app, eve, where, 2)
    with pytest.raises(NotFound):
        messages.list_pinned(world.app, eve, where)
    assert message_actions.pin(world.app, ann, where, 2).event is not None


def test_a_conversation_takes_so_many_pins_and_no_more(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    for number in range(PINS_MAX + 1):
        send(world, ann, where, str(number))
    for seq in range(2, PINS_MAX + 2):
        message_actions.pin(world.app, ann, where, seq)
    with pytest.raises(Invalid) as refused:
        message_actions.pin(world.app, ann, where, PINS_MAX + 2)
    assert refused.value.details == {"field": "pinned", "limit": PINS_MAX}


# -- races and crashes --


def with_race(world: World, meanwhile: Callable[[], object], sk: str = "EVENT#") -> App:
    """The application as somebody has it whom `meanwhile` overtakes at their first write."""
    return App(Interleaved(world.table, meanwhile, sk), world.gateway, world.app.now_ms, world.app.new_id)


def test_two_reactions_at_once_both_count(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    app = with_race(world, lambda: message_actions.react(world.app, bob, where, 2, THUMB))
    done = message_actions.react(app, ann, where, 2, THUMB)
    assert done.message["reactions"] == [{"emoji": THUMB, "count": 2, "user_ids": [bob, ann]}]


def test_the_same_reaction_from_two_devices_at_once_counts_once(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    app = with_race(world, lambda: message_actions.react(world.app, ann, where, 2, THUMB))
    done = message_actions.react(app, ann, where, 2, THUMB)
    assert done.event is None
    assert done.message["reactions"] == [{"emoji": THUMB, "count": 1, "user_ids": [ann]}]


def test_doing_it_again_repeats_a_push_that_a_crash_swallowed(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    done = message_actions.react(world.app, bob, where, 2, THUMB)
    phone = world.connect(ann)
    assert message_actions.react(world.app, bob, where, 2, THUMB).event is None
    assert world.heard(phone, "events")[-1]["events"] == [done.event]


def test_who_sees_the_log_from_their_joining_gets_no_older_message_along(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    where = world.group(ann, bob)
    send(world, ann, where, "the secret")
    send(world, ann, where, "more of it", reply_to=2)
    message_actions.pin(world.app, ann, where, 2)
    conversations.update_group(world.app, ann, where, history="joined")
    members.add_members(world.app, ann, where, [eve])
    phones = {who: world.connect(who) for who in (bob, eve)}
    message_actions.react(world.app, bob, where, 2, THUMB)
    message_actions.edit(world.app, ann, where, 3, "all of the secret")
    send(world, ann, where, "so what?", reply_to=2)
    reply = send(world, ann, where, "so that", reply_to=9)
    message_actions.pin(world.app, ann, where, 9)
    assert "secret" in str(world.heard(phones[bob]))
    assert "secret" not in str(world.heard(phones[eve]))
    pushed = [event for frame in world.heard(phones[eve], "events") for event in frame["events"]]
    assert pushed == log(world, eve, where)[1:]
    assert [event["seq"] for event in pushed] == [7, 8, 9, 10, 11]
    assert pushed[3] == reply
    assert "secret" in str(log(world, bob, where))
    assert [event["seq"] for event in messages.list_pinned(world.app, eve, where)] == [9]
    with pytest.raises(NotFound):
        message_actions.react(world.app, eve, where, 2, THUMB)
    with pytest.raises(Invalid):
        send(world, eve, where, "tell me", reply_to=3)


def test_a_message_deleted_meanwhile_takes_no_reaction(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    app = with_race(world, lambda: message_actions.delete(world.app, ann, where, 2))
    with pytest.raises(Conflict):
        message_actions.react(app, bob, where, 2, THUMB)
    assert "reactions" not in message(world, ann, where, 2)


def test_who_is_removed_meanwhile_changes_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.group(ann, bob)
    send(world, bob, where, "hi")
    app = with_race(world, lambda: members.remove_member(world.app, ann, where, bob))
    with pytest.raises(NotFound):
        message_actions.edit(app, bob, where, 2, "bye")
    assert message(world, ann, where, 2)["body"] == "hi"


def test_who_is_removed_while_a_page_is_put_together_reads_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann, eve = world.people("ann", "eve")
    where = world.group(ann, eve)
    send(world, ann, where, "hi")
    message_actions.react(world.app, ann, where, 2, THUMB)

    class Overtaken(Interleaved):
        def get_many(self, keys: Any) -> Any:
            members.remove_member(world.app, ann, where, eve)
            message_actions.edit(world.app, ann, where, 2, "not for eve")
            return self.table.get_many(keys)

    app = replace(world.app, table=Overtaken(world.table, lambda: None))
    with pytest.raises(NotFound):
        messages.read(app, eve, where, after=2)


def test_two_pins_at_once_both_stay(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "one")
    send(world, ann, where, "two")
    app = with_race(world, lambda: message_actions.pin(world.app, bob, where, 2))
    message_actions.pin(app, ann, where, 3)
    assert conversations.get(world.app, ann, where)[0].head.pinned == (2, 3)


def test_a_slow_update_of_the_head_brings_no_deleted_text_back(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, bob, where, "before")
    app = with_race(world, lambda: message_actions.delete(world.app, ann, where, 3), sk=keys.HEAD_SK)
    messages.send(app, ann, where, client_message_id="m1", body="the secret")
    assert "secret" not in everything(world)
    assert last_message(world, bob, where)["seq"] == 3


def test_a_head_that_shows_an_older_message_lets_go_of_it_when_it_is_deleted(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    event = send(world, ann, where, "the secret")
    behind = with_race(world, lambda: message_actions.delete(world.app, ann, where, 2), sk=keys.HEAD_SK)
    messages.send(behind, bob, where, client_message_id="m1", body="after")
    assert event["seq"] == 2
    assert "secret" not in everything(world)


def test_a_head_that_moves_while_a_message_is_deleted_is_read_again(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    stuck: list[Callable[[], None]] = []

    class Stalling(Interleaved):
        """Its updates of a head do not happen until somebody calls them."""

        def write(self, *ops: Op) -> None:
            if ops[0].key.sk == keys.HEAD_SK:
                stuck.append(lambda: self.table.write(*ops))
            else:
                self.table.write(*ops)

    slow = replace(world.app, table=Stalling(world.table, lambda: None))
    messages.send(slow, ann, where, client_message_id="m1", body="the secret")
    messages.send(slow, bob, where, client_message_id="m2", body="after")
    message_actions.delete(with_race(world, stuck[0]), ann, where, 2)
    assert "secret" not in everything(world)


def test_a_transaction_seen_half_done_is_waited_for(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    old = world.table.get(keys.event(where, 2))
    message_actions.react(world.app, bob, where, 2, THUMB)

    class Stale(Interleaved):
        """Shows event 2 as it was before the transaction that the log's tail shows already."""

        def get(self, key: Any, *, consistent: bool = True) -> Any:
            return old if key == keys.event(where, 2) else self.table.get(key, consistent=consistent)

    app = App(Stale(world.table, lambda: None), world.gateway, world.app.now_ms, world.app.new_id)
    with pytest.raises(Busy):
        message_actions.react(app, ann, where, 2, THUMB)
    assert len(log(world, ann, where)) == 3


def test_nothing_is_half_written_when_the_store_fails(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    before = everything(world)

    def fail() -> None:
        raise Busy("not now")

    app = with_race(world, fail)
    with pytest.raises(ImchatError):
        message_actions.react(app, bob, where, 2, THUMB)
    assert everything(world) == before


def test_a_page_reads_what_its_changes_speak_of_at_once(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    for number in range(4):
        send(world, ann, where, str(number))
    for seq in range(2, 6):
        message_actions.react(world.app, bob, where, seq, THUMB)
    reads: list[int] = []

    class Counting(Interleaved):
        def get_many(self, keys: Any) -> Any:
            wanted = list(keys)
            reads.append(len(wanted))
            return self.table.get_many(wanted)

    app = App(Counting(world.table, lambda: None), world.gateway, world.app.now_ms, world.app.new_id)
    assert len(messages.read(app, ann, where, after=5)[0]) == 4
    assert reads == [4]
    messages.read(app, ann, where, after=0)
    assert reads == [4], "what the page holds is not read again"


def test_a_plain_message_costs_no_read_more(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    calls: list[str] = []

    class Counting(Interleaved):
        def get(self, key: Any, *, consistent: bool = True) -> Any:
            calls.append(f"get {key.sk}")
            return self.table.get(key, consistent=consistent)

        def get_many(self, keys: Any) -> Any:
            wanted = list(keys)
            calls.append(f"get_many {wanted[0].sk}")
            return self.table.get_many(wanted)

    app = App(Counting(world.table, lambda: None), world.gateway, world.app.now_ms, world.app.new_id)
    messages.send(app, ann, where, client_message_id="m1", body="hi", after_seq=1)
    assert calls == ["get_many CONNECTIONS"]
    calls.clear()
    messages.send(app, ann, where, client_message_id="m2", body="hi @bob", after_seq=1, reply_to=2)
    assert calls == ["get_many HANDLE", "get EVENT#000000000002", "get_many CONNECTIONS"]


def test_events_that_change_a_message_hold_no_content(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    where = world.direct(ann, bob)
    send(world, ann, where, "hi")
    message_actions.edit(world.app, ann, where, 2, "ho")
    message_actions.react(world.app, ann, where, 2, THUMB)
    message_actions.pin(world.app, ann, where, 2)
    message_actions.delete(world.app, ann, where, 2)
    for event in events.list_after(world.table, where, 2, limit=10):
        assert event.keys() - {"emoji"} == {
            "seq",
            "type",
            "at_ms",
            "actor_id",
            "message_count",
            "target_seq",
        }
    head = heads.get(world.table, where)
    assert head is not None
    assert (head.last_seq, head.message_count) == (6, 1)
