# SPDX-License-Identifier: Apache-2.0
"""doas and s6-sudo, which a user would pick instead: set up for one command as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rwbench import spawning
from rwtest.wait import wait_for

DOAS = shutil.which("doas", path="/usr/bin:/bin")
S6_SUDO = shutil.which("s6-sudo", path="/usr/bin:/bin")
S6_SOCKET = Path("/run/rwbench-s6.sock")


def doas() -> list[str] | None:
    """Lets the user of the benchmarks become root without a password.

    Return: the words before a command; None where doas is not installed
    """
    if not DOAS:
        return None
    Path("/etc/doas.conf").write_text(f"permit nopass {spawning.USER} as root\n", "ascii")
    os.chmod("/etc/doas.conf", 0o600)
    return [DOAS]


@contextmanager
def s6_sudo_true() -> Iterator[list[str] | None]:
    """s6-sudo's server for `true`. Yields: the client's words; None where s6 is not installed"""
    if not S6_SUDO:
        yield None
        return
    S6_SOCKET.unlink(missing_ok=True)
    with subprocess.Popen(["s6-ipcserver", S6_SOCKET, "s6-sudod", spawning.TRUE],
                          stdin=subprocess.DEVNULL) as process:
        try:
            wait_for(S6_SOCKET.exists, "s6-ipcserver")
            S6_SOCKET.chmod(0o666)
            yield [S6_SUDO, str(S6_SOCKET)]
        finally:
            process.terminate()
