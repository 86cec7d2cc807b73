"""The commands that look and change nothing: `imchat status`, `logs`, `open`, `doctor`, `completion`."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime

import click

from imchat.commands.options import Where, as_json, with_where
from imchat.console import base
from imchat.errors import ConfigError, NotFound

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHELLS = ("bash", "zsh", "fish")


def _since(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """A time ago, as 15m, 2h or 3d, or an ISO time, as epoch milliseconds."""
    ago = re.fullmatch(r"(\d{1,6})([smhd])", value)
    if ago:
        return _now_ms() - int(ago[1]) * _UNITS_S[ago[2]] * 1000
    try:
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    except ValueError:
        told = "say how long ago, as 15m, 2h or 3d, or a time, as 2026-01-31T08:00"
        raise click.BadParameter(told) from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@click.command()
@click.option("--drift", is_flag=True, help="Also look for what was changed by hand; takes a minute.")
@click.option("--outputs", is_flag=True, help="Also show every output of the stacks.")
@as_json
@with_where
def status(where: Where, *, drift: bool, outputs: bool, as_json: bool) -> None:
    """Show what is deployed: address, version, stacks.

    Example: imchat status --drift
    """
    from imchat.console import operate as console
    from imchat.deploy import read_status

    target = where.target()
    found = read_status(target, drift=drift)
    if not as_json and all(stack.status is None for stack in found.stacks):
        raise NotFound(_not_deployed(found.stage, found.region, where))
    console.status(found, outputs=outputs, as_json=as_json)


@click.command("open")
@with_where
def open_(where: Where) -> None:
    """Open the deployed site in your browser.

    Example: imchat open --stage test
    """
    from imchat.deploy import read_status

    target = where.target()
    url = read_status(target).url
    if url is None:
        raise NotFound(_not_deployed(target.config.stage, target.region, where))
    base.open_site(url)


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with each line as it comes, until Ctrl-C.")
@click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME",
    help="Only this function's: http, websocket, authorizer or fanout; can be given several times.",
)
@click.option("--request", metavar="ID", help="Only what mentions this request; errors show its id.")
@click.option(
    "--since",
    callback=_since,
    default="15m",
    show_default=True,
    metavar="TIME",
    help="From when on: 15m, 2h, 3d ago, or an ISO time.",
)
@as_json
@with_where
def logs(
    where: Where, *, follow: bool, functions: tuple[str, ...], request: str | None, since: int, as_json: bool
) -> None:
    """Show the functions' logs, oldest first.

    Example: imchat logs --follow --function http
    """
    from imchat.console import operate as console
    from imchat.deploy import follow_logs, log_groups, read_logs

    target = where.target()
    groups = log_groups(target)
    unknown = set(functions) - set(groups)
    if unknown:
        raise ConfigError(f"there is no function {min(unknown)}; there are {', '.join(sorted(groups))}")
    chosen = {name: group for name, group in groups.items() if not functions or name in functions}
    if follow:
        try:
            console.log_lines(
                follow_logs(target, chosen, since_ms=since, now_ms=_now_ms, containing=request),
                as_json=as_json,
            )
        except KeyboardInterrupt:
            return
    elif not console.log_lines(
        read_logs(target, chosen, since_ms=since, containing=request), as_json=as_json
    ):
        base.remark("No lines in that time; --since 1d looks further back.")


@click.command()
@as_json
@with_where
def doctor(where: Where, *, as_json: bool) -> None:
    """Find what would hamper a deployment, with the mend for each.

    Checks credentials, clock, half-finished stacks, quotas, certificate, mail and permissions. Changes
    nothing. Ends with status 1 if there is a problem.

    Example: imchat doctor --profile work
    """
    from imchat.console import operate as console
    from imchat.deploy import examine

    target = where.target()
    if console.findings(examine(target, now_ms=_now_ms), as_json=as_json):
        sys.exit(1)


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print what makes your shell complete imchat's commands.

    \b
    bash  add to ~/.bashrc:  eval "$(imchat completion bash)"
    zsh   add to ~/.zshrc:   eval "$(imchat completion zsh)"
    fish  imchat completion fish > ~/.config/fish/completions/imchat.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if made is not None:
        base.done(made(root, {}, "imchat", "_IMCHAT_COMPLETE").source())


def _not_deployed(stage: str, region: str, where: Where) -> str:
    return (
        f"stage {stage} is not deployed in {region}; `imchat deploy{where.typed}` does that, "
        "or see --stage and --region"
    )
