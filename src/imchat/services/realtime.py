"""WebSocket connections: issue tickets, open and close connections, sign out, and handle the frames of clients.

Signing out first stores that the sign-in is over and then closes its connections. Opening a connection first stores the
connection and then checks whether the sign-in is over. So if the two race, at least one of them sees the other.
"""

from __future__ import annotations

from imchat.domain.ids import ConnectionId, ConversationId, SignInId, UserId
from imchat.domain.limits import TICKET_S
from imchat.domain.record import Record, record
from imchat.errors import Suspended, Unauthenticated
from imchat.services import fanout, presence, suspensions
from imchat.services.access import require_member
from imchat.services.app import App
from imchat.services.visibility import list_observers
from imchat.storage.repositories import connections
from imchat.storage.repositories.connections import Ticket


@record
class IssuedTicket(Record):
    """A secret that opens one connection, and when it expires."""

    secret: str
    expires_at_ms: int


def issue_ticket(app: App, user_id: UserId, sign_in: SignInId | None = None) -> IssuedTicket:
    """Return a ticket for one connection. Raises: Unauthenticated after `sign_out`."""
    _check_signed_in(app, user_id, sign_in)
    secret = app.new_id() + app.new_id()
    expires_at_ms = app.now_ms() + TICKET_S * 1000
    connections.put_ticket(app.table, secret, Ticket(user_id, sign_in), expires_at_ms=expires_at_ms)
    return IssuedTicket(secret, expires_at_ms)


def redeem_ticket(app: App, secret: str) -> Ticket | None:
    """Consume a ticket. Return it, or None if it is unknown, used or expired, or its user is suspended."""
    ticket = connections.consume_ticket(app.table, secret, now_ms=app.now_ms())
    return None if ticket is None or suspensions.is_suspended(app, ticket.user_id) else ticket


def connect(app: App, user_id: UserId, connection_id: ConnectionId, sign_in: SignInId | None = None) -> None:
    """Store an open connection. The user's oldest connections above the limit are closed.

    Raises: Suspended; Unauthenticated after `sign_out` of the sign-in that the ticket was issued to.
    """
    now_s = app.now_ms() // 1000
    added = connections.add(app.table, user_id, connection_id, now_s=now_s)
    for evicted_id in added.evicted:
        app.gateway.disconnect(evicted_id)
    try:
        suspensions.check_not_suspended(app, user_id)
        _check_signed_in(app, user_id, sign_in)
    except (Suspended, Unauthenticated):
        connections.remove(app.table, user_id, [connection_id])
        raise
    if added.is_first:
        presence.on_connect(app, user_id)


def disconnect(app: App, user_id: UserId, connection_id: ConnectionId) -> None:
    """Remove a closed connection."""
    connections.remove(app.table, user_id, [connection_id])
    presence.on_disconnect(app, user_id)


def sign_out(app: App, user_id: UserId, sign_in: SignInId | None) -> None:
    """Close the user's connections, and refuse new ones of this sign-in. The user's other devices reconnect by themselves."""
    if sign_in is not None:
        connections.mark_signed_out(app.table, user_id, sign_in, now_s=app.now_ms() // 1000)
    for connection_id in connections.remove_all(app.table, user_id):
        app.gateway.disconnect(connection_id)


def _check_signed_in(app: App, user_id: UserId, sign_in: SignInId | None) -> None:
    if sign_in is not None and connections.is_signed_out(app.table, user_id, sign_in):
        raise Unauthenticated("you signed out; sign in again")


def pong(app: App, connection_id: ConnectionId) -> None:
    """Reply to a ping with the id of the connection. A client has no other way to learn it, and needs it for sends."""
    app.gateway.post([connection_id], fanout.encode_frame({"type": "pong", "connection_id": connection_id}))


def notify_typing(app: App, user_id: UserId, conversation_id: ConversationId) -> None:
    """Notify the other members that the user is typing, in conversations of up to `SIGNAL_MEMBERS`, except across a block.

    Raises: NotFound for someone who is not a member.
    """
    require_member(app, user_id, conversation_id)
    observers = list_observers(app, user_id, conversation_id)
    if observers:
        frame = {"type": "typing", "conversation_id": conversation_id, "user_id": user_id}
        fanout.notify(app, observers, frame)
