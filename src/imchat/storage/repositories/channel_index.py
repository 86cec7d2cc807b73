"""The directory of public channels: an entry for each word of each one's title."""

from __future__ import annotations

from imchat.domain.ids import ConversationId
from imchat.domain.search_terms import tokenize
from imchat.storage.repositories import keys
from imchat.storage.table import Delete, KeyRange, Op, Put, Table


def update_ops(conversation_id: ConversationId, *, old: str | None, new: str | None) -> list[Op]:
    """The ops that list a channel under the title `new` in place of `old`; None: it is not listed."""
    before, words = tokenize(old or ""), tokenize(new or "")
    ops: list[Op] = [
        Delete(keys.channel_index_entry(word, conversation_id)) for word in before if word not in words
    ]
    return ops + [Put(keys.channel_index_entry(word, conversation_id), {"words": words}) for word in words]


def search(table: Table, words: list[str], *, limit: int) -> list[ConversationId]:
    """Channels among whose words is, for each of `words` (at least one), one that begins so; looks through `limit` entries."""
    longest = max(words, key=len)
    rows = table.query(
        KeyRange(keys.channel_index_pk(longest), prefix=longest), limit=limit, consistent=False
    )
    return [
        ConversationId(row.sk.rpartition("#")[2])
        for row in rows
        if all(any(known.startswith(word) for known in row.item["words"]) for word in words)
    ]
