"""Identifiers: their types, and the one that is derived."""

from __future__ import annotations

import hashlib
from typing import NewType

UserId = NewType("UserId", str)
"""The Cognito `sub` of a person."""
ConversationId = NewType("ConversationId", str)
ConnectionId = NewType("ConnectionId", str)
"""API Gateway's id of one WebSocket connection."""
SignInId = NewType("SignInId", str)
"""Cognito's `origin_jti`: what all tokens of one sign-in have in common, the refreshed ones as well."""


def direct_conversation_id(a: UserId, b: UserId) -> ConversationId:
    """The id of the one direct conversation between two users, whoever asks first."""
    pair = "\n".join(sorted((a, b)))
    return ConversationId("d" + hashlib.sha256(pair.encode()).hexdigest()[:32])
