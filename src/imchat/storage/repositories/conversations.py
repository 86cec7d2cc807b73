"""Conversation heads, and the pointers that form a user's inbox."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imchat.domain.conversation import DEFAULT_SETTINGS, GroupSettings, Head
from imchat.domain.event import Event, preview_of
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.member import Member
from imchat.storage.repositories import keys, members
from imchat.storage.table import (
    Absent,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    KeyRange,
    LessThan,
    Put,
    Row,
    Table,
    Update,
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """An inbox entry: its user is a member of a conversation. `peer_id` is the other user of a direct conversation."""

    conversation_id: ConversationId
    peer_id: UserId | None


def get(table: Table, conversation_id: ConversationId) -> Head | None:
    """Return the head of a conversation, or None."""
    item = table.get(keys.head(conversation_id))
    return None if item is None else head_from_item(conversation_id, item)


def get_with_member(
    table: Table, conversation_id: ConversationId, user_id: UserId
) -> tuple[Head, Member] | None:
    """Return the head and one user's membership, in one request; None if either does not exist."""
    head_key, member_key = keys.head(conversation_id), keys.member(conversation_id, user_id)
    found = table.get_many([head_key, member_key])
    if len(found) < 2:  # noqa: PLR2004 - both
        return None
    member = members.member_from_item(user_id, found[member_key])
    return head_from_item(conversation_id, found[head_key]), member


def get_many(table: Table, conversation_ids: Iterable[ConversationId]) -> dict[ConversationId, Head]:
    """Return the heads that exist, by conversation id."""
    wanted = {keys.head(conversation_id): conversation_id for conversation_id in conversation_ids}
    return {wanted[key]: head_from_item(wanted[key], item) for key, item in table.get_many(wanted).items()}


def advance_head(
    table: Table, conversation_id: ConversationId, event: Event, *, message_not_in_head: Event | None = None
) -> None:
    """Make `event` the newest event of the head, unless the head has a newer one already.

    `message_not_in_head` is an earlier message that the head does not contain yet. Its own `advance_head` comes too late
    after this one, so it is written now.
    """
    changes: Item = {"last_seq": event["seq"], "message_count": event["message_count"]}
    if event["type"] == "message.created":
        changes["last_message"] = preview_of(event)
    elif message_not_in_head is not None and message_not_in_head["seq"] < event["seq"]:
        changes["last_message"] = preview_of(message_not_in_head)
    try:
        table.write(
            Update(keys.head(conversation_id), set=changes, condition=LessThan("last_seq", event["seq"]))
        )
    except ConditionFailed:
        return


def put_new(head: Head) -> Put:
    """Return the op that creates a head. It fails if the conversation exists."""
    item = {"kind": head.kind, "title": head.title, "created_at_ms": head.created_at_ms}
    item |= {
        "last_seq": head.last_seq,
        "message_count": head.message_count,
        "member_count": head.member_count,
    }
    return Put(keys.head(head.conversation_id), item, Absent())


def advance_op(seen: Head, event: Event, message_not_in_head: Event | None, **changes: Any) -> Update:
    """Return the op that changes a head together with `event`. It fails if the head has changed since `seen`.

    So a slower `advance_head` cannot restore anything that `changes` removed. `message_not_in_head`: see `advance_head`.
    """
    hint: Item = {"last_seq": event["seq"], "message_count": event["message_count"]}
    if message_not_in_head is not None:
        hint["last_message"] = preview_of(message_not_in_head)
    unchanged = Equals("last_seq", seen.last_seq)
    return Update(keys.head(seen.conversation_id), set={**hint, **changes}, condition=unchanged)


def set_settings(conversation_id: ConversationId, title: str | None, settings: GroupSettings) -> Update:
    """Return the op that sets title and settings."""
    return Update(keys.head(conversation_id), set={"title": title, "settings": settings.to_dict()})


def add_to_member_count(conversation_id: ConversationId, *, delta: int) -> Update:
    """Return the op that adds `delta`, which may be negative, to the member count."""
    return Update(keys.head(conversation_id), add={"member_count": delta})


def put_pointer(user_id: UserId, pointer: Pointer) -> Put:
    """Return the op that adds a conversation to a user's inbox."""
    return Put(keys.pointer(user_id, pointer.conversation_id), {"peer_id": pointer.peer_id})


def delete_pointer(user_id: UserId, conversation_id: ConversationId) -> Delete:
    """Return the op that removes a conversation from a user's inbox."""
    return Delete(keys.pointer(user_id, conversation_id))


def list_pointers(
    table: Table, user_id: UserId, *, after: ConversationId | None, limit: int
) -> list[Pointer]:
    """Return the conversations of a user: the first `limit` after the id `after`."""
    start = None if after is None else keys.pointer(user_id, after).sk
    rows = table.query(KeyRange(keys.user_pk(user_id), prefix=keys.POINTER_PREFIX, after=start), limit=limit)
    return [
        Pointer(ConversationId(row.sk.removeprefix(keys.POINTER_PREFIX)), row.item["peer_id"]) for row in rows
    ]


def head_from_row(conversation_id: ConversationId, row: Row) -> Head:
    """Return the head stored in a row of its conversation."""
    head: Head | None = row.parsed
    if head is None:
        head = row.parsed = head_from_item(conversation_id, row.item)
    return head


def head_from_item(conversation_id: ConversationId, item: Item) -> Head:
    """Return the head stored in an item."""
    return Head(
        conversation_id,
        item["kind"],
        item["title"],
        item["created_at_ms"],
        item["last_seq"],
        item["message_count"],
        item.get("last_message"),
        item.get("member_count", 0),
        GroupSettings(**item["settings"]) if "settings" in item else DEFAULT_SETTINGS,
        tuple(item.get("pinned", ())),
    )
