# SPDX-License-Identifier: Apache-2.0
"""How the daemon starts: what it refuses, what it prints, and who gets to know the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from rwtest.daemon import DaemonProgram
from rwtest.policy import PolicyFolder


@pytest.fixture()
def config(policy: PolicyFolder) -> Path:
    """A policy that allows a little."""
    return policy.write("echo: CommandFilter, echo, root\n")


def test_a_daemon_serves_whoever_starts_it(daemon_program: DaemonProgram, config: Path, service_user: str) -> None:
    with daemon_program.start(config) as daemon:
        assert daemon.peer().run(["echo", "x"]) == (0, "x\n", "")
        assert daemon.stop() == 0
    with daemon_program.start(config, sudo_user=service_user) as daemon:
        assert daemon.peer().run(["echo", "x"]) == (0, "x\n", "")
        assert daemon.stop() == 0
