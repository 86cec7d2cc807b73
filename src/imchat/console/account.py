"""Prints IAM policies and cost estimates."""

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
    from imchat.deploy.operate.cost import CostRow, Estimate

_MIN_WIDTH_FOR_PRICES: Final = 100
"""Terminals with at least this many columns show the unit prices, too."""
_TINY_PRICE: Final = 0.001
_SHORT_UNITS: Final = {"million": "M", "GB-second": "GB-s"}


def print_policies(policies: Sequence[Policy]) -> None:
    """Print the policy documents by name, as JSON."""
    click.echo(json.dumps({policy.name: policy.document for policy in policies}, indent=2))


def write_policies(deployer: Sequence[Policy], boundary: Policy, directory: Path) -> None:
    """Write one file per policy and print the next steps. Raises: ConfigError if the directory cannot be written."""
    for policy in [boundary, *deployer]:
        path = directory / f"{policy.name}.json"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(policy.document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be written: {error.strerror}; choose another directory with --write"
            ) from None
        base.success(f"aws iam create-policy --policy-name {policy.name} --policy-document file://{path}")
    base.info(
        f"Attach {' and '.join(policy.name for policy in deployer)} to the deployer's user or role, and add "
        f'permissions_boundary_arn = "{boundary.arn}" to imchat.toml.'
    )


def print_estimate(estimate: Estimate, *, region: str, as_json: bool) -> None:
    """Print the monthly cost, one row per charge."""
    if as_json:
        rows = [
            asdict(row) | {"cost": round(row.cost, 4), "cost_after_free": round(row.cost_after_free, 4)}
            for row in estimate.rows
        ]
        totals = {
            "total": round(estimate.total, 2),
            "total_after_free": round(estimate.total_after_free, 2),
        }
        click.echo(json.dumps(asdict(estimate) | {"rows": rows} | totals, indent=2))
        return
    from rich.table import Table
    from rich.text import Text

    usage = estimate.usage
    heading = (
        f"{usage.users:,} users, {usage.messages_per_user_day:g} messages per user per day, conversations of "
        f"{usage.group_size:,}, {usage.hours_online:g} hours online per day"
    )
    base.print_renderable(Text(f"\n {heading}\n", "bold"))
    show_prices = base.get_console().width >= _MIN_WIDTH_FOR_PRICES
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column(width=0)
    table.add_column("", no_wrap=True, style="dim")
    table.add_column("", overflow="fold")
    for title in ("per month", *(["unit price"] if show_prices else []), "$ list", "$ after free tier"):
        table.add_column(title, justify="right", no_wrap=True, header_style="dim")
    for service, rows_of_service in groupby(estimate.rows, key=lambda row: row.service):
        for number, row in enumerate(rows_of_service):
            table.add_row("", "" if number else service, *_cells(row, show_price=show_prices))
    table.add_row()
    total = Text(_dollars(estimate.total), "bold")
    after_free = Text(_dollars(estimate.total_after_free), "bold green")
    table.add_row("", Text("Total", "bold not dim"), *[""] * (3 if show_prices else 2), total, after_free)
    base.print_renderable(table)
    base.info(f"\n{_price_notes(estimate, region)}\n")


def _cells(row: CostRow, *, show_price: bool) -> list[str]:
    price = f"${row.price:.2f}" if row.price == round(row.price, 2) else f"${row.price:.3g}"
    if row.price < _TINY_PRICE:
        price = f"${row.price:.7f}"
    quantity = f"{_number(row.quantity)} {_SHORT_UNITS.get(row.unit, row.unit)}"
    after_free = _dollars(row.cost_after_free) if row.cost_after_free else "free"
    return [row.what, quantity, *([price] if show_price else []), _dollars(row.cost), after_free]


def _price_notes(estimate: Estimate, region: str) -> str:
    lines = [f"List prices of {estimate.as_of} in US dollars, from AWS's pricing pages."]
    if estimate.prices_of != region:
        lines.append(f"Prices are for {estimate.prices_of}: imchat has no prices for {region}.")
    lines.append("The free tier applies once per account. Attachments, mail and tax are not included.")
    return "\n".join(f" {line}" for line in lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"
