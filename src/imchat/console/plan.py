"""Prints a deployment plan: the resource changes of each stack, and the uploads."""

from __future__ import annotations

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
    "recreate": "recreate, because an earlier creation failed",
    "update": "update",
    "none": "unchanged",
}


def print_plan(plan: Plan, *, location: str, all_resources: bool, as_json: bool) -> None:
    """Print what a deployment would change. Without `all_resources`, the resources of a new stack are only counted."""
    if as_json:
        click.echo(base.to_json(plan.to_dict()))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(width=3, justify="right")
    table.add_row()
    table.add_row("", Text(plan.stage, "bold"), Text(f"{location}, version {plan.version}", "dim"))
    table.add_row()
    if plan.empty:
        table.add_row("", "", "No changes.")
    else:
        for stack in plan.stacks:
            _add_stack(table, stack, all_resources=all_resources)
        _add_uploads(table, plan)
    table.add_row()
    base.print_renderable(table)


def _add_stack(table: Table, stack: StackPlan, *, all_resources: bool) -> None:
    from rich.text import Text

    unchanged = stack.action == "none"
    summary = Text(_ACTIONS[stack.action], "dim" if unchanged else "")
    if stack.changes:
        summary.append(
            f", {'' if stack.exact else 'about '}{formatting.count(len(stack.changes), 'resource')}"
        )
    table.add_row("", Text(stack.kind, "dim" if unchanged else "bold"), summary)
    listed = all_resources or stack.action == "update"
    for change in stack.changes if listed else ():
        table.add_row(Text(*_SIGNS[change.change]), f"  {change.resource}", _describe(change))
    for parameter in stack.parameters if stack.action == "update" else ():
        after = parameter.after if parameter.after is not None else "(known after deploy)"
        row = Text(f"{parameter.before or '(none)'} → {after}", "dim")
        table.add_row(Text("~", "yellow"), f"  {parameter.name}", row)
    if listed and not unchanged:
        table.add_row()


def _describe(change: ResourceChange) -> Text:
    from rich.text import Text

    description = Text(formatting.resource_type(change.type), "dim")
    if change.change in {"replace", "may replace"}:
        description.append(f"  {'will' if change.change == 'replace' else 'may'} be replaced", "bold red")
    if change.properties:
        description.append(f"  {', '.join(change.properties)}", "not dim")
    if change.condition:
        description.append(f"  if {change.condition}")
    return description


def _add_uploads(table: Table, plan: Plan) -> None:
    from rich.text import Text

    parts = [
        f"{artifact.kind}{'' if artifact.size_bytes is None else ' ' + formatting.size(artifact.size_bytes)}"
        for artifact in plan.artifacts
        if artifact.upload
    ]
    files = plan.files
    if files.upload:
        parts.append(formatting.count(len(files.upload), "site file"))
    if files.config:
        parts.append("config.json")
    if files.remove:
        parts.append(f"{formatting.count(len(files.remove), 'old file')} removed")
    if parts:
        table.add_row("", Text("upload", "bold"), ", ".join(parts))
