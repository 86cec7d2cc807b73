"""The commands that only read: `imchat status`, `open`, `logs`, `doctor` and `completion`."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime

import click

from imchat.commands.options import StageOptions, argument, as_json, option, stage_options
from imchat.console import base
from imchat.errors import ConfigError, NotFound

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHELLS = ("bash", "zsh", "fish")


def _parse_since(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """Convert a duration such as 15m, 2h or 3d, or an ISO time, to epoch milliseconds."""
    duration = re.fullmatch(r"(\d{1,6})([smhd])", value)
    if duration:
        return _now_ms() - int(duration[1]) * _UNIT_SECONDS[duration[2]] * 1000
    try:
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    except ValueError:
        raise click.BadParameter(
            "use a duration such as 15m, 2h or 3d, or an ISO time such as 2026-01-31T08:00"
        ) from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@click.command()
@option("--drift", is_flag=True, help="Also detect resources changed by hand; takes a minute.")
@option("--outputs", is_flag=True, help="Also show all stack outputs.")
@as_json
@stage_options
def status(options: StageOptions, *, drift: bool, outputs: bool, as_json: bool) -> None:
    """Show the URL, version and stacks of a stage.

    Example: imchat status --drift
    """
    from imchat.console import operate as console
    from imchat.deploy import read_status

    target = options.connect()
    found = read_status(target, drift=drift)
    if not as_json and all(stack.status is None for stack in found.stacks):
        raise NotFound(_not_deployed(found.stage, found.region, options))
    console.print_status(found, outputs=outputs, as_json=as_json)


@click.command("open")
@stage_options
def open_(options: StageOptions) -> None:
    """Open the deployed site in your browser.

    Example: imchat open --stage test
    """
    from imchat.deploy import read_status

    target = options.connect()
    url = read_status(target).url
    if url is None:
        raise NotFound(_not_deployed(target.config.stage, target.region, options))
    base.open_url(url)


@click.command()
@option("--follow", "-f", is_flag=True, help="Keep printing new lines until Ctrl-C.")
@option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME",
    help="Show only this function: http, websocket, authorizer or fanout. Can be repeated.",
)
@option("--request", metavar="ID", help="Show only lines with this request ID (errors show it).")
@option(
    "--since",
    callback=_parse_since,
    default="15m",
    show_default=True,
    metavar="TIME",
    help="Start time: a duration such as 15m, 2h or 3d, or an ISO time.",
)
@as_json
@stage_options
def logs(
    options: StageOptions,
    *,
    follow: bool,
    functions: tuple[str, ...],
    request: str | None,
    since: int,
    as_json: bool,
) -> None:
    """Show the functions' logs, oldest first.

    Example: imchat logs --follow --function http
    """
    from imchat.console import operate as console
    from imchat.deploy import follow_logs, log_groups, read_logs

    target = options.connect()
    groups = log_groups(target)
    unknown = set(functions) - set(groups)
    if unknown:
        raise ConfigError(f"unknown function {min(unknown)}; use one of {', '.join(sorted(groups))}")
    selected = {name: group for name, group in groups.items() if not functions or name in functions}
    if follow:
        try:
            console.print_log_lines(
                follow_logs(target, selected, since_ms=since, now_ms=_now_ms, containing=request),
                as_json=as_json,
            )
        except KeyboardInterrupt:
            return
    elif not console.print_log_lines(
        read_logs(target, selected, since_ms=since, containing=request), as_json=as_json
    ):
        base.info("No log lines found. Use --since 1d to look further back.")


@click.command()
@as_json
@stage_options
def doctor(options: StageOptions, *, as_json: bool) -> None:
    """Check for anything that would block a deployment, and how to fix it.

    Checks credentials, clock, incomplete stacks, quotas, certificate, mail and permissions. Changes
    nothing. Exits with status 1 if there is a problem.

    Example: imchat doctor --profile work
    """
    from imchat.console import operate as console
    from imchat.deploy import run_checks

    target = options.connect()
    if console.print_findings(run_checks(target, now_ms=_now_ms), as_json=as_json):
        sys.exit(1)


@click.command()
@argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the shell completion script.

    \b
    bash  add to ~/.bashrc:  eval "$(imchat completion bash)"
    zsh   add to ~/.zshrc:   eval "$(imchat completion zsh)"
    fish  imchat completion fish > ~/.config/fish/completions/imchat.fish
    """
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if completion_class is not None:
        script = completion_class(root, {}, "imchat", "_IMCHAT_COMPLETE").source()
        # click's script for fish would cut a description at its first comma.
        click.echo(script.replace('string split ","', 'string split --max 1 ","'))


def _not_deployed(stage: str, region: str, options: StageOptions) -> str:
    return (
        f"stage {stage} is not deployed in {region}; run `imchat deploy{options.command_line}`, "
        "or check --stage and --region"
    )
