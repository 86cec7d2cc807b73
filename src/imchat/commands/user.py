"""The `imchat user` commands: who may sign in, and who is an administrator."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from imchat.commands.options import Where, as_json, with_where, yes
from imchat.console import base

if TYPE_CHECKING:
    from imchat.deploy.operate.users import Users


@dataclass(frozen=True, slots=True)
class _Pool:
    """Which user pool a command means, as its options say."""

    where: Where
    local: bool
    data_dir: Path | None
    user_pool_id: str | None

    @contextlib.contextmanager
    def users(self) -> Iterator[Users]:
        """The pool, reached while the block runs."""
        # boto3 and the server cost most of a second to import; `--help` and `imchat local` do without.
        from imchat.deploy.operate.users import connect_aws, connect_local

        if not self.local:
            yield connect_aws(self.where.target(), pool_id=self.user_pool_id)
            return
        from imchat.local.data_dir import DataDir
        from imchat.local.identity import REGION
        from imchat.local.user_pool import reach_user_pool

        with reach_user_pool(DataDir.open(self.data_dir), base.delivered) as pool:
            yield connect_local(
                pool.url,
                region=REGION,
                pool_id=pool.key.pool_id,
                access_key_id=pool.key.access_key_id,
                secret_access_key=pool.key.secret_access_key,
            )


_POOL_OPTIONS = (
    click.option(
        "--local", is_flag=True, help="The users of `imchat local` on this machine, not those on AWS."
    ),
    click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="With --local: its data folder, if it is not the usual one.",
    ),
    click.option("--user-pool-id", metavar="ID", help="The id of another user pool than the stage's."),
)
_LINGER: Final = (
    "tokens they hold end within the hour, and connections within three. "
    "An administrator's suspension ends both at once."
)
"""What the user pool alone cannot end. Source: docs/decisions/12-access-tokens-stay-valid-for-their-full-hour.md."""
_mail = click.option(
    "--mail", is_flag=True, help="Have Cognito mail it to them instead of showing it here (AWS only)."
)


def _with_pool(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose a user pool, as one `pool`."""

    @functools.wraps(command)
    def run(where: Where, **options: Any) -> None:
        chosen = {name: options.pop(name) for name in ("local", "data_dir", "user_pool_id")}
        pool = _Pool(where, **chosen)
        if pool.local and options.get("mail"):
            raise click.UsageError("--mail goes with AWS only: `imchat local` sends no mail.")
        if pool.data_dir is not None and not pool.local:
            raise click.UsageError("--data-dir goes with --local.")
        command(pool=pool, **options)

    wrapped: Callable[..., None] = with_where(run)
    for option in reversed(_POOL_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@click.group()
def user() -> None:
    """Administer users, on AWS or, with --local, on this machine.

    Example: imchat user create you@example.com --admin --local
    """


@user.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="Make the user an administrator.")
@click.option("--name", help="The user's name.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read a lasting password from standard input instead of making a temporary one.",
)
@_mail
@_with_pool
def create(
    pool: _Pool, email: str, *, admin: bool, name: str | None, password_stdin: bool, mail: bool
) -> None:
    """Make a user, with a temporary password that is shown once.

    Example: imchat user create you@example.com --admin
    """
    if mail and password_stdin:
        raise click.UsageError("--mail and --password-stdin exclude each other.")
    chosen = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    if chosen == "":
        raise click.UsageError("standard input holds no password.")
    with pool.users() as users:
        temporary = users.create(email, name=name, password=chosen, admin=admin, mail=mail)
    base.done(f"Made {'administrator' if admin else 'user'} {email}.")
    if temporary is not None:
        base.temporary_password(email, temporary)


@user.command("list")
@as_json
@_with_pool
def list_(pool: _Pool, *, as_json: bool) -> None:
    """List everyone who has an account.

    Example: imchat user list --local --json
    """
    with pool.users() as users:
        found = users.list()
    base.users(found, as_json=as_json)


@user.command()
@click.argument("email")
@yes
@_with_pool
def disable(pool: _Pool, email: str, *, yes: bool) -> None:
    """Refuse a user's sign-in from now on; nothing is deleted.

    Example: imchat user disable you@example.com
    """
    if not yes:
        base.ask(f"Disable {email}?")
    with pool.users() as users:
        users.disable(email)
    base.done(f"Disabled {email}: {_LINGER}")


@user.command()
@click.argument("email")
@_with_pool
def enable(pool: _Pool, email: str) -> None:
    """Let a disabled user sign in again.

    Example: imchat user enable you@example.com
    """
    with pool.users() as users:
        users.enable(email)
    base.done(f"Enabled {email}.")


@user.command()
@click.argument("email")
@yes
@_with_pool
def delete(pool: _Pool, email: str, *, yes: bool) -> None:
    """Delete a user's account; what they wrote stays.

    Tokens they hold end within the hour, and connections within three; an administrator's suspension ends both at once.

    Example: imchat user delete you@example.com --yes
    """
    if not yes:
        base.ask(f"Delete the account {email}? This cannot be undone.")
    with pool.users() as users:
        users.delete(email)
    base.done(f"Deleted {email}: {_LINGER}")


@user.command("reset-password")
@click.argument("email")
@_mail
@_with_pool
def reset_password(pool: _Pool, email: str, *, mail: bool) -> None:
    """Give a user a temporary password; all their devices have to sign in anew.

    Tokens they hold end within the hour, and connections within three; an administrator's suspension ends both at once.

    Example: imchat user reset-password you@example.com --local
    """
    with pool.users() as users:
        password = users.reset_password(email, mail=mail)
    if password is None:
        base.done(f"Cognito has mailed a code for a new password to {email}.")
    else:
        base.temporary_password(email, password)
        click.echo(f"Every device has to sign in anew: {_LINGER}")


@user.command()
@click.argument("email")
@_with_pool
def promote(pool: _Pool, email: str) -> None:
    """Make a user an administrator.

    It counts from their next token on: within the hour, or at once after a new sign-in.

    Example: imchat user promote you@example.com
    """
    with pool.users() as users:
        users.promote(email)
    base.done(f"{email} is an administrator from their next sign-in on, or within the hour.")


@user.command()
@click.argument("email")
@_with_pool
def demote(pool: _Pool, email: str) -> None:
    """Make an administrator an ordinary user.

    It counts from their next token on: within the hour, or at once after a new sign-in.

    Example: imchat user demote you@example.com
    """
    with pool.users() as users:
        users.demote(email)
    base.done(f"{email} is no administrator from their next sign-in on, or within the hour.")
