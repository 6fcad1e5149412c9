# SPDX-License-Identifier: Apache-2.0
"""Where the time of one call goes: the kernel's own trace of a call, cut where the work changes hands.

The trace (tracefs, an instance of its own) has system calls of our three processes and the exec and
exit of commands, with the kernel's clock. Tracing costs some time itself, the same for the floor.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rwbench import chart, native, spawning
from rwbench.figures import MICROSECONDS, Figure, Result, Samples
from rwbench.plan import Plan, Progress

TRACEFS = Path("/sys/kernel/tracing")
INSTANCE = TRACEFS / "instances/rwbench"
CLIENT, WORKER, MONITOR = "native-timer", "rootwrap-worker", "rootwrap-daemon"
# As long as a process's name may be in the trace: 15 characters.
LINE = re.compile(r"^\s*(?P<name>.+?)-(?P<pid>\d+)\s+\[\d+\].*?\s(?P<time>\d+\.\d+): "
                  r"(?P<event>\w+):? (?P<rest>.*)$")
BUFFER_KIB = 16384

# Names of the pieces, in order; the first ends when the worker has been woken, and so on.
PIECES = (
    "client to worker: a message, a wake-up", "worker: reads, checks, asks the monitor",
    "worker to monitor: a message, a wake-up", "monitor: decides",
    "fork to exec: the child becomes the command", "the command itself",
    "its end is seen: a wake-up", "monitor: takes the status, tells the worker",
    "monitor to worker: a wake-up", "worker: answers", "worker to client: a wake-up",
)
FLOOR_PIECES = ("fork to exec", "the command itself", "its end is seen")
# What a program that spawns `true` itself has too.
FLOOR = {4, 5, 6}


@dataclass(frozen=True)
class Event:
    """One line of the trace."""

    name: str
    time_us: float
    kind: str  # enter, exit, exec, end
    call: int = -1


@contextmanager
def tracing() -> Iterator[None]:
    """Records into a buffer of our own."""
    if not (TRACEFS / "instances").is_dir():
        subprocess.run(["mount", "-t", "tracefs", "none", TRACEFS], check=True)
    INSTANCE.mkdir(exist_ok=True)
    try:
        (INSTANCE / "buffer_size_kb").write_text(str(BUFFER_KIB))
        (INSTANCE / "trace_clock").write_text("mono")
        ours = " || ".join(f'comm == "{name}"' for name in (CLIENT, WORKER, MONITOR))
        for event in ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit"):
            (INSTANCE / "events" / event / "filter").write_text(ours)
        for event in ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit",
                      "sched/sched_process_exec", "sched/sched_process_exit"):
            (INSTANCE / "events" / event / "enable").write_text("1")
        yield
    finally:
        (INSTANCE / "events/enable").write_text("0")
        INSTANCE.rmdir()


def events(text: str) -> Iterator[Event]:
    """What was recorded."""
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        time_us, rest = float(found["time"]) * 1e6, found["rest"]
        if found["event"] in ("sys_enter", "sys_exit"):
            call = int(re.match(r"NR (-?\d+)", rest)[1])  # type: ignore[index]
            yield Event(found["name"], time_us, found["event"][4:], call)
        elif found["event"] == "sched_process_exec":
            yield Event(found["name"], time_us, "exec")
        elif found["event"] == "sched_process_exit":
            yield Event(found["name"], time_us, "end")


def numbers() -> dict[str, int]:
    """System calls of this machine, from its header."""
    text = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
                          capture_output=True, encoding="ascii", check=True).stdout
    return {name: int(number) for name, number in re.findall(
        r"#define __NR_(\w+) (\d+)", text)}


class Walk:
    """Goes through the events of one call after the other."""

    def __init__(self, every: list[Event]) -> None:
        self.every = every
        self.at = 0
        nr = numbers()
        self.sends = {nr["sendmsg"], nr["sendto"], nr["write"]}
        self.waits = {nr[name] for name in ("epoll_wait", "epoll_pwait", "poll", "ppoll", "recvmsg",
                                            "wait4", "waitid") if name in nr}
        self.forks = {nr[name] for name in ("vfork", "clone", "clone3", "fork") if name in nr}

    def next(self, name: str, kind: str, calls: set[int] | None = None) -> Event | None:
        """The next of a kind, which is gone past."""
        while self.at < len(self.every):
            event = self.every[self.at]
            self.at += 1
            if event.kind == kind and (not name or event.name == name) and (
                    calls is None or event.call in calls):
                return event
        return None

    def call(self) -> list[float] | None:
        """Microseconds of each piece of the next call."""
        steps = (
            (CLIENT, "enter", self.sends), (WORKER, "exit", self.waits),
            (WORKER, "enter", self.sends), (MONITOR, "exit", self.waits),
            (MONITOR, "enter", self.forks), ("true", "exec", None), ("true", "end", None),
            (MONITOR, "exit", self.waits), (MONITOR, "enter", self.sends),
            (WORKER, "exit", self.waits), (WORKER, "enter", self.sends),
            (CLIENT, "exit", self.waits),
        )
        return self._pieces(steps)

    def spawn(self) -> list[float] | None:
        """The same of a command that the client's program spawns itself."""
        return self._pieces((
            (CLIENT, "enter", self.forks), ("true", "exec", None), ("true", "end", None),
            (CLIENT, "exit", self.waits)))

    def _pieces(self, steps: tuple[tuple[str, str, set[int] | None], ...]) -> list[float] | None:
        times = []
        for name, kind, calls in steps:
            event = self.next(name, kind, calls)
            if not event:
                return None
            times.append(event.time_us)
        return [after - before for before, after in zip(times, times[1:], strict=False)]


def record(what: str, number: int, socket: str) -> list[Event]:
    """The trace of a run of the C program."""
    with tracing():
        native.measure(what, number, socket)
        (INSTANCE / "tracing_on").write_text("0")
        text = (INSTANCE / "trace").read_text("ascii", errors="replace")
    return sorted(events(text), key=lambda event: event.time_us)


def where(plan: Plan) -> Result:
    """One call by librootwrap on a host service, in pieces; and what is no work of ours."""
    spawning.prepare()
    n_calls, n_blocks = plan.pick(100, 20), plan.pick(10, 1)
    samples = [Samples(name) for name in PIECES]
    floor = [Samples(f"directly: {name}") for name in FLOOR_PIECES]
    progress = Progress("where")
    with native.service() as socket:
        native.measure("true", 20, socket)
        for block in range(n_blocks):
            every = record("true", n_calls, socket)
            for walk, of_piece, take in ((Walk(every), samples, Walk.call),
                                         (Walk(every), floor, Walk.spawn)):
                rows = []
                while row := take(walk):
                    rows.append(row)
                if not rows:
                    raise RuntimeError("the trace has no call")
                for i, one in enumerate(of_piece):
                    one.blocks.append([row[i] for row in rows])
            progress.show(block + 1, n_blocks)
    pieces = [(one.name, one.spread.median) for one in samples]
    above = [(name, value) for i, (name, value) in enumerate(pieces) if i not in FLOOR]
    figures = [Figure(f"where/{i}", one.name, one.spread, MICROSECONDS)
               for i, one in enumerate(samples)]
    figures += [Figure(f"where/direct/{i}", one.name, one.spread, MICROSECONDS)
                for i, one in enumerate(floor)]
    figures.sort(key=lambda figure: figure.key.startswith("where/direct"))
    total = sum(value for _, value in above)
    return Result(
        figures, [*samples, *floor], MICROSECONDS,
        f"`true` by rootwrap_run on a host service, traced by the kernel. {total:.0f} µs are above "
        "what spawning it directly has too; tracing itself is in all of them. "
        "docs/performance.md says how to read it.",
        [("where", chart.stack("Where the time of a call goes", MICROSECONDS, pieces)),
         ("above", chart.stack("What is above the floor", MICROSECONDS, above))])
