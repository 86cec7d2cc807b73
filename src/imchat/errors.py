"""The one error tree: every error has a code, an HTTP status and whether a retry can help.

ImchatError
├── Invalid 400 · Unauthenticated 401 · Forbidden 403 (Suspended) · NotFound 404
├── Conflict 409 · TooLarge 413 · RateLimited 429 · Busy 503
└── ConfigError · DeployError (the operator's side: no HTTP status is ever sent for them)
"""

from __future__ import annotations

import traceback
from typing import Any, ClassVar, Final


class ImchatError(Exception):
    """Base of all errors that imchat raises on purpose. `message` is safe to show to whoever asked."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(ImchatError):
    """The request breaks a rule; `details` names the `field` and the `limit`."""

    code = "invalid"
    status = 400


class Unauthenticated(ImchatError):
    """Nobody is signed in, or the token or ticket is not good."""

    code = "unauthenticated"
    status = 401


class Forbidden(ImchatError):
    """Known, a member, and still not allowed."""

    code = "forbidden"
    status = 403


class Suspended(Forbidden):
    """An administrator suspended the person: nothing is answered to them but their profile."""

    code = "suspended"

    def __init__(self) -> None:
        super().__init__("your account is suspended; ask whoever runs this site")


class NotFound(ImchatError):
    """It does not exist, or it is not yours: the two look the same."""

    code = "not_found"
    status = 404


class Conflict(ImchatError):
    """The request meets a state it does not fit; `details` says which."""

    code = "conflict"
    status = 409


class TooLarge(ImchatError):
    """More bytes than the limit; `details` names the `limit`."""

    code = "too_large"
    status = 413


class RateLimited(ImchatError):
    """Too many requests; `details["retry_after_s"]` says how long to wait, in seconds."""

    code = "rate_limited"
    status = 429
    retryable = True


class Busy(ImchatError):
    """Nothing is wrong with the request; the same one may succeed a moment later."""

    code = "busy"
    status = 503
    retryable = True


class ConfigError(ImchatError):
    """The operator's setting, file, folder or port cannot be used; the message says what to do."""

    code = "config"


class DeployError(ImchatError):
    """A deployment or teardown stopped. `message` says where and why, and ends with the next step, `hint`.

    `stack` is the stack's name, `resource` the logical id that failed first; each is None where none is to blame.
    """

    code = "deploy"

    def __init__(
        self, reason: str, *, hint: str, stack: str | None = None, resource: str | None = None
    ) -> None:
        where = "".join(f"{part}: " for part in (stack, resource) if part)
        super().__init__(f"{where}{reason.rstrip('.')}; {hint}")
        self.reason = reason
        self.hint = hint
        self.stack = stack
        self.resource = resource


BY_STATUS: Final = {
    kind.status: kind for kind in ImchatError.__subclasses__() if kind.status != ImchatError.status
}
"""What a status stands for, to whoever is answered with it. Errors that other modules derive are not in it."""


def source_location(error: Exception) -> str:
    """Where it came from, innermost first, for the log: not its message, which may hold what people wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
