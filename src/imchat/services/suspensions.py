"""Suspending somebody: until they are restored they do nothing, and nothing reaches them.

The truth is one attribute of the profile. Because a send must not read that as well, it is repeated where a send and a push look
anyway: on every membership of the person, and on their open connections. Whoever makes a membership or a connection
writes first and looks at the profile then; whoever suspends writes the profile first and looks for memberships and connections
then. So of two that race, at least one sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.user import User
from imchat.errors import Busy, Invalid, NotFound, Suspended
from imchat.services.app import App
from imchat.storage.repositories import audit, connections, conversations, members, users
from imchat.storage.repositories.audit import Action, AuditEntry

ATTEMPTS: Final = 5
"""Only another administrator's change of mind makes the marks be made again."""
_POINTERS: Final = 100


def suspend(app: App, admin_id: UserId, user_id: UserId) -> None:
    """Suspend somebody, and close their connections; again, it mends what a crash left. Raises: Invalid, NotFound, Busy."""
    if user_id == admin_id:
        raise Invalid("you cannot suspend yourself", field="user_id", limit="not yourself")
    if _access_profile(app, user_id).suspended_at_ms is None:
        change = users.set_suspended(user_id, app.now_ms())
        app.table.write(change, audit.put_new(_entry(app, admin_id, "user.suspended", user_id)))
    _update_marks(app, user_id)


def restore(app: App, admin_id: UserId, user_id: UserId) -> None:
    """Suspend somebody no longer; again, it mends what a crash left. Raises: NotFound, Busy."""
    if _access_profile(app, user_id).suspended_at_ms is not None:
        change = users.set_suspended(user_id, None)
        app.table.write(change, audit.put_new(_entry(app, admin_id, "user.restored", user_id)))
    _update_marks(app, user_id)


def check_not_suspended(app: App, user_id: UserId) -> None:
    """Raises: Suspended."""
    if is_suspended(app, user_id):
        raise Suspended


def is_suspended(app: App, user_id: UserId) -> bool:
    """Whether the person is suspended now."""
    profile = users.get(app.table, user_id)
    return profile is not None and profile.suspended_at_ms is not None


def mark_new_members(app: App, conversation_id: ConversationId, user_ids: Iterable[UserId]) -> None:
    """Mark memberships that were just made, where they are of people who are suspended. Raises: Busy."""
    for profile in users.get_many(app.table, user_ids).values():
        if profile.suspended_at_ms is not None:
            _update_marks(app, profile.user_id, [conversation_id])


def _update_marks(app: App, user_id: UserId, where: list[ConversationId] | None = None) -> None:
    """Make the marks in these conversations, or in all and on the connections, say what the profile says."""
    for attempt in range(1, ATTEMPTS + 1):
        suspended = is_suspended(app, user_id)
        if where is None:
            _mark_connections(app, user_id, suspended=suspended)
            _mark_all(app, user_id, suspended=suspended)
        else:
            _mark(app, user_id, where, suspended=suspended)
        if is_suspended(app, user_id) == suspended:
            return
        app.runtime.backoff(attempt)
    raise Busy("others are suspending and restoring the person at this moment; try again")


def _mark_connections(app: App, user_id: UserId, *, suspended: bool) -> None:
    if not suspended:
        connections.resume(app.table, user_id)
        return
    for connection_id in connections.suspend(app.table, user_id):
        app.gateway.disconnect(connection_id)


def _mark_all(app: App, user_id: UserId, *, suspended: bool) -> None:
    after = None
    while page := conversations.list_pointers(app.table, user_id, after=after, limit=_POINTERS):
        after = page[-1].conversation_id
        _mark(app, user_id, [pointer.conversation_id for pointer in page], suspended=suspended)


def _mark(app: App, user_id: UserId, where: list[ConversationId], *, suspended: bool) -> None:
    found = members.get_many(app.table, [(conversation_id, user_id) for conversation_id in where])
    for (conversation_id, _), member in found.items():
        if member.suspended != suspended:
            members.set_suspended(app.table, conversation_id, user_id, suspended=suspended)


def _access_profile(app: App, user_id: UserId) -> User:
    profile = users.get(app.table, user_id)
    if profile is None:
        raise NotFound("no such user")
    return profile


def _entry(app: App, admin_id: UserId, action: Action, user_id: UserId) -> AuditEntry:
    at_ms = app.now_ms()
    return AuditEntry(audit.new_id(at_ms, app.new_id()), at_ms, admin_id, action, user_id)
