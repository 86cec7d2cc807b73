"""Everything imchat prints. Nothing else prints; rich is loaded only where there is something to lay out."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:  # `imchat --help` loads none of these
    from rich.console import Console, RenderableType

    from imchat.deploy.operate.users import User
    from imchat.local.identity import Purpose
    from imchat.local.run import Started

_DELIVERED: Final = {
    "sign_up": "confirmation code",
    "password_reset": "code for a new password",
    "invitation": "temporary password",
}

_STATUSES: Final = {
    "CONFIRMED": "active",
    "FORCE_CHANGE_PASSWORD": "must choose a password",
    "RESET_REQUIRED": "must choose a password",
    "UNCONFIRMED": "has not confirmed the e-mail address",
}
"""Cognito's words for an account's state, in ours."""


def failure(message: str) -> None:
    """One line that says what went wrong and what to do, on the error stream."""
    text = f"Error: {message}"
    if sys.stderr.isatty():  # a terminal would break the line in the middle of a word
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(
            text, width, subsequent_indent="       ", break_long_words=False, break_on_hyphens=False
        )
    click.echo(click.style("Error:", fg="red", bold=True) + text.removeprefix("Error:"), err=True)


def done(message: str) -> None:
    """What a command has done."""
    click.echo(message)


def remark(message: str) -> None:
    """Something to know beside the output, on the error stream: what reads the output does not see it."""
    click.echo(message, err=True)


def open_site(url: str) -> None:
    """Show the address, and open it in the browser where there is one."""
    click.echo(url)
    _browse(url)


def _browse(url: str) -> None:
    import webbrowser  # with what it brings a tenth of the time that `imchat --help` takes

    webbrowser.open(url)


def ask(question: str) -> None:
    """Go on only after a yes; otherwise the command ends with status 1. Raises: UsageError if nobody can answer."""
    try:
        sure = click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError("nobody is there to answer; --yes goes ahead without asking.") from None
    if not sure:
        raise click.Abort


def delivered(purpose: Purpose, email: str, secret: str) -> None:
    """What a pool on AWS would have mailed."""
    click.echo(f"{_DELIVERED[purpose.value].capitalize()} for {email}: {click.style(secret, bold=True)}")


def temporary_password(email: str, password: str) -> None:
    """The only time a temporary password is shown."""
    click.echo(f"Temporary password for {email}: {click.style(password, bold=True)}")
    click.echo("It is shown only now and good for seven days; a new one must be chosen at the first sign-in.")


def users(found: Sequence[User], *, as_json: bool) -> None:
    """The list of users: a table to read, or JSON for a program."""
    if as_json:
        rows = [asdict(user) | {"created": user.created.isoformat()} for user in found]
        click.echo(json.dumps(rows, indent=2))
        return
    if not found:
        click.echo("There are no users yet; `imchat user create` makes one.")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table("E-mail", "Name", "Role", "Status", "Since", box=None, pad_edge=False)
    for user in found:
        status = _STATUSES.get(user.status, user.status) if user.enabled else "disabled"
        role = "administrator" if user.admin else ""
        since = user.created.strftime("%Y-%m-%d")
        table.add_row(escape(user.email), escape(user.name), role, status, since)
    show(table)


def local_started(server: Started, *, open_browser: bool) -> None:
    """Where the server is, where its data lies, how to sign in to the demo, and how to stop."""
    lines = [("Open", server.url), ("Data", str(server.data_dir))]
    lines += [("Demo", f"{person.email}, password {person.password}") for person in server.people]
    if server.policy.kind == "invitation":
        lines.append(("Sign-up", "by invitation: imchat user create --local"))
    elif server.policy.domains:
        lines.append(("Sign-up", f"e-mail at {', '.join(server.policy.domains)}"))
    lines.append(("Stop", "Ctrl-C"))
    panel("imchat is running", lines)
    if server.reachable_by_others:
        click.echo(
            "Other machines can reach it. Browsers hold back some features on a plain http site elsewhere:"
        )
        click.echo("for a team, put a proxy with a certificate in front.")
    sys.stdout.flush()
    if open_browser:
        _browse(server.url)


def console() -> Console:
    """Where everything laid out goes. Without a terminal lines are as long as they are: nothing is cut in a file."""
    from rich.console import Console

    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 10_000
    return Console(highlight=False, width=fixed)


def show(laid_out: RenderableType) -> None:
    """Print what is laid out, with no blanks at the lines' ends."""
    where = console()
    if where.is_terminal:
        where.print(laid_out)
        return
    with where.capture() as captured:
        where.print(laid_out)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def panel(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """The end of a command, framed: what is there now, and what to do next. Without a terminal: plain lines."""
    if not sys.stdout.isatty():
        click.echo(title)
        longest = max((len(name) for name, _ in lines), default=0)
        for name, value in lines:
            click.echo(f"  {name:<{longest}}  {value}")
        return
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in lines:
        link = f"link {value}" if value.startswith("http") else ""
        table.add_row(Text(name, "dim"), Text(value, link, overflow="fold"))
    heading = f"[bold green]{title}[/]"
    show(Panel(table, title=heading, title_align="left", expand=False, padding=(1, 2)))
