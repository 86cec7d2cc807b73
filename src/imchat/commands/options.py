"""Options shared by the AWS commands: which stage, how to reach it, and the output format."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from imchat.deploy.config import Config
    from imchat.deploy.context import DeployContext


class Connector(Protocol):
    """Connects to AWS: `imchat.deploy.connect`, or a replacement that a program passed to click as `obj`."""

    def __call__(self, config: Config, *, endpoint_url: str | None) -> DeployContext:
        """Return the stage of `config`."""


@dataclass(frozen=True, slots=True)
class StageOptions:
    """The options that select a stage. A None comes from `imchat.toml`, then from the AWS configuration."""

    stage: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    config: Path | None = None
    command_line: str = ""
    """The options as typed, to print in a suggested command, such as ` --stage test`. Without environment variables."""

    def connect(self) -> DeployContext:
        """Return the selected stage. Raises: ConfigError."""
        # boto3 and pydantic take most of a second to import, which `--help` does not need.
        from imchat.deploy import connect, load_config

        overrides = {"stage": self.stage, "profile": self.profile, "region": self.region}
        connector: Connector = click.get_current_context().obj or connect
        return connector(load_config(self.config, overrides=overrides), endpoint_url=self.endpoint_url)


STAGE_OPTIONS = (
    click.option(
        "--stage",
        envvar="IMCHAT_STAGE",
        metavar="NAME",
        help="Stage to use (default: the one in imchat.toml, or prod).",
    ),
    click.option("--profile", envvar="IMCHAT_PROFILE", metavar="NAME", help="AWS profile to use."),
    click.option(
        "--region", envvar="IMCHAT_REGION", metavar="REGION", help="AWS region, such as eu-central-1."
    ),
    click.option(
        "--endpoint-url", envvar="AWS_ENDPOINT_URL", metavar="URL", help="Endpoint of an AWS emulator."
    ),
    click.option(
        "--config",
        envvar="IMCHAT_CONFIG",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Settings file (default: imchat.toml in the current directory).",
    ),
)
_STAGE_OPTION_NAMES = ("stage", "profile", "region", "endpoint_url", "config")
yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def stage_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select a stage to a command, which gets them as one `options` argument."""

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        context = click.get_current_context()
        values = {name: arguments.pop(name) for name in _STAGE_OPTION_NAMES}
        typed = (
            f" --{name.replace('_', '-')} {shlex.quote(str(value))}"
            for name, value in values.items()
            if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
        )
        command(options=StageOptions(**values, command_line="".join(typed)), **arguments)

    for option in reversed(STAGE_OPTIONS):
        run = option(run)
    return run
