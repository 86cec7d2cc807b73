"""`imchat chat`: a conversation in the terminal."""

from __future__ import annotations

import click

from imchat.commands.options import option, sign_in_options


@click.command()
@sign_in_options
@option(
    "--with",
    "handle",
    metavar="HANDLE",
    help="User to chat with (default: choose from your conversations).",
)
def chat(*, url: str, email: str, password: str, code: str | None, handle: str | None) -> None:
    """Chat in the terminal.

    Press Enter to send a message. Type /quit or press Ctrl-D to quit. A line that begins with / and a word
    is not sent; type // to send it, as in //me. If a line of a file or pipe cannot be sent, the exit status is 1.

    Example: imchat chat --email ada@example.org --with bob
    """
    import asyncio

    from imchat.console import chat as console

    try:
        asyncio.run(console.chat(url, email, password, code=code, handle=handle))
    except KeyboardInterrupt:
        console.print_goodbye()
