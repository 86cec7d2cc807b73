"""Limits how many requests each client address sends to the user pool, by kind of operation. The counts are in memory.

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
"""Addresses that are remembered for each kind of operation; the one that was idle for longest is dropped first."""


class OperationKind(Enum):
    """Operations that share a limit. Those of administrators, whose requests are signed, have none."""

    SIGN_IN = "sign-in"
    SIGN_UP = "sign-up"
    CODE = "code"
    OTHER = "other"
    ADMINISTRATION = "administration"


class RequestLimit(NamedTuple):
    """How many requests one address may send at once, and how many more it may send each minute after that."""

    burst: int
    per_minute: int


LIMITS: Final[Mapping[OperationKind, RequestLimit]] = MappingProxyType(
    {
        OperationKind.SIGN_IN: RequestLimit(100, 120),
        OperationKind.SIGN_UP: RequestLimit(50, 10),
        OperationKind.CODE: RequestLimit(50, 10),
        OperationKind.OTHER: RequestLimit(300, 1200),
    }
)
_KINDS: Final = {
    "ChangePassword": OperationKind.SIGN_IN,
    "ConfirmForgotPassword": OperationKind.CODE,
    "ConfirmSignUp": OperationKind.CODE,
    "ForgotPassword": OperationKind.CODE,
    "InitiateAuth": OperationKind.SIGN_IN,
    "ResendConfirmationCode": OperationKind.CODE,
    "SignUp": OperationKind.SIGN_UP,
}


def operation_kind(operation: str) -> OperationKind:
    """Return the kind of an operation.

    `RespondToAuthChallenge` does not count as a sign-in: `InitiateAuth`, which created the challenge, was counted.
    """
    if operation.startswith(("Admin", "List")):
        return OperationKind.ADMINISTRATION
    return _KINDS.get(operation, OperationKind.OTHER)


class AddressLimiter:
    """Counts the requests of each address against `limits`. `elapsed_ms` is a clock that only moves forward."""

    def __init__(
        self,
        limits: Mapping[OperationKind, RequestLimit] = LIMITS,
        elapsed_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._elapsed_ms = elapsed_ms
        self._counters = {kind: _Counter(limit) for kind, limit in limits.items()}

    def count(self, kind: OperationKind, address: str) -> int:
        """Count one request and return 0; or, over the limit, return the time to wait in ms and count nothing."""
        counter = self._counters.get(kind)
        return 0 if counter is None else counter.count(address, self._elapsed_ms())


class _Counter:
    """Counts requests of one kind with the generic cell rate algorithm (GCRA).

    It needs one number for each address, the theoretical arrival time of the next request: each request moves it one
    interval ahead, and a request is refused while it is more than a burst ahead of the clock.
    """

    def __init__(self, limit: RequestLimit) -> None:
        self._interval_ms = 60_000 // limit.per_minute
        self._max_ahead_ms = (limit.burst - 1) * self._interval_ms
        self._next_ms: OrderedDict[str, int] = OrderedDict()

    def count(self, address: str, now_ms: int) -> int:
        next_ms = max(self._next_ms.pop(address, 0), now_ms)
        wait_ms = max(next_ms - self._max_ahead_ms - now_ms, 0)
        self._next_ms[address] = next_ms + (0 if wait_ms else self._interval_ms)
        if len(self._next_ms) > MAX_ADDRESSES:
            self._next_ms.popitem(last=False)
        return wait_ms
