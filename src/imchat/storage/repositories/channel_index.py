"""The search index of public channels: one entry per term of each title."""

from __future__ import annotations

from imchat.domain.ids import ConversationId
from imchat.domain.limits import INDEX_TERMS
from imchat.domain.search_terms import index_terms, longest_term, matches
from imchat.storage.repositories import keys
from imchat.storage.table import Delete, Item, Key, KeyRange, Op, Put, Table


def entries(conversation_id: ConversationId, title: str) -> dict[Key, Item]:
    """Return the index entries of a public channel."""
    terms = index_terms(title, limit=INDEX_TERMS)
    return {keys.channel_index_entry(term, conversation_id): {"title": title} for term in terms}


def update_ops(conversation_id: ConversationId, *, old: str | None, new: str | None) -> list[Op]:
    """Return the ops that replace a channel's title in the index. None: the channel is not in the index."""
    before, after = entries(conversation_id, old or ""), entries(conversation_id, new or "")
    return [*map(Delete, before.keys() - after.keys()), *(Put(key, item) for key, item in after.items())]


def search(table: Table, query: str, *, limit: int) -> list[ConversationId]:
    """Return channels that had a title that matches `query`. Reads up to `limit` entries of the longest term."""
    term = longest_term(query)
    if term is None:
        return []
    found = KeyRange(
        keys.channel_index_pk(term.text), prefix=term.text if term.is_prefix else f"{term.text}#"
    )
    rows = table.query(found, limit=limit, consistent=False)
    matching = [row for row in rows if matches(row.item["title"], query)]
    return list(dict.fromkeys(ConversationId(row.sk.rpartition("#")[2]) for row in matching))
