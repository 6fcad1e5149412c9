# SPDX-License-Identifier: Apache-2.0
"""What grows with what: clients, filters, arguments, idle connections."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import ExitStack

from rwbench import chart, daemons, parallel, spawning
from rwbench.calling import popen
from rwbench.chart import Line
from rwbench.figures import A_SECOND, MICROSECONDS, MILLISECONDS, Figure, Result, Samples, Spread
from rwbench.plan import Plan, Progress
from rwtest import programs
from rwtest.native import Native

# With more, oslo's daemon runs out of descriptors (its rlimit_nofile is its own, too), and answers
# with nothing.
OSLO_CLIENTS_MAX = 64

Points = dict[str, list[tuple[float, float]]]


def medians(found: dict[str, dict[int, list[float]]]) -> Points:
    """A curve for each name."""
    return {name: [(x, Spread.of(values).median) for x, values in sorted(of_name.items())]
            for name, of_name in found.items()}


def samples_of(found: dict[str, dict[int, list[float]]]) -> list[Samples]:
    """Each point's values are a block."""
    return [Samples(f"{name}, {x}", [values]) for name, of_name in found.items()
            for x, values in sorted(of_name.items())]


def lines_of(points: Points) -> list[Line]:
    """For a chart."""
    return [Line(name, of_name, name.startswith("our")) for name, of_name in points.items()]


def scaling(plan: Plan) -> Result:
    """Commands a second, and how long one waits, by the number of clients."""
    spawning.prepare()
    numbers = (1, 2, 4, 8, 16, 32, 64, 128, 256) if not plan.is_quick else (1, 16, 256)
    seconds, n_blocks = plan.pick(100, 20) / 100, plan.pick(5, 1)
    rates: dict[str, dict[int, list[float]]] = {
        "threads that spawn": {}, "our daemon": {}, "oslo's daemon": {}}
    waits: dict[str, dict[int, list[float]]] = {
        "our daemon, median": {}, "our daemon, 99 %": {}, "oslo's daemon, median": {}}
    progress = Progress("scaling")
    with daemons.running(daemons.ours()) as ours, daemons.running(daemons.oslo()) as oslo:
        for step, number in enumerate(numbers * n_blocks):
            rates["threads that spawn"].setdefault(number, []).append(
                parallel.rate(parallel.spawn([], number, seconds)))
            found = parallel.load(ours, number, seconds)
            rates["our daemon"].setdefault(number, []).append(parallel.rate(found))
            for name, which in (("median", parallel.MEDIAN), ("99 %", parallel.P99)):
                waits[f"our daemon, {name}"].setdefault(number, []).append(
                    found["latency_us"][which] / 1e3)
            if number <= OSLO_CLIENTS_MAX:
                found = parallel.load(oslo, number, seconds)
                rates["oslo's daemon"].setdefault(number, []).append(parallel.rate(found))
                waits["oslo's daemon, median"].setdefault(number, []).append(
                    found["latency_us"][parallel.MEDIAN] / 1e3)
            progress.show(step + 1, len(numbers) * n_blocks)
    figures = [Figure(f"scaling/{name}/{x}", f"{name}, {x} clients", Spread.of(values), A_SECOND)
               for name, of_name in rates.items() for x, values in of_name.items()]
    return Result(
        figures, samples_of({**rates, **waits}), "commands a second, or ms",
        "`true` again and again on so many connections (a client in C), beside as many threads of "
        "a program in C that run it directly. oslo's daemon fails beyond "
        f"{OSLO_CLIENTS_MAX} (no descriptors left).",
        [("scaling", chart.lines("Commands a second by the number of clients", "clients",
                                 "commands a second", lines_of(medians(rates)))),
         ("waiting", chart.lines("How long a command takes, by the number of clients", "clients",
                                 MILLISECONDS, lines_of(medians(waits))))])


def filters(plan: Plan) -> Result:
    """A command whose filter is the last of so many."""
    spawning.prepare()
    numbers = (10, 1000) if plan.is_quick else (10, 100, 1000, 10_000)
    found: dict[str, dict[int, list[float]]] = {"our daemon": {}, "oslo's daemon": {}}
    path = spawning.CONFIG.parent / "rootwrap.d/zz-many.filters"
    progress = Progress("filters")
    try:
        for step, number in enumerate(numbers):
            path.write_text("[Filters]\n" + "".join(
                f"many{i}: CommandFilter, /usr/bin/many{i}, root\n" for i in range(number))
                + "last: CommandFilter, /usr/bin/nproc, root\n", "ascii")
            with (daemons.client_of(daemons.ours()) as ours,
                  daemons.client_of(daemons.oslo()) as oslo):
                for client in (ours, oslo):
                    daemons.execute(client, ["nproc"])
                for _ in range(plan.pick(40, 6)):
                    for name, client in (("our daemon", ours), ("oslo's daemon", oslo)):
                        start = time.perf_counter()
                        daemons.execute(client, ["nproc"])
                        found[name].setdefault(number, []).append(
                            (time.perf_counter() - start) * 1e6)
            progress.show(step + 1, len(numbers))
    finally:
        path.unlink(missing_ok=True)
    return Result(
        [Figure(f"filters/{name}/{x}", f"{name}, {x} filters", Spread.of(values), MICROSECONDS)
         for name, of_name in found.items() for x, values in of_name.items()],
        samples_of(found), MICROSECONDS,
        "`nproc` by oslo's client, its filter behind so many others.",
        [("filters", chart.lines("A command by the number of filters before its own", "filters",
                                 MICROSECONDS, lines_of(medians(found))))])


def argv(plan: Plan) -> Result:
    """A command with so many bytes of arguments."""
    spawning.prepare()
    sys.path.insert(0, str(programs.REPOSITORY / "python"))
    import rootwrapd

    numbers = (10, 1000, 10_000, 100_000, 1_000_000)
    found: dict[str, dict[int, list[float]]] = {
        "Popen": {}, "our daemon, our client": {}, "our daemon, oslo's client": {},
        "oslo's daemon": {}}
    progress = Progress("argv")
    with ExitStack() as stack:
        native = stack.enter_context(rootwrapd.Client(daemons.ours()))
        ours = stack.enter_context(daemons.client_of(daemons.ours()))
        oslo = stack.enter_context(daemons.client_of(daemons.oslo()))
        ways = {
            "Popen": popen, "our daemon, our client": native.execute,
            "our daemon, oslo's client": lambda words: daemons.execute(ours, words),
            "oslo's daemon": lambda words: daemons.execute(oslo, words),
        }
        for step, number in enumerate(numbers):
            words = ["true", *["x" * min(number, 10_000)] * max(1, number // 10_000)]
            for _ in range(plan.pick(30, 4)):
                for name, way in ways.items():
                    start = time.perf_counter()
                    way(words)
                    found[name].setdefault(number, []).append((time.perf_counter() - start) * 1e6)
            progress.show(step + 1, len(numbers))
    return Result(
        [Figure(f"argv/{name}/{x}", f"{name}, {x} bytes", Spread.of(values), MICROSECONDS)
         for name, of_name in found.items() for x, values in of_name.items()],
        samples_of(found), MICROSECONDS, "`true` with arguments of so many bytes, by Python.",
        [("argv", chart.lines("A command by the size of its arguments", "bytes", MICROSECONDS,
                              lines_of(medians(found))))])


def idle(plan: Plan) -> Result:
    """A command while so many other connections do nothing."""
    spawning.prepare()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(
        8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    numbers = (0, 1000) if plan.is_quick else (0, 10, 100, 500, 1000, 2000)
    found: dict[str, dict[int, list[float]]] = {"our daemon": {}}
    progress = Progress("idle")
    with daemons.running(daemons.ours()) as ours, ExitStack() as held:
        native = ours.socket.rpartition("/")[0] + "/native.sock"
        n_held = 0
        for step, number in enumerate(numbers):
            while n_held < number:
                held.enter_context(Native(native, ours.key))
                n_held += 1
            for _ in range(plan.pick(6, 1)):
                loaded = parallel.load(ours, 1, plan.pick(50, 10) / 100)
                found["our daemon"].setdefault(number, []).append(
                    loaded["latency_us"][parallel.MEDIAN])
            progress.show(step + 1, len(numbers))
    return Result(
        [Figure(f"idle/{x}", f"{x} idle connections", Spread.of(values), MICROSECONDS)
         for x, values in found["our daemon"].items()],
        samples_of(found), MICROSECONDS, "`true` on one connection beside idle ones.",
        [("idle", chart.lines("A command by the number of idle connections", "connections",
                              MICROSECONDS, lines_of(medians(found))))])
