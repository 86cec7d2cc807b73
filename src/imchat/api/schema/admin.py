"""What administrators see."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import Answer
from imchat.api.schema.users import User


class Person(User):
    """A person as administrators see them; `suspended_at_ms` is null unless they are suspended."""

    created_at_ms: int
    suspended_at_ms: int | None


class PeopleAnswer(Answer):
    """A page of everybody. `next_cursor` is left out on the last page."""

    users: list[Person]
    next_cursor: str | None = None


class AuditEntry(Answer):
    """What an administrator did: `actor_id` to `user_id`, or to what they wrote, the message `seq` of a conversation."""

    audit_id: str
    at_ms: int
    actor_id: str
    action: Literal["user.suspended", "user.restored", "message.removed"]
    user_id: str
    conversation_id: str | None = None
    seq: int | None = None


class AuditAnswer(Answer):
    """A page of what administrators did, newest first. `next_cursor` is left out on the last page."""

    entries: list[AuditEntry]
    next_cursor: str | None = None
