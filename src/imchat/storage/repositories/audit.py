"""What administrators did: entries are added, never changed, read newest first. They hold ids, and nothing that anybody wrote."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from imchat.domain.ids import ConversationId, UserId
from imchat.storage.repositories import keys
from imchat.storage.table import Absent, KeyRange, Put, Table

Action: TypeAlias = Literal["user.suspended", "user.restored", "message.removed"]


class AuditEntry(NamedTuple):
    """`actor_id` did `action` to `user_id`, or to what they wrote: the message `seq` of a conversation."""

    audit_id: str
    at_ms: int
    actor_id: UserId
    action: Action
    user_id: UserId
    conversation_id: ConversationId | None = None
    seq: int | None = None


def new_id(at_ms: int, random_id: str) -> str:
    """The id of an entry; their order is that of time."""
    return f"{at_ms:013d}-{random_id}"


def put_new(entry: AuditEntry) -> Put:
    """The op that adds an entry; nothing is ever put in its place."""
    fields = {name: value for name, value in entry._asdict().items() if value is not None}
    del fields["audit_id"]
    return Put(keys.audit_entry(entry.audit_id), fields, Absent())


def list_page(table: Table, *, before: str | None, limit: int) -> list[AuditEntry]:
    """The newest `limit` entries, or the next older ones than `before`."""
    rows = table.query(KeyRange(keys.AUDIT_PK, after=before), limit=limit, reverse=True)
    return [AuditEntry(audit_id=row.sk, **row.item) for row in rows]
