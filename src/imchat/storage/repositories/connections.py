"""Open WebSocket connections by person, the tickets that open them, the sign-ins that open none.

Expired connections and tickets count as absent. Nobody looks when a sign-in that is over expires: nothing can come of it by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from imchat.domain.ids import ConnectionId, SignInId, UserId
from imchat.domain.limits import CONNECTION_S, CONNECTIONS_PER_USER
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
"""While an item has this attribute, nothing else in it counts: what a connection adds that is just being made, neither."""

_RESERVED_ATTRIBUTES: Final = (TTL_ATTRIBUTE, _SUSPENDED)

SIGNED_OUT_S: Final = (30 * 24 + 1) * 3600
"""How long it is known that a sign-in is over: as long as its refresh token lives, and the last access token by it."""


class Ticket(NamedTuple):
    """Whose it is, and the sign-in that it was issued to, where tokens name theirs."""

    user_id: UserId
    sign_in: SignInId | None


class AddedConnection(NamedTuple):
    """`surplus` are the oldest connections past the limit, forgotten now; `alone` says that no other was open."""

    evicted: list[ConnectionId]
    is_first: bool


def add(table: Table, user_id: UserId, connection_id: ConnectionId, *, now_s: int) -> AddedConnection:
    """Note an open connection; forget expired ones, and the oldest past the limit."""
    key = keys.connections(user_id)
    known = {
        name: expiry for name, expiry in (table.get(key) or {}).items() if name not in _RESERVED_ATTRIBUTES
    }
    expired = [name for name, expiry in known.items() if expiry <= now_s]
    live = sorted((name for name, expiry in known.items() if expiry > now_s), key=known.__getitem__)
    surplus = live[: max(0, len(live) + 1 - CONNECTIONS_PER_USER)]
    expiry = now_s + CONNECTION_S
    table.write(Update(key, set={connection_id: expiry, TTL_ATTRIBUTE: expiry}, remove=[*expired, *surplus]))
    return AddedConnection([ConnectionId(name) for name in surplus], is_first=not live)


def remove(table: Table, user_id: UserId, connection_ids: Iterable[ConnectionId]) -> None:
    """Forget connections; nothing happens where none is noted."""
    gone = list(connection_ids)
    if gone:
        # The condition keeps a late farewell from leaving an empty item behind that never expires.
        with suppress(ConditionFailed):
            table.write(Update(keys.connections(user_id), remove=gone, condition=Present()))


def list_for(table: Table, user_ids: Iterable[UserId], *, now_s: int) -> dict[ConnectionId, UserId]:
    """The open connections of several people, each with whose it is."""
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
    """Forget the person's connections. Returns them, to be closed."""
    item = table.get(keys.connections(user_id)) or {}
    known = [ConnectionId(name) for name in item if name not in _RESERVED_ATTRIBUTES]
    remove(table, user_id, known)
    return known


def mark_signed_out(table: Table, user_id: UserId, sign_in: SignInId, *, now_s: int) -> None:
    """Note that a sign-in is over."""
    table.write(Put(keys.signed_out_sign_in(user_id, sign_in), {TTL_ATTRIBUTE: now_s + SIGNED_OUT_S}))


def is_signed_out(table: Table, user_id: UserId, sign_in: SignInId) -> bool:
    """Whether the person has signed out of it."""
    return table.get(keys.signed_out_sign_in(user_id, sign_in)) is not None


def suspend(table: Table, user_id: UserId) -> list[ConnectionId]:
    """Let nothing be pushed to the person from now on. Returns the connections that they had, to be closed."""
    key = keys.connections(user_id)
    known = [name for name in table.get(key) or {} if name != _SUSPENDED]
    table.write(Update(key, set={_SUSPENDED: True}, remove=known))
    return [ConnectionId(name) for name in known if name != TTL_ATTRIBUTE]


def resume(table: Table, user_id: UserId) -> None:
    """Let things be pushed to the person again."""
    with suppress(ConditionFailed):
        shut_item = Equals(_SUSPENDED, value=True)
        table.write(Update(keys.connections(user_id), remove=[_SUSPENDED], condition=shut_item))


def put_ticket(table: Table, secret: str, ticket: Ticket, *, expires_at_ms: int) -> None:
    """Keep a ticket until it is used or `expires_at_ms`."""
    item: Item = {
        "user_id": ticket.user_id,
        "sign_in": ticket.sign_in,
        "expires_at_ms": expires_at_ms,
        TTL_ATTRIBUTE: expires_at_ms // 1000 + 1,
    }
    table.write(Put(keys.ticket(secret), item))


def consume_ticket(table: Table, secret: str, *, now_ms: int) -> Ticket | None:
    """Use a ticket up and return it; None if it is unknown, used or expired."""
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
