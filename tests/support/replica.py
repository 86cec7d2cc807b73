"""A client's replica of one conversation, updated by the rules of `docs/protocol.md`, and its comparison with the server.

`verify_action` checks the guarantee of the whole protocol: a client that had the old state and applied the events has the
same state as a client that reads everything again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from tests.support.world import World

from imchat.api.dispatch import HttpRequest, dispatch
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import PREVIEW_CHARS

_PREVIEW_FIELDS = ("client_message_id", "body", "edited_at_ms", "deleted_at_ms")


class Replica:
    """The state of one member's client: the entry and the whole log, as the server returned them, updated by events."""

    def __init__(self, me: UserId, entry: dict[str, Any], events: list[dict[str, Any]]) -> None:
        self.me = me
        self.entry = entry
        self.events = events

    @classmethod
    def fetch(cls, world: World, me: UserId, conversation_id: ConversationId) -> Self | None:
        """Read everything from the server. Returns None for someone who is not a member."""
        entry = _get(world, me, f"/conversations/{conversation_id}")
        page = _get(world, me, f"/conversations/{conversation_id}/events", limit="200")
        if entry is None or page is None:
            return None
        assert not page["has_more"], "the log is longer than one page"
        del entry["users"]
        return cls(me, entry, page["events"])

    @property
    def last(self) -> int:
        """The seq of the newest known event."""
        return int(self.events[-1]["seq"])

    def apply(self, event: dict[str, Any]) -> None:
        """Apply a pushed or read event. A known event is ignored; a gap is an error."""
        if event["seq"] <= self.last:
            return
        assert event["seq"] == self.last + 1, f"event {self.last + 1} is missing"
        self.events.append(event)
        conversation = self.entry["conversation"]
        conversation["last_seq"] = event["seq"]
        conversation["message_count"] = event["message_count"]
        self._apply_to_messages(event)
        self._apply_to_conversation(event, conversation)
        self.entry["unread"] = self._unread()

    def state(self) -> dict[str, Any]:
        """Return the state by which two replicas are compared."""
        return {"entry": self.entry, "events": self.events}

    def _apply_to_messages(self, event: dict[str, Any]) -> None:
        if event["type"] == "message.created":
            self.entry["last_message"] = _preview(event)
            mine = self.me in event["message"].get("mentions", {}).values() and event["actor_id"] != self.me
            self.entry["unread_mentions"] += mine
        if "message" not in event or "target_seq" not in event:
            return
        seq, message = event["target_seq"], event["message"]
        author = None
        for held in self.events:
            if held["seq"] == seq:
                author = held["actor_id"]
            if held["seq"] == seq or held.get("target_seq") == seq:
                held["message"] = message
                if "reply_to" not in message:
                    held.pop("quote", None)
        for held in self.events:
            if held["type"] == "message.created" and held["message"].get("reply_to") == seq:
                held["quote"] = _quote(author, message)
        last = self.entry.get("last_message")
        if last is not None and last["seq"] == seq:
            self.entry["last_message"] = _preview({**last, "message": message})

    def _apply_to_conversation(self, event: dict[str, Any], conversation: dict[str, Any]) -> None:
        members = {member["user_id"]: member for member in conversation["members"]}
        pinned = conversation["pinned"]
        match event:
            case {"type": "conversation.updated"}:
                for name in conversation.keys() & event.keys() - {"message_count"}:
                    conversation[name] = event[name]
            case {"type": "member.added", "user_id": user_id, "role": role, "seq": seq}:
                members[user_id] = {"user_id": user_id, "role": role, "joined_seq": seq, "read_seq": seq}
            case {"type": "member.removed", "user_id": user_id}:
                del members[user_id]
            case {"type": "member.role_changed", "user_id": user_id, "role": role}:
                members[user_id]["role"] = role
            case {"type": "message.pinned", "target_seq": seq}:
                pinned.append(seq)
            case {"type": "message.unpinned" | "message.deleted", "target_seq": seq} if seq in pinned:
                pinned.remove(seq)
        conversation["members"] = sorted(members.values(), key=lambda member: str(member["user_id"]))
        conversation["member_count"] = len(members)

    def _unread(self) -> int:
        last = self.entry.get("last_message")
        if last is not None and last["actor_id"] == self.me:
            return 0
        read = [event for event in self.events if event["seq"] <= self.entry["read_seq"]]
        return int(self.events[-1]["message_count"] - (read[-1]["message_count"] if read else 0))


def verify_action(
    world: World, conversation_id: ConversationId, people: Sequence[UserId], action: Callable[[], object]
) -> list[str]:
    """Run an action, then compare all replicas with the server: updated by pushes, and updated by reading.

    Returns the types of the new events.
    """
    phones = {user_id: world.connect(user_id, f"phone-{user_id}") for user_id in people}
    pushed, read, frame_counts = (
        {},
        {},
        {user_id: len(world.received(phone)) for user_id, phone in phones.items()},
    )
    for user_id in people:
        pushed[user_id], read[user_id] = (Replica.fetch(world, user_id, conversation_id) for _ in range(2))
    try:
        action()
    finally:
        types: list[str] = []
        for user_id in people:
            frames = world.received(phones[user_id])[frame_counts[user_id] :]
            new_events = [event for frame in frames if frame["type"] == "events" for event in frame["events"]]
            types = max(
                types,
                _check_replica(world, conversation_id, new_events, pushed[user_id], read[user_id]),
                key=len,
            )
    return types


def _check_replica(
    world: World,
    conversation_id: ConversationId,
    new_events: list[dict[str, Any]],
    pushed: Replica | None,
    read: Replica | None,
) -> list[str]:
    if pushed is None or read is None:
        return []  # The user was not a member before, so there is nothing to update.
    fresh = Replica.fetch(world, pushed.me, conversation_id)
    if fresh is None:
        assert (new_events[-1]["type"], new_events[-1]["user_id"]) == ("member.removed", pushed.me)
        return []
    before = pushed.last
    for event in json.loads(json.dumps(new_events)):
        pushed.apply(event)
    assert pushed.state() == fresh.state()
    page = _get(world, read.me, f"/conversations/{conversation_id}/events", after=str(read.last))
    assert page is not None
    for event in page["events"]:
        read.apply(event)
    assert read.state() == fresh.state()
    return [str(event["type"]) for event in fresh.events if event["seq"] > before]


def _get(world: World, user_id: UserId, path: str, **query: str) -> dict[str, Any] | None:
    response = dispatch(world.app, HttpRequest("GET", "/api" + path, query, b"", user_id, "request"))
    assert response.status in {200, 404}
    body: dict[str, Any] = json.loads(response.body)
    return body if response.status == 200 else None


def _preview(event: dict[str, Any]) -> dict[str, Any]:
    short = {name: event["message"][name] for name in _PREVIEW_FIELDS if name in event["message"]}
    short["body"] = short["body"][:PREVIEW_CHARS]
    return {**{name: value for name, value in event.items() if name != "quote"}, "message": short}


def _quote(author: str | None, message: dict[str, Any]) -> dict[str, Any]:
    quote = {"actor_id": author, "body": message["body"][:PREVIEW_CHARS]}
    return quote | {name: message[name] for name in ("deleted_at_ms", "changed_seq") if name in message}
