# SPDX-License-Identifier: Apache-2.0
"""What rootwrapctl says to whoever does not know it yet."""

from __future__ import annotations

import pytest

from rwtest.programs import rootwrapctl

SUBCOMMANDS = ["attach", "bench", "explain", "lint", "run", "status"]


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_each_subcommand_is_listed(word: str) -> None:
    done = rootwrapctl(word)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {name} " in done.stdout for name in SUBCOMMANDS)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_a_subcommand_explains_itself_in_three_ways(name: str) -> None:
    told = [rootwrapctl(*words) for words in ((name, "--help"), (name, "-h"), ("help", name))]
    assert [(done.returncode, done.stderr) for done in told] == [(0, "")] * 3
    assert told[0].stdout == told[1].stdout == told[2].stdout
    assert told[0].stdout.startswith(f"usage: rootwrapctl {name} ")
    assert " --help " in told[0].stdout and "\nExit status: " in told[0].stdout


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--nonsense"], ["help", "nonsense"]])
def test_what_it_does_not_know_is_wrong_use(words: list[str]) -> None:
    done = rootwrapctl(*words)
    assert (done.returncode, done.stdout) == (64, "")
    assert "usage: rootwrapctl SUBCOMMAND" in done.stderr


@pytest.mark.parametrize(("words", "who"), [
    (["attach", "/run/none.sock"], "rootwrapctl attach"),
    (["status", "/run/none.sock"], "rootwrapctl status"),
    (["run", "--socket", "/run/none.sock", "true"], "rootwrapctl"),
    (["bench", "--socket", "/run/none.sock", "true"], "rootwrapctl"),
])
def test_all_say_alike_that_a_socket_is_not_there(words: list[str], who: str) -> None:
    assert rootwrapctl(*words).stderr == f"{who}: /run/none.sock: No such file or directory\n"
