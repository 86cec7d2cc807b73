"""`Identity`: the user pool of `imchat local`, one request in, one answer out. Knows no web server.

Serves the part of the Cognito user-pool protocol that clients use, so the same site, commands and libraries work with
a pool on AWS and with this one.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from imchat.errors import source_location
from imchat.local.identity import admin, sign_in, sign_up, sigv4
from imchat.local.identity.accounts import Accounts
from imchat.local.identity.challenges import Challenges
from imchat.local.identity.codes import Codes
from imchat.local.identity.context import Deliver, State
from imchat.local.identity.pool import Pool, load_admin_key, load_signing_key
from imchat.local.identity.protocol import Refused, Request
from imchat.local.identity.sessions import Sessions
from imchat.local.identity.throttle import Throttle
from imchat.local.identity.tokens import Tokens
from imchat.sign_up_policy import OPEN, SignUpPolicy
from imchat.storage.table import Table

TOKEN_LIFETIME_S: Final = 3600
CONTENT_TYPE: Final = "application/x-amz-json-1.1"
TARGET_PREFIX: Final = "AWSCognitoIdentityProviderService."

_Operation: TypeAlias = Callable[[State, Request], dict[str, Any]]
_log = logging.getLogger(__name__)

_PUBLIC: Final[dict[str, _Operation]] = {
    "ChangePassword": sign_up.change_password,
    "ConfirmForgotPassword": sign_up.confirm_forgot_password,
    "ConfirmSignUp": sign_up.confirm_sign_up,
    "ForgotPassword": sign_up.forgot_password,
    "GetTokensFromRefreshToken": sign_in.get_tokens_from_refresh_token,
    "GetUser": sign_up.get_user,
    "GlobalSignOut": sign_up.global_sign_out,
    "InitiateAuth": sign_in.initiate_auth,
    "ResendConfirmationCode": sign_up.resend_confirmation_code,
    "RespondToAuthChallenge": sign_in.respond_to_auth_challenge,
    "RevokeToken": sign_in.revoke_token,
    "SignUp": sign_up.sign_up,
}
_SIGNED: Final[dict[str, _Operation]] = {
    "AdminAddUserToGroup": admin.admin_add_user_to_group,
    "AdminCreateUser": admin.admin_create_user,
    "AdminDeleteUser": admin.admin_delete_user,
    "AdminDisableUser": admin.admin_disable_user,
    "AdminEnableUser": admin.admin_enable_user,
    "AdminGetUser": admin.admin_get_user,
    "AdminListGroupsForUser": admin.admin_list_groups_for_user,
    "AdminRemoveUserFromGroup": admin.admin_remove_user_from_group,
    "AdminResetUserPassword": admin.admin_reset_user_password,
    "AdminSetUserPassword": admin.admin_set_user_password,
    "AdminUserGlobalSignOut": admin.admin_user_global_sign_out,
    "ListUsers": admin.list_users,
    "ListUsersInGroup": admin.list_users_in_group,
}


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Identity:
    """A user pool over a table and a folder with its keys; both are filled at the first start.

    `confirm`: a sign-up waits for a code. `policy`: who may sign up. `deliver` is given every code and temporary
    password. All methods may be called from any thread; `handle` does its work one request at a time, and is slow
    where a password is checked.
    """

    def __init__(
        self,
        *,
        table: Table,
        keys: Path,
        now_ms: Callable[[], int],
        deliver: Deliver,
        confirm: bool = False,
        policy: SignUpPolicy = OPEN,
        token_lifetime_s: int = TOKEN_LIFETIME_S,
    ) -> None:
        """Raises: ConfigError where the key files cannot be read or written."""
        self._lock = threading.Lock()
        self._now_ms = now_ms
        pool = Pool.load(table)
        self._admin_key = load_admin_key(keys, pool.pool_id)
        self._tokens = Tokens(load_signing_key(keys), pool, now_ms=now_ms, lifetime_s=token_lifetime_s)
        self._state = State(
            pool=pool,
            accounts=Accounts(table),
            sessions=Sessions(table, now_ms),
            codes=Codes(table, pool, now_ms),
            tokens=self._tokens,
            throttle=Throttle(now_ms),
            proofs=Challenges(now_ms),
            new_passwords=Challenges(now_ms),
            now_ms=now_ms,
            confirm=confirm,
            policy=policy,
            deliver=deliver,
        )
        self.pool_id = pool.pool_id
        self.client_id = pool.client_id
        self.verify_access_token = self._tokens.verify_access_token

    def handle(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str = "/"
    ) -> Answer:
        """Answer one POST.

        `target` is its `X-Amz-Target`, `endpoint` the scheme and host by which the client reached the server, `path`
        the path it posted to. Never raises: what fails unexpectedly is logged, without any of the request, and
        answered 500.
        """
        try:
            answer = self._operate(target, body, headers, endpoint=endpoint, path=path)
        except Refused as refusal:
            return _error(400, refusal.kind, refusal.message)
        except Exception as error:  # noqa: BLE001 - the last line of defence; the server must answer
            kind, place = type(error).__name__, source_location(error)
            _log.error("unexpected %s in a sign-in request at %s", kind, place)
            return _error(500, "InternalErrorException", "Something went wrong; please try again.")
        return Answer(200, {"Content-Type": CONTENT_TYPE}, json.dumps(answer).encode())

    def jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set: the public key of all tokens."""
        return self._tokens.jwks

    def openid_configuration(self, endpoint: str) -> dict[str, Any]:
        """OpenID Connect's discovery document for a client that reached the server at `endpoint`."""
        issuer = self._tokens.issuer(endpoint)
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "scopes_supported": ["openid", "email"],
            "subject_types_supported": ["public"],
        }

    def _operate(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str
    ) -> dict[str, Any]:
        name = target.removeprefix(TARGET_PREFIX)
        operation = _PUBLIC.get(name)
        if operation is None:
            operation = _SIGNED.get(name)
            if operation is None:
                raise Refused("UnknownOperationException", "There is no such operation here.")
            sent = {key.lower(): value for key, value in headers.items()} | {"x-amz-target": target}
            sigv4.verify(self._admin_key, path=path, headers=sent, body=body, now_ms=self._now_ms())
        request = Request.parse(body, endpoint)
        with self._lock:
            return operation(self._state, request)


def _error(status: int, kind: str, message: str) -> Answer:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-ErrorType": kind, "x-amzn-ErrorMessage": message}
    return Answer(status, headers, json.dumps({"__type": kind, "message": message}).encode())
