"""Read and append the events of a conversation's log."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Final, NamedTuple, cast

from imchat.domain.conversation import Head
from imchat.domain.event import Event
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import BEHIND_MAX, REPLAY_WINDOW
from imchat.domain.member import Member
from imchat.domain.message import Message
from imchat.storage.repositories import conversations, keys, members
from imchat.storage.table import Absent, Item, KeyRange, Op, Present, Put, Row, Table, Update

SMALL_ROOM_MEMBERS: Final = 100
"""Up to this many members are read with the tail. In a larger conversation a write loads only the members it concerns."""
_SORT_KEY: Final = attrgetter("sk")
TAIL_ROWS: Final = 1 + REPLAY_WINDOW + 1 + SMALL_ROOM_MEMBERS
"""Rows that the first query of a tail reads: enough for a small room if its writer is not far behind."""
_WRITTEN_WITH_HEAD: Final = frozenset(
    {"message.edited", "message.deleted", "message.pinned", "message.unpinned"}
)
"""The events that are written together with the head. One after the head's `last_seq` is part of an unfinished transaction."""


class Tail(NamedTuple):
    """The state of a conversation before a write: the newest events, then the head, then the members, read in that order.

    So `members` reflects every membership change up to the last of `events`; a later change takes the next seq.
    A removal in `events` counts even if the member's item was still there: DynamoDB queries read committed data
    item by item, so a query can see a transaction half done.
    `too_many_events`: more events follow `after_seq` than a write checks, and `events` is empty. `has_all_members`:
    `members` is complete. In a large conversation, or with too many events, it has only the members the write concerns.
    """

    events: list[Event]
    head: Head
    members: dict[UserId, Member]
    has_all_members: bool
    too_many_events: bool

    @property
    def member_count(self) -> int:
        """The number of members."""
        return len(self.members) if self.has_all_members else self.head.member_count

    @property
    def message_not_in_head(self) -> Event | None:
        """The newest message if the head does not contain it yet. The next write that advances the head must add it."""
        for event in reversed(self.events):
            if event["seq"] <= self.head.last_seq or event["type"] in _WRITTEN_WITH_HEAD:
                return None
            if event["type"] == "message.created":
                return event
        return None


def read_tail(
    table: Table, conversation_id: ConversationId, *, after_seq: int, also_load: Collection[UserId]
) -> Tail | None:
    """Return the tail from event `after_seq` (inclusive), or None if the conversation does not exist.

    In a large conversation it contains only the members in `also_load`.
    """
    max_events = BEHIND_MAX + (after_seq > 0)  # plus the event at `after_seq` itself
    rows, events = _read_rows(table, conversation_id, after_seq, max_events)
    if len(events) > max_events:
        head = conversations.get(table, conversation_id)
        if head is None:
            return None
        return Tail(
            [],
            head,
            _get_members(table, conversation_id, also_load),
            has_all_members=False,
            too_many_events=True,
        )
    if len(rows) == len(events):
        return None
    head = conversations.head_from_row(conversation_id, rows[len(events)])
    member_rows = rows[len(events) + 1 :]
    has_all_members = len(member_rows) <= SMALL_ROOM_MEMBERS
    known = (
        dict(map(members.member_from_row, member_rows))
        if has_all_members
        else _get_members(table, conversation_id, also_load)
    )
    return Tail(events, head, _without_removed(known, events), has_all_members, too_many_events=False)


def append(table: Table, conversation_id: ConversationId, event: Event, *ops: Op) -> None:
    """Append an event at its seq, together with `ops`, unless the seq is taken.

    Raises: ConditionFailed; index 0 means that the seq is taken.
    """
    table.write(put_new(conversation_id, event), *ops)


def put_new(conversation_id: ConversationId, event: Event) -> Put:
    """Return the op that stores an event at its seq. It fails if the seq is taken."""
    item: Item = {**event}
    seq = item.pop("seq")
    return Put(keys.event(conversation_id, seq), item, Absent())


def get(table: Table, conversation_id: ConversationId, seq: int) -> Event | None:
    """Return event `seq`, or None after the end of the log."""
    item = table.get(keys.event(conversation_id, seq))
    return None if item is None else _event_from_row(Row(keys.event_sk(seq), item))


def get_many(table: Table, conversation_id: ConversationId, seqs: Iterable[int]) -> dict[int, Event]:
    """Return the events that exist among `seqs`, by seq."""
    wanted = {keys.event(conversation_id, seq): seq for seq in seqs}
    found = table.get_many(wanted)
    return {wanted[key]: _event_from_row(Row(key.sk, item)) for key, item in found.items()}


def set_message(conversation_id: ConversationId, seq: int, message: Message) -> Update:
    """Return the op that sets the message of event `seq`."""
    return Update(keys.event(conversation_id, seq), set={"message": message}, condition=Present())


def list_after(table: Table, conversation_id: ConversationId, seq: int, *, limit: int) -> list[Event]:
    """Return the first `limit` events after `seq`, ascending."""
    pk = keys.conversation_pk(conversation_id)
    rows = table.query(KeyRange(pk, low=keys.event_sk(seq + 1), high=keys.LAST_EVENT_SK), limit=limit)
    return [_event_from_row(row) for row in rows]


def list_before(table: Table, conversation_id: ConversationId, seq: int, *, limit: int) -> list[Event]:
    """Return the last `limit` events before `seq`, ascending."""
    if seq <= 1:
        return []
    pk = keys.conversation_pk(conversation_id)
    events = KeyRange(pk, low=keys.event_sk(1), high=keys.event_sk(seq - 1))
    rows = table.query(events, limit=limit, reverse=True)
    return [_event_from_row(row) for row in reversed(rows)]


def _read_rows(
    table: Table, conversation_id: ConversationId, after_seq: int, max_events: int
) -> tuple[list[Row], list[Event]]:
    """Return the rows from event `after_seq`, and the events among them.

    The rows are up to `max_events` + 1 events, the head, and up to `SMALL_ROOM_MEMBERS` + 1 members. One query reads all
    of them, unless there are so many events that its limit is reached before the last member.
    """
    tail = KeyRange(keys.conversation_pk(conversation_id), low=keys.event_sk(after_seq))
    rows = table.query(tail, limit=TAIL_ROWS)
    events = _leading_events(rows)
    if len(rows) == TAIL_ROWS and len(rows) - len(events) < SMALL_ROOM_MEMBERS + 2:
        max_rows = max_events + 1 + SMALL_ROOM_MEMBERS + 1
        rows += table.query(tail._replace(after=rows[-1].sk), limit=max_rows - len(rows))
        events = _leading_events(rows)
    return rows, events


def _leading_events(rows: list[Row]) -> list[Event]:
    count = bisect_right(rows, keys.LAST_EVENT_SK, key=_SORT_KEY)
    return [row.parsed or _event_from_row(row) for row in rows[:count]]  # often dozens, and already parsed


def _get_members(
    table: Table, conversation_id: ConversationId, user_ids: Collection[UserId]
) -> dict[UserId, Member]:
    pairs = [(conversation_id, user_id) for user_id in user_ids]
    return {user_id: member for (_, user_id), member in members.get_many(table, pairs).items()}


def _without_removed(known: dict[UserId, Member], events: list[Event]) -> dict[UserId, Member]:
    """Return `known` without the members who were removed after they joined."""
    for event in events:
        if event["type"] == "member.removed":
            member = known.get(event["user_id"])
            if member is not None and member.joined_seq < event["seq"]:
                del known[event["user_id"]]
    return known


def _event_from_row(row: Row) -> Event:
    event: Event | None = row.parsed
    if event is None:
        event = row.parsed = cast("Event", {"seq": int(row.sk[len(keys.EVENT_PREFIX) :]), **row.item})
    return event
