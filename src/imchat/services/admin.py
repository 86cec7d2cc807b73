"""What administrators see and do besides suspending: all people, any message away, and who of them did what.

Who is one is checked by the route table; a library's caller checks for themselves.
"""

from __future__ import annotations

from typing import Final

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.user import User
from imchat.services import message_actions
from imchat.services.app import App
from imchat.services.message_actions import MessageChange
from imchat.storage.repositories import audit, users
from imchat.storage.repositories.audit import AuditEntry

PAGE: Final = 100


def list_users(app: App, *, cursor: UserId | None) -> tuple[list[User], UserId | None]:
    """Everybody with a profile, by id, up to `PAGE` behind `cursor`; and the cursor of the next page, if any."""
    found = users.list_ids(app.table, after=cursor, limit=PAGE + 1)
    profiles = users.get_many(app.table, found[:PAGE])
    page = [profiles[user_id] for user_id in found[:PAGE] if user_id in profiles]
    return page, found[PAGE - 1] if len(found) > PAGE else None


def remove_message(app: App, admin_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Leave a tombstone of anybody's message, in any conversation. Raises: NotFound, Busy."""

    def entry(author_id: UserId) -> AuditEntry:
        at_ms = app.now_ms()
        audit_id = audit.new_id(at_ms, app.new_id())
        return AuditEntry(audit_id, at_ms, admin_id, "message.removed", author_id, conversation_id, seq)

    return message_actions.remove(
        app, admin_id, conversation_id, seq, note=lambda author: audit.put_new(entry(author))
    )


def audit_log(app: App, *, cursor: str | None) -> tuple[list[AuditEntry], str | None]:
    """What administrators did, newest first, up to `PAGE` before `cursor`; and the cursor of the next page, if any."""
    found = audit.list_page(app.table, before=cursor, limit=PAGE + 1)
    return found[:PAGE], found[PAGE - 1].audit_id if len(found) > PAGE else None
