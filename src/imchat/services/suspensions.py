"""Suspend and restore users. A suspended user can do nothing and receives nothing.

The source of truth is one attribute of the profile. So that a send need not read the profile as well, the attribute is copied
to what a send and a push read anyway: all memberships of the user, and their open connections. Creating a membership or
a connection first writes it and then reads the profile; suspending first writes the profile and then reads memberships
and connections. So if the two race, at least one of them sees the other.
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
"""Tries before `Busy`. Only another administrator who suspends or restores the same user causes a second one."""
_POINTERS_PAGE: Final = 100


def suspend(app: App, admin_id: UserId, user_id: UserId) -> None:
    """Suspend a user and close their connections. Repeating it completes what a crash interrupted.

    Raises: Invalid for the administrator themselves; NotFound; Busy.
    """
    if user_id == admin_id:
        raise Invalid("you can't suspend yourself", field="user_id", limit="not yourself")
    if _require_profile(app, user_id).suspended_at_ms is None:
        change = users.set_suspended(user_id, app.now_ms())
        app.table.write(change, audit.put_new(_audit_entry(app, admin_id, "user.suspended", user_id)))
    _update_marks(app, user_id)


def restore(app: App, admin_id: UserId, user_id: UserId) -> None:
    """End the suspension of a user. Repeating it completes what a crash interrupted. Raises: NotFound, Busy."""
    if _require_profile(app, user_id).suspended_at_ms is not None:
        change = users.set_suspended(user_id, None)
        app.table.write(change, audit.put_new(_audit_entry(app, admin_id, "user.restored", user_id)))
    _update_marks(app, user_id)


def check_not_suspended(app: App, user_id: UserId) -> None:
    """Check that the user is not suspended. Raises: Suspended."""
    if is_suspended(app, user_id):
        raise Suspended


def is_suspended(app: App, user_id: UserId) -> bool:
    """Return whether the user is suspended now."""
    profile = users.get(app.table, user_id)
    return profile is not None and profile.suspended_at_ms is not None


def mark_new_members(app: App, conversation_id: ConversationId, user_ids: Iterable[UserId]) -> None:
    """Mark the new memberships of those of these users who are suspended. Raises: Busy."""
    for profile in users.get_many(app.table, user_ids).values():
        if profile.suspended_at_ms is not None:
            _update_marks(app, profile.user_id, [conversation_id])


def _update_marks(app: App, user_id: UserId, conversation_ids: list[ConversationId] | None = None) -> None:
    """Copy the suspension from the profile to the user's memberships of these conversations.

    None: to all memberships and to the connections. Raises: Busy.
    """
    for attempt in range(1, ATTEMPTS + 1):
        suspended = is_suspended(app, user_id)
        if conversation_ids is None:
            _mark_connections(app, user_id, suspended=suspended)
            _mark_all(app, user_id, suspended=suspended)
        else:
            _mark(app, user_id, conversation_ids, suspended=suspended)
        if is_suspended(app, user_id) == suspended:
            return
        app.runtime.backoff(attempt)
    raise Busy("another administrator is suspending or restoring this user right now; try again")


def _mark_connections(app: App, user_id: UserId, *, suspended: bool) -> None:
    if not suspended:
        connections.resume(app.table, user_id)
        return
    for connection_id in connections.suspend(app.table, user_id):
        app.gateway.disconnect(connection_id)


def _mark_all(app: App, user_id: UserId, *, suspended: bool) -> None:
    after = None
    while page := conversations.list_pointers(app.table, user_id, after=after, limit=_POINTERS_PAGE):
        after = page[-1].conversation_id
        _mark(app, user_id, [pointer.conversation_id for pointer in page], suspended=suspended)


def _mark(app: App, user_id: UserId, conversation_ids: list[ConversationId], *, suspended: bool) -> None:
    pairs = [(conversation_id, user_id) for conversation_id in conversation_ids]
    for (conversation_id, _), member in members.get_many(app.table, pairs).items():
        if member.suspended != suspended:
            members.set_suspended(app.table, conversation_id, user_id, suspended=suspended)


def _require_profile(app: App, user_id: UserId) -> User:
    profile = users.get(app.table, user_id)
    if profile is None:
        raise NotFound("no such user")
    return profile


def _audit_entry(app: App, admin_id: UserId, action: Action, user_id: UserId) -> AuditEntry:
    at_ms = app.now_ms()
    return AuditEntry(audit.new_id(at_ms, app.new_id()), at_ms, admin_id, action, user_id)
