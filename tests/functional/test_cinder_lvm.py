# SPDX-License-Identifier: Apache-2.0
"""The main job: user cinder runs LVM through sudo and cinder-rootwrap, on real volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import cinder_lvm, programs
from rwtest.cinder_lvm import CinderHost, VOLUME_GROUP
from rwtest.programs import Rootwrap

NO_DEVICE_MAPPER = "WARNING: Activation disabled"
OWN_LVM_FOLDER = f"LVM_SYSTEM_DIR={cinder_lvm.LVM_FOLDERS[1]}"


@pytest.fixture(scope="module")
def machine() -> Iterator[CinderHost]:
    """The machine, made once: only the link and the volumes change."""
    host = CinderHost(programs.oslo())
    yield host
    host.close()


@pytest.fixture()
def cinder(machine: CinderHost, rootwrap: Rootwrap) -> Iterator[CinderHost]:
    """The machine with the implementation under test and an empty volume group."""
    machine.use(rootwrap)
    yield machine
    machine.remove_volumes()


def volumes(cinder: CinderHost) -> list[str]:
    """The names that lvs shows to user cinder."""
    done = cinder.run("env", "LC_ALL=C", "lvs", "--noheadings", "-o", "name", VOLUME_GROUP)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_vgs_shows_the_volume_group(cinder: CinderHost) -> None:
    done = cinder.run("env", "LC_ALL=C", "vgs", "--noheadings", "--unit=m", "-o", "name,size",
                      "--separator", ":", "--nosuffix")
    assert done.returncode == 0
    assert done.stdout.strip() == f"{VOLUME_GROUP}:252.00"


def test_stderr_is_lvm_s_own(cinder: CinderHost) -> None:
    done = cinder.run("env", "LC_ALL=C", "vgs")
    assert done.returncode == 0
    assert all(NO_DEVICE_MAPPER in line for line in done.stderr.splitlines())


def test_a_volume_is_made_shown_and_removed(cinder: CinderHost) -> None:
    assert volumes(cinder) == []
    made = cinder.run("env", "LC_ALL=C", "lvcreate", "-n", "volume-1", VOLUME_GROUP, "-L", "16m")
    assert made.returncode == 0, made.stderr
    assert 'Logical volume "volume-1" created.' in made.stdout
    assert volumes(cinder) == ["volume-1"]
    grown = cinder.run("env", "LC_ALL=C", "lvextend", "-L", "32m", f"{VOLUME_GROUP}/volume-1")
    assert grown.returncode == 0, grown.stderr
    removed = cinder.run("lvremove", "--config", "activation { retry_deactivation = 1} ", "-f",
                         f"{VOLUME_GROUP}/volume-1")
    assert removed.returncode == 0, removed.stderr
    assert volumes(cinder) == []


@pytest.mark.parametrize("before", [
    ["LC_ALL=C", OWN_LVM_FOLDER],
    ["LC_ALL=C", OWN_LVM_FOLDER, "LVM_SUPPRESS_FD_WARNINGS=1"],
])
def test_a_service_s_own_lvm_folder_passes_the_filters(
    cinder: CinderHost, before: list[str]
) -> None:
    done = cinder.run("env", *before, "lvs", VOLUME_GROUP)
    assert done.returncode == 0, done.stderr


def test_the_folder_named_in_the_environment_reaches_lvm(
    cinder: CinderHost, tmp_path: Path
) -> None:
    (tmp_path / "lvm.conf").write_text("devices { filter = [ \"r|.*|\" ] use_devicesfile = 0 }\n")
    done = cinder.run("env", "LC_ALL=C", f"LVM_SYSTEM_DIR={tmp_path}", "vgs", "--noheadings")
    assert VOLUME_GROUP not in done.stdout


def test_lvm_s_own_failure_comes_back(cinder: CinderHost) -> None:
    done = cinder.run("env", "LC_ALL=C", "lvs", "no-such-group")
    assert done.returncode == 5
    assert 'Volume group "no-such-group" not found' in done.stderr


@pytest.mark.parametrize("command", [
    ["env", "LC_ALL=C", "sh", "-c", "id"],
    ["env", "LD_PRELOAD=/tmp/x.so", "lvs"],
    ["vgremove", "-f", VOLUME_GROUP],
    ["cat", "/etc/shadow"],
])
def test_a_command_beyond_the_filters_is_refused_and_says_so(
    cinder: CinderHost, command: list[str]
) -> None:
    done = cinder.run(*command)
    assert done.returncode == programs.EXIT_UNAUTHORIZED
    assert done.stdout == ""
    assert "cinder-rootwrap: Unauthorized command: " in done.stderr.splitlines()[0]
    assert "(no filter matched)" in done.stderr.splitlines()[0]


def test_sudo_itself_refuses_another_configuration(cinder: CinderHost, tmp_path: Path) -> None:
    """Not ours to decide; but the sudoers line is part of the set-up that we promise works."""
    words = cinder.words("env", "LC_ALL=C", "lvs")
    words[words.index(str(cinder_lvm.CONFIG))] = str(tmp_path / "mine.conf")
    done = cinder.run_words(words)
    assert done.returncode == 1
    assert "a password is required" in done.stderr
