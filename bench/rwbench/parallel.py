# SPDX-License-Identifier: Apache-2.0
"""A daemon that is kept busy by a client without cost: how much it can take, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rwbench import daemons, processes, relay, spawning
from rwbench.figures import (
    A_SECOND,
    MICROSECONDS,
    MILLISECONDS,
    Figure,
    Result,
    Samples,
    difference,
    ratio,
)
from rwbench.plan import Plan, Progress, built, run_timer

N_AT_ONCE = 64
MEDIAN, P99 = 0, 2


def load(daemon: daemons.Running, n_connections: int, seconds: float) -> dict[str, Any]:
    """Has each connection ask for `true` again and again."""
    return run_timer(
        [built("legacy-load"), str(seconds), str(n_connections), daemon.socket, "true"],
        stdin=daemon.key)


def spawn(options: list[str], n_threads: int, seconds: float) -> dict[str, Any]:
    """Has each thread of a program in C run `true` again and again."""
    return run_timer([built("spawn-load"), *options, str(seconds), str(n_threads), spawning.TRUE])


def rate(found: dict[str, Any]) -> float:
    """Commands a second."""
    return float(found["commands"] / found["seconds"])


def parallel(plan: Plan) -> Result:
    """As much as the machine has, all of it asked for."""
    spawning.prepare()
    direct, mine, python = (Samples(f"{name}, commands a second") for name in (
        "64 threads", "rootwrap-daemon", "oslo-rootwrap-daemon"))
    median, slow = (Samples(f"rootwrap-daemon, {name}, ms") for name in ("median", "p99"))
    n_blocks, seconds = plan.pick(10, 2), plan.pick(200, 25) / 100
    progress = Progress("daemon-parallel")
    with daemons.running(daemons.ours()) as ours, daemons.running(daemons.oslo()) as oslo:
        for block in range(n_blocks):
            found = load(ours, N_AT_ONCE, seconds)
            mine.blocks.append([rate(found)])
            median.blocks.append([found["latency_us"][MEDIAN] / 1e3])
            slow.blocks.append([found["latency_us"][P99] / 1e3])
            direct.blocks.append([rate(spawn([], N_AT_ONCE, seconds))])
            python.blocks.append([rate(load(oslo, N_AT_ONCE, seconds))])
            progress.show(block + 1, n_blocks)
    return Result(
        [
            Figure("daemon-parallel/direct", "commands a second: our daemon / the threads",
                   ratio(mine, direct)),
            Figure("daemon-parallel/gain", "commands a second: our daemon / oslo's",
                   ratio(mine, python)),
            Figure("daemon-parallel/ours", "our daemon", mine.spread, A_SECOND),
            Figure("daemon-parallel/threads", "the threads", direct.spread, A_SECOND),
            Figure("daemon-parallel/oslo", "oslo's daemon", python.spread, A_SECOND),
            Figure("daemon-parallel/median", "our daemon: from question to answer, median",
                   median.spread, MILLISECONDS),
            Figure("daemon-parallel/p99", "our daemon: from question to answer, 99th percentile",
                   slow.spread, MILLISECONDS),
        ],
        [direct, mine, python, median, slow], "as named",
        f"`true` on {N_AT_ONCE} connections, each of which asks again at once (a client in C with "
        f"one thread), beside a program in C whose {N_AT_ONCE} threads run it by vfork, with "
        "pipes for stdin, stdout and stderr.")


@dataclass
class Times:
    """Microseconds of the processors a command, block by block."""

    own: Samples  # of the program itself
    whole: Samples  # and of its commands, from fork to exit

    @classmethod
    def of(cls, name: str) -> Times:
        """None yet."""
        return cls(Samples(name), Samples(f"{name}, with its commands"))

    def add(self, own_s: float, children_s: float, n_commands: int) -> None:
        """A block of one measurement."""
        self.own.blocks.append([own_s / n_commands * 1e6])
        self.whole.blocks.append([(own_s + children_s) / n_commands * 1e6])

    def add_daemon(self, daemon: daemons.Running, n_connections: int, seconds: float) -> None:
        """Measures a daemon under load."""
        members = daemon.processes
        own = processes.total(processes.own_s, members)
        children = processes.total(processes.children_s, members)
        n_commands = load(daemon, n_connections, seconds)["all"]
        self.add(processes.total(processes.own_s, members) - own,
                 processes.total(processes.children_s, members) - children, n_commands)

    def add_bare(self, seconds: float) -> None:
        """Measures what fork, exec, exit and wait cost by themselves."""
        found = spawn(["--bare"], 1, seconds)
        self.add(found["own_s"], found["children_s"], found["all"])

    def add_relay(self, n_runs: int) -> None:
        """Measures two programs that only pass a question on; their commands are not counted."""
        found = relay.measure(n_runs)
        self.own.blocks.append([found["own_s"] / found["all"] * 1e6])


def cpu(plan: Plan) -> Result:
    """What the daemon itself works for a command."""
    spawning.prepare()
    bare, passed, mine, busy, python = map(Times.of, (
        "vfork, execve, waitpid", relay.NAME, "rootwrap-daemon",
        f"rootwrap-daemon, {N_AT_ONCE} connections", "oslo-rootwrap-daemon"))
    n_blocks, seconds = plan.pick(10, 2), plan.pick(200, 25) / 100
    progress = Progress("daemon-cpu")
    with daemons.running(daemons.ours()) as ours, daemons.running(daemons.oslo()) as oslo:
        for block in range(n_blocks):
            bare.add_bare(seconds)
            passed.add_relay(plan.pick(1000, 100))
            mine.add_daemon(ours, 1, seconds)
            busy.add_daemon(ours, N_AT_ONCE, seconds)
            python.add_daemon(oslo, 1, seconds)
            progress.show(block + 1, n_blocks)
    return Result(
        [
            Figure("daemon-cpu/beyond", "our daemon, beyond what the loop takes",
                   difference(mine.own, bare.own), MICROSECONDS),
            Figure("daemon-cpu/relay", f"{relay.NAME}, beyond the same",
                   difference(passed.own, bare.own), MICROSECONDS),
            Figure("daemon-cpu/busy", f"the same with {N_AT_ONCE} connections that are busy",
                   difference(busy.own, bare.own), MICROSECONDS),
            Figure("daemon-cpu/oslo", "oslo's daemon, beyond what the loop takes",
                   difference(python.own, bare.own), MICROSECONDS),
            Figure("daemon-cpu/loop", "the loop itself", bare.own.spread, MICROSECONDS),
            Figure("daemon-cpu/whole", "our daemon with its commands, beyond the loop with its",
                   difference(mine.whole, bare.whole), MICROSECONDS),
            Figure("daemon-cpu/whole-oslo", "oslo's daemon with its commands, beyond the same",
                   difference(python.whole, bare.whole), MICROSECONDS),
        ],
        [passed.own, *(samples for times in (bare, mine, busy, python)
                      for samples in (times.own, times.whole))],
        "us",
        "Time of the processors a command `true`, asked for on one connection by a client in C. "
        "Counted is what the daemon's processes (monitor and worker) run in user space and in the "
        "kernel, their share of vfork and of reaping included, handshakes too; not what the "
        "command's process runs from vfork to its end, which the last two figures add. Taken off "
        "is the same of a program in C that does nothing but vfork, execve and waitpid. *Two "
        "programs that do nothing but pass it on*: the least that a daemon in two processes can "
        "take here, for its four messages and as many times of going to sleep and being woken.")
