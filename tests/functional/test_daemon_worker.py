# SPDX-License-Identifier: Apache-2.0
"""The monitor with a worker that was taken over: it gets what the filters allow, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.policy import PolicyFolder
from rwtest.wait import children_of, is_alive, wait_for

MISBEHAVING = Path(__file__).with_name("misbehaving-worker")
REFUSED, FAILED, EXITED = 2, 3, 5
VIOLATION = "broke the rules"

# What no worker that keeps the rules does. Each comes after it was ready; `touch` is allowed by the
# filters and would leave a mark.
VIOLATIONS = {
    "an unknown type": "record(99)",
    "a type of nothing": "record(0)",
    "a record of the monitor's": "record(FINISH)",
    "a set-up": "send(setup)",
    "an exit": "record(EXITED, 0, bytes(40))",
    "a failure": "record(FAILED, 0, bytes(12) + b'x')",
    "no whole head": "send(b'1234567')",
    "half a record": "record(STOP, 0, b'12')",
    "a record that is too long": "record(STOP, 0, bytes(64))",
    "a record beyond the longest": "record(ARGS, 0, bytes(40000))",
    "ready twice": "ready()",
    "one descriptor too many": "start('touch', MARK, streams=7, n_fds=4)",
    "one descriptor too many for a directory":
        "start('touch', MARK, streams=15, n_fds=5, flags=APART)",
    "five descriptors": "start('touch', MARK, streams=7, n_fds=5)",
    "sixteen descriptors": "start('touch', MARK, streams=7, n_fds=16)",
    "descriptors where none may be": "record(STOP, 0, struct.pack('=I', 1), n_fds=1)",
    "streams without descriptors": "start('touch', MARK, streams=7)",
    "descriptors without streams": "start('touch', MARK, n_fds=2)",
    "a stream that nobody knows": "start('touch', MARK, streams=16, n_fds=1, flags=APART)",
    "a working directory for a manager's command": "start('touch', MARK, streams=8, n_fds=1)",
    "a working directory that does not come": "start('touch', MARK, streams=8, flags=APART)",
    "a flag that nobody knows": "start('touch', MARK, flags=9)",
    "going on without being apart": "start('touch', MARK, flags=GO_ON)",
    "being late without being apart": "start('touch', MARK, flags=LATE)",
    "a umask for a manager's command": "start('touch', MARK, umask=0)",
    "a umask that is none": "start('touch', MARK, umask=0o1000, flags=APART)",
    "a nice level that is none": "start('touch', MARK, nice=20, flags=APART)",
    "limits that are not there": "start('touch', MARK, n_limits=16, flags=APART)",
    "more limits than there may be":
        "start('touch', MARK, n_limits=17, limits=bytes(17 * 24), flags=APART)",
    "a limit of nothing":
        "start('touch', MARK, n_limits=1, limits=struct.pack('=IIQQ', 99, 0, 1, 1), flags=APART)",
    "a soft limit beyond the hard one":
        "start('touch', MARK, n_limits=1, limits=struct.pack('=IIQQ', 7, 0, 2, 1), flags=APART)",
    "an environment for a manager's command": "start('touch', MARK, n_args=1, n_env=1)",
    "an environment that is not there": "start('touch', MARK, n_env=1, flags=APART)",
    "as much environment as wraps": "start('touch', MARK, n_env=2**32 - 2, flags=APART)",
    "a signal to nobody": "record(SIGNAL, 0, struct.pack('=i', 15))",
    "a signal out of range": "record(SIGNAL, 4096, struct.pack('=i', 15))",
    "a signal that clients may not send":
        "start('sleep', '30', flags=APART); record(SIGNAL, 0, struct.pack('=i', 19))",
    "no signal": "start('sleep', '30', flags=APART); record(SIGNAL, 0, struct.pack('=i', 0))",
    "an end for nobody": "record(END_COMMAND, 0)",
    "an end out of range": "record(END_COMMAND, 4096)",
    "an end for a manager's command": "start('sleep', '30'); record(END_COMMAND, 0)",
    "an end twice": "start('sleep', '30', flags=APART); read(); record(END_COMMAND, 0);"
                    " record(END_COMMAND, 0)",
    "an end with more to it":
        "start('sleep', '30', flags=APART); read(); record(END_COMMAND, 0, struct.pack('=i', 9))",
    "a question with the number of a command": "start('sleep', '30'); explain('touch')",
    "a question out of range": "explain('touch', ident=4096)",
    "a question with fewer arguments than it says": "explain('touch', n_args=3)",
    "a question for what runs with the number of a command":
        "start('sleep', '30'); record(STATUS, 0, struct.pack('=I', 0))",
    "what only the monitor says": "record(TOTALS, 0, bytes(21 * 8))",
    "a number that is in use": "start('sleep', '30'); start('touch', MARK)",
    "a number out of range": "start('touch', MARK, ident=4096)",
    "the largest number": "start('touch', MARK, ident=2**32 - 1)",
    "the end of what did not begin": "done(0)",
    "the end of what still runs": "start('sleep', '30'); done(0)",
    "the end of a number out of range": "done(2**40)",
    "no end at all": "record(DONE, 0, struct.pack('=I', 0))",
    "more ends than there are": "done(0, count=2)",
    "more ends than there may be": "record(DONE, 0, struct.pack('=I', 33) + bytes(33 * 32))",
    "ends in a start that are not there": "start('touch', MARK, n_done=40)",
    "a stop without a reason": "record(STOP, 0, struct.pack('=I', 9))",
    "a stop twice": "record(STOP, 0, struct.pack('=I', 1)); record(STOP, 0, struct.pack('=I', 1))",
    "a pong that was not asked for": "record(PONG)",
    "a peer without a reason": "record(PEER, 0, struct.pack('=IIiI', 99, 0, 1, 0))",
    "no arguments where some should be": "record(ARGS)",
    "something between arguments and start":
        "record(ARGS, 0, b'touch\\0'); record(STOP, 0, struct.pack('=I', 1))",
    "more arguments than there may be":
        "[record(ARGS, 0, bytes(32000)) for _ in range(200)]",
    "fewer arguments than it says": "start('touch', MARK, n_args=3)",
    "more arguments than it says": "start('touch', MARK, n_args=1)",
    "the most arguments": "start('touch', MARK, n_args=2**32 - 1)",
    "fewer bytes than it says": "start('touch', MARK, n_bytes=4000)",
    "more bytes than it says": "start('touch', MARK, n_bytes=3)",
    "arguments without an end": "start(n_args=1, raw=b'touch')",
    "a client of another user": "start('touch', MARK, uid=client_uid + 1234)",
}


class Tree:
    """An installed tree of its own, with a worker that does what it is told."""

    def __init__(self, folder: Path, policy: PolicyFolder) -> None:
        installed = programs.install_tree()
        self.folder = folder
        self.mark = folder / "mark"
        (folder / "bin").mkdir()
        self.libexec = folder / "libexec/rootwrapd"
        self.libexec.mkdir(parents=True)
        shutil.copy(installed / "rootwrap-daemon", folder / "bin")
        shutil.copy(MISBEHAVING, self.libexec / "rootwrap-worker")
        self.config = policy.write("touch: CommandFilter, touch, root\n"
                                   "sleep: CommandFilter, sleep, root")
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, script: str) -> subprocess.Popen[bytes]:
        """Starts the daemon with a worker that runs this."""
        text = f"MARK = {str(self.mark)!r}\n{script}\n"
        (self.libexec / "misbehave").write_text(text, encoding="ascii")
        self.process = subprocess.Popen(
            [str(self.folder / "bin/rootwrap-daemon"), str(self.config)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(self.folder)})
        return self.process

    def answers(self) -> list[tuple[int, int, bytes]]:
        """What the monitor answered: type, number, the rest."""
        path = self.libexec / "answers"
        lines = path.read_text(encoding="ascii").split() if path.exists() else []
        return [(*struct.unpack_from("=II", bytes.fromhex(line)), bytes.fromhex(line)[8:])
                for line in lines]

    def leftovers(self) -> list[str]:
        """Directories of daemons."""
        return [name for name in os.listdir(self.folder) if name.startswith("rootwrapd-")]


# How long a worker that has nothing left to do may go on when the daemon stops.
FINISH_S = 45
# Name: what the worker does, whether the monitor is told to stop, and how long a command runs then.
STUBBORN = {
    "that is told to stop": ("ready()\nstay()", True, 0),
    "that does not read that it is": ("ready()\ntime.sleep(600)", True, 0),
    "that said that it stops": (
        "ready()\nrecord(STOP, 0, struct.pack('=I', 1))\nstay()", False, 0),
    "when its command has ended": ("ready()\nstart('sleep', '6')\nstay()", True, 6),
}


class Stubborn:
    """A daemon that was told to stop, while its worker goes on."""

    def __init__(self, tree: Tree, script: str, is_told: bool, n_commands: int) -> None:
        self.process = tree.run(script)
        assert self.process.stdout
        self.process.stdout.readline()
        wait_for(lambda: len(children_of(self.process.pid)) > n_commands, "the worker")
        self.worker = children_of(self.process.pid)[0]
        self.stopped = time.monotonic()
        if is_told:
            self.process.terminate()
        self.seconds = 0.0
        self.log = b""
        self.thread = threading.Thread(target=self._wait)
        self.thread.start()

    def _wait(self) -> None:
        self.log = self.process.communicate()[1]
        self.seconds = time.monotonic() - self.stopped

    def close(self) -> None:
        """Ends it, if it still runs."""
        self.process.kill()
        self.thread.join()


@pytest.fixture(scope="module", autouse=True)
def stubborn(tmp_path_factory: pytest.TempPathFactory,
             request: pytest.FixtureRequest) -> Iterator[dict[str, Stubborn]]:
    """They take their time: begun before the first test, and looked at by the last ones."""
    begun: dict[str, Stubborn] = {}
    if any(item.name.startswith("test_a_stubborn_worker") for item in request.session.items):
        for what, (script, is_told, seconds) in STUBBORN.items():
            tree = Tree(tmp_path_factory.mktemp("stubborn"),
                        PolicyFolder(tmp_path_factory.mktemp("policy")))
            begun[what] = Stubborn(tree, script, is_told, 1 if seconds else 0)
    yield begun
    for daemon in begun.values():
        daemon.close()


@pytest.fixture()
def tree(tmp_path: Path, policy: PolicyFolder) -> Iterator[Tree]:
    folder = tmp_path / "tree"
    folder.mkdir()
    made = Tree(folder, policy)
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_violation_ends_worker_and_monitor_and_runs_nothing(tree: Tree, what: str) -> None:
    process = tree.run(f"ready()\n{VIOLATIONS[what]}\nwait()")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1, err
    assert VIOLATION in err.decode(), err
    assert tree.leftovers() == []
    assert not tree.mark.exists()


def test_a_command_that_no_filter_allows_is_refused_and_nothing_else_happens(tree: Tree) -> None:
    process = tree.run("ready()\nstart('sh', '-c', 'echo > ' + MARK)\nread()\n"
                       "start('touch', MARK, ident=1)\nread()\nwait()")
    wait_for(lambda: len(tree.answers()) == 2, "both answers")
    refused, exited = tree.answers()
    assert refused == (REFUSED, 0, struct.pack("=iiI", 99, 0, 0))
    assert exited[:2] == (EXITED, 1)
    assert struct.unpack_from("=i", exited[2]) == (0,)
    assert tree.mark.exists(), "what the filters allow, a worker gets"
    assert process.poll() is None
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert b"Unauthorized command: sh -c" in err


def test_a_number_is_free_again_when_its_end_was_told(tree: Tree) -> None:
    tree.run("ready()\nstart('touch', MARK)\nread()\ndone(0)\nstart('touch', MARK)\nread()\nwait()")
    wait_for(lambda: len(tree.answers()) == 2, "both answers")
    assert [answer[0] for answer in tree.answers()] == [EXITED, EXITED]


def test_a_flood_that_reads_no_answer_costs_no_memory_and_no_control(tree: Tree) -> None:
    process = tree.run("ready()\nflood(100000, 'nothing')\nopen(HERE + '/flooded', 'w')\n"
                       "import time; time.sleep(60)")
    wait_for(lambda: (tree.libexec / "flooded").exists(), "the end of the flood")
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    assert pss < 4096
    worker = children_of(process.pid)[0]
    os.kill(worker, signal.SIGKILL)
    process.communicate(timeout=20)
    assert process.returncode == 1
    assert tree.leftovers() == []


@pytest.mark.parametrize("script", ["ready(VERSION + 1)", "record(STOP, 0, bytes(4))", "sys.exit(3)",
                                    "linger()"])
def test_a_worker_that_does_not_begin_as_it_should_is_not_served(tree: Tree, script: str) -> None:
    process = tree.run(f"{script}\nwait()")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, b"")
    assert b"rootwrap-worker does not get ready" in err
    assert tree.leftovers() == []


def test_a_worker_that_is_never_ready_is_not_waited_for_for_ever(tree: Tree) -> None:
    process = tree.run("import time; time.sleep(60)")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, b"")
    assert b"rootwrap-worker does not get ready" in err


def test_a_worker_that_closes_the_channel_and_stays_is_killed(tree: Tree) -> None:
    process = tree.run("ready()\nlinger()")
    worker = wait_for(lambda: children_of(process.pid), "the worker")[0]
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"closed its channel" in err
    assert not is_alive(worker)


def test_without_its_worker_the_monitor_ends_and_a_command_goes_on(
    policy: PolicyFolder, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    daemon = Tree(tree, policy)
    process = daemon.run("ready()\nstart('sleep', '47.25')\nwait()")
    command = wait_for(lambda: children_of(process.pid)[1:], "the command")[0]
    os.kill(children_of(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"killed by signal 9; 1 commands go on without us" in err
    assert is_alive(command)
    os.kill(command, signal.SIGKILL)
    assert daemon.leftovers() == []


def test_without_its_monitor_the_worker_ends(tmp_path: Path, policy: PolicyFolder) -> None:
    program = programs.install_tree() / "rootwrap-daemon"
    config = policy.write("sleep: CommandFilter, sleep, root")
    process = subprocess.Popen([str(program), str(config)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env={**os.environ, "TMPDIR": str(tmp_path)})
    assert process.stdout
    process.stdout.readline()
    worker = children_of(process.pid)[0]
    process.kill()
    process.wait()
    wait_for(lambda: not is_alive(worker), "the end of the worker")


@pytest.mark.parametrize("what", STUBBORN)
def test_a_stubborn_worker_is_ended(stubborn: dict[str, Stubborn], what: str) -> None:
    daemon = stubborn[what]
    least = FINISH_S + STUBBORN[what][2]
    daemon.thread.join(least + 15)
    assert not daemon.thread.is_alive()
    assert least - 2 < daemon.seconds < least + 10
    assert daemon.process.returncode == 1
    assert b"The worker ended: The worker went on when there was nothing left to do" in daemon.log
    assert not is_alive(daemon.worker)
