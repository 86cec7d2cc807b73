"""Manages the users of a Cognito user pool, on AWS or in `imchat local`. Prints nothing."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from imchat.deploy.aws_errors import error_code, translated
from imchat.deploy.context import DeployContext
from imchat.deploy.operate.status import read_status
from imchat.errors import ConfigError, Conflict, ImchatError, Invalid, NotFound

ADMINS: Final = "admins"
"""The group whose members are administrators."""
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"  # without look-alikes
_PASSWORD_GROUPS: Final = (_LETTERS, _LETTERS.upper(), "23456789", _LETTERS, _LETTERS.upper())


@dataclass(frozen=True, slots=True)
class User:
    """One account. `status` is Cognito's: CONFIRMED, UNCONFIRMED, FORCE_CHANGE_PASSWORD, …

    `handle` is in the user's profile, not in the pool: the caller may add it.
    """

    email: str
    name: str
    user_id: str
    status: str
    enabled: bool
    admin: bool
    created: datetime
    handle: str | None = None


class Users:
    """The users of one pool. Every method raises ImchatError with the next step."""

    def __init__(self, client: Any, pool_id: str) -> None:
        """Use boto3's `cognito-idp` client."""
        self._client = client
        self._pool_id = pool_id

    def create(
        self,
        email: str,
        *,
        name: str | None = None,
        password: str | None = None,
        admin: bool = False,
        mail: bool = False,
    ) -> str | None:
        """Create a user, with a permanent `password` or a temporary one to be changed at the first sign-in.

        Returns the temporary password, which expires in seven days. Returns None with `password`, and with `mail`,
        where Cognito generates the password and mails it.
        """
        attributes = {"email": email, "email_verified": "true"} | ({"name": name} if name else {})
        initial = password or _temporary_password()
        delivery: dict[str, Any] = (
            {"DesiredDeliveryMediums": ["EMAIL"]}
            if mail
            else {"TemporaryPassword": initial, "MessageAction": "SUPPRESS"}
        )
        self._call(
            "admin_create_user",
            email,
            UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
            **delivery,
        )
        if admin:
            self.promote(email)
        if password is not None:
            self._call("admin_set_user_password", email, Password=password, Permanent=True)
        return None if mail or password is not None else initial

    def reset_password(self, email: str, *, mail: bool = False) -> str | None:
        """Sign a user out everywhere and set a temporary password, which is returned.

        With `mail`, Cognito mails a code to enter under "Forgot your password?" instead, and None is returned.
        """
        password = None if mail else _temporary_password()
        if password is None:
            self._call("admin_reset_user_password", email)
        else:
            self._call("admin_set_user_password", email, Password=password, Permanent=False)
        self._call("admin_user_global_sign_out", email)
        return password

    def reset_two_step(self, email: str) -> None:
        """Turn off two-step sign-in, so that the password is enough. The user can turn it on again."""
        off = {"Enabled": False, "PreferredMfa": False}
        self._call("admin_set_user_mfa_preference", email, SoftwareTokenMfaSettings=off)

    def disable(self, email: str) -> None:
        """Prevent the user from signing in and from refreshing tokens."""
        self._call("admin_disable_user", email)

    def enable(self, email: str) -> None:
        """Allow the user to sign in again."""
        self._call("admin_enable_user", email)

    def delete(self, email: str) -> None:
        """Delete the account. The user's messages are kept."""
        self._call("admin_delete_user", email)

    def promote(self, email: str) -> None:
        """Make the user an administrator, effective with the next token."""
        self._call("admin_add_user_to_group", email, GroupName=ADMINS)

    def demote(self, email: str) -> None:
        """Make the user a regular user, effective with the next token."""
        self._call("admin_remove_user_from_group", email, GroupName=ADMINS)

    def list(self) -> list[User]:
        """Return all users, sorted by e-mail address."""
        with _translate_errors(None):
            members = self._pages(self._client.list_users_in_group, "NextToken", GroupName=ADMINS)
            admins = {found["Username"] for found in members}
            found = self._pages(self._client.list_users, "PaginationToken")
            users = [_user(account, admin=account["Username"] in admins) for account in found]
        return sorted(users, key=lambda user: user.email)

    def _call(self, operation: str, email: str, **parameters: Any) -> None:
        with _translate_errors(email):
            getattr(self._client, operation)(UserPoolId=self._pool_id, Username=email, **parameters)

    def _pages(
        self, operation: Callable[..., dict[str, Any]], token_name: str, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        while True:
            response = operation(UserPoolId=self._pool_id, Limit=60, **parameters)
            yield from response["Users"]
            if not response.get(token_name):
                return
            parameters[token_name] = response[token_name]


def connect_local(
    url: str, *, region: str, pool_id: str, access_key_id: str, secret_access_key: str
) -> Users:
    """Return the users of the `imchat local` at `url`."""
    # Without the AWS configuration of this machine, which may be damaged, and without a proxy.
    no_files = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    session = boto3.Session(botocore_session=botocore.session.Session(session_vars=no_files))
    client = session.client(
        "cognito-idp",
        config=ClientConfig(proxies={}),
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
    )
    return Users(client, pool_id)


def connect_aws(target: DeployContext, *, pool_id: str | None = None) -> Users:
    """Return the users of a deployed stage. The pool id is read from the state stack unless given."""
    return Users(target.client("cognito-idp"), pool_id or _deployed_pool_id(target))


def _deployed_pool_id(target: DeployContext) -> str:
    for stack in read_status(target).stacks:
        if "UserPoolId" in stack.outputs:
            return stack.outputs["UserPoolId"]
    raise ConfigError(
        f"there is no stack {target.stack_name('state')} with a UserPoolId in {target.region}; "
        "deploy the stage first, check --stage and --region, or use --local for `imchat local`"
    )


def _user(found: dict[str, Any], *, admin: bool) -> User:
    attributes = {pair["Name"]: pair.get("Value", "") for pair in found["Attributes"]}
    return User(
        email=attributes.get("email", found["Username"]),
        name=attributes.get("name", ""),
        user_id=attributes.get("sub", found["Username"]),
        status=found["UserStatus"],
        enabled=found["Enabled"],
        admin=admin,
        created=found["UserCreateDate"],
    )


def _temporary_password() -> str:
    """Return a password such as `kfta-PQRX-4728-hmcu-KTWZ`: 84 bits, with every kind of character a policy may require."""
    return "-".join("".join(secrets.choice(group) for _ in range(4)) for group in _PASSWORD_GROUPS)


@contextlib.contextmanager
def _translate_errors(email: str | None) -> Iterator[None]:
    """Translate Cognito's errors about a user, and all other AWS errors as elsewhere."""
    with translated():
        try:
            yield
        except ClientError as error:
            user_error = _user_error(error, email)
            if user_error is None:
                raise
            raise user_error from error


def _user_error(error: ClientError, email: str | None) -> ImchatError | None:
    message = str(error.response["Error"].get("Message"))
    match error_code(error):
        case "UserNotFoundException":
            return NotFound(f"there is no user {email}; run `imchat user list` to see all users")
        case "UsernameExistsException":
            return Conflict(
                f"{email} already has an account; use `imchat user reset-password` to set a new password"
            )
        case "InvalidPasswordException" | "InvalidParameterException":
            return Invalid(_clarify(message, email))
        case "ResourceNotFoundException":
            return ConfigError(
                f"{message.rstrip('.')}; deploy the stage again, or check --user-pool-id and --region"
            )
    return None


def _clarify(message: str, email: str | None) -> str:
    if "should be an email" in message:
        return f"{email} is not an e-mail address"
    return message.replace("Password did not conform with policy:", "the password does not meet the policy:")
