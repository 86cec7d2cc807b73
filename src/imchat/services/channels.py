"""Public channels: join one, and search their directory."""

from __future__ import annotations

from typing import Final

from imchat.domain.conversation import Head
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import CHANNELS_FOUND, TITLE_CHARS, check_line
from imchat.domain.search_terms import SEARCHABLE, matches, query_terms
from imchat.errors import Invalid, NotFound
from imchat.services import members, users
from imchat.services.access import NO_CONVERSATION
from imchat.services.app import App
from imchat.storage.repositories import channel_index, conversations
from imchat.storage.repositories.events import Tail
from imchat.storage.table import Op

_ENTRIES_READ: Final = 5 * CHANNELS_FOUND
"""Index entries that a search reads for its longest word. The other words may exclude most of them."""


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

    Raises: Invalid if `text` has no word, or is longer than a title.
    """
    check_line(text, field="q", maximum=TITLE_CHARS)
    if not query_terms(text):
        raise Invalid(f"q needs {SEARCHABLE}", field="q", limit=SEARCHABLE)
    conversation_ids = channel_index.search(app.table, text, limit=_ENTRIES_READ)[:CHANNELS_FOUND]
    heads = conversations.get_many(app.table, conversation_ids)
    found = [heads[conversation_id] for conversation_id in conversation_ids if conversation_id in heads]
    return [head for head in found if head.settings.public and matches(head.title or "", text)]
