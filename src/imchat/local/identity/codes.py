"""Issues one-time codes of six digits: one per purpose and account, with an expiry and few attempts."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from imchat.local.identity.accounts import Account
from imchat.local.identity.pool_keys import Pool
from imchat.local.identity.protocol import CognitoError
from imchat.storage.table import TTL_ATTRIBUTE, Delete, Key, Put, Table, Update

MAX_TRIES: Final = 5
KEPT_AFTER_EXPIRY_MS: Final = 24 * 3600 * 1000
CLOCK_TOLERANCE_MS: Final = 60 * 1000
"""Corrections of the system clock that do not affect a code."""


class Purpose(StrEnum):
    """The purpose of a delivered code or temporary password."""

    SIGN_UP = "sign_up"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a purpose, not a password
    INVITATION = "invitation"

    @property
    def lifetime_ms(self) -> int:
        """How long a code is valid."""
        return (1 if self is Purpose.PASSWORD_RESET else 24) * 3600 * 1000


class Codes:
    """The open codes in a table, stored as digests.

    For a user who gets no code (`email` is None), the same work is done on an item that no account has.
    """

    def __init__(self, table: Table, pool: Pool, now_ms: Callable[[], int]) -> None:
        self._table = table
        self._pool = pool
        self._now_ms = now_ms

    def create(self, purpose: Purpose, email: str | None) -> str:
        """Create a code; it replaces an earlier one for the same purpose."""
        code = f"{secrets.randbelow(1_000_000):06}"
        self._table.write(Put(_key(purpose, email), self._item(purpose, email, code)))
        return code

    def consume(self, purpose: Purpose, account: Account | None, code: str) -> Account:
        """Check a code, delete it and return the account; `MAX_TRIES` wrong attempts void it.

        Raises: CognitoError if it is wrong or expired, after one write, whether or not there is a code.
        """
        email = None if account is None else account.email
        key = _key(purpose, email)
        item = self._table.get(key)
        is_correct = hmac.compare_digest(self._digest(purpose, email, code), item["digest"] if item else "")
        if item is None or account is None:
            self._table.write(Put(_key(purpose, None), self._item(purpose, None, code)))
            raise code_mismatch()
        if not is_correct:
            exhausted = item["tries"] + 1 >= MAX_TRIES
            self._table.write(Delete(key) if exhausted else Update(key, add={"tries": 1}))
            raise code_mismatch()
        self._table.write(Delete(key))
        # A code that ends later than a new one was created before the clock was set back: its real age is unknown.
        left_ms = item["ends_ms"] - self._now_ms()
        if not 0 < left_ms <= purpose.lifetime_ms + CLOCK_TOLERANCE_MS:
            raise CognitoError("ExpiredCodeException", "Invalid code provided, please request a code again.")
        return account

    def _item(self, purpose: Purpose, email: str | None, code: str) -> dict[str, Any]:
        ends_ms = self._now_ms() + purpose.lifetime_ms
        return {
            "digest": self._digest(purpose, email, code),
            "ends_ms": ends_ms,
            "tries": 0,
            TTL_ATTRIBUTE: (ends_ms + KEPT_AFTER_EXPIRY_MS) // 1000,
        }

    def _digest(self, purpose: Purpose, email: str | None, code: str) -> str:
        return self._pool.digest("code", f"{purpose}:{email}:{code}").hex()


def code_mismatch() -> CognitoError:
    """Return the error for a wrong code, a code never sent, an unknown user and one who needs no code alike."""
    return CognitoError("CodeMismatchException", "Invalid verification code provided, please try again.")


def _key(purpose: Purpose, email: str | None) -> Key:
    return Key(f"CODE#{email or ''}", purpose.value)
