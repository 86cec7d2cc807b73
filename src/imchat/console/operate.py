"""Prints the state of a stage: status, doctor findings, log lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from imchat.console import base, formatting, hints

if TYPE_CHECKING:
    from rich.text import Text

    from imchat.deploy.operate.doctor import Finding
    from imchat.deploy.operate.logs import LogLine
    from imchat.deploy.operate.status import StackStatus, Status

_OUTCOMES: Final = {
    "good": ("✓", "green"),
    "note": ("!", "yellow"),
    "problem": ("✗", "red"),
    "unknown": ("?", "dim"),
}
_LEVELS: Final = {
    "ERROR": "red",
    "CRITICAL": "bold red",
    "FATAL": "bold red",
    "WARNING": "yellow",
    "WARN": "yellow",
}
_FUNCTION_COLOURS: Final = ("cyan", "magenta", "green", "blue")


def print_status(status: Status, *, outputs: bool, as_json: bool) -> None:
    """Print the URL, version and stacks of a stage."""
    if as_json:
        click.echo(base.to_json(asdict(status)))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(width=3, justify="right")
    table.add_row()
    table.add_row("", Text(status.stage, "bold"), Text(status.region, "dim"))
    table.add_row()
    if status.url:
        table.add_row("", Text("url", "dim"), Text(status.url, f"link {status.url}"))
    table.add_row("", Text("version", "dim"), status.version or Text("not fully deployed", "yellow"))
    table.add_row()
    for stack in status.stacks:
        icon, summary = _format_stack(stack)
        table.add_row(icon, stack.kind, summary)
        if stack.drifted is not None:
            changed = ", ".join(stack.drifted)
            drift = Text(f"changed by hand: {changed}", "yellow") if changed else Text("no drift", "dim")
            table.add_row("", "", drift)
        if outputs:
            for name, value in sorted(stack.outputs.items()):
                table.add_row("", "", Text.assemble((f"{name}  ", "dim"), value))
    table.add_row()
    base.print_renderable(table)


def _format_stack(stack: StackStatus) -> tuple[Text, Text]:
    from rich.text import Text

    if stack.status is None:
        return Text("·", "dim"), Text("not deployed", "dim")
    broken = stack.status.endswith("FAILED") or stack.status == "ROLLBACK_COMPLETE"
    style = "red" if broken else "yellow" if stack.status.endswith("IN_PROGRESS") else "green"
    summary = Text(formatting.stack_status(stack.status))
    if stack.updated_ms is not None:
        summary.append(f"  {_time(stack.updated_ms):%Y-%m-%d %H:%M} UTC", "dim")
    if broken and stack.reason:
        summary.append(f"  {stack.reason}", "red")
    return Text({"red": "✗", "yellow": "!", "green": "✓"}[style], style), summary


def print_findings(findings: Iterable[Finding], *, as_json: bool) -> bool:
    """Print each finding as it arrives. Returns whether there is a problem."""
    problems = 0
    if as_json:
        listed = [asdict(finding) for finding in findings]
        click.echo(base.to_json(listed))
        return any(finding["outcome"] == "problem" for finding in listed)
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    click.echo()
    spaced = False
    for finding in findings:
        problems += finding.outcome == "problem"
        spaced = bool(finding.fix)
        row = Table.grid(padding=(0, 1))
        row.add_column(width=3, justify="right")
        row.add_column(width=12)
        row.add_column(overflow="fold")
        summary = Text(finding.what, "dim" if finding.outcome == "good" else "")
        row.add_row(Text(*_OUTCOMES[finding.outcome]), finding.about, summary)
        if finding.fix:
            row.add_row("", "", Text(f"→ {hints.with_typed_options(finding.fix)}", "cyan"))
        base.print_renderable(Padding(row, (0, 0, 1 if spaced else 0, 0)))
    if not spaced:
        click.echo()
    conclusion = (
        f"{formatting.count(problems, 'problem')} to fix before deploying."
        if problems
        else "No problems found."
    )
    base.print_renderable(Text(f"  {conclusion}", "bold red" if problems else "bold green"))
    return problems > 0


def print_log_lines(lines: Iterable[LogLine], *, as_json: bool) -> int:
    """Print each line as it arrives. Returns the number of lines."""
    from rich.text import Text

    console = None if as_json else base.get_console()
    colours: dict[str, str] = {}
    printed = 0
    for line in lines:
        printed += 1
        if console is None:
            click.echo(base.to_json(asdict(line), indent=None))
            sys.stdout.flush()
            continue
        colour = colours.setdefault(line.function, _FUNCTION_COLOURS[len(colours) % len(_FUNCTION_COLOURS)])
        level = _LEVELS.get(line.level.upper(), "")
        text = Text.assemble(
            (f"{_time(line.at_ms):%m-%d %H:%M:%S}  ", "dim"),
            (f"{line.function:<10}  ", colour),
            (f"{line.level} " if level else "", level),
            (line.message, "dim" if line.system else ""),
        )
        if line.request_id:
            text.append(f"  {line.request_id}", "dim")
        console.print(text, soft_wrap=True)
        if line.details:
            console.print(Text(line.details, "dim"), soft_wrap=True)
    return printed


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
