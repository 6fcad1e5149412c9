# SPDX-License-Identifier: Apache-2.0
"""How the daemon ends: what runs is finished and answered, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import daemon as daemons
from rwtest import users
from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher
from rwtest.legacy import RETURN, ClosedError, Session
from rwtest.policy import PolicyFolder
from rwtest.wait import is_alive, wait_for

# The end of a daemon is not held up for longer by a client that takes nothing.
SEND_DEADLINE_S = 20
NULL = b'["#RETURN", null]'


@pytest.fixture()
def folder() -> Iterator[Path]:
    """A place for sockets that others may look into."""
    path = Path(tempfile.mkdtemp(dir="/srv"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Greedy:
    """A daemon that was told to stop while a client does not take a large answer."""

    def __init__(self, program: DaemonProgram, config: Path) -> None:
        self.daemon = program.start(config)
        self.session = self.daemon.session()
        self.session.start(["head", "-c", "50000000", "/dev/zero"])
        wait_for(self.session.peek, "the beginning of the answer")
        self.daemon.send_signal(signal.SIGTERM)
        self.stopped = time.monotonic()
        self.seconds = 0.0
        self.thread = threading.Thread(target=self._wait)
        self.thread.start()

    def _wait(self) -> None:
        self.daemon.process.wait()
        self.seconds = time.monotonic() - self.stopped

    def close(self) -> None:
        """Ends it, if it still runs."""
        self.session.close()
        self.daemon.kill()
        self.thread.join()


@pytest.fixture(scope="module", autouse=True)
def greedy(tmp_path_factory: pytest.TempPathFactory,
           request: pytest.FixtureRequest) -> Iterator[Greedy | None]:
    """It takes its time: begun before the first test, and looked at by the last one."""
    wanted = any(item.name.startswith("test_a_client_that_takes_nothing")
                 for item in request.session.items)
    if not wanted:
        yield None
        return
    policy = PolicyFolder(tmp_path_factory.mktemp("greedy"))
    config = policy.write(FILTERS + "head: CommandFilter, head, root\n")
    greedy = Greedy(daemons.ours(), config)
    yield greedy
    greedy.close()


def started(session: Session, marker: Path, script: str) -> None:
    """Starts a command and waits until it runs."""
    session.start(["sh", "-c", f"echo > '{marker}'; {script}"])
    wait_for(marker.exists, "the command to run")


def check_gone(daemon: Daemon) -> None:
    """Nothing is left: no process, no socket, no directory."""
    assert not daemon.path.parent.exists()
    for pid in daemon.pids:
        assert not is_alive(pid)


def stop_by(how: str, daemon: Daemon) -> None:
    """Tells a daemon to stop."""
    if how == "SIGTERM":
        daemon.send_signal(signal.SIGTERM)
    elif how == "SIGINT":
        daemon.send_signal(signal.SIGINT)
    elif how == "the manager's shutdown":
        assert daemon.peer().request("shutdown") == (RETURN, None)
    elif how == "the object's shutdown":
        with daemon.session() as session:
            assert session.method("shutdown") == (RETURN, None)
    else:
        assert how == "the end of its parent" and daemon.process.stdin
        daemon.process.stdin.close()


WAYS = ["SIGTERM", "SIGINT", "the manager's shutdown", "the object's shutdown"]
ALL_WAYS = [*WAYS, "the end of its parent"]


@pytest.mark.parametrize("how", WAYS)
def test_a_daemon_ends_with_0_and_leaves_nothing(
    daemon_program: DaemonProgram, launch: Launcher, how: str
) -> None:
    daemon = launch(daemon_program)
    daemon.check_serves()
    stop_by(how, daemon)
    assert daemon.wait() == 0
    check_gone(daemon)


@pytest.mark.parametrize("how", ALL_WAYS)
def test_a_daemon_that_nobody_has_contacted_ends_as_well(
    our_daemon_program: DaemonProgram, launch: Launcher, how: str
) -> None:
    daemon = launch(our_daemon_program)
    stop_by(how, daemon)
    assert daemon.wait() == 0
    check_gone(daemon)


@pytest.mark.parametrize("how", WAYS)
def test_what_runs_is_finished_and_answered(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path, how: str
) -> None:
    daemon = launch(daemon_program)
    with daemon.session() as session:
        started(session, tmp_path / "runs", f"sleep 2; echo done; echo > '{tmp_path}/finished'")
        stop_by(how, daemon)
        wait_for(lambda: is_refused(daemon), "connections to be refused")
        assert daemon.is_running()
        assert not (tmp_path / "finished").exists()
        assert session.finish() == (0, "done\n", "")
        rest = session.rest()
        if daemon.program.is_ours:
            # a client that reads on takes this for the answer to its next request
            assert rest == b""
        else:
            assert rest in (b"", struct.pack("!Q", len(NULL)) + NULL)
    assert daemon.wait() == 0
    check_gone(daemon)


def is_refused(daemon: Daemon) -> bool:
    """Whether nobody can connect any more."""
    try:
        daemon.knock().close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    return False


@pytest.mark.parametrize("how", ALL_WAYS)
def test_all_that_run_are_finished(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path, how: str
) -> None:
    daemon = launch(our_daemon_program)
    sessions = [daemon.session() for _ in range(10)]
    for number, session in enumerate(sessions):
        started(session, tmp_path / str(number), f"cat; sleep 0.{number}; echo {number}")
    stop_by(how, daemon)
    for number, session in enumerate(sessions):
        assert session.finish() == (0, f"{number}\n", "")
        assert session.rest() == b""
        session.close()
    assert daemon.wait() == 0
    check_gone(daemon)


def test_a_large_answer_is_finished(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    daemon = launch(daemon_program)
    with daemon.session() as session:
        started(session, tmp_path / "runs", "exec head -c 20000000 /dev/zero | tr '\\0' x")
        daemon.send_signal(signal.SIGTERM)
        code, out, err = session.finish()
        assert (code, len(out), set(out), err) == (0, 20_000_000, {"x"}, "")
    assert daemon.wait() == 0


def test_a_request_that_has_not_begun_is_not_run(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    """Its client tries again with the next daemon, so it must not run here as well."""
    daemon = launch(our_daemon_program)
    with daemon.session() as session:
        started(session, tmp_path / "runs", "sleep 0.4; echo first")
        session.start(["sh", "-c", f"echo >> '{tmp_path}/second'"])
        daemon.send_signal(signal.SIGTERM)
        assert session.finish() == (0, "first\n", "")
        try:
            assert session.receive_answer() == (RETURN, None)
        except ClosedError:
            pass
    assert daemon.wait() == 0
    assert not (tmp_path / "second").exists()


def test_half_a_request_does_not_hold_up_the_end(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(daemon_program)
    with daemon.session() as session, daemon.knock() as silent:
        session.announce(1000)
        session.send(b"[")
        silent.receive_challenge()
        time.sleep(0.1)
        started_at = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - started_at < 5
    check_gone(daemon)


def test_a_second_signal_changes_nothing(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.session() as session:
        started(session, tmp_path / "runs", "sleep 0.5; echo done")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            daemon.send_signal(number)
            time.sleep(0.05)
        assert session.finish() == (0, "done\n", "")
    assert daemon.wait() == 0
    check_gone(daemon)


# the parent's end

def test_d7b_a_daemon_ends_with_its_parent(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    daemon = launch(daemon_program)
    daemon.check_serves()
    with daemon.session() as session:
        started(session, tmp_path / "runs", f"sleep 0.5; echo done; echo > '{tmp_path}/finished'")
        stop_by("the end of its parent", daemon)
        assert session.finish() == (0, "done\n", "")
    if daemon.program.is_ours:
        assert daemon.wait() == 0
        check_gone(daemon)
    else:
        time.sleep(1)
        assert daemon.is_running()


def test_d7b_a_daemon_ends_with_the_sudo_that_started_it(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    daemon = launch(our_daemon_program, sudo_user=service_user)
    pids = daemon.pids
    os.kill(daemon.process.pid, signal.SIGKILL)
    assert daemon.process.stdin
    daemon.process.stdin.close()
    wait_for(lambda: not any(map(is_alive, pids)), "the daemon's end")
    assert not daemon.path.parent.exists()


def test_a_child_in_the_background_lives_on(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """dnsmasq, keepalived and haproxy of Neutron do."""
    daemon = launch(daemon_program)
    with daemon.session() as session:
        script = "setsid sleep 60 </dev/null >/dev/null 2>&1 & echo $!"
        code, out, err = session.run(["sh", "-c", script])
        assert (code, err) == (0, "")
    pid = int(out)
    assert daemon.stop() == 0
    time.sleep(0.1)
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


# the end of one half

def test_the_worker_ends_with_the_monitor(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    worker = daemon.worker
    with daemon.session() as session:
        daemon.send_signal(signal.SIGKILL)
        wait_for(lambda: not is_alive(worker), "the worker's end")
        assert session.rest() == b""
    assert daemon.wait() == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_monitor_ends_with_the_worker(
    our_daemon_program: DaemonProgram, launch: Launcher, number: int
) -> None:
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    os.kill(daemon.worker, number)
    assert daemon.wait() != -signal.SIGKILL
    check_gone(daemon)


# idleness

def test_a_daemon_ends_when_it_is_idle(daemon_program: DaemonProgram, launch: Launcher) -> None:
    # the last request of an oslo.rootwrap daemon that ends must be at its start
    daemon = launch(daemon_program, {"daemon_timeout": "1"})
    with daemon.session() as session:
        assert session.run(["echo", "x"]) == (0, "x\n", "")
        assert daemon.wait(10) == 0
        assert session.rest() == b""
    check_gone(daemon)


def test_d7_each_request_puts_the_end_off(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(daemon_program, {"daemon_timeout": "1"})
    with daemon.session() as session:
        for _ in range(4):
            assert session.run(["echo", "x"]) == (0, "x\n", "")
            time.sleep(0.6)
        assert session.run(["echo", "x"]) == (0, "x\n", "")
        last = time.monotonic()
        if daemon.program.is_ours:
            assert daemon.wait(10) == 0
            assert 0.9 < time.monotonic() - last < 5
        else:
            # its timer runs out once, and never again
            time.sleep(2.5)
            assert daemon.is_running()


def test_d7_a_daemon_that_nobody_contacts_ends(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"daemon_timeout": "1"})
    started_at = time.monotonic()
    assert daemon.wait(10) == 0
    assert time.monotonic() - started_at > 0.8
    assert not daemon.path.parent.exists()


def test_d7_a_running_command_is_not_idleness(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"daemon_timeout": "1"})
    with daemon.session() as session:
        assert session.run(["sh", "-c", "sleep 2.5; echo done"]) == (0, "done\n", "")
        # it begins with the command's end
        assert session.run(["echo", "x"]) == (0, "x\n", "")
        assert daemon.peer().run(["echo", "y"]) == (0, "y\n", "")
        assert daemon.wait(10) == 0


def test_d22_timer_methods_do_not_keep_a_daemon_from_ending(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"daemon_timeout": "1"})
    with daemon.session() as session:
        for method in ("cancel_timer", "handle_timeout", "prepare_timer", "reset_timer",
                       "cancel_timer"):
            assert session.method(method) == (RETURN, None)
        assert daemon.is_running()
        assert daemon.wait(10) == 0


def test_open_connections_do_not_keep_a_daemon_from_ending(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"daemon_timeout": "1"})
    sessions = [daemon.session() for _ in range(5)]
    silent = [daemon.knock() for _ in range(5)]
    assert daemon.wait(10) == 0
    for connection in (*sessions, *silent):
        connection.close()
    assert not daemon.path.parent.exists()


# what killed daemons leave behind

def test_a_killed_daemon_s_directory_is_removed_by_the_next(
    our_daemon_program: DaemonProgram, launch: Launcher, folder: Path
) -> None:
    env = {**os.environ, "TMPDIR": str(folder)}
    killed = [launch(our_daemon_program, env=env) for _ in range(3)]
    living = launch(our_daemon_program, env=env)
    for daemon in killed:
        daemon.kill()
        assert daemon.path.exists()
        wait_for(lambda daemon=daemon: not is_alive(daemon.worker), "the worker's end")
    following = launch(our_daemon_program, env=env)
    wait_for(lambda: not any(daemon.path.parent.exists() for daemon in killed),
             "the directories to be removed")
    living.check_serves()
    following.check_serves()


def test_a_killed_daemon_s_directory_is_removed_for_a_service_as_well(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    killed = launch(our_daemon_program, sudo_user=service_user)
    killed.kill()
    assert killed.path.exists()
    following = launch(our_daemon_program, sudo_user=service_user)
    wait_for(lambda: not killed.path.parent.exists(), "the directory to be removed")
    following.check_serves()


def test_what_others_put_there_is_left_alone(
    our_daemon_program: DaemonProgram, launch: Launcher, folder: Path, service_user: str,
    other_user: str
) -> None:
    """Whoever may write where sockets lie must not get root to remove what he likes."""
    folder.chmod(0o1777)
    precious = folder / "precious"
    precious.mkdir()
    (precious / "rootwrap.sock").write_text("kept", encoding="ascii")
    (precious / "file").write_text("kept", encoding="ascii")
    with users.acting_as(other_user):
        (folder / "rootwrapd-AAAAAA").symlink_to(precious)
        (folder / "rootwrapd-BBBBBB").mkdir()
        (folder / "rootwrapd-BBBBBB" / "rootwrap.sock").symlink_to(precious / "file")
        (folder / "rootwrapd-BBBBBB" / "more").write_text("kept", encoding="ascii")
        (folder / "rootwrapd-CCCCCC").write_text("kept", encoding="ascii")
    with users.acting_as(service_user):
        (folder / "rootwrapd-DDDDDD").mkdir()
        (folder / "rootwrapd-DDDDDD" / "rootwrap.sock").mkdir()
    env = {**os.environ, "TMPDIR": str(folder), "SUDO_UID": "7100"}
    launch(our_daemon_program, env=env).check_serves()
    launch(our_daemon_program, env={**env, "SUDO_UID": "7200"}).check_serves()
    assert (precious / "rootwrap.sock").read_text(encoding="ascii") == "kept"
    assert (precious / "file").read_text(encoding="ascii") == "kept"
    assert (folder / "rootwrapd-AAAAAA").is_symlink()
    assert (folder / "rootwrapd-BBBBBB" / "more").read_text(encoding="ascii") == "kept"
    assert (folder / "rootwrapd-CCCCCC").read_text(encoding="ascii") == "kept"
    assert (folder / "rootwrapd-DDDDDD" / "rootwrap.sock").is_dir()


def test_a_client_that_takes_nothing_does_not_hold_up_the_end_for_ever(
    greedy: Greedy | None,
) -> None:
    """Begun before the first test of this file."""
    assert greedy
    greedy.thread.join(SEND_DEADLINE_S + 20)
    assert not greedy.thread.is_alive()
    assert SEND_DEADLINE_S - 5 < greedy.seconds < SEND_DEADLINE_S + 5
    assert not greedy.daemon.path.parent.exists()
