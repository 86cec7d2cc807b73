"""Calls operations of the user pool, at `imchat local` or at Amazon Cognito, and explains its errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from imchat.client.http import send
from imchat.errors import (
    Busy,
    ConfigError,
    Conflict,
    Forbidden,
    ImchatError,
    Invalid,
    RateLimited,
    Unauthenticated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import urllib3

_TARGET_PREFIX: Final = "AWSCognitoIdentityProviderService."
_TRANSIENT: Final = {"TooManyRequestsException", "InternalErrorException"}
"""Errors that a retry can fix, although their status is 400."""
_WRONG_PASSWORD: Final = "the e-mail address or the password is wrong"  # noqa: S105 - a message, not a password


class CognitoClient:
    """Calls the user pool at `endpoint` as the app client `client_id`."""

    def __init__(self, pool: urllib3.PoolManager, endpoint: str, client_id: str) -> None:
        self._pool = pool
        self._endpoint = endpoint
        self._client_id = client_id

    async def call(self, operation: str, **fields: object) -> dict[str, Any]:
        """Call an operation and return the response. Operations with an `AccessToken` take no client id.

        Raises: Busy if it cannot be reached or is overloaded; otherwise the error that `to_error` returns.
        """
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _TARGET_PREFIX + operation}
        body = fields if "AccessToken" in fields else {"ClientId": self._client_id, **fields}
        response = await asyncio.to_thread(send, self._pool, "POST", self._endpoint, body, headers)
        if response.is_success:
            return response.content
        # A namespace may precede the name: "com.amazonaws#NotAuthorizedException".
        kind = str(response.content.get("__type", "")).rpartition("#")[2]
        message = str(response.content.get("message") or f"the user pool returned status {response.status}")
        if kind in _TRANSIENT or response.status == RateLimited.status or response.status >= 500:  # noqa: PLR2004 - 5xx is a server error
            wait_s = response.retry_after_s
            when = f"in {wait_s} seconds" if wait_s is not None and wait_s > 1 else "in a moment"
            problem = "gets too many requests" if kind == "TooManyRequestsException" else "is busy"
            raise Busy(f"the sign-in service {problem}; try again {when}", **response.retry_after())
        raise to_error(operation, kind, message)


def to_error(operation: str, kind: str, message: str) -> ImchatError:
    """Return the error for Cognito's error `kind`, worded for the caller of `operation`."""
    found = _ERRORS.get((operation, kind)) or _ERRORS.get(("", kind))
    if found is not None:
        return found(message)
    signs_in = operation in {"InitiateAuth", "RespondToAuthChallenge"}
    return Unauthenticated(message) if signs_in else Invalid(message)


def _not_authorized(message: str) -> ImchatError:
    if message.startswith("Invalid session for the user"):
        return Unauthenticated("this sign-in took too long; sign in again", reason="session_expired")
    return Unauthenticated(_WRONG_PASSWORD if message == "Incorrect username or password." else message)


def _invalid_parameter(message: str) -> ImchatError:
    """Return the error for a field's value. Cognito also uses it for a code for a confirmed account."""
    return _confirmed(message) if "already confirmed" in message else Invalid(message)


def _confirmed(message: str) -> ImchatError:
    """Return the error for the code of an account that needs none. Cognito's message names the account's status."""
    if "CONFIRMED" in message or "already confirmed" in message:
        return Conflict("this account is confirmed already; sign in", reason="confirmed")
    return Forbidden(message)


def _sign_up_not_allowed(_message: str) -> ImchatError:
    return Forbidden("this site does not let people sign up; ask its administrator for an account")


def _address_not_allowed(_message: str) -> ImchatError:
    return Forbidden("e-mail addresses of this domain may not sign up at this site; ask its administrator")


def _exists(_message: str) -> ImchatError:
    return Conflict("an account with this e-mail address exists; sign in", reason="taken")


def _password_refused(message: str) -> ImchatError:
    return Invalid(f"the password is not allowed: {message.rstrip('.')}; choose another", field="password")


def _code_wrong(_message: str) -> ImchatError:
    return Invalid(
        "the confirmation code is wrong; check it, or request another with resend_code; "
        "if the account is confirmed already, sign in",
        field="code",
    )


def _code_expired(_message: str) -> ImchatError:
    return Invalid("the confirmation code has expired; request another with resend_code", field="code")


def _app_code_wrong(_message: str) -> ImchatError:
    return Invalid("the code is wrong; enter the code that your authenticator app shows now", field="code")


def _app_code_used(_message: str) -> ImchatError:
    return Invalid(
        "this code was used already; wait until your authenticator app shows the next one", field="code"
    )


def _app_not_set_up(_message: str) -> ImchatError:
    return Conflict("no authenticator app is being set up; call set_up_two_step first", reason="not_set_up")


def _code_not_sent(_message: str) -> ImchatError:
    return Busy("the confirmation code could not be sent; request another with resend_code")


def _too_many(_message: str) -> ImchatError:
    return RateLimited("too many attempts; wait some minutes and try again")


def _unconfirmed(_message: str) -> ImchatError:
    return Unauthenticated(
        "this account is not confirmed; call confirm_sign_up with the code that was sent",
        reason="not_confirmed",
    )


def _reset_required(_message: str) -> ImchatError:
    return Unauthenticated(
        "an administrator reset the password; choose a new one on the site", reason="password_reset_required"
    )


def _no_pool(message: str) -> ImchatError:
    return ConfigError(
        f"the user pool of the site cannot be used: {message.rstrip('.')}; check the site's address"
    )


_ERRORS: Final[Mapping[tuple[str, str], Callable[[str], ImchatError]]] = {
    ("SignUp", "NotAuthorizedException"): _sign_up_not_allowed,
    ("SignUp", "UserLambdaValidationException"): _address_not_allowed,
    ("SignUp", "UsernameExistsException"): _exists,
    ("SignUp", "CodeDeliveryFailureException"): _code_not_sent,
    ("ConfirmSignUp", "NotAuthorizedException"): _confirmed,
    ("ConfirmSignUp", "UserNotFoundException"): _code_wrong,
    ("ResendConfirmationCode", "CodeDeliveryFailureException"): _code_not_sent,
    ("RespondToAuthChallenge", "CodeMismatchException"): _app_code_wrong,
    ("RespondToAuthChallenge", "ExpiredCodeException"): _app_code_used,
    ("VerifySoftwareToken", "CodeMismatchException"): _app_code_wrong,
    ("VerifySoftwareToken", "EnableSoftwareTokenMFAException"): _app_code_wrong,
    ("VerifySoftwareToken", "InvalidParameterException"): _app_code_wrong,
    ("VerifySoftwareToken", "SoftwareTokenMFANotFoundException"): _app_not_set_up,
    ("", "NotAuthorizedException"): _not_authorized,
    ("", "UserNotFoundException"): lambda _message: Unauthenticated(_WRONG_PASSWORD),
    ("", "UserNotConfirmedException"): _unconfirmed,
    ("", "PasswordResetRequiredException"): _reset_required,
    ("", "InvalidPasswordException"): _password_refused,
    ("", "InvalidParameterException"): _invalid_parameter,
    ("", "CodeMismatchException"): _code_wrong,
    ("", "ExpiredCodeException"): _code_expired,
    ("", "LimitExceededException"): _too_many,
    ("", "TooManyFailedAttemptsException"): _too_many,
    ("", "ResourceNotFoundException"): _no_pool,
}
"""The error for each of Cognito's, by operation ("" is any) and name. Source: Cognito API reference, "Errors" of each."""
