"""The arithmetic of Cognito's Secure Remote Password exchange (SRP), which client and server share.

The parameters are those that Cognito's client libraries have built in: the 3072-bit group of RFC 3526, SHA-256, and a
key derived with the label "Caldera Derived Key". `identity` below is the pool's name (after the `_` of its id) and the
user id. Secret numbers are arguments: no function here draws one.
"""

from __future__ import annotations

import hashlib
import hmac
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
"""The prime of the group."""
G: Final = 2
"""The generator of the group."""
SECRET_BITS: Final = 256
"""Length of each side's secret exponent."""


def power(base: int, exponent: int) -> int:
    """Return `base ** exponent % N`, computed four bits of the exponent at a time.

    Not `pow`: it holds the interpreter lock for its whole 10 to 20 ms, and no other thread could run. This takes about
    as long and lets other threads run between its steps.
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


def password_exponent(identity: str, password: str, salt: int) -> int:
    """Return `x`, the secret exponent that follows from the password."""
    inner = hashlib.sha256(f"{identity}:{password}".encode()).digest()
    return _hash(_padded(salt) + inner)


def scrambler(client_public: int, server_public: int) -> int:
    """Return `u`, which binds the shared secret to the public values of both sides."""
    return _hash(_padded(client_public) + _padded(server_public))


def signature(shared: int, u: int, identity: str, secret_block: bytes, timestamp: str) -> bytes:
    """Return the proof that its sender knows the `shared` secret."""
    extracted = hmac.digest(_padded(u), _padded(shared), "sha256")
    key = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]
    return hmac.digest(key, identity.encode() + secret_block + timestamp.encode(), "sha256")


def _padded(number: int) -> bytes:
    """Return the number big-endian with a leading zero bit, as every client hashes numbers."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest(), "big")


K: Final = _hash(_padded(N) + _padded(G))
"""The multiplier of SRP-6a."""
