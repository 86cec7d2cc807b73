"""How policies and an estimate are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imchat import ui

if TYPE_CHECKING:
    from imchat.deploy.cost import Estimate, Row
    from imchat.deploy.policy import Policy


def policies(made: Sequence[Policy]) -> None:
    """Each policy's document by its name, as JSON."""
    click.echo(json.dumps({policy.name: policy.document for policy in made}, indent=2))


def write_policies(deployer: Sequence[Policy], boundary: Policy, folder: Path) -> None:
    """Write a file for each policy, and say what to do with them."""
    folder.mkdir(parents=True, exist_ok=True)
    for policy in [boundary, *deployer]:
        path = folder / f"{policy.name}.json"
        path.write_text(json.dumps(policy.document, indent=2) + "\n", encoding="utf-8")
        ui.done(f"aws iam create-policy --policy-name {policy.name} --policy-document file://{path}")
    ui.remark(
        f"Attach {' and '.join(policy.name for policy in deployer)} to whoever deploys, and put "
        f'permissions_boundary_arn = "{boundary.arn}" into imchat.toml.'
    )


def estimated(made: Estimate, *, region: str, as_json: bool) -> None:
    """A month's cost, each meter a row."""
    if as_json:
        rows = [
            asdict(row) | {"cost": round(row.cost, 4), "cost_after_free": round(row.cost_after_free, 4)}
            for row in made.rows
        ]
        totals = {"total": round(made.total, 2), "total_after_free": round(made.total_after_free, 2)}
        click.echo(json.dumps(asdict(made) | {"rows": rows} | totals, indent=2))
        return
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for title in ("", "", "a month", "", "$ list", "$ beyond free"):
        table.add_column(title, justify="left" if not title else "right", header_style="dim")
    service = ""
    for row in made.rows:
        table.add_row(row.service if row.service != service else "", *_cells(row))
        service = row.service
    table.add_section()
    table.add_row("Together", "", "", "", _dollars(made.total), _dollars(made.total_after_free), style="bold")
    ui.show(table)
    other = (
        "" if made.prices_of == region else f" They are of {made.prices_of}: {region}'s are not known here."
    )
    ui.remark(
        f"List prices of {made.as_of} in US dollars, from AWS's pricing pages.{other} "
        "What is free is free once an account. Attachments, mail and tax are not in it."
    )


def _cells(row: Row) -> tuple[str, ...]:
    digits = 0 if row.quantity >= 100 or row.quantity == int(row.quantity) else 2  # noqa: PLR2004 - as people read
    return (
        row.what,
        f"{row.quantity:,.{digits}f}",
        row.unit,
        _dollars(row.cost),
        _dollars(row.cost_after_free),
    )


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"
