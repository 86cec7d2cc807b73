"""Two-step sign-in in the terminal: asking for a code, and setting up an authenticator app with a QR code."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

import click

from imchat.client import Client
from imchat.errors import CodeRequired, Invalid

if TYPE_CHECKING:
    from imchat.client import TwoStepSetup
    from imchat.client.sign_in import CodeSource

_PROMPT: Final = "Code of your authenticator app"
_TRIES: Final = 3
_QUIET_ZONE: Final = 2
"""Light modules around a QR code. Its standard asks for four; in a terminal, apps read it with two."""
_HALF_BLOCKS: Final = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}
"""Two rows of modules in one row of characters, dark on light."""


def code_source(code: str | None) -> CodeSource:
    """Return the code, or a function that asks for it in the terminal."""
    return _ask if code is None else code


async def turn_on(url: str, email: str, password: str, code: str | None) -> None:
    """Show a new secret, ask for a code of the app, and turn two-step sign-in on. Raises: ImchatError."""
    async with Client.sign_in(url, email, password, code=code_source(code)) as me:
        print_setup(await me.set_up_two_step())
        for attempt in range(1, _TRIES + 1):
            given = await asyncio.to_thread(_prompt)
            try:
                await me.turn_on_two_step(given)
            except Invalid as error:
                if attempt == _TRIES:
                    raise
                click.echo(_sentence(error))
            else:
                break
    click.echo("Two-step sign-in is on. From now on, each sign-in asks for a code of this app.")


async def turn_off(url: str, email: str, password: str, code: str | None) -> None:
    """Turn two-step sign-in off. Raises: ImchatError."""
    async with Client.sign_in(url, email, password, code=code_source(code)) as me:
        await me.turn_off_two_step()
    click.echo("Two-step sign-in is off. Signing in requires the password only.")


def print_setup(setup: TwoStepSetup) -> None:
    """Print the QR code and the key of an authenticator app; without a terminal, the URI in place of the QR code."""
    key = " ".join(setup.secret[start : start + 4] for start in range(0, len(setup.secret), 4))
    if sys.stdout.isatty() and (sys.stdout.encoding or "").lower().startswith("utf"):
        click.echo("Scan this QR code with your authenticator app:\n")
        for line in qr_lines(setup.uri):
            click.secho(line, fg="black", bg="bright_white")
        click.echo()
    else:
        click.echo(f"Open this address with your authenticator app: {setup.uri}")
    click.echo(f"Or enter this key in the app: {key}\n")


def qr_lines(text: str) -> list[str]:
    """Return the rows of a QR code, to be printed dark on light."""
    import segno

    modules = [list(row) for row in segno.make_qr(text, error="l").matrix_iter(border=_QUIET_ZONE)]
    if len(modules) % 2:
        modules.append([0] * len(modules[0]))
    pairs = zip(modules[::2], modules[1::2], strict=True)
    return ["".join(_HALF_BLOCKS[pair] for pair in zip(*rows, strict=True)) for rows in pairs]


async def _ask(refused: Invalid | None) -> str:
    if not sys.stdin.isatty():  # a line of a pipe is not the code
        raise CodeRequired(
            "this account has two-step sign-in; set --code to the code that its authenticator app shows"
        )
    if refused is not None:
        click.echo(_sentence(refused))
    return await asyncio.to_thread(_prompt)


def _prompt() -> str:
    try:
        return str(click.prompt(_PROMPT))
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise click.UsageError("no terminal to ask for the code.") from None


def _sentence(error: Invalid) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."
