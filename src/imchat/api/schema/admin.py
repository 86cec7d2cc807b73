"""Schemas for administrators: users and the audit log."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import ResponseModel
from imchat.api.schema.users import User


class AdminUser(User):
    """A user, as shown to administrators. `suspended_at_ms` is null unless the user is suspended."""

    created_at_ms: int
    suspended_at_ms: int | None


class AdminUsersResponse(ResponseModel):
    """A page of all users. `next_cursor` is omitted on the last page."""

    users: list[AdminUser]
    next_cursor: str | None = None


class AuditEntry(ResponseModel):
    """An action of the administrator `actor_id` on the user `user_id`, or on that user's message `seq` in a conversation."""

    audit_id: str
    at_ms: int
    actor_id: str
    action: Literal["user.suspended", "user.restored", "message.removed"]
    user_id: str
    conversation_id: str | None = None
    seq: int | None = None


class AuditResponse(ResponseModel):
    """A page of the audit log, newest first. `next_cursor` is omitted on the last page."""

    entries: list[AuditEntry]
    next_cursor: str | None = None
