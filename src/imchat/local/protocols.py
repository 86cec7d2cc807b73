"""What the server needs of sign-in and of storage: `Identity` and `GroupCommitTable`, and what tests put in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from imchat.local.group_commit import Transactions

Purge: TypeAlias = Callable[[int, int], int]
"""Remove what had expired at a moment (epoch seconds), at most so many items; how many they were."""


class SignIn(Protocol):
    """What the server needs of `Identity`."""

    pool_id: str
    client_id: str

    def verify_access_token(self, token: str) -> Mapping[str, Any]:
        """The claims of a good access token. Raises: Unauthenticated."""

    def handle(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Answer one request of the Cognito protocol; slow, and safe on any thread. Returns status, headers, body."""

    def jwks(self) -> Mapping[str, Any]:
        """The public keys of the tokens."""

    def openid_configuration(self, endpoint: str) -> Mapping[str, Any]:
        """OpenID Connect's discovery document."""


class Store(Transactions, Protocol):
    """The table of conversations, as the server sees it."""

    def purge_expired(self, now_s: int, limit: int) -> int:
        """Remove at most `limit` expired items; how many they were."""
