"""How a plan is printed: what each stack would make, change, replace and remove, and what is uploaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from imchat.console import base, formatting

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from imchat.deploy.plan import Plan, ResourceChange, StackPlan

_SIGNS: Final = {
    "add": ("+", "green"),
    "modify": ("~", "yellow"),
    "replace": ("±", "bold red"),
    "may replace": ("±", "yellow"),
    "remove": ("-", "bold red"),
}
_ACTIONS: Final = {
    "create": "create",
    "recreate": "create anew, since an earlier creation failed",
    "update": "update",
    "none": "unchanged",
}


def plan(planned: Plan, *, where: str, everything: bool, as_json: bool) -> None:
    """What a deployment would do. Without `everything` the resources of a stack that is to be made are only counted."""
    if as_json:
        click.echo(json.dumps(planned.to_dict(), indent=2, ensure_ascii=False))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(width=3, justify="right")
    table.add_row()
    table.add_row("", Text(planned.stage, "bold"), Text(f"{where}, version {planned.version}", "dim"))
    table.add_row()
    if planned.empty:
        table.add_row("", "", "Nothing would change.")
    else:
        for stack in planned.stacks:
            _stack(table, stack, everything=everything)
        _uploads(table, planned)
    table.add_row()
    base.show(table)


def _stack(table: Table, stack: StackPlan, *, everything: bool) -> None:
    from rich.text import Text

    unchanged = stack.action == "none"
    words = Text(_ACTIONS[stack.action], "dim" if unchanged else "")
    if stack.changes:
        words.append(f", {'' if stack.exact else 'about '}{formatting.count(len(stack.changes), 'resource')}")
    table.add_row("", Text(stack.kind, "dim" if unchanged else "bold"), words)
    listed = everything or stack.action == "update"
    for change in stack.changes if listed else ():
        table.add_row(Text(*_SIGNS[change.change]), f"  {change.resource}", _what(change))
    for parameter in stack.parameters if stack.action == "update" else ():
        after = parameter.after if parameter.after is not None else "known later"
        row = Text(f"{parameter.before or 'nothing'} → {after}", "dim")
        table.add_row(Text("~", "yellow"), f"  {parameter.name}", row)
    if listed and not unchanged:
        table.add_row()


def _what(change: ResourceChange) -> Text:
    from rich.text import Text

    words = Text(formatting.kind(change.type), "dim")
    if change.change in {"replace", "may replace"}:
        words.append(f"  {'is' if change.change == 'replace' else 'may be'} replaced", "bold red")
    if change.properties:
        words.append(f"  {', '.join(change.properties)}", "not dim")
    if change.condition:
        words.append(f"  if {change.condition}")
    return words


def _uploads(table: Table, planned: Plan) -> None:
    from rich.text import Text

    parts = [
        f"{one.kind}{'' if one.size_bytes is None else ' ' + formatting.size(one.size_bytes)}"
        for one in planned.artifacts
        if one.upload
    ]
    files = planned.files
    if files.upload:
        parts.append(formatting.count(len(files.upload), "file") + " of the site")
    if files.config:
        parts.append("config.json")
    if files.remove:
        parts.append(f"{formatting.count(len(files.remove), 'old file')} removed")
    if parts:
        table.add_row("", Text("upload", "bold"), ", ".join(parts))
