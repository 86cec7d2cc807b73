"""Runs the benchmarks: `python -m bench [PART ...]` starts the servers, measures and prints a report."""

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
from bench.procfs import Clock, assign_cores
from bench.scenario import Room, Scenario
from bench.servers import BASELINE, IMCHAT, Target

Measure: TypeAlias = Callable[[Scenario, Clock, float], Coroutine[Any, Any, Figures]]

RUNTIME: Final = "imchat.local.run"
LONG_LOG: Final = 100_000


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Measures one server, `seconds` per part, in a new folder for each part."""

    target: Target
    folder: Path
    cores: set[int] | None
    seconds: float

    def measure(self, measure: Measure, people: int) -> Figures:
        """Call `measure` with a new server that has `people` users."""
        with self._server() as server:
            scenario = Scenario(server.port, self.target.create_users(server.url, people))
            clock = Clock(server.process.pid)
            return uvloop.run(measure(scenario, clock, self.seconds))

    def history(self) -> Figures:
        """Measure reading from a long log, which is written while the server is stopped."""

        async def create() -> Room:
            return await scenario.create_pair(0)

        with self._server() as server:
            scenario = Scenario(server.port, self.target.create_users(server.url, 2))
            room = uvloop.run(create())
        self.target.fill(self.folder, room, LONG_LOG)
        with self._server(port=server.port) as server:
            return uvloop.run(load.history(scenario, room, self.seconds))

    def start(self) -> Figures:
        """Measure the start of the server."""
        return cost.start_time(self.target, self.folder, self.cores)

    def instructions(self) -> Figures:
        """Count the instructions of the imports; the floor has none to compare."""
        return cost.import_instructions(RUNTIME) if self.target is IMCHAT else {}

    def message(self) -> Figures:
        """Count the instructions of a message; the floor has none to compare."""
        return cost.message_instructions() if self.target is IMCHAT else {}

    def _server(self, *, port: int = 0) -> Server:
        return Server(self.folder, port=port, command=self.target.command, cores=self.cores)


PARTS: Final[dict[str, Callable[[Benchmark], Figures]]] = {
    "messages": lambda run: run.measure(load.messages, 2 * load.PAIRS),
    "latency": lambda run: run.measure(load.latency, 2),
    "room-10": lambda run: run.measure(load.large_room, 10),
    "room-100": lambda run: run.measure(load.large_room, 100),
    "history": Benchmark.history,
    "start": Benchmark.start,
    "memory": lambda run: run.measure(cost.memory_use, 1000 // cost.CONNECTIONS_EACH),
    "import": Benchmark.instructions,
    "message": Benchmark.message,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--seconds", default=5.0, show_default=True, help="Seconds to measure each part under load.")
@click.option("--rounds", default=1, show_default=True, help="Number of runs; the report shows the medians.")
@click.option("--floor/--no-floor", default=True, help="Also measure a bare server for comparison.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder for the databases (default: the system's temporary folder).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(
    *, parts: tuple[str, ...], seconds: float, rounds: int, floor: bool, folder: Path | None, as_json: bool
) -> None:
    """Measure `imchat local` on this machine: all parts, or the given ones.

    Example: python -m bench messages latency --rounds 3
    """
    cores = assign_cores()
    results: dict[str, defaultdict[str, list[float]]] = {}
    targets = (IMCHAT, BASELINE) if floor else (IMCHAT,)
    for target in targets:
        results[target.name] = defaultdict(list)
    for part in parts or PARTS:
        for _ in range(rounds):
            for target in targets:
                with tempfile.TemporaryDirectory(dir=folder) as temporary:
                    figures = PARTS[part](Benchmark(target, Path(temporary), cores, seconds))
                for name, value in figures.items():
                    results[target.name][name].append(value)
    ours, floor_figures = (
        {name: statistics.median(values) for name, values in results.get(which, {}).items()}
        for which in (IMCHAT.name, BASELINE.name)
    )
    if as_json:
        click.echo(
            json.dumps(
                report.as_json(ours, floor_figures, pinned=cores is not None), indent=2, ensure_ascii=False
            )
        )
    else:
        report.print_table(ours, floor_figures, pinned=cores is not None)


if __name__ == "__main__":
    main()
