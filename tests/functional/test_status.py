# SPDX-License-Identifier: Apache-2.0
"""rootwrapctl status: what a daemon did, and what runs in it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.native import EXITED, PID, STARTED



def status(*words: str) -> subprocess.CompletedProcess[str]:
    """What it says."""
    return subprocess.run([str(programs.install_tree() / "rootwrapctl"), "status", *words],
                          capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture()
def busy(our_daemon_program: DaemonProgram, launch: Launcher) -> Daemon:
    """A daemon that has done something."""
    made = launch(our_daemon_program)
    with made.native() as native:
        for _ in range(5):
            assert native.run("true")[0] == 0
        assert native.run("rm")[0] == 99
        assert native.run("rw-no-such-program")[0] == 96
    made.check_serves()
    return made


def test_it_counts(busy: Daemon) -> None:
    done = status("--json", busy.native_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["started"], found["refused"], found["failed"], found["running"]) == (6, 2, 0, 0)
    assert found["socket"] == busy.native_path
    assert sum(found["took_at_most_ms"].values()) == 6
    assert 0 < found["total_us"] < 60_000_000
    assert found["commands"] == []


def test_it_lists_what_runs(busy: Daemon) -> None:
    with busy.native() as native, busy.session() as session:
        ident = native.start("sleep", "40")
        pid = native.wait(ident, STARTED).number(PID)
        session.start(["sleep", "41"])
        native.run("true")
        found = {tuple(command["argv"]): command
                 for command in json.loads(status("--json", busy.native_path).stdout)["commands"]}
        assert set(found) == {("/usr/bin/sleep", "40"), ("/usr/bin/sleep", "41")}
        one = found["/usr/bin/sleep", "40"]
        assert (one["pid"], one["filter"], one["run_as"], one["uid"], one["peer_pid"]) == (
            pid, "sleep", "root", 0, os.getpid())
        assert 0 < one["duration_us"] < 60_000_000
        os.kill(found["/usr/bin/sleep", "41"]["pid"], signal.SIGKILL)
        native.signal(ident, signal.SIGKILL)
        native.wait(ident, EXITED)


def test_people_read_it(busy: Daemon) -> None:
    with busy.native() as native:
        ident = native.start("sh", "-c", "sleep 42; echo \x1b[31m")
        pid = native.wait(ident, STARTED).number(PID)
        lines = status(busy.native_path).stdout.splitlines()
        native.signal(ident, signal.SIGKILL)
        native.wait(ident, EXITED)
    assert re.fullmatch(re.escape(busy.native_path) + r": up \d+ s; 7 started, 2 refused, "
                        r"0 failed, 1 running; 2 connections", lines[0])
    assert re.fullmatch(r"  took on average [\d.]+ m?s, 50 % within \d+ ms, 99 % .*", lines[1])
    assert re.fullmatch(rf"  pid {pid} +[\d.]+ ms  root\({os.getpid()}\) > root  sh: "
                        r"/usr/bin/sh -c sleep 42; echo \\x1b\[31m", lines[2])
    assert len(lines) == 3


def test_prometheus_reads_it(busy: Daemon) -> None:
    lines = status("--prometheus", busy.native_path).stdout.splitlines()
    label = f'{{socket="{busy.native_path}"'
    assert f"rootwrap_commands_started_total{label}}} 6" in lines
    assert f'rootwrap_command_duration_seconds_bucket{label},le="+Inf"}} 6' in lines
    sample = re.compile(r'[a-z_]+\{socket="[^"]+"(,le="[^"]+")?\} [0-9.]+')
    assert all(line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line) for line in lines)
    buckets = [int(line.rsplit(" ", 1)[1]) for line in lines if "_bucket{" in line]
    assert buckets == sorted(buckets) and len(buckets) == 14


def test_a_socket_is_named_as_for_run(busy: Daemon) -> None:
    done = status("--json", "--socket", busy.native_path, busy.native_path)
    assert [json.loads(line)["socket"] for line in done.stdout.splitlines()] == (
        [busy.native_path] * 2)


@pytest.mark.parametrize(("words", "told"), [([], "no daemon answers\n"), (["--json"], "")])
def test_no_daemon_at_all_is_no_error(words: list[str], told: str, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = status(*words)
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


def test_daemons_are_found(busy: Daemon) -> None:
    sockets = [json.loads(line)["socket"] for line in status("--json").stdout.splitlines()]
    assert busy.native_path in sockets


def test_an_endless_list_is_taken_whole(busy: Daemon) -> None:
    with busy.native() as native:
        idents = [native.start("sh", "-c", "exec sleep 43", "x" * 900) for _ in range(8)]
        for _ in range(40):
            idents += [native.start("sh", "-c", "exec sleep 43", "x" * 900) for _ in range(8)]
            for ident in idents[-8:]:
                native.wait(ident, STARTED)
        found = json.loads(status("--json", busy.native_path).stdout)
        assert len(found["commands"]) == found["running"] == len(idents)
        for ident in idents:
            native.signal(ident, signal.SIGKILL)
            native.wait(ident, EXITED)


def test_other_users_may_not_ask(busy: Daemon, other_user: str) -> None:
    os.chmod(busy.path.parent, 0o755)
    os.chmod(busy.native_path, 0o666)
    done = subprocess.run(
        ["setpriv", "--reuid", other_user, "--regid", other_user, "--clear-groups",
         str(programs.install_tree() / "rootwrapctl"), "status", busy.native_path],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "may not connect" in done.stderr


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["-h"], 0), (["--nonsense"], 64),
                                             (["/run/no/such.sock"], 1)])
def test_usage(words: list[str], code: int) -> None:
    done = status(*words)
    assert done.returncode == code
    assert ("usage" in done.stdout + done.stderr) == (words[0].startswith("-"))
    assert ("Exit status" in done.stdout) == (code == 0)


@pytest.mark.parametrize(("word", "told"), [
    ("/run/no/such.sock", ""),
    ("example", "rootwrapctl status: give the path of its socket, such as "
                "/run/rootwrapd/example.sock\n"),
], ids=["path", "name"])
def test_what_is_not_there_is_named_once(word: str, told: str) -> None:
    assert status(word).stderr == f"rootwrapctl status: {word}: No such file or directory\n{told}"


def test_watch_goes_on_until_it_is_ended(busy: Daemon) -> None:
    process = subprocess.Popen([str(programs.install_tree() / "rootwrapctl"), "status", "--json",
                                "--watch", busy.native_path], stdout=subprocess.PIPE)
    assert process.stdout
    assert [json.loads(process.stdout.readline())["started"] for _ in range(2)] == [6, 6]
    process.terminate()
    process.wait()
    process.stdout.close()
