"""Push events to members: directly for small rooms, via the queue for large ones, batched when busy.

Each job of the queue (`services/fanout_jobs.py`) reads the events first and the members second. A user who is a member at
that time, and joined before an event, was also a member when the event was written. So no matter how late or how often
a job runs, no user receives an event from after their removal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, assert_never

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import PAGE_MAX
from imchat.domain.member import Member
from imchat.errors import ConfigError
from imchat.services import fanout
from imchat.services.app import App
from imchat.services.fanout_jobs import AnnounceJob, DeliverJob, Job, encode_job
from imchat.services.hydration import by_visible_history, hydrate, referenced_seqs, visible_before
from imchat.services.protocols import FanoutQueue
from imchat.storage.repositories import conversations, events, fanout_progress, members
from imchat.storage.repositories.events import Tail

DIRECT_POSTS: Final = 50
"""Posts that a request makes itself while its sender waits. More go to the queue."""
ROOM_POSTS_PER_S: Final = 2_500
"""Posts per second of one busy conversation: a quarter of an account's default quota. Its events are then pushed in batches;
the interval between two is how long posting to all members takes at this rate. Source: API Gateway quotas, "Throttle quota
per account"."""
EARLIER_EVENTS: Final = 20
"""Events right before its own that a job also pushes, if no job has claimed them: their jobs may run after it."""
CHUNK: Final = 200
"""Users in one `DeliverJob`: two batch gets of connections, and a fraction of a second of posts."""


def publish(
    app: App,
    conversation_id: ConversationId,
    written: list[Event],
    tail: Tail,
    skip_connection: ConnectionId | None = None,
) -> None:
    """Push events of the log, or queue a job that does. They were written after `tail` was read, or before, for a retry.

    `skip_connection` gets no push if it is the actor's own, except from the jobs of the queue. Raises: Busy.
    """
    known: Mapping[UserId, Member] = tail.members if tail.has_all_members else {}
    if app.queue is None and not tail.has_all_members:
        known = {**members.list_for(app.table, conversation_id), **tail.members}
    first_seq = written[0]["seq"]
    # A retry, or members read after the write: there may be new members whose history begins later.
    if first_seq <= tail.events[-1]["seq"] or not tail.has_all_members:
        known = {user_id: member for user_id, member in known.items() if member.history_from <= first_seq}
    pushes = [
        (page, fanout.open_connections(app, user_ids))
        for page, user_ids in by_visible_history(written, known)
    ]
    if skip_connection is not None:
        for _, owners in pushes:
            if owners.get(skip_connection) == written[0]["actor_id"]:
                del owners[skip_connection]
    if app.queue is None or (
        tail.has_all_members and sum(len(owners) for _, owners in pushes) <= DIRECT_POSTS
    ):
        for page, owners in pushes:
            fanout.post(app, owners, fanout.events_frame(conversation_id, page))
        return
    app.queue.put([encode_job(AnnounceJob(conversation_id, first_seq))])
    # A removed user is not a member any more when the job runs, but must receive the event of the removal.
    removed = {event["user_id"] for event in written if event["type"] == "member.removed"}
    for page, user_ids in by_visible_history(
        written, {user_id: tail.members[user_id] for user_id in removed & tail.members.keys()}
    ):
        fanout.notify(app, user_ids, fanout.events_frame(conversation_id, page))


def run_job(app: App, job: Job, *, again: bool) -> None:
    """Run a job of the queue. `again`: an earlier run of it may have failed half-way. Raises: Busy; then run it again."""
    if app.queue is None:
        raise ConfigError("fan-out jobs need a queue: set `App.queue`")
    match job:
        case AnnounceJob():
            _announce(app, app.queue, job, again=again)
        case DeliverJob():
            _deliver(app, job)
        case _:
            assert_never(job)


def _announce(app: App, queue: FanoutQueue, job: AnnounceJob, *, again: bool) -> None:
    """Queue the delivery of the event and of those after it, unless another job claimed them. In a busy room, run later."""
    conversation_id, seq = job
    pushed = fanout_progress.get(app.table, conversation_id)
    now_ms = app.now_ms()
    if pushed is not None:
        if seq <= (pushed.handed_off_seq if again else pushed.claimed_seq):
            return
        if now_ms < pushed.next_ms and not again:
            queue.put([encode_job(job)], delay_s=-(-(pushed.next_ms - now_ms) // 1000))
            return
    first_seq = min(seq, max(pushed.claimed_seq + 1 if pushed else 1, seq - EARLIER_EVENTS))
    page = events.list_after(app.table, conversation_id, first_seq - 1, limit=PAGE_MAX)
    head = conversations.get(app.table, conversation_id)
    if not page or head is None:
        return
    last_seq = page[-1]["seq"]
    next_ms = now_ms + head.member_count * 1000 // ROOM_POSTS_PER_S
    claimed = fanout_progress.claim(
        app.table, conversation_id, pushed, seq=seq, last_seq=last_seq, next_ms=next_ms
    )
    if claimed or again:
        queue.put([encode_job(deliver) for deliver in _deliver_jobs(app, conversation_id, page)])
        fanout_progress.hand_off(app.table, conversation_id, last_seq)


def _deliver_jobs(app: App, conversation_id: ConversationId, page: list[Event]) -> list[DeliverJob]:
    """Return the jobs that deliver the events to all present members, from their joining on and limited to their history."""
    first_seq, last_seq = page[0]["seq"], page[-1]["seq"]
    referenced = sorted(referenced_seqs(page))
    by_visibility: defaultdict[tuple[int, int], list[UserId]] = defaultdict(list)
    for member in members.list_for(app.table, conversation_id).values():
        # Members who may see the same referenced messages share a job.
        hidden_count = bisect_left(referenced, member.history_from)
        history_from = referenced[hidden_count - 1] + 1 if hidden_count else 1
        by_visibility[max(first_seq, member.joined_seq), history_from].append(member.user_id)
    return [
        DeliverJob(conversation_id, start_seq, last_seq, history_from, user_ids[start : start + CHUNK])
        for (start_seq, history_from), user_ids in by_visibility.items()
        if start_seq <= last_seq
        for start in range(0, len(user_ids), CHUNK)
    ]


def _deliver(app: App, job: DeliverJob) -> None:
    conversation_id, first_seq, last_seq, history_from, user_ids = job
    stored = events.list_after(app.table, conversation_id, first_seq - 1, limit=last_seq - first_seq + 1)
    page = hydrate(app.table, conversation_id, stored, since=history_from)
    unchanged = visible_before(page, last_seq)
    if len(unchanged) < len(page) and _member_removed_after(app, conversation_id, last_seq):
        page = unchanged
    owners = fanout.open_connections(app, user_ids)
    for frame_events in fanout.split_into_frames(page):
        fanout.post(app, owners, fanout.events_frame(conversation_id, frame_events))


def _member_removed_after(app: App, conversation_id: ConversationId, seq: int) -> bool:
    """Return whether a member may have been removed since. They must not see changes of messages after their removal."""
    later = events.list_after(app.table, conversation_id, seq, limit=PAGE_MAX)
    return len(later) == PAGE_MAX or any(event["type"] == "member.removed" for event in later)
