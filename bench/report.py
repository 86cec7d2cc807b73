"""Prints the results as a table, or returns them as JSON."""

from __future__ import annotations

import platform
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table


class Figure(NamedTuple):
    """The label of a figure, and its target value."""

    label: str
    target: str = ""


FIGURES: Final = {
    "messages": Figure("durable 1:1 messages a second", "≥ 3,200, then 10,000"),
    "server µs": Figure("  processor time of the server for one, µs"),
    "messages: client": Figure("  the client's core, busy", "< 0.9"),
    "latency p50": Figure("send → received, p50, ms", "≤ 2, then 1.0"),
    "latency p99": Figure("send → received, p99, ms", "≤ 2.4"),
    "room of 10": Figure("room of 10: deliveries a second", "≥ 22,000"),
    "room of 10: client": Figure("  the client's core, busy", "< 0.9"),
    "room of 100": Figure("room of 100: deliveries a second", "≥ 50,000"),
    "room of 100: client": Figure("  the client's core, busy", "< 0.9"),
    "history": Figure("newest 50 of 100,000 events, p50, ms", "≤ 1, then 0.4"),
    "start": Figure("spawn → first sign-in, s", "≤ 0.8"),
    "first start": Figure("  in a new folder, with the sign-up, s"),
    "idle RSS": Figure("idle, RSS, MB", "≤ 60"),
    "idle PSS": Figure("  PSS, MB"),
    "1,000 connections": Figure("1,000 connections, MB", "≤ 15"),
    "message": Figure("one message, thousands of instructions, without sockets"),
    "import": Figure("importing the runtime, millions of instructions"),
}


def as_json(ours: Mapping[str, float], floor: Mapping[str, float], *, pinned: bool) -> dict[str, Any]:
    """Return the machine's description and all figures by name, ready for JSON."""
    return {
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "processor": _processor(),
        "a_core_each": pinned,
        "imchat": {name: float(f"{value:.4g}") for name, value in ours.items()},
        "floor": {name: float(f"{value:.4g}") for name, value in floor.items()},
    }


def print_table(ours: Mapping[str, float], floor: Mapping[str, float], *, pinned: bool) -> None:
    """Print the results as a table."""
    cores = "server and client have a core each" if pinned else "server and client share the cores"
    table = Table(title=f"imchat local; {cores}", title_justify="left")
    table.add_column("what")
    for name in ("imchat", "floor", "imchat / floor", "target"):
        table.add_column(name, justify="right")
    for name, figure in FIGURES.items():
        if name in ours:
            ratio = f"{ours[name] / floor[name]:.2f}" if floor.get(name) else ""
            table.add_row(figure.label, _format(ours[name]), _format(floor.get(name)), ratio, figure.target)
    Console().print(table)


def _format(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    return platform.machine()
