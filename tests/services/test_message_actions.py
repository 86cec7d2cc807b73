"""Actions on messages: edits, deletion, replies, reactions, mentions, pins; also under races and after crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.metering import metered
from tests.support.world import RacingTable, World

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
    world: World, user_id: UserId, conversation_id: ConversationId, body: str, *, reply_to: int | None = None
) -> Event:
    sent = messages.send(
        world.app,
        user_id,
        conversation_id,
        client_message_id=world.app.new_id(),
        body=body,
        reply_to=reply_to,
    )
    assert sent.event is not None
    return sent.event


def log(world: World, user_id: UserId, conversation_id: ConversationId) -> list[Event]:
    return messages.read(world.app, user_id, conversation_id, limit=200).events


def message(world: World, user_id: UserId, conversation_id: ConversationId, seq: int) -> Message:
    [event] = messages.read(world.app, user_id, conversation_id, after=seq - 1, limit=1).events
    return event["message"]


def last_message(world: World, user_id: UserId, conversation_id: ConversationId) -> dict[str, Any]:
    page = conversations.get(world.app, user_id, conversation_id).head.last_message
    assert page is not None
    return page


def stored_text(world: World) -> str:
    """Return the content of the whole table as text."""
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
    conversation_id = world.direct(ann, bob)
    phone = world.connect(bob)
    send(world, ann, conversation_id, "helo")
    world.clock_ms += 5
    change = message_actions.edit(world.app, ann, conversation_id, 2, "hello")
    assert change.message["body"] == "hello"
    assert change.message["edited_at_ms"] == world.clock_ms
    assert change.event is not None
    assert (change.event["seq"], change.event["type"], change.event["target_seq"]) == (3, "message.edited", 2)
    assert change.event["message_count"] == 1
    assert world.received(phone, "events")[-1]["events"] == [change.event]
    page = log(world, bob, conversation_id)
    assert page[1]["message"] == change.message
    assert page[2] == change.event
    assert last_message(world, bob, conversation_id)["message"]["body"] == "hello"
    assert "helo" not in stored_text(world)


def test_only_the_author_can_edit_a_message(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    send(world, bob, conversation_id, "mine")
    with pytest.raises(Forbidden):
        message_actions.edit(world.app, ann, conversation_id, 2, "yours")
    with pytest.raises(NotFound):
        message_actions.edit(world.app, eve, conversation_id, 2, "stolen")
    with pytest.raises(Invalid):
        message_actions.edit(world.app, bob, conversation_id, 2, " ")
    assert len(log(world, ann, conversation_id)) == 2


def test_repeating_an_action_writes_nothing(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "hi")
    actions: list[Callable[[], message_actions.MessageChange]] = [
        lambda: message_actions.edit(world.app, ann, conversation_id, 2, "ho"),
        lambda: message_actions.react(world.app, bob, conversation_id, 2, THUMB),
        lambda: message_actions.unreact(world.app, bob, conversation_id, 2, THUMB),
        lambda: message_actions.pin(world.app, ann, conversation_id, 2),
        lambda: message_actions.unpin(world.app, ann, conversation_id, 2),
        lambda: message_actions.delete(world.app, ann, conversation_id, 2),
    ]
    for seq, action in enumerate(actions, start=3):
        first, again = action(), action()
        assert first.event is not None
        assert first.event["seq"] == seq
        assert again == message_actions.MessageChange(first.message, None)
    assert len(log(world, ann, conversation_id)) == 8


@pytest.mark.parametrize("seq", [0, 1, 3, 10**12 - 1])
def test_only_messages_can_be_changed(sqlite_world: World, seq: int) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "hi")
    for change in (message_actions.delete, message_actions.pin, message_actions.unpin):
        with pytest.raises(NotFound):
            change(world.app, ann, conversation_id, seq)
    for action in (message_actions.react, message_actions.unreact):
        with pytest.raises(NotFound):
            action(world.app, ann, conversation_id, seq, THUMB)
    with pytest.raises(NotFound):
        message_actions.edit(world.app, ann, conversation_id, seq, "x")


# -- deletion --


def test_a_deleted_message_leaves_a_tombstone_and_its_text_is_not_stored(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "the secret @bob")
    send(world, bob, conversation_id, "what?", reply_to=2)
    message_actions.edit(world.app, ann, conversation_id, 2, "another secret")
    message_actions.react(world.app, bob, conversation_id, 2, PARTY)
    message_actions.pin(world.app, ann, conversation_id, 2)
    assert "another secret" in stored_text(world)
    world.clock_ms += 5
    change = message_actions.delete(world.app, ann, conversation_id, 2)
    assert change.event is not None
    assert change.message == {
        "client_message_id": change.message["client_message_id"],
        "body": "",
        "deleted_at_ms": world.clock_ms,
        "changed_seq": change.event["seq"],
    }
    page = log(world, bob, conversation_id)
    assert page[1]["message"] == change.message
    assert page[2]["quote"] == {
        "actor_id": ann,
        "body": "",
        "deleted_at_ms": world.clock_ms,
        "changed_seq": change.event["seq"],
    }
    assert all(event["message"] == change.message for event in page if event.get("target_seq") == 2)
    assert conversations.get(world.app, bob, conversation_id).head.pinned == ()
    assert "secret" not in stored_text(world)
    assert keys.reactions_pk(conversation_id, 2) not in stored_text(world)


def test_the_deletion_of_the_newest_message_is_visible_in_the_inbox(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "first")
    send(world, ann, conversation_id, "second")
    message_actions.react(world.app, bob, conversation_id, 3, THUMB)
    message_actions.delete(world.app, ann, conversation_id, 3)
    page = last_message(world, bob, conversation_id)
    assert (page["seq"], page["message"]["body"], "deleted_at_ms" in page["message"]) == (3, "", True)
    message_actions.delete(world.app, ann, conversation_id, 2)
    assert last_message(world, bob, conversation_id)["seq"] == 3


def test_owners_and_admins_can_delete_any_message_of_their_group(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve, zoe = world.people("ann", "bob", "eve", "zoe")
    conversation_id = world.group(ann, bob, eve)
    members.set_role(world.app, ann, conversation_id, bob, "admin")
    for body in ("one", "two", "three"):
        send(world, eve, conversation_id, body)
    send(world, ann, conversation_id, "mine")
    with pytest.raises(NotFound):
        message_actions.delete(world.app, zoe, conversation_id, 3)
    with pytest.raises(Forbidden):
        message_actions.delete(world.app, eve, conversation_id, 6)
    for user_id, seq in ((ann, 3), (bob, 4), (eve, 5), (bob, 6)):
        assert "deleted_at_ms" in message_actions.delete(world.app, user_id, conversation_id, seq).message


def test_in_a_direct_conversation_users_can_only_delete_their_own_messages(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "mine")
    with pytest.raises(Forbidden):
        message_actions.delete(world.app, bob, conversation_id, 2)


def test_a_tombstone_cannot_be_edited_reacted_to_or_pinned(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    message_actions.delete(world.app, ann, conversation_id, 2)
    actions: list[Callable[[], object]] = [
        lambda: message_actions.edit(world.app, ann, conversation_id, 2, "hi"),
        lambda: message_actions.react(world.app, bob, conversation_id, 2, THUMB),
        lambda: message_actions.pin(world.app, ann, conversation_id, 2),
    ]
    for action in actions:
        with pytest.raises(Conflict) as refused:
            action()
        assert refused.value.details == {"reason": "deleted"}
    assert message_actions.unreact(world.app, bob, conversation_id, 2, THUMB).event is None
    assert len(log(world, ann, conversation_id)) == 3


def test_a_deleted_message_that_is_sent_again_stays_deleted(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)

    def again() -> Appended:
        return messages.send(world.app, ann, conversation_id, client_message_id="m1", body="oops")

    again()
    message_actions.delete(world.app, ann, conversation_id, 2)
    replayed = again()
    assert not replayed.new
    assert replayed.event is not None
    assert replayed.event["message"]["body"] == ""
    assert "oops" not in stored_text(world)


# -- replies --


def test_a_reply_quotes_the_current_state_of_the_message(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(ann)
    send(world, ann, conversation_id, "x" * 1000)
    event = send(world, bob, conversation_id, "yes", reply_to=2)
    assert event["quote"] == {"actor_id": ann, "body": "x" * PREVIEW_CHARS}
    assert event["message"]["reply_to"] == 2
    assert world.received(phone, "events")[-1]["events"] == [event]
    assert log(world, ann, conversation_id)[-1] == event
    message_actions.edit(world.app, ann, conversation_id, 2, "shorter")
    assert log(world, ann, conversation_id)[2]["quote"] == {
        "actor_id": ann,
        "body": "shorter",
        "changed_seq": 4,
    }
    assert (
        messages.read(world.app, bob, conversation_id, after=2, limit=1).events[0]["quote"]["body"]
        == "shorter"
    )


def test_a_repeated_reply_returns_its_quote(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "question")
    first, again = (
        messages.send(world.app, bob, conversation_id, client_message_id="m1", body="answer", reply_to=2)
        for _ in range(2)
    )
    assert (first.event, first.new, again.new) == (again.event, True, False)


@pytest.mark.parametrize("seq", [-1, 0, 1, 9, 10**12])
def test_a_reply_to_something_else_than_a_message_is_refused(sqlite_world: World, seq: int) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    with pytest.raises(Invalid) as refused:
        send(world, ann, conversation_id, "ho", reply_to=seq)
    assert refused.value.details["field"] == "reply_to"
    assert len(log(world, ann, conversation_id)) == 2


def test_a_deleted_message_can_still_be_replied_to(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    message_actions.delete(world.app, ann, conversation_id, 2)
    assert "deleted_at_ms" in send(world, bob, conversation_id, "too late", reply_to=2)["quote"]


# -- reactions --


def test_reactions_are_counted_and_listed_in_the_order_they_were_added(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(ann)
    send(world, ann, conversation_id, "hi")
    for user_id, emoji in ((bob, PARTY), (ann, THUMB), (ann, PARTY)):
        change = message_actions.react(world.app, user_id, conversation_id, 2, emoji)
    assert change.message["reactions"] == [
        {"emoji": PARTY, "count": 2, "user_ids": [bob, ann]},
        {"emoji": THUMB, "count": 1, "user_ids": [ann]},
    ]
    assert world.received(phone, "events")[-1]["events"] == [change.event]
    assert change.event is not None
    assert (change.event["type"], change.event["emoji"]) == ("reaction.added", PARTY)
    assert message(world, bob, conversation_id, 2) == change.message
    message_actions.unreact(world.app, bob, conversation_id, 2, PARTY)
    left = message_actions.unreact(world.app, ann, conversation_id, 2, THUMB)
    assert left.message["reactions"] == [{"emoji": PARTY, "count": 1, "user_ids": [ann]}]
    none = message_actions.unreact(world.app, ann, conversation_id, 2, PARTY)
    assert "reactions" not in none.message
    assert keys.reactions_pk(conversation_id, 2) not in stored_text(world)


def test_the_same_emoji_written_another_way_is_the_same_reaction(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    message_actions.react(world.app, bob, conversation_id, 2, "\u2764")
    assert message_actions.react(world.app, bob, conversation_id, 2, "\u2764\ufe0f").event is None
    assert message_actions.unreact(world.app, bob, conversation_id, 2, "\u2764").event is not None


def test_a_reaction_must_be_an_emoji(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    for action in (message_actions.react, message_actions.unreact):
        with pytest.raises(Invalid):
            action(world.app, bob, conversation_id, 2, "LOL")
    assert len(log(world, ann, conversation_id)) == 2


def test_the_number_of_different_reactions_to_a_message_is_limited(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    kinds = [chr(0x1F600 + number) for number in range(REACTION_KINDS + 1)]
    for emoji in kinds[:-1]:
        message_actions.react(world.app, bob, conversation_id, 2, emoji)
    with pytest.raises(Invalid) as refused:
        message_actions.react(world.app, ann, conversation_id, 2, kinds[-1])
    assert refused.value.details == {"field": "emoji", "limit": REACTION_KINDS}
    assert message_actions.react(world.app, ann, conversation_id, 2, kinds[0]).event is not None
    assert len(log(world, ann, conversation_id)) == 2 + REACTION_KINDS + 1


def test_the_first_reactions_are_listed_and_every_user_counts_once(sqlite_world: World) -> None:
    world = sqlite_world
    people = world.people(*(f"person{number}" for number in range(REACTION_NAMES + 5)))
    conversation_id = world.group(*people)
    send(world, people[0], conversation_id, "hi")
    for user_id in people:
        message_actions.react(world.app, user_id, conversation_id, 2, THUMB)
    assert message_actions.react(world.app, people[-1], conversation_id, 2, THUMB).event is None
    [reaction] = message(world, people[0], conversation_id, 2)["reactions"]
    assert reaction == {"emoji": THUMB, "count": len(people), "user_ids": people[:REACTION_NAMES]}
    message_actions.unreact(world.app, people[-1], conversation_id, 2, THUMB)
    message_actions.unreact(world.app, people[3], conversation_id, 2, THUMB)
    [reaction] = message(world, people[0], conversation_id, 2)["reactions"]
    assert reaction["count"] == len(people) - 2
    assert reaction["user_ids"] == [*people[:3], *people[4:REACTION_NAMES]]


@pytest.mark.slow
def test_ten_thousand_reactions_cost_no_more_than_a_few_and_are_deleted_with_the_message(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "hi")
    app, count, _ = metered(world.app)
    message_actions.react(app, ann, conversation_id, 2, PARTY)
    few = (count.calls, count.read_units, count.write_units)
    user_ids = [UserId(f"former-member-{number}") for number in range(9_999)]
    for start in range(0, len(user_ids), MAX_OPS):
        part = user_ids[start : start + MAX_OPS]
        world.table.write(*(reactions.put_new(conversation_id, 2, THUMB, user_id) for user_id in part))
    stored_reaction: Reaction = {
        "emoji": THUMB,
        "count": len(user_ids),
        "user_ids": user_ids[:REACTION_NAMES],
    }
    stored: Message = {**message(world, ann, conversation_id, 2), "reactions": [stored_reaction]}
    world.table.write(events.set_message(conversation_id, 2, stored))

    before = (count.calls, count.read_units, count.write_units)
    assert message_actions.react(app, ann, conversation_id, 2, THUMB).event is not None
    assert (count.calls - before[0], count.read_units - before[1]) <= (few[0], few[1] + 1)
    assert count.write_units - before[2] <= few[2] + 1
    [reaction] = message(world, bob, conversation_id, 2)["reactions"]
    assert (reaction["count"], len(reaction["user_ids"])) == (10_000, REACTION_NAMES)
    assert message_actions.react(app, ann, conversation_id, 2, THUMB).event is None
    message_actions.delete(app, ann, conversation_id, 2)
    assert world.table.query(KeyRange(keys.reactions_pk(conversation_id, 2))) == []


def test_the_largest_message_stays_far_below_the_item_size_limit(sqlite_world: World) -> None:
    world = sqlite_world
    people = [UserId(f"{number:036d}") for number in range(REACTION_NAMES)]
    for number, user_id in enumerate(people):
        users.update_profile(world.app, user_id, handle=f"p{number:029d}", display_name="P")
    conversation_id = world.group(*people)
    called = " ".join(f"@p{number:029d}" for number in range(len(people)))
    send(world, people[0], conversation_id, called + "\U0001f600" * 5_500)
    for user_id in people:
        for kind in range(REACTION_KINDS):
            message_actions.react(world.app, user_id, conversation_id, 2, chr(0x1F600 + kind))
    stored = world.table.get(keys.event(conversation_id, 2))
    assert len(json.dumps(stored, ensure_ascii=False).encode()) < 50_000


# -- mentions --


def test_only_handles_of_members_become_mentions(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    event = send(world, ann, conversation_id, "@bob, @eve and @unknown: mail ann@bob.example")
    assert event["message"]["mentions"] == {"bob": bob}
    assert "mentions" not in send(world, ann, conversation_id, "@eve @unknown")["message"]
    members.add_members(world.app, ann, conversation_id, [eve])
    assert send(world, ann, conversation_id, "@Eve.")["message"]["mentions"] == {"eve": eve}


def test_a_mention_counts_for_the_mentioned_member_until_it_is_read(world: World) -> None:
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob, eve)
    send(world, ann, conversation_id, "@bob and @ann, and once more @bob")
    send(world, eve, conversation_id, "@bob?")
    counts = [
        conversations.get(world.app, user_id, conversation_id).me.unread_mentions
        for user_id in (ann, bob, eve)
    ]
    assert counts == [0, 2, 0]
    read_cursors.mark_read(world.app, bob, conversation_id, 2)
    assert conversations.get(world.app, bob, conversation_id).me.unread_mentions == 1


def test_an_edit_replaces_the_mentions(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "@bob")
    assert "mentions" not in message_actions.edit(world.app, ann, conversation_id, 2, "no mention").message
    assert message_actions.edit(world.app, ann, conversation_id, 2, "@ann").message["mentions"] == {
        "ann": ann
    }


def test_the_number_of_handles_looked_up_is_limited(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    other_handles = " ".join(f"@someone{number}" for number in range(MENTIONS_MAX))
    assert "mentions" not in send(world, ann, conversation_id, f"{other_handles} @bob")["message"]
    assert send(world, ann, conversation_id, f"@bob {other_handles}")["message"]["mentions"] == {"bob": bob}


# -- pins --


def test_a_pin_is_an_event_and_is_listed_in_the_conversation(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    phone = world.connect(ann)
    send(world, ann, conversation_id, "one")
    send(world, ann, conversation_id, "two", reply_to=2)
    message_actions.pin(world.app, bob, conversation_id, 3)
    change = message_actions.pin(world.app, bob, conversation_id, 2)
    assert world.received(phone, "events")[-1]["events"] == [change.event]
    assert log(world, ann, conversation_id)[-1] == change.event
    assert conversations.get(world.app, ann, conversation_id).head.pinned == (3, 2)
    page = log(world, ann, conversation_id)
    assert messages.list_pinned(world.app, ann, conversation_id) == [page[2], page[1]]
    message_actions.edit(world.app, ann, conversation_id, 2, "zwei")
    assert messages.list_pinned(world.app, ann, conversation_id)[1]["message"]["body"] == "zwei"
    message_actions.unpin(world.app, ann, conversation_id, 3)
    assert conversations.get(world.app, ann, conversation_id).head.pinned == (2,)


def test_only_owners_and_admins_can_pin_in_a_group(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    send(world, bob, conversation_id, "mine")
    for change in (message_actions.pin, message_actions.unpin):
        with pytest.raises(Forbidden):
            change(world.app, bob, conversation_id, 2)
        with pytest.raises(NotFound):
            change(world.app, eve, conversation_id, 2)
    with pytest.raises(NotFound):
        messages.list_pinned(world.app, eve, conversation_id)
    assert message_actions.pin(world.app, ann, conversation_id, 2).event is not None


def test_the_number_of_pins_in_a_conversation_is_limited(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    for number in range(PINS_MAX + 1):
        send(world, ann, conversation_id, str(number))
    for seq in range(2, PINS_MAX + 2):
        message_actions.pin(world.app, ann, conversation_id, seq)
    with pytest.raises(Invalid) as refused:
        message_actions.pin(world.app, ann, conversation_id, PINS_MAX + 2)
    assert refused.value.details == {"field": "pinned", "limit": PINS_MAX}


# -- races and crashes --


def with_race(world: World, meanwhile: Callable[[], object], sk: str = "EVENT#") -> App:
    """Return an application that runs `meanwhile` right before its first write to an `sk` of this prefix."""
    return App(RacingTable(world.table, meanwhile, sk), world.gateway, world.app.now_ms, world.app.new_id)


def test_two_concurrent_reactions_both_count(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    app = with_race(world, lambda: message_actions.react(world.app, bob, conversation_id, 2, THUMB))
    change = message_actions.react(app, ann, conversation_id, 2, THUMB)
    assert change.message["reactions"] == [{"emoji": THUMB, "count": 2, "user_ids": [bob, ann]}]


def test_the_same_reaction_from_two_devices_counts_once(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    app = with_race(world, lambda: message_actions.react(world.app, ann, conversation_id, 2, THUMB))
    change = message_actions.react(app, ann, conversation_id, 2, THUMB)
    assert change.event is None
    assert change.message["reactions"] == [{"emoji": THUMB, "count": 1, "user_ids": [ann]}]


def test_repeating_an_action_pushes_an_event_again_after_a_crash(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    change = message_actions.react(world.app, bob, conversation_id, 2, THUMB)
    phone = world.connect(ann)
    assert message_actions.react(world.app, bob, conversation_id, 2, THUMB).event is None
    assert world.received(phone, "events")[-1]["events"] == [change.event]


def test_events_about_older_messages_are_redacted_for_members_who_joined_later(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob, eve = world.people("ann", "bob", "eve")
    conversation_id = world.group(ann, bob)
    send(world, ann, conversation_id, "the secret")
    send(world, ann, conversation_id, "more of it", reply_to=2)
    message_actions.pin(world.app, ann, conversation_id, 2)
    conversations.update_group(world.app, ann, conversation_id, history="joined")
    members.add_members(world.app, ann, conversation_id, [eve])
    phones = {user_id: world.connect(user_id) for user_id in (bob, eve)}
    message_actions.react(world.app, bob, conversation_id, 2, THUMB)
    message_actions.edit(world.app, ann, conversation_id, 3, "all of the secret")
    send(world, ann, conversation_id, "so what?", reply_to=2)
    reply = send(world, ann, conversation_id, "so that", reply_to=9)
    message_actions.pin(world.app, ann, conversation_id, 9)
    assert "secret" in str(world.received(phones[bob]))
    assert "secret" not in str(world.received(phones[eve]))
    pushed = [event for frame in world.received(phones[eve], "events") for event in frame["events"]]
    assert pushed == log(world, eve, conversation_id)[1:]
    assert [event["seq"] for event in pushed] == [7, 8, 9, 10, 11]
    assert pushed[3] == reply
    assert "secret" in str(log(world, bob, conversation_id))
    assert [event["seq"] for event in messages.list_pinned(world.app, eve, conversation_id)] == [9]
    with pytest.raises(NotFound):
        message_actions.react(world.app, eve, conversation_id, 2, THUMB)
    with pytest.raises(Invalid):
        send(world, eve, conversation_id, "reply to an older message", reply_to=3)


def test_a_message_deleted_at_the_same_time_gets_no_reaction(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    app = with_race(world, lambda: message_actions.delete(world.app, ann, conversation_id, 2))
    with pytest.raises(Conflict):
        message_actions.react(app, bob, conversation_id, 2, THUMB)
    assert "reactions" not in message(world, ann, conversation_id, 2)


def test_a_member_removed_at_the_same_time_cannot_edit(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.group(ann, bob)
    send(world, bob, conversation_id, "hi")
    app = with_race(world, lambda: members.remove_member(world.app, ann, conversation_id, bob))
    with pytest.raises(NotFound):
        message_actions.edit(app, bob, conversation_id, 2, "bye")
    assert message(world, ann, conversation_id, 2)["body"] == "hi"


def test_a_member_removed_while_a_page_is_hydrated_reads_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann, eve = world.people("ann", "eve")
    conversation_id = world.group(ann, eve)
    send(world, ann, conversation_id, "hi")
    message_actions.react(world.app, ann, conversation_id, 2, THUMB)

    class RacingReads(RacingTable):
        def get_many(self, keys: Any) -> Any:
            members.remove_member(world.app, ann, conversation_id, eve)
            message_actions.edit(world.app, ann, conversation_id, 2, "not for eve")
            return self.table.get_many(keys)

    app = replace(world.app, table=RacingReads(world.table, lambda: None))
    with pytest.raises(NotFound):
        messages.read(app, eve, conversation_id, after=2)


def test_two_concurrent_pins_are_both_stored(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "one")
    send(world, ann, conversation_id, "two")
    app = with_race(world, lambda: message_actions.pin(world.app, bob, conversation_id, 2))
    message_actions.pin(app, ann, conversation_id, 3)
    assert conversations.get(world.app, ann, conversation_id).head.pinned == (2, 3)


def test_a_late_head_update_does_not_restore_deleted_text(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, bob, conversation_id, "before")
    app = with_race(
        world, lambda: message_actions.delete(world.app, ann, conversation_id, 3), sk=keys.HEAD_SK
    )
    messages.send(app, ann, conversation_id, client_message_id="m1", body="the secret")
    assert "secret" not in stored_text(world)
    assert last_message(world, bob, conversation_id)["seq"] == 3


def test_deleting_an_older_message_removes_its_text_from_a_head_that_is_behind(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    event = send(world, ann, conversation_id, "the secret")
    racing_app = with_race(
        world, lambda: message_actions.delete(world.app, ann, conversation_id, 2), sk=keys.HEAD_SK
    )
    messages.send(racing_app, bob, conversation_id, client_message_id="m1", body="after")
    assert event["seq"] == 2
    assert "secret" not in stored_text(world)


def test_a_deletion_that_races_with_a_head_update_removes_the_text(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    delayed_updates: list[Callable[[], None]] = []

    class DelayedHeadUpdates(RacingTable):
        """Delays updates of a head until the test calls them."""

        def write(self, *ops: Op) -> None:
            if ops[0].key.sk == keys.HEAD_SK:
                delayed_updates.append(lambda: self.table.write(*ops))
            else:
                self.table.write(*ops)

    slow = replace(world.app, table=DelayedHeadUpdates(world.table, lambda: None))
    messages.send(slow, ann, conversation_id, client_message_id="m1", body="the secret")
    messages.send(slow, bob, conversation_id, client_message_id="m2", body="after")
    message_actions.delete(with_race(world, delayed_updates[0]), ann, conversation_id, 2)
    assert "secret" not in stored_text(world)


def test_a_change_raises_busy_while_a_transaction_is_partly_visible(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    old = world.table.get(keys.event(conversation_id, 2))
    message_actions.react(world.app, bob, conversation_id, 2, THUMB)

    class Stale(RacingTable):
        """Shows event 2 as it was before the transaction whose event the log has already."""

        def get(self, key: Any, *, consistent: bool = True) -> Any:
            return (
                old if key == keys.event(conversation_id, 2) else self.table.get(key, consistent=consistent)
            )

    app = App(Stale(world.table, lambda: None), world.gateway, world.app.now_ms, world.app.new_id)
    with pytest.raises(Busy):
        message_actions.react(app, ann, conversation_id, 2, THUMB)
    assert len(log(world, ann, conversation_id)) == 3


def test_a_failed_write_stores_nothing(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    before = stored_text(world)

    def fail() -> None:
        raise Busy("not now")

    app = with_race(world, fail)
    with pytest.raises(ImchatError):
        message_actions.react(app, bob, conversation_id, 2, THUMB)
    assert stored_text(world) == before


def test_all_messages_a_page_refers_to_are_read_in_one_request(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    for number in range(4):
        send(world, ann, conversation_id, str(number))
    for seq in range(2, 6):
        message_actions.react(world.app, bob, conversation_id, seq, THUMB)
    reads: list[int] = []

    class Counting(RacingTable):
        def get_many(self, keys: Any) -> Any:
            wanted = list(keys)
            reads.append(len(wanted))
            return self.table.get_many(wanted)

    app = App(Counting(world.table, lambda: None), world.gateway, world.app.now_ms, world.app.new_id)
    assert len(messages.read(app, ann, conversation_id, after=5).events) == 4
    assert reads == [4]
    messages.read(app, ann, conversation_id, after=0)
    assert reads == [4], "messages of the page are not read again"


def test_a_plain_message_needs_no_extra_read(sqlite_world: World) -> None:
    world = sqlite_world
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    calls: list[str] = []

    class Counting(RacingTable):
        def get(self, key: Any, *, consistent: bool = True) -> Any:
            calls.append(f"get {key.sk}")
            return self.table.get(key, consistent=consistent)

        def get_many(self, keys: Any) -> Any:
            wanted = list(keys)
            calls.append(f"get_many {wanted[0].sk}")
            return self.table.get_many(wanted)

    app = App(Counting(world.table, lambda: None), world.gateway, world.app.now_ms, world.app.new_id)
    messages.send(app, ann, conversation_id, client_message_id="m1", body="hi", after_seq=1)
    assert calls == ["get_many CONNECTIONS"]
    calls.clear()
    messages.send(app, ann, conversation_id, client_message_id="m2", body="hi @bob", after_seq=1, reply_to=2)
    assert calls == ["get_many HANDLE", "get EVENT#000000000002", "get_many CONNECTIONS"]


def test_stored_events_that_change_a_message_have_no_content(world: World) -> None:
    ann, bob = world.people("ann", "bob")
    conversation_id = world.direct(ann, bob)
    send(world, ann, conversation_id, "hi")
    message_actions.edit(world.app, ann, conversation_id, 2, "ho")
    message_actions.react(world.app, ann, conversation_id, 2, THUMB)
    message_actions.pin(world.app, ann, conversation_id, 2)
    message_actions.delete(world.app, ann, conversation_id, 2)
    for event in events.list_after(world.table, conversation_id, 2, limit=10):
        assert event.keys() - {"emoji"} == {
            "seq",
            "type",
            "at_ms",
            "actor_id",
            "message_count",
            "target_seq",
        }
    head = heads.get(world.table, conversation_id)
    assert head is not None
    assert (head.last_seq, head.message_count) == (6, 1)
