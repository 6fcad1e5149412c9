# SPDX-License-Identifier: Apache-2.0
"""What a command costs a service that has oslo.rootwrap's client and does not know which daemon."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rwbench import daemons, spawning
from rwbench.figures import MICROSECONDS, MILLISECONDS, Figure, Result, Samples, difference, ratio
from rwbench.plan import Plan, Progress

SUDO = [spawning.SUDO, "-n"]


@dataclass(frozen=True)
class Turn:
    """Something to be timed: it returns how long it took, since what comes after may not count."""

    name: str
    take: Callable[[], float]
    is_slow: bool = False


def take_turns(name: str, turns: Sequence[Turn], n_blocks: int, n_rounds: int) -> list[Samples]:
    """In another order each round; slow ones once a block. Return: seconds"""
    samples = [Samples(turn.name, [[] for _ in range(n_blocks)]) for turn in turns]
    order = list(zip(turns, samples, strict=True))
    shuffle = random.Random(1).shuffle
    progress = Progress(name)
    for block in range(n_blocks):
        for number in range(n_rounds):
            shuffle(order)
            for turn, of_turn in order:
                if number == 0 or not turn.is_slow:
                    of_turn.blocks[block].append(turn.take())
        progress.show(block + 1, n_blocks)
    return samples


def in_unit(samples: Sequence[Samples], units_a_second: float) -> list[Samples]:
    """The same in another unit."""
    return [Samples(of_one.name, [[value * units_a_second for value in block]
                                  for block in of_one.blocks]) for of_one in samples]


def popen(words: Sequence[str]) -> float:
    """As Python runs a command by itself. Return: seconds"""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.communicate()
    elapsed = time.perf_counter() - start
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit code {process.returncode}")
    return elapsed


def call(client: daemons.Client) -> float:
    """Through a daemon that runs already. Return: seconds"""
    start = time.perf_counter()
    daemons.execute(client, ["true"])
    return time.perf_counter() - start


def time_true(ours: list[str], oslo: list[str], plan: Plan) -> list[Samples]:
    """In a process of its own. Return: seconds"""
    with daemons.client_of(ours) as our_client, daemons.client_of(oslo) as their_client:
        for client in (our_client, their_client):
            call(client)
        return take_turns("daemon-true", [
            Turn("Popen(true)", lambda: popen([spawning.TRUE])),
            Turn("rootwrap-daemon", lambda: call(our_client)),
            Turn("oslo-rootwrap-daemon", lambda: call(their_client)),
        ], plan.n_blocks, plan.pick(50, 15))


def true(plan: Plan) -> Result:
    """A command that does nothing, so that only what is around it is left."""
    spawning.prepare()
    samples = in_unit(daemons.in_child(time_true, daemons.ours(), daemons.oslo(), plan), 1e6)
    direct, mine, python = samples
    return Result(
        [
            Figure("daemon-true/popen", "`true` through our daemon / by Python's `Popen`",
                   ratio(mine, direct)),
            Figure("daemon-true/oslo", "`true` through oslo's daemon / by Python's `Popen`",
                   ratio(python, direct)),
            Figure("daemon-true/gain", "`true` through oslo's daemon / through ours",
                   ratio(python, mine)),
            Figure("daemon-true/ours-time", "through our daemon", mine.spread, MICROSECONDS),
            Figure("daemon-true/oslo-time", "through oslo's daemon", python.spread, MICROSECONDS),
            Figure("daemon-true/popen-time", "by `Popen`", direct.spread, MICROSECONDS),
        ],
        samples, "us",
        "`oslo_rootwrap.client.Client`, unmodified, beside `Popen` and `communicate` with pipes "
        "for stdin, stdout and stderr.")


def start(words: list[str]) -> float:
    """From nothing to the first answer. Return: seconds; without the daemon's end"""
    begin = time.perf_counter()
    with daemons.client_of(words) as client:
        daemons.execute(client, ["true"])
        return time.perf_counter() - begin


def time_start(prefix: list[str], ours: list[str], oslo: list[str], plan: Plan) -> list[Samples]:
    """In a process of its own. Return: seconds"""
    shown = "sudo " if prefix else ""
    return take_turns(f"daemon-start, {shown or 'no sudo'}".rstrip(), [
        Turn(f"{shown}true", lambda: popen([*prefix, spawning.TRUE])),
        Turn(f"{shown}rootwrap-daemon", lambda: start([*prefix, *ours])),
        Turn(f"{shown}oslo-rootwrap-daemon", lambda: start([*prefix, *oslo]), is_slow=True),
    ], plan.pick(20, 2), plan.pick(10, 3))


def start_figures(key: str, sudo: str, samples: Sequence[Samples]) -> list[Figure]:
    """Of the two ways to start."""
    alone, mine, python = samples
    return [
        Figure(f"daemon-start/{key}",
               f"`{sudo}rootwrap-daemon` to its first answer, beyond `{sudo}true`",
               difference(mine, alone), MILLISECONDS),
        Figure(f"daemon-start/{key}-oslo",
               f"`{sudo}oslo-rootwrap-daemon` to its first answer, beyond `{sudo}true`",
               difference(python, alone), MILLISECONDS),
        Figure(f"daemon-start/{key}-gain",
               f"`{sudo}oslo-rootwrap-daemon` / `{sudo}rootwrap-daemon`, to the first answer",
               ratio(python, mine)),
    ]


def starting(plan: Plan) -> Result:
    """What the first command of a service waits for."""
    spawning.prepare()
    spawning.allow_sudo()
    ours, oslo = daemons.ours(), daemons.oslo()
    by_user = daemons.in_child(time_start, SUDO, ours, oslo, plan, user=spawning.USER)
    by_root = daemons.in_child(time_start, [], ours, oslo, plan)
    by_user, by_root = in_unit(by_user, 1e3), in_unit(by_root, 1e3)
    return Result(
        start_figures("sudo", "sudo ", by_user) + start_figures("alone", "", by_root),
        [*by_user, *by_root], "ms",
        "A new `oslo_rootwrap.client.Client` runs `true`: it starts the daemon, reads path and "
        "key, opens its connections, each with a handshake, and waits for the answer. With sudo "
        f"by user {spawning.USER}, else by root.")
