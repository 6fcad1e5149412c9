# SPDX-License-Identifier: Apache-2.0
"""rootwrapctl run in a real shell on a terminal: Ctrl-C, Ctrl-Z, jobs, fg."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import daemon, programs
from rwtest.daemon import FILTERS
from rwtest.policy import PolicyFolder
from rwtest.wait import children_of, wait_for

DEADLINE_S = 15.0
CTRL_C, CTRL_Z, CTRL_BACKSLASH = b"\x03", b"\x1a", b"\x1c"
MORE_FILTERS = FILTERS + "tty: CommandFilter, tty, root\nstty: CommandFilter, stty, root\n"


class Shell:
    """bash with job control; what it prints is looked for."""

    def __init__(self, socket: Path) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            environ = {"PATH": "/usr/bin:/bin", "PS1": "ready$ ", "TERM": "dumb", "LC_ALL": "C"}
            os.execve("/bin/bash", ["bash", "--norc", "--noediting", "-i"], environ)
        self.seen = b""
        self.run_words = f"'{programs.install_tree() / 'rootwrapctl'}' run --socket {socket} --"
        self.expect("ready\\$ $")

    def expect(self, pattern: str) -> str:
        """Reads until it was printed. Return: what came, up to it; the rest is kept"""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.search(pattern.encode(), self.seen)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self.seen!r}")
            self.seen += os.read(self.terminal, 65536)
        text, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return text.decode()

    def type(self, keys: bytes) -> None:
        """As somebody at the keyboard."""
        os.write(self.terminal, keys)

    def command(self, line: str) -> None:
        """A line; RUN in it is rootwrapctl run."""
        self.type(line.replace("RUN", self.run_words).encode() + b"\n")

    def status(self) -> int:
        """Of the last command."""
        self.command("echo status=$?")
        return int(self.expect(r"status=\d+\r\n").rpartition("=")[2])

    def close(self) -> None:
        """Hangs up."""
        os.close(self.terminal)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A host service's."""
    folder = tmp_path_factory.mktemp("terminal")
    config = PolicyFolder(folder).write(MORE_FILTERS)
    path = folder / "s.sock"
    with subprocess.Popen(
        ["systemd-socket-activate", "--seqpacket", "-l", path, daemon.ours().program, config],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(path.exists, "the socket")
        yield path
        process.terminate()


@pytest.fixture()
def shell(socket: Path) -> Iterator[Shell]:
    """One of a test's own."""
    found = Shell(socket)
    yield found
    found.close()


def state(pid: int) -> str:
    """R, S, T, ...; empty when it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def is_stopped(pid: int) -> bool:
    """It, or the child that it has from vfork(2) and that it waits for until that executes."""
    return state(pid) == "T" or any(state(child) == "T" for child in children_of(pid))


def started(shell: Shell) -> int:
    """The pid that a command prints as up=PID."""
    return int(shell.expect(r"up=\d+\r\n").rpartition("=")[2])


def test_ctrl_c_ends_the_command_as_without_us(shell: Shell) -> None:
    shell.command("RUN sh -c 'echo up=$$; exec sleep 60'")
    pid = started(shell)
    shell.type(CTRL_C)
    shell.expect(r"ready\$ $")
    assert shell.status() == 130
    assert state(pid) == ""


def test_ctrl_c_may_be_caught_by_the_command(shell: Shell) -> None:
    shell.command("RUN sh -c 'trap \"echo caught; exit 7\" INT; echo up=$$; while :; do sleep 0.05;"
                  " done'")
    started(shell)
    shell.type(CTRL_C)
    shell.expect("caught")
    assert shell.status() == 7


def test_ctrl_backslash_quits(shell: Shell) -> None:
    shell.command("RUN sh -c 'ulimit -c 0; echo up=$$; exec sleep 60'")
    started(shell)
    shell.type(CTRL_BACKSLASH)
    assert shell.status() == 128 + signal.SIGQUIT


def test_ctrl_z_stops_it_and_fg_goes_on(shell: Shell) -> None:
    shell.command("RUN sh -c 'echo up=$$; sleep 0.5; echo on; exit 9'")
    pid = started(shell)
    shell.type(CTRL_Z)
    shell.expect("Stopped")
    wait_for(lambda: is_stopped(pid), "the command to stop")
    shell.command("jobs")
    shell.expect(r"\[1\]\+ +Stopped")
    time.sleep(0.7)
    assert is_stopped(pid)
    shell.command("fg")
    shell.expect("on\r\n")
    assert shell.status() == 9


def test_a_stopped_one_goes_on_in_the_background(shell: Shell) -> None:
    shell.command("RUN sh -c 'echo up=$$; sleep 0.3; exit 4'")
    started(shell)
    shell.type(CTRL_Z)
    shell.expect("Stopped")
    shell.command("bg; wait %1; echo ended=$?")
    shell.expect("ended=4\r\n")


def test_the_command_reads_what_is_typed_and_knows_the_terminal(shell: Shell) -> None:
    shell.command("RUN sh -c 'read word; echo got=$word'")
    shell.type(b"typed\n")
    shell.expect("got=typed\r\n")
    shell.command("tty; RUN tty")
    assert len(set(re.findall(r"/dev/pts/\d+\r\n", shell.expect(
        r"(/dev/pts/\d+\r\n[^/]*){2}")))) == 1
    shell.command("stty rows 33 cols 77; RUN stty size")
    shell.expect("33 77\r\n")


def test_a_pipeline_and_a_list(shell: Shell) -> None:
    shell.command("echo b a | tr ' ' '\\n' | RUN cat | sort | tr '\\n' + ; RUN sh -c 'exit 3' || "
                  "echo failed=$?")
    shell.expect(r"a\+b\+failed=3\r\n")


def test_hanging_up_ends_the_command(socket: Path) -> None:
    shell = Shell(socket)
    shell.command("RUN sh -c 'echo up=$$; exec sleep 60'")
    pid = started(shell)
    shell.close()
    wait_for(lambda: state(pid) == "", "the end of the command")
