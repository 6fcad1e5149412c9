# SPDX-License-Identifier: Apache-2.0
"""What each half of our daemon could do with the machine, as the kernel tells it in /proc."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import users
from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher
from rwtest.policy import PolicyFolder
from rwtest.wait import status_of

CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


@pytest.fixture()
def daemon(our_daemon_program: DaemonProgram, launch: Launcher) -> Iterator[Daemon]:
    """A daemon that root has started, after it has served somebody."""
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    yield daemon
    daemon.check_serves()


@pytest.fixture()
def unprivileged(our_daemon_program: DaemonProgram, service_user: str) -> Iterator[Daemon]:
    """A daemon that a user has started for himself."""
    folder = Path(tempfile.mkdtemp(dir="/srv"))
    folder.chmod(0o755)
    config = PolicyFolder(folder).write(FILTERS.replace(", root", f", {service_user}"))
    process = subprocess.Popen(
        ["/usr/bin/setpriv", f"--reuid={service_user}", f"--regid={service_user}",
         "--init-groups", *our_daemon_program.command(config)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Daemon(our_daemon_program, config, process) as daemon:
        daemon.read_greeting()
        with users.acting_as(service_user):
            daemon.check_serves()
        yield daemon


def status(pid: int) -> str:
    """/proc/PID/status"""
    return Path(f"/proc/{pid}/status").read_text("ascii")


def ids(pid: int, field: str) -> set[int]:
    """Real, effective, saved and file system id."""
    return set(map(int, status_of(status(pid), field).split()))


def descriptors(pid: int) -> list[str]:
    """What a process has open."""
    folder = f"/proc/{pid}/fd"
    return [os.readlink(f"{folder}/{name}") for name in sorted(os.listdir(folder), key=int)]


def check_descriptors(daemon: Daemon) -> None:
    """Sockets, the loop's own, and where messages go: no file, no directory, no device."""
    assert daemon.process.stderr
    allowed = {"/dev/null", os.readlink(f"/proc/self/fd/{daemon.process.stderr.fileno()}")}
    found = descriptors(daemon.worker)
    assert 2 <= len(found) <= 10
    for link in found:
        assert link.startswith(("socket:[", "anon_inode:")) or link in allowed, found


# the worker

def test_the_worker_is_nobody_where_there_is_no_user_of_its_own(daemon: Daemon) -> None:
    nobody = pwd.getpwnam("nobody")
    assert ids(daemon.worker, "Uid") == {nobody.pw_uid}
    assert ids(daemon.worker, "Gid") == {nobody.pw_gid}
    assert status_of(status(daemon.worker), "Groups") == ""


def test_the_worker_is_the_user_rootwrapd_where_there_is_one(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    users.add_user("rootwrapd", 7300, ("rootwrapd", 7301), ("rwmore", 7302))
    try:
        daemon = launch(our_daemon_program)
        daemon.check_serves()
        assert ids(daemon.worker, "Uid") == {7300}
        assert ids(daemon.worker, "Gid") == {7301}
        assert status_of(status(daemon.worker), "Groups") == ""
        assert ids(daemon.pid, "Uid") == {0}
        daemon.kill()
    finally:
        subprocess.run(["userdel", "rootwrapd"], check=True)
        for group in ("rootwrapd", "rwmore"):
            subprocess.run(["groupdel", "-f", group], check=False, capture_output=True)


def test_the_worker_has_no_capability_and_cannot_get_one(daemon: Daemon) -> None:
    for name in CAPABILITY_SETS:
        assert int(status_of(status(daemon.worker), name), 16) == 0, name


def test_the_worker_gains_no_rights_by_executing_something(daemon: Daemon) -> None:
    assert status_of(status(daemon.worker), "NoNewPrivs") == "1"


def test_the_worker_s_system_calls_are_filtered(daemon: Daemon) -> None:
    assert status_of(status(daemon.worker), "Seccomp") == "2"


def test_the_worker_is_one_thread(daemon: Daemon) -> None:
    for pid in daemon.pids:
        assert status_of(status(pid), "Threads") == "1"


def test_the_worker_sees_no_file(daemon: Daemon) -> None:
    root = f"/proc/{daemon.worker}/root"
    assert os.readlink(root) != "/"
    assert os.listdir(root) == []
    assert os.path.samefile(f"/proc/{daemon.worker}/cwd", root)


def test_the_worker_has_its_sockets_and_nothing_else_open(daemon: Daemon) -> None:
    check_descriptors(daemon)


def test_the_worker_gets_no_descriptor_that_the_daemon_was_started_with(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    def leak() -> None:
        for target in (3, 4, 5, 9, 100):
            os.dup2(os.open("/etc/passwd", os.O_RDONLY), target)

    daemon = launch(our_daemon_program, preexec_fn=leak)
    daemon.check_serves()
    for pid in daemon.pids:
        assert not any("passwd" in link for link in descriptors(pid))


def test_the_worker_does_not_hold_the_pipes_of_the_greeting_and_of_the_parent_s_life(
    daemon: Daemon,
) -> None:
    own = {os.readlink(f"/proc/self/fd/{stream.fileno()}")
           for stream in (daemon.process.stdin, daemon.process.stdout) if stream}
    assert len(own) == 2
    assert not own & set(descriptors(daemon.worker))


def test_nobody_else_can_look_into_the_worker(daemon: Daemon) -> None:
    """Not even another process of the same user: it can't be dumped, so root owns its /proc."""
    assert os.stat(f"/proc/{daemon.worker}/environ").st_uid == 0
    with users.acting_as("nobody"):
        for name in ("mem", "environ", "maps", "syscall"):
            with pytest.raises(PermissionError):
                Path(f"/proc/{daemon.worker}/{name}").read_bytes()
        with pytest.raises(PermissionError):
            os.listdir(f"/proc/{daemon.worker}/fd")


def test_the_worker_is_another_program_than_the_monitor(daemon: Daemon) -> None:
    monitor, worker = (Path(f"/proc/{pid}/exe").resolve() for pid in daemon.pids)
    assert monitor.name == "rootwrap-daemon"
    assert worker.name == "rootwrap-worker"
    assert worker.parent.name == "rootwrapd" and worker.parent.parent.name == "libexec"


def test_the_worker_maps_none_of_the_monitor_s_libraries(daemon: Daemon) -> None:
    """No expressions in the one, no HMAC in the other (it is in the worker's own program)."""
    monitor, worker = (Path(f"/proc/{pid}/maps").read_text("ascii") for pid in daemon.pids)
    assert re.search("pcre", monitor) and not re.search("pcre", worker)
    assert not re.search("nettle|hogweed|seccomp", monitor)


# the monitor

def test_the_monitor_is_root(daemon: Daemon) -> None:
    assert ids(daemon.pid, "Uid") == {0}


def test_the_monitor_has_no_client_s_socket_open(daemon: Daemon) -> None:
    """Whoever connects talks to the worker: the monitor has no more open than before."""
    before = len(descriptors(daemon.pid))
    sessions = [daemon.session() for _ in range(20)]
    strangers = [daemon.knock() for _ in range(20)]
    assert len(descriptors(daemon.pid)) == before
    for connection in (*sessions, *strangers):
        connection.close()


# without root

def test_without_root_both_halves_run_as_the_caller(unprivileged: Daemon) -> None:
    for pid in unprivileged.pids:
        assert ids(pid, "Uid") == {7100}
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status_of(status(pid), name), 16) == 0


def test_without_root_what_needs_no_root_is_done_all_the_same(unprivileged: Daemon) -> None:
    assert status_of(status(unprivileged.worker), "NoNewPrivs") == "1"
    assert status_of(status(unprivileged.worker), "Seccomp") == "2"
    check_descriptors(unprivileged)


def test_neither_half_can_be_dumped(unprivileged: Daemon) -> None:
    """Seen by the owner of its files in /proc: otherwise it would be the user."""
    for pid in unprivileged.pids:
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    with users.acting_as("rwservice"):
        for pid in unprivileged.pids:
            with pytest.raises(PermissionError):
                Path(f"/proc/{pid}/mem").read_bytes()


def test_a_protection_that_is_missing_is_in_the_log(
    our_daemon_program: DaemonProgram, service_user: str
) -> None:
    with tempfile.TemporaryDirectory(dir="/srv") as folder:
        os.chmod(folder, 0o777)
        config = PolicyFolder(Path(folder)).write(FILTERS)
        # Its stdin is at its end: it stops as soon as it has started.
        subprocess.run(
            ["/usr/bin/setpriv", f"--reuid={service_user}", f"--regid={service_user}",
             "--init-groups", "sh", "-c", 'true | "$0" "$1" 2>"$2"',
             *our_daemon_program.command(config), f"{folder}/log"],
            env={**os.environ, "TMPDIR": "/tmp"}, stdout=subprocess.DEVNULL, timeout=20, check=True)
        log = Path(f"{folder}/log").read_text(encoding="utf-8")
    for what in ("an empty root directory", "a user of its own", "empty capability sets"):
        assert f"The worker runs without a protection: {what}" in log
    assert log.count("protection") == 3


def test_a_protection_that_is_there_is_not_in_the_log(daemon: Daemon) -> None:
    assert "protection" not in daemon.stderr()
