"""How a deployment or teardown is shown: live in a terminal, line by line without one, as JSON for programs."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from imchat.console import base, formatting

if TYPE_CHECKING:
    from imchat.deploy.execute import Deployment
    from imchat.deploy.plan import Plan
    from imchat.deploy.progress import Event
    from imchat.deploy.teardown import TornDown

_STARTS: Final = {"create": "creating", "update": "updating", "delete": "deleting"}
INTERRUPTED: Final = 130
"""The exit status after Ctrl-C."""


class Show(Protocol):
    """Somewhere to show what happens."""

    def planned(self, plan: Plan) -> None:
        """What is going to be done, before it is done."""

    def event(self, event: Event) -> None:
        """One thing that happened."""

    def stop(self) -> None:
        """Nothing more comes, or a question is to be asked; what was shown stays."""


class Lines:
    """One plain line for each thing done: for logs and pipes."""

    def planned(self, plan: Plan) -> None:
        """Nothing: the plan itself is printed before."""

    def event(self, event: Event) -> None:
        """Print the line that stands for the event, if any."""
        line = line_of(event)
        if line is not None:
            click.echo(line)

    def stop(self) -> None:
        """Nothing is held back."""


class JsonLines(Lines):
    """Each event as one line of JSON; `event` holds its name."""

    def event(self, event: Event) -> None:
        """Print the event."""
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
        json_line(name, asdict(event))


@contextlib.contextmanager
def showing(doing: str, *, as_json: bool) -> Iterator[Show]:
    """Show what happens while the block runs. Ctrl-C ends the command with status 130 and a word on how to go on."""
    show = _show(doing, as_json=as_json)
    interrupted: list[str] = []

    class Listening:
        planned = show.planned
        stop = show.stop

        def event(self, event: Event) -> None:
            if hint := getattr(event, "hint", None):
                interrupted.append(hint)
            show.event(event)

    try:
        yield Listening()
    except KeyboardInterrupt:
        show.stop()
        if not as_json:
            hint = interrupted[-1] if interrupted else "run the same command again: it goes on from here"
            click.echo(f"{click.style('Stopped.', bold=True)} {hint[0].upper()}{hint[1:]}", err=True)
        sys.exit(INTERRUPTED)
    finally:
        show.stop()


def _show(doing: str, *, as_json: bool) -> Show:
    if as_json:
        return JsonLines()
    if not sys.stdout.isatty():
        return Lines()
    from imchat.console.live import Live

    return Live(doing)


def ask_for_deletion(stage: str, region: str) -> None:
    """Go on only if the stage's name is typed; otherwise the command ends with status 1."""
    click.echo(f"This deletes every account, message and file of {stage} in {region}. It cannot be undone.")
    typed = click.prompt(
        f"Type {click.style(stage, bold=True)} to delete it all", default="", show_default=False
    )
    if typed != stage:
        click.echo("That is not its name: nothing was deleted.", err=True)
        raise click.Abort


def json_line(event: str, values: dict[str, Any]) -> None:
    """One line of JSON on standard output."""
    click.echo(json.dumps({"event": event, **values}, ensure_ascii=False))


def line_of(event: Event) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one line a case, read as a list
    """What is printed for an event where there is no terminal; None: nothing."""
    from imchat.deploy import progress

    match event:
        case progress.StackStarted(stack, action):
            return f"{formatting.stack(stack)}: {_STARTS[action]}"
        case progress.StackBusy(stack, status):
            return (
                f"{formatting.stack(stack)}: waiting, somebody is changing it ({formatting.status(status)})"
            )
        case progress.ResourceProgress(stack, resource, _, status, reason):
            if status.endswith("_IN_PROGRESS") or resource == stack:
                return None
            why = f": {reason}" if reason and status.endswith("FAILED") else ""
            return f"{formatting.stack(stack)}: {resource} {formatting.status(status)}{why}"
        case progress.StackFinished(stack, changed):
            return f"{formatting.stack(stack)}: {'done' if changed else 'unchanged'}"
        case progress.ArtifactUploaded(kind, _, size_bytes, uploaded):
            return f"{kind}: {'uploaded, ' + formatting.size(size_bytes) if uploaded else 'there already'}"
        case progress.FileUploaded(path, size_bytes, number, of):
            return f"site: {path} uploaded, {formatting.size(size_bytes)} ({number} of {of})"
        case progress.FileRemoved(path):
            return f"site: {path} removed"
        case progress.ConfigWritten():
            return "site: config.json written"
        case progress.Invalidated(paths):
            return f"site: CloudFront fetches {', '.join(paths)} anew"
        case progress.SmokeTested(url, status):
            return f"{url} answers {status}" if status else f"{url} does not answer yet"
        case progress.BucketEmptied(bucket, objects):
            return f"{bucket}: {formatting.count(objects, 'object')} deleted"
        case progress.ResourceDeleted(kind, resource):
            return f"{formatting.kind(kind)} {resource} deleted"
        case _:
            return None


def deployed(deployment: Deployment, *, options: str, as_json: bool) -> None:
    """The end of a deployment: the address, and what to do next. `options` lead other commands to this stage."""
    if as_json:
        result = {"url": deployment.url, "changed": deployment.changed, "version": deployment.plan.version}
        json_line("result", result)
        return
    stage = deployment.plan.stage
    if not deployment.changed:
        base.panel(f"{stage} is up to date", [("Open", deployment.url)])
        return
    base.panel(
        f"{stage} is deployed",
        [
            ("Open", deployment.url),
            ("First", f"imchat user create you@example.com --admin{options}"),
            ("Then", f"imchat status{options}"),
            ("", f"imchat logs --follow{options}"),
        ],
    )


def torn_down(stage: str, result: TornDown, *, as_json: bool) -> None:
    """The end of a teardown: what is gone, what was kept, what could not be removed."""
    if as_json:
        json_line("result", asdict(result))
        return
    lines = [("Gone", stack) for stack in result.stacks]
    lines += [("Kept", kept) for kept in result.kept]
    lines += [("Remains", remaining) for remaining in result.remaining]
    if result.kept:
        lines.append(("Again", "imchat deploy: it finds what was kept, with all accounts and messages"))
    if lines:
        base.panel(f"{stage} is taken down", lines)
    else:
        base.done(f"There is nothing of {stage} to take down.")
