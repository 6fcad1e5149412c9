# SPDX-License-Identifier: Apache-2.0
"""`rootwrapctl lint`: errors and dangers with file and line; the exit status tells which."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.policy import PolicyFolder
from rwtest.programs import rootwrapctl

CLEAN, WARNINGS, ERRORS = 0, 1, 2
SERVICES = ["cinder", "manila", "neutron", "neutron-old", "nova-old", "os-brick"]

DANGERS: list[tuple[str, str]] = [
    ("an_alternative_that_is_not_bracketed", r"x: RegExpFilter, true, root, true, one|two"),
    ("a_pattern_with_any_path", r"x: RegExpFilter, true, root, true, /srv/images/.*"),
    ("a_comma_inside_a_pattern", r"x: RegExpFilter, true, root, true, \d{1,3}"),
    ("a_pattern_that_python_rejects", r"x: RegExpFilter, true, root, true, (one"),
    ("an_expression_as_a_path", r"x: PathFilter, true, root, /srv/.*"),
    ("arguments_after_the_command_of_an_env_filter",
     "x: EnvFilter, env, root, A=, true, --version"),
    ("a_value_in_an_env_filter", "x: EnvFilter, env, root, LC_ALL=C, true"),
    ("a_shell", "x: CommandFilter, sh, root"),
    ("a_copy", "x: CommandFilter, cp, root"),
    ("a_move", "x: CommandFilter, mv, root"),
    ("dd", "x: CommandFilter, dd, root"),
    ("tee", "x: CommandFilter, tee, root"),
    ("find", "x: CommandFilter, find, root"),
    ("env", "x: CommandFilter, env, root"),
    ("chown", "x: CommandFilter, chown, root"),
    ("mount", "x: CommandFilter, mount, root"),
    ("a_link", "x: CommandFilter, ln, root"),
    ("an_archiver", "x: CommandFilter, tar, root"),
    ("rsync", "x: CommandFilter, rsync, root"),
    ("python", "x: CommandFilter, python3, root"),
    ("an_editor", "x: CommandFilter, vi, root"),
    ("an_ip_filter_whose_decisions_differ", "x: IpFilter, ip, root"),
    ("run_as_whose_groups_differ", "x: CommandFilter, true, daemon"),
    ("an_unknown_class", "x: NoSuchFilter, true, root"),
]


@pytest.mark.parametrize("line", [row[1] for row in DANGERS], ids=[row[0] for row in DANGERS])
def test_lint_points_at(policy: PolicyFolder, line: str) -> None:
    config = policy.write(f"# a comment\n{line}")
    done = rootwrapctl("lint", config)
    assert done.returncode in (WARNINGS, ERRORS), done.stdout
    assert f"{policy.filters / 'test.filters'}:3" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("program", ["/opt/no/such/program", "rw-no-such-program"])
def test_a_missing_program_is_pointed_at(
    policy: PolicyFolder, program: str
) -> None:
    done = rootwrapctl("lint", policy.write(f"x: CommandFilter, {program}, root"))
    assert done.returncode == WARNINGS, done.stdout
    assert f"{policy.filters / 'test.filters'}:2: warning: " in done.stdout


def test_a_filter_that_an_earlier_one_hides_is_pointed_at(policy: PolicyFolder) -> None:
    config = policy.write("a: CommandFilter, true, root\n"
                          "b: RegExpFilter, true, root, true, one")
    done = rootwrapctl("lint", config)
    assert done.returncode == WARNINGS
    assert f"{policy.filters / 'test.filters'}:3" in done.stdout


def test_a_program_that_others_can_write_is_pointed_at(
    policy: PolicyFolder, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o757)
    done = rootwrapctl("lint", policy.write(f"x: CommandFilter, {program}, root"))
    assert done.returncode in (WARNINGS, ERRORS)
    assert f"{policy.filters / 'test.filters'}:2" in done.stdout


@pytest.mark.parametrize("line", ["x: CommandFilter", "x: CommandFilter, true", "no delimiter"])
def test_a_policy_that_would_not_load_is_an_error(policy: PolicyFolder, line: str) -> None:
    done = rootwrapctl("lint", policy.write(line))
    assert done.returncode == ERRORS
    assert f"{policy.filters / 'test.filters'}:2" in done.stdout + done.stderr


def test_a_file_that_others_can_write_is_an_error(policy: PolicyFolder) -> None:
    config = policy.write("true: CommandFilter, true, root")
    (policy.filters / "test.filters").chmod(0o666)
    done = rootwrapctl("lint", config)
    assert done.returncode == ERRORS
    assert str(policy.filters / "test.filters") in done.stdout + done.stderr


def test_a_missing_configuration_is_an_error(tmp_path: Path) -> None:
    done = rootwrapctl("lint", tmp_path / "missing.conf")
    assert done.returncode == ERRORS
    assert str(tmp_path / "missing.conf") in done.stdout + done.stderr


@pytest.mark.parametrize("line", [
    "true: CommandFilter, /usr/bin/true, root",
    r"true: RegExpFilter, /usr/bin/true, root, true, (?:one|two)",
    "hostname: ReadFileFilter, /etc/hostname",
])
def test_a_good_policy_is_clean(policy: PolicyFolder, line: str) -> None:
    done = rootwrapctl("lint", policy.write(line))
    assert (done.returncode, done.stderr) == (CLEAN, ""), done.stdout


def test_json_is_json(policy: PolicyFolder) -> None:
    done = rootwrapctl("lint", "--json", policy.write("x: CommandFilter, sh, root"))
    assert done.returncode == WARNINGS
    assert str(policy.filters / "test.filters") in json.dumps(json.loads(done.stdout))


@pytest.mark.parametrize("service", SERVICES)
def test_the_filters_of_a_real_service_have_no_errors(
    policy: PolicyFolder, service: str
) -> None:
    config = policy.write("")
    shutil.rmtree(policy.filters)
    shutil.copytree(programs.REPOSITORY / "tests/data/filters" / service, policy.filters,
                    copy_function=shutil.copyfile)
    for path in policy.filters.iterdir():
        path.chmod(0o644)
    policy.filters.chmod(0o755)
    done = rootwrapctl("lint", config)
    assert done.returncode in (CLEAN, WARNINGS), done.stdout + done.stderr


def test_a_broken_file_does_not_hide_the_others(policy: PolicyFolder) -> None:
    config = policy.write("x: CommandFilter, sh, root")
    (policy.filters / "broken.filters").write_text("[Filters]\nx: CommandFilter\n")
    (policy.filters / "worse.filters").write_text("no section\n")
    done = rootwrapctl("lint", config)
    assert done.returncode == ERRORS
    assert f"{policy.filters / 'broken.filters'}:2: error: " in done.stdout
    assert f"{policy.filters / 'worse.filters'}:1: error: " in done.stdout
    assert f"{policy.filters / 'test.filters'}:2: warning: " in done.stdout
    assert done.stdout.count("implicit") <= 1


def test_a_definition_that_is_replaced_is_pointed_at(policy: PolicyFolder) -> None:
    config = policy.write("x: CommandFilter, true, root\ny: CommandFilter, true, root\n"
                          "X: CommandFilter, /usr/bin/true, root")
    done = rootwrapctl("lint", config)
    assert done.returncode == WARNINGS
    assert f"{policy.filters / 'test.filters'}:4: warning: x: " in done.stdout
    assert "line 2" in done.stdout


def test_a_file_that_is_not_read_may_belong_to_anybody(policy: PolicyFolder) -> None:
    config = policy.write("x: CommandFilter, true, root")
    for name in ("test.filters.bak", ".hidden"):
        (policy.filters / name).write_text("nonsense\n")
        (policy.filters / name).chmod(0o666)
    done = rootwrapctl("lint", config)
    assert done.returncode == WARNINGS, done.stdout
    assert "[skipped, D16]" in done.stdout
    assert "not-trusted" not in done.stdout


@pytest.mark.parametrize("option", ["filters_path", "exec_dirs"])
def test_blanks_in_a_list_are_pointed_at(policy: PolicyFolder, option: str) -> None:
    config = policy.write("x: CommandFilter, true, root")
    lines = config.read_text().splitlines()
    value = f"{policy.filters}, /no-such" if option == "filters_path" else "/usr/bin, /bin"
    lines = [line for line in lines if not line.startswith(option)] + [f"{option} = {value}"]
    config.write_text("\n".join(lines) + "\n")
    done = rootwrapctl("lint", config)
    assert done.returncode == WARNINGS, done.stdout
    assert f"{config}:{len(lines)}: warning: {option} has blanks" in done.stdout
    assert "[mode-differs, D15]" in done.stdout


def test_json_has_a_summary_and_every_key(policy: PolicyFolder) -> None:
    done = rootwrapctl("lint", "--json", policy.write("x: CommandFilter, sh, root"))
    report = json.loads(done.stdout)
    assert report["summary"]["warnings"] == 1
    assert all(set(finding) == {"severity", "code", "file", "line", "filter", "rule", "text"}
               for finding in report["findings"])
    danger, = (finding for finding in report["findings"] if finding["severity"] == "warning")
    assert (danger["code"], danger["line"], danger["filter"]) == ("danger", 2, "x")


def test_a_filters_path_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    config = tmp_path / "rootwrap.conf"
    (tmp_path / "there").mkdir()
    config.write_text("[DEFAULT]\nexec_dirs = /bin\n"
                      f"filters_path = {tmp_path}/none,{config}\n", "utf-8")
    done = rootwrapctl("lint", config)
    assert done.returncode == ERRORS
    assert (f"{config}:3: error: filters_path names no directory that is there: no filter is "
            "loaded [no-directory]\n") in done.stdout
    config.write_text("[DEFAULT]\nexec_dirs = /bin\n"
                      f"filters_path = {tmp_path}/none,{tmp_path}/there\n", "utf-8")
    done = rootwrapctl("lint", config)
    assert done.returncode == WARNINGS and "no-directory" not in done.stdout


@pytest.mark.parametrize(("filters", "summary"), [
    ("x: NoFilter\n", "1 error, 0 warnings, "), ("x: CommandFilter, sh, root\n",
                                                 "0 errors, 1 warning, "),
    ("x: NoFilter\ny: NoFilter\n", "2 errors, 0 warnings, "),
])
def test_the_summary_counts_in_plain_words(policy: PolicyFolder, filters: str, summary: str,
                                           ) -> None:
    config = policy.write(filters)
    assert rootwrapctl("lint", config).stdout.splitlines()[-1].startswith(summary)
