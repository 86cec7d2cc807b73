"""The server side of Cognito's Secure Remote Password exchange.

The client proves that it knows the password without sending it, and the server stores only a verifier. `imchat/srp.py`
has the parameters and the arithmetic. `identity` below is the pool's name (the part of its id after `_`) and the user id.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from imchat.srp import SECRET_BITS, G, K, N, password_exponent, power, scrambler, signature

SALT_BYTES: Final = 16


def new_salt() -> int:
    """Return a random salt of exactly `SALT_BYTES` bytes, without a leading zero byte, which some clients would drop."""
    return secrets.randbits(8 * SALT_BYTES - 9) | 1 << (8 * SALT_BYTES - 2)


def make_verifier(identity: str, password: str, salt: int) -> int:
    """Return the verifier, which is stored instead of the password."""
    return power(G, password_exponent(identity, password, salt))


@dataclass(frozen=True, slots=True)
class Exchange:
    """The state of a sign-in after the client's public value was received, until its proof arrives."""

    client_public: int
    verifier: int
    server_secret: int
    server_public: int

    @classmethod
    def begin(cls, client_public: int, verifier: int) -> Exchange:
        """Start an exchange. Raises: ValueError for a public value that would make the shared key predictable."""
        if not 1 < client_public < N - 1:
            raise ValueError("SRP_A must be between 1 and N - 1")
        secret = secrets.randbits(SECRET_BITS) | 1
        return cls(client_public, verifier, secret, (K * verifier + power(G, secret)) % N)

    def proof(self, identity: str, secret_block: bytes, timestamp: str) -> bytes:
        """Return the signature that only a client with the right password can compute."""
        u = scrambler(self.client_public, self.server_public)
        shared = power(self.client_public * power(self.verifier, u) % N, self.server_secret)
        return signature(shared, u, identity, secret_block, timestamp)
