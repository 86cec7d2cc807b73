"""The `imchat account` commands: users manage their own account."""

from __future__ import annotations

import click

from imchat.commands.options import sign_in_options


@click.group()
def account() -> None:
    """Manage your own account.

    Example: imchat account two-step on --email you@example.com
    """


@account.command("two-step")
@click.argument("state", type=click.Choice(["on", "off"]))
@sign_in_options
def two_step(*, state: str, url: str, email: str, password: str, code: str | None) -> None:
    """Turn two-step sign-in on or off.

    With two-step sign-in, each sign-in asks for a code of an authenticator app, such as Aegis, 1Password or Google
    Authenticator. `on` shows a QR code for the app, and asks for the first code. If it was on before, the new app
    replaces the old one.

    Without the app you cannot sign in until an administrator runs `imchat user reset-two-step`.

    Example: imchat account two-step on --email you@example.com
    """
    import asyncio

    from imchat.console import two_step as console

    change = console.turn_on if state == "on" else console.turn_off
    asyncio.run(change(url, email, password, code))
