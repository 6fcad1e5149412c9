# SPDX-License-Identifier: Apache-2.0
"""Where we are stricter than oslo.rootwrap, row by row, against the real thing.

Each row is asked three times: by default (strict), with `oslo_compat = true`, and of oslo.rootwrap
itself; the last two must agree. The rows are those of "Differences" in rootwrap.filters(5).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.policy import PolicyFolder
from rwtest.programs import EXIT_BAD_CONFIG, EXIT_UNAUTHORIZED, Rootwrap
from rwtest.wait import is_alive

# A denial of a hopeless pattern must come in this time; oslo.rootwrap would take years.
HOPELESS_PATTERN_S = 10.0
# Where a filter allows and a row of ours refuses: an operator must find out which.
ROWS_THAT_REFUSE = ("D0", "D1", "D2", "D3", "D6", "D17", "D18")


@dataclass(frozen=True)
class Mode:
    """An implementation and how it is told to decide."""

    name: str
    rootwrap: Rootwrap
    policy: PolicyFolder
    row: str

    @property
    def is_strict(self) -> bool:
        """Whether our own decisions are wanted."""
        return self.name == "default"

    def write(self, filters: str, /, **options: str | None) -> Path:
        """The policy, with the mode's own option."""
        if self.name == "compat":
            options["oslo_compat"] = "true"
        return self.policy.write(filters, **options)

    def run(
        self, config: Path, *words: str, env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a command."""
        return self.rootwrap.run(config, *words, env=env, cwd=cwd)

    def expect(self, done: subprocess.CompletedProcess[bytes], output: bytes) -> None:
        """Strict: refused, naming the row, and nothing ran. Else: it ran and said `output`."""
        if self.is_strict:
            assert (done.returncode, done.stdout) == (EXIT_UNAUTHORIZED, b""), done.stderr
            if self.row in ROWS_THAT_REFUSE:
                assert f" {self.row}: ".encode() in done.stderr
        else:
            assert (done.returncode, done.stdout) == (0, output), done.stderr


@pytest.fixture(params=["default", "compat", "oslo"])
def mode(request: pytest.FixtureRequest, policy: PolicyFolder) -> Mode:
    """The three askings."""
    rootwrap = programs.oslo() if request.param == "oslo" else programs.ours()
    row = request.node.name.split("_")[1].upper()
    return Mode(request.param, rootwrap, policy, row)


@pytest.fixture()
def evil(tmp_path: Path) -> Path:
    """A folder of the caller's own with programs of well-known names."""
    folder = tmp_path / "evil"
    folder.mkdir()
    for name in ("echo", "env", "true"):
        program = folder / name
        program.write_text("#!/bin/sh\necho evil\n")
        program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A real network namespace, and a second one with an awkward name."""
    for name in ("rwtest", "net"):
        subprocess.run(["ip", "netns", "add", name], check=True)
    yield "rwtest"
    for name in ("rwtest", "net"):
        subprocess.run(["ip", "netns", "delete", name], check=True)


# D0: privsep-helper

PRIVSEP_OWN = ["--config-file", "/etc/x/x.conf", "--config-file", "/etc/x/y.conf",
               "--config-dir", "/etc/x/x.d", "--privsep_context", "x.privsep.default",
               "--privsep_sock_path", "/tmp/tmp0/privsep.sock"]
PRIVSEP_ODD = [
    ["--log-config-append", "/tmp/log.conf"],
    ["--config-file", "relative.conf"],
    ["--config-file", "/etc/../tmp/x.conf"],
    ["--config-dir", "/etc//x"],
    ["--privsep_context", "os.system('id')"],
    ["--privsep_sock_path", "relative.sock"],
    ["--help"],
    ["word"],
]


@pytest.fixture(scope="module")
def privsep() -> Iterator[None]:
    """A privsep-helper that shows that it ran."""
    program = Path("/usr/bin/privsep-helper")
    program.write_text("#!/bin/sh\necho privsep\n")
    program.chmod(0o755)
    yield
    program.unlink()


@pytest.mark.usefixtures("privsep")
def test_d0_privsep_helper_runs_with_the_options_that_oslo_privsep_passes(mode: Mode) -> None:
    done = mode.run(mode.write(""), "privsep-helper", *PRIVSEP_OWN)
    assert (done.returncode, done.stdout) == (0, b"privsep\n"), done.stderr


@pytest.mark.usefixtures("privsep")
@pytest.mark.parametrize("more", PRIVSEP_ODD, ids=" ".join)
def test_d0_privsep_helper_with_other_options_is_refused(mode: Mode, more: list[str]) -> None:
    done = mode.run(mode.write(""), "privsep-helper", *PRIVSEP_OWN, *more)
    mode.expect(done, b"privsep\n")


@pytest.mark.usefixtures("privsep")
@pytest.mark.parametrize("more", PRIVSEP_ODD, ids=" ".join)
def test_d0_implicit_privsep_any_allows_other_options(
    ours: Rootwrap, policy: PolicyFolder, more: list[str]
) -> None:
    done = ours.run(policy.write("", implicit_privsep="any"), "privsep-helper", *more)
    assert (done.returncode, done.stdout) == (0, b"privsep\n"), done.stderr


@pytest.mark.usefixtures("privsep")
def test_d0_implicit_privsep_off_leaves_only_explicit_filters(
    ours: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write("", implicit_privsep="off")
    assert ours.run(config, "privsep-helper", *PRIVSEP_OWN).returncode == EXIT_UNAUTHORIZED
    config = policy.write("p: CommandFilter, privsep-helper, root", implicit_privsep="off")
    assert ours.run(config, "privsep-helper", "--any").stdout == b"privsep\n"


# D1: what a chain executes

NETNS_FILTERS = """
ip: IpNetnsExecFilter, ip, root
echo: CommandFilter, echo, root
readlink: CommandFilter, readlink, root
env_sh: EnvFilter, env, root, PROCESS_TAG=, sh
"""


def test_d1_a_command_in_a_namespace_runs_there(mode: Mode, namespace: str) -> None:
    done = mode.run(mode.write(NETNS_FILTERS), "ip", "netns", "exec", namespace, "readlink",
                    "/proc/self/ns/net")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"net:[")
    assert done.stdout.decode().strip() != os.readlink("/proc/self/ns/net")


def test_d1_an_absolute_path_that_the_inner_filter_means_is_allowed(
    mode: Mode, namespace: str
) -> None:
    done = mode.run(mode.write(NETNS_FILTERS), "ip", "netns", "exec", namespace, "/usr/bin/echo",
                    "hello")
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr


def test_d1_a_program_of_the_caller_s_in_a_namespace_is_refused(
    mode: Mode, namespace: str, evil: Path
) -> None:
    done = mode.run(mode.write(NETNS_FILTERS), "ip", "netns", "exec", namespace,
                    str(evil / "echo"))
    mode.expect(done, b"evil\n")


def test_d1_an_env_of_the_caller_s_in_a_namespace_is_refused(
    mode: Mode, namespace: str, evil: Path
) -> None:
    done = mode.run(mode.write(NETNS_FILTERS), "ip", "netns", "exec", namespace,
                    str(evil / "env"), "PROCESS_TAG=x", "sh", "-c", "echo sh")
    mode.expect(done, b"evil\n")


def test_d1_env_in_a_namespace_sets_its_variables(mode: Mode, namespace: str) -> None:
    done = mode.run(mode.write(NETNS_FILTERS), "ip", "netns", "exec", namespace, "env",
                    "PROCESS_TAG=dnsmasq-1", "sh", "-c", "echo $PROCESS_TAG")
    assert (done.returncode, done.stdout) == (0, b"dnsmasq-1\n"), done.stderr


def test_d1_an_inner_command_without_a_filter_is_refused_in_every_mode(
    mode: Mode, namespace: str
) -> None:
    done = mode.run(mode.write(NETNS_FILTERS), "ip", "netns", "exec", namespace, "id")
    assert (done.returncode, done.stdout) == (EXIT_UNAUTHORIZED, b"")


IONICE_FILTERS = r"""
ionice: ChainingRegExpFilter, ionice, root, ionice, -c[0-3], -n[0-7]
echo: CommandFilter, echo, root
"""


def test_d1_ionice_runs_an_allowed_command(mode: Mode) -> None:
    done = mode.run(mode.write(IONICE_FILTERS), "ionice", "-c2", "-n7", "echo", "hello")
    assert (done.returncode, done.stdout) == (0, b"hello\n"), done.stderr


def test_d1_ionice_with_a_program_of_the_caller_s_is_refused(mode: Mode, evil: Path) -> None:
    done = mode.run(mode.write(IONICE_FILTERS), "ionice", "-c2", "-n7", str(evil / "echo"))
    mode.expect(done, b"evil\n")


def test_d1_the_caller_s_path_does_not_choose_the_inner_command(mode: Mode, evil: Path) -> None:
    env = {"PATH": f"{evil}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    done = mode.run(mode.write(IONICE_FILTERS), "ionice", "-c2", "-n7", "echo", "good", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (b"good\n" if mode.is_strict else b"evil\n")


# D2: PathFilter


@pytest.fixture()
def images(tmp_path: Path) -> Path:
    """A folder, one with a longer name beside it, and links between them."""
    folder, other = tmp_path / "images", tmp_path / "images-of-others"
    for path in (folder, other):
        path.mkdir()
        (path / "disk").write_text(path.name + "\n")
    (folder / "out").symlink_to(other / "disk")
    (other / "in").symlink_to(folder / "disk")
    return folder


def path_policy(mode: Mode, images: Path) -> Path:
    """Allows cat and echo below the folder."""
    return mode.write(f"cat: PathFilter, cat, root, {images}\necho: PathFilter, echo, root, "
                      f"{images}")


def test_d2_a_path_below_the_folder_is_allowed(mode: Mode, images: Path) -> None:
    done = mode.run(path_policy(mode, images), "cat", str(images / "disk"))
    assert (done.returncode, done.stdout) == (0, b"images\n"), done.stderr


def test_d2_a_folder_whose_name_goes_on_is_refused(mode: Mode, images: Path) -> None:
    done = mode.run(path_policy(mode, images), "cat",
                    str(images.parent / "images-of-others/disk"))
    mode.expect(done, b"images-of-others\n")


def test_d2_the_resolved_path_is_what_the_command_gets(mode: Mode, images: Path) -> None:
    done = mode.run(path_policy(mode, images), "echo",
                    str(images.parent / "images-of-others/in"))
    assert (done.returncode, done.stdout) == (0, f"{images}/disk\n".encode()), done.stderr


@pytest.mark.parametrize("tail", ["../../etc/passwd", "..", "../images/../secret"])
def test_d2_dots_do_not_lead_out_in_any_mode(mode: Mode, images: Path, tail: str) -> None:
    done = mode.run(path_policy(mode, images), "cat", f"{images}/{tail}")
    assert (done.returncode, done.stdout) == (EXIT_UNAUTHORIZED, b"")


def test_d2_a_link_that_leads_out_is_judged_by_where_it_leads(mode: Mode, images: Path) -> None:
    done = mode.run(path_policy(mode, images), "cat", str(images / "out"))
    mode.expect(done, b"images-of-others\n")


# D3: IpFilter

IP_FILTERS = "ip: IpFilter, ip, root"


@pytest.mark.parametrize("words", [
    ["link", "show", "lo"], ["-o", "link", "show", "dev", "lo"], ["netns", "list"],
    ["-4", "addr", "show"], ["-n", "rwtest", "link", "show"],
], ids=" ".join)
@pytest.mark.usefixtures("namespace")
def test_d3_plain_uses_of_ip_are_allowed(mode: Mode, words: list[str]) -> None:
    done = mode.run(mode.write(IP_FILTERS), "ip", *words)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [
    ["netns", "exec"], ["net", "e"], ["netn", "exe"], ["-o", "netns", "exec"],
], ids=" ".join)
def test_d3_a_plain_netns_exec_is_refused_in_every_mode(
    mode: Mode, namespace: str, words: list[str]
) -> None:
    done = mode.run(mode.write(IP_FILTERS), "ip", *words, namespace, "echo", "ran")
    assert (done.returncode, done.stdout) == (EXIT_UNAUTHORIZED, b"")


@pytest.mark.parametrize("before", [
    ["-n", "net"], ["-net", "net"], ["-netns", "net"], ["-o", "-n", "net"],
], ids=" ".join)
def test_d3_netns_exec_behind_an_option_s_value_is_refused(
    mode: Mode, namespace: str, before: list[str]
) -> None:
    done = mode.run(mode.write(IP_FILTERS), "ip", *before, "netns", "exec", namespace, "echo",
                    "ran")
    mode.expect(done, b"ran\n")


@pytest.mark.parametrize("option", ["-batch", "-b", "-ba", "-bat", "--batch"])
def test_d3_a_batch_file_is_refused(
    mode: Mode, namespace: str, tmp_path: Path, option: str
) -> None:
    batch = tmp_path / "batch"
    batch.write_text(f"netns exec {namespace} echo ran\n")
    done = mode.run(mode.write(IP_FILTERS), "ip", option, str(batch))
    mode.expect(done, b"ran\n")


@pytest.mark.parametrize("words", [["vrf", "exec"], ["vrf", "e"], ["vr", "exec"],
                                   ["-o", "vrf", "ex"]], ids=" ".join)
def test_d3_vrf_exec_is_refused(mode: Mode, words: list[str]) -> None:
    """Whether `vrf exec` then works depends on the kernel: asked is the decision alone."""
    done = mode.run(mode.write(IP_FILTERS), "ip", *words, "default", "echo", "ran")
    assert (done.returncode == EXIT_UNAUTHORIZED) == mode.is_strict, done.stderr


# D5: run_as


def test_d5_run_as_sets_user_group_and_groups(mode: Mode, service_user: str) -> None:
    config = mode.write(f"cat: CommandFilter, cat, {service_user}")
    done = mode.run(config, "cat", "/proc/self/status")
    found = {line.split(":")[0]: line.split(":")[1].split()
             for line in done.stdout.decode().splitlines() if line[:3] in ("Uid", "Gid", "Gro")}
    assert found["Uid"] == ["7100"] * 4
    if mode.is_strict:
        assert found["Gid"] == ["7101"] * 4
        assert sorted(found["Groups"]) == ["7101", "7102"]
    else:
        assert found["Gid"] == ["0"] * 4
        assert "7102" not in found["Groups"]


def test_d5_a_command_run_as_another_cannot_read_what_root_s_group_may(
    mode: Mode, service_user: str, tmp_path: Path
) -> None:
    secret = Path("/srv/of-group-root")
    secret.write_text("secret\n")
    secret.chmod(0o640)
    done = mode.run(mode.write(f"cat: CommandFilter, cat, {service_user}"), "cat", str(secret))
    secret.unlink()
    assert done.stdout == (b"" if mode.is_strict else b"secret\n")


def test_d5_an_unknown_user_is_an_error_and_nothing_runs(mode: Mode) -> None:
    done = mode.run(mode.write("echo: CommandFilter, echo, no-such-user"), "echo", "ran")
    assert done.returncode != 0
    assert done.stdout == b""


def test_d5_capabilities_do_not_reach_a_command_run_as_another(
    mode: Mode, service_user: str
) -> None:
    done = mode.run(mode.write(f"grep: CommandFilter, grep, {service_user}"), "grep", "^CapEff:",
                    "/proc/self/status")
    assert int(done.stdout.split()[1], 16) == 0


# D6, D6b, D6c: regular expressions

REGEXP_FILTERS = r"echo: RegExpFilter, echo, root, echo, one|two"


@pytest.mark.parametrize("word", ["one", "two"])
def test_d6_each_alternative_is_allowed(mode: Mode, word: str) -> None:
    done = mode.run(mode.write(REGEXP_FILTERS), "echo", word)
    assert (done.returncode, done.stdout) == (0, word.encode() + b"\n")


def test_d6_an_alternative_is_no_prefix(mode: Mode) -> None:
    done = mode.run(mode.write(REGEXP_FILTERS), "echo", "one and more")
    mode.expect(done, b"one and more\n")


def test_d6_a_final_newline_is_not_swallowed(mode: Mode) -> None:
    done = mode.run(mode.write(REGEXP_FILTERS), "echo", "two\n")
    mode.expect(done, b"two\n\n")


def test_d6b_a_comma_in_a_pattern_makes_two_in_every_mode(mode: Mode) -> None:
    config = mode.write(r"echo: RegExpFilter, echo, root, echo, \d{1,3}")
    assert mode.run(config, "echo", "12").returncode == EXIT_UNAUTHORIZED


@pytest.mark.parametrize("oslo_compat", ["false", "true"])
@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(a|aa)+b", r"(a*)*b", r"((a+)+)+b"])
def test_d6c_a_hopeless_pattern_denies_in_bounded_time(
    ours: Rootwrap, policy: PolicyFolder, pattern: str, oslo_compat: str
) -> None:
    config = policy.write(f"echo: RegExpFilter, echo, root, echo, {pattern}",
                          oslo_compat=oslo_compat)
    start = time.monotonic()
    done = ours.run(config, "echo", "a" * 5000)
    assert time.monotonic() - start < HOPELESS_PATTERN_S
    assert (done.returncode, done.stdout) == (EXIT_UNAUTHORIZED, b"")


# D13, D14: files. With oslo_compat too: what others can write must not say what to trust.


def test_d13_a_malformed_filter_file_stops_everything(mode: Mode) -> None:
    config = mode.write("echo: CommandFilter, echo, root")
    broken = mode.policy.filters / "broken.filters"
    broken.write_text("[Filters]\nno delimiter here\n")
    done = mode.run(config, "echo", "ran")
    assert done.stdout == b""
    if mode.rootwrap.is_ours:
        assert done.returncode == EXIT_BAD_CONFIG
        assert f"{broken}:2: ".encode() in done.stderr.splitlines()[0]
    else:
        assert done.returncode == 1


@pytest.mark.parametrize("what", ["config", "folder", "file"])
@pytest.mark.parametrize("damage", ["group-writable", "world-writable", "foreign owner"])
def test_d14_what_others_could_change_is_not_trusted(
    mode: Mode, service_user: str, what: str, damage: str
) -> None:
    config = mode.write("echo: CommandFilter, echo, root")
    path = {"config": config, "folder": mode.policy.filters,
            "file": mode.policy.filters / "test.filters"}[what]
    if damage == "foreign owner":
        shutil.chown(path, service_user)
    else:
        path.chmod(path.stat().st_mode | (0o020 if damage == "group-writable" else 0o002))
    done = mode.run(config, "echo", "ran")
    if mode.rootwrap.is_ours:
        assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, b"")
        assert str(path).encode() in done.stderr.splitlines()[0]
    else:
        assert (done.returncode, done.stdout) == (0, b"ran\n"), done.stderr


@pytest.mark.parametrize("what", ["config", "folder", "file"])
def test_d14_a_link_is_judged_by_what_it_leads_to(
    mode: Mode, service_user: str, tmp_path: Path, what: str
) -> None:
    config = mode.write("echo: CommandFilter, echo, root")
    path = {"config": config, "folder": mode.policy.filters,
            "file": mode.policy.filters / "test.filters"}[what]
    target = tmp_path / "elsewhere"
    path.rename(target)
    path.symlink_to(target)
    assert mode.run(config, "echo", "ran").stdout == b"ran\n"
    shutil.chown(target, service_user)
    done = mode.run(config, "echo", "ran")
    if mode.rootwrap.is_ours:
        assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, b"")
    else:
        assert done.stdout == b"ran\n"


# D15: lists in the configuration


def test_d15_blanks_around_a_filter_directory_are_no_part_of_it(mode: Mode) -> None:
    config = mode.write("echo: CommandFilter, echo, root",
                        filters_path=f"/no/such/folder, {mode.policy.filters} ")
    done = mode.run(config, "echo", "ran")
    assert done.returncode == (0 if mode.is_strict else EXIT_UNAUTHORIZED), done.stderr


def test_d15_blanks_around_an_executable_directory_are_no_part_of_it(mode: Mode) -> None:
    config = mode.write("echo: CommandFilter, echo, root", exec_dirs="/no/such/folder, /usr/bin")
    done = mode.run(config, "echo", "ran")
    assert done.returncode == (0 if mode.is_strict else programs.EXIT_NOT_EXECUTABLE), done.stderr


def test_d15_a_relative_filter_directory_is_an_error(mode: Mode) -> None:
    config = mode.write("echo: CommandFilter, echo, root", filters_path="rootwrap.d")
    done = mode.run(config, "echo", "ran", cwd=mode.policy.folder)
    if mode.is_strict:
        assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, b"")
    else:
        assert (done.returncode, done.stdout) == (0, b"ran\n"), done.stderr


def test_d15_a_relative_executable_directory_is_an_error(mode: Mode, evil: Path) -> None:
    config = mode.write("echo: CommandFilter, echo, root", exec_dirs="evil")
    done = mode.run(config, "echo", "ran", cwd=evil.parent)
    if mode.is_strict:
        assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, b"")
    else:
        assert (done.returncode, done.stdout) == (0, b"evil\n"), done.stderr


# D16: which files, and in which order


@pytest.mark.parametrize("name", [
    "x.filters~", "x.filters.rpmsave", "x.filters.rpmnew", "x.filters.dpkg-old",
    "x.filters.dpkg-dist", "x.filters.dpkg-new", "x.filters.orig", "x.filters.bak",
])
def test_d16_backup_files_are_not_loaded(mode: Mode, name: str) -> None:
    config = mode.write("")
    mode.policy.write_filters("echo: CommandFilter, echo, root", name=name)
    done = mode.run(config, "echo", "ran")
    mode.expect(done, b"ran\n")


def test_d16_hidden_files_are_not_loaded_in_any_mode(mode: Mode) -> None:
    config = mode.write("")
    mode.policy.write_filters("echo: CommandFilter, echo, root", name=".x.filters")
    assert mode.run(config, "echo", "ran").returncode == EXIT_UNAUTHORIZED


@pytest.mark.parametrize("made", [("10", "20", "30"), ("30", "20", "10"), ("20", "30", "10")])
def test_d16_files_are_asked_in_the_order_of_their_names(
    ours: Rootwrap, policy: PolicyFolder, tmp_path: Path, made: tuple[str, ...]
) -> None:
    config = policy.write("")
    for name in made:
        program = tmp_path / name / "which"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho {name}\n")
        program.chmod(0o755)
        policy.write_filters(f"which: CommandFilter, {program}, root", name=f"{name}.filters")
    assert ours.run(config, "which").stdout == b"10\n"


# D17: EnvFilter


def test_d17_a_filter_that_did_not_match_changes_nothing_for_the_next(mode: Mode) -> None:
    config = mode.write("other: EnvFilter, env, root, A=, true\necho: CommandFilter, echo, root")
    done = mode.run(config, "env", "echo", "ran")
    mode.expect(done, b"ran\n")


def test_d17_the_value_written_in_the_filter_is_allowed(mode: Mode) -> None:
    config = mode.write("sh: EnvFilter, env, root, LC_ALL=C, sh")
    done = mode.run(config, "env", "LC_ALL=C", "sh", "-c", "echo $LC_ALL")
    assert (done.returncode, done.stdout) == (0, b"C\n"), done.stderr


def test_d17_another_value_than_the_filter_s_is_refused(mode: Mode) -> None:
    config = mode.write("sh: EnvFilter, env, root, LC_ALL=C, sh")
    done = mode.run(config, "env", "LC_ALL=POSIX", "sh", "-c", "echo $LC_ALL")
    mode.expect(done, b"POSIX\n")


def test_d17_env_is_a_name_and_not_part_of_one(mode: Mode) -> None:
    config = mode.write("odd: EnvFilter, /opt/envelope, root, A=, echo")
    done = mode.run(config, "env", "A=1", "echo", "ran")
    mode.expect(done, b"ran\n")


def test_d17_env_may_be_named_by_its_path(mode: Mode) -> None:
    config = mode.write("sh: EnvFilter, /usr/bin/env, root, A=, sh")
    done = mode.run(config, "env", "A=1", "sh", "-c", "echo $A")
    assert (done.returncode, done.stdout) == (0, b"1\n"), done.stderr


def test_d17_an_empty_value_is_set(mode: Mode) -> None:
    config = mode.write("sh: EnvFilter, env, root, A=, sh")
    env = {"PATH": "/usr/bin:/bin", "A": "inherited"}
    done = mode.run(config, "env", "A=", "sh", "-c", 'echo "${A-unset}"', env=env)
    assert (done.returncode, done.stdout) == (0, b"\n" if mode.is_strict else b"inherited\n")


@pytest.mark.parametrize("words", [["A=1", "sh"], ["A=1", "B=1", "C=1", "sh"], ["B=1", "C=1", "sh"],
                                   ["sh"]], ids=" ".join)
def test_d17_more_or_fewer_variables_are_refused_in_every_mode(
    mode: Mode, words: list[str]
) -> None:
    config = mode.write("sh: EnvFilter, env, root, A=, B=, sh")
    done = mode.run(config, "env", *words, "-c", "echo ran")
    assert (done.returncode, done.stdout) == (EXIT_UNAUTHORIZED, b"")


# D18: KillFilter

KILL_FILTERS = "kill: KillFilter, root, {program}, -9, -TERM"


@dataclass
class Victim:
    """A process that may be killed, and its program."""

    process: subprocess.Popen[bytes]
    program: Path

    def expect_killed(self, number: signal.Signals) -> None:
        """It died of that signal."""
        assert self.process.wait(programs.DEADLINE_S) == -number


@pytest.fixture()
def victim(tmp_path: Path) -> Iterator[Victim]:
    """A running copy of sleep."""
    program = tmp_path / "victim"
    shutil.copy("/usr/bin/sleep", program)
    process = subprocess.Popen([str(program), "1000"])
    yield Victim(process, program)
    process.kill()
    process.wait()


@pytest.mark.parametrize("word, number", [("-9", signal.SIGKILL), ("-TERM", signal.SIGTERM)])
def test_d18_a_listed_signal_reaches_the_program(
    mode: Mode, victim: Victim, word: str, number: signal.Signals
) -> None:
    config = mode.write(KILL_FILTERS.format(program=victim.program))
    done = mode.run(config, "kill", word, str(victim.process.pid))
    assert (done.returncode, done.stderr) == (0, b"")
    victim.expect_killed(number)


def test_d18_a_filter_without_signals_allows_the_default_one(mode: Mode, victim: Victim) -> None:
    config = mode.write(f"kill: KillFilter, root, {victim.program}")
    done = mode.run(config, "kill", str(victim.process.pid))
    assert (done.returncode, done.stderr) == (0, b"")
    victim.expect_killed(signal.SIGTERM)


@pytest.mark.parametrize("words", [["-HUP"], []], ids=["another signal", "no signal"])
def test_d18_other_signals_are_refused_in_every_mode(
    mode: Mode, victim: Victim, words: list[str]
) -> None:
    config = mode.write(KILL_FILTERS.format(program=victim.program))
    done = mode.run(config, "kill", *words, str(victim.process.pid))
    assert done.returncode == EXIT_UNAUTHORIZED
    assert is_alive(victim.process.pid)


def test_d18_another_program_is_refused_in_every_mode(mode: Mode, victim: Victim) -> None:
    config = mode.write(KILL_FILTERS.format(program="/usr/bin/sleep"))
    done = mode.run(config, "kill", "-9", str(victim.process.pid))
    assert done.returncode == EXIT_UNAUTHORIZED
    assert is_alive(victim.process.pid)


@pytest.mark.parametrize("form", [" {}", "{}\n", "+{}", "0_{}", "٠{}"],
                         ids=["blank", "newline", "sign", "underscore", "other digits"])
def test_d18_a_process_id_is_digits_and_nothing_else(
    mode: Mode, victim: Victim, form: str
) -> None:
    """What /bin/kill makes of the rest is its own affair: asked is the decision."""
    config = mode.write(KILL_FILTERS.format(program=victim.program))
    done = mode.run(config, "kill", "-9", form.format(victim.process.pid))
    assert (done.returncode == EXIT_UNAUTHORIZED) == mode.is_strict, done.stderr


def test_d18_a_program_replaced_by_an_upgrade_can_still_be_killed(
    mode: Mode, victim: Victim
) -> None:
    victim.program.unlink()
    shutil.copy("/usr/bin/sleep", victim.program)
    config = mode.write(KILL_FILTERS.format(program=victim.program))
    done = mode.run(config, "kill", "-9", str(victim.process.pid))
    assert (done.returncode, done.stderr) == (0, b"")
    victim.expect_killed(signal.SIGKILL)


def test_d18_a_deleted_program_cannot_name_itself(mode: Mode, tmp_path: Path) -> None:
    program = tmp_path / "impostor"
    shutil.copy("/usr/bin/sleep", program)
    process = subprocess.Popen(["/usr/bin/sleep", "1000"], executable=program)
    program.unlink()
    try:
        config = mode.write(KILL_FILTERS.format(program="/usr/bin/sleep"))
        done = mode.run(config, "kill", "-9", str(process.pid))
        mode.expect(done, b"")
        if mode.is_strict:
            assert is_alive(process.pid)
        else:
            assert process.wait(programs.DEADLINE_S) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def test_d18_a_signal_that_may_not_be_sent_fails_in_the_words_of_kill(
    ours: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write("k: KillFilter, nobody, /usr/bin/sleep, -9")
    process = subprocess.Popen(["/usr/bin/sleep", "1000"])
    try:
        done = ours.run(config, "kill", "-9", str(process.pid))
        assert done.returncode == 1
        assert f"kill: ({process.pid}): Operation not permitted".encode() in done.stderr
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
