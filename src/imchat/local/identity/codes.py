"""One-time six-digit codes: one per purpose and account, with an end and few tries."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from imchat.local.identity.pool import Pool
from imchat.local.identity.protocol import CognitoError
from imchat.storage.table import TTL_ATTRIBUTE, Delete, Key, Put, Table, Update

MAX_TRIES: Final = 5
KEPT_AFTER_END_MS: Final = 24 * 3600 * 1000


class Purpose(StrEnum):
    """What a code, or a temporary password, is delivered for."""

    SIGN_UP = "sign_up"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, not a password
    INVITATION = "invitation"

    @property
    def lifetime_ms(self) -> int:
        """How long a code for this is good."""
        return (1 if self is Purpose.PASSWORD_RESET else 24) * 3600 * 1000


class Codes:
    """The outstanding codes in a table, stored as digests."""

    def __init__(self, table: Table, pool: Pool, now_ms: Callable[[], int]) -> None:
        self._table = table
        self._pool = pool
        self._now_ms = now_ms

    def make(self, purpose: Purpose, email: str) -> str:
        """A fresh code; an earlier one for the same purpose is void."""
        code = f"{secrets.randbelow(1_000_000):06}"
        ends_ms = self._now_ms() + purpose.lifetime_ms
        item = {
            "digest": self._digest(purpose, email, code),
            "ends_ms": ends_ms,
            "tries": 0,
            TTL_ATTRIBUTE: (ends_ms + KEPT_AFTER_END_MS) // 1000,
        }
        self._table.write(Put(_key(purpose, email), item))
        return code

    def use(self, purpose: Purpose, email: str, code: str) -> None:
        """Spend the right code. Raises: Refused for a wrong or expired one, which after `MAX_TRIES` is void."""
        key = _key(purpose, email)
        item = self._table.get(key)
        right = hmac.compare_digest(self._digest(purpose, email, code), item["digest"] if item else "")
        if item is None or not right:
            if item is not None:
                spent = item["tries"] + 1 >= MAX_TRIES
                self._table.write(Delete(key) if spent else Update(key, add={"tries": 1}))
            raise wrong_code()
        self._table.write(Delete(key))
        if item["ends_ms"] <= self._now_ms():
            raise CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")

    def _digest(self, purpose: Purpose, email: str, code: str) -> str:
        return self._pool.digest("code", f"{purpose}:{email}:{code}").hex()


def wrong_code() -> CognitoError:
    """The one answer to a wrong code, to a code never sent and to an unknown user."""
    return CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")


def _key(purpose: Purpose, email: str) -> Key:
    return Key(f"CODE#{email}", purpose.value)
