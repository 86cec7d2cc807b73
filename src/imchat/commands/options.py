"""The options that all commands for AWS share: which stage, where, and how to print. Each has one name and one meaning."""

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


class Reach(Protocol):
    """How AWS is reached: `imchat.deploy.connect`, or what a program passed to click as `obj`."""

    def __call__(self, config: Config, *, endpoint_url: str | None) -> DeployContext:
        """The stage of `config`."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which stage a command means. What is None comes from `imchat.toml`, then from AWS's own configuration."""

    stage: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    config: Path | None = None
    typed: str = ""
    """These options as they were typed, for another command's line, as ` --stage test`; without what the environment says."""

    def target(self) -> DeployContext:
        """The stage, reached. Raises: ConfigError."""
        # boto3 and pydantic cost most of a second to import; `--help` does without.
        from imchat.deploy import connect, load_config

        overrides = {"stage": self.stage, "profile": self.profile, "region": self.region}
        reach: Reach = click.get_current_context().obj or connect
        return reach(load_config(self.config, overrides=overrides), endpoint_url=self.endpoint_url)


WHERE_OPTIONS = (
    click.option(
        "--stage",
        envvar="IMCHAT_STAGE",
        metavar="NAME",
        help="The stage; without it, imchat.toml's, or prod.",
    ),
    click.option(
        "--profile",
        envvar="IMCHAT_PROFILE",
        metavar="NAME",
        help="The profile of your AWS configuration to use.",
    ),
    click.option(
        "--region", envvar="IMCHAT_REGION", metavar="REGION", help="The AWS region, such as eu-central-1."
    ),
    click.option(
        "--endpoint-url", envvar="AWS_ENDPOINT_URL", metavar="URL", help="An AWS emulator's address."
    ),
    click.option(
        "--config",
        envvar="IMCHAT_CONFIG",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="The stage's settings, if they are not in ./imchat.toml.",
    ),
)
_WHERE = ("stage", "profile", "region", "endpoint_url", "config")
yes = click.option("--yes", is_flag=True, help="Go ahead without asking.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def with_where(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose a stage, as one `where`."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        context = click.get_current_context()
        chosen = {name: options.pop(name) for name in _WHERE}
        typed = (
            f" --{name.replace('_', '-')} {shlex.quote(str(value))}"
            for name, value in chosen.items()
            if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
        )
        command(where=Where(**chosen, typed="".join(typed)), **options)

    for option in reversed(WHERE_OPTIONS):
        run = option(run)
    return run
