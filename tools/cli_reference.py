"""The reference of all commands, made from click: `docs/reference/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from imchat.cli import commands

PLACE: Final = "docs/reference/cli.md"
_WIDTH: Final = 100


def reference() -> str:
    """The page, in Markdown."""
    parts = [
        "# Commands",
        "Generated from the commands themselves by `make generate`; do not edit. `imchat COMMAND --help` says the same.",
    ]
    for path, command in _walk(commands, "imchat"):
        parts += [f"## `{path}`", "```text\n" + _help(command, path) + "\n```"]
    return "\n\n".join(parts) + "\n"


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            yield from _walk(sub, f"{path} {name}")


def _help(command: click.Command, path: str) -> str:
    settings = {**commands.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = click.Context(command, info_name=path, **settings)
    return command.get_help(context).rstrip()
