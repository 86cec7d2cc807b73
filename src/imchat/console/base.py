"""Terminal output shared by all commands. Only `console` prints, and rich is imported only to print layouts."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from imchat.console import hints

if TYPE_CHECKING:  # `imchat --help` loads none of these
    from rich.console import Console, RenderableType

    from imchat.deploy.operate.users import User
    from imchat.local.identity import Purpose
    from imchat.local.run import Started

_CODE_NAMES: Final = {
    "sign_up": "confirmation code",
    "password_reset": "password reset code",
    "invitation": "temporary password",
}

_USER_STATUSES: Final = {
    "CONFIRMED": "active",
    "FORCE_CHANGE_PASSWORD": "must change password",
    "RESET_REQUIRED": "must reset password",
    "UNCONFIRMED": "e-mail not confirmed",
}
"""How Cognito's account statuses are shown."""


def error(message: str) -> None:
    """Print an error message to standard error."""
    text = f"Error: {message}"
    if sys.stderr.isatty():  # a terminal would break the line in the middle of a word
        width = shutil.get_terminal_size().columns
        text = textwrap.fill(
            text, width, subsequent_indent="       ", break_long_words=False, break_on_hyphens=False
        )
    with contextlib.suppress(OSError):  # the status says that it failed, too
        click.echo(click.style("Error:", fg="red", bold=True) + text.removeprefix("Error:"), err=True)


def success(message: str) -> None:
    """Print what a command has done."""
    click.echo(message)


def info(message: str) -> None:
    """Print a hint to standard error, so that it is not part of piped output."""
    click.echo(message, err=True)


def open_url(url: str) -> None:
    """Print the URL and open it in the browser, if there is one."""
    click.echo(url)
    _browse(url)


def _browse(url: str) -> None:
    import webbrowser  # takes a tenth of the time of `imchat --help` to import

    webbrowser.open(url)


def confirm(question: str) -> None:
    """Continue only after a yes; otherwise exit with status 1. Raises: UsageError if there is no terminal."""
    try:
        confirmed = click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError("no terminal to ask for confirmation; use --yes to skip it.") from None
    if not confirmed:
        raise click.Abort


def to_json(value: object, *, indent: int | None = 2) -> str:
    """Return a value as JSON. Characters outside ASCII are escaped if the encoding of the output lacks any."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json.dumps(value, indent=indent, ensure_ascii=not utf8)


def print_code(purpose: Purpose, email: str, code: str) -> None:
    """Print a code or password that a user pool on AWS would mail."""
    click.echo(f"{_CODE_NAMES[purpose.value].capitalize()} for {email}: {click.style(code, bold=True)}")


def print_temporary_password(email: str, password: str) -> None:
    """Print a temporary password, which cannot be shown again."""
    click.echo(f"Temporary password for {email}: {click.style(password, bold=True)}")
    click.echo(
        "It is shown only once and expires in seven days. The user chooses a new one at first sign-in."
    )


def print_users(users: Sequence[User], *, as_json: bool) -> None:
    """Print the list of users as a table or as JSON."""
    if as_json:
        rows = [asdict(user) | {"created": user.created.isoformat()} for user in users]
        click.echo(to_json(rows))
        return
    if not users:
        click.echo(hints.with_typed_options("No users yet. Create one with `imchat user create`."))
        return
    from rich.markup import escape
    from rich.table import Table

    with_handles = any(user.handle for user in users)
    titles = ("E-mail", *(["Handle"] if with_handles else []), "Name", "Role", "Status", "Created")
    table = Table(*titles, box=None, pad_edge=False)
    for user in users:
        handle = [user.handle or ""] if with_handles else []
        table.add_row(escape(user.email), *handle, escape(user.name), *_role_and_status(user))
    console = get_console()
    if _natural_width(console, table) <= console.width:
        print_renderable(table)
    else:
        _print_users_in_lines(users)


def _print_users_in_lines(users: Sequence[User]) -> None:
    """Print users below each other, in a terminal that is too narrow for a table."""
    for user in users:
        click.secho(user.email, bold=True)
        for value in (user.handle, user.name, *_role_and_status(user)):
            if value:
                click.echo(f"  {value}")


def _role_and_status(user: User) -> tuple[str, str, str]:
    status = _USER_STATUSES.get(user.status, user.status) if user.enabled else "disabled"
    return "administrator" if user.admin else "", status, user.created.strftime("%Y-%m-%d")


def print_server_started(server: Started, *, open_browser: bool) -> None:
    """Print the URL, the data directory, the demo users and how to stop the server."""
    lines = [("Open", server.url), ("Data", str(server.data_dir))]
    lines += [("Demo", f"{person.email}, password {person.password}") for person in server.people]
    if server.policy.kind == "invitation":
        lines.append(("Sign-up", f"by invitation: {hints.suggestion('imchat user create --local')}"))
    elif server.policy.domains:
        lines.append(("Sign-up", f"e-mail at {', '.join(server.policy.domains)}"))
    if server.max_connections:
        lines.append(("Limit", f"{server.max_connections:,} connections"))
    lines.append(("Stop", "Ctrl-C"))
    print_panel("imchat is running", lines)
    if server.reachable_by_others:
        if server.url.startswith("http://"):
            click.echo("Other machines can connect. Browsers disable some features on sites without HTTPS:")
            click.echo("for a team, put a reverse proxy with a TLS certificate in front.")
        if server.policy.kind == "open":
            click.echo("Anyone who can connect can create an account; to prevent that, use")
            click.echo("--sign-up invitation or --sign-up domain:example.org.")
    sys.stdout.flush()
    if open_browser:
        _browse(server.url)


def get_console() -> Console:
    """Return the rich console for standard output. Without a terminal, lines have no maximum length."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)


def print_renderable(renderable: RenderableType) -> None:
    """Print a rich layout without trailing spaces. A text that is too wide for its column continues in the next line."""
    from rich.table import Table

    console = get_console()
    if isinstance(renderable, Table):
        fits = _natural_width(console, renderable) <= console.width
        for column in renderable.columns:
            column.overflow = "fold"
            column.no_wrap = column.no_wrap and fits
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _natural_width(console: Console, renderable: RenderableType) -> int:
    """Return the width at which no text of a layout is wrapped."""
    return console.measure(renderable, options=console.options.update(max_width=10_000)).maximum


def print_panel(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """Print the result of a command and the next steps in a frame, or as plain lines without a terminal."""
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
    print_renderable(Panel(table, title=heading, title_align="left", expand=False, padding=(1, 2)))
