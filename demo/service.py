# SPDX-License-Identifier: Apache-2.0
"""A service with a rootwrap daemon: a process of its user, with oslo.rootwrap's own client."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pwd
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from oslo_rootwrap.client import Client

DEADLINE_S = 30.0
CHILD_DEADLINE_S = 600

T = TypeVar("T")

# Of the child: the one object of the service that stays.
_client: Client | None = None


@dataclass(frozen=True)
class Answer:
    """What the client returned for a command, and how long it took."""

    status: int
    out: str
    err: str
    took_s: float


@dataclass(frozen=True)
class Ending:
    """What became of a daemon when its service ended."""

    status: int
    is_tidy: bool


def _become(user: str) -> None:
    """Begins the child: gives up root for good, and makes sure that it ends."""
    signal.alarm(CHILD_DEADLINE_S)
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.chdir("/")


def _connect(words: Sequence[str]) -> None:
    global _client
    _client = Client(list(words))


def _execute(command: Sequence[str], stdin: str | None) -> Answer:
    assert _client
    start = time.perf_counter()
    status, out, err = _client.execute(list(command), stdin)
    return Answer(status, out, err, time.perf_counter() - start)


def _repeat(command: Sequence[str], n_calls: int) -> Answer:
    """The first answer that isn't the expected one, or the last; the time is that of all."""
    start = time.perf_counter()
    for _ in range(n_calls):
        answer = _execute(command, None)
        if (answer.status, answer.out, answer.err) != (0, "", ""):
            break
    return Answer(answer.status, answer.out, answer.err, time.perf_counter() - start)


def _round_trip(command: Sequence[str], n_bytes: int) -> tuple[Answer, str, str]:
    """Sends random hexadecimal digits. Return: the answer without them, and both checksums"""
    text = os.urandom(n_bytes // 2).hex()
    answer = _execute(command, text)
    sums = [hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()
            for data in (text, answer.out)]
    return Answer(answer.status, "", answer.err, answer.took_s), sums[0], sums[1]


def _end() -> Ending:
    """What the interpreter does at the end of a service, and then a look at what is left."""
    assert _client
    folder = Path(_client._manager.address).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} has gone before its daemon")
    _client._finalize()
    status = _client._process.wait(DEADLINE_S)
    return Ending(status, not folder.exists())


class Service:
    """A service as it is while it runs. Its client starts the daemon with the first command."""

    def __init__(self, user: str, words: Sequence[str]) -> None:
        context = multiprocessing.get_context("fork")
        self._executor = ProcessPoolExecutor(1, context, _become, (user,))
        self._call(_connect, words)

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 where: TracebackType | None) -> None:
        self._executor.shutdown()

    def _call(self, function: Callable[..., T], *arguments: object) -> T:
        return self._executor.submit(function, *arguments).result()

    def execute(self, *command: str) -> Answer:
        """Runs a command through the daemon."""
        return self._call(_execute, command, None)

    def repeat(self, *command: str, n_calls: int) -> Answer:
        """Runs a command, which prints nothing, so many times, or until it fails."""
        return self._call(_repeat, command, n_calls)

    def round_trip(self, *command: str, n_bytes: int) -> tuple[Answer, str, str]:
        """Sends so much to a command that prints it. Return: the answer, and both checksums"""
        return self._call(_round_trip, command, n_bytes)

    def end(self) -> Ending:
        """Ends the daemon as the end of the service does."""
        return self._call(_end)
