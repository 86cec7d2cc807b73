"""Getting an account and keeping it: sign-up and its code, a forgotten or changed password, signing out everywhere."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Final

from imchat.local.identity.accounts import Account, Status
from imchat.local.identity.codes import Purpose, wrong_code
from imchat.local.identity.context import (
    MAX_PASSWORD_CHARACTERS,
    PoolContext,
    new_email,
    new_password,
    username,
)
from imchat.local.identity.protocol import (
    CognitoError,
    Request,
    as_attributes,
    invalid_parameter,
    not_authorized,
)
from imchat.local.identity.sign_in import throttle_key
from imchat.local.identity.throttle import count_by

ATTRIBUTES: Final = frozenset({
    "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
    "website", "gender", "birthdate", "zoneinfo", "locale", "address",
})  # fmt: skip
"""What a user may say about themselves, besides the e-mail address: OpenID Connect's standard claims."""


def sign_up(state: PoolContext, request: Request) -> dict[str, Any]:
    """Make an account; with the server's `confirm` it waits for a code that is delivered."""
    state.check_client(request)
    email = new_email(request)
    # Before anything is looked up: the refusal says nothing of who has an account.
    state.must_admit(email)
    password = new_password(request, "Password")
    attributes = user_attributes(request, email)
    status = Status.UNCONFIRMED if state.confirm else Status.CONFIRMED
    account = make_account(state, email, password, status, attributes)
    state.accounts.add(account)
    answer: dict[str, Any] = {"UserConfirmed": not state.confirm, "UserSub": account.user_id}
    if state.confirm:
        answer["CodeDeliveryDetails"] = state.send_code(Purpose.SIGN_UP, account, email)
    return answer


def confirm_sign_up(state: PoolContext, request: Request) -> dict[str, Any]:
    """Take the code that `sign_up` delivered."""
    state.check_client(request)
    account = state.accounts.find(username(request))
    if account is not None and account.status is not Status.UNCONFIRMED:
        raise not_authorized(f"User cannot be confirmed. Current status is {account.status}")
    _use_code(state, Purpose.SIGN_UP, account, request)
    if account is not None:
        state.accounts.save(
            replace(account, status=Status.CONFIRMED, email_verified=True, changed_ms=state.now_ms())
        )
    return {}


def resend_confirmation_code(state: PoolContext, request: Request) -> dict[str, Any]:
    """Deliver a fresh code; the earlier one is void."""
    state.check_client(request)
    name = username(request)
    account = state.accounts.find(name)
    if account is not None and account.status is not Status.UNCONFIRMED:
        raise invalid_parameter("User is already confirmed.")
    return {"CodeDeliveryDetails": state.send_code(Purpose.SIGN_UP, account, name)}


def forgot_password(state: PoolContext, request: Request) -> dict[str, Any]:
    """Deliver a code for a new password; whether there is such a user stays unsaid."""
    state.check_client(request)
    name = username(request)
    account = state.accounts.find(name)
    if account is not None and not account.enabled:
        account = None
    return {"CodeDeliveryDetails": state.send_code(Purpose.PASSWORD_RESET, account, name)}


def confirm_forgot_password(state: PoolContext, request: Request) -> dict[str, Any]:
    """Take the code and the new password; whatever was signed in must sign in again."""
    state.check_client(request)
    account = state.accounts.find(username(request))
    password = new_password(request, "Password")
    _use_code(state, Purpose.PASSWORD_RESET, account, request)
    if account is not None:
        changed = state.with_password(account, password, Status.CONFIRMED)
        state.accounts.save(replace(changed, generation=account.generation + 1, email_verified=True))
        state.throttle.succeeded(throttle_key(account, account.email))
    return {}


def change_password(state: PoolContext, request: Request) -> dict[str, Any]:
    """Replace the caller's password, given the old one."""
    account = state.caller(request)
    key = throttle_key(account, account.email)
    state.must_allow(key)
    proposed = new_password(request, "ProposedPassword")
    if not state.password_matches(account, request.text("PreviousPassword", limit=MAX_PASSWORD_CHARACTERS)):
        state.throttle.failed(key)
        raise not_authorized()
    state.throttle.succeeded(key)
    state.accounts.save(state.with_password(account, proposed, account.status))
    return {}


def get_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """The caller's attributes."""
    account = state.caller(request)
    return {"Username": account.user_id, "UserAttributes": as_attributes(account.all_attributes())}


def global_sign_out(state: PoolContext, request: Request) -> dict[str, Any]:
    """End every session of the caller."""
    account = state.caller(request)
    state.accounts.save(replace(account, generation=account.generation + 1))
    return {}


def make_account(
    state: PoolContext, email: str, password: str, status: Status, attributes: dict[str, str]
) -> Account:
    """A new account, not yet stored; slow."""
    user_id = str(uuid.uuid4())
    salt, verifier = state.new_verifier(user_id, password)
    now_ms = state.now_ms()
    return Account(user_id, email, salt, verifier, status, now_ms, now_ms, attributes=attributes)


def user_attributes(request: Request, email: str, allowed: frozenset[str] = ATTRIBUTES) -> dict[str, str]:
    """The `UserAttributes` of a new account, without the e-mail address, which must be `email` where it is given."""
    attributes = request.attributes("UserAttributes")
    if attributes.pop("email", email).lower() != email:
        raise invalid_parameter("The email attribute must be the same as the Username.")
    unknown = sorted(set(attributes) - allowed)
    if unknown:
        raise not_authorized(f"A client attempted to write unauthorized attribute: {unknown[0]}")
    return attributes


def _use_code(state: PoolContext, purpose: Purpose, account: Account | None, request: Request) -> None:
    """Spend the request's code; tries are counted for unknown users too."""
    code = request.text("ConfirmationCode")
    key = count_by(f"code:{purpose}", account.email if account else None, username(request))
    state.must_allow(key)
    try:
        if account is None:
            raise wrong_code()
        state.codes.use(purpose, account.email, code)
    except CognitoError:
        state.throttle.failed(key)
        raise
    state.throttle.succeeded(key)
