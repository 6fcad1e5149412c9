# SPDX-License-Identifier: Apache-2.0
"""How fast bytes go out of and into a command, by their number and kind, and what is held then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rwbench import chart, daemons, payload, processes, spawning
from rwbench.calling import popen
from rwbench.figures import MEGABYTES, MEGABYTES_A_SECOND, Figure, Result, Samples, Spread
from rwbench.plan import Plan, Progress
from rwtest import programs

OURS, LEGACY, OSLO = "our daemon, our client", "our daemon, oslo's client", "oslo's daemon"
# oslo's daemon takes minutes for more than this in both directions.
OSLO_BYTES_MAX = 10_000_000


@dataclass
class Way:
    """A client, and the processes whose memory is looked at."""

    run: Callable[[list[str], Any], Any]
    members: list[int]

    def peak_mb(self) -> float:
        """Beyond what is shared by all."""
        return processes.total(processes.peak_mb, self.members)


def once(way: Way, transfer: payload.Transfer) -> tuple[float, float]:
    """MB/s of one direction, and MB at the peak beyond what was there before."""
    for pid in way.members:
        processes.forget_peak(pid)
    before = way.peak_mb()
    start = time.perf_counter()
    way.run(transfer.command, transfer.stdin)
    elapsed = time.perf_counter() - start
    return transfer.n_bytes / 1e6 / elapsed, way.peak_mb() - before


def ways(stack: ExitStack) -> dict[str, Way]:
    """All, started."""
    sys.path.insert(0, str(programs.REPOSITORY / "python"))
    import rootwrapd

    native = stack.enter_context(rootwrapd.Client(daemons.ours()))
    native.execute(["true"])
    daemon = native._link._daemon
    assert daemon
    found = {OURS: Way(lambda words, stdin: native.execute(words, stdin, binary=True),
                       processes.family(daemon._process.pid))}
    for name, words in ((LEGACY, daemons.ours()), (OSLO, daemons.oslo())):
        client = stack.enter_context(daemons.client_of(words))
        daemons.execute(client, ["true"])
        found[name] = Way(
            lambda command, stdin, client=client: daemons.execute(client, command, stdin),
            processes.family(client._process.pid))
    return found


def streams(plan: Plan) -> Result:
    """Every kind and size."""
    spawning.prepare()
    sizes = (1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
    sizes = (1000, 1_000_000) if plan.is_quick else sizes
    n_times = plan.pick(3, 1)
    popen([spawning.TRUE])
    figures, samples, charts = [], [], []
    progress = Progress("streams")
    with ExitStack() as stack:
        every = ways(stack)
        step, n_steps = 0, len(payload.CASES) * len(sizes)
        for case in payload.CASES:
            points: dict[str, list[tuple[float, float]]] = {name: [] for name in every}
            last: dict[str, tuple[int, Spread, Spread]] = {}
            for size in sizes:
                with payload.prepared(case, size) as transfer:
                    measured = {name: way for name, way in every.items() if name != OSLO
                                or not case.has_stdin or size <= OSLO_BYTES_MAX}
                    rounds = [{name: once(way, transfer) for name, way in measured.items()}
                              for _ in range(n_times)]
                    for name in measured:
                        found = [of_round[name] for of_round in rounds]
                        speeds = Samples(f"{case.key}, {size}, {name}", [[v] for v, _ in found])
                        samples.append(speeds)
                        points[name].append((size, speeds.spread.median))
                        last[name] = (size, speeds.spread, Spread.of([peak for _, peak in found]))
                step += 1
                progress.show(step, n_steps)
            for name, (size, speed, peak) in last.items():
                figures += [
                    Figure(f"streams/{case.key}/{name}", f"{case.name}, {size / 1e6:g} MB: {name}",
                           speed, MEGABYTES_A_SECOND),
                    Figure(f"streams/{case.key}/{name}/peak",
                           "how much the daemon's memory grew meanwhile", peak, MEGABYTES)]
            charts.append((f"streams-{case.key}", chart.lines(
                f"MB a second: {case.name}", "bytes", MEGABYTES_A_SECOND,
                [chart.Line(name, of_name, name == OURS) for name, of_name in points.items()])))
    return Result(
        figures, samples, MEGABYTES_A_SECOND,
        "By Python's clients in one process. Ours hands the command a pipe, so the daemon sees "
        "nothing of it; oslo's has all of it in JSON. Largest size: median of "
        f"{n_times}.", charts)
