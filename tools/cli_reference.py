"""Generates the command reference, `docs/reference/cli.md`, from the click commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from imchat.cli import cli

PATH: Final = "docs/reference/cli.md"
_WIDTH: Final = 100


def generate() -> str:
    """Return the page as Markdown."""
    parts = [
        "# Commands",
        "Generated from the commands by `make generate`; do not edit. `imchat COMMAND --help` prints the\nsame text.",
    ]
    for name, command in _walk(cli, "imchat"):
        parts += [f"## `{name}`", "```text\n" + _help(command, name) + "\n```"]
    return "\n\n".join(parts) + "\n"


def _walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for subname, subcommand in command.commands.items():
            yield from _walk(subcommand, f"{name} {subname}")


def _help(command: click.Command, name: str) -> str:
    settings = {**cli.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = click.Context(command, info_name=name, **settings)
    return command.get_help(context).rstrip()
