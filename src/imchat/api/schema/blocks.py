"""Keeping away from people."""

from __future__ import annotations

from imchat.api.schema.base import Answer
from imchat.api.schema.users import User


class Block(Answer):
    """Somebody whom I blocked."""

    user_id: str
    blocked_at_ms: int


class BlocksAnswer(Answer):
    """A page of people whom I blocked, and their profiles. `next_cursor` is left out on the last page."""

    blocks: list[Block]
    users: list[User]
    next_cursor: str | None = None
