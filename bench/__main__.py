"""`python -m bench [PART ...]`: start the servers, measure, report."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
import uvloop
from tests.support.browser_harness import Server

from bench import cost, load, report
from bench.load import Figures
from bench.procfs import Clock, share_cores
from bench.scenario import Room, Stage
from bench.servers import FLOOR, IMCHAT, Target

Measure: TypeAlias = Callable[[Stage, Clock, float], Coroutine[Any, Any, Figures]]

RUNTIME: Final = "imchat.local.run"
LONG_LOG: Final = 100_000


@dataclass(frozen=True, slots=True)
class Run:
    """One server to measure, for `seconds` a part, in a new folder each time."""

    target: Target
    folder: Path
    cores: set[int] | None
    seconds: float

    def measure(self, measure: Measure, people: int) -> Figures:
        """What `measure` finds at a fresh server with so many people."""
        with self._server() as server:
            stage = Stage(server.port, self.target.people(server.url, people))
            clock = Clock(server.process.pid)
            return uvloop.run(measure(stage, clock, self.seconds))

    def history(self) -> Figures:
        """Reading from a log that was filled while the server was down."""

        async def make() -> Room:
            return await stage.pair(0)

        with self._server() as server:
            stage = Stage(server.port, self.target.people(server.url, 2))
            room = uvloop.run(make())
        self.target.fill(self.folder, room, LONG_LOG)
        with self._server(port=server.port) as server:
            return uvloop.run(load.history(stage, room, self.seconds))

    def start(self) -> Figures:
        """Starting."""
        return cost.start(self.target, self.folder, self.cores)

    def instructions(self) -> Figures:
        """Importing; the floor has nothing to compare."""
        return cost.instructions(RUNTIME) if self.target is IMCHAT else {}

    def message(self) -> Figures:
        """Sending a message, counted; the floor has no such parts."""
        return cost.message_instructions() if self.target is IMCHAT else {}

    def _server(self, *, port: int = 0) -> Server:
        return Server(self.folder, port=port, command=self.target.command, cores=self.cores)


PARTS: Final[dict[str, Callable[[Run], Figures]]] = {
    "messages": lambda run: run.measure(load.messages, 2 * load.PAIRS),
    "latency": lambda run: run.measure(load.latency, 2),
    "room-10": lambda run: run.measure(load.room, 10),
    "room-100": lambda run: run.measure(load.room, 100),
    "history": Run.history,
    "start": Run.start,
    "memory": lambda run: run.measure(cost.memory, 1000 // cost.CONNECTIONS_EACH),
    "import": Run.instructions,
    "message": Run.message,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--seconds", default=5.0, show_default=True, help="How long each part is measured under load.")
@click.option("--rounds", default=1, show_default=True, help="How often; the report has the medians.")
@click.option("--floor/--no-floor", default=True, help="Measure the bare server beside ours, for comparison.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where to put the databases.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(
    *, parts: tuple[str, ...], seconds: float, rounds: int, floor: bool, folder: Path | None, as_json: bool
) -> None:
    """Measure `imchat local` on this machine: all parts, or those named.

    Example: python -m bench messages latency --rounds 3
    """
    cores = share_cores()
    found: dict[str, defaultdict[str, list[float]]] = {}
    targets = (IMCHAT, FLOOR) if floor else (IMCHAT,)
    for target in targets:
        found[target.name] = defaultdict(list)
    for part in parts or PARTS:
        for _ in range(rounds):
            for target in targets:
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    figures = PARTS[part](Run(target, Path(place), cores, seconds))
                for name, value in figures.items():
                    found[target.name][name].append(value)
    ours, theirs = (
        {name: statistics.median(values) for name, values in found.get(which, {}).items()}
        for which in (IMCHAT.name, FLOOR.name)
    )
    if as_json:
        click.echo(
            json.dumps(report.as_json(ours, theirs, pinned=cores is not None), indent=2, ensure_ascii=False)
        )
    else:
        report.show(ours, theirs, pinned=cores is not None)


if __name__ == "__main__":
    main()
