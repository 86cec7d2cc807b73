"""How the state of a stage is printed: status, findings, log lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from imchat.console import base, formatting

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
_COLUMNS: Final = ("cyan", "magenta", "green", "blue")


def status(found: Status, *, outputs: bool, as_json: bool) -> None:
    """What is deployed."""
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(width=3, justify="right")
    table.add_row()
    table.add_row("", Text(found.stage, "bold"), Text(found.region, "dim"))
    table.add_row()
    if found.url:
        table.add_row("", Text("url", "dim"), Text(found.url, f"link {found.url}"))
    table.add_row("", Text("version", "dim"), found.version or Text("not deployed whole", "yellow"))
    table.add_row()
    for stack in found.stacks:
        icon, words = _stack(stack)
        table.add_row(icon, stack.kind, words)
        if stack.drifted is not None:
            changed = ", ".join(stack.drifted)
            drift = Text(f"changed by hand: {changed}", "yellow") if changed else Text("as deployed", "dim")
            table.add_row("", "", drift)
        if outputs:
            for name, value in sorted(stack.outputs.items()):
                table.add_row("", "", Text.assemble((f"{name}  ", "dim"), value))
    table.add_row()
    base.show(table)


def _stack(stack: StackStatus) -> tuple[Text, Text]:
    from rich.text import Text

    if stack.status is None:
        return Text("·", "dim"), Text("not there", "dim")
    broken = stack.status.endswith("FAILED") or stack.status == "ROLLBACK_COMPLETE"
    style = "red" if broken else "yellow" if stack.status.endswith("IN_PROGRESS") else "green"
    words = Text(formatting.status(stack.status))
    if stack.updated_ms is not None:
        words.append(f"  {_time(stack.updated_ms):%Y-%m-%d %H:%M} UTC", "dim")
    if broken and stack.reason:
        words.append(f"  {stack.reason}", "red")
    return Text({"red": "✗", "yellow": "!", "green": "✓"}[style], style), words


def findings(found: Iterable[Finding], *, as_json: bool) -> bool:
    """Print each finding as it comes. Returns whether there is a problem among them."""
    problems = 0
    if as_json:
        listed = [asdict(finding) for finding in found]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return any(one["outcome"] == "problem" for one in listed)
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    click.echo()
    spaced = False
    for finding in found:
        problems += finding.outcome == "problem"
        spaced = bool(finding.mend)
        row = Table.grid(padding=(0, 1))
        row.add_column(width=3, justify="right")
        row.add_column(width=12)
        row.add_column(overflow="fold")
        words = Text(finding.what, "dim" if finding.outcome == "good" else "")
        row.add_row(Text(*_OUTCOMES[finding.outcome]), finding.about, words)
        if finding.mend:
            row.add_row("", "", Text(f"→ {finding.mend}", "cyan"))
        base.show(Padding(row, (0, 0, 1 if spaced else 0, 0)))
    if not spaced:
        click.echo()
    end = (
        f"{formatting.count(problems, 'problem')} to mend before a deployment."
        if problems
        else "Nothing stands in the way."
    )
    base.show(Text(f"  {end}", "bold red" if problems else "bold green"))
    return problems > 0


def log_lines(lines: Iterable[LogLine], *, as_json: bool) -> int:
    """Print each line as it comes; returns how many."""
    from rich.text import Text

    console = None if as_json else base.console()
    colours: dict[str, str] = {}
    printed = 0
    for line in lines:
        printed += 1
        if console is None:
            click.echo(json.dumps(asdict(line), ensure_ascii=False))
            sys.stdout.flush()
            continue
        colour = colours.setdefault(line.function, _COLUMNS[len(colours) % len(_COLUMNS)])
        level = _LEVELS.get(line.level.upper(), "")
        words = Text.assemble(
            (f"{_time(line.at_ms):%m-%d %H:%M:%S}  ", "dim"),
            (f"{line.function:<10}  ", colour),
            (f"{line.level} " if level else "", level),
            (line.message, "dim" if line.system else ""),
        )
        if line.request_id:
            words.append(f"  {line.request_id}", "dim")
        console.print(words, soft_wrap=True)
        if line.details:
            console.print(Text(line.details, "dim"), soft_wrap=True)
    return printed


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
