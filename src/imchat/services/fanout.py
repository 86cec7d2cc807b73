"""Push frames to the open connections of users. A push may get lost; the log is the source of truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from pydantic_core import to_json

from imchat.domain.event import Event
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.services.app import App
from imchat.storage.repositories import connections

EVENTS_BYTES: Final = 96 * 1024
"""Bytes of events in one frame. With the rest of the frame they stay below API Gateway's limit of 128 KB per message."""


def notify_conversation(
    app: App, user_ids: Iterable[UserId], conversation_id: ConversationId, change: Literal["added", "removed"]
) -> None:
    """Notify users that a conversation was added to their inbox or removed from it."""
    notify(app, user_ids, {"type": "conversation", "conversation_id": conversation_id, "change": change})


def events_frame(conversation_id: ConversationId, events: list[Event]) -> dict[str, Any]:
    """Return the frame that pushes these events, exactly as the log has them."""
    return {"type": "events", "conversation_id": conversation_id, "events": events}


def split_into_frames(events: list[Event]) -> Iterator[list[Event]]:
    """Yield the events in order, in parts that each fit into one frame."""
    part: list[Event] = []
    size = 0
    for event in events:
        event_bytes = len(to_json(event))
        if part and size + event_bytes > EVENTS_BYTES:
            yield part
            part, size = [], 0
        part.append(event)
        size += event_bytes
    if part:
        yield part


def notify(app: App, user_ids: Iterable[UserId], frame: dict[str, Any]) -> None:
    """Push one frame to all open connections of these users. Connections that turn out to be gone are removed."""
    post(app, open_connections(app, user_ids), frame)


def open_connections(app: App, user_ids: Iterable[UserId]) -> dict[ConnectionId, UserId]:
    """Return the open connections of these users, each with the id of its user."""
    return connections.list_for(app.table, user_ids, now_s=app.now_ms() // 1000)


def post(app: App, owners: dict[ConnectionId, UserId], frame: dict[str, Any]) -> None:
    """Push one frame to connections, given with the ids of their users. Those that turn out to be gone are removed."""
    if not owners:
        return
    gone = app.gateway.post(list(owners), encode_frame(frame))
    if not gone:
        return
    by_owner: defaultdict[UserId, list[ConnectionId]] = defaultdict(list)
    for connection_id in map(ConnectionId, gone):
        by_owner[owners[connection_id]].append(connection_id)
    for user_id, connection_ids in by_owner.items():
        connections.remove(app.table, user_id, connection_ids)


def encode_frame(frame: dict[str, Any]) -> bytes:
    """Return a frame as JSON."""
    return to_json(frame)
