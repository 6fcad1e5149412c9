# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, with a deadline; and looking at processes."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 20.0
INTERVAL_S = 0.01
SYS_PIDFD_GETFD = 438  # on all machines


def wait_for(probe: Callable[[], T | None], what: str) -> T:
    """Asks until the answer is true. Return: that answer. Fails at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_S:.0f} s in vain for {what}")
        time.sleep(INTERVAL_S)


def children_of(pid: int) -> list[int]:
    """The children of a process, oldest first; those of its first thread before others."""
    found: list[int] = []
    for thread in sorted(Path(f"/proc/{pid}/task").glob("*"), key=lambda path: int(path.name)):
        with suppress(OSError):
            found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def cmdline_of(pid: int) -> list[str]:
    """The words a process was started with; empty when it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in raw.split(b"\0")[:-1]]


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def has_unread(pid: int) -> bool:
    """Whether a process has a socket from which it has not read what came."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
            fd = libc.syscall(SYS_PIDFD_GETFD, process, int(name), 0)
            if fd < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            try:
                n_bytes = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
            except OSError:
                n_bytes = 0  # one that listens
            finally:
                os.close(fd)
            if n_bytes:
                return True
    finally:
        os.close(process)
    return False


def status_of(text: str, field: str) -> str:
    """One field of a /proc/PID/status text."""
    for line in text.splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].strip()
    raise KeyError(field)


def wait_for_descendant(pid: int, words: list[str]) -> int:
    """Walks down the first children until one runs `words` (whatever the path of the first)."""

    def probe() -> int | None:
        current = pid
        while (children := children_of(current)):
            current = children[0]
            line = cmdline_of(current)
            if line and [os.path.basename(line[0]), *line[1:]] == words:
                return current
        return None

    return wait_for(probe, f"a descendant of {pid} running {words}")
