# SPDX-License-Identifier: Apache-2.0
"""Fixtures: our installed daemon as a service starts it, and clients of it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from rootwrapd import Client
from rwtest import daemon, programs, users
from rwtest.policy import PolicyFolder
from rwtest.wait import wait_for

TEST_DEADLINE_S = 120
FILTERS = daemon.FILTERS + """
sleep2: KillFilter, root, /usr/bin/sleep, -9
id: CommandFilter, id, nobody
"""


def pytest_configure() -> None:
    """Stops before anything is touched when this is no sandbox."""
    try:
        programs.require_sandbox()
    except programs.NotInSandboxError as error:
        pytest.exit(str(error), returncode=2)


def too_late(_number: int, _frame: FrameType | None) -> None:
    """Ends whatever a test waits for."""
    raise TimeoutError(f"the test still waits after {TEST_DEADLINE_S} s")


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """No test waits for ever."""
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(TEST_DEADLINE_S)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with the shell in it."""
    return PolicyFolder(tmp_path_factory.mktemp("policy")).write(FILTERS)


@pytest.fixture(scope="session")
def command(config: Path) -> list[str]:
    """What starts a daemon."""
    return daemon.ours().command(config)


@pytest.fixture(scope="session")
def sudo_command(command: list[str]) -> tuple[str, list[str]]:
    """A user, and what starts a daemon for it."""
    users.add_user("rwpython", 7300, ("rwpython", 7301))
    users.allow_sudo("rwpython")
    return "rwpython", [users.SUDO, "-n", *command]


@pytest.fixture(scope="session")
def service(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a host service."""
    path = tmp_path_factory.mktemp("service") / "service.sock"
    with subprocess.Popen(
        ["systemd-socket-activate", "--seqpacket", "-l", path, *daemon.ours().command(config)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:
        wait_for(path.exists, "the socket")
        yield str(path)
        process.terminate()


@pytest.fixture(scope="module", params=["daemon", "service"])
def shared(request: pytest.FixtureRequest, command: list[str]) -> Iterator[Client]:
    """A client for all tests of a file: of a daemon that it has started, and of a host service."""
    way = command if request.param == "daemon" else request.getfixturevalue("service")
    with Client(way) as client:
        yield client


def link_of(fd: str) -> str:
    """What a descriptor is of; empty if it is closed meanwhile."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""


@pytest.fixture()
def client(shared: Client) -> Iterator[Client]:
    """It serves the next test too, whatever this one does, and keeps no descriptor."""
    assert shared.execute(["true"]) == [0, "", ""]
    before = set(os.listdir("/proc/self/fd"))
    yield shared
    assert shared.execute(["echo", "it serves"]) == [0, "it serves\n", ""]
    kept = set(os.listdir("/proc/self/fd")) - before
    assert not {fd for fd in kept if link_of(fd).startswith("pipe:")}


@pytest.fixture()
def own(command: list[str]) -> Iterator[Client]:
    """A client, and a daemon, of one test."""
    with Client(command) as client:
        yield client
