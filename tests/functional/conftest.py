# SPDX-License-Identifier: Apache-2.0
"""Fixtures: which program a test runs, and a place for its policy."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from rwtest import daemon, programs, users
from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher, SharedDaemon
from rwtest.differences import OURS_ONLY
from rwtest.native import Native
from rwtest.policy import PolicyFolder
from rwtest.programs import Rootwrap

TEST_DEADLINE_S = 120


# oslo.rootwrap imports eventlet where it is installed, which takes five times as long as all the
# rest of its start. Only the tests of tests/interop need it.
EVENTLET = Path("/usr/lib/python3/dist-packages/eventlet")


def pytest_configure() -> None:
    """Stops before anything is touched when this is no sandbox."""
    try:
        programs.require_sandbox()
    except programs.NotInSandboxError as error:
        pytest.exit(str(error), returncode=2)
    if EVENTLET.is_dir():
        subprocess.run(["mount", "-t", "tmpfs", "none", EVENTLET], check=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test of a program on both implementations, but for the listed differences."""
    only_ours = metafunc.function.__name__ in OURS_ONLY
    names = ["ours"] if only_ours else ["ours", "oslo"]
    if "rootwrap" in metafunc.fixturenames:
        metafunc.parametrize("rootwrap", names, indirect=True)
    if "daemon_program" in metafunc.fixturenames:
        metafunc.parametrize("daemon_program", names, indirect=True, scope="module")


@pytest.fixture()
def rootwrap(request: pytest.FixtureRequest) -> Rootwrap:
    """The implementation under test."""
    return programs.ours() if request.param == "ours" else programs.oslo()


@pytest.fixture()
def by_own_daemon(policy: PolicyFolder, tmp_path: Path, service_user: str
                  ) -> Callable[[str], list[str]]:
    """A subcommand of rootwrapctl as the service's user, through a daemon that it starts."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    config = policy.write(FILTERS)
    link = Path("/run/rw")
    if not link.exists():
        link.symlink_to(programs.install_tree())

    def words(subcommand: str) -> list[str]:
        return ["/usr/bin/setpriv", f"--reuid={service_user}", "--regid", service_user,
                "--init-groups", str(programs.install_tree() / "rootwrapctl"), subcommand,
                "--daemon-command", f"{users.SUDO} -n {link}/rootwrap-daemon {config}"]

    return words


@pytest.fixture()
def ours() -> Rootwrap:
    """Our implementation, for tests that ask about nothing else."""
    return programs.ours()


@pytest.fixture(scope="module")
def daemon_program(request: pytest.FixtureRequest) -> DaemonProgram:
    """The daemon under test."""
    return daemon.ours() if request.param == "ours" else daemon.oslo()


@pytest.fixture()
def our_daemon_program() -> DaemonProgram:
    """Our daemon, for tests of what no other one has."""
    return daemon.ours()


@pytest.fixture()
def policy(tmp_path: Path) -> PolicyFolder:
    """An empty folder for a policy."""
    folder = tmp_path / "etc"
    folder.mkdir()
    return PolicyFolder(folder)


@pytest.fixture()
def launch(policy: PolicyFolder) -> Iterator[Launcher]:
    """Starts daemons that end with the test."""
    launcher = Launcher(policy)
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def shared_daemon(
    daemon_program: DaemonProgram, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedDaemon]:
    """A daemon for all tests of a file."""
    config = PolicyFolder(tmp_path_factory.mktemp("shared")).write(FILTERS)
    shared = SharedDaemon(daemon_program, config)
    yield shared
    shared.close()


@pytest.fixture()
def served(shared_daemon: SharedDaemon) -> Iterator[Daemon]:
    """A daemon that other tests use too. Whatever a test does to it, it must serve the next one."""
    daemon = shared_daemon.get()
    yield daemon
    daemon.check_serves()


@pytest.fixture(scope="module")
def our_shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedDaemon]:
    """Our daemon for all tests of a file."""
    config = PolicyFolder(tmp_path_factory.mktemp("shared")).write(FILTERS)
    shared = SharedDaemon(daemon.ours(), config)
    yield shared
    shared.close()


@pytest.fixture()
def ours_served(our_shared_daemon: SharedDaemon) -> Iterator[Daemon]:
    """Our daemon, which other tests use too."""
    ours = our_shared_daemon.get()
    yield ours
    ours.check_serves()


@pytest.fixture()
def native(ours_served: Daemon) -> Iterator[Native]:
    """A connection of the native protocol to it."""
    with ours_served.native() as connection:
        yield connection


@pytest.fixture(autouse=True)
def _plain_process() -> Iterator[None]:
    """Every test starts from the same umask and folder, and none waits for ever."""
    os.umask(0o022)
    os.chdir("/")
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(TEST_DEADLINE_S)
    yield
    signal.alarm(0)


def _too_late(_number: int, _frame: FrameType | None) -> None:
    """Ends whatever a test waits for."""
    raise TimeoutError(f"the test still waits after {TEST_DEADLINE_S} s")


@pytest.fixture(scope="session")
def service_user() -> str:
    """A real user with a group of its own and one more: uid, gid and groups all differ."""
    users.add_user("rwservice", 7100, ("rwservice", 7101), ("rwextra", 7102))
    users.allow_sudo("rwservice")
    return "rwservice"


@pytest.fixture(scope="session")
def other_user() -> str:
    """Somebody else on the machine."""
    users.add_user("rwother", 7200, ("rwother", 7201))
    return "rwother"
