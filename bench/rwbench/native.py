# SPDX-License-Identifier: Apache-2.0
"""The native protocol beside doing it directly: by librootwrap, and by rootwrapctl run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rwbench import daemons, peers, relay, spawning
from rwbench.figures import A_SECOND, MICROSECONDS, Figure, Result, Samples, ratio
from rwbench.plan import Plan, Progress, Subject, built, run_timer, time_commands
from rwtest import programs
from rwtest.wait import wait_for

FOLDER = Path("/run/rwbench")
SOCKET = FOLDER / "bench.sock"
FILTERS = Path("/etc/rwbench/filters")
CONFIG = Path("/etc/rwbench/rootwrap.conf")


@contextmanager
def service() -> Iterator[str]:
    """A host service with filters for `true` and `cat`, for root and the user of the benchmarks."""
    FOLDER.mkdir(mode=0o755, exist_ok=True)
    FILTERS.mkdir(parents=True, exist_ok=True)
    CONFIG.write_text(f"[DEFAULT]\nfilters_path={FILTERS}\nexec_dirs=/usr/bin\n"
                      f"allowed_users={spawning.USER}\n", "ascii")
    (FILTERS / "bench.filters").write_text(
        "[Filters]\ntrue: CommandFilter, true, root\ncat: CommandFilter, cat, root\n", "ascii")
    SOCKET.unlink(missing_ok=True)
    with subprocess.Popen(
        ["/usr/bin/systemd-socket-activate", "--seqpacket", "-l", SOCKET, daemons.ours()[0], CONFIG],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(SOCKET.exists, "the socket")
            os.chmod(SOCKET, 0o666)
            yield str(SOCKET)
        finally:
            process.terminate()
            process.wait()


def measure(what: str, number: int, socket: str) -> dict[str, Any]:
    """One run of the C program."""
    return run_timer([built("native-timer"), what, str(number), socket])


def true(plan: Plan) -> Result:
    """One after the other, and a thousand at once."""
    spawning.prepare()
    direct, mine = Samples("posix_spawn, waitpid"), Samples("librootwrap, rootwrap_run")
    beside, passed = Samples("posix_spawn, waitpid, beside the two programs"), Samples(relay.NAME)
    many_direct, many = Samples("posix_spawn by each processor, a second"), Samples(
        "librootwrap, 1,000 at once, a second")
    n_blocks, n_runs = plan.pick(20, 4), plan.pick(200, 60)
    progress = Progress("native-true")
    with service() as socket:
        measure("true", 10, socket)
        for block in range(n_blocks):
            found = measure("true", n_runs, socket)
            direct.blocks.append(found["direct_us"])
            mine.blocks.append(found["ours_us"])
            found = relay.measure(n_runs)
            beside.blocks.append(found["direct_us"])
            passed.blocks.append(found["relay_us"])
            found = measure("many", 1000, socket)
            many_direct.blocks.append([found["direct"]])
            many.blocks.append([found["ours"]])
            progress.show(block + 1, n_blocks)
    return Result(
        [
            Figure("native-true/direct", "`true` by rootwrap_run / by posix_spawn and waitpid",
                   ratio(mine, direct)),
            Figure("native-true/relay", f"the same by {relay.NAME}", ratio(passed, beside)),
            Figure("native-true/ours", "by rootwrap_run", mine.spread, MICROSECONDS),
            Figure("native-true/spawn", "by posix_spawn and waitpid", direct.spread, MICROSECONDS),
            Figure("native-true/many", "1,000 at once on one connection: our rate / the machine's",
                   ratio(many, many_direct)),
            Figure("native-true/many-ours", "our rate", many.spread, A_SECOND),
            Figure("native-true/many-direct", "the machine's", many_direct.spread, A_SECOND),
        ],
        [direct, mine, beside, passed, many_direct, many], "as named",
        "A host service asked by a program in C that does both in turn. *Two programs that do "
        "nothing but pass it on*: the least that a daemon in two processes can cost here, without a "
        "look at the question, a descriptor or a line in the log. The machine's rate is that "
        "of one process a processor, each of which spawns its share and then waits for it.")


def cat(plan: Plan) -> Result:
    """A stream, which does not pass through the daemon."""
    spawning.prepare()
    direct, mine = Samples("cat between two pipes"), Samples("the same by librootwrap")
    n_blocks, megabytes = plan.pick(10, 3), plan.pick(1024, 256)
    progress = Progress("native-cat")
    with service() as socket:
        for block in range(n_blocks):
            found = measure("cat", megabytes, socket)
            direct.blocks.append([found["direct"] / 1e6])
            mine.blocks.append([found["ours"] / 1e6])
            progress.show(block + 1, n_blocks)
    return Result(
        [
            Figure("native-cat/direct", f"{megabytes} MB through `cat`: our rate / the pipe's own",
                   ratio(mine, direct)),
            Figure("native-cat/ours", "our rate", mine.spread, "MB/s"),
            Figure("native-cat/pipe", "the pipe's own", direct.spread, "MB/s"),
        ],
        [direct, mine], "MB/s", "One thread writes to one pipe and reads from the other.")


def run(plan: Plan) -> Result:
    """A command prefix, beside others that a user would pick."""
    spawning.prepare()
    spawning.allow_sudo()
    rootwrapctl = str(programs.ours().program.with_name("rootwrapctl"))
    with service() as socket, peers.s6_sudo_true() as s6:
        others = {"sudo": [spawning.SUDO, "-n", spawning.TRUE]}
        if doas := peers.doas():
            others["doas"] = [*doas, spawning.TRUE]
        if s6:
            others["s6"] = s6
        samples = time_commands(
            Progress("native-run"),
            [Subject("true", [spawning.TRUE]),
             Subject("rootwrapctl run true", [rootwrapctl, "run", "--socket", socket, "true"]),
             *(Subject(f"{name} true", words) for name, words in others.items())],
            plan, n_rounds=plan.pick(40, 10), user=spawning.USER)
    direct, mine, *theirs = samples
    figures = [Figure(f"native-run/{name}", f"`rootwrapctl run true` / `true` by {name}",
                      ratio(mine, of_other))
               for name, of_other in zip(others, theirs, strict=True)]
    return Result(
        [*figures, Figure("native-run/true", "`rootwrapctl run true` / `true`",
                          ratio(mine, direct))],
        samples, "us",
        f"By user {spawning.USER}; doas and s6-sudo where they are installed. s6-sudo's command is "
        "the one its server was started with.")
