"""The search index of public channels: one entry per word of each title."""

from __future__ import annotations

from imchat.domain.ids import ConversationId
from imchat.domain.search_terms import tokenize
from imchat.storage.repositories import keys
from imchat.storage.table import Delete, KeyRange, Op, Put, Table


def update_ops(conversation_id: ConversationId, *, old: str | None, new: str | None) -> list[Op]:
    """Return the ops that replace a channel's title in the index. None: the channel is not in the index."""
    before, words = tokenize(old or ""), tokenize(new or "")
    ops: list[Op] = [
        Delete(keys.channel_index_entry(word, conversation_id)) for word in before if word not in words
    ]
    return ops + [Put(keys.channel_index_entry(word, conversation_id), {"words": words}) for word in words]


def search(table: Table, words: list[str], *, limit: int) -> list[ConversationId]:
    """Return channels whose title has, for each of `words`, a word with that prefix. Reads up to `limit` entries.

    Takes at least one word.
    """
    longest = max(words, key=len)
    rows = table.query(
        KeyRange(keys.channel_index_pk(longest), prefix=longest), limit=limit, consistent=False
    )
    return [
        ConversationId(row.sk.rpartition("#")[2])
        for row in rows
        if all(any(known.startswith(word) for known in row.item["words"]) for word in words)
    ]
