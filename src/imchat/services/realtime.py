"""WebSocket connections: tickets, opening and closing, and what clients say over them."""

from __future__ import annotations

from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import SIGNAL_MEMBERS, TICKET_S
from imchat.errors import Suspended
from imchat.services import fanout, presence, suspensions
from imchat.services.access import access_member, apart
from imchat.services.app import App
from imchat.storage import connections, members


def issue_ticket(app: App, user_id: UserId) -> tuple[str, int]:
    """A secret that opens one connection, and when it expires (ms)."""
    secret = app.new_id() + app.new_id()
    expires_at_ms = app.now_ms() + TICKET_S * 1000
    connections.put_ticket(app.table, secret, user_id, expires_at_ms=expires_at_ms)
    return secret, expires_at_ms


def redeem_ticket(app: App, secret: str) -> UserId | None:
    """Use a ticket up. Returns whose it was, or None if it is unknown, used or expired, or its owner is suspended."""
    user_id = connections.take_ticket(app.table, secret, now_ms=app.now_ms())
    return None if user_id is None or suspensions.is_suspended(app, user_id) else user_id


def connect(app: App, user_id: UserId, connection_id: ConnectionId) -> None:
    """Note an open connection; the person's oldest ones past the limit are closed. Raises: Suspended."""
    now_s = app.now_ms() // 1000
    added = connections.add(app.table, user_id, connection_id, now_s=now_s)
    for surplus in added.surplus:
        app.gateway.disconnect(surplus)
    if suspensions.is_suspended(app, user_id):
        connections.remove(app.table, user_id, [connection_id])
        raise Suspended
    if added.alone:
        presence.came(app, user_id)


def disconnect(app: App, user_id: UserId, connection_id: ConnectionId) -> None:
    """Forget a closed connection."""
    connections.remove(app.table, user_id, [connection_id])
    presence.went(app, user_id)


def pong(app: App, connection_id: ConnectionId) -> None:
    """Answer a ping, with what the connection is called: a client cannot know otherwise, and sends name it."""
    app.gateway.post([connection_id], fanout.encode({"type": "pong", "connection_id": connection_id}))


def notify_typing(app: App, user_id: UserId, conversation_id: ConversationId) -> None:
    """Tell the other members that somebody is writing, in conversations of up to `SIGNAL_MEMBERS`; nobody past a block.

    Raises: NotFound for one who is no member.
    """
    access_member(app, user_id, conversation_id)
    everybody = members.of(app.table, conversation_id, most=SIGNAL_MEMBERS + 1)
    if len(everybody) > SIGNAL_MEMBERS or apart(everybody.values()):
        return
    others = [other for other in everybody if other != user_id]
    fanout.notify(app, others, {"type": "typing", "conversation_id": conversation_id, "user_id": user_id})
