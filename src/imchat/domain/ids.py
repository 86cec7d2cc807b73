"""Identifier types, and the derived id of direct conversations."""

from __future__ import annotations

import hashlib
from typing import NewType

UserId = NewType("UserId", str)
"""The Cognito `sub` of a user."""
ConversationId = NewType("ConversationId", str)
ConnectionId = NewType("ConnectionId", str)
"""The API Gateway id of a WebSocket connection."""
SignInId = NewType("SignInId", str)
"""The Cognito claim `origin_jti`: the same in all tokens of one sign-in, including refreshed tokens."""


def direct_conversation_id(a: UserId, b: UserId) -> ConversationId:
    """Return the id of the direct conversation between two users. Their order does not matter."""
    pair = "\n".join(sorted((a, b)))
    return ConversationId("d" + hashlib.sha256(pair.encode()).hexdigest()[:32])
