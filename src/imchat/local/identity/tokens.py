"""Issues and verifies access and ID tokens: RS256 JWTs with exactly Cognito's claims."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from imchat.errors import Unauthenticated
from imchat.local.identity.accounts import Account
from imchat.local.identity.pool_keys import Pool

SCOPE: Final = "aws.cognito.signin.user.admin"
MAX_CACHED: Final = 4096
MAX_ID_CHARACTERS: Final = 128
"""Longest `sub` or `origin_jti`; the pool's own are UUIDs."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account that tokens are issued for, with the id of its session and the time of the sign-in (epoch seconds)."""

    account: Account
    origin_jti: str
    auth_time_s: int


class Tokens:
    """Issues and verifies tokens with one key. `verify_access_token` is thread-safe."""

    def __init__(
        self, key: rsa.RSAPrivateKey, pool: Pool, *, now_ms: Callable[[], int], lifetime_s: int
    ) -> None:
        self._key = key
        self._public = key.public_key()
        self._pool = pool
        self._now_ms = now_ms
        self.lifetime_s = lifetime_s
        self._verified: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        numbers = self._public.public_numbers()
        part = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
        thumbprint = hashlib.sha256(json.dumps(part, separators=(",", ":")).encode()).digest()
        self._kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
        self.jwks = {"keys": [{**part, "alg": "RS256", "kid": self._kid, "use": "sig"}]}

    def mint(self, signed_in: SignedIn, endpoint: str) -> tuple[str, str]:
        """Return an access token and an ID token, valid for `lifetime_s` from now."""
        account = signed_in.account
        now_s = self._now_ms() // 1000
        common = {
            "sub": account.user_id,
            "iss": self.issuer(endpoint),
            "origin_jti": signed_in.origin_jti,
            "event_id": str(uuid.uuid4()),
            "auth_time": signed_in.auth_time_s,
            "iat": now_s,
            "exp": now_s + self.lifetime_s,
        }
        if account.groups:
            common["cognito:groups"] = list(account.groups)
        access = common | {
            "jti": str(uuid.uuid4()),
            "token_use": "access",
            "client_id": self._pool.client_id,
            "scope": SCOPE,
            "username": account.user_id,
        }
        identity = (
            account.attributes
            | common
            | {
                "jti": str(uuid.uuid4()),
                "token_use": "id",
                "aud": self._pool.client_id,
                "cognito:username": account.user_id,
                "email": account.email,
                "email_verified": account.email_verified,
            }
        )
        return self._sign(access), self._sign(identity)

    def verify_access_token(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a valid access token. Raises: Unauthenticated.

        As with a JWT authorizer on AWS, access tokens stay valid until they expire, even after sign-out or disabling.
        """
        claims = self._verified.get(token)
        if claims is None:
            claims = self._decode(token)
            self._verified[token] = claims
            if len(self._verified) > MAX_CACHED:
                self._verified.popitem(last=False)
        now_s = self._now_ms() / 1000
        if claims["exp"] <= now_s:
            self._verified.pop(token, None)
            raise Unauthenticated("the token has expired; sign in again")
        if claims.get("nbf", 0) > now_s:
            raise Unauthenticated("the token is not valid yet")
        return claims

    def issuer(self, endpoint: str) -> str:
        """Return the `iss` claim for a client that used the base URL `endpoint`."""
        return f"{endpoint}/{self._pool.pool_id}"

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._kid})

    def _decode(self, token: str) -> Mapping[str, Any]:
        options: Any = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud")}
        try:
            claims = jwt.decode(token, self._public, algorithms=["RS256"], options=options)
        except (jwt.InvalidTokenError, ValueError):
            raise Unauthenticated("the token is not valid; sign in again") from None
        # The host in `iss` depends on the URL that the client used; the key and the pool id identify this server.
        is_ours = (
            str(claims.get("iss")).endswith(f"/{self._pool.pool_id}")
            and claims.get("client_id") == self._pool.client_id
            and claims.get("token_use") == "access"
            and isinstance(claims.get("exp"), int)
            and isinstance(claims.get("nbf", 0), int)
            and _is_short_text(claims.get("sub"))
            and _is_short_text(claims.get("origin_jti"))
        )
        if not is_ours:
            raise Unauthenticated("the token is not an access token for this server; sign in again")
        return MappingProxyType(claims)


def _is_short_text(claim: object) -> bool:
    """Return whether a claim is an id: it becomes part of a key in the table."""
    return isinstance(claim, str) and 0 < len(claim) <= MAX_ID_CHARACTERS and claim.isprintable()


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
