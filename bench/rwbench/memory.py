# SPDX-License-Identifier: Apache-2.0
"""What rootwrap holds while its command runs, where Neutron keeps one for each monitor and router;
and what the daemon holds while it waits."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from rwbench import daemons, spawning
from rwbench.figures import MEGABYTES, Figure, Result, Samples
from rwbench.plan import Plan, Progress
from rwbench.processes import family, n_switches, pss_mb, total
from rwtest import programs
from rwtest.wait import wait_for_descendant

SETTLE_S = 0.05
# Threads that end and memory that is given back after a daemon's first command.
SETTLE_DAEMON_S = 0.5
# A second name for sleep, with a filter of its own that has an expression.
SLEEP = Path("/usr/bin/sleep")
SLEEP_MORE = Path("/usr/bin/bench-sleep")
PLAIN = ["sleep", "60"]
WITH_EXPRESSION = ["bench-sleep", "60"]


def measure(program: Path, command: list[str], n_at_once: int) -> float:
    """The mean of so many that run at once."""
    words = [str(program), str(spawning.CONFIG), *command]
    with ExitStack() as stack:
        processes = []
        for _ in range(n_at_once):
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            processes.append(process)
        commands = [wait_for_descendant(process.pid, command) for process in processes]
        # oslo.rootwrap ends on SIGTERM without its command, which then has nobody to end it.
        for pid in commands:
            stack.callback(subprocess.run, ["kill", str(pid)], check=False)
        time.sleep(SETTLE_S)
        return sum(pss_mb(process.pid) for process in processes) / n_at_once


def memory(plan: Plan) -> Result:
    """One alone, and one of many."""
    spawning.prepare()
    if not SLEEP_MORE.exists():
        shutil.copy(SLEEP, SLEEP_MORE)
    ours = programs.ours().program
    oslo = programs.OSLO_ROOTWRAP
    n_many = plan.pick(20, 4)
    rows = [
        (ours, PLAIN, 1, "`rootwrap CONFIG sleep 60`"),
        (ours, WITH_EXPRESSION, 1, "the same for a command that needs a regular expression"),
        (oslo, PLAIN, 1, "`oslo-rootwrap CONFIG sleep 60`"),
        (ours, PLAIN, n_many, f"each of {n_many} `rootwrap`"),
        (oslo, PLAIN, n_many, f"each of {n_many} `oslo-rootwrap`"),
    ]
    samples = [Samples(name) for *_, name in rows]
    n_rounds = plan.pick(9, 1)
    progress = Progress("memory")
    for done in range(n_rounds):
        for of_row, (program, command, n_at_once, _) in zip(samples, rows, strict=True):
            of_row.blocks.append([measure(program, command, n_at_once)])
        progress.show(done + 1, n_rounds)
    keys = ("lean", "full", "oslo", "lean-many", "oslo-many")
    return Result(
        [Figure(f"memory/{key}", of_row.name, of_row.spread, MEGABYTES)
         for key, of_row in zip(keys, samples, strict=True)],
        samples, "MB", "PSS of rootwrap itself while its command sleeps.")


def measure_daemons(ours: list[str], oslo: list[str], plan: Plan) -> tuple[list[Samples], int]:
    """In a process of its own. Return: of each daemon the MB and the wakeups; in so many seconds

    All of a daemon's processes, and all threads of them, after a first command and with the client
    still connected. Each round starts them anew; the last one waits for wakeups.
    """
    sizes = [Samples("rootwrap-daemon, MB"), Samples("oslo-rootwrap-daemon, MB")]
    wakeups = [Samples("rootwrap-daemon, wakeups"), Samples("oslo-rootwrap-daemon, wakeups")]
    n_rounds, window_s = plan.pick(9, 1), plan.pick(60, 3)
    progress = Progress("daemon-memory")
    for done in range(n_rounds):
        with daemons.client_of(ours) as our_client, daemons.client_of(oslo) as their_client:
            clients = (our_client, their_client)
            for client in clients:
                daemons.execute(client, ["true"])
            time.sleep(SETTLE_DAEMON_S)
            members = [family(client._process.pid) for client in clients]
            for of_daemon, pids in zip(sizes, members, strict=True):
                of_daemon.blocks.append([total(pss_mb, pids)])
            progress.show(done + 1, n_rounds + 1)
            if done + 1 == n_rounds:
                before = [total(n_switches, pids) for pids in members]
                time.sleep(window_s)
                for of_daemon, pids, n in zip(wakeups, members, before, strict=True):
                    of_daemon.blocks.append([total(n_switches, pids) - n])
    progress.show(n_rounds + 1, n_rounds + 1)
    return sizes + wakeups, window_s


def daemon(plan: Plan) -> Result:
    """What a daemon takes while nobody asks it for anything."""
    spawning.prepare()
    samples, window_s = daemons.in_child(measure_daemons, daemons.ours(), daemons.oslo(), plan)
    mine, python, my_wakeups, their_wakeups = samples
    times = f"times in {window_s} s"
    return Result(
        [
            Figure("daemon-memory/ours", "our daemon", mine.spread, MEGABYTES),
            Figure("daemon-memory/oslo", "oslo's daemon", python.spread, MEGABYTES),
            Figure("daemon-memory/wakeups", "our daemon was running", my_wakeups.spread, times),
            Figure("daemon-memory/wakeups-oslo", "oslo's daemon was running",
                   their_wakeups.spread, times),
        ],
        samples, "as named",
        "PSS of all processes of a daemon (monitor and worker) after a first command, its client "
        "connected; and how often one of their threads was put to sleep or aside meanwhile "
        "(voluntary and other context switches).")
