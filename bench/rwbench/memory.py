# SPDX-License-Identifier: Apache-2.0
"""What rootwrap holds while its command runs: Neutron keeps one for each monitor and router."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from rwbench import spawning
from rwbench.figures import MEGABYTES, Figure, Result, Samples
from rwbench.plan import Plan, Progress
from rwbench.processes import pss_mb
from rwtest import programs
from rwtest.wait import wait_for_descendant

SETTLE_S = 0.05
N_AT_ONCE = 20
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
    rows = [
        (ours, PLAIN, 1, "`rootwrap CONFIG sleep 60`"),
        (ours, WITH_EXPRESSION, 1, "the same for a command that needs a regular expression"),
        (oslo, PLAIN, 1, "`oslo-rootwrap CONFIG sleep 60`"),
        (ours, PLAIN, N_AT_ONCE, f"each of {N_AT_ONCE} `rootwrap`"),
        (oslo, PLAIN, N_AT_ONCE, f"each of {N_AT_ONCE} `oslo-rootwrap`"),
    ]
    samples = [Samples(name) for *_, name in rows]
    n_rounds = plan.pick(9, 3)
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
