"""Pushing frames to people: who is connected, and what became of each post. A push is a hint; the log is the truth."""

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
"""Events in one frame. With what is around them they stay below API Gateway's 128 KB for a message."""


def notify_conversation(
    app: App, user_ids: Iterable[UserId], conversation_id: ConversationId, change: Literal["added", "removed"]
) -> None:
    """Tell people that a conversation came into their inbox, or went out of it."""
    notify(app, user_ids, {"type": "conversation", "conversation_id": conversation_id, "change": change})


def events_frame(conversation_id: ConversationId, events: list[Event]) -> dict[str, Any]:
    """The frame that brings events, exactly as they stand in the log."""
    return {"type": "events", "conversation_id": conversation_id, "events": events}


def split_into_frames(events: list[Event]) -> Iterator[list[Event]]:
    """The events, in order, as parts that fit a frame each."""
    part: list[Event] = []
    size = 0
    for event in events:
        bytes_more = len(to_json(event))
        if part and size + bytes_more > EVENTS_BYTES:
            yield part
            part, size = [], 0
        part.append(event)
        size += bytes_more
    if part:
        yield part


def notify(app: App, user_ids: Iterable[UserId], frame: dict[str, Any]) -> None:
    """Push one frame to every open connection of these people; forget the connections that turn out to be gone."""
    post(app, open_connections(app, user_ids), frame)


def open_connections(app: App, user_ids: Iterable[UserId]) -> dict[ConnectionId, UserId]:
    """The open connections of these people, each with whose it is."""
    return connections.list_for(app.table, user_ids, now_s=app.now_ms() // 1000)


def post(app: App, owners: dict[ConnectionId, UserId], frame: dict[str, Any]) -> None:
    """Push one frame to connections, given with whose they are; forget those that turn out to be gone."""
    if not owners:
        return
    gone = app.gateway.post(list(owners), encode_frame(frame))
    if not gone:
        return
    by_owner: defaultdict[UserId, list[ConnectionId]] = defaultdict(list)
    for connection_id in map(ConnectionId, gone):
        by_owner[owners[connection_id]].append(connection_id)
    for user_id, theirs in by_owner.items():
        connections.remove(app.table, user_id, theirs)


def encode_frame(frame: dict[str, Any]) -> bytes:
    """The bytes of a frame."""
    return to_json(frame)
