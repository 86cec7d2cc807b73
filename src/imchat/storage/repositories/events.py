"""The log of a conversation: reading it, reading its tail, putting the next event."""

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
"""Up to so many members are read along with the tail; more are a crowd, of whom a write meets only those it is about."""
_SORT_KEY: Final = attrgetter("sk")
TAIL_ROWS: Final = 1 + REPLAY_WINDOW + 1 + SMALL_ROOM_MEMBERS
"""Rows that the first query of a tail reads: what a room needs if its writer is not far behind."""
_WRITTEN_WITH_HEAD: Final = frozenset(
    {"message.edited", "message.deleted", "message.pinned", "message.unpinned"}
)
"""The events that are written together with the head: one past it shows a transaction that is half done."""


class Tail(NamedTuple):
    """A conversation as a writer sees it: the newest events, then the head, then the members, read in that order.

    So every membership change up to the last of `events` shows in `members`; a later one takes the seq after it.
    A removal among `events` counts even where the member still stood: DynamoDB's queries read what is committed
    item by item, so one may meet a transaction half done.
    `behind` says that the log goes on past `events`, too far to check. `members` are all there are where `whole` says so;
    in a crowd, and behind, only the people whom the write is about.
    """

    events: list[Event]
    head: Head
    members: dict[UserId, Member]
    has_all_members: bool
    too_many_events: bool

    @property
    def member_count(self) -> int:
        """How many members there are."""
        return len(self.members) if self.has_all_members else self.head.member_count

    @property
    def message_not_in_head(self) -> Event | None:
        """The newest message, where the head does not show it yet: whoever moves the head on has to bring it there."""
        for event in reversed(self.events):
            if event["seq"] <= self.head.last_seq or event["type"] in _WRITTEN_WITH_HEAD:
                return None
            if event["type"] == "message.created":
                return event
        return None


def read_tail(
    table: Table, conversation_id: ConversationId, *, after_seq: int, also_load: Collection[UserId]
) -> Tail | None:
    """Return the tail from event `after_seq` (inclusive). In a large room it holds only the members `also_load`.

    None if there is no such conversation.
    """
    most = BEHIND_MAX + (after_seq > 0)  # the event at `after_seq` itself comes on top
    rows, events = _read_rows(table, conversation_id, after_seq, most)
    if len(events) > most:
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
    found = rows[len(events) + 1 :]
    whole = len(found) <= SMALL_ROOM_MEMBERS
    known = (
        dict(map(members.member_from_row, found))
        if whole
        else _get_members(table, conversation_id, also_load)
    )
    return Tail(events, head, _without_removed(known, events), whole, too_many_events=False)


def append(table: Table, conversation_id: ConversationId, event: Event, *ops: Op) -> None:
    """Put `event` at its seq if nothing lies there, together with `ops`.

    Raises: ConditionFailed; index 0 means that the seq is taken.
    """
    table.write(put_new(conversation_id, event), *ops)


def put_new(conversation_id: ConversationId, event: Event) -> Put:
    """The op that puts an event at its seq, and fails where something lies there."""
    item: Item = {**event}
    seq = item.pop("seq")
    return Put(keys.event(conversation_id, seq), item, Absent())


def get(table: Table, conversation_id: ConversationId, seq: int) -> Event | None:
    """Event `seq`, or None past the log's end."""
    item = table.get(keys.event(conversation_id, seq))
    return None if item is None else _event_from_row(Row(keys.event_sk(seq), item))


def get_many(table: Table, conversation_id: ConversationId, seqs: Iterable[int]) -> dict[int, Event]:
    """The events that exist among `seqs`."""
    wanted = {keys.event(conversation_id, seq): seq for seq in seqs}
    found = table.get_many(wanted)
    return {wanted[key]: _event_from_row(Row(key.sk, item)) for key, item in found.items()}


def set_message(conversation_id: ConversationId, seq: int, message: Message) -> Update:
    """The op that gives event `seq` its message's new state."""
    return Update(keys.event(conversation_id, seq), set={"message": message}, condition=Present())


def list_after(table: Table, conversation_id: ConversationId, seq: int, *, limit: int) -> list[Event]:
    """The first `limit` events with a higher seq than `seq`, ascending."""
    pk = keys.conversation_pk(conversation_id)
    rows = table.query(KeyRange(pk, low=keys.event_sk(seq + 1), high=keys.LAST_EVENT_SK), limit=limit)
    return [_event_from_row(row) for row in rows]


def list_before(table: Table, conversation_id: ConversationId, seq: int, *, limit: int) -> list[Event]:
    """The last `limit` events with a lower seq than `seq`, ascending."""
    if seq <= 1:
        return []
    pk = keys.conversation_pk(conversation_id)
    events = KeyRange(pk, low=keys.event_sk(1), high=keys.event_sk(seq - 1))
    rows = table.query(events, limit=limit, reverse=True)
    return [_event_from_row(row) for row in reversed(rows)]


def _read_rows(
    table: Table, conversation_id: ConversationId, after_seq: int, most: int
) -> tuple[list[Row], list[Event]]:
    """From event `after_seq` on up to `most` + 1 events, the head, and up to `ROOM_MEMBERS` + 1 members; and those events.

    One query brings all of it, unless so many events lie there that the first page ends before the members do.
    """
    tail = KeyRange(keys.conversation_pk(conversation_id), low=keys.event_sk(after_seq))
    rows = table.query(tail, limit=TAIL_ROWS)
    events = _leading_events(rows)
    if len(rows) == TAIL_ROWS and len(rows) - len(events) < SMALL_ROOM_MEMBERS + 2:
        enough = most + 1 + SMALL_ROOM_MEMBERS + 1
        rows += table.query(tail._replace(after=rows[-1].sk), limit=enough - len(rows))
        events = _leading_events(rows)
    return rows, events


def _leading_events(rows: list[Row]) -> list[Event]:
    count = bisect_right(rows, keys.LAST_EVENT_SK, key=_SORT_KEY)
    return [
        row.parsed or _event_from_row(row) for row in rows[:count]
    ]  # a writer far behind has dozens, all known


def _get_members(
    table: Table, conversation_id: ConversationId, user_ids: Collection[UserId]
) -> dict[UserId, Member]:
    pairs = [(conversation_id, user_id) for user_id in user_ids]
    return {user_id: member for (_, user_id), member in members.get_many(table, pairs).items()}


def _without_removed(known: dict[UserId, Member], events: list[Event]) -> dict[UserId, Member]:
    """Those of `known` who were not removed after they joined."""
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
