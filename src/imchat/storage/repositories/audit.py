"""The audit log of administrator actions. Append-only, read newest first. Entries contain ids, never user content."""

from __future__ import annotations

from typing import Literal, TypeAlias

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.record import Record, record
from imchat.storage.repositories import keys
from imchat.storage.table import Absent, KeyRange, Put, Table

Action: TypeAlias = Literal["user.suspended", "user.restored", "message.removed"]


@record
class AuditEntry(Record):
    """`actor_id` performed `action` on `user_id`, or on a message by `user_id`: event `seq` of a conversation."""

    audit_id: str
    at_ms: int
    actor_id: UserId
    action: Action
    user_id: UserId
    conversation_id: ConversationId | None = None
    seq: int | None = None


def new_id(at_ms: int, random_id: str) -> str:
    """Return an id for an entry. Ids sort by time."""
    return f"{at_ms:013d}-{random_id}"


def put_new(entry: AuditEntry) -> Put:
    """Return the op that adds an entry. Entries are never overwritten."""
    fields = {name: value for name, value in entry.to_dict().items() if value is not None}
    del fields["audit_id"]
    return Put(keys.audit_entry(entry.audit_id), fields, Absent())


def list_page(table: Table, *, before: str | None, limit: int) -> list[AuditEntry]:
    """Return the newest `limit` entries, or the newest ones older than the entry `before`."""
    rows = table.query(KeyRange(keys.AUDIT_PK, after=before), limit=limit, reverse=True)
    return [AuditEntry(audit_id=row.sk, **row.item) for row in rows]
