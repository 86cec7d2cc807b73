"""Append events to a conversation's log: in one order, without gaps or duplicates, also under concurrent writes.

After the tail was read, an event is put at the next seq, and only if that is still free. Events are never removed. The
removal of a member is an event too, so an append by that member either comes before it or finds it and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from imchat.domain.event import Draft, Event, assign_seq
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import REPLAY_WINDOW
from imchat.domain.member import Member
from imchat.domain.record import Record, record
from imchat.errors import Busy, Conflict, Invalid, NotFound, Suspended
from imchat.services import delivery
from imchat.services.access import NO_CONVERSATION
from imchat.services.app import App
from imchat.services.hydration import hydrate, redact_before, visible_before
from imchat.storage.repositories import conversations, events
from imchat.storage.repositories.events import Tail
from imchat.storage.table import ConditionFailed, Op

ATTEMPTS: Final = 12
"""Lost races before `Busy`. With jittered pauses a writer among 50 loses fewer, as measured by the race tests."""


class Append(NamedTuple):
    """A decision to append `draft`. `ops` returns further ops for the same transaction, given the event.

    The drafts of `followed_by` are appended after it, at the next seqs, in the same transaction. `hydrate` turns the
    stored event into the one that is returned and pushed.
    """

    draft: Draft
    ops: Callable[[Event], list[Op]] = lambda _event: []
    followed_by: Sequence[Append] = ()
    hydrate: Callable[[Event], Event] = lambda event: event


class AlreadyDone(NamedTuple):
    """A decision to write nothing, because `event` did it already (None: there was nothing to do).

    The event is pushed again, because a crash may have prevented the first push.
    """

    event: Event | None


Decision: TypeAlias = Callable[[Tail, Member], Append | AlreadyDone]


@record
class Appended(Record):
    """The event that fulfils the request; `new` unless an earlier attempt wrote it. None: there was nothing to do."""

    event: Event | None
    new: bool


def append(
    app: App,
    conversation_id: ConversationId,
    actor_id: UserId,
    decide: Decision,
    *,
    after_seq: int | None = None,
    also_load: Collection[UserId] = (),
    as_member: Member | None = None,
    skip_connection: ConnectionId | None = None,
) -> Appended:
    """Append the event that `decide` returns for the tail of the log, and push it.

    The tail begins at `after_seq`; if None, it is the newest `REPLAY_WINDOW` events. `decide` gets the tail and the actor's
    membership as of its last event, and is called again after a lost race. `also_load` are other users whose memberships it
    needs: in a large conversation the tail has only these and the actor's. `as_member` is used for an actor who is not
    a member yet. `skip_connection` is a connection of the actor's that gets the event in the response instead of a push.
    Raises: NotFound for someone who is not a member; Suspended; Conflict `behind` if too many events follow `after_seq`;
    Busy after too many lost races; what `decide` raises.
    """
    if after_seq is None:
        after_seq = _find_replay_start(app, conversation_id, actor_id, is_joining=as_member is not None)
    for attempt in range(1, ATTEMPTS + 1):
        tail = events.read_tail(
            app.table, conversation_id, after_seq=after_seq, also_load=[actor_id, *also_load]
        )
        actor = None if tail is None else tail.members.get(actor_id, as_member)
        if tail is None or actor is None:
            raise NotFound(NO_CONVERSATION)
        if actor.suspended:
            raise Suspended
        _check_after_seq(tail)
        decision = decide(tail, actor)
        if isinstance(decision, AlreadyDone):
            if decision.event is None:
                return Appended(None, new=False)
            [event] = hydrate(app.table, conversation_id, [decision.event])
            if visible_before([event], tail.events[-1]["seq"]):
                # Not deferred: a deferred update would replace the one for a newer event.
                _publish(app, conversation_id, [event], tail, skip_connection, defer_head=False)
            return Appended(redact_before(event, actor.history_from), new=False)
        newest = tail.events[-1]
        event = _assign_next_seq(app, newest, decision.draft)
        written = [event]
        ops = decision.ops(event)
        for following in decision.followed_by:
            next_event = _assign_next_seq(app, written[-1], following.draft)
            written.append(next_event)
            ops += [events.put_new(conversation_id, next_event), *following.ops(next_event)]
        try:
            events.append(app.table, conversation_id, event, *ops)
        except ConditionFailed:
            # The tail must also have the events that are missing in the head.
            after_seq = min(newest["seq"], tail.head.last_seq + 1)
            app.runtime.backoff(attempt)
            continue
        written[0] = event = decision.hydrate(event)
        # A send returns nothing that is read from the head; the other changes do.
        defer_head = written[-1]["type"] == "message.created"
        _publish(app, conversation_id, written, tail, skip_connection, defer_head=defer_head)
        return Appended(event, new=True)
    raise Busy("many people are writing in this conversation right now; try again")


def _find_replay_start(
    app: App, conversation_id: ConversationId, actor_id: UserId, *, is_joining: bool
) -> int:
    """Return the seq of the first of the newest `REPLAY_WINDOW` events. Raises: NotFound.

    Head and membership are read in one request, so that non-members get their error before the log is read.
    """
    if is_joining:
        head = conversations.get(app.table, conversation_id)
    else:
        known = conversations.get_with_member(app.table, conversation_id, actor_id)
        head = known[0] if known else None
    if head is None:
        raise NotFound(NO_CONVERSATION)
    return max(head.last_seq - REPLAY_WINDOW + 1, 1)


def _assign_next_seq(app: App, newest: Event, draft: Draft) -> Event:
    """Return the event of a draft that is appended after `newest`."""
    return assign_seq(
        draft,
        seq=newest["seq"] + 1,
        at_ms=max(app.now_ms(), newest["at_ms"]),
        messages_before=newest["message_count"],
    )


def _check_after_seq(tail: Tail) -> None:
    if tail.too_many_events:
        raise Conflict(
            "too many events follow after_seq; read the log, then send again",
            reason="behind",
            last_seq=tail.head.last_seq,
        )
    if not tail.events:
        raise Invalid("after_seq is past the end of the log", field="after_seq", limit=tail.head.last_seq)


def _publish(
    app: App,
    conversation_id: ConversationId,
    written: list[Event],
    tail: Tail,
    skip_connection: ConnectionId | None,
    *,
    defer_head: bool,
) -> None:
    """Update the head and push the events. Repeating it is harmless: a retry completes what a crash interrupted."""

    def advance() -> None:
        conversations.advance_head(
            app.table, conversation_id, written[-1], message_not_in_head=tail.message_not_in_head
        )

    app.runtime.run_concurrently(
        partial(app.runtime.defer, conversation_id, advance) if defer_head else advance,
        lambda: delivery.publish(app, conversation_id, written, tail, skip_connection),
    )
