# SPDX-License-Identifier: Apache-2.0
"""rootwrapctl run: a command through the daemon that behaves as if it had been called itself."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.daemon import FILTERS
from rwtest.policy import PolicyFolder
from rwtest.wait import wait_for


@pytest.fixture()
def command(by_own_daemon: Callable[[str], list[str]]) -> list[str]:
    """What stands before the options."""
    return by_own_daemon("run")


def run(command: Sequence[str], *words: str, stdin: bytes = b"", cwd: str = "/"
        ) -> subprocess.CompletedProcess[bytes]:
    """To its end. The daemon writes its own log to stderr here, beside the command's."""
    return subprocess.run([*command, *words], input=stdin, capture_output=True, cwd=cwd,
                          timeout=programs.DEADLINE_S, check=False)


def test_streams_directory_and_status_are_the_commands(command: list[str]) -> None:
    done = run(command, "--", "sh", "-c", "pwd; cat; echo bad >&2; exit 7", stdin=b"some", cwd="/srv")
    assert (done.returncode, done.stdout) == (7, b"/srv\nsome")
    assert b"bad\n" in done.stderr


def test_a_pipeline_ends_as_without_it(command: list[str]) -> None:
    with subprocess.Popen([*command, "sh", "-c", "while :; do echo y; done"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(programs.DEADLINE_S) == 128 + signal.SIGPIPE


@pytest.mark.parametrize(("words", "code", "text"), [
    (["no-such"], 99, b"rootwrapctl: Unauthorized command: no-such (no filter matched)\n"),
    (["/opt/no/such/program"], 96, b"rootwrapctl: "),
], ids=["unauthorized", "missing"])
def test_a_refusal_exits_as_rootwrap_does(command: list[str], words: list[str], code: int,
                                          text: bytes) -> None:
    done = run(command, "--", *words)
    assert done.returncode == code
    assert text in done.stderr


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"])
def test_a_signal_goes_on_to_the_command(command: list[str], name: str) -> None:
    script = f"trap 'echo got; exit 5' {name}; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen([*command, "sh", "-c", script], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.Signals[f"SIG{name}"])
        assert process.stdout.readline() == b"got\n"
        assert process.wait(programs.DEADLINE_S) == 5


def test_a_signal_that_ends_the_command_is_its_status(command: list[str]) -> None:
    with subprocess.Popen([*command, "sh", "-c", "echo ready; exec sleep 40"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        assert process.wait(programs.DEADLINE_S) == 128 + signal.SIGTERM


def test_a_stop_stops_both_and_a_continue_continues_both(command: list[str]) -> None:
    with subprocess.Popen([*command, "sh", "-c", "echo $$; exec sleep 60"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        pid = int(process.stdout.readline())

        def state(of: int) -> str:
            return Path(f"/proc/{of}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0]

        process.send_signal(signal.SIGTSTP)
        wait_for(lambda: state(process.pid) == "T" and state(pid) == "T", "both to stop")
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: state(process.pid) != "T" and state(pid) != "T", "both to go on")
        process.terminate()
        process.wait(programs.DEADLINE_S)


def test_a_timeout_ends_it(command: list[str]) -> None:
    start = time.monotonic()
    done = run(command, "--timeout", "0.2", "sleep", "30")
    assert done.returncode == 128 + signal.SIGTERM
    assert b"rootwrapctl run: the command was ended after 0.2 s (--timeout)\n" in done.stderr
    assert time.monotonic() - start < 10


def test_the_terminal_is_the_commands(command: list[str]) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([*command, "sh", "-c", "test -t 0 && test -t 1 && echo tty"],
                          stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        assert process.wait(programs.DEADLINE_S) == 0
    assert os.read(ours, 100) == b"tty\r\n"
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(("words", "told"), [
    (["--socket", "/a", "--config-of", "/b", "true"],
     "rootwrapctl run: of --socket, --config-of and --daemon-command only one, once\n"),
    (["--timeout", "soon", "true"], 'rootwrapctl run: --timeout wants seconds, not "soon"\n'),
    (["--timeout", "-1", "true"], 'rootwrapctl run: --timeout wants seconds, not "-1"\n'),
    (["--none"], "unrecognized option '--none'\nusage: "),
], ids=["two_ways", "no_number", "negative", "unknown"])
def test_wrong_use_is_told(words: list[str], told: str) -> None:
    done = programs.rootwrapctl("run", *words)
    assert done.returncode == 64 and told in done.stderr


@pytest.mark.parametrize("words", [[], ["--"], ["--socket", "/run/none.sock"],
                                   ["--daemon-command", "/bin/false"]])
def test_no_command_is_told_before_anything_is_done(words: list[str]) -> None:
    done = programs.rootwrapctl("run", *words)
    assert (done.returncode, done.stdout) == (98, "")
    assert done.stderr.startswith("rootwrapctl run: no command\nusage: rootwrapctl run ")


def test_help_has_the_exit_statuses() -> None:
    done = programs.rootwrapctl("run", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--help" in done.stdout and "Exit status: " in done.stdout


def test_no_daemon_is_told() -> None:
    done = programs.rootwrapctl("run", "--socket", "/run/none.sock", "true")
    assert (done.returncode, done.stderr) == (
        70, "rootwrapctl: /run/none.sock: No such file or directory\n")


def test_a_host_service_needs_no_sudo(policy: PolicyFolder, service_user: str, other_user: str,
                                      ) -> None:
    config = policy.write(FILTERS, allowed_users=service_user)
    where = Path("/run/rw-run.sock")
    with subprocess.Popen(
            ["systemd-socket-activate", "--seqpacket", "-l", str(where),
             str(programs.install_tree() / "rootwrap-daemon"), str(config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as service:
        wait_for(where.exists, "the socket")
        where.chmod(0o666)
        words = [str(programs.install_tree() / "rootwrapctl"), "run", "--socket", str(where),
                 "sh", "-c", "id -u; umask; pwd; exit 3"]
        done = run(["/usr/bin/setpriv", f"--reuid={service_user}", "--clear-groups",
                    "sh", "-c", 'umask 027; exec "$@"', "sh"], *words, cwd="/srv")
        assert (done.returncode, done.stdout) == (3, b"0\n0027\n/srv\n")
        done = run(["/usr/bin/setpriv", f"--reuid={other_user}", "--clear-groups"], *words)
        assert (done.returncode, done.stdout) == (70, b"")
        assert done.stderr == (
            b"rootwrapctl: /run/rw-run.sock: This user may not connect to this daemon: neither "
            b"allowed_users nor allowed_groups of its configuration names it\n")
        service.terminate()
        service.wait(programs.DEADLINE_S)
