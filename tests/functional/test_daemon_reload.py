# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a good policy replaces the old one at once, a bad one is refused and logged."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import RefusedError, Session
from rwtest.logs import Syslog
from rwtest.policy import PolicyFolder
from rwtest.programs import EXIT_NOT_EXECUTABLE, EXIT_UNAUTHORIZED
from rwtest.wait import is_alive, wait_for

ECHO = "echo: CommandFilter, echo, root\n"
CAT = "cat: CommandFilter, cat, root\n"
SH = "sh: CommandFilter, sh, root\n"


@pytest.fixture()
def syslog() -> Iterator[Syslog]:
    """A private /dev/log."""
    daemon = Syslog()
    yield daemon
    daemon.close()


@pytest.fixture()
def daemon(our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog) -> Daemon:
    """A daemon that allows echo."""
    return launch(our_daemon_program, filters=ECHO)


@pytest.fixture()
def session(daemon: Daemon) -> Iterator[Session]:
    """A connection from before the reload."""
    with daemon.session() as session:
        yield session


def is_allowed(session: Session, word: str) -> bool:
    """Whether the daemon runs a command now."""
    code = session.run([word]).returncode
    assert code in (0, EXIT_UNAUTHORIZED)
    return code == 0


def test_d12_sighup_ends_oslo_s_daemon_and_reloads_ours(
    daemon_program: DaemonProgram, launch: Launcher, policy: PolicyFolder, syslog: Syslog
) -> None:
    daemon = launch(daemon_program, {"use_syslog": "True"}, filters=ECHO)
    session = daemon.session()
    assert not is_allowed(session, "cat")
    policy.write_filters(ECHO + CAT)
    daemon.send_signal(signal.SIGHUP)
    if daemon.program.is_ours:
        wait_for(lambda: is_allowed(session, "cat"), "the new policy")
        assert is_allowed(session, "echo")
    else:
        assert daemon.wait() == -signal.SIGHUP
    session.close()


def test_a_filter_that_is_gone_is_gone_at_once(
    daemon: Daemon, session: Session, policy: PolicyFolder
) -> None:
    assert is_allowed(session, "echo")
    policy.write_filters(CAT)
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: is_allowed(session, "cat"), "the new policy")
    assert not is_allowed(session, "echo")


def test_without_a_signal_nothing_changes(
    daemon: Daemon, session: Session, policy: PolicyFolder
) -> None:
    policy.write_filters(CAT)
    assert is_allowed(session, "echo")
    assert not is_allowed(session, "cat")


def test_a_reload_is_logged(daemon: Daemon, syslog: Syslog, policy: PolicyFolder) -> None:
    policy.write(ECHO + CAT, use_syslog="True", syslog_log_level="INFO")
    daemon.send_signal(signal.SIGHUP)
    syslog.wait_for_line(b"eload", b"rootwrap-daemon")


BAD_POLICIES = {
    "a config that is no config": ("config", "nonsense\n"),
    "a config without filters_path": ("config", "[DEFAULT]\nexec_dirs = /bin\n"),
    "a filter file that is none": ("filters", "nonsense\n"),
    "a filter with too few words": ("filters", "[Filters]\necho: CommandFilter\n"),
}


@pytest.mark.parametrize("what", BAD_POLICIES)
def test_a_bad_policy_is_refused_and_logged_and_the_old_one_stays(
    daemon: Daemon, session: Session, policy: PolicyFolder, syslog: Syslog, what: str
) -> None:
    where, text = BAD_POLICIES[what]
    path = policy.config if where == "config" else policy.filters / "test.filters"
    path.write_text(text, encoding="ascii")
    daemon.send_signal(signal.SIGHUP)
    line = syslog.wait_for_line(b"eload", os.fsencode(path))
    assert b"refused" in line
    assert is_allowed(session, "echo")
    assert not is_allowed(session, "cat")
    # and a good one is taken later
    policy.write(ECHO + CAT)
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: is_allowed(session, "cat"), "the good policy")


def test_a_policy_that_others_can_write_is_refused(
    daemon: Daemon, session: Session, policy: PolicyFolder, syslog: Syslog
) -> None:
    policy.write_filters(ECHO + CAT).chmod(0o666)
    daemon.send_signal(signal.SIGHUP)
    syslog.wait_for_line(b"refused", os.fsencode(policy.filters / "test.filters"))
    assert is_allowed(session, "echo")
    assert not is_allowed(session, "cat")


def test_a_config_that_is_gone_is_refused(
    daemon: Daemon, session: Session, policy: PolicyFolder, syslog: Syslog
) -> None:
    policy.config.unlink()
    daemon.send_signal(signal.SIGHUP)
    syslog.wait_for_line(b"refused", os.fsencode(policy.config))
    assert is_allowed(session, "echo")


def test_many_signals_are_no_problem(
    daemon: Daemon, session: Session, policy: PolicyFolder
) -> None:
    for number in range(50):
        policy.write_filters(ECHO + (CAT if number % 2 else ""))
        daemon.send_signal(signal.SIGHUP)
        assert is_allowed(session, "echo")
    wait_for(lambda: is_allowed(session, "cat"), "the last policy")


def test_what_runs_and_who_is_connected_stay(
    our_daemon_program: DaemonProgram, launch: Launcher, policy: PolicyFolder, syslog: Syslog
) -> None:
    daemon = launch(our_daemon_program, filters=ECHO + SH)
    pids = daemon.pids
    with daemon.session() as busy, daemon.session() as session:
        busy.start(["sh", "-c", "sleep 0.7; echo done"])
        wait_for(lambda: daemon.commands(), "the command")
        policy.write_filters(ECHO + CAT)
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: is_allowed(session, "cat"), "the new policy")
        assert busy.finish() == (0, "done\n", "")
        assert busy.run(["sh", "-c", "echo x"]).returncode == EXIT_UNAUTHORIZED
    assert all(map(is_alive, pids))


def test_options_of_the_config_are_read_again(
    our_daemon_program: DaemonProgram, launch: Launcher, policy: PolicyFolder, tmp_path: Path,
    syslog: Syslog
) -> None:
    daemon = launch(our_daemon_program, filters=ECHO + SH)
    program = tmp_path / "bin" / "echo"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho another\n", encoding="ascii")
    program.chmod(0o755)
    with daemon.session() as session:
        assert session.run(["echo", "x"]) == (0, "x\n", "")
        policy.write(ECHO + SH, exec_dirs=f"{program.parent},/usr/bin", rlimit_nofile="77")
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: session.run(["echo", "x"]).stdout == "another\n", "the new config")
        assert session.run(["sh", "-c", "ulimit -Sn"]) == (0, "77\n", "")


def test_a_user_that_a_filter_names_may_be_missing_until_it_is_needed(
    daemon: Daemon, session: Session, policy: PolicyFolder
) -> None:
    policy.write_filters(ECHO + "cat: CommandFilter, cat, no-such-user\n"
                                "gone: CommandFilter, /opt/gone, root\n")
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: session.run(["gone"]).returncode == EXIT_NOT_EXECUTABLE, "the new policy")
    assert "no-such-user" in session.error(["cat"])
    assert is_allowed(session, "echo")


def test_the_key_and_the_socket_stay(daemon: Daemon, policy: PolicyFolder) -> None:
    policy.write_filters(ECHO + CAT)
    daemon.send_signal(signal.SIGHUP)
    daemon.check_serves()
    assert daemon.path.is_socket()
    with pytest.raises(RefusedError), daemon.knock() as connection:
        connection.prove(bytes(32))
    assert daemon.stop() == 0
