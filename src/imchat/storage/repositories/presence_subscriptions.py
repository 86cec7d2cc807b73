"""Presence subscriptions: who is notified when a user goes online or offline. One item per watched user."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import WATCH_S, WATCHERS_MAX
from imchat.storage.repositories import keys
from imchat.storage.table import TTL_ATTRIBUTE, Item, Table, Update


def add(
    table: Table,
    user_ids: Iterable[UserId],
    subscriber_id: UserId,
    conversation_id: ConversationId,
    *,
    now_s: int,
) -> None:
    """Subscribe to the presence of users for `WATCH_S`. Each user keeps the `WATCHERS_MAX` most recent subscribers."""
    wanted = {keys.presence_subscribers(user_id) for user_id in user_ids}
    known = table.get_many(wanted)
    until_s = now_s + WATCH_S
    entry = {"until_s": until_s, "conversation_id": conversation_id}
    for key in wanted:
        live = _not_expired(known.get(key, {}), now_s)
        live.pop(subscriber_id, None)
        kept = sorted(live, key=lambda name: live[name]["until_s"], reverse=True)[: WATCHERS_MAX - 1]
        old = known.get(key, {}).keys() - {*kept, subscriber_id, TTL_ATTRIBUTE}
        table.write(Update(key, set={subscriber_id: entry, TTL_ATTRIBUTE: until_s}, remove=sorted(old)))


def list_for(table: Table, user_id: UserId, *, now_s: int) -> dict[UserId, ConversationId]:
    """Return the subscribers of a user, each with the conversation through which they subscribed."""
    live = _not_expired(table.get(keys.presence_subscribers(user_id)) or {}, now_s)
    return {UserId(name): ConversationId(entry["conversation_id"]) for name, entry in live.items()}


def _not_expired(item: Item, now_s: int) -> dict[str, Any]:
    return {name: entry for name, entry in item.items() if name != TTL_ATTRIBUTE and entry["until_s"] > now_s}
