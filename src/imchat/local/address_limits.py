"""Limits the requests to the user pool of each client address, by the kind of operation. Held in memory.

One team behind one router must be able to sign up and sign in within some minutes, and one address must not be able to
keep the server busy: it computes about 100 password checks a second.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

MAX_ADDRESSES: Final = 10_000
"""Addresses that are remembered for each kind of operation; the one that was silent for longest is forgotten first."""


class Kind(Enum):
    """The operations that share a limit; those of administrators, which are signed, have none."""

    SIGN_IN = "sign-in"
    SIGN_UP = "sign-up"
    CODE = "code"
    OTHER = "other"
    ADMINISTRATION = "administration"


class Limit(NamedTuple):
    """The requests that one address may send at once, and how many of them it may send again each minute."""

    burst: int
    per_minute: int


LIMITS: Final[Mapping[Kind, Limit]] = MappingProxyType(
    {
        Kind.SIGN_IN: Limit(100, 120),
        Kind.SIGN_UP: Limit(50, 10),
        Kind.CODE: Limit(50, 10),
        Kind.OTHER: Limit(300, 1200),
    }
)
_KINDS: Final = {
    "ChangePassword": Kind.SIGN_IN,
    "ConfirmForgotPassword": Kind.CODE,
    "ConfirmSignUp": Kind.CODE,
    "ForgotPassword": Kind.CODE,
    "InitiateAuth": Kind.SIGN_IN,
    "ResendConfirmationCode": Kind.CODE,
    "SignUp": Kind.SIGN_UP,
}


def kind_of(operation: str) -> Kind:
    """Return the kind of an operation.

    A response to a challenge is not a sign-in of its own: each challenge of `InitiateAuth` can be answered once.
    """
    if operation.startswith(("Admin", "List")):
        return Kind.ADMINISTRATION
    return _KINDS.get(operation, Kind.OTHER)


class AddressLimits:
    """Counts the requests of each address against `limits`. `elapsed_ms` is a clock that only moves forward."""

    def __init__(
        self,
        limits: Mapping[Kind, Limit] = LIMITS,
        elapsed_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._elapsed_ms = elapsed_ms
        self._counters = {kind: _Counter(limit) for kind, limit in limits.items()}

    def count(self, kind: Kind, address: str) -> int:
        """Count one request and return 0; or, over the limit, return the time to wait in ms and count nothing."""
        counter = self._counters.get(kind)
        return 0 if counter is None else counter.count(address, self._elapsed_ms())


class _Counter:
    """Counts one kind of request: for each address, the time at which all its requests will be forgotten.

    This is the generic cell rate algorithm, which needs one number for each address.
    """

    def __init__(self, limit: Limit) -> None:
        self._interval_ms = 60_000 // limit.per_minute
        self._max_ahead_ms = (limit.burst - 1) * self._interval_ms
        self._forgotten_ms: OrderedDict[str, int] = OrderedDict()

    def count(self, address: str, now_ms: int) -> int:
        forgotten_ms = max(self._forgotten_ms.pop(address, 0), now_ms)
        wait_ms = max(forgotten_ms - self._max_ahead_ms - now_ms, 0)
        self._forgotten_ms[address] = forgotten_ms + (0 if wait_ms else self._interval_ms)
        if len(self._forgotten_ms) > MAX_ADDRESSES:
            self._forgotten_ms.popitem(last=False)
        return wait_ms
