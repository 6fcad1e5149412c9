# SPDX-License-Identifier: Apache-2.0
"""rootwrapctl bench: how long a command takes through the daemon."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.programs import rootwrapctl

FIGURES = ("answered_us", "command_us", "beyond_us")


@pytest.fixture()
def command(by_own_daemon: Callable[[str], list[str]]) -> list[str]:
    """What stands before the options."""
    return by_own_daemon("bench")


def bench(command: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    """To its end. The daemon writes its own log to stderr here."""
    return subprocess.run([*command, *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=programs.DEADLINE_S, check=False)


@pytest.mark.parametrize("at_once", [1, 7])
def test_it_runs_as_often_as_it_says(command: list[str], tmp_path: Path, at_once: int) -> None:
    """And once more, before."""
    log = tmp_path / "log"
    done = bench(command, "--count", "40", "--at-once", str(at_once), "--json", "--",
                 "sh", "-c", f"echo x >>{log}")
    assert done.returncode == 0
    assert log.read_text(encoding="ascii") == "x\n" * 41
    found = json.loads(done.stdout)
    assert (found["argv"], found["count"], found["at_once"], found["failed"]) == (
        ["sh", "-c", f"echo x >>{log}"], 40, at_once, 0)


@pytest.mark.parametrize("at_once", [1, 20])
def test_it_tells_the_commands_own_time_from_the_rest(command: list[str], at_once: int) -> None:
    done = bench(command, "--count", "20", "--at-once", str(at_once), "--json", "sleep", "0.2")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    for name in FIGURES:
        assert found[name]["median"] <= found[name]["p95"] <= found[name]["p99"] <= (
            found[name]["max"])
    assert found["command_us"]["median"] >= 200_000
    assert found["answered_us"]["median"] >= found["command_us"]["median"]
    assert 0 < found["beyond_us"]["median"] < 150_000
    # one after the other, or all at once
    assert found["seconds"] >= 4 if at_once == 1 else 0.2 <= found["seconds"] < 3


def test_people_get_a_table(command: list[str]) -> None:
    done = bench(command, "--count", "5", "true")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("5 times, 1 at once, in ")
    assert lines[2].split() == ["median", "95", "%", "99", "%", "slowest"]
    assert [line.split("  ")[0] for line in lines[3:]] == [
        "answered in", "the command", "beyond it"]
    assert all(line.count(" ms") == 4 for line in lines[3:])


@pytest.mark.parametrize("at_once", ["1", "4"])
def test_those_that_fail_are_counted(command: list[str], at_once: str) -> None:
    done = bench(command, "--count", "6", "--at-once", at_once, "sh", "-c", "exit 3")
    assert done.returncode == 1
    assert done.stdout.endswith("\n6 of them did not exit with 0\n")


@pytest.mark.parametrize("at_once", ["1", "4"])
@pytest.mark.parametrize(("word", "code", "text"), [
    ("no-such", 99, "rootwrapctl: Unauthorized command: no-such (no filter matched)\n"),
    ("/opt/no/such/program", 96, "rootwrapctl: "),
])
def test_a_refusal_ends_it(command: list[str], at_once: str, word: str, code: int,
                           text: str) -> None:
    done = bench(command, "--at-once", at_once, word)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count(text) >= 1


@pytest.mark.parametrize(("words", "code", "text"), [
    (["--count", "0", "true"], 64,
     'rootwrapctl bench: --count wants a number from 1 to 1000000, not "0"\n'),
    (["--count", "1x", "true"], 64,
     'rootwrapctl bench: --count wants a number from 1 to 1000000, not "1x"\n'),
    (["--at-once", "2049", "true"], 64,
     'rootwrapctl bench: --at-once wants a number from 1 to 2048, not "2049"\n'),
    (["--at-once", "-1", "true"], 64,
     'rootwrapctl bench: --at-once wants a number from 1 to 2048, not "-1"\n'),
    (["--socket", "/run/a", "--config-of", "/etc/a.conf", "true"], 64,
     "rootwrapctl bench: of --socket, --config-of and --daemon-command only one, once\n"),
    (["--daemon-command", " ", "true"], 64,
     "rootwrapctl bench: --daemon-command wants 1 to 32 words, such as "
     '"sudo rootwrap-daemon CONFIG"\n'),
])
def test_wrong_use_is_told_in_a_line(words: list[str], code: int, text: str) -> None:
    done = rootwrapctl("bench", *words)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", text)


def test_without_a_command_there_is_nothing_to_do() -> None:
    done = rootwrapctl("bench", "--count", "3")
    assert (done.returncode, done.stdout) == (98, "")
    assert done.stderr.startswith("rootwrapctl bench: no command\nusage: rootwrapctl bench ")


def test_an_answer_that_cannot_be_written_is_an_error(command: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*command, "--count", "2", "true"], stdout=full,
                              stderr=subprocess.PIPE, timeout=programs.DEADLINE_S, check=False)
    assert done.returncode == 70
    assert b"rootwrapctl bench: the answer can't be written\n" in done.stderr
