"""Pushing frames to people: who is connected, and what became of each post. A push is a hint; the log is the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, Literal

from pydantic_core import to_json

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.services.app import App
from imchat.services.jobs import Announce
from imchat.services.jobs import encode as encode_job
from imchat.storage import connections

DIRECT_POSTS: Final = 100
"""Posts that a request makes itself while its sender waits; more are left to the queue."""


def notify_events(
    app: App, user_ids: Iterable[UserId], conversation_id: ConversationId, events: list[Event]
) -> None:
    """Push events that follow each other, exactly as they stand in the log; by way of the queue where they go to many."""
    owners = connections.of(app.table, user_ids, now_s=app.now_ms() // 1000)
    if app.queue is not None and len(owners) > DIRECT_POSTS:
        app.queue.put([encode_job(Announce(conversation_id, events[0]["seq"]))])
        # Whoever was removed is no member when the job runs, and is to know.
        named = {event.get("user_id") for event in events}
        owners = {name: user_id for name, user_id in owners.items() if user_id in named}
    if owners:
        _post(app, owners, events_frame(conversation_id, events))


def notify_conversation(
    app: App, user_ids: Iterable[UserId], conversation_id: ConversationId, change: Literal["added", "removed"]
) -> None:
    """Tell people that a conversation came into their inbox, or went out of it."""
    notify(app, user_ids, {"type": "conversation", "conversation_id": conversation_id, "change": change})


def notify(app: App, user_ids: Iterable[UserId], frame: dict[str, Any]) -> None:
    """Push one frame to every open connection of these people; forget the connections that turn out to be gone."""
    owners = connections.of(app.table, user_ids, now_s=app.now_ms() // 1000)
    if owners:
        _post(app, owners, frame)


def events_frame(conversation_id: ConversationId, events: list[Event]) -> dict[str, Any]:
    """The frame that brings events."""
    return {"type": "events", "conversation_id": conversation_id, "events": events}


def encode(frame: dict[str, Any]) -> bytes:
    """The bytes of a frame."""
    return to_json(frame)


def _post(app: App, owners: dict[ConnectionId, UserId], frame: dict[str, Any]) -> None:
    gone = app.gateway.post(list(owners), encode(frame))
    by_owner: defaultdict[UserId, list[ConnectionId]] = defaultdict(list)
    for connection_id in map(ConnectionId, gone):
        by_owner[owners[connection_id]].append(connection_id)
    for user_id, theirs in by_owner.items():
        connections.remove(app.table, user_id, theirs)
