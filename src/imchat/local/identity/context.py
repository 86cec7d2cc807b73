"""What the operations share: the parts, and the rules about passwords and callers that several of them need."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from imchat.errors import Unauthenticated
from imchat.local.identity import srp
from imchat.local.identity.accounts import Account, Accounts, Status
from imchat.local.identity.challenges import Challenges, NewPassword, PasswordProof
from imchat.local.identity.codes import Codes, Purpose
from imchat.local.identity.pool import Pool
from imchat.local.identity.protocol import (
    MAX_USERNAME,
    CognitoError,
    Request,
    invalid_parameter,
    not_authorized,
)
from imchat.local.identity.sessions import Sessions
from imchat.local.identity.throttle import Throttle, count_by
from imchat.local.identity.tokens import Tokens
from imchat.sign_up_policy import SignUpPolicy

MIN_PASSWORD_CHARACTERS: Final = 8
"""The whole password policy, with the maximum; the AWS template says the same."""
MAX_PASSWORD_CHARACTERS: Final = 256
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")

Deliver: TypeAlias = Callable[[Purpose, str, str], None]
"""Give somebody a code or a temporary password: what for, their e-mail address, the secret."""


@dataclass(frozen=True, slots=True)
class PoolContext:
    """The parts of one identity server."""

    pool: Pool
    accounts: Accounts
    sessions: Sessions
    codes: Codes
    tokens: Tokens
    throttle: Throttle
    proofs: Challenges[PasswordProof]
    new_passwords: Challenges[NewPassword]
    now_ms: Callable[[], int]
    confirm: bool
    policy: SignUpPolicy
    deliver: Deliver

    def check_client(self, request: Request) -> None:
        """Refuse a client id that is not the pool's."""
        client_id = request.text("ClientId", limit=128)
        if client_id != self.pool.client_id:
            raise CognitoError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")

    def caller(self, request: Request) -> Account:
        """Whose access token it is. Unlike an API's authorizer this refuses one whose session has ended."""
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

    def password_matches(self, account: Account, password: str) -> bool:
        """Whether `password` is the account's; slow."""
        made = srp.make_verifier(self.pool.srp_identity(account.user_id), password, int(account.salt, 16))
        return hmac.compare_digest(f"{made:x}", account.verifier)

    def with_password(self, account: Account, password: str, status: Status) -> Account:
        """The account with a new password and status, not yet saved; slow."""
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
        """A fresh salt and the password's verifier for it, hexadecimal."""
        salt = srp.new_salt()
        return f"{salt:x}", f"{srp.make_verifier(self.pool.srp_identity(user_id), password, salt):x}"

    def must_admit(self, email: str) -> None:
        """Refuse whom the policy lets make no account of their own, in the words of Cognito and its trigger."""
        if self.policy.allows(email):
            return
        if self.policy.kind == "invitation":
            raise not_authorized("SignUp is not permitted for this user pool")
        raise CognitoError(
            "UserLambdaValidationException",
            "PreSignUp failed with error This e-mail domain may not sign up.",
        )

    def must_allow(self, key: str) -> None:
        """Refuse while the throttle holds `key` back."""
        if not self.throttle.allows(key):
            raise CognitoError(
                "LimitExceededException", "Attempt limit exceeded, please try after some time."
            )

    def send_code(self, purpose: Purpose, account: Account | None, name: str) -> dict[str, str]:
        """Make and deliver a code, as if also where there is no such account; at most a few in a short time."""
        key = count_by(f"send:{purpose}", account.email if account else None, name)
        self.must_allow(key)
        self.throttle.failed(key)
        if account is not None:
            self.deliver(purpose, account.email, self.codes.make(purpose, account.email))
        return {"Destination": _masked(account, name), "DeliveryMedium": "EMAIL", "AttributeName": "email"}


def username(request: Request, name: str = "Username") -> str:
    """The e-mail address or user id that a request names."""
    return request.text(name, limit=MAX_USERNAME)


def new_email(request: Request) -> str:
    """The `Username` of a new account: an e-mail address, in lower case."""
    email = username(request).lower()
    # What cannot be seen, a zero-width space say, would make an address that looks like somebody else's.
    if len(email) > MAX_USERNAME or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise invalid_parameter("Username should be an email.")
    return email


def new_password(request: Request, name: str) -> str:
    """A password that the policy allows. Raises: Refused, naming the rule."""
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


def _masked(account: Account | None, name: str) -> str:
    """`a***@e***`: who asked for a code learns no address. A user id that names nobody gets a made-up one."""
    address = account.email if account else name if "@" in name else "a@e"
    local, _, domain = address.partition("@")
    return f"{local[:1]}***@{domain[:1]}***"
