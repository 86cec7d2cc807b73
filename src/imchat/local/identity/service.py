"""`Identity`: the user pool of `imchat local`, independent of the web server.

Implements the part of the Cognito user-pool protocol that clients use, so that the same web client, commands and
libraries work with a pool on AWS and with this one.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from imchat.errors import Busy, source_location
from imchat.local.identity import admin, sign_in, sign_up, sigv4, two_step
from imchat.local.identity.accounts import Accounts
from imchat.local.identity.challenges import Challenges
from imchat.local.identity.codes import Codes
from imchat.local.identity.context import PoolContext
from imchat.local.identity.deliveries import Deliver, Deliveries
from imchat.local.identity.pool_keys import Pool, load_admin_key, load_signing_key
from imchat.local.identity.protocol import (
    CONTENT_TYPE,
    CognitoError,
    CognitoRequest,
    CognitoResponse,
    error_response,
    service_unavailable,
    too_many_requests,
)
from imchat.local.identity.sessions import Sessions
from imchat.local.identity.software_tokens import SoftwareTokens
from imchat.local.identity.throttle import Throttle
from imchat.local.identity.tokens import Tokens
from imchat.sign_up_policy import OPEN, SignUpPolicy
from imchat.storage.table import Table

TOKEN_LIFETIME_S: Final = 3600
TARGET_PREFIX: Final = "AWSCognitoIdentityProviderService."

_Operation: TypeAlias = Callable[[PoolContext, CognitoRequest], dict[str, Any]]
_log = logging.getLogger(__name__)

_PUBLIC_OPERATIONS: Final[dict[str, _Operation]] = {
    "AssociateSoftwareToken": two_step.associate_software_token,
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
    "SetUserMFAPreference": two_step.set_user_mfa_preference,
    "SignUp": sign_up.sign_up,
    "VerifySoftwareToken": two_step.verify_software_token,
}
_ADMIN_OPERATIONS: Final[dict[str, _Operation]] = {
    "AdminAddUserToGroup": admin.admin_add_user_to_group,
    "AdminCreateUser": admin.admin_create_user,
    "AdminDeleteUser": admin.admin_delete_user,
    "AdminDisableUser": admin.admin_disable_user,
    "AdminEnableUser": admin.admin_enable_user,
    "AdminGetUser": admin.admin_get_user,
    "AdminListGroupsForUser": admin.admin_list_groups_for_user,
    "AdminRemoveUserFromGroup": admin.admin_remove_user_from_group,
    "AdminResetUserPassword": admin.admin_reset_user_password,
    "AdminSetUserMFAPreference": admin.admin_set_user_mfa_preference,
    "AdminSetUserPassword": admin.admin_set_user_password,
    "AdminUserGlobalSignOut": admin.admin_user_global_sign_out,
    "ListUsers": admin.list_users,
    "ListUsersInGroup": admin.list_users_in_group,
}


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Identity:
    """A user pool in a table and a folder with its keys; both are initialised at the first start.

    With `confirm`, a sign-up must be confirmed by a code. `policy` says who may sign up. `deliver` receives every code
    and temporary password, on a thread of its own. All methods are thread-safe; `handle` runs one request at a time, and
    is slow when it checks a password.
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
        elapsed_ms: Callable[[], int] = _monotonic_ms,
    ) -> None:
        """Load or create the pool and its keys. Raises: ConfigError if the key files cannot be read or written.

        `elapsed_ms` is the clock for what is held in memory; unlike `now_ms`, it must only move forward.
        """
        self._lock = threading.Lock()
        self._now_ms = now_ms
        pool = Pool.load(table)
        self._admin_key = load_admin_key(keys, pool.pool_id)
        self._tokens = Tokens(load_signing_key(keys), pool, now_ms=now_ms, lifetime_s=token_lifetime_s)
        self._deliveries = Deliveries(deliver)
        self._context = PoolContext(
            pool=pool,
            accounts=Accounts(table),
            sessions=Sessions(table, now_ms),
            codes=Codes(table, pool, now_ms),
            tokens=self._tokens,
            throttle=Throttle(elapsed_ms),
            proofs=Challenges(elapsed_ms),
            new_passwords=Challenges(elapsed_ms),
            second_factors=Challenges(elapsed_ms),
            software_tokens=SoftwareTokens(table, now_ms, elapsed_ms),
            now_ms=now_ms,
            confirm=confirm,
            policy=policy,
            deliveries=self._deliveries,
        )
        self.pool_id = pool.pool_id
        self.client_id = pool.client_id
        self.policy = policy
        self.verify_access_token = self._tokens.verify_access_token

    def handle(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str = "/"
    ) -> CognitoResponse:
        """Handle one POST request.

        `target` is its `X-Amz-Target` header, `endpoint` the scheme and host that the client used, `path` the URL's
        path. Never raises: unexpected errors are logged, without data of the request, and return status 500.
        """
        try:
            result = self._run_operation(target, body, headers, endpoint=endpoint, path=path)
        except CognitoError as error:
            return error_response(400, error.error_type, error.message)
        except Busy as error:
            _log.warning("a sign-in request could not be stored: %s", error.message)
            return service_unavailable()
        except Exception as error:  # noqa: BLE001 - the server must respond to every request
            location = source_location(error)
            _log.error("unexpected %s in a sign-in request at %s", type(error).__name__, location)
            return error_response(500, "InternalErrorException", "Something went wrong; please try again.")
        return CognitoResponse(200, {"Content-Type": CONTENT_TYPE}, json.dumps(result).encode())

    def too_many_requests(self, wait_ms: int) -> CognitoResponse:
        """Return the response to a client that must wait before its next request."""
        return too_many_requests(wait_ms)

    def flush_deliveries(self) -> None:
        """Wait until all codes and temporary passwords are delivered, at most two seconds."""
        self._deliveries.flush()

    def jwks(self) -> dict[str, Any]:
        """Return the JSON Web Key Set: the public key of all tokens."""
        return self._tokens.jwks

    def openid_configuration(self, endpoint: str) -> dict[str, Any]:
        """Return the OpenID Connect discovery document for a client that used the base URL `endpoint`."""
        issuer = self._tokens.issuer(endpoint)
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["token"],
            "scopes_supported": ["openid", "email"],
            "subject_types_supported": ["public"],
        }

    def _run_operation(
        self, target: str, body: bytes, headers: Mapping[str, str], *, endpoint: str, path: str
    ) -> dict[str, Any]:
        name = target.removeprefix(TARGET_PREFIX)
        operation = _PUBLIC_OPERATIONS.get(name)
        if operation is None:
            operation = _ADMIN_OPERATIONS.get(name)
            if operation is None:
                raise CognitoError("UnknownOperationException", "The operation is not supported.")
            signed_headers = {key.lower(): value for key, value in headers.items()} | {"x-amz-target": target}
            sigv4.verify(self._admin_key, path=path, headers=signed_headers, body=body, now_ms=self._now_ms())
        request = CognitoRequest.parse(body, endpoint)
        with self._lock:
            return operation(self._context, request)
