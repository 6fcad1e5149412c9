# SPDX-License-Identifier: Apache-2.0
"""`rootwrapctl explain`: what would happen, and why; for people and, as --json, for programs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rwtest import programs
from rwtest.policy import PolicyFolder
from rwtest.programs import EXIT_BAD_CONFIG, EXIT_UNAUTHORIZED, Rootwrap, rootwrapctl

FILTERS = r"""
echo: CommandFilter, echo, root
id: CommandFilter, id, daemon
sh: EnvFilter, env, root, FIRST=, SECOND=, sh
dd: RegExpFilter, dd, root, dd, if=/dev/\w+, count=\d+
cat: PathFilter, cat, root, /srv/images
Gone: CommandFilter, rw-no-such-program, root
file: ReadFileFilter, /etc/hostname
nice: ChainingRegExpFilter, nice, root, nice, -n, -?\d+
"""
KEYS = {"decision", "filter", "class", "run_as", "argv", "env", "exit_code"}


@pytest.fixture()
def config(policy: PolicyFolder) -> Path:
    """A policy with most kinds of filters."""
    return policy.write(FILTERS)


def explain(config: Path, *words: str) -> dict[str, Any]:
    """The one object of --json."""
    done = rootwrapctl("explain", "--json", config, *words)
    assert done.stderr == ""
    assert done.stdout.endswith("\n") and done.stdout.count("\n") == 1
    answer = json.loads(done.stdout)
    assert set(answer) == KEYS
    assert isinstance(answer, dict)
    assert done.returncode == answer["exit_code"]
    return answer


ALLOWED: list[tuple[list[str], dict[str, Any]]] = [
    (["echo", "two words"], {"filter": "echo", "class": "CommandFilter", "run_as": "root",
                             "argv": ["/usr/bin/echo", "two words"], "env": {}}),
    (["id"], {"filter": "id", "class": "CommandFilter", "run_as": "daemon",
              "argv": ["/usr/bin/id"], "env": {}}),
    (["env", "SECOND=2=2", "FIRST=ä", "sh", "-c", "x"],
     {"filter": "sh", "class": "EnvFilter", "run_as": "root", "argv": ["/usr/bin/sh", "-c", "x"],
      "env": {"FIRST": "ä", "SECOND": "2=2"}}),
    (["dd", "if=/dev/sda", "count=1"],
     {"filter": "dd", "class": "RegExpFilter", "run_as": "root",
      "argv": ["/usr/bin/dd", "if=/dev/sda", "count=1"], "env": {}}),
    (["cat", "/srv/images/../images/x"],
     {"filter": "cat", "class": "PathFilter", "run_as": "root",
      "argv": ["/usr/bin/cat", "/srv/images/x"], "env": {}}),
    (["cat", "/etc/hostname"],
     {"filter": "file", "class": "ReadFileFilter", "run_as": "root",
      "argv": ["/bin/cat", "/etc/hostname"], "env": {}}),
    (["nice", "-n", "5", "echo", "x"],
     {"filter": "nice", "class": "ChainingRegExpFilter", "run_as": "root",
      "argv": ["/usr/bin/nice", "-n", "5", "/usr/bin/echo", "x"], "env": {}}),
]


@pytest.mark.parametrize("words, wanted", ALLOWED, ids=[" ".join(row[0]) for row in ALLOWED])
def test_json_says_what_would_be_executed(
    config: Path, words: list[str], wanted: dict[str, Any]
) -> None:
    assert explain(config, *words) == {"decision": "allow", "exit_code": 0, **wanted}


@pytest.mark.parametrize("words", [["reboot"], ["dd", "if=/etc/shadow", "count=1"],
                                   ["cat", "/etc/shadow"]], ids=" ".join)
def test_json_of_a_refused_command_names_no_filter(config: Path, words: list[str]) -> None:
    assert explain(config, *words) == {
        "decision": "unauthorized", "filter": None, "class": None, "run_as": None, "argv": None,
        "env": {}, "exit_code": 99}


def test_json_of_a_missing_program_names_its_filter(config: Path) -> None:
    answer = explain(config, "rw-no-such-program")
    assert (answer["decision"], answer["filter"], answer["exit_code"]) == (
        "not_executable", "gone", 96)


def test_bytes_that_are_not_utf8_are_written_as_python_writes_them(config: Path) -> None:
    done = subprocess.run(
        [str(programs.ours().program.parent / "rootwrapctl"), "explain", "--json", str(config),
         "echo", b"\xff\xc3\xa4"], capture_output=True, check=False)
    assert b'"\\udcff' in done.stdout
    assert json.loads(done.stdout)["argv"] == ["/usr/bin/echo", "\udcffä"]


def test_batch_answers_a_line_with_a_line_in_order(config: Path) -> None:
    asked = [["echo", "1"], ["reboot"], ["echo", "\udcff\n\u2028\U0001f600"], ["id"],
             ["rw-no-such-program"]]
    lines = "".join(json.dumps(words) + "\n" for words in asked)
    done = rootwrapctl("explain", "--json", "--batch", config, stdin=lines.encode())
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["exit_code"] for answer in answers] == [0, 99, 0, 0, 96]
    assert answers[2]["argv"] == ["/usr/bin/echo", "\udcff\n\u2028\U0001f600"]
    assert all(set(answer) == KEYS for answer in answers)


def test_batch_answers_ten_thousand_lines(config: Path) -> None:
    lines = "".join(json.dumps(["echo", str(number)]) + "\n" for number in range(10_000))
    done = rootwrapctl("explain", "--json", "--batch", config, stdin=lines.encode())
    found = [json.loads(line)["argv"][1] for line in done.stdout.splitlines()]
    assert found == [str(number) for number in range(10_000)]


def test_batch_without_lines_says_nothing(config: Path) -> None:
    done = rootwrapctl("explain", "--json", "--batch", config)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("line", ["nonsense", '{"a": 1}', "[1]", '["echo"', '["a\\u0000b"]'])
def test_batch_with_a_line_that_is_no_command_is_an_error(config: Path, line: str) -> None:
    done = rootwrapctl("explain", "--json", "--batch", config, stdin=(line + "\n").encode())
    assert done.returncode != 0
    assert done.stderr != ""


def test_the_compat_mode_is_that_of_the_configuration(policy: PolicyFolder) -> None:
    filters = "echo: RegExpFilter, echo, root, echo, one|two"
    strict = explain(policy.write(filters), "echo", "one and more")
    compat = explain(policy.write(filters, oslo_compat="true"), "echo", "one and more")
    assert (strict["exit_code"], compat["exit_code"]) == (99, 0)


@pytest.mark.parametrize("words", [["echo", "two words"], ["id"], ["reboot"],
                                   ["rw-no-such-program"]], ids=" ".join)
def test_rootwrap_does_what_explain_says(ours: Rootwrap, config: Path, words: list[str]) -> None:
    assert ours.run(config, *words).returncode == explain(config, *words)["exit_code"]


def test_explaining_runs_nothing(policy: PolicyFolder, tmp_path: Path) -> None:
    config = policy.write("touch: CommandFilter, touch, root")
    target = tmp_path / "made"
    assert explain(config, "touch", str(target))["decision"] == "allow"
    rootwrapctl("explain", config, "touch", str(target))
    assert not target.exists()


def test_a_broken_configuration_is_97(policy: PolicyFolder) -> None:
    config = policy.write("echo: CommandFilter")
    done = rootwrapctl("explain", config, "echo")
    assert done.returncode == EXIT_BAD_CONFIG
    assert f"{policy.filters / 'test.filters'}:2" in done.stderr


# for people


def test_people_read_the_filter_its_place_the_program_and_the_user(
    config: Path, policy: PolicyFolder
) -> None:
    done = rootwrapctl("explain", config, "id", "-u")
    for word in ("id", "CommandFilter", "/usr/bin/id", "daemon",
                 f"{policy.filters / 'test.filters'}:3"):
        assert word in done.stdout, done.stdout


def test_people_read_the_variables_that_are_set(config: Path) -> None:
    done = rootwrapctl("explain", config, "env", "FIRST=1", "SECOND=2", "sh")
    assert "FIRST=1" in done.stdout
    assert "SECOND=2" in done.stdout


def test_people_read_which_argument_failed_which_pattern(
    config: Path, policy: PolicyFolder
) -> None:
    done = rootwrapctl("explain", config, "dd", "if=/etc/shadow", "count=1")
    for word in (f"{policy.filters / 'test.filters'}:5", "if=/etc/shadow", r"if=/dev/\w+"):
        assert word in done.stdout, done.stdout


def test_people_read_which_folder_a_path_is_outside_of(config: Path) -> None:
    done = rootwrapctl("explain", config, "cat", "/srv/images/../secret")
    for word in ("/srv/images", "/srv/secret"):
        assert word in done.stdout, done.stdout


def test_people_read_which_program_is_missing(config: Path) -> None:
    done = rootwrapctl("explain", config, "rw-no-such-program")
    for word in ("gone", "rw-no-such-program"):
        assert word in done.stdout, done.stdout


def test_people_read_that_no_filter_names_the_command(config: Path) -> None:
    done = rootwrapctl("explain", config, "reboot")
    assert done.returncode == EXIT_UNAUTHORIZED
    assert "no filter" in done.stdout


def test_people_read_which_of_our_differences_refused_it(policy: PolicyFolder) -> None:
    config = policy.write("echo: RegExpFilter, echo, root, echo, one|two")
    done = rootwrapctl("explain", config, "echo", "one and more")
    assert "oslo" in done.stdout


def test_a_line_that_is_no_command_is_refused_and_the_others_are_answered(
    policy: PolicyFolder,
) -> None:
    config = policy.write("true: CommandFilter, true, root")
    lines = ['["true"]', "[1]", '["a\\u0000b"]', '["\\ud800"]', "", "{", '["true"]']
    done = rootwrapctl("explain", "--json", "--batch", config,
                       stdin=("\n".join(lines) + "\n").encode())
    decisions = [json.loads(line)["decision"] for line in done.stdout.splitlines()]
    assert decisions == ["allow", *["unauthorized"] * 5, "allow"]
    assert done.returncode == 70
    assert [line.split(":")[2] for line in done.stderr.splitlines()] == list("23456")


@pytest.mark.parametrize("command", ["sh", "/bin/sh", "env"])
def test_a_filter_that_was_skipped_is_named(policy: PolicyFolder, command: str) -> None:
    config = policy.write("shell: ComandFilter, sh, root\nenglish: EnvFiltre, env, root, LC_ALL=C, "
                          "sh\nls: ComandFilter, ls, root\n")
    done = rootwrapctl("explain", config, command, "-c", "id")
    where = next(config.parent.glob("**/*.filters"))
    skipped = ([f'  shell ({where}:2) is skipped: unknown class "ComandFilter"']
               if command != "env" else [])
    skipped.append(f'  english ({where}:3) is skipped: unknown class "EnvFiltre"')
    assert done.returncode == EXIT_UNAUTHORIZED
    assert done.stdout.splitlines() == ["refused: no filter matches", *skipped]
