# SPDX-License-Identifier: Apache-2.0
"""Where it was measured."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
from pathlib import Path

PACKAGES = ("python3-oslo.rootwrap", "sudo", "python3", "libc6", "musl", "libpcre2-32-0",
            "libnettle8")


def cpu_model() -> str:
    """As the processor calls itself."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def memory_gib() -> float:
    """All of the machine's."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3


def system_name() -> str:
    """Of the distribution."""
    release = platform.freedesktop_os_release()
    return release.get("PRETTY_NAME", "Linux")


def versions() -> dict[str, str]:
    """Of the Debian packages that were measured, or that matter."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES],
        capture_output=True, encoding="utf-8", check=False)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def has_eventlet() -> bool:
    """oslo.rootwrap imports eventlet where it is installed, which takes long."""
    return importlib.util.find_spec("eventlet") is not None


def describe() -> dict[str, object]:
    """All of it."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_gib(), 1),
        "kernel": platform.release(),
        "system": system_name(),
        "packages": versions(),
        "eventlet": has_eventlet(),
        "load_average": os.getloadavg(),
    }
