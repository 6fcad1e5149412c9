# SPDX-License-Identifier: Apache-2.0
"""How much is measured, and the programs in C that measure."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rwbench.figures import Samples
from rwtest import programs

# Where any user can execute it; the sandbox's, so it vanishes.
SPAWN_TIMER = Path("/usr/local/bin/spawn-timer")
DEADLINE_S = 300.0


@dataclass(frozen=True)
class Subject:
    """A command line to be timed."""

    name: str
    words: Sequence[str | bytes]
    is_slow: bool = False


@dataclass(frozen=True)
class Plan:
    """How long to take over it."""

    n_blocks: int
    is_quick: bool

    @classmethod
    def make(cls, quick: bool) -> Plan:
        """--quick or not."""
        return cls(n_blocks=3 if quick else 40, is_quick=quick)

    def pick(self, full: int, quick: int) -> int:
        """A number of one's own for each."""
        return quick if self.is_quick else full


class Progress:
    """Says how far a benchmark is: a line that rewrites itself on a terminal; nothing for no name."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.is_terminal = sys.stderr.isatty()

    def show(self, done: int, of: int) -> None:
        """After a block."""
        if not self.name:
            return
        if self.is_terminal:
            print(f"\r{self.name}: {done * 100 // of} %", end="", file=sys.stderr, flush=True)
            if done == of:
                print("\r\033[K", end="", file=sys.stderr, flush=True)
        elif done == of or done * 4 // of != (done - 1) * 4 // of:
            print(f"{self.name}: {done * 100 // of} %", file=sys.stderr, flush=True)


def run_timer(words: Sequence[str | bytes | Path], user: str | None = None,
              stdin: bytes = b"") -> dict[str, Any]:
    """Runs one of the C programs. Return: what it printed."""
    done = subprocess.run(
        words, user=user, group=user, extra_groups=[] if user else None, cwd="/",
        input=stdin, stdout=subprocess.PIPE, timeout=DEADLINE_S, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def built(name: str) -> Path:
    """One of the C programs, for root."""
    return programs.build_folder() / "bench" / name


def policy_timer() -> Path:
    """The one that is linked to our libraries."""
    return built("policy-timer")


def time_commands(
    progress: Progress,
    subjects: Sequence[Subject],
    plan: Plan,
    n_rounds: int,
    n_slow: int = 1,
    user: str | None = None,
) -> list[Samples]:
    """Times the commands, which take turns. Return: microseconds.

    A block has `n_rounds` runs of each command, and `n_slow` of a slow one.
    """
    if not SPAWN_TIMER.exists():
        shutil.copy(built("spawn-timer"), SPAWN_TIMER)
    every = -(-n_rounds // n_slow)
    words: list[str | bytes | Path] = [SPAWN_TIMER, str(n_rounds)]
    for subject in subjects:
        words += ["--", *([f"@{every}"] if subject.is_slow else []), *subject.words]
    samples = [Samples(subject.name) for subject in subjects]
    for block in range(plan.n_blocks):
        for of_subject, ns in zip(samples, run_timer(words, user)["ns"], strict=True):
            of_subject.blocks.append([value / 1000 for value in ns])
        progress.show(block + 1, plan.n_blocks)
    return samples
