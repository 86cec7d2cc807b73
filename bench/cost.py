"""What the server costs at rest: time to start, memory, memory of connections, instructions to import."""

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
from bench.scenario import Stage
from bench.servers import Target

STARTS: Final = 5
CONNECTIONS_EACH: Final = 20
"""Of one person; the server closes the oldest of more than 32."""


def start(target: Target, folder: Path, cores: set[int] | None) -> Figures:
    """From spawning the process to the first successful sign-in, in s: in a folder that is in use, in new ones."""
    kept = folder / "kept"
    _start(target, kept, cores, new=True)
    again = [_start(target, kept, cores, new=False) for _ in range(STARTS)]
    fresh = [_start(target, folder / str(number), cores, new=True) for number in range(STARTS)]
    return {"start": statistics.median(again), "first start": statistics.median(fresh)}


def _start(target: Target, folder: Path, cores: set[int] | None, *, new: bool) -> float:
    began = time.perf_counter()
    with Server(folder, command=target.command, cores=cores) as server:
        target.people(server.url, 1) if new else target.sign_in(server.url)
        return time.perf_counter() - began


async def memory(stage: Stage, clock: Clock, _seconds: float) -> Figures:
    """MB with nobody connected, and per 1,000 connections.

    One socket of everybody has been opened and closed before, so that only what connections hold counts.
    """
    async with stage.online(stage.people, lambda _person: len):
        pass
    idle = Memory.of(clock.server_pid)
    sockets = [*stage.people] * CONNECTIONS_EACH
    async with stage.online(sockets, lambda _person: len):
        await asyncio.sleep(0.5)
        full = Memory.of(clock.server_pid)
    held = (full.rss - idle.rss) / len(sockets) * 1000
    return {"idle RSS": idle.rss, "idle PSS": idle.pss, "1,000 connections": held}


def instructions(module: str) -> Figures:
    """Millions of instructions to import a module, beyond the interpreter's own start; nothing without valgrind."""
    if shutil.which("valgrind") is None:
        return {}
    return {"import": (count(f"import {module}") - count("pass")) / 1e6}


def message_instructions() -> Figures:
    """Thousands of instructions of one message, from its request's bytes to its answer's, in batches of 80."""
    if shutil.which("valgrind") is None:
        return {}
    few, many = (count(f"from bench import in_process; in_process.main({rounds})") for rounds in (2, 17))
    return {"message": (many - few) / (15 * in_process.MESSAGES) / 1e3}


def count(code: str, *options: str, environment: Mapping[str, str] = os.environ) -> int:
    """The instructions of an interpreter that is started with `options` and runs `code`."""
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
