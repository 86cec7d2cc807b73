"""Open WebSocket connections by user, the tickets that open them, and the sign-ins that have ended.

Expired connections and tickets count as absent. The expiry of an ended sign-in is not checked: its tokens have expired by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from imchat.domain.ids import ConnectionId, SignInId, UserId
from imchat.domain.limits import CONNECTION_S, CONNECTIONS_PER_USER
from imchat.domain.record import Record, record
from imchat.storage.repositories import keys
from imchat.storage.table import (
    TTL_ATTRIBUTE,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    Present,
    Put,
    Table,
    Update,
)

_SUSPENDED: Final = "suspended"
"""While an item has this attribute, its connections are ignored, including one that is added at the same moment."""

_RESERVED_ATTRIBUTES: Final = (TTL_ATTRIBUTE, _SUSPENDED)

SIGNED_OUT_S: Final = (30 * 24 + 1) * 3600
"""How long an ended sign-in is stored: as long as its refresh token and the last access token from it can be valid."""


@record
class Ticket(Record):
    """The user of a ticket, and their sign-in if their token names it."""

    user_id: UserId
    sign_in: SignInId | None


class AddedConnection(NamedTuple):
    """`evicted` are the oldest connections above the limit, removed now. `is_first`: no other connection was open."""

    evicted: list[ConnectionId]
    is_first: bool


def add(table: Table, user_id: UserId, connection_id: ConnectionId, *, now_s: int) -> AddedConnection:
    """Add an open connection. Removes expired connections, and the oldest ones above the limit."""
    key = keys.connections(user_id)
    known = {
        name: expiry for name, expiry in (table.get(key) or {}).items() if name not in _RESERVED_ATTRIBUTES
    }
    expired = [name for name, expiry in known.items() if expiry <= now_s]
    live = sorted((name for name, expiry in known.items() if expiry > now_s), key=known.__getitem__)
    evicted = live[: max(0, len(live) + 1 - CONNECTIONS_PER_USER)]
    expiry = now_s + CONNECTION_S
    table.write(Update(key, set={connection_id: expiry, TTL_ATTRIBUTE: expiry}, remove=[*expired, *evicted]))
    return AddedConnection([ConnectionId(name) for name in evicted], is_first=not live)


def remove(table: Table, user_id: UserId, connection_ids: Iterable[ConnectionId]) -> None:
    """Remove connections. Ignores missing ones."""
    names = list(connection_ids)
    if names:
        # Without the condition, a late disconnect would create an empty item that never expires.
        with suppress(ConditionFailed):
            table.write(Update(keys.connections(user_id), remove=names, condition=Present()))


def list_for(table: Table, user_ids: Iterable[UserId], *, now_s: int) -> dict[ConnectionId, UserId]:
    """Return the open connections of several users, each with its user."""
    wanted = {keys.connections(user_id): user_id for user_id in user_ids}
    found: dict[ConnectionId, UserId] = {}
    for key, item in table.get_many(wanted).items():
        if _SUSPENDED not in item:
            user_id = wanted[key]
            for name, expiry in item.items():
                if expiry > now_s and name != TTL_ATTRIBUTE:
                    found[ConnectionId(name)] = user_id
    return found


def remove_all(table: Table, user_id: UserId) -> list[ConnectionId]:
    """Remove all connections of a user. Returns them, so that the caller can close them."""
    item = table.get(keys.connections(user_id)) or {}
    known = [ConnectionId(name) for name in item if name not in _RESERVED_ATTRIBUTES]
    remove(table, user_id, known)
    return known


def mark_signed_out(table: Table, user_id: UserId, sign_in: SignInId, *, now_s: int) -> None:
    """Record that a sign-in has ended."""
    table.write(Put(keys.signed_out_sign_in(user_id, sign_in), {TTL_ATTRIBUTE: now_s + SIGNED_OUT_S}))


def is_signed_out(table: Table, user_id: UserId, sign_in: SignInId) -> bool:
    """Return whether the user has signed out of this sign-in."""
    return table.get(keys.signed_out_sign_in(user_id, sign_in)) is not None


def suspend(table: Table, user_id: UserId) -> list[ConnectionId]:
    """Stop all pushes to a user. Returns the connections they had, so that the caller can close them."""
    key = keys.connections(user_id)
    known = [name for name in table.get(key) or {} if name != _SUSPENDED]
    table.write(Update(key, set={_SUSPENDED: True}, remove=known))
    return [ConnectionId(name) for name in known if name != TTL_ATTRIBUTE]


def resume(table: Table, user_id: UserId) -> None:
    """Allow pushes to a user again."""
    with suppress(ConditionFailed):
        is_suspended = Equals(_SUSPENDED, value=True)
        table.write(Update(keys.connections(user_id), remove=[_SUSPENDED], condition=is_suspended))


def put_ticket(table: Table, secret: str, ticket: Ticket, *, expires_at_ms: int) -> None:
    """Store a ticket until it is used, or until `expires_at_ms`."""
    item: Item = {
        "user_id": ticket.user_id,
        "sign_in": ticket.sign_in,
        "expires_at_ms": expires_at_ms,
        TTL_ATTRIBUTE: expires_at_ms // 1000 + 1,
    }
    table.write(Put(keys.ticket(secret), item))


def consume_ticket(table: Table, secret: str, *, now_ms: int) -> Ticket | None:
    """Delete a ticket and return it, or None if it is unknown, used or expired."""
    key = keys.ticket(secret)
    item = table.get(key)
    if item is None:
        return None
    try:
        table.write(Delete(key, Present()))
    except ConditionFailed:
        return None
    ticket = Ticket(UserId(item["user_id"]), item.get("sign_in"))
    return ticket if now_ms < item["expires_at_ms"] else None
