"""Who reacted how to which message: one item each, because a message names only the first few."""

from __future__ import annotations

from imchat.domain.ids import ConversationId, UserId
from imchat.storage.repositories import keys
from imchat.storage.table import MAX_OPS, Absent, Delete, Key, KeyRange, Present, Put, Table


def exists(table: Table, conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> bool:
    """Whether the person reacts so to the message."""
    return table.get(keys.reaction(conversation_id, seq, emoji, user_id)) is not None


def put_new(conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> Put:
    """The op that adds a reaction, and fails where it is there."""
    return Put(keys.reaction(conversation_id, seq, emoji, user_id), {}, Absent())


def delete(conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> Delete:
    """The op that takes a reaction away, and fails where there is none."""
    return Delete(keys.reaction(conversation_id, seq, emoji, user_id), Present())


def delete_all(table: Table, conversation_id: ConversationId, seq: int) -> None:
    """Forget who reacted to a message that is gone. Repeating it does no harm."""
    pk = keys.reactions_pk(conversation_id, seq)
    while rows := table.query(KeyRange(pk), limit=MAX_OPS):
        table.write(*(Delete(Key(pk, row.sk)) for row in rows))
