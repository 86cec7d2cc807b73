"""Sign-ins that wait for the client's next message: single use, three minutes, held in memory."""

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
    """An SRP exchange with whoever claims to be `name`; `user_id` is a stand-in where there is no such user."""

    name: str
    user_id: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A user who proved the temporary password and must choose one."""

    user_id: str
    verifier: str


class Challenges(Generic[T]):
    """Open challenges of one kind by their handle; above `MAX_OPEN` the oldest is dropped."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._open: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def open(self, challenge: T) -> str:
        """The handle (base64) to give to the client."""
        handle = base64.b64encode(secrets.token_bytes(48)).decode()
        self._open[handle] = (challenge, self._now_ms() + LIFETIME_MS)
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return handle

    def read(self, handle: str) -> T:
        """The challenge, which stays open. Raises: Refused for an unknown, spent or expired handle."""
        challenge, ends_ms = self._open.get(handle, (None, 0))
        if challenge is None:
            raise not_authorized("Invalid session for the user.")
        if ends_ms <= self._now_ms():
            self.close(handle)
            raise not_authorized("Invalid session for the user, session is expired.")
        return challenge

    def close(self, handle: str) -> None:
        """Make the handle worthless."""
        self._open.pop(handle, None)

    def take(self, handle: str) -> T:
        """`read` and `close`."""
        challenge = self.read(handle)
        self.close(handle)
        return challenge
