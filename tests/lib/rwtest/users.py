# SPDX-License-Identifier: Apache-2.0
"""Being somebody else for a while, and root's rights by sudo."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUDOERS = Path("/etc/sudoers.d/rwtest")
SUDO = "/usr/bin/sudo"


def add_user(name: str, uid: int, *groups: tuple[str, int]) -> None:
    """Makes a user; the first group is its own."""
    for group, gid in groups:
        subprocess.run(["groupadd", "--gid", str(gid), group], check=True)
    more = ",".join(group for group, _ in groups[1:])
    subprocess.run(
        ["useradd", "--uid", str(uid), "--gid", str(groups[0][1]), "--groups", more,
         "--shell", "/bin/sh", "--no-create-home", name],
        check=True,
    )


def allow_sudo(name: str) -> None:
    """Lets a user become root without a password, and nothing else changes."""
    SUDOERS.write_text(f"{name} ALL = (root) NOPASSWD: ALL\n", encoding="ascii")
    SUDOERS.chmod(0o440)


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Everything inside is done by this user, as the kernel sees it: files and connections."""
    entry = pwd.getpwnam(name)
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(name, entry.pw_gid))
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
