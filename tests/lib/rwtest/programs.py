# SPDX-License-Identifier: Apache-2.0
"""The programs under test: ours, installed as a user would, and Debian's oslo.rootwrap."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
OSLO_ROOTWRAP = Path("/usr/bin/oslo-rootwrap")
# An installed tree must work from wherever it lies, so the tests' one lies somewhere odd.
TREE = Path("/srv/a tree/of ours")
# The clone may lie in a folder that is root's alone, such as its home.
REACHABLE = Path("/usr/local/lib/rwtest")

EXIT_NOT_EXECUTABLE = 96
EXIT_BAD_CONFIG = 97
EXIT_NO_COMMAND = 98
EXIT_UNAUTHORIZED = 99
EXIT_SIGNAL_BASE = 128

DEADLINE_S = 30.0


class NotInSandboxError(Exception):
    """The tests make users, mounts and files in /etc, and were not started in the sandbox."""


def require_sandbox() -> None:
    """Refuses to touch a real machine."""
    if os.environ.get("RW_SANDBOX") != "1":
        raise NotInSandboxError("run this as tests/sandbox COMMAND, or by `make`")


def build_folder() -> Path:
    """The build under test: $RW_BUILD, or build/ of this repository."""
    return Path(os.environ.get("RW_BUILD", REPOSITORY / "build"))


def install_tree(target: Path = TREE) -> Path:
    """Installs the build below `target`, once. Return: the folder of its programs."""
    if not target.exists():
        subprocess.run(
            ["/usr/bin/meson", "install", "-C", build_folder(), "--no-rebuild", "--quiet",
             "--destdir", target],
            check=True, stdout=subprocess.DEVNULL,
        )
    found = sorted(target.glob("**/bin/rootwrap"))
    if not found:
        raise FileNotFoundError(f"the build in {build_folder()} installs no bin/rootwrap")
    return found[0].parent


def reachable_program(name: str) -> Path:
    """A program of the build and its library, where any user can execute it."""
    found = REACHABLE / name
    if not found.exists():
        for file in (name, "src/librootwrap.so.0"):
            (REACHABLE / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(build_folder() / file, REACHABLE / file)
    return found


def reachable_python() -> Path:
    """The folder of the Python package, where any user can read it."""
    found = REACHABLE / "python"
    if not found.exists():
        shutil.copytree(REPOSITORY / "python/rootwrapd", found / "rootwrapd")
    return found


@dataclass(frozen=True)
class Rootwrap:
    """One implementation of `rootwrap CONFIG COMMAND [ARG...]`."""

    name: str
    program: Path

    @property
    def is_ours(self) -> bool:
        """Whether this is the program of this repository."""
        return self.name == "ours"

    def command(self, config: Path, *words: str | bytes) -> list[str | bytes]:
        """The command line."""
        return [str(self.program), str(config), *words]

    def run(
        self,
        config: Path,
        *words: str | bytes,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        preexec_fn: Callable[[], None] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs to the end and keeps both streams."""
        return subprocess.run(
            self.command(config, *words),
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env=None if env is None else dict(env),
            cwd=cwd,
            preexec_fn=preexec_fn,
            pass_fds=pass_fds,
            timeout=DEADLINE_S,
            check=False,
        )

    def start(
        self,
        config: Path,
        *words: str | bytes,
        stderr: int | None = subprocess.PIPE,
        preexec_fn: Callable[[], None] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts and returns at once; the caller ends it."""
        return subprocess.Popen(
            self.command(config, *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            preexec_fn=preexec_fn,
        )


def ours() -> Rootwrap:
    """The program of this repository, installed."""
    return Rootwrap("ours", install_tree() / "rootwrap")


def oslo() -> Rootwrap:
    """Debian's oslo.rootwrap."""
    return Rootwrap("oslo", OSLO_ROOTWRAP)


def rootwrapctl(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Runs the installed rootwrapctl."""
    return subprocess.run(
        [str(install_tree() / "rootwrapctl"), *map(str, words)],
        input=stdin.decode("utf-8"), capture_output=True, encoding="utf-8",
        timeout=DEADLINE_S, check=False,
    )
