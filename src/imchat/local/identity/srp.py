"""The server side of Cognito's Secure Remote Password exchange.

The client proves that it knows the password without sending it, and the server stores only a verifier. The parameters
are built into Cognito's client libraries: the 3072-bit group of RFC 3526, SHA-256, and a key derived with the label
"Caldera Derived Key". `identity` below is the pool's name (the part of its id after `_`) and the user id.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

N: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G: Final = 2
SECRET_BITS: Final = 256
SALT_BYTES: Final = 16


def new_salt() -> int:
    """Return a random salt of exactly `SALT_BYTES` bytes, without a leading zero byte, which some clients would drop."""
    return secrets.randbits(8 * SALT_BYTES - 9) | 1 << (8 * SALT_BYTES - 2)


def make_verifier(identity: str, password: str, salt: int) -> int:
    """Return the verifier, which is stored instead of the password."""
    inner = hashlib.sha256(f"{identity}:{password}".encode()).digest()
    return _power_mod_n(G, _to_int(hashlib.sha256(_to_bytes(salt) + inner)))


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
        return cls(client_public, verifier, secret, (_K * verifier + _power_mod_n(G, secret)) % N)

    def proof(self, identity: str, secret_block: bytes, timestamp: str) -> bytes:
        """Return the signature that only a client with the right password can compute."""
        u = hashlib.sha256(_to_bytes(self.client_public) + _to_bytes(self.server_public))
        shared = _power_mod_n(
            self.client_public * _power_mod_n(self.verifier, _to_int(u)) % N, self.server_secret
        )
        extracted = hmac.digest(_to_bytes(_to_int(u)), _to_bytes(shared), "sha256")
        key = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]
        return hmac.digest(key, identity.encode() + secret_block + timestamp.encode(), "sha256")


def _power_mod_n(base: int, exponent: int) -> int:
    """Return `base ** exponent % N`, computed in steps of four bits of the exponent.

    `pow` would hold the GIL for its whole 10 to 20 ms, in which the server could not respond to any request. This
    takes about as long and lets other threads run between its steps.
    """
    powers = [1]
    for _ in range(15):
        powers.append(powers[-1] * base % N)
    result = 1
    for digit in f"{exponent:x}":
        for _ in range(4):
            result = result * result % N
        result = result * powers[int(digit, 16)] % N
    return result


def _to_bytes(number: int) -> bytes:
    """Return the number big-endian with a leading zero bit, the form in which clients hash numbers."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _to_int(digest: hashlib._Hash) -> int:
    return int.from_bytes(digest.digest(), "big")


_K: Final = _to_int(hashlib.sha256(_to_bytes(N) + _to_bytes(G)))
