"""Run the checks and tests of `make test` and `make check`, and print one summary at the end.

python -m tools.run_checks             every part
python -m tools.run_checks --static    the parts of `make check`
python -m tools.run_checks types size  these parts

Two parts run at a time. A part that fails does not stop the others. The output of each part is stored in
build/checks/; that of a failed part is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parents[1]
LOGS: Final = ROOT / "build" / "checks"
LONGEST: Final = 10
MAX_PARALLEL: Final = 2
_BIN: Final = ".venv/bin"
_CODE: Final = ("src", "tests", "bench", "tools", "requirements", "hatch_build.py")
_NPM: Final = (f"{_BIN}/python", "hatch_build.py", "npm")
_STOP_S: Final = 15.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Part:
    """A check: one command. `static` parts are also in `make check`."""

    name: str
    command: tuple[str, ...]
    static: bool = True


@dataclass(slots=True)
class Result:
    """The result of a part. `status` is the exit status, or None while it runs and if it was stopped."""

    part: Part
    log: Path
    status: int | None = None
    seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> bool:
        """Return whether the part ended with status 0."""
        return self.status == 0


# Quick parts come first, so that a simple mistake shows within seconds. The long ones run in parallel at the end.
PARTS: Final = (
    Part("style", (f"{_BIN}/ruff", "check", "--quiet", *_CODE)),
    Part("format", (f"{_BIN}/ruff", "format", "--quiet", "--diff", *_CODE)),
    Part("layers", (f"{_BIN}/lint-imports",)),
    Part("types", (f"{_BIN}/mypy", "--no-error-summary", *_CODE)),
    Part("templates", (f"{_BIN}/python", "-m", "tests.templates.checkers")),
    Part("client-types", (*_NPM, "run", "--silent", "check")),
    Part("size", (f"{_BIN}/pytest", "-q", "-m", "budget")),
    Part("client-tests", (*_NPM, "test", "--silent"), static=False),
    Part(
        "browser-tests",
        (
            f"{_BIN}/pytest",
            "-q",
            "-m",
            "(browser or emulator) and not budget",
            "-o",
            "cache_dir=.venv/cache-browser",
        ),
        static=False,
    ),
    Part(
        "python-tests",
        (
            *(f"{_BIN}/pytest", "-q", "-m", "not browser and not emulator and not budget"),
            *("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal"),
        ),
        static=False,
    ),
)


def run(parts: Sequence[Part], console: Console, *, logs: Path = LOGS) -> list[Result]:
    """Run all parts and print each one as it ends, a failed one with its output.

    Raises: KeyboardInterrupt on Ctrl-C or SIGTERM, once every process that was started has ended.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting = list(parts)
    running: list[tuple[Result, subprocess.Popen[bytes]]] = []
    results: list[Result] = []
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        try:
            while waiting or running:
                while waiting and len(running) < MAX_PARALLEL:
                    running.append(_start(waiting.pop(0), logs))
                time.sleep(_POLL_S)
                for result, process in list(running):
                    if process.poll() is not None:
                        running.remove((result, process))
                        _end(result, process.returncode)
                        results.append(result)
                        _print_result(result, console)
                if console.is_terminal:
                    live.update(_progress([result for result, _ in running], waiting))
        finally:
            _stop([process for _, process in running])
    return sorted(results, key=lambda result: parts.index(result.part))


def summarize(results: Iterable[Result], console: Console) -> int:
    """Print one row per part, with the command that repeats a failed one; return the overall exit status."""
    table = Table(title="Summary", title_justify="left", box=None, pad_edge=False)
    table.add_column("Part")
    table.add_column("Result")
    table.add_column("Seconds", justify="right")
    failed = []
    passed = 0
    for result in results:
        passed += result.passed
        if not result.passed:
            failed.append(result)
        word = "[green]passed[/]" if result.passed else "[bold red]failed[/]"
        table.add_row(result.part.name, word, f"{result.seconds:.1f}")
    console.print(table)
    for result in failed:
        console.print(f"\n[red]{result.part.name} failed.[/] To run it alone:")
        console.print(f"  {shlex.join(result.part.command)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\n{passed} passed, {len(failed)} failed", highlight=False)
    return 1 if failed else 0


def longest_modules(root: Path = ROOT) -> list[tuple[int, str]]:
    """Return the ten longest modules below `src`, as (lines, path), longest first."""
    lengths = [
        (len(path.read_text(encoding="utf-8").splitlines()), path.relative_to(root).as_posix())
        for path in (root / "src").rglob("*.py")
    ]
    return sorted(lengths, reverse=True)[:LONGEST]


def main(arguments: Sequence[str] | None = None, *, parts: Sequence[Part] = PARTS, logs: Path = LOGS) -> int:
    """Run the parts named in the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.run_checks", description="Run checks and tests; print one summary."
    )
    names = [part.name for part in parts]
    parser.add_argument(
        "names", nargs="*", metavar="PART", help=f"parts to run (default: all): {', '.join(names)}"
    )
    parser.add_argument("--static", action="store_true", help="run the parts of `make check` only")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(names):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}. Parts: {', '.join(names)}")
    chosen = [
        part
        for part in parts
        if (part.name in options.names if options.names else part.static or not options.static)
    ]
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    try:
        results = run(chosen, console, logs=logs)
    except KeyboardInterrupt:
        console.print("Stopped. Every process of this run has ended.")
        return 130
    if not options.names:
        console.print("The longest modules (a report; no limit applies):")
        for lines, path in longest_modules():
            console.print(f"  {lines:>4}  {path}")
        console.print()
    return summarize(results, console)


def _start(part: Part, logs: Path) -> tuple[Result, subprocess.Popen[bytes]]:
    result = Result(part, logs / f"{part.name}.txt")
    with result.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            part.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C then reaches it and its children only from here
        )
    return result, process


def _end(result: Result, status: int) -> None:
    result.status = status
    result.seconds = time.monotonic() - result.started


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End the processes and their children: SIGINT lets pytest clean up, SIGKILL ends the rest."""
    if not processes:
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for process in processes:
            _signal_group(process, signal.SIGINT)
        until = time.monotonic() + _STOP_S
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            _signal_group(process, signal.SIGKILL)
            process.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _print_result(result: Result, console: Console) -> None:
    mark = "[green]✓[/]" if result.passed else "[bold red]✗[/]"
    console.print(f"{mark} {result.part.name} [dim]{result.seconds:.1f} s[/]")
    if not result.passed:
        output = result.log.read_text(encoding="utf-8", errors="replace")
        console.print(
            output.rstrip() or f"(no output; exit status {result.status})", markup=False, soft_wrap=True
        )


def _progress(running: Sequence[Result], waiting: Sequence[Part]) -> Table:
    table = Table.grid(padding=(0, 1))
    for result in running:
        seconds = time.monotonic() - result.started
        table.add_row("…", result.part.name, f"{seconds:.0f} s", f"[dim]{escape(_last_line(result.log))}[/]")
    if waiting:
        table.add_row("", f"[dim]then {', '.join(part.name for part in waiting)}[/]")
    return table


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 400))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip()[:80] for line in reversed(lines) if line.strip()), "")


if __name__ == "__main__":
    sys.exit(main())
