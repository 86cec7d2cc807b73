"""Schemas for blocks."""

from __future__ import annotations

from imchat.api.schema.base import ResponseModel
from imchat.api.schema.users import User


class Block(ResponseModel):
    """A user blocked by the caller."""

    user_id: str
    blocked_at_ms: int


class BlocksResponse(ResponseModel):
    """A page of the users blocked by the caller, with their profiles. `next_cursor` is omitted on the last page."""

    blocks: list[Block]
    users: list[User]
    next_cursor: str | None = None
