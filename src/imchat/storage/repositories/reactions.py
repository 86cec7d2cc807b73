"""Reactions to messages. One item each, because a message lists only the first few users."""

from __future__ import annotations

from imchat.domain.ids import ConversationId, UserId
from imchat.storage.repositories import keys
from imchat.storage.table import MAX_OPS, Absent, Delete, Key, KeyRange, Present, Put, Table


def exists(table: Table, conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> bool:
    """Return whether a user has this reaction to a message."""
    return table.get(keys.reaction(conversation_id, seq, emoji, user_id)) is not None


def put_new(conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> Put:
    """Return the op that adds a reaction. It fails if the reaction exists."""
    return Put(keys.reaction(conversation_id, seq, emoji, user_id), {}, Absent())


def delete(conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> Delete:
    """Return the op that removes a reaction. It fails if the reaction does not exist."""
    return Delete(keys.reaction(conversation_id, seq, emoji, user_id), Present())


def delete_all(table: Table, conversation_id: ConversationId, seq: int) -> None:
    """Delete all reactions to a deleted message. Idempotent."""
    pk = keys.reactions_pk(conversation_id, seq)
    while rows := table.query(KeyRange(pk), limit=MAX_OPS):
        table.write(*(Delete(Key(pk, row.sk)) for row in rows))
