"""Holds the challenges of unfinished sign-ins in memory: single use, valid for three minutes.

Times are of a clock that only moves forward: with the system clock set back, a challenge would be valid for longer.
"""

from __future__ import annotations

import base64
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from imchat.local.identity.protocol import not_authorized
from imchat.local.identity.srp import Exchange

LIFETIME_MS: Final = 3 * 60 * 1000
MAX_OPEN: Final = 20_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """An SRP exchange with a client that claims to be `name`; `user_id` is fake if there is no such user."""

    name: str
    user_id: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A user who signed in with the temporary password and must set a new one."""

    user_id: str
    verifier: str


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A user who gave the right password and must enter a code; `verifier` and `generation` are those of that time."""

    user_id: str
    verifier: str
    generation: int


class Challenges(Generic[T]):
    """Open challenges of one kind by their handle; above `MAX_OPEN` the oldest is dropped."""

    def __init__(self, elapsed_ms: Callable[[], int]) -> None:
        self._elapsed_ms = elapsed_ms
        self._open: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def open(self, challenge: T) -> str:
        """Store a challenge; return its handle (base64) for the client."""
        handle = base64.b64encode(secrets.token_bytes(48)).decode()
        self._open[handle] = (challenge, self._elapsed_ms() + LIFETIME_MS)
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return handle

    def get(self, handle: str) -> T:
        """Return the challenge and keep it. Raises: CognitoError for an unknown, used or expired handle."""
        challenge, ends_ms = self._open.get(handle, (None, 0))
        if challenge is None:
            raise not_authorized("Invalid session for the user.")
        if ends_ms <= self._elapsed_ms():
            self.close(handle)
            raise not_authorized("Invalid session for the user, session is expired.")
        return challenge

    def close(self, handle: str) -> None:
        """Delete the challenge."""
        self._open.pop(handle, None)

    def consume(self, handle: str) -> T:
        """Return the challenge and delete it. Raises: CognitoError like `get`."""
        challenge = self.get(handle)
        self.close(handle)
        return challenge
