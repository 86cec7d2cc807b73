"""Invite links: anyone with the secret token can join the group."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.record import Record, record

SECRET_CHARS: Final = 30
"""A token is this secret plus the group's id, and must fit the 64 characters of a path parameter."""


@record
class Invite(Record):
    """An invite to a group. `expires_at_ms` and `max_uses` are None if unlimited.

    A revoked invite is kept for a while, so that its link can be explained.
    """

    conversation_id: ConversationId
    invite_id: str
    created_by: UserId
    created_at_ms: int
    expires_at_ms: int | None
    max_uses: int | None
    uses: int
    revoked: bool = False

    def closed_reason(self, now_ms: int) -> Literal["revoked", "expired", "used_up"] | None:
        """Return why the invite can no longer be used, or None if it can."""
        if self.revoked:
            return "revoked"
        if self.expires_at_ms is not None and now_ms >= self.expires_at_ms:
            return "expired"
        if self.max_uses is not None and self.uses >= self.max_uses:
            return "used_up"
        return None


def new_token(conversation_id: ConversationId, secret: str) -> str:
    """Return the token of an invite link: the last `SECRET_CHARS` of a secret, and the conversation id."""
    return secret[-SECRET_CHARS:] + conversation_id


def parse_token(token: str) -> tuple[ConversationId, str]:
    """Return the conversation id and the invite id of a token.

    The invite id is a digest, so that read access to the table is not enough to use an invite.
    """
    return ConversationId(token[SECRET_CHARS:]), hashlib.sha256(token.encode()).hexdigest()[:32]
