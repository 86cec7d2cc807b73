"""Administration of the users in a Cognito user pool, on AWS or in `imchat local`. Prints nothing."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from imchat.deploy.aws_errors import error_code, translated
from imchat.deploy.context import DeployContext
from imchat.deploy.operate.status import read_status
from imchat.errors import ConfigError, Conflict, ImchatError, Invalid, NotFound

ADMINS: Final = "admins"
"""The group whose members are administrators."""
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"  # none that look alike
_PASSWORD_GROUPS: Final = (_LETTERS, _LETTERS.upper(), "23456789", _LETTERS, _LETTERS.upper())


@dataclass(frozen=True, slots=True)
class User:
    """One row of the list. `status` is Cognito's: CONFIRMED, UNCONFIRMED, FORCE_CHANGE_PASSWORD, …"""

    email: str
    name: str
    user_id: str
    status: str
    enabled: bool
    admin: bool
    created: datetime


class Users:
    """The users of one pool. Every method raises ImchatError, saying what to do next."""

    def __init__(self, client: Any, pool_id: str) -> None:
        """`client`: boto3's `cognito-idp`."""
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
        """Make a user, who chooses a password at the first sign-in unless `password` is given, which stays.

        Returns the temporary password, good for seven days; None with `password`, and with `mail`: Cognito makes one
        and mails it.
        """
        attributes = {"email": email, "email_verified": "true"} | ({"name": name} if name else {})
        first = password or _temporary_password()
        how: dict[str, Any] = (
            {"DesiredDeliveryMediums": ["EMAIL"]}
            if mail
            else {"TemporaryPassword": first, "MessageAction": "SUPPRESS"}
        )
        self._call(
            "admin_create_user",
            email,
            UserAttributes=[{"Name": key, "Value": value} for key, value in attributes.items()],
            **how,
        )
        if admin:
            self.promote(email)
        if password is not None:
            self._call("admin_set_user_password", email, Password=password, Permanent=True)
        return None if mail or password is not None else first

    def reset_password(self, email: str, *, mail: bool = False) -> str | None:
        """Sign a user out everywhere and give them a temporary password, which is returned.

        With `mail` Cognito mails a code instead, to be typed under "forgotten password"; returns None.
        """
        password = None if mail else _temporary_password()
        if password is None:
            self._call("admin_reset_user_password", email)
        else:
            self._call("admin_set_user_password", email, Password=password, Permanent=False)
        self._call("admin_user_global_sign_out", email)
        return password

    def disable(self, email: str) -> None:
        """Refuse the user's sign-in and refresh from now on."""
        self._call("admin_disable_user", email)

    def enable(self, email: str) -> None:
        """Let the user sign in again."""
        self._call("admin_enable_user", email)

    def delete(self, email: str) -> None:
        """Remove the account. What the user wrote stays."""
        self._call("admin_delete_user", email)

    def promote(self, email: str) -> None:
        """Make the user an administrator, from their next token on."""
        self._call("admin_add_user_to_group", email, GroupName=ADMINS)

    def demote(self, email: str) -> None:
        """Make the user an ordinary one, from their next token on."""
        self._call("admin_remove_user_from_group", email, GroupName=ADMINS)

    def list(self) -> list[User]:
        """Everyone, by e-mail address."""
        with _translated(None):
            members = self._pages(self._client.list_users_in_group, "NextToken", GroupName=ADMINS)
            admins = {found["Username"] for found in members}
            found = self._pages(self._client.list_users, "PaginationToken")
            users = [_user(one, admin=one["Username"] in admins) for one in found]
        return sorted(users, key=lambda user: user.email)

    def _call(self, operation: str, email: str, **parameters: Any) -> None:
        with _translated(email):
            getattr(self._client, operation)(UserPoolId=self._pool_id, Username=email, **parameters)

    def _pages(
        self, operation: Callable[..., dict[str, Any]], token_name: str, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        while True:
            answer = operation(UserPoolId=self._pool_id, Limit=60, **parameters)
            yield from answer["Users"]
            if not answer.get(token_name):
                return
            parameters[token_name] = answer[token_name]


def connect_local(
    url: str, *, region: str, pool_id: str, access_key_id: str, secret_access_key: str
) -> Users:
    """The users of an `imchat local` that listens at `url`."""
    client = boto3.client(
        "cognito-idp",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
    )
    return Users(client, pool_id)


def connect_aws(target: DeployContext, *, pool_id: str | None = None) -> Users:
    """The users of a deployed stage; its pool is read from the stage's state stack unless `pool_id` says it."""
    return Users(target.client("cognito-idp"), pool_id or _deployed_pool_id(target))


def _deployed_pool_id(target: DeployContext) -> str:
    for stack in read_status(target).stacks:
        if "UserPoolId" in stack.outputs:
            return stack.outputs["UserPoolId"]
    raise ConfigError(
        f"there is no stack {target.stack_name('state')} with a UserPoolId in {target.region}; "
        "deploy the stage first, see --stage and --region, or say --local for the users of `imchat local`"
    )


def _user(found: dict[str, Any], *, admin: bool) -> User:
    attributes = {one["Name"]: one.get("Value", "") for one in found["Attributes"]}
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
    """As `kfta-PQRX-4728-hmcu-KTWZ`: 84 bits, and something of every kind that a stricter policy may ask for."""
    return "-".join("".join(secrets.choice(kind) for _ in range(4)) for kind in _PASSWORD_GROUPS)


@contextlib.contextmanager
def _translated(email: str | None) -> Iterator[None]:
    """Say what Cognito refuses about a user in our words; everything else as everywhere."""
    with translated():
        try:
            yield
        except ClientError as error:
            about = _about_a_user(error, email)
            if about is None:
                raise
            raise about from error


def _about_a_user(error: ClientError, email: str | None) -> ImchatError | None:
    message = str(error.response["Error"].get("Message"))
    match error_code(error):
        case "UserNotFoundException":
            return NotFound(f"there is no user {email}; `imchat user list` shows who there is")
        case "UsernameExistsException":
            return Conflict(
                f"{email} has an account already; `imchat user reset-password` gives a new password"
            )
        case "InvalidPasswordException" | "InvalidParameterException":
            return Invalid(_plain(message, email))
        case "ResourceNotFoundException":
            return ConfigError(
                f"{message.rstrip('.')}; deploy the stage again, or check --user-pool-id and --region"
            )
    return None


def _plain(message: str, email: str | None) -> str:
    if "should be an email" in message:
        return f"{email} is no e-mail address"
    return message.replace("Password did not conform with policy:", "the password was refused:")
