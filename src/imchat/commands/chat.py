"""`imchat chat`: a conversation in the terminal."""

from __future__ import annotations

import click

from imchat.errors import ConfigError


@click.command()
@click.option(
    "--url",
    default="http://127.0.0.1:8484",
    show_default=True,
    metavar="ADDRESS",
    help="The site to chat at: where `imchat local` listens, or what `imchat deploy` printed.",
)
@click.option("--email", prompt="E-mail", metavar="ADDRESS", help="Who you are.")
@click.option(
    "--password",
    envvar="IMCHAT_PASSWORD",
    prompt="Password",
    hide_input=True,
    metavar="PASSWORD",
    help="Better left out: you are asked for it, or it is read from IMCHAT_PASSWORD.",
)
@click.option("--with", "handle", metavar="HANDLE", help="Talk to this person; without it you choose.")
def chat(*, url: str, email: str, password: str, handle: str | None) -> None:
    """Chat in the terminal.

    What you type is sent at Enter. /quit or Ctrl-D ends it.

    Example: imchat chat --email ada@example.org --with bob
    """
    import asyncio

    from imchat.console import chat as console

    if not password.strip():
        raise ConfigError("the password is empty; type it, or set IMCHAT_PASSWORD")
    try:
        asyncio.run(console.chat(url, email, password, handle))
    except KeyboardInterrupt:
        console.farewell()
