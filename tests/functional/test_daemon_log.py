# SPDX-License-Identifier: Apache-2.0
"""What the daemon logs, and where to: journald, syslog, standard error."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import users
from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher
from rwtest.legacy import RETURN, UNSERIALIZABLE, RefusedError
from rwtest.logs import JOURNAL_SOCKET, SYSLOG_SOCKET, Journal, Syslog
from rwtest.programs import EXIT_NOT_EXECUTABLE, EXIT_UNAUTHORIZED
from rwtest.wait import status_of, wait_for

FACILITY_LOCAL3 = 19
HELD_MAX = 8  # AUDIT_HELD_MAX
SEVERITIES = {"error": 3, "warning": 4, "info": 6}
EVERYTHING = {"use_syslog": "True", "syslog_log_level": "INFO", "syslog_log_facility": "local3"}


@pytest.fixture()
def syslog() -> Iterator[Syslog]:
    """A private /dev/log."""
    daemon = Syslog()
    yield daemon
    daemon.close()


@pytest.fixture()
def journal() -> Iterator[Journal]:
    """A private journald."""
    daemon = Journal()
    yield daemon
    daemon.close()


def priority(severity: str) -> bytes:
    """What a line of syslog begins with."""
    return b"<%d>" % (FACILITY_LOCAL3 * 8 + SEVERITIES[severity])


def wait_for_stderr(daemon: Daemon, *parts: str) -> str:
    """A line of the daemon's standard error with all these parts."""

    def probe() -> str | None:
        lines = daemon.stderr().splitlines()
        return next((line for line in lines if all(part in line for part in parts)), None)

    return wait_for(probe, f"a line on stderr with {parts}")


def wakeups(pid: int) -> int:
    """How often a process has begun to wait."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status_of(status, "voluntary_ctxt_switches"))


# one line a command

def test_a_command_is_logged_with_all_about_it(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, service_user: str
) -> None:
    daemon = launch(our_daemon_program, EVERYTHING, sudo_user=service_user)
    script = "cat >/dev/null; printf 12345; printf 123 >&2; exit 7"
    with users.acting_as(service_user), daemon.session() as session:
        session.run(["sh", "-c", script], "1234567890")
    line = syslog.wait_for_line(b"/usr/bin/sh").decode()
    assert re.fullmatch(
        re.escape(f"{priority('info').decode()}rootwrap-daemon: ({service_user} > root) Executed "
                  f"['/usr/bin/sh', '-c', '{script}'] (filter match = sh)")
        + r" pid=[0-9]+ status=7 duration=[0-9]+\.[0-9]{3}ms in=10 out=5 err=3"
        + f" uid=7100 peer={os.getpid()}\0", line)


def test_a_command_is_logged_with_the_user_that_it_ran_as(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, service_user: str
) -> None:
    filters = f"id: CommandFilter, id, {service_user}\n"
    with launch(our_daemon_program, EVERYTHING, filters=filters).session() as session:
        assert session.run(["id", "-un"]).stdout == service_user + "\n"
    assert f"> {service_user})".encode() in syslog.wait_for_line(b"/usr/bin/id")


def test_a_command_that_a_signal_ended_is_logged_with_its_number(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(our_daemon_program, EVERYTHING).session() as session:
        session.run(["sh", "-c", "kill -9 $$"])
    assert b"status=-9" in syslog.wait_for_line(b"kill -9")


def test_each_command_has_one_line(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    daemon = launch(our_daemon_program, EVERYTHING)
    with daemon.session() as session:
        for number in range(20):
            session.run(["echo", f"number-{number}-"])
    syslog.wait_for_line(b"number-19-")
    lines = b"".join(syslog.seen)
    assert all(lines.count(b"number-%d-" % number) == 1 for number in range(20))


def test_a_command_is_logged_while_the_next_one_runs(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, tmp_path: Path
) -> None:
    """Lines of commands are written together, but none waits for a command."""
    daemon = launch(our_daemon_program, EVERYTHING)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with daemon.session() as session:
        session.run(["echo", "first"])
        session.start(["sh", "-c", f"read line <{gate}"])
        syslog.wait_for_line(b"'first'")
        assert not any(b"gate" in line for line in syslog.seen)
        gate.write_text("go\n", encoding="ascii")
        session.finish()
    assert daemon.stop() == 0


def test_d19_arguments_forge_no_lines(
    daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    forged = "x\n<0>kernel: (root > root) Executed forged\r\x1b[2J\x00"[:-1]
    daemon = launch(daemon_program, EVERYTHING)
    with daemon.session() as session:
        session.run(["rm", forged])
        session.run(["true"])
    line = syslog.wait_for_line(b"forged").rstrip(b"\0")
    if daemon.program.is_ours:
        assert line.count(b"\n") == 0 and b"\r" not in line and b"\x1b" not in line
    else:
        assert b"\n" in line


def test_bytes_that_are_no_text_are_logged_as_text(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(our_daemon_program, EVERYTHING).session() as session:
        session.run(["echo", "a\udcff\udc80b", "\u20ac"])
    line = syslog.wait_for_line(b"/usr/bin/echo").rstrip(b"\0")
    line.decode("utf-8")
    assert b"\xff" not in line


def test_a_long_command_is_cut(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(our_daemon_program, EVERYTHING).session() as session:
        session.run(["echo", *["x" * 1000] * 100])
    line = syslog.wait_for_line(b"/usr/bin/echo")
    assert len(line) < 16 * 1024
    assert b"..." in line and b"filter match = echo" in line


# refusals

def test_d19_refusals_are_logged_whatever_the_level_is(
    daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, service_user: str
) -> None:
    """At their default level oslo.rootwrap's daemon logs no warnings."""
    daemon = launch(daemon_program, {"use_syslog": "True"}, sudo_user=service_user)
    with users.acting_as(service_user), daemon.session() as session:
        assert session.run(["rm", "-rf", "/nothing"]).returncode == EXIT_UNAUTHORIZED
        assert session.run(["program"]).returncode == EXIT_NOT_EXECUTABLE
    if daemon.program.is_ours:
        line = syslog.wait_for_line(b"Unauthorized command: rm -rf /nothing (no filter matched)")
        assert b"uid=7100" in line and b"peer=%d" % os.getpid() in line
        line = syslog.wait_for_line(b"Executable not found", b"/opt/no/such/program")
        assert b"filter match = missing" in line
    else:
        # sudo's own lines are there
        assert not any(b"nothing" in line for line in syslog.lines())


def test_refusals_are_logged_without_use_syslog(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(our_daemon_program).session() as session:
        session.run(["rm", "x"])
        session.run(["echo", "not logged"])
        session.run(["rm", "y"])
    syslog.wait_for_line(b"rm x")
    syslog.wait_for_line(b"rm y")
    assert not any(b"not logged" in line for line in syslog.seen)


def test_commands_are_not_logged_at_the_level_of_errors(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(our_daemon_program, {"use_syslog": "True"}).session() as session:
        session.run(["echo", "not logged"])
        session.run(["rm", "y"])
    syslog.wait_for_line(b"rm y")
    assert not any(b"not logged" in line for line in syslog.seen)


def test_a_refusal_that_oslo_would_have_allowed_names_the_difference(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    filters = "printf: RegExpFilter, printf, root, printf, one|two\n"
    with launch(our_daemon_program, filters=filters).session() as session:
        assert session.run(["printf", "one and more"]).returncode == EXIT_UNAUTHORIZED
    assert b"D6" in syslog.wait_for_line(b"Unauthorized command: printf one and more")


def test_what_the_kernel_refuses_is_logged(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(our_daemon_program).session() as session:
        session.error(["echo", "x" * 200_000])
    syslog.wait_for_line(os.strerror(7).encode())


def test_a_failed_authentication_is_logged_with_uid_and_pid(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, service_user: str
) -> None:
    daemon = launch(our_daemon_program, sudo_user=service_user)
    with users.acting_as(service_user), daemon.knock() as connection:
        with pytest.raises(RefusedError):
            connection.prove(bytes(32))
    line = syslog.wait_for_line(b"uthentication failed")
    assert b"7100" in line and b"%d" % os.getpid() in line


def test_a_user_who_may_not_connect_is_logged_with_uid_and_pid(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, service_user: str,
    other_user: str
) -> None:
    daemon = launch(our_daemon_program, sudo_user=service_user)
    daemon.path.parent.chmod(0o755)
    daemon.path.chmod(0o666)
    with users.acting_as(other_user), daemon.knock() as connection:
        connection.rest()
    line = syslog.wait_for_line(b"uthentication failed")
    assert b"7200" in line and b"%d" % os.getpid() in line


def test_failed_authentications_do_not_flood_the_log(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    daemon = launch(our_daemon_program)
    for _ in range(500):
        with daemon.knock() as connection, pytest.raises(RefusedError):
            connection.prove(bytes(32))
    assert daemon.stop() == 0
    lines = [line for line in syslog.lines() if b"uthentication failed" in line]
    assert 0 < len(lines) < 200


def test_authentications_that_were_held_back_are_told_of_without_a_next_one(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    n_failed = 40
    daemon = launch(our_daemon_program)
    for _ in range(n_failed):
        with daemon.knock() as connection, pytest.raises(RefusedError):
            connection.prove(bytes(32))

    def count() -> int:
        """Those that there is a line of, and those that were held back."""
        more = re.findall(r"Authentication failed: (\d+) more like this", daemon.stderr())
        return daemon.stderr().count("it does not know the key") + sum(map(int, more))

    wait_for(lambda: count() == n_failed, "the number of all")
    assert "more like this" in daemon.stderr()
    assert count() == n_failed


def test_a_daemon_that_has_nothing_to_do_is_not_woken(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    for _ in range(20):
        with daemon.knock() as connection, pytest.raises(RefusedError):
            connection.prove(bytes(32))
    wait_for(lambda: "more like this" in daemon.stderr(), "the number of those held back")
    time.sleep(2.5)  # whatever is to be done a second later
    before = [wakeups(pid) for pid in daemon.pids]
    time.sleep(2.5)
    assert [wakeups(pid) for pid in daemon.pids] == before


# where to

def test_without_any_log_it_is_standard_error(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    assert not SYSLOG_SOCKET.exists() and not JOURNAL_SOCKET.exists()
    daemon = launch(our_daemon_program, EVERYTHING)
    with daemon.session() as session:
        session.run(["rm", "x"])
    line = wait_for_stderr(daemon, "Unauthorized command: rm x")
    assert line.startswith("rootwrap-daemon: ")


def test_the_name_in_the_log_is_the_one_that_was_called(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, tmp_path: os.PathLike[str]
) -> None:
    link = f"{os.fspath(tmp_path)}/cinder-rootwrap-daemon"
    os.symlink(our_daemon_program.program, link)
    program = DaemonProgram("ours", our_daemon_program.program.__class__(link))
    with launch(program, EVERYTHING).session() as session:
        session.run(["rm", "x"])
    assert syslog.wait_for_line(b"rm x").startswith(priority("error") + b"cinder-rootwrap-daemon")


def test_journald_gets_fields(
    our_daemon_program: DaemonProgram, launch: Launcher, journal: Journal, syslog: Syslog
) -> None:
    """Where it is there, it is told; with no option, and instead of syslog."""
    with launch(our_daemon_program).session() as session:
        session.run(["sh", "-c", "exit 3"])
        session.run(["rm", "two words", "b\nc"])
    entry = journal.wait_for_entry(lambda e: b"refused" in e.get("ROOTWRAP_EVENT", b""), "refusal")
    assert {name: value for name, value in entry.items() if name != "SYSLOG_FACILITY"} == {
        "PRIORITY": b"3",
        "SYSLOG_IDENTIFIER": b"rootwrap-daemon",
        "MESSAGE": b"Unauthorized command: rm two words b\\nc (no filter matched) user=root uid=0"
                   b" peer=%d" % os.getpid(),
        "ROOTWRAP_EVENT": b"refused",
        "ROOTWRAP_USER": b"root",
        "ROOTWRAP_UID": b"0",
        "ROOTWRAP_PEER_PID": b"%d" % os.getpid(),
        "ROOTWRAP_VERDICT": b"unauthorized",
        "ROOTWRAP_ARGV": b'["rm", "two words", "b\\nc"]',
    }
    entry = journal.wait_for_entry(lambda e: b"command" in e.get("ROOTWRAP_EVENT", b""), "command")
    assert (entry["PRIORITY"], entry["ROOTWRAP_STATUS"]) == (b"6", b"3")
    assert entry["ROOTWRAP_ARGV"] == b'["/usr/bin/sh", "-c", "exit 3"]'
    assert (entry["ROOTWRAP_FILTER"], entry["ROOTWRAP_RUN_AS"]) == (b"sh", b"root")
    for name in ("PID", "DURATION_US", "STDIN_BYTES", "STDOUT_BYTES", "STDERR_BYTES"):
        assert int(entry[f"ROOTWRAP_{name}"]) >= 0
    assert syslog.lines() == []


def test_json_is_one_object_a_line(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    daemon = launch(our_daemon_program, {**EVERYTHING, "log_format": "json"})
    with daemon.session() as session:
        session.run(["sh", "-c", "cat; exit 3", "odd\udcff\n\"\\"], "12")
        session.run(["rm", "x"])
    events = []
    for part in (b'"command"', b'"refused"'):
        line = syslog.wait_for_line(b"{", part).rstrip(b"\0")
        assert b"\n" not in line
        events.append(json.loads(line[line.index(b"{"):]))
    command, refusal = events
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event.pop("time"))
    assert command.pop("pid") > 0 and command.pop("duration_us") > 0
    peer = {"program": "rootwrap-daemon", "user": "root", "uid": 0, "peer_pid": os.getpid()}
    assert command == {
        "event": "command", "level": "info", **peer, "filter": "sh", "inner_filter": None,
        "argv": ["/usr/bin/sh", "-c", "cat; exit 3", "odd\udcff\n\"\\"], "argv_cut": False,
        "run_as": "root", "status": 3, "stdin_bytes": 2, "stdout_bytes": 2, "stderr_bytes": 0}
    assert refusal == {
        "event": "refused", "level": "error", **peer, "verdict": "unauthorized", "filter": None,
        "path": None, "argv": ["rm", "x"], "argv_cut": False, "reason": None}


# a log that fails

def test_d4c_a_log_that_is_gone_fails_no_command_and_is_used_when_it_is_back(
    daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    daemon = launch(daemon_program, EVERYTHING)
    with daemon.session() as session:
        assert session.run(["echo", "logged"]) == (0, "logged\n", "")
        syslog.wait_for_line(b"logged")
        syslog.close()
        answers = []
        for number in range(5):
            session.start(["echo", str(number)])
            answers.append(session.receive_answer())
        if not daemon.program.is_ours:
            # its log writes to the stderr that it has closed
            assert {answer.kind for answer in answers} == {UNSERIALIZABLE}
            return
        assert answers == [(RETURN, [0, f"{number}\n", ""]) for number in range(5)]
        back = Syslog()
        try:
            assert wait_for(lambda: session.run(["echo", "again"]).returncode == 0
                            and any(b"again" in line for line in back.lines()),
                            "the log to be used again")
        finally:
            back.close()


def test_a_log_that_does_not_read_holds_up_nobody(
    our_daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    daemon = launch(our_daemon_program, EVERYTHING)
    with daemon.session() as session:
        with syslog.full():
            for number in range(200):
                assert session.run(["echo", str(number)]) == (0, f"{number}\n", "")
        syslog.datagrams()
        assert session.run(["echo", "again"]).returncode == 0
        line = syslog.wait_for_line(b"log lines were lost")
        # lines of commands that are not taken are held, so many; some more may have been written,
        # after their answers, when there was room again
        n_lost = int(re.search(rb" ([0-9]+) log lines", line)[1])
        assert 200 - 2 * HELD_MAX <= n_lost <= 200 - HELD_MAX
        # and those that were held are there, in their order, before it
        numbers = [int(found[1]) for line in syslog.seen
                   if (found := re.search(rb"'([0-9]+)'", line))]
        assert numbers[:HELD_MAX] == list(range(HELD_MAX))
    assert daemon.stop() == 0


def test_a_standard_error_that_nobody_reads_holds_up_nobody(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """The client has a pipe there, and reads it only when the daemon does not start."""
    daemon = launch(our_daemon_program)
    with daemon.session() as session:
        for _ in range(300):
            assert session.run(["rm", "x" * 1000]).returncode == EXIT_UNAUTHORIZED
        assert session.run(["echo", "x"]) == (0, "x\n", "")
    assert daemon.stop() == 0


def test_a_standard_error_that_is_closed_fails_nothing(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    assert daemon.process.stderr
    daemon.process.stderr.close()
    with daemon.session() as session:
        assert session.run(["rm", "x"]).returncode == EXIT_UNAUTHORIZED
        assert session.run(["echo", "x"]) == (0, "x\n", "")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
