"""Measures the idle server: time to start, memory, memory of connections, instructions of imports."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.browser_harness import Server

from bench import in_process
from bench.load import Figures
from bench.procfs import Clock, Memory
from bench.scenario import Scenario
from bench.servers import Target

STARTS: Final = 5
CONNECTIONS_EACH: Final = 20
"""Connections per user; the server closes the oldest of more than 32."""


def start_time(target: Target, folder: Path, cores: set[int] | None) -> Figures:
    """Measure the seconds from starting the process to the first sign-in, in an existing folder and in new ones."""
    existing = folder / "kept"
    _time_start(target, existing, cores, new=True)
    again = [_time_start(target, existing, cores, new=False) for _ in range(STARTS)]
    fresh = [_time_start(target, folder / str(number), cores, new=True) for number in range(STARTS)]
    return {"start": statistics.median(again), "first start": statistics.median(fresh)}


def _time_start(target: Target, folder: Path, cores: set[int] | None, *, new: bool) -> float:
    began = time.perf_counter()
    with Server(folder, command=target.command, cores=cores) as server:
        target.create_users(server.url, 1) if new else target.sign_in(server.url)
        return time.perf_counter() - began


async def memory_use(scenario: Scenario, clock: Clock, _seconds: float) -> Figures:
    """Measure the MB of memory without connections, and per 1,000 connections.

    Each user connects once before the measurement, so that only the memory of open connections is counted.
    """
    async with scenario.connected(scenario.people, lambda _person: len):
        pass
    idle = Memory.read(clock.server_pid)
    sockets = [*scenario.people] * CONNECTIONS_EACH
    async with scenario.connected(sockets, lambda _person: len):
        await asyncio.sleep(0.5)
        full = Memory.read(clock.server_pid)
    per_thousand = (full.rss - idle.rss) / len(sockets) * 1000
    return {"idle RSS": idle.rss, "idle PSS": idle.pss, "1,000 connections": per_thousand}


def import_instructions(module: str) -> Figures:
    """Count the millions of instructions to import a module, without the interpreter's start. Needs valgrind."""
    if shutil.which("valgrind") is None:
        return {}
    return {"import": (count_instructions(f"import {module}") - count_instructions("pass")) / 1e6}


def message_instructions() -> Figures:
    """Count the thousands of instructions of one message in batches of 80, from request to response. Needs valgrind."""
    if shutil.which("valgrind") is None:
        return {}
    few, many = (
        count_instructions(f"from bench import in_process; in_process.main({rounds})") for rounds in (2, 17)
    )
    return {"message": (many - few) / (15 * in_process.MESSAGES) / 1e3}


def count_instructions(code: str, *options: str, environment: Mapping[str, str] = os.environ) -> int:
    """Count the instructions of a Python process with `options` that runs `code`."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    run = subprocess.run(  # noqa: S603 - our own arguments
        [*command, sys.executable, *options, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "PYTHONHASHSEED": "0"},
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    assert found is not None, run.stderr
    return int(found[1].replace(",", ""))
