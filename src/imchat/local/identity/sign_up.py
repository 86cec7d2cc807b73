"""The operations of users on their own account: sign-up, confirmation, password reset and change, global sign-out."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Final

from imchat.local.identity.accounts import Account, Status
from imchat.local.identity.codes import Purpose
from imchat.local.identity.context import (
    MAX_PASSWORD_CHARACTERS,
    NamedUser,
    PoolContext,
    new_email,
    new_password,
    username,
)
from imchat.local.identity.protocol import (
    CognitoError,
    CognitoRequest,
    as_attributes,
    invalid_parameter,
    not_authorized,
)
from imchat.local.identity.sign_in import PASSWORD
from imchat.local.identity.throttle import failure_key
from imchat.local.identity.two_step import mfa_settings

ATTRIBUTES: Final = frozenset({
    "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
    "website", "gender", "birthdate", "zoneinfo", "locale", "address",
})  # fmt: skip
"""The attributes a user may set, besides the e-mail address: OpenID Connect's standard claims."""


def sign_up(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Create an account; with the server's `confirm`, deliver a code that must confirm it."""
    context.check_client(request)
    email = new_email(request)
    # Before any lookup: the error must not disclose who has an account.
    context.check_sign_up_allowed(email)
    password = new_password(request, "Password")
    attributes = user_attributes(request, email)
    status = Status.UNCONFIRMED if context.confirm else Status.CONFIRMED
    account = make_account(context, email, password, status, attributes)
    context.accounts.add(account)
    response: dict[str, Any] = {"UserConfirmed": not context.confirm, "UserSub": account.user_id}
    if context.confirm:
        response["CodeDeliveryDetails"] = context.send_code(Purpose.SIGN_UP, context.find_user(email))
    return response


def confirm_sign_up(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Confirm an account with the code that `sign_up` delivered."""
    context.check_client(request)
    account = _consume_code(context, Purpose.SIGN_UP, _unconfirmed_user(context, request), request)
    context.accounts.save(
        replace(account, status=Status.CONFIRMED, email_verified=True, changed_ms=context.now_ms())
    )
    return {}


def resend_confirmation_code(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Deliver a new code, which replaces the earlier one; respond alike to a user who needs none or does not exist."""
    context.check_client(request)
    return {"CodeDeliveryDetails": context.send_code(Purpose.SIGN_UP, _unconfirmed_user(context, request))}


def forgot_password(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Deliver a code for a new password, without disclosing whether the user exists."""
    context.check_client(request)
    return {"CodeDeliveryDetails": context.send_code(Purpose.PASSWORD_RESET, _enabled_user(context, request))}


def confirm_forgot_password(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Set a new password with the delivered code, and end all sessions of the user."""
    context.check_client(request)
    user = _enabled_user(context, request)
    password = new_password(request, "Password")
    account = _consume_code(context, Purpose.PASSWORD_RESET, user, request)
    changed = context.with_password(account, password, Status.CONFIRMED)
    context.accounts.save(replace(changed, generation=account.generation + 1, email_verified=True))
    context.throttle.reset(user.failure_key(PASSWORD))
    return {}


def change_password(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Change the caller's password; requires the current one."""
    account = context.authenticate(request)
    key = failure_key(PASSWORD, account.user_id, exists=True)
    context.check_throttle(key)
    proposed = new_password(request, "ProposedPassword")
    previous = request.text("PreviousPassword", limit=MAX_PASSWORD_CHARACTERS)
    if not context.password_matches(context.find_user(account.user_id), previous):
        context.throttle.record_failure(key)
        raise not_authorized()
    context.throttle.reset(key)
    context.accounts.save(context.with_password(account, proposed, account.status))
    return {}


def get_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return the caller's attributes, and whether sign-in requires a code."""
    account = context.authenticate(request)
    attributes = as_attributes(account.all_attributes())
    return {"Username": account.user_id, "UserAttributes": attributes, **mfa_settings(context, account)}


def global_sign_out(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """End every session of the caller."""
    account = context.authenticate(request)
    context.accounts.save(replace(account, generation=account.generation + 1))
    return {}


def make_account(
    context: PoolContext, email: str, password: str, status: Status, attributes: dict[str, str]
) -> Account:
    """Return a new account, not stored; slow."""
    user_id = str(uuid.uuid4())
    salt, verifier = context.new_verifier(user_id, password)
    now_ms = context.now_ms()
    return Account(user_id, email, salt, verifier, status, now_ms, now_ms, attributes=attributes)


def user_attributes(
    request: CognitoRequest, email: str, allowed: frozenset[str] = ATTRIBUTES
) -> dict[str, str]:
    """Return the `UserAttributes` of a new account without the e-mail address, which must equal `email` if present."""
    attributes = request.attributes("UserAttributes")
    if attributes.pop("email", email).lower() != email:
        raise invalid_parameter("The email attribute must be the same as the Username.")
    unknown = sorted(set(attributes) - allowed)
    if unknown:
        raise not_authorized(f"A client attempted to write unauthorized attribute: {unknown[0]}")
    return attributes


def _unconfirmed_user(context: PoolContext, request: CognitoRequest) -> NamedUser:
    """Return the user that the request names, without an account if that needs no confirmation."""
    user = context.find_user(username(request))
    is_unconfirmed = user.account is not None and user.account.status is Status.UNCONFIRMED
    return user if is_unconfirmed else user.without_account()


def _enabled_user(context: PoolContext, request: CognitoRequest) -> NamedUser:
    """Return the user that the request names, without an account if that is disabled."""
    user = context.find_user(username(request))
    return user if user.account is not None and user.account.enabled else user.without_account()


def _consume_code(
    context: PoolContext, purpose: Purpose, user: NamedUser, request: CognitoRequest
) -> Account:
    """Check and delete the request's code, and return the user's account; attempts are counted for unknown users too."""
    code = request.text("ConfirmationCode")
    key = user.failure_key(f"code:{purpose}")
    context.check_throttle(key)
    try:
        account = context.codes.consume(purpose, user.account, code)
    except CognitoError:
        context.throttle.record_failure(key)
        raise
    context.throttle.reset(key)
    return account
