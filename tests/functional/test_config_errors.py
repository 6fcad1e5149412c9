# SPDX-License-Identifier: Apache-2.0
"""Every configuration error: exit 97, nothing runs, one line with file, line and what is wrong."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from rwtest.policy import PolicyFolder
from rwtest.programs import EXIT_BAD_CONFIG, Rootwrap

FILTERS = "echo: CommandFilter, echo, root"


def expect_error(rootwrap: Rootwrap, config: Path, file: Path, line: int | None,
                 *words: str) -> None:
    """Asks for a command that would be allowed, and gets the error instead."""
    done = rootwrap.run(config, "echo", "ran")
    text = done.stderr.decode()
    assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, b""), text
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith(f"{rootwrap.program}: ")
    place = re.escape(str(file)) + (rf":{line}(:\d+)?: " if line else r"\b")
    assert re.search(place, lines[0]), text
    for word in words:
        assert word in lines[0], text


# rootwrap.conf

CONFIG_ERRORS: list[tuple[str, str, int, tuple[str, ...]]] = [
    ("a_line_without_delimiter", "[DEFAULT]\nfilters_path={d}\nnonsense\n", 3, ()),
    ("a_line_before_any_section", "filters_path={d}\n", 1, ("section",)),
    ("a_section_that_does_not_end", "[DEFAULT\nfilters_path={d}\n", 1, ()),
    ("an_option_twice", "[DEFAULT]\nfilters_path={d}\nuse_syslog=no\nuse_syslog=no\n", 4,
     ("already",)),
    ("a_section_twice", "[DEFAULT]\nfilters_path={d}\n[x]\n[x]\n", 4, ("already",)),
    ("an_option_without_name", "[DEFAULT]\nfilters_path={d}\n= 1\n", 3, ()),
    ("a_boolean_that_is_none", "[DEFAULT]\nfilters_path={d}\nuse_syslog=perhaps\n", 3,
     ("use_syslog", "perhaps")),
    ("an_empty_boolean", "[DEFAULT]\nfilters_path={d}\nuse_syslog=\n", 3, ("use_syslog",)),
    ("a_facility_that_is_none", "[DEFAULT]\nfilters_path={d}\nsyslog_log_facility=moon\n", 3,
     ("syslog_log_facility", "moon")),
    ("a_level_that_is_none", "[DEFAULT]\nfilters_path={d}\nsyslog_log_level=loud\n", 3,
     ("syslog_log_level", "loud")),
    ("a_number_that_is_none", "[DEFAULT]\nfilters_path={d}\n\nrlimit_nofile=many\n", 4,
     ("rlimit_nofile", "many")),
    ("a_timeout_that_is_none", "[DEFAULT]\nfilters_path={d}\ndaemon_timeout=1.5\n", 3,
     ("daemon_timeout", "1.5")),
    ("a_compat_mode_that_is_none", "[DEFAULT]\nfilters_path={d}\noslo_compat=mostly\n", 3,
     ("oslo_compat", "mostly")),
    ("a_privsep_mode_that_is_none", "[DEFAULT]\nfilters_path={d}\nimplicit_privsep=maybe\n", 3,
     ("implicit_privsep", "maybe")),
    ("a_relative_filter_directory", "[DEFAULT]\nfilters_path={d},rootwrap.d\n", 2,
     ("filters_path", "rootwrap.d")),
    ("a_relative_executable_directory", "[DEFAULT]\nfilters_path={d}\nexec_dirs=/bin, sbin\n", 3,
     ("exec_dirs", "sbin")),
]


@pytest.mark.parametrize("text, line, words", [row[1:] for row in CONFIG_ERRORS],
                         ids=[row[0] for row in CONFIG_ERRORS])
def test_the_configuration_is_refused_with(
    ours: Rootwrap, policy: PolicyFolder, text: str, line: int, words: tuple[str, ...]
) -> None:
    config = policy.write(FILTERS)
    config.write_text(text.replace("{d}", str(policy.filters)))
    expect_error(ours, config, config, line, *words)


def test_bytes_that_are_not_utf8_are_refused(ours: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write(FILTERS)
    config.write_bytes(config.read_bytes() + b"# \xff\n")
    expect_error(ours, config, config, 4)


def test_a_byte_order_mark_is_refused(ours: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write(FILTERS)
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    expect_error(ours, config, config, 1)


def test_a_missing_configuration_is_named(ours: Rootwrap, tmp_path: Path) -> None:
    missing = tmp_path / "missing.conf"
    expect_error(ours, missing, missing, None)


def test_a_configuration_that_is_a_folder_is_refused(ours: Rootwrap, tmp_path: Path) -> None:
    expect_error(ours, tmp_path, tmp_path, None)


def test_a_configuration_that_is_a_fifo_does_not_hang(ours: Rootwrap, tmp_path: Path) -> None:
    fifo = tmp_path / "rootwrap.conf"
    os.mkfifo(fifo)
    expect_error(ours, fifo, fifo, None)


def test_a_missing_filters_path_is_named(ours: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write(FILTERS, filters_path=None)
    expect_error(ours, config, config, None, "filters_path")


# filter files

FILTER_ERRORS: list[tuple[str, str, int | None, tuple[str, ...]]] = [
    ("no_filters_section", "[Other]\na: CommandFilter, a, root\n", None, ("Filters",)),
    ("an_empty_file", "", None, ("Filters",)),
    ("a_line_before_any_section", "a: CommandFilter, a, root\n[Filters]\n", 1, ("section",)),
    ("a_line_without_delimiter", "[Filters]\n\na CommandFilter, a, root\n", 3, ()),
    ("a_command_filter_without_user", "[Filters]\na: CommandFilter, a\n", 2, ("CommandFilter",)),
    ("a_command_filter_without_anything", "[Filters]\n# x\na: CommandFilter\n", 3,
     ("CommandFilter",)),
    ("a_regexp_filter_without_user", "[Filters]\na: RegExpFilter, a\n", 2, ("RegExpFilter",)),
    ("a_path_filter_without_user", "[Filters]\na: PathFilter, a\n", 2, ("PathFilter",)),
    ("an_env_filter_without_user", "[Filters]\na: EnvFilter, env\n", 2, ("EnvFilter",)),
    ("a_read_file_filter_without_path", "[Filters]\na: ReadFileFilter\n", 2, ("ReadFileFilter",)),
    ("an_ip_filter_without_user", "[Filters]\na: IpFilter, ip\n", 2, ("IpFilter",)),
    ("a_netns_filter_without_user", "[Filters]\na: IpNetnsExecFilter, ip\n", 2,
     ("IpNetnsExecFilter",)),
    ("a_chaining_filter_without_user", "[Filters]\na: ChainingRegExpFilter, nice\n", 2,
     ("ChainingRegExpFilter",)),
]


@pytest.mark.parametrize("text, line, words", [row[1:] for row in FILTER_ERRORS],
                         ids=[row[0] for row in FILTER_ERRORS])
def test_a_filter_file_is_refused_with(
    ours: Rootwrap, policy: PolicyFolder, text: str, line: int | None, words: tuple[str, ...]
) -> None:
    config = policy.write(FILTERS)
    broken = policy.filters / "broken.filters"
    broken.write_text(text)
    expect_error(ours, config, broken, line, *words)


def test_a_filter_file_that_is_not_utf8_is_refused(ours: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write(FILTERS)
    broken = policy.filters / "broken.filters"
    broken.write_bytes(b"[Filters]\n# \xe4\n")
    expect_error(ours, config, broken, 2)


def test_an_error_in_the_last_file_stops_what_the_first_allows(
    ours: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write("")
    policy.write_filters(FILTERS, name="00-first.filters")
    broken = policy.write_filters("x: CommandFilter", name="99-last.filters")
    expect_error(ours, config, broken, 2)


# what is no error


@pytest.mark.parametrize("text", [
    "[Filters]\necho: CommandFilter, echo, root\n",
    "[Filters]\necho = CommandFilter, echo, root\n",
    "[Filters]\r\necho: CommandFilter, echo, root\r\n",
    "[Filters]\necho:\n    CommandFilter,\n\n    echo,\n    # no comment of mine\n    root\n",
    "[DEFAULT]\necho: CommandFilter, echo, root\n[Filters]\n",
    "[Filters]\necho: CommandFilter, nothing, root\n[Other]\n[Filters]\n"
    "ECHO: CommandFilter, echo, root\n",
    "  [Filters]\n  # comment\n  ; comment\n  echo: CommandFilter, echo, root",
    "[Filters] and more\necho: CommandFilter, echo, root, ignored\n",
], ids=["colon", "equals", "crlf", "many lines", "default section", "said again", "indented",
        "text after the section"])
def test_the_syntax_of_configparser_is_understood(
    rootwrap: Rootwrap, policy: PolicyFolder, text: str
) -> None:
    config = policy.write("")
    (policy.filters / "test.filters").write_bytes(text.encode())
    done = rootwrap.run(config, "echo", "ran")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")


def test_a_filter_directory_that_is_missing_is_skipped(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write(FILTERS, filters_path=f"/no/such/folder,{policy.filters}")
    done = rootwrap.run(config, "echo", "ran")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")


def test_folders_and_dangling_links_among_the_filters_are_skipped(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write(FILTERS)
    (policy.filters / "folder.filters").mkdir()
    (policy.filters / "dangling.filters").symlink_to("/no/such/file")
    done = rootwrap.run(config, "echo", "ran")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")


def test_executable_directories_default_to_path(rootwrap: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write(FILTERS, exec_dirs=None)
    found = rootwrap.run(config, "echo", "ran", env={"PATH": "/usr/bin:/bin"})
    assert (found.returncode, found.stdout) == (0, b"ran\n")


def test_percent_signs_are_plain(rootwrap: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write("echo: RegExpFilter, echo, root, echo, %(x)s|100%")
    assert rootwrap.run(config, "echo", "100%").stdout == b"100%\n"


def test_every_option_may_be_given(rootwrap: Rootwrap, policy: PolicyFolder) -> None:
    config = policy.write(FILTERS, use_syslog="OFF", syslog_log_facility="LOG_DAEMON",
                          syslog_log_level="warning", daemon_timeout="60", rlimit_nofile="512")
    assert rootwrap.run(config, "echo", "ran").stdout == b"ran\n"


def test_options_that_we_do_not_know_are_left_alone(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write(FILTERS, some_day="yes")
    done = rootwrap.run(config, "echo", "ran")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")


def shared_objects(program: Path) -> set[str]:
    """What the dynamic linker adds to a program, without versions; empty for a static one."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, encoding="utf-8", check=False)
    words = [line.split()[0].split("/")[-1].split(".")[0] for line in done.stdout.splitlines()]
    return {word for word in words if word not in ("statically", "not")}


def test_an_installed_tree_needs_no_other_file_of_the_repository(ours: Rootwrap) -> None:
    programs = [ours.program, *ours.program.parents[1].glob("libexec/rootwrapd/*")]
    for program in programs:
        assert shared_objects(program) <= {
            "linux-vdso", "libc", "libnettle", "libpcre2-32", "ld-linux-x86-64", "ld-linux-aarch64"
        }


def test_the_lean_program_hands_on_what_it_cannot_do(ours: Rootwrap, policy: PolicyFolder) -> None:
    full = ours.program.parents[1] / "libexec/rootwrapd/rootwrap-full"
    assert full.exists(), "musl-tools belongs to the packages of the build"
    config = policy.write("e: RegExpFilter, /bin/echo, root, echo, [a-z]+")
    away = full.with_suffix(".away")
    full.rename(away)
    try:
        refused = ours.run(config, "echo", "word")
    finally:
        away.rename(full)
    assert refused.returncode == 96
    assert b"rootwrap-full" in refused.stderr
    assert ours.run(config, "echo", "word").stdout == b"word\n"
