# SPDX-License-Identifier: Apache-2.0
"""What an installation has that no other test uses."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from rwtest import programs

LINKS = {"cinder-rootwrap": "rootwrap", "cinder-rootwrap-daemon": "rootwrap-daemon",
         "neutron-rootwrap": "rootwrap", "neutron-rootwrap-daemon": "rootwrap-daemon"}


def install_services(build: Path, stage: Path) -> subprocess.CompletedProcess[str]:
    """Installs the links, and nothing that would have to be built."""
    return subprocess.run(["/usr/bin/meson", "install", "-C", build, "--no-rebuild",
                           "--destdir", stage, "--tags", "services"],
                          capture_output=True, text=True, check=False)


def test_services_get_the_links_that_they_call(tmp_path: Path) -> None:
    build, stage = tmp_path / "build", tmp_path / "stage"
    subprocess.run(["/usr/bin/meson", "setup", "--prefix=/usr", "-Dtests=false",
                    "-Dservices=cinder,neutron", build, programs.REPOSITORY],
                   stdout=subprocess.DEVNULL, check=True)
    programs_there = {"rootwrap", "rootwrap-daemon"}
    (stage / "usr/bin").mkdir(parents=True)
    for name in programs_there:
        (stage / "usr/bin" / name).touch()
    for _ in range(2):  # an upgrade finds its own links
        done = install_services(build, stage)
        assert done.returncode == 0, done.stdout + done.stderr
        assert {path.name: os.readlink(path) for path in (stage / "usr/bin").iterdir()
                if path.name not in programs_there} == LINKS

    program = stage / "usr/bin/cinder-rootwrap"
    program.unlink()
    program.write_text("a package's\n", "ascii")
    assert install_services(build, stage).returncode != 0
    assert program.read_text("ascii") == "a package's\n"


def test_without_services_there_are_no_links() -> None:
    names = {path.name for path in programs.install_tree().iterdir()}
    assert {"rootwrap", "rootwrap-daemon", "rootwrapctl"} <= names
    assert not any(name.endswith(("-rootwrap", "-rootwrap-daemon")) for name in names)


def test_documents_are_there_with_what_they_show() -> None:
    folder = programs.install_tree().parent / "share/doc/rootwrapd"
    assert (folder / "python/README.md").is_file()
    charts = re.findall(r"\]\((charts/[^)]+)\)", (folder / "performance.md").read_text("utf-8"))
    assert charts
    assert all((folder / chart).is_file() for chart in charts)
