"""The error classes: each has a code, an HTTP status and whether a retry can help.

ImchatError
├── Invalid 400 · Unauthenticated 401 (SessionEnded, CodeRequired) · Forbidden 403 (Suspended) · NotFound 404
├── MethodNotAllowed 405 · Conflict 409 · TooLarge 413 · RateLimited 429 · Busy 503
└── Closed · ConfigError · DeployError (for programs and operators; never sent over HTTP)
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any, ClassVar, Final


class ImchatError(Exception):
    """Base class of all errors that imchat raises on purpose. `message` is safe to show to the caller."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(ImchatError):
    """The request breaks a rule; `details` has the `field` and the `limit`."""

    code = "invalid"
    status = 400


class Unauthenticated(ImchatError):
    """No one is signed in, or the token or ticket is not valid."""

    code = "unauthenticated"
    status = 401


class SessionEnded(Unauthenticated):
    """The server ended the sign-in: signed out everywhere, account disabled or deleted, or refresh token revoked.

    Raised by the Python client only. Retrying cannot help; sign in again.
    """


class CodeRequired(Unauthenticated):
    """The password is right, but the account has two-step sign-in: sign in with `code`, from its authenticator app.

    Raised by the Python client only.
    """


class Forbidden(ImchatError):
    """The user is signed in but may not do this."""

    code = "forbidden"
    status = 403


class Suspended(Forbidden):
    """An administrator suspended the user, who can now read only their own profile."""

    code = "suspended"

    def __init__(self) -> None:
        super().__init__("your account is suspended; contact the administrator of this site")


class NotFound(ImchatError):
    """It does not exist, or the user may not see it; the response does not say which."""

    code = "not_found"
    status = 404


class MethodNotAllowed(ImchatError):
    """The path exists, but not with this method; `details["allow"]` lists the methods that it has."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, message: str, *, allow: Sequence[str] = (), **details: Any) -> None:
        super().__init__(message, allow=list(allow), **details)


class Conflict(ImchatError):
    """The request conflicts with the current state; `details` says how."""

    code = "conflict"
    status = 409


class TooLarge(ImchatError):
    """The request is larger than the limit; `details` has the `limit`."""

    code = "too_large"
    status = 413


class RateLimited(ImchatError):
    """Too many requests; `details["retry_after_s"]` is the time to wait, in seconds."""

    code = "rate_limited"
    status = 429
    retryable = True


class Busy(ImchatError):
    """The server cannot answer now; the same request may succeed later."""

    code = "busy"
    status = 503
    retryable = True


class ConfigError(ImchatError):
    """A setting, file, folder or port cannot be used; the message says what to do."""

    code = "config"


class Closed(ImchatError):
    """An app was used after its `open_app` block had ended; never sent over HTTP."""

    code = "closed"


class DeployError(ImchatError):
    """A deployment or teardown stopped. `message` says where and why, and ends with the next step, `hint`.

    `stack` is the name of the stack and `resource` the logical id of the first failed resource, or None if unknown.
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


ERROR_BY_STATUS: Final = {
    kind.status: kind for kind in ImchatError.__subclasses__() if kind.status != ImchatError.status
}
"""The error class for each HTTP status, for clients. Subclasses defined in other modules are not included."""


def source_location(error: Exception) -> str:
    """Return where `error` was raised, innermost frame first, for the log.

    The message is left out: it may contain text that users wrote.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
