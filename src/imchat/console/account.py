"""How policies and an estimate are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from imchat.console import base
from imchat.errors import ConfigError

if TYPE_CHECKING:
    from imchat.deploy.iam.policy import Policy
    from imchat.deploy.operate.cost import Estimate, Row

_WIDE: Final = 100
"""Columns of a terminal that has room for the prices, too."""
_TINY: Final = 0.001
_SHORT: Final = {"million": "M", "GB-second": "GB-s"}


def policies(made: Sequence[Policy]) -> None:
    """Each policy's document by its name, as JSON."""
    click.echo(json.dumps({policy.name: policy.document for policy in made}, indent=2))


def write_policies(deployer: Sequence[Policy], boundary: Policy, folder: Path) -> None:
    """Write a file for each policy, and say what to do with them. Raises: ConfigError if the folder cannot be used."""
    for policy in [boundary, *deployer]:
        path = folder / f"{policy.name}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(policy.document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror}; choose another folder with --write"
            ) from None
        base.done(f"aws iam create-policy --policy-name {policy.name} --policy-document file://{path}")
    base.remark(
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
    from rich.text import Text

    usage = made.usage
    heading = (
        f"{usage.users:,} people, {usage.messages_per_user_day:g} messages each a day, conversations of "
        f"{usage.group_size:,}, {usage.hours_online:g} hours online"
    )
    base.show(Text(f"\n {heading}\n", "bold"))
    priced = base.console().width >= _WIDE
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column(width=0)
    table.add_column("", no_wrap=True, style="dim")
    table.add_column("", overflow="fold")
    for title in ("a month", *(["each"] if priced else []), "$ list", "$ beyond free"):
        table.add_column(title, justify="right", no_wrap=True, header_style="dim")
    for service, meters in groupby(made.rows, key=lambda row: row.service):
        for number, row in enumerate(meters):
            table.add_row("", "" if number else service, *_cells(row, priced=priced))
    table.add_row()
    total, beyond = Text(_dollars(made.total), "bold"), Text(_dollars(made.total_after_free), "bold green")
    table.add_row("", Text("Together", "bold not dim"), *[""] * (3 if priced else 2), total, beyond)
    base.show(table)
    base.remark(f"\n{_about_prices(made, region)}\n")


def _cells(row: Row, *, priced: bool) -> list[str]:
    each = f"${row.price:.2f}" if row.price == round(row.price, 2) else f"${row.price:.3g}"
    if row.price < _TINY:
        each = f"${row.price:.7f}"
    quantity = f"{_number(row.quantity)} {_SHORT.get(row.unit, row.unit)}"
    beyond = _dollars(row.cost_after_free) if row.cost_after_free else "free"
    return [row.what, quantity, *([each] if priced else []), _dollars(row.cost), beyond]


def _about_prices(made: Estimate, region: str) -> str:
    lines = [f"List prices of {made.as_of} in US dollars, from AWS's pricing pages."]
    if made.prices_of != region:
        lines.append(f"They are of {made.prices_of}: {region}'s are not known here.")
    lines.append("What is free is free once an account. Attachments, mail and tax are not in it.")
    return "\n".join(f" {line}" for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"
