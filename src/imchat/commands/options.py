"""Options of all commands: a value is never empty. And those shared by the AWS commands, which select a stage."""

from __future__ import annotations

import functools
import logging
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from imchat.console import hints
from imchat.errors import ConfigError, ImchatError

if TYPE_CHECKING:
    from imchat.deploy.config import Config
    from imchat.deploy.context import DeployContext


class _NonEmptyOption(click.Option):
    """An option whose value must not be empty: an empty path would be the current directory, for example."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the converted value. Raises: BadParameter if it is empty."""
        return super().process_value(ctx, _not_empty(value, ctx, self))

    def prompt_for_value(self, ctx: click.Context) -> Any:
        """Ask for the value. Raises: UsageError if there is no terminal that can ask for it."""
        from getpass import GetPassWarning

        names = [self.opts[0], *([str(self.envvar)] if self.envvar else [])]
        missing = click.UsageError(f"no terminal to ask for it: set {' or '.join(names)}.", ctx)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", GetPassWarning)  # it would show the password
                return super().prompt_for_value(ctx)
        except GetPassWarning:
            raise missing from None
        except click.Abort:
            if sys.stdin.isatty():
                raise
            raise missing from None


class _NonEmptyArgument(click.Argument):
    """An argument whose value must not be empty."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the converted value. Raises: BadParameter if it is empty."""
        return super().process_value(ctx, _not_empty(value, ctx, self))


_UNDECODABLE: Final = re.compile("[\ud800-\udfff]")

option = functools.partial(click.option, cls=_NonEmptyOption)
argument = functools.partial(click.argument, cls=_NonEmptyArgument)


def _not_empty(value: Any, ctx: click.Context, param: click.Parameter) -> Any:
    values = value if isinstance(value, (tuple, list)) else (value,)
    if any(isinstance(one, str) and not one.strip() for one in values):
        raise click.BadParameter("the value must not be empty.", ctx, param)
    # Python reads bytes that are no text in the terminal's encoding as surrogates. A file may have such a name.
    is_path = isinstance(param.type, click.Path)
    if not is_path and any(isinstance(one, str) and _UNDECODABLE.search(one) for one in values):
        raise click.BadParameter("the value is not text in the encoding of this terminal.", ctx, param)
    return value


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
        # botocore logs a failed refresh with a traceback; the error that it raises becomes one line.
        logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
        connector: Connector = click.get_current_context().obj or connect
        return connector(load_config(self.config, overrides=overrides), endpoint_url=self.endpoint_url)


STAGE_OPTIONS = (
    option(
        "--stage",
        envvar="IMCHAT_STAGE",
        metavar="NAME",
        help="Stage to use (default: the one in imchat.toml, or prod).",
    ),
    option("--profile", envvar="IMCHAT_PROFILE", metavar="NAME", help="AWS profile to use."),
    option("--region", envvar="IMCHAT_REGION", metavar="REGION", help="AWS region, such as eu-central-1."),
    option("--endpoint-url", envvar="AWS_ENDPOINT_URL", metavar="URL", help="Endpoint of an AWS emulator."),
    option(
        "--config",
        envvar="IMCHAT_CONFIG",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Settings file (default: imchat.toml in the current directory).",
    ),
)
STAGE_OPTION_NAMES = ("stage", "profile", "region", "endpoint_url", "config")
yes = option("--yes", is_flag=True, help="Do not ask for confirmation.")
as_json = option("--json", "as_json", is_flag=True, help="Print JSON.")


def stage_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select a stage to a command, which gets them as one `options` argument."""

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        values = {name: arguments.pop(name) for name in STAGE_OPTION_NAMES}
        try:
            command(options=StageOptions(**values, command_line=hints.typed_options()), **arguments)
        except ImchatError as error:
            error.message = hints.with_typed_options(error.message)
            error.args = (error.message,)
            raise

    for add_option in reversed(STAGE_OPTIONS):
        run = add_option(run)
    return run


_SIGN_IN_OPTIONS = (
    option(
        "--url",
        default="http://127.0.0.1:8484",
        show_default=True,
        metavar="ADDRESS",
        help="URL of the site: of `imchat local`, or as printed by `imchat deploy`.",
    ),
    option("--email", prompt="E-mail", metavar="ADDRESS", help="Your e-mail address."),
    option(
        "--password",
        envvar="IMCHAT_PASSWORD",
        prompt="Password",
        hide_input=True,
        metavar="PASSWORD",
        help="Omit to be prompted, or set IMCHAT_PASSWORD.",
    ),
    option(
        "--code",
        metavar="CODE",
        help="Code of your authenticator app, for two-step sign-in (default: prompted if needed).",
    ),
)


def sign_in_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for signing in to a site to a command."""

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        if not arguments["password"].strip():
            raise ConfigError("the password is empty; type it, or set IMCHAT_PASSWORD")
        command(**arguments)

    for add_option in reversed(_SIGN_IN_OPTIONS):
        run = add_option(run)
    return run
