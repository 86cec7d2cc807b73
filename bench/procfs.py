"""Reads processor time and memory of processes from Linux, and assigns processor cores."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Times:
    """Wall-clock time and processor times, in seconds."""

    wall_s: float
    server_s: float
    client_s: float

    def __sub__(self, earlier: Self) -> Times:
        return Times(
            self.wall_s - earlier.wall_s, self.server_s - earlier.server_s, self.client_s - earlier.client_s
        )


@dataclass(frozen=True, slots=True)
class Clock:
    """Reads the clocks of one server and of this process, its client."""

    server_pid: int

    def read(self) -> Times:
        """Read the current times; only differences are meaningful."""
        fields = Path(f"/proc/{self.server_pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])  # utime and stime: see proc_pid_stat(5)
        return Times(time.perf_counter(), ticks / _TICKS_A_SECOND, time.process_time())


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory in MB. `rss` counts shared pages in full, `pss` this process's share of them."""

    rss: float
    pss: float

    @classmethod
    def read(cls, pid: int) -> Memory:
        """Read the current memory of a process."""
        sizes: dict[str, float] = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, size = line.split(":")
            sizes[name] = int(size.split()[0]) / 1024
        return cls(sizes["Rss"], sizes["Pss"])


def assign_cores() -> set[int] | None:
    """Pin this process, the client, to the last core; return the first for the server, or None if there is only one."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return None
    os.sched_setaffinity(0, {others[-1]})
    return {first}
