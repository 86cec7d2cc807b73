"""How far the events of a crowded conversation have been pushed: the fan-out queue's jobs agree by it on who pushes what."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from imchat.domain.ids import ConversationId
from imchat.storage.repositories import keys
from imchat.storage.table import Absent, ConditionFailed, LessThan, Put, Table, Update


class FanoutProgress(NamedTuple):
    """A job took on all events up to `taken_seq`; those up to `handed_seq` are in chunks that the queue keeps.

    The next job waits until `next_ms`.
    """

    claimed_seq: int
    handed_off_seq: int
    next_ms: int


def get(table: Table, conversation_id: ConversationId) -> FanoutProgress | None:
    """How far it is, or None where nothing was ever pushed by way of the queue."""
    item = table.get(keys.fanout_progress(conversation_id))
    return None if item is None else FanoutProgress(item["taken_seq"], item["handed_seq"], item["next_ms"])


def claim(
    table: Table,
    conversation_id: ConversationId,
    old: FanoutProgress | None,
    *,
    seq: int,
    last_seq: int,
    next_ms: int,
) -> bool:
    """Take on the events up to `last_seq`, unless another job took on event `seq` since `old` was read.

    Returns whether it worked.
    """
    key = keys.fanout_progress(conversation_id)
    changes = {"taken_seq": last_seq, "next_ms": next_ms}
    if old is None:
        with suppress(ConditionFailed):
            table.write(Put(key, {**changes, "handed_seq": 0}, Absent()))
            return True
    try:
        table.write(Update(key, set=changes, condition=LessThan("taken_seq", seq)))
    except ConditionFailed:
        return False
    return True


def hand_off(table: Table, conversation_id: ConversationId, last_seq: int) -> None:
    """Note that all events up to `last_seq` are in chunks; never back."""
    with suppress(ConditionFailed):
        changes = {"handed_seq": last_seq}
        table.write(
            Update(
                keys.fanout_progress(conversation_id), set=changes, condition=LessThan("handed_seq", last_seq)
            )
        )
