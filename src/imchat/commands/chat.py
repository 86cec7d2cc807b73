"""`imchat chat`: a conversation in the terminal."""

from __future__ import annotations

import click

from imchat.commands.options import option
from imchat.errors import ConfigError


@click.command()
@option(
    "--url",
    default="http://127.0.0.1:8484",
    show_default=True,
    metavar="ADDRESS",
    help="URL of the site: of `imchat local`, or as printed by `imchat deploy`.",
)
@option("--email", prompt="E-mail", metavar="ADDRESS", help="Your e-mail address.")
@option(
    "--password",
    envvar="IMCHAT_PASSWORD",
    prompt="Password",
    hide_input=True,
    metavar="PASSWORD",
    help="Omit to be prompted, or set IMCHAT_PASSWORD.",
)
@option(
    "--with",
    "handle",
    metavar="HANDLE",
    help="User to chat with (default: choose from your conversations).",
)
def chat(*, url: str, email: str, password: str, handle: str | None) -> None:
    """Chat in the terminal.

    Press Enter to send a message. Type /quit or press Ctrl-D to quit. A line that begins with / and a word
    is not sent; type // to send it, as in //me. If a line of a file or pipe cannot be sent, the exit status is 1.

    Example: imchat chat --email ada@example.org --with bob
    """
    import asyncio

    from imchat.console import chat as console

    if not password.strip():
        raise ConfigError("the password is empty; type it, or set IMCHAT_PASSWORD")
    try:
        asyncio.run(console.chat(url, email, password, handle))
    except KeyboardInterrupt:
        console.print_goodbye()
