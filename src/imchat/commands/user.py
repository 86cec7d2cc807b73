"""The `imchat user` commands: manage accounts and administrators."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from imchat.commands.options import (
    STAGE_OPTION_NAMES,
    StageOptions,
    argument,
    as_json,
    option,
    stage_options,
    yes,
)
from imchat.console import base
from imchat.errors import ConfigError

if TYPE_CHECKING:
    from imchat.deploy.operate.users import User, Users


@dataclass(frozen=True, slots=True)
class _PoolOptions:
    """The options that select a user pool."""

    stage_options: StageOptions
    local: bool
    data_dir: Path | None
    user_pool_id: str | None

    @contextlib.contextmanager
    def connect(self, *, may_create: bool = False) -> Iterator[Users]:
        """Connect to the pool for the duration of the block. `may_create`: create a data directory that is missing.

        Raises: ConfigError.
        """
        # boto3 and the server take most of a second to import, which `--help` and `imchat local` do not need.
        from imchat.deploy.operate.users import connect_local

        if not self.local:
            yield self._connect_aws()
            return
        from imchat.local.data_dir import DataDir
        from imchat.local.identity import REGION
        from imchat.local.user_pool_admin import connect_user_pool

        if not may_create:
            self.check_data_dir()
        with connect_user_pool(DataDir.open(self.data_dir), base.print_code) as pool:
            yield connect_local(
                pool.url,
                region=REGION,
                pool_id=pool.key.pool_id,
                access_key_id=pool.key.access_key_id,
                secret_access_key=pool.key.secret_access_key,
            )

    def with_profiles(self, found: Sequence[User]) -> list[User]:
        """Return users with their handles and chosen names. Unchanged on AWS, where only the user pool is read."""
        if not self.local:
            return list(found)
        from imchat.local.data_dir import DataDir
        from imchat.local.user_pool_admin import read_profiles

        profiles = read_profiles(DataDir.open(self.data_dir), [user.user_id for user in found])
        return [
            replace(user, handle=profile.handle, name=profile.display_name or user.name)
            if (profile := profiles.get(user.user_id))
            else user
            for user in found
        ]

    def check_data_dir(self) -> None:
        """Raise ConfigError with --local if there is no data directory: opening it would create one."""
        from imchat.local.data_dir import DataDir, default_path

        if not self.local:
            return
        folder = DataDir((self.data_dir or default_path()).expanduser().absolute())
        if not folder.accounts.is_file():
            raise ConfigError(
                f"{folder.path} has no accounts of imchat; `imchat local` or `imchat user create` creates them, "
                "or choose another directory with --data-dir"
            )

    def _connect_aws(self) -> Users:
        from imchat.deploy.config import FILE_NAME
        from imchat.deploy.operate.users import connect_aws

        try:
            return connect_aws(self.stage_options.connect(), pool_id=self.user_pool_id)
        except ConfigError as error:
            if self.stage_options.command_line or Path(FILE_NAME).exists() or "--local" in error.message:
                raise
            raise ConfigError(
                f"{error.message}; or add --local for the users of `imchat local` on this machine"
            ) from error


_POOL_OPTIONS = (
    option("--local", is_flag=True, help="Use the accounts of `imchat local` instead of AWS."),
    option(
        "--data-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="With --local: data directory of `imchat local`, if not the default.",
    ),
    option(
        "--user-pool-id", metavar="ID", help="ID of the Cognito user pool (default: the pool of the stage)."
    ),
)
_SESSIONS_END: Final = (
    "Their access tokens stay valid for up to one hour and open connections for up to three. "
    "Suspend the user in the web client to end both now."
)
"""The user pool cannot end them. Reason: docs/decisions/12-access-tokens-stay-valid-for-their-full-hour.md."""


def _pool_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select a user pool to a command, which gets them as one `pool` argument."""

    @functools.wraps(command)
    def run(options: StageOptions, **arguments: Any) -> None:
        values = {name: arguments.pop(name) for name in ("local", "data_dir", "user_pool_id")}
        pool = _PoolOptions(options, **values)
        if pool.local and arguments.get("mail"):
            raise click.UsageError("--mail cannot be used with --local: `imchat local` sends no mail.")
        if pool.data_dir is not None and not pool.local:
            raise click.UsageError("--data-dir requires --local.")
        for name in ("user_pool_id", *STAGE_OPTION_NAMES):
            source = click.get_current_context().get_parameter_source(name)
            if pool.local and source == ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name.replace('_', '-')} cannot be used with --local.")
        command(pool=pool, **arguments)

    wrapped: Callable[..., None] = stage_options(run)
    for add_option in reversed(_POOL_OPTIONS):
        wrapped = add_option(wrapped)
    return wrapped


@click.group()
def user() -> None:
    """Manage users on AWS or, with --local, on this machine.

    Example: imchat user create you@example.com --admin --local
    """


@user.command()
@argument("email")
@option("--admin", is_flag=True, help="Make the user an administrator.")
@option("--name", help="Name of the user.")
@option(
    "--password-stdin",
    is_flag=True,
    help="Read a permanent password from standard input instead of generating a temporary one.",
)
@option("--mail", is_flag=True, help="Mail the temporary password instead of printing it (AWS only).")
@_pool_options
def create(
    pool: _PoolOptions, email: str, *, admin: bool, name: str | None, password_stdin: bool, mail: bool
) -> None:
    """Create a user and print a temporary password.

    Example: imchat user create you@example.com --admin
    """
    if mail and password_stdin:
        raise click.UsageError("--mail cannot be used with --password-stdin.")
    password = _read_password() if password_stdin else None
    if password == "":
        raise click.UsageError("no password on standard input.")
    with pool.connect(may_create=True) as users:
        temporary = users.create(email, name=name, password=password, admin=admin, mail=mail)
    base.success(f"Created {'administrator' if admin else 'user'} {email}.")
    if temporary is not None:
        base.print_temporary_password(email, temporary)


def _read_password() -> str:
    try:
        password = (
            sys.stdin.readline().removeprefix("\ufeff").rstrip("\r\n")
        )  # PowerShell sends a byte order mark
        password.encode()
    except UnicodeError:
        raise click.UsageError("the password on standard input is not valid UTF-8 text.") from None
    return password


@user.command("list")
@as_json
@_pool_options
def list_(pool: _PoolOptions, *, as_json: bool) -> None:
    """List all users. Handles and chosen names are shown with --local only.

    Example: imchat user list --local --json
    """
    with pool.connect() as users:
        found = users.list()
    base.print_users(pool.with_profiles(found), as_json=as_json)


@user.command()
@argument("email")
@yes
@_pool_options
def disable(pool: _PoolOptions, email: str, *, yes: bool) -> None:
    """Prevent a user from signing in. Deletes nothing.

    Access tokens stay valid for up to one hour and open connections for up to three. Suspend the user in the web
    client to end both at once.

    Example: imchat user disable you@example.com
    """
    pool.check_data_dir()
    if not yes:
        base.confirm(f"Disable {email}?")
    with pool.connect() as users:
        users.disable(email)
    base.success(f"Disabled {email}. {_SESSIONS_END}")


@user.command()
@argument("email")
@_pool_options
def enable(pool: _PoolOptions, email: str) -> None:
    """Allow a disabled user to sign in again.

    Example: imchat user enable you@example.com
    """
    with pool.connect() as users:
        users.enable(email)
    base.success(f"Enabled {email}.")


@user.command()
@argument("email")
@yes
@_pool_options
def delete(pool: _PoolOptions, email: str, *, yes: bool) -> None:
    """Delete a user's account, but keep their messages.

    Access tokens stay valid for up to one hour and open connections for up to three. Suspend the user in the web
    client to end both at once.

    Example: imchat user delete you@example.com --yes
    """
    pool.check_data_dir()
    if not yes:
        base.confirm(f"Delete the account {email}? This cannot be undone.")
    with pool.connect() as users:
        users.delete(email)
    base.success(f"Deleted {email}. {_SESSIONS_END}")


@user.command("reset-password")
@argument("email")
@option("--mail", is_flag=True, help="Mail a reset code instead of printing a temporary password (AWS only).")
@_pool_options
def reset_password(pool: _PoolOptions, email: str, *, mail: bool) -> None:
    """Reset a user's password and sign them out everywhere.

    Prints a temporary password.

    Access tokens stay valid for up to one hour and open connections for up to three. Suspend the user in the web
    client to end both at once.

    Example: imchat user reset-password you@example.com --local
    """
    with pool.connect() as users:
        password = users.reset_password(email, mail=mail)
    if password is None:
        base.success(f"Cognito mailed a password reset code to {email}.")
    else:
        base.print_temporary_password(email, password)
        click.echo(f"All devices must sign in again. {_SESSIONS_END}")


@user.command("reset-two-step")
@argument("email")
@yes
@_pool_options
def reset_two_step(pool: _PoolOptions, email: str, *, yes: bool) -> None:
    """Turn off two-step sign-in for a user who lost their authenticator app.

    The user then signs in with the password only, and can turn it on again. Make sure that the request is theirs:
    someone who has only the password could ask for it.

    Example: imchat user reset-two-step you@example.com
    """
    pool.check_data_dir()
    if not yes:
        base.confirm(f"Turn off two-step sign-in for {email}?")
    with pool.connect() as users:
        users.reset_two_step(email)
    base.success(f"Two-step sign-in is off for {email}. They sign in with the password only.")


@user.command()
@argument("email")
@_pool_options
def promote(pool: _PoolOptions, email: str) -> None:
    """Make a user an administrator.

    Takes effect at the user's next sign-in, at most one hour later.

    Example: imchat user promote you@example.com
    """
    with pool.connect() as users:
        users.promote(email)
    base.success(f"{email} is now an administrator (takes effect at next sign-in, at most one hour).")


@user.command()
@argument("email")
@_pool_options
def demote(pool: _PoolOptions, email: str) -> None:
    """Make an administrator a regular user.

    Takes effect at the user's next sign-in, at most one hour later.

    Example: imchat user demote you@example.com
    """
    with pool.connect() as users:
        users.demote(email)
    base.success(f"{email} is no longer an administrator (takes effect at next sign-in, at most one hour).")
