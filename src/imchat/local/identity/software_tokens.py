"""Stores the authenticator apps of users and accepts each of their codes once: TOTP, Cognito's "software token".

Source: RFC 6238 with SHA-1, 30 seconds and 6 digits, as Cognito and all authenticator apps use it.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from imchat.local.identity.protocol import CognitoError
from imchat.storage.table import ConditionFailed, Delete, Equals, Key, Op, Present, Put, Table, Update

STEP_S: Final = 30
DIGITS: Final = 6
TOLERANCE_STEPS: Final = 1
"""Number of steps before and after the current one whose codes are accepted. Source: RFC 6238, section 5.2."""
SECRET_BYTES: Final = 20
"""Source: RFC 4226, section 4, R6: 160 bits are recommended."""
PENDING_LIFETIME_MS: Final = 60 * 60 * 1000
MAX_PENDING: Final = 10_000


@dataclass(frozen=True, slots=True)
class SoftwareToken:
    """An authenticator app that its user has verified with a code.

    `secret` is base32; `name` is the user's name for the device; `last_step` is the time step of the last accepted code.
    Sign-in requires a code if `enabled`.
    """

    secret: str
    name: str
    last_step: int
    enabled: bool = False
    preferred: bool = False


class SoftwareTokens:
    """Verified tokens in a table, one per user, and in memory the secrets whose first code was not entered yet.

    A pending secret is valid for `PENDING_LIFETIME_MS`; above `MAX_PENDING` the oldest is dropped.
    """

    def __init__(self, table: Table, now_ms: Callable[[], int], elapsed_ms: Callable[[], int]) -> None:
        self._table = table
        self._now_ms = now_ms
        self._elapsed_ms = elapsed_ms
        self._pending: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def find(self, user_id: str) -> SoftwareToken | None:
        """Return the verified token of a user."""
        item = self._table.get(_key(user_id))
        return None if item is None else SoftwareToken(**item)

    def create_secret(self, user_id: str) -> str:
        """Return a new secret, pending until `register`. It replaces an earlier pending one, but not a verified token."""
        secret = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
        self._pending.pop(user_id, None)
        self._pending[user_id] = (secret, self._elapsed_ms() + PENDING_LIFETIME_MS)
        if len(self._pending) > MAX_PENDING:
            self._pending.popitem(last=False)
        return secret

    def register(self, user_id: str, code: str, name: str) -> None:
        """Store the pending secret as the user's token. It replaces an earlier token and keeps its preference.

        Raises: CognitoError without a pending secret, or if the code is wrong; then the secret stays pending.
        """
        secret, ends_ms = self._pending.get(user_id, ("", 0))
        if ends_ms <= self._elapsed_ms():
            self._pending.pop(user_id, None)
            raise CognitoError(
                "SoftwareTokenMFANotFoundException", "Software Token MFA does not exist for the user."
            )
        step = self._matching_step(secret, code)
        if step is None:
            raise CognitoError(
                "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"
            )
        before = self.find(user_id)
        token = SoftwareToken(secret, name, step)
        if before is not None:
            token = replace(token, enabled=before.enabled, preferred=before.preferred)
        self._table.write(Put(_key(user_id), asdict(token)))
        self._pending.pop(user_id, None)

    def accept(self, user_id: str, token: SoftwareToken, code: str) -> None:
        """Accept a code of the token. No other request can use it again, also after a restart.

        Raises: CognitoError if the code is wrong, or if this or a later code was accepted before.
        """
        step = self._matching_step(token.secret, code)
        if step is None:
            raise CognitoError("CodeMismatchException", "Invalid code received for user")
        # A last step in the future was accepted before the clock was set back: it must not lock the user out.
        if step <= token.last_step <= self._current_step() + TOLERANCE_STEPS:
            raise _already_used()
        unchanged = Equals("last_step", token.last_step)
        try:
            self._table.write(Update(_key(user_id), set={"last_step": step}, condition=unchanged))
        except ConditionFailed:
            raise _already_used() from None

    def set_preference(self, user_id: str, *, enabled: bool, preferred: bool) -> None:
        """Set whether sign-in requires a code of the user's token, which must exist."""
        preference = {"enabled": enabled, "preferred": preferred}
        self._table.write(Update(_key(user_id), set=preference, condition=Present()))

    @staticmethod
    def delete(user_id: str) -> Op:
        """Return the op that deletes the token of a user."""
        return Delete(_key(user_id))

    def _current_step(self) -> int:
        return self._now_ms() // 1000 // STEP_S

    def _matching_step(self, secret: str, code: str) -> int | None:
        """Return the newest step around now whose code is `code`. All codes are computed and compared in constant time."""
        now = self._current_step()
        steps = range(now - TOLERANCE_STEPS, now + TOLERANCE_STEPS + 1)
        given = code.encode()
        matching = [step for step in steps if hmac.compare_digest(given, make_code(secret, step))]
        return matching[-1] if matching else None


def make_code(secret: str, step: int) -> bytes:
    """Return the code of a base32 secret in a time step."""
    totp = TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_S)  # noqa: S303 - RFC 6238 and authenticator apps use it
    return totp.generate(step * STEP_S)


def _already_used() -> CognitoError:
    return CognitoError("ExpiredCodeException", "Your software token has already been used once.")


def _key(user_id: str) -> Key:
    return Key(f"SOFTWARE_TOKEN#{user_id}", "SOFTWARE_TOKEN")
