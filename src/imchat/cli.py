"""The `imchat` command: click commands, thin. What a command needs it imports when it runs."""

from __future__ import annotations

import sys

import click

from imchat import __version__
from imchat.cli_user import user
from imchat.errors import ImchatError


@click.group()
@click.version_option(__version__)
def commands() -> None:
    """A complete chat application for one machine or for your own AWS account."""


commands.add_command(user)


def main() -> None:
    """Run one command. Exit status: 0; 1 for an error that is explained in one line; 2 for wrong usage."""
    try:
        commands()
    except ImchatError as error:
        from imchat import ui  # noqa: PLC0415  rich is only for those who print

        ui.failure(error.message)
        sys.exit(1)
