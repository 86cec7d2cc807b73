"""Protocols of the server's dependencies; `Identity` and `GroupCommitTable` implement them, tests replace them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from imchat.local.group_commit import Transactions
from imchat.sign_up_policy import SignUpPolicy

SignInResponse: TypeAlias = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body of a response."""
Purge: TypeAlias = Callable[[int, int], int]
"""Delete items that expired before a time (epoch seconds), up to a limit; returns the number of deleted items."""


class SignIn(Protocol):
    """The part of `Identity` that the server uses."""

    pool_id: str
    client_id: str
    policy: SignUpPolicy

    def verify_access_token(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a valid access token. Raises: Unauthenticated."""

    def handle(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str
    ) -> SignInResponse:
        """Handle one Cognito request; slow, and safe on any thread."""

    def too_many_requests(self, wait_ms: int) -> SignInResponse:
        """Return the response to a client that must wait before its next request."""

    def flush_deliveries(self) -> None:
        """Wait until all codes are delivered, at most a few seconds."""

    def jwks(self) -> Mapping[str, Any]:
        """Return the public keys of the tokens."""

    def openid_configuration(self, endpoint: str) -> Mapping[str, Any]:
        """Return the OpenID Connect discovery document."""


class Store(Transactions, Protocol):
    """The part of the table of conversations that the server uses."""

    def purge_expired(self, now_s: int, limit: int) -> int:
        """Delete at most `limit` expired items; return their number."""
