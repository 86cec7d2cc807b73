"""A conversation's head: what is true of it now, without its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from imchat.domain.ids import ConversationId

Kind: TypeAlias = Literal["direct", "group"]


@dataclass(frozen=True, slots=True)
class Head:
    """`last_seq`, `message_count` and `last_message` are a hint that heals: they may lag behind the log, never lead it.

    `last_message` is the newest `message.created` event with its body cut to `limits.PREVIEW_CHARS`.
    """

    conversation_id: ConversationId
    kind: Kind
    title: str | None
    created_at_ms: int
    last_seq: int
    message_count: int
    last_message: dict[str, Any] | None
