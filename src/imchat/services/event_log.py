"""Appending to a conversation's log: no gap, no double, one order, whoever races.

An event is put only at `tail + 1` after `tail` was read, only if nothing lies there, and events are never removed. A
removal of a member is an event too, so their append either precedes it or meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from imchat.domain.event import Draft, Event, assign_seq
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import REPLAY_WINDOW
from imchat.domain.member import Member
from imchat.errors import Busy, Conflict, Invalid, NotFound, Suspended
from imchat.services import delivery
from imchat.services.access import NO_CONVERSATION
from imchat.services.app import App
from imchat.services.hydration import hydrate, redact_before, visible_before
from imchat.storage.repositories import conversations, events
from imchat.storage.repositories.events import Tail
from imchat.storage.table import ConditionFailed, Op

ATTEMPTS: Final = 12
"""Lost races before `Busy`. With jittered pauses a writer among 50 loses fewer; measured by the race tests."""


class Append(NamedTuple):
    """A decision to append `draft`, and in the same transaction whatever `ops` says about the event that it becomes.

    `then` follows it, seq by seq, in that same transaction. `shown` makes of the stored event the one that is answered and
    pushed.
    """

    draft: Draft
    ops: Callable[[Event], list[Op]] = lambda _event: []
    followed_by: Sequence[Append] = ()
    hydrate: Callable[[Event], Event] = lambda event: event


class AlreadyDone(NamedTuple):
    """A decision that nothing is to be written: `event` did it already (None: there was nothing to do).

    The event is pushed again: a crash may have swallowed the first push.
    """

    event: Event | None


Decision: TypeAlias = Callable[[Tail, Member], Append | AlreadyDone]


class Appended(NamedTuple):
    """The event that stands for the request; `new` unless an earlier attempt wrote it. None: there was nothing to do."""

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
    head_may_lag: bool = False,
) -> Appended:
    """Append the event that `decide` returns for the tail of the log, and push it.

    The tail begins at `after_seq`; if None, it is the newest `REPLAY_WINDOW` events. `decide` gets the tail and the actor's
    membership as of its last event, and is called again after a lost race. `also_load` are other users whose membership it
    needs: in a large room the tail holds only these and the actor. `as_member` is used for an actor who is not a member
    yet. `skip_connection` is a connection of the actor's that gets the event in the response instead of a push.
    Raises: NotFound for someone who is not a member; Suspended; Conflict `behind` if too many events follow `after_seq`;
    Busy after too many lost races; what `decide` raises.
    """
    if after_seq is None:
        after_seq = _replay_start(app, conversation_id, actor_id, is_joining=as_member is not None)
    for attempt in range(1, ATTEMPTS + 1):
        tail = events.read_tail(
            app.table, conversation_id, after_seq=after_seq, also_load=[actor_id, *also_load]
        )
        actor = None if tail is None else tail.members.get(actor_id, as_member)
        if tail is None or actor is None:
            raise NotFound(NO_CONVERSATION)
        if actor.suspended:
            raise Suspended
        _check_reach(tail)
        decision = decide(tail, actor)
        if isinstance(decision, AlreadyDone):
            if decision.event is None:
                return Appended(None, new=False)
            [event] = hydrate(app.table, conversation_id, [decision.event])
            if visible_before([event], tail.events[-1]["seq"]):
                # At once: left to the batch's end, it would take the place of a newer event there.
                _publish(app, conversation_id, [event], tail, skip_connection, head_may_lag=False)
            return Appended(redact_before(event, actor.history_from), new=False)
        newest = tail.events[-1]
        event = _next(app, newest, decision.draft)
        written = [event]
        ops = decision.ops(event)
        for write in decision.followed_by:
            following = _next(app, written[-1], write.draft)
            written.append(following)
            ops += [events.put_new(conversation_id, following), *write.ops(following)]
        try:
            events.append(app.table, conversation_id, event, *ops)
        except ConditionFailed:
            after_seq = min(newest["seq"], tail.head.last_seq + 1)  # from what the head does not show yet
            app.pause(attempt)
            continue
        written[0] = event = decision.hydrate(event)
        _publish(app, conversation_id, written, tail, skip_connection, head_may_lag=head_may_lag)
        return Appended(event, new=True)
    raise Busy("many people are writing here at this moment; try again")


def _replay_start(app: App, conversation_id: ConversationId, actor_id: UserId, *, is_joining: bool) -> int:
    """Return the seq of the first of the newest `REPLAY_WINDOW` events. Raises: NotFound.

    Head and membership come in one request, so that a stranger is refused before the log is read.
    """
    if is_joining:
        head = conversations.get(app.table, conversation_id)
    else:
        known = conversations.get_with_member(app.table, conversation_id, actor_id)
        head = known[0] if known else None
    if head is None:
        raise NotFound(NO_CONVERSATION)
    return max(head.last_seq - REPLAY_WINDOW + 1, 1)


def _next(app: App, newest: Event, draft: Draft) -> Event:
    """The event that `draft` becomes behind `newest`."""
    return assign_seq(
        draft,
        seq=newest["seq"] + 1,
        at_ms=max(app.now_ms(), newest["at_ms"]),
        messages_before=newest["message_count"],
    )


def _check_reach(tail: Tail) -> None:
    if tail.too_many_events:
        raise Conflict(
            "the log has gone on too far; read it, then send again",
            reason="behind",
            last_seq=tail.head.last_seq,
        )
    if not tail.events:
        raise Invalid("after_seq is past the log's end", field="after_seq", limit=tail.head.last_seq)


def _publish(
    app: App,
    conversation_id: ConversationId,
    written: list[Event],
    tail: Tail,
    skip_connection: ConnectionId | None,
    *,
    head_may_lag: bool,
) -> None:
    """Bring the head up to date and push. Repeating it does no harm: a retry repairs what a crash swallowed."""

    def advance() -> None:
        conversations.advance_head(
            app.table, conversation_id, written[-1], message_not_in_head=tail.message_not_in_head
        )

    app.both(
        partial(app.once_a_batch, conversation_id, advance) if head_may_lag else advance,
        lambda: delivery.publish(app, conversation_id, written, tail, skip_connection),
    )
