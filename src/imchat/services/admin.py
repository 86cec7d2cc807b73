"""Administrator actions other than suspending: list users, remove any message, read the audit log.

These functions do not check that the caller is an administrator. The route table does; callers of the library check it
themselves.
"""

from __future__ import annotations

from typing import Final

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.record import Record, record
from imchat.domain.user import User
from imchat.services import message_actions
from imchat.services.app import App
from imchat.services.message_actions import MessageChange
from imchat.storage.repositories import audit, users
from imchat.storage.repositories.audit import AuditEntry

PAGE: Final = 100


@record
class UserPage(Record):
    """A page of users. `next_cursor` requests the next page; None on the last one."""

    users: list[User]
    next_cursor: UserId | None


@record
class AuditPage(Record):
    """A page of the audit log. `next_cursor` requests the next page; None on the last one."""

    entries: list[AuditEntry]
    next_cursor: str | None


def list_users(app: App, *, cursor: UserId | None = None) -> UserPage:
    """Return up to `PAGE` users after `cursor`, in the order of their ids."""
    user_ids = users.list_ids(app.table, after=cursor, limit=PAGE + 1)
    profiles = users.get_many(app.table, user_ids[:PAGE])
    page = [profiles[user_id] for user_id in user_ids[:PAGE] if user_id in profiles]
    return UserPage(page, user_ids[PAGE - 1] if len(user_ids) > PAGE else None)


def remove_message(app: App, admin_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Replace any user's message by a tombstone, in any conversation, and log it. Raises: NotFound, Busy."""

    def entry(author_id: UserId) -> AuditEntry:
        at_ms = app.now_ms()
        audit_id = audit.new_id(at_ms, app.new_id())
        return AuditEntry(audit_id, at_ms, admin_id, "message.removed", author_id, conversation_id, seq)

    return message_actions.remove(
        app, admin_id, conversation_id, seq, log_op=lambda author_id: audit.put_new(entry(author_id))
    )


def audit_log(app: App, *, cursor: str | None = None) -> AuditPage:
    """Return up to `PAGE` audit log entries before `cursor`, newest first."""
    entries = audit.list_page(app.table, before=cursor, limit=PAGE + 1)
    return AuditPage(entries[:PAGE], entries[PAGE - 1].audit_id if len(entries) > PAGE else None)
