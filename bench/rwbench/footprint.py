# SPDX-License-Identifier: Apache-2.0
"""What is installed, and what for: sizes and dependencies beside oslo.rootwrap's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from rwbench import chart
from rwbench.figures import Figure, Result, Samples, Spread
from rwbench.plan import Plan
from rwtest import programs

OSLO = "python3-oslo.rootwrap"
# What every Debian has, or what both need.
BASE = {"libc6", "python3", "python3-minimal", "libpython3-stdlib"}


def installed(package: str) -> tuple[int, list[str]]:
    """KiB of a package, and what it depends on."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Installed-Size}\t${Depends}, ${Pre-Depends}", package],
        capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        return 0, []
    size, _, depends = done.stdout.partition("\t")
    names = [re.split(r"[ :(|]", word.strip())[0] for word in depends.split(",")]
    return int(size or 0), [name for name in names if name]


def closure(package: str) -> dict[str, int]:
    """A package with all that it needs beyond the base: KiB each."""
    found: dict[str, int] = {}
    waiting = [package]
    while waiting:
        name = waiting.pop()
        if name in found or name in BASE:
            continue
        size, depends = installed(name)
        if size:
            found[name] = size
            waiting += depends
    return found


def our_files() -> dict[str, int]:
    """Bytes of what runs, as installed, without symbols."""
    folder = programs.install_tree().parent
    names = ["bin/rootwrap", "bin/rootwrap-daemon", "bin/rootwrapctl",
             "libexec/rootwrapd/rootwrap-worker", "libexec/rootwrapd/rootwrap-full"]
    found = {}
    for name in names:
        path = folder / name
        if path.exists():
            copy = Path("/tmp/footprint")
            subprocess.run(["strip", "-o", copy, path], check=True)
            found[name] = copy.stat().st_size
            copy.unlink()
    return found


def libraries(path: Path) -> list[str]:
    """What a program is linked with."""
    done = subprocess.run(["readelf", "-d", path], capture_output=True, encoding="utf-8",
                          check=True)
    return re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout)


def footprint(_plan: Plan) -> Result:
    """Both."""
    ours, oslo = our_files(), closure(OSLO)
    our_mb = sum(ours.values()) / 1e6
    oslo_mb = sum(oslo.values()) * 1024 / 1e6
    worker = programs.install_tree().parent / "libexec/rootwrapd/rootwrap-worker"
    monitor = programs.install_tree() / "rootwrap-daemon"

    def one(key: str, text: str, value: float, unit: str) -> Figure:
        return Figure(f"footprint/{key}", text, Spread(value, value, value), unit)

    rows = [chart.Bar("rootwrapd, all programs", our_mb, our_mb, our_mb, is_ours=True),
            chart.Bar(f"{OSLO}, with what it needs", oslo_mb, oslo_mb, oslo_mb, is_ours=False)]
    return Result(
        [one("ours", f"our {len(ours)} programs", our_mb, "MB"),
         one("oslo", f"{OSLO} and the {len(oslo) - 1} packages that it needs, without Python itself",
             oslo_mb, "MB"),
         one("libraries-monitor", "libraries of the daemon's root half: "
             + ", ".join(libraries(monitor)), len(libraries(monitor)), ""),
         one("libraries-worker", "libraries of its other half: " + ", ".join(libraries(worker)),
             len(libraries(worker)), "")],
        [Samples("our programs, bytes", [[size] for size in ours.values()])], "bytes",
        "Idle memory, wake-ups and start-up time are above: daemon-memory, daemon-start.",
        [("footprint", chart.bars("Installed", "MB", rows))])
