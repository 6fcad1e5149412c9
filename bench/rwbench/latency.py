# SPDX-License-Identifier: Apache-2.0
"""How long `true` takes as root, in every way that somebody would pick; all calls, not the median."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

from rwbench import chart, daemons, native, peers, spawning
from rwbench.calling import SUDO, Turn, call, in_unit, popen, take_turns
from rwbench.figures import MICROSECONDS, Figure, Result, Samples, ratio
from rwbench.plan import Plan, Progress, Subject, time_commands
from rwtest import programs

PRIVSEP = programs.REPOSITORY / "bench/scenarios/privsep_true.py"


@dataclass(frozen=True)
class Blocks:
    """How much a block has of each."""

    n_blocks: int
    n_python: int
    n_c: int
    n_commands: int

    @classmethod
    def of(cls, plan: Plan) -> Blocks:
        """As long as wanted."""
        return cls(plan.pick(15, 2), plan.pick(60, 10), plan.pick(60, 20), plan.pick(20, 4))


def extend(samples: list[Samples], block: list[Samples]) -> None:
    """One block more of each."""
    if not samples:
        samples += [Samples(one.name) for one in block]
    for of_one, found in zip(samples, block, strict=True):
        of_one.blocks += found.blocks


def take_all(ours: list[str], oslo: list[str], socket: str, subjects: list[Subject],
             plan: Plan) -> tuple[list[Samples], list[Samples]]:
    """Every way, block by block, in a process of its own. Return: Python's, and the others; us"""
    sys.path.insert(0, str(programs.REPOSITORY / "python"))
    import rootwrapd

    def by_us() -> float:
        start = time.perf_counter()
        if our_python.execute(["true"])[0] != 0:
            raise RuntimeError("true failed")
        return time.perf_counter() - start

    with ExitStack() as stack:
        our_python = stack.enter_context(rootwrapd.Client(ours))
        our_client = stack.enter_context(daemons.client_of(ours))
        their_client = stack.enter_context(daemons.client_of(oslo))
        privsep = stack.enter_context(subprocess.Popen(
            [sys.executable, PRIVSEP], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, bufsize=0))
        stack.callback(privsep.kill)

        def by_privsep() -> float:
            assert privsep.stdin and privsep.stdout
            privsep.stdin.write(b"\n")
            return float(privsep.stdout.readline())

        by_us()
        for client in (our_client, their_client):
            call(client)
        by_privsep()
        turns = [
            Turn("Python's Popen", lambda: popen([spawning.TRUE])),
            Turn("our daemon, our Python client", by_us),
            Turn("our daemon, oslo's client", lambda: call(our_client)),
            Turn("oslo's daemon", lambda: call(their_client)),
            Turn("oslo.privsep", by_privsep),
        ]
        native.measure("true", 10, socket)
        python: list[Samples] = []
        in_c: list[Samples] = []
        commands: list[Samples] = []
        blocks, progress = Blocks.of(plan), Progress("latency")
        for block in range(blocks.n_blocks):
            extend(python, in_unit(take_turns("", turns, 1, blocks.n_python), 1e6))
            found = native.measure("true", blocks.n_c, socket)
            extend(in_c, [Samples("posix_spawn (C)", [found["direct_us"]]),
                          Samples("our daemon, librootwrap (C)", [found["ours_us"]])])
            extend(commands, time_commands(Progress(), subjects, Plan(1, plan.is_quick),
                                           n_rounds=blocks.n_commands, user=spawning.USER))
            progress.show(block + 1, blocks.n_blocks)
    return python, [*in_c, *commands]


def latency(plan: Plan) -> Result:
    """All of them."""
    spawning.prepare()
    spawning.allow_sudo()
    rootwrapctl = str(programs.ours().program.with_name("rootwrapctl"))
    config = str(spawning.CONFIG)
    with native.service() as socket, peers.s6_sudo_true() as s6:
        subjects = [
            Subject("a shell's fork and exec", [spawning.TRUE]),
            Subject("rootwrapctl run", [rootwrapctl, "run", "--socket", socket, "true"]),
            Subject("sudo", [*SUDO, spawning.TRUE]),
            Subject("sudo rootwrap (ours)",
                    [*SUDO, str(programs.ours().program), config, "true"]),
            Subject("sudo oslo-rootwrap", [*SUDO, str(programs.OSLO_ROOTWRAP), config, "true"],
                    is_slow=True),
        ]
        if doas := peers.doas():
            subjects.append(Subject("doas", [*doas, spawning.TRUE]))
        if s6:
            subjects.append(Subject("s6-sudo", s6))
        python, others = daemons.in_child(take_all, daemons.ours(), daemons.oslo(), socket,
                                          subjects, plan)
    every = sorted([*python, *others], key=lambda one: one.spread.median)
    rows = [(one.name, one.values, is_ours(one.name)) for one in every]
    figures = [Figure(f"latency/{one.name}", f"`true`: {one.name}", one.spread, MICROSECONDS)
               for one in every]
    figures.append(Figure("latency/python", "our Python client / `Popen`",
                          ratio(python[1], python[0])))
    return Result(
        figures, every, MICROSECONDS,
        "`true` as root, from the question to the answer, block by block in turn. The clients' "
        "daemons run already; what "
        f"a shell would type is timed from fork to exit, by user {spawning.USER}. "
        f"{os.cpu_count()} processors.",
        [("latency", chart.strips("How long `true` takes as root", MICROSECONDS, rows))])


def is_ours(name: str) -> bool:
    """For the charts: whose program is it?"""
    words = name.replace("oslo's client", "")
    return "oslo" not in words and any(word in words for word in ("our ", "ours", "rootwrap"))
