# SPDX-License-Identifier: Apache-2.0
"""The scenarios: real Cinder and real Neutron at work, in every way that they have to root."""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rwbench.figures import Figure, Result, Samples, Spread
from rwbench.plan import Plan, Progress
from rwtest import cinder_lvm, cinder_service, neutron_host, openstack, programs

PROGRAMS = programs.REPOSITORY / "bench/scenarios"
WORK = Path("/usr/local/lib/rwbench")
SECONDS = "s"
SHUFFLE = random.Random(1).shuffle
ROOT = "root"
# Where a way takes no longer than the floor, its time above it is taken for this part of the floor.
LEAST_OVERHEAD = 0.01


@dataclass
class Way:
    """One way to root: who asks, by what, and whose programs answer."""

    name: str
    argument: str
    is_ours: bool
    is_root: bool = False
    is_slow: bool = False
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self, program: str, user: str) -> None:
        """Loads the service's code, which takes seconds."""
        WORK.mkdir(exist_ok=True)
        shutil.copy(PROGRAMS / program, WORK)
        user = ROOT if self.is_root else user
        self.process = subprocess.Popen(
            [sys.executable, WORK / program, self.argument], user=user, group=user,
            extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, encoding="utf-8", cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})

    def hear(self) -> dict[str, Any]:
        """The next line."""
        assert self.process and self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: ended with {self.process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, *numbers: int) -> dict[str, Any]:
        """One load."""
        assert self.process and self.process.stdin
        print(*numbers, file=self.process.stdin, flush=True)
        return self.hear()

    def end(self) -> None:
        """Lets go of it; its daemon goes with it."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()


def ways(service: str) -> list[Way]:
    """All of the issue's table, the floor first."""
    return [
        Way("root directly", "directly", is_ours=True, is_root=True),
        Way("our daemon, our client", "our client", is_ours=True),
        Way("our daemon, oslo's client", "oslo's client", is_ours=True),
        Way(f"sudo {service}-rootwrap (ours)", "sudo", is_ours=True),
        Way("oslo's daemon", "oslo's client", is_ours=False),
        Way(f"sudo {service}-rootwrap (oslo)", "sudo", is_ours=False, is_slow=True),
    ]


@contextmanager
def running(service: str, program: str, user: str) -> Iterator[list[Way]]:
    """All ways, loaded; each has its daemon already, where it has one."""
    every = ways(service)
    try:
        for way in every:
            way.start(program, user)
        for way in every:
            way.hear()
        yield every
    finally:
        for way in every:
            way.end()


def shuffled(every: list[Way], samples: list[Samples]) -> list[tuple[Way, Samples]]:
    """In another order each time, so that nobody always comes after the same one."""
    order = list(zip(every, samples, strict=True))
    SHUFFLE(order)
    return order


def use(way: Way, link: Path) -> None:
    """The service's names are these programs' from now on."""
    openstack.link(link, programs.ours() if way.is_ours else programs.oslo())


def overheads(key: str, samples: Sequence[Samples]) -> list[Figure]:
    """How long beside the floor, and the time above the floor beside ours."""
    floor, mine, theirs = samples[0], samples[1], samples[2]

    def pairs(of_one: Samples, other: Samples) -> Spread:
        return Spread.of([statistics.median(a) / statistics.median(b) for a, b in
                          zip(of_one.blocks, other.blocks, strict=True)])

    def above(of_one: Samples) -> list[float]:
        """A number a block."""
        return [statistics.median(a) - statistics.median(b)
                for a, b in zip(of_one.blocks, floor.blocks, strict=True)]

    figures = [Figure(f"{key}/{name}", f"{of_one.name} / {floor.name}", pairs(of_one, floor))
               for name, of_one in zip(("ours", "ours-oslo-client", "ours-sudo", "oslo-daemon",
                                        "oslo-sudo"), samples[1:], strict=True)]
    least = statistics.median(floor.values) * LEAST_OVERHEAD
    for name, other in (("daemon", samples[4]), ("sudo", samples[5])):
        for client, of_one in (("", mine), ("-oslo-client", theirs)):
            # Ours is so near to the floor that a block's may be below it: its median for all.
            mine_above = max(statistics.median(above(of_one)), least)
            gains = [of_block / mine_above for of_block in above(other)]
            figures.append(Figure(
                f"{key}/gain-{name}{client}",
                f"time above the floor: {other.name} / {of_one.name} (at least 1 % of the floor)",
                Spread.of(gains)))
    return figures


def cinder(plan: Plan) -> Result:
    """The blueprint's table."""
    host = cinder_service.host(programs.ours())
    cinder_service.configure(use_daemon=True)
    n_blocks, times = plan.pick(5, 1), plan.pick(8, 4)
    rows: dict[str, dict[str, list[float]]] = {}
    progress = Progress("cinder")
    try:
        with running("cinder", "volumes.py", cinder_lvm.USER) as every:
            samples = [Samples(way.name) for way in every]
            for way in every:
                use(way, cinder_lvm.PROGRAM)
                way.ask(1, 1)
            for block in range(n_blocks):
                for way, of_way in shuffled(every, samples):
                    use(way, cinder_lvm.PROGRAM)
                    found = way.ask(times, times)
                    of_way.blocks.append([found["load"]])
                    row = rows.setdefault(way.name, {})
                    for name in ("create", "delete"):
                        row.setdefault(name, []).extend(found[name])
                    row.setdefault("total", []).extend(
                        a + b for a, b in zip(found["create"], found["delete"], strict=True))
                    row.setdefault("load", []).append(found["load"])
                    row.setdefault("full", []).append(found["full"])
                progress.show(block + 1, n_blocks)
    finally:
        host.close()
    return Result(
        [*overheads("cinder", samples),
         *(Figure(f"cinder/load/{of_way.name}", f"load duration, {of_way.name}", of_way.spread,
                  SECONDS) for of_way in samples)],
        samples, SECONDS,
        f"A volume created and deleted by Cinder's LVM driver, {times} times, {times} at once, "
        "option and programs as named.\n\n" + table(rows))


def table(rows: dict[str, dict[str, list[float]]]) -> str:
    """As the blueprint has it, for each way."""
    lines = ["| way | action | min (s) | avg (s) | max (s) | count |",
             "| --- | --- | --- | --- | --- | --- |"]
    for way, row in rows.items():
        for name, title in (("create", "cinder.create_volume"), ("delete", "cinder.delete_volume"),
                            ("total", "total")):
            values = row[name]
            lines.append(f"| {way} | {title} | {min(values):.3f} | {statistics.mean(values):.3f} "
                         f"| {max(values):.3f} | {len(values)} |")
        lines.append(f"| {way} | load duration: {statistics.median(row['load']):.3f}, full "
                     f"duration: {statistics.median(row['full']):.3f} | | | | |")
    return "\n".join(lines)


def neutron(plan: Plan) -> Result:
    """Routers, by the commands of an L3 agent."""
    host = neutron_host.NeutronHost()
    n_blocks = plan.pick(6, 1)
    n_routers = plan.pick(32, 4)  # a block; 6 blocks are 192
    n_slow = plan.pick(2, 1)
    progress = Progress("neutron")
    with running("neutron", "routers.py", neutron_host.USER) as every:
        samples = [Samples(way.name) for way in every]
        for way in every:
            use(way, neutron_host.ROOTWRAP)
            way.ask(9000, 1)
        for block in range(n_blocks):
            for way, of_way in shuffled(every, samples):
                host.use(programs.ours() if way.is_ours else programs.oslo())
                number = n_slow if way.is_slow else n_routers
                found = way.ask(block * n_routers, number)
                of_way.blocks.append([found["seconds"] / number])
            progress.show(block + 1, n_blocks)
    n_all = n_blocks * n_routers
    return Result(
        [*overheads("neutron", samples),
         *(Figure(f"neutron/all/{of_way.name}", f"{n_all} routers, {of_way.name}",
                  Spread(*(value * n_all for value in (of_way.spread.median, of_way.spread.low,
                                                       of_way.spread.high))), SECONDS)
           for of_way in samples)],
        samples, f"{SECONDS} a router",
        f"The namespace, veth, addresses, routes, sysctls and iptables rules of {n_all} routers, "
        "12 commands each, by Neutron's execute. `sudo` with oslo's program does "
        f"{n_slow * n_blocks} of them; its time is of as many as the others.")
