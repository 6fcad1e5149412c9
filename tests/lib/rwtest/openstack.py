# SPDX-License-Identifier: Apache-2.0
"""What the tests of real services share: our Python package, and programs that their users run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rwtest import programs

SITE = Path("/usr/local/lib/python3.11/dist-packages")
WORK = Path("/usr/local/lib/rwtest")
#: of a program that takes a minute here with oslo's rootwrap, on a machine that has much else to do
DEADLINE_S = 600.0


def install_package() -> None:
    """Our Python package where Debian's Python looks."""
    SITE.mkdir(parents=True, exist_ok=True)
    shutil.copytree(programs.REPOSITORY / "python/rootwrapd", SITE / "rootwrapd",
                    ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def link(name: Path, rootwrap: programs.Rootwrap) -> None:
    """Makes NAME and NAME-daemon an implementation's: one link each."""
    for suffix in ("", "-daemon"):
        path = name.with_name(name.name + suffix)
        path.unlink(missing_ok=True)
        path.symlink_to(rootwrap.program.with_name(rootwrap.program.name + suffix))


def run(user: str, program: Path, *words: str) -> Any:
    """Runs a Python program as a service's user. Return: the JSON that it printed last"""
    WORK.mkdir(exist_ok=True)
    shutil.copy(program, WORK)  # where everybody may read
    done = subprocess.run(
        [sys.executable, WORK / program.name, *words], user=user, group=user, extra_groups=[],
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, timeout=DEADLINE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{program.name} {' '.join(words)}: {done.returncode}\n"
                           f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
    return json.loads(done.stdout.splitlines()[-1])
