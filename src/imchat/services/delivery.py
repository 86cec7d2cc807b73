"""Bringing events to members: at once to few, by way of the queue to many, in one frame for several where a room is hot.

Of the queue's jobs (`services/fanout_jobs.py`) each reads the events first and the members after them: whoever is a member then,
and has been one since before an event, was a member when it was written. So however late or often a job runs, nobody
gets an event that lies past their removal.
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
"""Posts that a request makes itself while its sender waits; more are left to the queue."""
ROOM_POSTS_PER_S: Final = 2_500
"""What one conversation may post when it is hot: a quarter of an account's default quota. Its events are then pushed together,
as far apart as posting to all members takes at this rate. Source: API Gateway quotas, "Throttle quota per account"."""
REACH: Final = 20
"""Events right before its own that a job sees to as well, if none has taken them on: their jobs may come after it."""
CHUNK: Final = 200
"""People in one `Deliver`: two batch gets of connections, and posts for a fraction of a second."""


def publish(
    app: App,
    conversation_id: ConversationId,
    written: list[Event],
    tail: Tail,
    skip_connection: ConnectionId | None = None,
) -> None:
    """Push events that lie in the log since `tail` was read, or, once more, before; or see to it that they will be.

    Left out is the connection `answered` if it is the actor's own; the queue's jobs push to that one too. Raises: Busy.
    """
    known: Mapping[UserId, Member] = tail.members if tail.has_all_members else {}
    if app.queue is None and not tail.has_all_members:
        known = {**members.list_for(app.table, conversation_id), **tail.members}
    first_seq = written[0]["seq"]
    # Once more, or read after it was written: by now there may be members whose history begins later.
    if first_seq <= tail.events[-1]["seq"] or not tail.has_all_members:
        known = {user_id: member for user_id, member in known.items() if member.history_from <= first_seq}
    ready = [
        (page, fanout.open_connections(app, user_ids))
        for page, user_ids in by_visible_history(written, known)
    ]
    if skip_connection is not None:
        for _, owners in ready:
            if owners.get(skip_connection) == written[0]["actor_id"]:
                del owners[skip_connection]
    if app.queue is None or (
        tail.has_all_members and sum(len(owners) for _, owners in ready) <= DIRECT_POSTS
    ):
        for page, owners in ready:
            fanout.post(app, owners, fanout.events_frame(conversation_id, page))
        return
    app.queue.put([encode_job(AnnounceJob(conversation_id, first_seq))])
    # Whoever was removed is no member when the job runs, and is to know.
    removed = {event["user_id"] for event in written if event["type"] == "member.removed"}
    for page, user_ids in by_visible_history(
        written, {who: tail.members[who] for who in removed & tail.members.keys()}
    ):
        fanout.notify(app, user_ids, fanout.events_frame(conversation_id, page))


def run_job(app: App, job: Job, *, again: bool) -> None:
    """Do what the job says; `again` where an earlier run of it may have ended half-way. Raises: Busy; then run it again."""
    if app.queue is None:
        raise ConfigError("there is no fan-out queue that this job could come from")
    match job:
        case AnnounceJob():
            _announce(app, app.queue, job, again=again)
        case DeliverJob():
            _deliver(app, job)
        case _:
            assert_never(job)


def _announce(app: App, queue: FanoutQueue, job: AnnounceJob, *, again: bool) -> None:
    """Take on the event and whatever follows it by now, unless another job did; in a hot room, later."""
    conversation_id, seq = job
    pushed = fanout_progress.get(app.table, conversation_id)
    now_ms = app.now_ms()
    if pushed is not None:
        if seq <= (pushed.handed_off_seq if again else pushed.claimed_seq):
            return
        if now_ms < pushed.next_ms and not again:
            queue.put([encode_job(job)], delay_s=-(-(pushed.next_ms - now_ms) // 1000))
            return
    first_seq = min(seq, max(pushed.claimed_seq + 1 if pushed else 1, seq - REACH))
    page = events.list_after(app.table, conversation_id, first_seq - 1, limit=PAGE_MAX)
    head = conversations.get(app.table, conversation_id)
    if not page or head is None:
        return
    last_seq = page[-1]["seq"]
    next_ms = now_ms + head.member_count * 1000 // ROOM_POSTS_PER_S
    taken = fanout_progress.claim(
        app.table, conversation_id, pushed, seq=seq, last_seq=last_seq, next_ms=next_ms
    )
    if taken or again:
        queue.put([encode_job(chunk) for chunk in _chunks(app, conversation_id, page)])
        fanout_progress.hand_off(app.table, conversation_id, last_seq)


def _chunks(app: App, conversation_id: ConversationId, page: list[Event]) -> list[DeliverJob]:
    """The events for everybody who is a member now, from their joining on and as far as their history goes."""
    first_seq, last_seq = page[0]["seq"], page[-1]["seq"]
    older = sorted(referenced_seqs(page))
    alike: defaultdict[tuple[int, int], list[UserId]] = defaultdict(list)
    for member in members.list_for(app.table, conversation_id).values():
        unseen = bisect_left(older, member.history_from)
        since = older[unseen - 1] + 1 if unseen else 1
        alike[max(first_seq, member.joined_seq), since].append(member.user_id)
    return [
        DeliverJob(conversation_id, start_seq, last_seq, since, user_ids[start : start + CHUNK])
        for (start_seq, since), user_ids in alike.items()
        if start_seq <= last_seq
        for start in range(0, len(user_ids), CHUNK)
    ]


def _deliver(app: App, chunk: DeliverJob) -> None:
    conversation_id, first_seq, last_seq, history_from, user_ids = chunk
    stored = events.list_after(app.table, conversation_id, first_seq - 1, limit=last_seq - first_seq + 1)
    page = hydrate(app.table, conversation_id, stored, since=history_from)
    calm = visible_before(page, last_seq)
    if len(calm) < len(page) and _member_removed_after(app, conversation_id, last_seq):
        page = calm
    owners = fanout.open_connections(app, user_ids)
    for part in fanout.split_into_frames(page):
        fanout.post(app, owners, fanout.events_frame(conversation_id, part))


def _member_removed_after(app: App, conversation_id: ConversationId, seq: int) -> bool:
    """Whether somebody may have been removed since, who must not see what messages became after that."""
    since = events.list_after(app.table, conversation_id, seq, limit=PAGE_MAX)
    return len(since) == PAGE_MAX or any(event["type"] == "member.removed" for event in since)
