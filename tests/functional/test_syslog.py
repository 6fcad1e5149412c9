# SPDX-License-Identifier: Apache-2.0
"""What reaches syslog, in the form that log filters of operators know."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.logs import SYSLOG_SOCKET, Syslog
from rwtest.policy import PolicyFolder
from rwtest.programs import Rootwrap

FILTERS = """
True: CommandFilter, true, root
echo: CommandFilter, echo, root
missing: CommandFilter, /opt/no/such/program, root
"""

FACILITY_LOCAL3 = 19
FACILITY_SYSLOG = 5
SEVERITY_ERROR = 3
SEVERITY_INFO = 6
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "USER": "jane", "LC_ALL": "C.UTF-8"}


@pytest.fixture()
def syslog() -> Iterator[Syslog]:
    """A private /dev/log."""
    daemon = Syslog()
    yield daemon
    daemon.close()


def priority(facility: int, severity: int) -> bytes:
    """The number in front of a line."""
    return f"<{facility * 8 + severity}>".encode()


def with_syslog(policy: PolicyFolder, **options: str) -> Path:
    """A policy that logs everything."""
    return policy.write(FILTERS, **{"use_syslog": "True", "syslog_log_level": "INFO", **options})


def test_a_command_is_logged_with_user_words_and_filter(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    config = with_syslog(policy, syslog_log_facility="local3")
    done = rootwrap.run(config, "echo", "two words", "it's", env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert syslog.lines() == [
        priority(FACILITY_LOCAL3, SEVERITY_INFO) + rootwrap.program.name.encode()
        + b": (jane > root) Executing ['/usr/bin/echo', 'two words', \"it's\"]"
        b" (filter match = echo)\0"]


def test_the_filter_s_name_is_logged_in_lower_case(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    rootwrap.run(with_syslog(policy), "true", env=ENVIRONMENT)
    lines = syslog.lines()
    assert len(lines) == 1
    assert lines[0].endswith(b"Executing ['/usr/bin/true'] (filter match = true)\0")


def test_the_default_facility_is_syslog(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    rootwrap.run(with_syslog(policy), "true", env=ENVIRONMENT)
    assert syslog.lines()[0].startswith(priority(FACILITY_SYSLOG, SEVERITY_INFO))


def test_a_facility_may_be_named_as_in_c(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    rootwrap.run(with_syslog(policy, syslog_log_facility="LOG_LOCAL3"), "true", env=ENVIRONMENT)
    assert syslog.lines()[0].startswith(priority(FACILITY_LOCAL3, SEVERITY_INFO))


def test_a_refusal_is_logged_as_an_error(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    config = with_syslog(policy, syslog_log_level="ERROR")
    done = rootwrap.run(config, "rm", "-rf", "/", env=ENVIRONMENT)
    assert done.returncode == programs.EXIT_UNAUTHORIZED
    assert syslog.lines()[0].rstrip(b"\0").startswith(
        priority(FACILITY_SYSLOG, SEVERITY_ERROR) + rootwrap.program.name.encode()
        + b": Unauthorized command: rm -rf / (no filter matched)")


def test_a_missing_executable_is_logged_as_an_error(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    config = with_syslog(policy, syslog_log_level="ERROR")
    done = rootwrap.run(config, "program", env=ENVIRONMENT)
    assert done.returncode == programs.EXIT_NOT_EXECUTABLE
    assert syslog.lines()[0].rstrip(b"\0").startswith(
        priority(FACILITY_SYSLOG, SEVERITY_ERROR) + rootwrap.program.name.encode()
        + b": Executable not found: /opt/no/such/program (filter match = missing)")


def test_a_refusal_is_logged_without_line_breaks(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    rootwrap.run(with_syslog(policy), "rm", "x\n<13>sshd: forged", env=ENVIRONMENT)
    lines = syslog.lines()
    assert len(lines) >= 1
    assert all(b"\n" not in line for line in lines)


def test_a_refusal_that_oslo_would_have_allowed_is_logged_with_its_row(
    ours: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    policy.write_filters("echo2: RegExpFilter, printf, root, printf, one|two", name="b.filters")
    done = ours.run(with_syslog(policy), "printf", "one and more", env=ENVIRONMENT)
    assert done.returncode == programs.EXIT_UNAUTHORIZED
    assert b"filter match = echo2; D6: " in b"".join(syslog.lines())


def test_commands_are_not_logged_at_the_level_of_errors(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    rootwrap.run(with_syslog(policy, syslog_log_level="error"), "true", env=ENVIRONMENT)
    assert syslog.lines() == []


def test_nothing_is_logged_without_use_syslog(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    config = with_syslog(policy, use_syslog="no")
    rootwrap.run(config, "true", env=ENVIRONMENT)
    rootwrap.run(config, "rm", env=ENVIRONMENT)
    assert syslog.lines() == []


def test_stdin_and_output_are_never_logged(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    policy.write_filters("cat: CommandFilter, cat, root", name="more.filters")
    done = rootwrap.run(with_syslog(policy), "cat", stdin=b"passphrase", env=ENVIRONMENT)
    assert done.stdout == b"passphrase"
    assert b"passphrase" not in b"".join(syslog.lines())


def test_the_name_in_the_log_is_the_base_name_of_the_one_called(
    rootwrap: Rootwrap, policy: PolicyFolder, syslog: Syslog, tmp_path: Path
) -> None:
    link = tmp_path / "cinder-rootwrap"
    link.symlink_to(rootwrap.program)
    Rootwrap(rootwrap.name, link).run(with_syslog(policy), "true", env=ENVIRONMENT)
    text = syslog.lines()[0].split(b">", 1)[1]
    assert text.startswith(b"cinder-rootwrap: (jane > root) ")


def test_a_command_runs_where_syslog_is_missing(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    assert not SYSLOG_SOCKET.exists()
    done = rootwrap.run(with_syslog(policy), "echo", "ran", env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (0, b"ran\n")


def test_syslog_that_cannot_be_opened_leaves_stderr_to_the_command(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    done = rootwrap.run(with_syslog(policy), "echo", "ran", env=ENVIRONMENT)
    assert (done.stdout, done.stderr) == (b"ran\n", b"")


def test_a_syslog_that_does_not_read_does_not_hold_up_a_command(
    ours: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    config = with_syslog(policy)
    with syslog.full():
        done = ours.run(config, "echo", "ran", env=ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")
    assert os.path.exists(SYSLOG_SOCKET)


def test_a_long_command_is_cut_in_the_log_and_shows_it(
    ours: Rootwrap, policy: PolicyFolder, syslog: Syslog
) -> None:
    done = ours.run(with_syslog(policy), "echo", *["x" * 100] * 200, env=ENVIRONMENT)
    assert done.returncode == 0
    (line,) = syslog.lines()
    assert len(line) < 8 * 1024 + 100
    assert b"...] (filter match = echo)" in line
