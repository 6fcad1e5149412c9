# SPDX-License-Identifier: Apache-2.0
"""A host without sudo: the daemon is the host's own service, and users have a command prefix."""

from __future__ import annotations

import os
import pwd
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rwtest import cinder_lvm, programs
from rwtest.wait import wait_for

SOCKET = Path("/run/rootwrapd/cinder.sock")
CONFIG = Path("/etc/cinder/rootwrap.conf")
PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Typed:
    """What somebody typed, and what came of it."""

    line: str
    output: str
    status: int
    took_s: float


@contextmanager
def serving() -> Iterator[None]:
    """As `systemctl start rootwrapd@cinder.socket` makes it, with the daemon at the first call."""
    for name in ("rootwrapctl", "rootwrap-daemon"):
        link = Path("/usr/local/bin") / name
        if not link.exists():
            link.symlink_to(programs.install_tree() / name)
    text = CONFIG.read_text("ascii")
    CONFIG.write_text(text.replace("[DEFAULT]", f"[DEFAULT]\nallowed_users={cinder_lvm.USER}", 1),
                      "ascii")
    SOCKET.parent.mkdir(exist_ok=True)
    with subprocess.Popen(
        ["systemd-socket-activate", "--seqpacket", "-l", SOCKET, "/usr/local/bin/rootwrap-daemon",
         CONFIG],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(SOCKET.exists, "the socket")
            SOCKET.chmod(0o666)
            yield
        finally:
            process.terminate()


def type_line(user: str, line: str) -> Typed:
    """A line in a user's shell, where nothing can raise its privileges."""
    entry = pwd.getpwnam(user)
    start = time.perf_counter()
    done = subprocess.run(
        ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups",
         "--no-new-privs", "sh", "-c", line],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", cwd="/", env={"PATH": PATH, "LC_ALL": "C"}, check=False)
    return Typed(line, done.stdout, done.returncode, time.perf_counter() - start)


def times_ms(ways: dict[str, list[str]], n_runs: int) -> dict[str, float]:
    """How long each takes user cinder: medians of runs that take turns."""
    entry = pwd.getpwnam(cinder_lvm.USER)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(n_runs):
        for name, words in ways.items():
            start = time.perf_counter()
            subprocess.run(words, check=True, user=entry.pw_uid, group=entry.pw_gid,
                           extra_groups=[], cwd="/", stdin=subprocess.DEVNULL,
                           env={**os.environ, "PATH": PATH})
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}
