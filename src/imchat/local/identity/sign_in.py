"""The operations for signing in: password, SRP, the required new password and code, token refresh and revocation."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any, Final

from imchat.local.identity import two_step
from imchat.local.identity.accounts import Account, Status
from imchat.local.identity.challenges import NewPassword, PasswordProof
from imchat.local.identity.context import MAX_PASSWORD_CHARACTERS, PoolContext, new_password, username
from imchat.local.identity.protocol import CognitoError, CognitoRequest, invalid_parameter, not_authorized
from imchat.local.identity.srp import Exchange
from imchat.local.identity.throttle import failure_key
from imchat.local.identity.tokens import SignedIn

PASSWORD: Final = "password"  # noqa: S105 - the throttle's name for failed sign-ins


def initiate_auth(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Start a sign-in, or refresh tokens."""
    context.check_client(request)
    parameters = request.nested("AuthParameters")
    match request.text("AuthFlow"):
        case "USER_SRP_AUTH":
            return _start_srp(context, parameters)
        case "USER_PASSWORD_AUTH":
            return _verify_password(context, parameters)
        case "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN":
            return _refresh(context, parameters.text("REFRESH_TOKEN"), request.endpoint)
    raise invalid_parameter("AuthFlow must be USER_SRP_AUTH, USER_PASSWORD_AUTH or REFRESH_TOKEN_AUTH.")


def respond_to_auth_challenge(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Continue a sign-in with the response to its challenge."""
    context.check_client(request)
    responses = request.nested("ChallengeResponses")
    match request.text("ChallengeName"):
        case "PASSWORD_VERIFIER":
            return _verify_srp(context, responses)
        case "NEW_PASSWORD_REQUIRED":
            return _set_new_password(context, request.text("Session"), responses)
        case two_step.SOFTWARE_TOKEN:
            account = two_step.verify_code(context, request.text("Session"), responses)
            return _start_session(context, account, request.endpoint)
    raise invalid_parameter(
        "ChallengeName must be PASSWORD_VERIFIER, NEW_PASSWORD_REQUIRED or SOFTWARE_TOKEN_MFA."
    )


def get_tokens_from_refresh_token(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return new access and ID tokens; the refresh token stays valid, as in a pool without rotation."""
    context.check_client(request)
    return _refresh(context, request.text("RefreshToken"), request.endpoint)


def revoke_token(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """End the session of a refresh token."""
    context.check_client(request)
    context.sessions.revoke(request.text("Token"))
    return {}


def _start_srp(context: PoolContext, parameters: CognitoRequest) -> dict[str, Any]:
    user = context.find_user(username(parameters, "USERNAME"))
    _check_throttle(context, user.failure_key(PASSWORD))
    try:
        exchange = Exchange.begin(int(parameters.text("SRP_A", limit=800), 16), user.verifier)
    except ValueError:
        raise invalid_parameter("SRP_A must be a hexadecimal number between 1 and N - 1.") from None
    handle = context.proofs.open(PasswordProof(user.name.lower(), user.user_id, exchange))
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": f"{user.salt:x}",
            "SECRET_BLOCK": handle,
            "SRP_B": f"{exchange.server_public:x}",
            "USERNAME": user.user_id,
            "USER_ID_FOR_SRP": user.user_id,
        },
    }


def _verify_srp(context: PoolContext, responses: CognitoRequest) -> dict[str, Any]:
    handle = responses.text("PASSWORD_CLAIM_SECRET_BLOCK")
    challenge = context.proofs.consume(handle)
    account = context.accounts.find(challenge.user_id)
    key = failure_key(PASSWORD, challenge.user_id, exists=account is not None)
    _check_throttle(context, key)
    expected = challenge.exchange.proof(
        context.pool.srp_identity(challenge.user_id),
        base64.b64decode(handle),
        responses.text("TIMESTAMP", limit=64),
    )
    try:
        signature = base64.b64decode(responses.text("PASSWORD_CLAIM_SIGNATURE"), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    is_correct = (
        hmac.compare_digest(signature, expected)
        and username(responses, "USERNAME").lower() in {challenge.name, challenge.user_id}
        and account is not None
        and account.verifier == f"{challenge.exchange.verifier:x}"
    )
    return _complete_sign_in(context, account if is_correct else None, key, responses.endpoint)


def _verify_password(context: PoolContext, parameters: CognitoRequest) -> dict[str, Any]:
    user = context.find_user(username(parameters, "USERNAME"))
    password = parameters.text("PASSWORD", limit=MAX_PASSWORD_CHARACTERS)
    key = user.failure_key(PASSWORD)
    _check_throttle(context, key)
    is_correct = context.password_matches(user, password)
    return _complete_sign_in(context, user.account if is_correct else None, key, parameters.endpoint)


def _set_new_password(context: PoolContext, session: str, responses: CognitoRequest) -> dict[str, Any]:
    challenge = context.new_passwords.get(session)
    password = new_password(
        responses, "NEW_PASSWORD"
    )  # raises before `close`, so that the user can try another one
    context.new_passwords.close(session)
    account = context.accounts.find(challenge.user_id)
    name = username(responses, "USERNAME").lower()
    if (
        account is None
        or account.verifier != challenge.verifier
        or name not in {account.email, account.user_id}
    ):
        raise not_authorized("Invalid session for the user.")
    if not account.enabled:
        raise not_authorized("User is disabled.")
    changed = context.with_password(account, password, Status.CONFIRMED)
    context.accounts.save(changed)
    return two_step.require_code(context, changed) or _start_session(context, changed, responses.endpoint)


def _complete_sign_in(
    context: PoolContext, account: Account | None, key: str, endpoint: str
) -> dict[str, Any]:
    """Count the attempt (`account` is None after a wrong password) and continue as the account's status requires."""
    if account is None:
        context.throttle.record_failure(key)
        raise not_authorized()
    context.throttle.reset(key)
    if not account.enabled:
        raise not_authorized("User is disabled.")
    match account.status:
        case Status.UNCONFIRMED:
            raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
        case Status.RESET_REQUIRED:
            raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
        case Status.FORCE_CHANGE_PASSWORD:
            return _require_new_password(context, account)
        case Status.CONFIRMED:
            return two_step.require_code(context, account) or _start_session(context, account, endpoint)


def _require_new_password(context: PoolContext, account: Account) -> dict[str, Any]:
    if account.temporary_until_ms is not None and account.temporary_until_ms <= context.now_ms():
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")
    attributes = {name: value for name, value in account.all_attributes().items() if name != "sub"}
    return {
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "Session": context.new_passwords.open(NewPassword(account.user_id, account.verifier)),
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": account.user_id,
            "requiredAttributes": "[]",
            "userAttributes": json.dumps(attributes),
        },
    }


def _start_session(context: PoolContext, account: Account, endpoint: str) -> dict[str, Any]:
    session, refresh_token = context.sessions.start(account)
    response = _token_response(context, SignedIn(account, session.origin_jti, session.auth_time_s), endpoint)
    response["AuthenticationResult"]["RefreshToken"] = refresh_token
    return response


def _refresh(context: PoolContext, refresh_token: str, endpoint: str) -> dict[str, Any]:
    session = context.sessions.find_by_refresh_token(refresh_token)
    account = context.accounts.find(session.user_id)
    if account is not None and not account.enabled:
        raise not_authorized("User is disabled.")
    if account is None or not session.belongs_to(account):
        raise not_authorized("Refresh Token has been revoked")
    return _token_response(context, SignedIn(account, session.origin_jti, session.auth_time_s), endpoint)


def _token_response(context: PoolContext, signed_in: SignedIn, endpoint: str) -> dict[str, Any]:
    access, identity = context.tokens.mint(signed_in, endpoint)
    return {
        "ChallengeParameters": {},
        "AuthenticationResult": {
            "AccessToken": access,
            "IdToken": identity,
            "ExpiresIn": context.tokens.lifetime_s,
            "TokenType": "Bearer",
        },
    }


def _check_throttle(context: PoolContext, key: str) -> None:
    if not context.throttle.allows(key):
        raise not_authorized("Password attempts exceeded")
