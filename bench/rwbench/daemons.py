# SPDX-License-Identifier: Apache-2.0
"""The daemons that are measured, and the client that OpenStack's services have for them."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from oslo_rootwrap.client import Client

from rwbench import processes, spawning
from rwtest import programs

OSLO_DAEMON = Path("/usr/bin/oslo-rootwrap-daemon")
KEY_BYTES = 32
DEADLINE_S = 30.0
CHILD_DEADLINE_S = 600

T = TypeVar("T")


def ours() -> list[str]:
    """The command line of our daemon."""
    program = programs.ours().program.with_name("rootwrap-daemon")
    if not program.exists():
        raise RuntimeError(f"the build in {programs.build_folder()} installs no {program.name}")
    return [str(program), str(spawning.CONFIG)]


def oslo() -> list[str]:
    """The command line of oslo.rootwrap's."""
    return [str(OSLO_DAEMON), str(spawning.CONFIG)]


@dataclass(frozen=True)
class Running:
    """A daemon that waits for clients."""

    pid: int
    socket: str
    key: bytes

    @property
    def processes(self) -> list[int]:
        """All that it consists of, while it runs no command."""
        return processes.family(self.pid)


@contextmanager
def running(words: Sequence[str]) -> Iterator[Running]:
    """Starts a daemon, and ends it."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            path = os.fsdecode(process.stdout.readline().rstrip(b"\n"))
            key = process.stdout.read(KEY_BYTES)
            if len(key) != KEY_BYTES:
                raise RuntimeError(f"{words[0]} printed no key")
            yield Running(process.pid, path, key)
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def end(client: Client) -> None:
    """Has a client's daemon end, as at the exit of a service, and waits for that."""
    process = client._process
    client._finalize()
    process.wait(DEADLINE_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


@contextmanager
def client_of(words: Sequence[str]) -> Iterator[Client]:
    """oslo's client, unmodified; it starts the daemon when it is first used."""
    client = Client(list(words))
    try:
        yield client
    finally:
        # One that did not get so far has nobody to tell it; it ends with the sandbox.
        if client._initialized:
            end(client)


def execute(client: Client, command: Sequence[str], stdin: str | bytes | None = None) -> str:
    """Runs a command, which must not fail. Return: its stdout"""
    try:
        code, out, err = client.execute(list(command), stdin)
    except Exception as error:  # the client raises many kinds, Exception itself too
        raise RuntimeError(f"{client._start_command[0]}: {error!r}") from error
    if code != 0 or err:
        raise RuntimeError(f"{' '.join(command)}: exit code {code}: {err}")
    text: str = out
    return text


def become(user: str) -> None:
    """Begins a child: gives up root, and makes sure that it ends."""
    signal.alarm(CHILD_DEADLINE_S)
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.chdir("/")


def in_child(function: Callable[..., T], *arguments: object, user: str = "root") -> T:
    """Calls it in a process of its own, whose memory and threads go with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork"), become, (user,)) as executor:
        return executor.submit(function, *arguments).result()
