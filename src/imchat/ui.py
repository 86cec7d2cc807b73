"""Everything imchat prints. Nothing else prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from imchat.deploy.users import User
    from imchat.local.identity import Purpose

_DELIVERED: Final = {
    "sign_up": "confirmation code",
    "password_reset": "code for a new password",
    "invitation": "temporary password",
}


def failure(message: str) -> None:
    """One line that says what went wrong and what to do, on the error stream."""
    Console(stderr=True).print(f"[bold red]Error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def done(message: str) -> None:
    """What a command has done."""
    _say(escape(message))


def ask(question: str) -> None:
    """Go on only after a yes; otherwise the command ends with status 1."""
    click.confirm(question, abort=True)


def delivered(purpose: Purpose, email: str, secret: str) -> None:
    """What a pool on AWS would have mailed."""
    _say(f"{_DELIVERED[purpose.value].capitalize()} for {escape(email)}: [bold]{escape(secret)}[/]")


def temporary_password(email: str, password: str) -> None:
    """The only time a temporary password is shown."""
    _say(f"Temporary password for {escape(email)}: [bold]{escape(password)}[/]")
    _say("It is shown only now and good for seven days; a new one must be chosen at the first sign-in.")


def users(found: Sequence[User], *, as_json: bool) -> None:
    """The list of users: a table to read, or JSON for a program."""
    if as_json:
        rows = [asdict(user) | {"created": user.created.isoformat()} for user in found]
        click.echo(json.dumps(rows, indent=2))
        return
    if not found:
        _say("There are no users yet; make one with: imchat user create you@example.com --admin")
        return
    table = Table("E-mail", "Name", "Role", "Status", "Since", box=None, pad_edge=False)
    for user in found:
        status = user.status.lower().replace("_", " ") if user.enabled else "disabled"
        role = "administrator" if user.admin else ""
        since = user.created.strftime("%Y-%m-%d")
        table.add_row(escape(user.email), escape(user.name), role, status, since)
    Console().print(table)


def _say(markup: str) -> None:
    Console().print(markup, highlight=False, soft_wrap=True)
