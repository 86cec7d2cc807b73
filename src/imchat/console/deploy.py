"""Prints deployments and teardowns: live in a terminal, as plain lines without one, or as JSON."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Protocol

import click

from imchat.console import base, formatting
from imchat.console.hints import with_typed_options

if TYPE_CHECKING:
    from imchat.deploy.execute import Deployment
    from imchat.deploy.plan import Plan
    from imchat.deploy.progress import Event
    from imchat.deploy.teardown import TornDown

_ACTIONS: Final = {"create": "creating", "update": "updating", "delete": "deleting"}
INTERRUPTED: Final = 130
"""The exit status after Ctrl-C."""


class ProgressView(Protocol):
    """Shows the progress of a deployment or teardown."""

    def planned(self, plan: Plan) -> None:
        """Show the planned steps, before they start."""

    def event(self, event: Event) -> None:
        """Show one event."""

    def stop(self) -> None:
        """Stop updating the screen, at the end or before a question; the output stays."""


class PlainView:
    """Prints one plain line per event, for logs and pipes."""

    def planned(self, plan: Plan) -> None:
        """Print nothing: the plan was already printed."""

    def event(self, event: Event) -> None:
        """Print the line of an event, if it has one."""
        line = format_event(event)
        if line is not None:
            click.echo(line)

    def stop(self) -> None:
        """Do nothing: every line is printed at once."""


class JsonView(PlainView):
    """Prints each event as one line of JSON; `event` is its name."""

    def event(self, event: Event) -> None:
        """Print an event."""
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
        print_json_line(name, asdict(event))


@contextlib.contextmanager
def live_output(activity: str, *, as_json: bool) -> Iterator[ProgressView]:
    """Show progress during the block. Ctrl-C prints how to continue and exits with status 130."""
    view = _create_view(activity, as_json=as_json)
    hints: list[str] = []

    class HintCollector:
        planned = view.planned
        stop = view.stop

        def event(self, event: Event) -> None:
            if hint := getattr(event, "hint", None):
                hints.append(hint)
            view.event(event)

    try:
        yield HintCollector()
    except KeyboardInterrupt:
        view.stop()
        if not as_json:
            hint = with_typed_options(hints[-1] if hints else "run the same command again to continue")
            click.echo(f"{click.style('Interrupted.', bold=True)} {hint[0].upper()}{hint[1:]}", err=True)
        sys.exit(INTERRUPTED)
    finally:
        view.stop()


def _create_view(activity: str, *, as_json: bool) -> ProgressView:
    if as_json:
        return JsonView()
    if not sys.stdout.isatty():
        return PlainView()
    from imchat.console.live import LiveView

    return LiveView(activity)


def confirm_data_deletion(stage: str, region: str) -> None:
    """Continue only if the user types the stage's name; otherwise exit with status 1."""
    click.echo(f"This deletes every account, message and file of {stage} in {region}. It cannot be undone.")
    typed = click.prompt(f"Type {click.style(stage, bold=True)} to confirm", default="", show_default=False)
    if typed != stage:
        click.echo("The name does not match; nothing was deleted.", err=True)
        raise click.Abort


def print_json_line(event: str, values: dict[str, Any]) -> None:
    """Print one line of JSON."""
    click.echo(base.to_json({"event": event, **values}, indent=None))


def format_event(event: Event) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one line per case, read as a list
    """Return the line to print for an event, or None for no line."""
    from imchat.deploy import progress

    match event:
        case progress.StackStarted(stack, action):
            return f"{formatting.stack_kind(stack)}: {_ACTIONS[action]}"
        case progress.StackBusy(stack, status):
            return (
                f"{formatting.stack_kind(stack)}: waiting for another operation "
                f"({formatting.stack_status(status)})"
            )
        case progress.ResourceProgress(stack, resource, _, status, reason):
            if status.endswith("_IN_PROGRESS") or resource == stack:
                return None
            why = f": {reason}" if reason and status.endswith("FAILED") else ""
            return f"{formatting.stack_kind(stack)}: {resource} {formatting.stack_status(status)}{why}"
        case progress.StackFinished(stack, changed):
            return f"{formatting.stack_kind(stack)}: {'done' if changed else 'unchanged'}"
        case progress.ArtifactUploaded(kind, _, size_bytes, uploaded):
            return f"{kind}: {'uploaded, ' + formatting.size(size_bytes) if uploaded else 'already uploaded'}"
        case progress.FileUploaded(path, size_bytes, number, of):
            return f"site: {path} uploaded, {formatting.size(size_bytes)} ({number} of {of})"
        case progress.FileRemoved(path):
            return f"site: {path} removed"
        case progress.ConfigWritten():
            return "site: config.json written"
        case progress.Invalidated(paths):
            return f"site: CloudFront cache invalidated for {', '.join(paths)}"
        case progress.SmokeTested(url, status):
            return f"{url} returned status {status}" if status else f"{url} does not respond yet"
        case progress.BucketEmptied(bucket, objects):
            return f"{bucket}: {formatting.count(objects, 'object')} deleted"
        case progress.ResourceDeleted(kind, resource):
            return f"{formatting.resource_type(kind)} {resource} deleted"
        case _:
            return None


def print_deployment(deployment: Deployment, *, options: str, as_json: bool) -> None:
    """Print the URL of a deployed stage and the next steps. `options` select the stage in suggested commands."""
    if as_json:
        result = {"url": deployment.url, "changed": deployment.changed, "version": deployment.plan.version}
        print_json_line("result", result)
        return
    stage = deployment.plan.stage
    if not deployment.changed:
        base.print_panel(f"{stage} is up to date", [("Open", deployment.url)])
        return
    base.print_panel(
        f"{stage} is deployed",
        [
            ("Open", deployment.url),
            ("First", f"imchat user create you@example.com --admin{options}"),
            ("Then", f"imchat status{options}"),
            ("", f"imchat logs --follow{options}"),
        ],
    )


def print_teardown(stage: str, result: TornDown, *, as_json: bool) -> None:
    """Print what a teardown deleted, kept and could not delete."""
    if as_json:
        print_json_line("result", asdict(result))
        return
    lines = [("Deleted", stack) for stack in result.stacks]
    lines += [("Kept", kept) for kept in result.kept]
    lines += [("Remaining", remaining) for remaining in result.remaining]
    if result.kept:
        lines.append(("Restore", "imchat deploy uses the kept accounts and messages again"))
    if lines:
        base.print_panel(f"{stage} is torn down", lines)
    else:
        base.success(f"Nothing to tear down: {stage} is not deployed.")
