"""Public channels: join one, and search their directory."""

from __future__ import annotations

from typing import Final

from imchat.domain.conversation import Head
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import CHANNELS_FOUND, PREFIX_MIN
from imchat.domain.search_terms import tokenize
from imchat.errors import Invalid, NotFound
from imchat.services import members, users
from imchat.services.access import NO_CONVERSATION
from imchat.services.app import App
from imchat.storage.repositories import channel_index, conversations
from imchat.storage.repositories.events import Tail
from imchat.storage.table import Op

_ENTRIES_READ: Final = 5 * CHANNELS_FOUND
"""Directory entries that a search reads for its first word. The other words may exclude most of them."""


def join(app: App, user_id: UserId, conversation_id: ConversationId) -> None:
    """Join a public channel. Raises: NotFound for any other conversation; Invalid if it is full."""
    users.me(app, user_id)

    def check_public(tail: Tail) -> list[Op]:
        if not tail.head.settings.public or not tail.member_count:
            raise NotFound(NO_CONVERSATION)
        return []

    members.join(app, user_id, conversation_id, check_public)


def search(app: App, text: str) -> list[Head]:
    """Return up to `CHANNELS_FOUND` public channels whose titles have a word beginning with each word of `text`.

    Raises: Invalid if `text` has no word.
    """
    words = tokenize(text)
    if not words:
        raise Invalid("q needs a word of at least two letters", field="q", limit=PREFIX_MIN)
    conversation_ids = channel_index.search(app.table, words, limit=_ENTRIES_READ)[:CHANNELS_FOUND]
    heads = conversations.get_many(app.table, conversation_ids)
    return [
        heads[conversation_id]
        for conversation_id in conversation_ids
        if conversation_id in heads and heads[conversation_id].settings.public
    ]
