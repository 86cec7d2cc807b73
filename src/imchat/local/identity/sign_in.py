"""Signing in and staying signed in: password, SRP, the forced new password, refresh and revocation."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any

from imchat.local.identity.accounts import Account, Status
from imchat.local.identity.challenges import NewPassword, PasswordProof
from imchat.local.identity.context import MAX_PASSWORD_CHARACTERS, PoolContext, new_password, username
from imchat.local.identity.protocol import CognitoError, Request, invalid_parameter, not_authorized
from imchat.local.identity.srp import Exchange
from imchat.local.identity.throttle import count_by
from imchat.local.identity.tokens import SignedIn


def initiate_auth(state: PoolContext, request: Request) -> dict[str, Any]:
    """Begin a sign-in, or refresh one."""
    state.check_client(request)
    parameters = request.part("AuthParameters")
    match request.text("AuthFlow"):
        case "USER_SRP_AUTH":
            return _ask_for_proof(state, parameters)
        case "USER_PASSWORD_AUTH":
            return _check_password(state, parameters)
        case "REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN":
            return _refresh(state, parameters.text("REFRESH_TOKEN"), request.endpoint)
    raise invalid_parameter("AuthFlow must be USER_SRP_AUTH, USER_PASSWORD_AUTH or REFRESH_TOKEN_AUTH.")


def respond_to_auth_challenge(state: PoolContext, request: Request) -> dict[str, Any]:
    """Go on with a sign-in."""
    state.check_client(request)
    answers = request.part("ChallengeResponses")
    match request.text("ChallengeName"):
        case "PASSWORD_VERIFIER":
            return _check_proof(state, answers)
        case "NEW_PASSWORD_REQUIRED":
            return _choose_password(state, request.text("Session"), answers)
    raise invalid_parameter("ChallengeName must be PASSWORD_VERIFIER or NEW_PASSWORD_REQUIRED.")


def get_tokens_from_refresh_token(state: PoolContext, request: Request) -> dict[str, Any]:
    """Fresh access and ID tokens; the refresh token stays, as in a pool without rotation."""
    state.check_client(request)
    return _refresh(state, request.text("RefreshToken"), request.endpoint)


def revoke_token(state: PoolContext, request: Request) -> dict[str, Any]:
    """End the session of a refresh token."""
    state.check_client(request)
    state.sessions.revoke(request.text("Token"))
    return {}


def throttle_key(account: Account | None, name: str) -> str:
    """What failed sign-ins are counted by: one key for all names of an account."""
    return count_by("password", account.email if account else None, name)


def _ask_for_proof(state: PoolContext, parameters: Request) -> dict[str, Any]:
    name = username(parameters, "USERNAME")
    account = state.accounts.find(name)
    _must_be_allowed(state, throttle_key(account, name))
    if account is None:
        user_id, salt, verifier = state.pool.stand_in(name.lower())
    else:
        user_id, salt, verifier = account.user_id, int(account.salt, 16), int(account.verifier, 16)
    try:
        exchange = Exchange.begin(int(parameters.text("SRP_A", limit=800), 16), verifier)
    except ValueError:
        raise invalid_parameter("SRP_A must be a hexadecimal number between 1 and N - 1.") from None
    handle = state.proofs.open(PasswordProof(name.lower(), user_id, exchange))
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": f"{salt:x}",
            "SECRET_BLOCK": handle,
            "SRP_B": f"{exchange.server_public:x}",
            "USERNAME": user_id,
            "USER_ID_FOR_SRP": user_id,
        },
    }


def _check_proof(state: PoolContext, answers: Request) -> dict[str, Any]:
    handle = answers.text("PASSWORD_CLAIM_SECRET_BLOCK")
    challenge = state.proofs.take(handle)
    account = state.accounts.find(challenge.user_id)
    key = throttle_key(account, challenge.name)
    _must_be_allowed(state, key)
    expected = challenge.exchange.proof(
        state.pool.srp_identity(challenge.user_id),
        base64.b64decode(handle),
        answers.text("TIMESTAMP", limit=64),
    )
    try:
        sent = base64.b64decode(answers.text("PASSWORD_CLAIM_SIGNATURE"), validate=True)
    except (binascii.Error, ValueError):
        sent = b""
    right = (
        hmac.compare_digest(sent, expected)
        and username(answers, "USERNAME").lower() in {challenge.name, challenge.user_id}
        and account is not None
        and account.verifier == f"{challenge.exchange.verifier:x}"
    )
    return _admit(state, account if right else None, key, answers.endpoint)


def _check_password(state: PoolContext, parameters: Request) -> dict[str, Any]:
    name = username(parameters, "USERNAME")
    password = parameters.text("PASSWORD", limit=MAX_PASSWORD_CHARACTERS)
    account = state.accounts.find(name)
    key = throttle_key(account, name)
    _must_be_allowed(state, key)
    if account is None:
        state.new_verifier(name, password)  # takes as long as for a user who exists
    right = account is not None and state.password_matches(account, password)
    return _admit(state, account if right else None, key, parameters.endpoint)


def _choose_password(state: PoolContext, session: str, answers: Request) -> dict[str, Any]:
    challenge = state.new_passwords.read(session)
    password = new_password(answers, "NEW_PASSWORD")  # a refused one may be followed by a better one
    state.new_passwords.close(session)
    account = state.accounts.find(challenge.user_id)
    named = username(answers, "USERNAME").lower()
    if (
        account is None
        or account.verifier != challenge.verifier
        or named not in {account.email, account.user_id}
    ):
        raise not_authorized("Invalid session for the user.")
    if not account.enabled:
        raise not_authorized("User is disabled.")
    changed = state.with_password(account, password, Status.CONFIRMED)
    state.accounts.save(changed)
    return _sign_in(state, changed, answers.endpoint)


def _admit(state: PoolContext, proven: Account | None, key: str, endpoint: str) -> dict[str, Any]:
    """Let in whoever proved the password (None: nobody did), as far as the account's status goes."""
    if proven is None:
        state.throttle.failed(key)
        raise not_authorized()
    state.throttle.succeeded(key)
    if not proven.enabled:
        raise not_authorized("User is disabled.")
    match proven.status:
        case Status.UNCONFIRMED:
            raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
        case Status.RESET_REQUIRED:
            raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
        case Status.FORCE_CHANGE_PASSWORD:
            return _ask_for_new_password(state, proven)
        case Status.CONFIRMED:
            return _sign_in(state, proven, endpoint)


def _ask_for_new_password(state: PoolContext, account: Account) -> dict[str, Any]:
    if account.temporary_until_ms is not None and account.temporary_until_ms <= state.now_ms():
        raise not_authorized("Temporary password has expired and must be reset by an administrator.")
    shown = {name: value for name, value in account.all_attributes().items() if name != "sub"}
    return {
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "Session": state.new_passwords.open(NewPassword(account.user_id, account.verifier)),
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": account.user_id,
            "requiredAttributes": "[]",
            "userAttributes": json.dumps(shown),
        },
    }


def _sign_in(state: PoolContext, account: Account, endpoint: str) -> dict[str, Any]:
    session, refresh_token = state.sessions.start(account)
    answer = _tokens(state, SignedIn(account, session.origin_jti, session.auth_time_s), endpoint)
    answer["AuthenticationResult"]["RefreshToken"] = refresh_token
    return answer


def _refresh(state: PoolContext, refresh_token: str, endpoint: str) -> dict[str, Any]:
    session = state.sessions.of_refresh_token(refresh_token)
    account = state.accounts.find(session.user_id)
    if account is not None and not account.enabled:
        raise not_authorized("User is disabled.")
    if account is None or not session.belongs_to(account):
        raise not_authorized("Refresh Token has been revoked")
    return _tokens(state, SignedIn(account, session.origin_jti, session.auth_time_s), endpoint)


def _tokens(state: PoolContext, signed_in: SignedIn, endpoint: str) -> dict[str, Any]:
    access, identity = state.tokens.mint(signed_in, endpoint)
    return {
        "ChallengeParameters": {},
        "AuthenticationResult": {
            "AccessToken": access,
            "IdToken": identity,
            "ExpiresIn": state.tokens.lifetime_s,
            "TokenType": "Bearer",
        },
    }


def _must_be_allowed(state: PoolContext, key: str) -> None:
    if not state.throttle.allows(key):
        raise not_authorized("Password attempts exceeded")
