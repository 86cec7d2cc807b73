"""The log of a conversation: reading it, reading its tail, putting the next event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from imchat.domain.conversation import Head
from imchat.domain.event import Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import BEHIND_MAX, CHANNEL_MEMBERS, REPLAY_WINDOW
from imchat.domain.member import Member
from imchat.domain.message import Message
from imchat.storage import conversations, keys, members
from imchat.storage.table import Absent, Op, Present, Put, Row, Table, Update


class Tail(NamedTuple):
    """A conversation as a writer sees it: the newest events, then the head, then the members, read in that order.

    So every membership change up to the last of `events` shows in `members`; a later one takes the seq after it.
    A removal among `events` counts even where the member still stood: DynamoDB's queries read what is committed
    item by item, so one may meet a transaction half done.
    `behind` says that the log goes on past `events`, too far to check.
    """

    events: list[Event]
    head: Head
    members: dict[UserId, Member]
    behind: bool


def read_tail(table: Table, conversation_id: ConversationId, *, after_seq: int | None) -> Tail | None:
    """The tail from event `after_seq` (inclusive), or the newest `REPLAY_WINDOW` events.

    None if there is no such conversation.
    """
    if after_seq is None:
        head = conversations.get(table, conversation_id)
        if head is None:
            return None
        after_seq = max(head.last_seq - REPLAY_WINDOW + 1, 1)
    most = BEHIND_MAX + (after_seq > 0)  # the event at `after_seq` itself comes on top
    rows = table.query(
        keys.conversation_pk(conversation_id), low=keys.event_sk(after_seq), limit=most + 1 + CHANNEL_MEMBERS
    )
    events: list[Event] = []
    for row in rows:
        if not row.sk.startswith(keys.EVENT_PREFIX):
            break
        events.append(_event(row))
    rest = rows[len(events) :]
    if len(events) > most:
        return _tail_too_far_behind(table, conversation_id)
    if not rest:
        return None
    return Tail(
        events,
        conversations.head_of(conversation_id, rest[0].item),
        _without_removed(dict(members.member_of(row) for row in rest[1:]), events),
        behind=False,
    )


def append(table: Table, conversation_id: ConversationId, event: Event, *ops: Op) -> None:
    """Put `event` at its seq if nothing lies there, together with `ops`.

    Raises: ConditionFailed; index 0 means that the seq is taken.
    """
    table.write(put_new(conversation_id, event), *ops)


def put_new(conversation_id: ConversationId, event: Event) -> Put:
    """The op that puts an event at its seq, and fails where something lies there."""
    item = {name: value for name, value in event.items() if name != "seq"}
    return Put(keys.event(conversation_id, event["seq"]), item, Absent())


def get(table: Table, conversation_id: ConversationId, seq: int) -> Event | None:
    """Event `seq`, or None past the log's end."""
    item = table.get(keys.event(conversation_id, seq))
    return None if item is None else _event(Row(keys.event_sk(seq), item))


def get_many(table: Table, conversation_id: ConversationId, seqs: Iterable[int]) -> dict[int, Event]:
    """The events that exist among `seqs`."""
    wanted = {keys.event(conversation_id, seq): seq for seq in seqs}
    found = table.get_many(wanted)
    return {wanted[key]: _event(Row(key.sk, item)) for key, item in found.items()}


def set_message(conversation_id: ConversationId, seq: int, message: Message) -> Update:
    """The op that gives event `seq` its message's new state."""
    return Update(keys.event(conversation_id, seq), set={"message": message}, condition=Present())


def after(table: Table, conversation_id: ConversationId, seq: int, *, limit: int) -> list[Event]:
    """The first `limit` events with a higher seq than `seq`, ascending."""
    pk = keys.conversation_pk(conversation_id)
    rows = table.query(pk, low=keys.event_sk(seq + 1), high=keys.LAST_EVENT_SK, limit=limit)
    return [_event(row) for row in rows]


def before(table: Table, conversation_id: ConversationId, seq: int, *, limit: int) -> list[Event]:
    """The last `limit` events with a lower seq than `seq`, ascending."""
    if seq <= 1:
        return []
    pk = keys.conversation_pk(conversation_id)
    rows = table.query(pk, low=keys.event_sk(1), high=keys.event_sk(seq - 1), limit=limit, reverse=True)
    return [_event(row) for row in reversed(rows)]


def _without_removed(known: dict[UserId, Member], events: list[Event]) -> dict[UserId, Member]:
    """Those of `known` who were not removed after they joined."""
    for event in events:
        if event["type"] == "member.removed":
            member = known.get(event["user_id"])
            if member is not None and member.joined_seq < event["seq"]:
                del known[event["user_id"]]
    return known


def _tail_too_far_behind(table: Table, conversation_id: ConversationId) -> Tail | None:
    head = conversations.get(table, conversation_id)
    return None if head is None else Tail([], head, members.of(table, conversation_id), behind=True)


def _event(row: Row) -> Event:
    return cast("Event", {"seq": int(row.sk[len(keys.EVENT_PREFIX) :]), **row.item})
