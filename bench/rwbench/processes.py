# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of processes: their memory, their time, how often they ran."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rwtest.wait import children_of, status_of

# Of a clock id (time(7), clock_getcpuclockid(3)): the time of a whole process, in nanoseconds.
CLOCK_OF_PROCESS = 2
CLEAR_PEAK = "5"
# In /proc/PID/stat, counted from the field behind the name in parentheses.
CHILDREN_TIMES = slice(13, 15)


def family(pid: int) -> list[int]:
    """A process and what descends from it."""
    found = [pid]
    for member in found:
        found += children_of(member)
    return found


def total(measure: Callable[[int], float], pids: Iterable[int]) -> float:
    """Of all of them."""
    return sum(map(measure, pids))


def pss_mb(pid: int) -> float:
    """The process's own memory, and its share of what it shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    if not found:
        raise RuntimeError(f"no PSS of process {pid}")
    return int(found[1]) * 1024 / 1e6


def _status(pid: int | str, field: str) -> int:
    """A number of /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return int(status_of(text, field).split()[0])


def peak_mb(pid: int) -> float:
    """The most that was resident since forget_peak(), with all that is shared."""
    return _status(pid, "VmHWM") * 1024 / 1e6


def forget_peak(pid: int) -> None:
    """Begins a new peak, at what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text(CLEAR_PEAK, encoding="ascii")


def n_switches(pid: int) -> int:
    """How often its threads were put to sleep or aside: two looks tell how often they ran."""
    tasks = [f"{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
    return sum(_status(task, "voluntary_ctxt_switches")
               + _status(task, "nonvoluntary_ctxt_switches") for task in tasks)


def own_s(pid: int) -> float:
    """Time of the processors, of user and kernel, for the process itself with all its threads."""
    return time.clock_gettime(~pid << 3 | CLOCK_OF_PROCESS)


def children_s(pid: int) -> float:
    """The same of its children that ended and were waited for."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[CHILDREN_TIMES])) / os.sysconf("SC_CLK_TCK")
