"""Adds the options that the user typed to the commands that a message suggests."""

from __future__ import annotations

import re
import shlex
from typing import Final

import click
from click.core import ParameterSource

_CARRIED: Final = (
    "--local",
    "--data-dir",
    "--stage",
    "--profile",
    "--region",
    "--endpoint-url",
    "--config",
    "--user-pool-id",
)
"""The options that select what a command works on. Without them, a suggested command could change another chat."""
_SUGGESTION: Final = re.compile(r"`imchat ([^`]+)`")


def typed_options() -> str:
    """Return the carried options of the current command line, such as ` --stage test`. Without environment variables."""
    return "".join(f" {text}" for text in _typed().values())


def suggestion(command: str) -> str:
    """Return a command to suggest, such as `imchat user list`, with the typed options that it has too."""
    context = click.get_current_context(silent=True)
    target = _find(context.find_root().command, command) if context else None
    if target is None:
        return command
    accepted = {name for param in target.params for name in param.opts}
    added = [
        text for name, text in _typed().items() if name in accepted and not re.search(rf"{name}\b", command)
    ]
    return " ".join([command, *added])


def with_typed_options(message: str) -> str:
    """Return a message in which every command in backticks has the typed options that it accepts."""
    return _SUGGESTION.sub(lambda match: f"`{suggestion(match[0].strip('`'))}`", message)


def _typed() -> dict[str, str]:
    """Return the carried options that were typed, by name."""
    context = click.get_current_context(silent=True)
    found: dict[str, str] = {}
    for param in context.command.params if context else ():
        name = next((opt for opt in param.opts if opt in _CARRIED), None)
        if (
            context is None
            or name is None
            or context.get_parameter_source(param.name or "") != ParameterSource.COMMANDLINE
        ):
            continue
        value = context.params[param.name or ""]
        found[name] = name if value is True else f"{name} {shlex.quote(str(value))}"
    return {name: found[name] for name in _CARRIED if name in found}


def _find(root: click.Command, command: str) -> click.Command | None:
    """Return the command that a text such as `imchat user list --json` names; None for a group or another text."""
    found = root
    for word in command.split()[1:]:
        if not isinstance(found, click.Group):
            break
        if word not in found.commands:
            return None
        found = found.commands[word]
    return None if isinstance(found, click.Group) else found
