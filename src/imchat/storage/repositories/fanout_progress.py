"""The progress of pushing events in a large conversation. Coordinates the jobs of the fan-out queue."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from imchat.domain.ids import ConversationId
from imchat.storage.repositories import keys
from imchat.storage.table import Absent, ConditionFailed, LessThan, Put, Table, Update


class FanoutProgress(NamedTuple):
    """A job has claimed all events up to `claimed_seq`. Those up to `handed_off_seq` are in delivery jobs in the queue.

    The next job waits until `next_ms`.
    """

    claimed_seq: int
    handed_off_seq: int
    next_ms: int


def get(table: Table, conversation_id: ConversationId) -> FanoutProgress | None:
    """Return the progress, or None if no event was pushed through the queue yet."""
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
    """Claim the events up to `last_seq`, unless another job has claimed event `seq` since `old` was read.

    Returns whether the claim succeeded.
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
    """Record that all events up to `last_seq` are in delivery jobs. The position never moves back."""
    with suppress(ConditionFailed):
        changes = {"handed_seq": last_seq}
        table.write(
            Update(
                keys.fanout_progress(conversation_id), set=changes, condition=LessThan("handed_seq", last_seq)
            )
        )
