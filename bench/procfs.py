"""What Linux says of processes: processor time, memory; and which core is whose."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: on the wall clock, and of processor time."""

    wall_s: float
    server_s: float
    client_s: float

    def __sub__(self, earlier: Self) -> Spent:
        return Spent(
            self.wall_s - earlier.wall_s, self.server_s - earlier.server_s, self.client_s - earlier.client_s
        )


@dataclass(frozen=True, slots=True)
class Clock:
    """Reads the clocks of one server and of this process, its client."""

    server_pid: int

    def read(self) -> Spent:
        """All three as of now; only differences mean something."""
        fields = Path(f"/proc/{self.server_pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])  # utime and stime: see proc_pid_stat(5)
        return Spent(time.perf_counter(), ticks / _TICKS_A_SECOND, time.process_time())


@dataclass(frozen=True, slots=True)
class Memory:
    """MB. `rss` counts pages that processes share in full, `pss` this process's part of them."""

    rss: float
    pss: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        """What a process holds at this moment."""
        sizes: dict[str, float] = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, size = line.split(":")
            sizes[name] = int(size.split()[0]) / 1024
        return cls(sizes["Rss"], sizes["Pss"])


def share_cores() -> set[int] | None:
    """Take the last core for this process, the client; the cores left for the server: the first. None: there is one only."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return None
    os.sched_setaffinity(0, {others[-1]})
    return {first}
