"""Stores sign-in sessions, each with the digest of its refresh token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from imchat.local.identity.accounts import Account
from imchat.local.identity.protocol import CognitoError, not_authorized
from imchat.storage.table import TTL_ATTRIBUTE, Delete, Key, Put, Table

SESSION_LIFETIME_S: Final = 30 * 24 * 3600
_ORIGIN_JTI_CHARACTERS: Final = len(str(uuid.UUID(int=0)))


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in; its id is in every token as `origin_jti`. Times are epoch seconds."""

    origin_jti: str
    user_id: str
    generation: int
    auth_time_s: int
    ends_s: int

    def belongs_to(self, account: Account | None) -> bool:
        """Return whether the session is the account's and has not been ended since."""
        return (
            account is not None and account.user_id == self.user_id and account.generation == self.generation
        )


class Sessions:
    """The sessions in a table."""

    def __init__(self, table: Table, now_ms: Callable[[], int]) -> None:
        self._table = table
        self._now_ms = now_ms

    def start(self, account: Account) -> tuple[Session, str]:
        """Create a session; return it and its refresh token."""
        now_s = self._now_ms() // 1000
        session = Session(
            str(uuid.uuid4()), account.user_id, account.generation, now_s, now_s + SESSION_LIFETIME_S
        )
        secret = secrets.token_urlsafe(48)
        item = {
            "user_id": session.user_id,
            "generation": session.generation,
            "auth_time_s": session.auth_time_s,
            TTL_ATTRIBUTE: session.ends_s,
            "digest": _digest(secret),
        }
        self._table.write(Put(_key(session.origin_jti), item))
        return session, f"{session.origin_jti}.{secret}"

    def find(self, origin_jti: str) -> Session | None:
        """Find a session by the `origin_jti` of a token."""
        found = self._read(origin_jti)
        return found and found[0]

    def find_by_refresh_token(self, token: str) -> Session:
        """Return the session of a refresh token. Raises: CognitoError if it is forged, revoked or expired."""
        origin_jti, _, secret = token.partition(".")
        found = self._read(origin_jti) if origin_jti else None
        if found is None or not hmac.compare_digest(found[1], _digest(secret)):
            raise not_authorized("Invalid Refresh Token.")
        if found[0].ends_s <= self._now_ms() / 1000:
            raise not_authorized("Refresh Token has expired.")
        return found[0]

    def revoke(self, token: str) -> None:
        """Delete the session of a refresh token; an invalid token has none."""
        try:
            session = self.find_by_refresh_token(token)
        except CognitoError:
            return
        self._table.write(Delete(_key(session.origin_jti)))

    def _read(self, origin_jti: str) -> tuple[Session, str] | None:
        if len(origin_jti) != _ORIGIN_JTI_CHARACTERS or not origin_jti.isascii():
            return None  # not made by `start`; a key of the table is limited in bytes
        item = self._table.get(_key(origin_jti))
        if item is None:
            return None
        session = Session(
            origin_jti, item["user_id"], item["generation"], item["auth_time_s"], item[TTL_ATTRIBUTE]
        )
        return session, item["digest"]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(origin_jti: str) -> Key:
    return Key(f"SESSION#{origin_jti}", "SESSION")
