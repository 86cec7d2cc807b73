"""`PoolContext`: the dependencies of all operations, and the checks that several of them share."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from imchat.errors import Unauthenticated
from imchat.local.identity import srp
from imchat.local.identity.accounts import Account, Accounts, Status
from imchat.local.identity.challenges import Challenges, NewPassword, PasswordProof, SecondFactor
from imchat.local.identity.codes import Codes, Purpose
from imchat.local.identity.deliveries import Deliveries
from imchat.local.identity.pool_keys import Pool
from imchat.local.identity.protocol import (
    MAX_USERNAME,
    CognitoError,
    CognitoRequest,
    invalid_parameter,
    not_authorized,
)
from imchat.local.identity.sessions import Sessions
from imchat.local.identity.software_tokens import SoftwareTokens
from imchat.local.identity.throttle import Throttle, failure_key
from imchat.local.identity.tokens import Tokens
from imchat.sign_up_policy import SignUpPolicy

MIN_PASSWORD_CHARACTERS: Final = 8
"""With the maximum, the whole password policy; the AWS template has the same."""
MAX_PASSWORD_CHARACTERS: Final = 256
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")


@dataclass(frozen=True, slots=True)
class NamedUser:
    """The user that a request names. Without an account, `account` is None and the other fields are fake values.

    Operations do the same work for both, so that neither a response nor its time discloses who has an account.
    """

    name: str
    user_id: str
    salt: int
    verifier: int
    account: Account | None

    def without_account(self) -> NamedUser:
        """Return the user without the account, so that an operation that does not apply to it treats the user as unknown."""
        return replace(self, account=None)

    def failure_key(self, what: str) -> str:
        """Return the throttle's key for attempts at `what`."""
        return failure_key(what, self.user_id, exists=self.account is not None)


@dataclass(frozen=True, slots=True)
class PoolContext:
    """The components of one user pool."""

    pool: Pool
    accounts: Accounts
    sessions: Sessions
    codes: Codes
    tokens: Tokens
    throttle: Throttle
    proofs: Challenges[PasswordProof]
    new_passwords: Challenges[NewPassword]
    second_factors: Challenges[SecondFactor]
    software_tokens: SoftwareTokens
    now_ms: Callable[[], int]
    confirm: bool
    policy: SignUpPolicy
    deliveries: Deliveries

    def check_client(self, request: CognitoRequest) -> None:
        """Raise CognitoError for a client id that is not the pool's."""
        client_id = request.text("ClientId", limit=128)
        if client_id != self.pool.client_id:
            raise CognitoError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")

    def authenticate(self, request: CognitoRequest) -> Account:
        """Return the account of the access token. Unlike an API authorizer, it rejects tokens of ended sessions."""
        try:
            claims = self.tokens.verify_access_token(request.text("AccessToken", limit=8192))
        except Unauthenticated as error:
            raise not_authorized(f"Invalid Access Token: {error.message}.") from None
        session = self.sessions.find(claims["origin_jti"])
        account = self.accounts.find(claims["sub"])
        if account is None or session is None or not session.belongs_to(account):
            raise not_authorized("Access Token has been revoked")
        if not account.enabled:
            raise not_authorized("User is disabled.")
        return account

    def find_user(self, name: str) -> NamedUser:
        """Find the user with an e-mail address or user id."""
        account = self.accounts.find(name)
        user_id, salt, verifier = self.pool.fake_credentials(name.lower())
        if account is not None:
            user_id, salt, verifier = account.user_id, int(account.salt, 16), int(account.verifier, 16)
        return NamedUser(name, user_id, salt, verifier, account)

    def password_matches(self, user: NamedUser, password: str) -> bool:
        """Return whether `password` is the user's, which no password is without an account; slow."""
        verifier = srp.make_verifier(self.pool.srp_identity(user.user_id), password, user.salt)
        return hmac.compare_digest(f"{verifier:x}", f"{user.verifier:x}") and user.account is not None

    def with_password(self, account: Account, password: str, status: Status) -> Account:
        """Return the account with a new password and status, not saved; slow."""
        salt, verifier = self.new_verifier(account.user_id, password)
        return replace(
            account,
            salt=salt,
            verifier=verifier,
            status=status,
            changed_ms=self.now_ms(),
            temporary_until_ms=None,
        )

    def new_verifier(self, user_id: str, password: str) -> tuple[str, str]:
        """Return a new salt and the password's verifier for it, both hexadecimal; slow."""
        salt = srp.new_salt()
        return f"{salt:x}", f"{srp.make_verifier(self.pool.srp_identity(user_id), password, salt):x}"

    def check_sign_up_allowed(self, email: str) -> None:
        """Raise the error of Cognito or its trigger if the policy does not let this e-mail address sign up."""
        if self.policy.allows(email):
            return
        if self.policy.kind == "invitation":
            raise not_authorized("SignUp is not permitted for this user pool")
        raise CognitoError(
            "UserLambdaValidationException",
            "PreSignUp failed with error This e-mail domain may not sign up.",
        )

    def check_throttle(self, key: str) -> None:
        """Raise CognitoError while the throttle blocks `key`."""
        if not self.throttle.allows(key):
            raise CognitoError(
                "LimitExceededException", "Attempt limit exceeded, please try after some time."
            )

    def send_code(self, purpose: Purpose, user: NamedUser) -> dict[str, str]:
        """Create and deliver a code, at most a few in a short time; do and return the same if there is no account."""
        key = user.failure_key(f"send:{purpose}")
        self.check_throttle(key)
        self.throttle.record_failure(key)
        email = user.account.email if user.account else None
        self.deliveries.add(purpose, email, self.codes.create(purpose, email))
        return {
            "Destination": _mask_email(user.name),
            "DeliveryMedium": "EMAIL",
            "AttributeName": "email",
        }


def username(request: CognitoRequest, name: str = "Username") -> str:
    """Return the e-mail address or user id in a request."""
    return request.text(name, limit=MAX_USERNAME)


def new_email(request: CognitoRequest) -> str:
    """Return the `Username` of a new account: an e-mail address, in lower case."""
    email = username(request).lower()
    # Invisible characters, such as a zero-width space, would make an address look like another user's.
    if len(email) > MAX_USERNAME or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise invalid_parameter("Username should be an email.")
    return email


def new_password(request: CognitoRequest, name: str) -> str:
    """Return a new password. Raises: CognitoError with the rule that it breaks."""
    password = request.text(name, limit=MAX_PASSWORD_CHARACTERS)
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise CognitoError(
            "InvalidPasswordException",
            "Password did not conform with policy: Password not long enough "
            f"(at least {MIN_PASSWORD_CHARACTERS} characters)",
        )
    if password != password.strip():
        raise CognitoError(
            "InvalidPasswordException",
            "Password did not conform with policy: Password must not begin or end with a space",
        )
    return password


def _mask_email(name: str) -> str:
    """Mask an e-mail address as `a***@e***`, and a user id as if its address were unknown."""
    local, _, domain = name.lower().partition("@")
    return f"{local[:1]}***@{domain[:1]}***" if domain else "***@***"
