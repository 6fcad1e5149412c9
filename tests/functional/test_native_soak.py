# SPDX-License-Identifier: Apache-2.0
"""Whoever is killed, at any moment: nothing is left behind, no answer is wrong, nothing runs twice.

`RW_FAULT_ROUNDS` (25 by default) is how often somebody is killed.
"""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rwtest import daemon
from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.wait import cmdline_of, is_alive, wait_for

ROUNDS = int(os.environ.get("RW_FAULT_ROUNDS", "25"))
LIB = Path(daemon.__file__).resolve().parents[1]
N_CLIENTS = 3

# Asks for commands that leave a mark each, many at once, until somebody ends; says what it knows.
# Beside them it has more and more that do not end by themselves.
CLIENT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from rwtest.native import *
path, key, name, marks, lasting = sys.argv[2], bytes.fromhex(sys.argv[3]), *sys.argv[4:7]
known = {}
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
try:
    native = Native(path, key)
    count = 0
    while True:
        idents = {}
        for _ in range(8):
            count += 1
            token = f"{name}.{count}"
            say("asked", token)
            idents[native.start("sh", "-c", f"echo {token} >> {marks}; exec sleep 0.0{count % 7}")] = token
        native.start("sleep", lasting)
        for ident, token in idents.items():
            ended = native.wait(ident, EXITED, REFUSED)
            say("ended", token, ended.returncode if ended.kind == EXITED else "refused")
except (Gone, OSError):
    say("gone")
"""


def running(is_it: Callable[[list[str]], bool]) -> set[int]:
    """The processes with such a command line."""
    pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid for pid in pids if is_it(cmdline_of(pid)) and is_alive(pid)}


class Swarm:
    """Some clients of one daemon."""

    def __init__(self, of: Daemon, folder: Path, number: int) -> None:
        self.marks = folder / f"marks-{number}"
        self.lasting = f"300.{os.getpid():07}{number:04}"
        self.outputs = [folder / f"client-{number}-{i}" for i in range(N_CLIENTS)]
        self.processes = []
        for i, output in enumerate(self.outputs):
            with output.open("wb") as out:
                self.processes.append(subprocess.Popen(
                    [sys.executable, "-I", "-c", CLIENT, LIB, of.native_path, of.key.hex(),
                     f"{number}.{i}", self.marks, self.lasting],
                    stdin=subprocess.DEVNULL, stdout=out))

    def stop(self) -> None:
        """Ends them all."""
        for process in self.processes:
            process.kill()
            process.wait()

    def left(self) -> set[int]:
        """Its commands that still run: those that end by themselves, and those that don't."""
        return running(lambda words: words[1:] == [self.lasting] or
                       (words[1:2] == ["-c"] and str(self.marks) in words[2]))

    def check(self, may_be_killed: bool) -> int:
        """Compares what was told with what was done. Return: how many ended."""
        done = collections.Counter(self.marks.read_text("ascii").split()
                                   if self.marks.exists() else [])
        assert not [token for token, n in done.items() if n > 1], "it ran twice"
        asked, n_ended = set(), 0
        for output in self.outputs:
            for line in output.read_text("ascii").splitlines():
                what, *rest = line.split()
                if what == "asked":
                    asked.add(rest[0])
                elif what == "ended":
                    n_ended += 1
                    assert rest[1] in ({"0", "-9"} if may_be_killed else {"0"}), line
                    assert rest[1] != "0" or done[rest[0]] == 1, f"{line}, and it did not run"
        assert set(done) <= asked
        return n_ended


def victims(of: Daemon, swarm: Swarm, what: str, rng: random.Random) -> list[int]:
    """Who is killed."""
    if what == "client":
        return [rng.choice(swarm.processes).pid]
    if what == "command":
        return rng.sample(commands, 1) if (commands := of.running()) else []
    return [of.worker if what == "worker" else of.pid]


@pytest.mark.parametrize("what", ["client", "command", "worker", "monitor"])
def test_somebody_is_killed(our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path,
                            what: str) -> None:
    rng = random.Random(20261123)
    n_ended = 0
    of = None
    signal.alarm(55 + 4 * ROUNDS)
    for number in range(max(4, ROUNDS // 4)):
        if of is None or not of.is_running():
            of = launch(our_daemon_program)
        swarm = Swarm(of, tmp_path, number)
        try:
            wait_for(swarm.marks.exists, "a first command")
            wait_for(lambda: running(lambda words: words[1:] == [swarm.lasting]), "one that lasts")
            time.sleep(rng.random() * 0.3)
            for pid in victims(of, swarm, what, rng):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(rng.random() * 0.1)
            if what in {"worker", "monitor"}:
                wait_for(lambda: not of.is_running(), "the end of both halves")
                of.wait()
            lasting = swarm.left()
        finally:
            swarm.stop()
        # also who was found under another name meanwhile
        wait_for(lambda: not swarm.left() and not any(map(is_alive, lasting)),
                 "the end of all commands")
        n_ended += swarm.check(what == "command")
        if of.is_running():
            of.check_serves()
    assert n_ended > 20
    assert of
    if of.is_running():
        assert of.stop() == 0
    last = launch(our_daemon_program)
    assert last.stop() == 0
    assert not [of.path for of in launch.daemons if of.path.parent.exists()], \
        "the next daemon removes what killed ones left"
