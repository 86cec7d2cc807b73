"""The operations of two-step sign-in: setting up an authenticator app, its preference, and the code at sign-in.

A code is optional in this pool, as in the AWS template, so no sign-in returns the challenge `MFA_SETUP`. Therefore no
`Session` is valid for setting up an app: only an access token is.
"""

from __future__ import annotations

import re
from typing import Any, Final

from imchat.local.identity.accounts import Account
from imchat.local.identity.challenges import SecondFactor
from imchat.local.identity.context import PoolContext, username
from imchat.local.identity.protocol import CognitoError, CognitoRequest, invalid_parameter, not_authorized
from imchat.local.identity.software_tokens import DIGITS
from imchat.local.identity.throttle import failure_key

SOFTWARE_TOKEN: Final = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - a challenge, not a password
_OTHER_FACTORS: Final = {
    "SMSMfaSettings": "SMS_MFA",
    "EmailMfaSettings": "EMAIL_OTP",
    "WebAuthnMfaSettings": "WEB_AUTHN",
}
_CODE: Final = re.compile(rf"[0-9]{{{DIGITS}}}")


def associate_software_token(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return a new secret for the caller's authenticator app; `verify_software_token` must confirm it."""
    account = _authenticate(context, request)
    return {"SecretCode": context.software_tokens.create_secret(account.user_id)}


def verify_software_token(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Confirm the secret with a code of the app. Sign-in requires codes only after `set_user_mfa_preference`."""
    account = _authenticate(context, request)
    code = request.text("UserCode")
    if not _CODE.fullmatch(code):
        raise invalid_parameter(f"UserCode must have {DIGITS} digits.")
    key = failure_key("totp-setup", account.user_id, exists=True)
    if not context.throttle.allows(key):
        raise CognitoError("TooManyRequestsException", "Too many wrong codes; try again later.")
    try:
        context.software_tokens.register(account.user_id, code, request.optional("FriendlyDeviceName") or "")
    except CognitoError:
        context.throttle.record_failure(key)
        raise
    context.throttle.reset(key)
    return {"Status": "SUCCESS"}


def set_user_mfa_preference(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Set whether the caller's sign-in requires a code."""
    return set_preference(context, context.authenticate(request), request)


def set_preference(context: PoolContext, account: Account, request: CognitoRequest) -> dict[str, Any]:
    """Set whether the sign-in of an account requires a code. Settings that are missing stay as they are.

    Turning codes off keeps the app, as Cognito does, so that they can be turned on again.
    """
    for name, factor in _OTHER_FACTORS.items():
        if request.nested(name).boolean("Enabled"):
            raise _not_set_up(factor)
    settings = request.nested("SoftwareTokenMfaSettings")
    token = context.software_tokens.find(account.user_id)
    was_enabled, was_preferred = (token.enabled, token.preferred) if token else (False, False)
    enabled = settings.optional_boolean("Enabled", default=was_enabled)
    preferred = settings.optional_boolean("PreferredMfa", default=was_preferred and enabled)
    if (enabled or preferred) and token is None:
        raise _not_set_up(SOFTWARE_TOKEN)
    if preferred and not enabled:
        raise invalid_parameter("PreferredMfa requires Enabled.")
    if token is not None:
        context.software_tokens.set_preference(account.user_id, enabled=enabled, preferred=preferred)
    return {}


def mfa_settings(context: PoolContext, account: Account) -> dict[str, Any]:
    """Return the fields of `GetUser` and `AdminGetUser` on two-step sign-in; none if it is off."""
    token = context.software_tokens.find(account.user_id)
    if token is None or not token.enabled:
        return {}
    settings: dict[str, Any] = {"UserMFASettingList": [SOFTWARE_TOKEN]}
    return settings | ({"PreferredMfaSetting": SOFTWARE_TOKEN} if token.preferred else {})


def require_code(context: PoolContext, account: Account) -> dict[str, Any] | None:
    """Return the challenge for a user who has given the right password; None if their sign-in requires no code."""
    token = context.software_tokens.find(account.user_id)
    if token is None or not token.enabled:
        return None
    name = {"FRIENDLY_DEVICE_NAME": token.name} if token.name else {}
    factor = SecondFactor(account.user_id, account.verifier, account.generation)
    return {
        "ChallengeName": SOFTWARE_TOKEN,
        "Session": context.second_factors.open(factor),
        "ChallengeParameters": {"USER_ID_FOR_SRP": account.user_id, **name},
    }


def verify_code(context: PoolContext, session: str, responses: CognitoRequest) -> Account:
    """Return the account whose challenge the code answers. After a wrong code, the user can try another one.

    Wrong codes are throttled by account, not by sign-in, and a right password does not reset their count.
    """
    challenge = context.second_factors.get(session)
    account = context.accounts.find(challenge.user_id)
    token = context.software_tokens.find(challenge.user_id)
    if (
        account is None
        or token is None
        or not token.enabled
        or (account.verifier, account.generation) != (challenge.verifier, challenge.generation)
        or username(responses, "USERNAME").lower() not in {account.email, account.user_id}
    ):
        raise not_authorized("Invalid session for the user.")
    if not account.enabled:
        raise not_authorized("User is disabled.")
    key = failure_key("totp", account.user_id, exists=True)
    if not context.throttle.allows(key):
        raise not_authorized("Password attempts exceeded")
    try:
        context.software_tokens.accept(account.user_id, token, responses.text(f"{SOFTWARE_TOKEN}_CODE"))
    except CognitoError:
        context.throttle.record_failure(key)
        raise
    context.second_factors.close(session)
    context.throttle.reset(key)
    return account


def _authenticate(context: PoolContext, request: CognitoRequest) -> Account:
    if request.optional("AccessToken", limit=8192) is None and request.optional("Session", limit=4096):
        raise not_authorized("Invalid session for the user.")
    return context.authenticate(request)


def _not_set_up(factor: str) -> CognitoError:
    return invalid_parameter(f"User does not have delivery config set to turn on {factor}")
