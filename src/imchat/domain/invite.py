"""Invites by link: a secret that lets whoever has it join a group."""

from __future__ import annotations

import hashlib
from typing import Final, Literal, NamedTuple

from imchat.domain.ids import ConversationId, UserId

SECRET_CHARS: Final = 30
"""With a group's id behind it a token stays within the 64 characters of a path's parameter."""


class Invite(NamedTuple):
    """`expires_at_ms` and `max_uses` are None where there is no end to it. `revoked` ones are kept for a while, to say so."""

    conversation_id: ConversationId
    invite_id: str
    created_by: UserId
    created_at_ms: int
    expires_at_ms: int | None
    max_uses: int | None
    uses: int
    revoked: bool = False

    def closed_reason(self, now_ms: int) -> Literal["revoked", "expired", "used_up"] | None:
        """Why it lets nobody in any more; None while it does."""
        if self.revoked:
            return "revoked"
        if self.expires_at_ms is not None and now_ms >= self.expires_at_ms:
            return "expired"
        if self.max_uses is not None and self.uses >= self.max_uses:
            return "used_up"
        return None


def new_token(conversation_id: ConversationId, secret: str) -> str:
    """What the link holds: `SECRET_CHARS` of a secret, and where it leads."""
    return secret[-SECRET_CHARS:] + conversation_id


def parse_token(token: str) -> tuple[ConversationId, str]:
    """Where a token leads, and the id of its invite: a digest, so who can read the table still cannot use one."""
    return ConversationId(token[SECRET_CHARS:]), hashlib.sha256(token.encode()).hexdigest()[:32]
