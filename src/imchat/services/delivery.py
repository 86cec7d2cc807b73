"""Running the jobs of the fan-out queue: who gets which events, decided in an order that keeps "out means out".

Events are read first, members after them: whoever is a member then, and has been one since before an event, was a
member when it was written. So however late a job runs, nobody gets an event that lies past their removal.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, assert_never

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import PAGE_MAX
from imchat.services import fanout
from imchat.services.app import App
from imchat.services.jobs import Announce, Deliver, Job, encode
from imchat.services.shown import settled, shown
from imchat.storage import events, members

CHUNK: Final = 200
"""People in one `Deliver`: two batch gets of connections, and posts for a fraction of a second."""


def run(app: App, job: Job) -> None:
    """Do what the job says. Running it again does no harm. Raises: Busy; then run it again."""
    match job:
        case Announce(conversation_id, seq):
            _announce(app, conversation_id, seq)
        case Deliver():
            _deliver(app, job)
        case _:
            assert_never(job)


def _announce(app: App, conversation_id: ConversationId, seq: int) -> None:
    page = events.after(app.table, conversation_id, seq - 1, limit=PAGE_MAX)
    if not page:
        return
    last_seq = page[-1]["seq"]
    starts: defaultdict[tuple[int, int], list[UserId]] = defaultdict(list)
    for member in members.of(app.table, conversation_id).values():
        starts[max(seq, member.joined_seq), member.history_from].append(member.user_id)
    chunks = [
        Deliver(conversation_id, first_seq, last_seq, history_from, user_ids[start : start + CHUNK])
        for (first_seq, history_from), user_ids in starts.items()
        if first_seq <= last_seq
        for start in range(0, len(user_ids), CHUNK)
    ]
    if app.queue is None or len(chunks) == 1:
        for chunk in chunks:
            _deliver(app, chunk)
    else:
        app.queue.put([encode(chunk) for chunk in chunks])


def _deliver(app: App, chunk: Deliver) -> None:
    conversation_id, first_seq, last_seq, history_from, user_ids = chunk
    stored = events.after(app.table, conversation_id, first_seq - 1, limit=last_seq - first_seq + 1)
    page = settled(shown(app.table, conversation_id, stored, since=history_from), last_seq)
    if page:
        fanout.notify(app, user_ids, fanout.events_frame(conversation_id, page))
