# SPDX-License-Identifier: Apache-2.0
"""Filters of system calls, as a container or a hardened unit has them: what they deny is EPERM.

    python3 -I seccomp.py COMMAND [ARG...]

executes the command under the rules of PARENT, without a way to new privileges. It imports nothing
of this package, so that a user who can't read it may be given its text.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import NamedTuple

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
RET_ALLOW = 0x7FFF0000
RET_ERRNO = 0x00050000
EPERM = 1
ENOSYS = 38
CLONE_VM = 0x100

# struct seccomp_data
AT_NR = 0
AT_ARCH = 4
AT_FIRST_ARG = 16  # its lower half, of a little-endian machine

# linux/bpf_common.h
LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
IF_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K


class Machine(NamedTuple):
    """AUDIT_ARCH_*, and the numbers of calls."""

    arch: int
    calls: dict[str, int]


MACHINES = {
    "x86_64": Machine(0xC000003E, {
        "clone": 56, "fork": 57, "clone3": 435, "ptrace": 101, "setuid": 105, "setgid": 106,
        "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117, "setresgid": 119,
        "setfsuid": 122, "setfsgid": 123, "capset": 126, "chroot": 161, "mount": 165,
        "unshare": 272, "setns": 308}),
    "aarch64": Machine(0xC00000B7, {
        "clone": 220, "clone3": 435, "ptrace": 117, "setuid": 146, "setgid": 144, "setreuid": 145,
        "setregid": 143, "setgroups": 159, "setresuid": 147, "setresgid": 149, "setfsuid": 151,
        "setfsgid": 152, "capset": 91, "chroot": 51, "mount": 40, "unshare": 97, "setns": 268}),
}
# A parent that keeps what it starts from becoming somebody else, and from looking at others.
PARENT = ("ptrace", "setuid", "setgid", "setreuid", "setregid", "setgroups", "setresuid",
          "setresgid", "setfsuid", "setfsgid", "capset", "chroot", "mount", "unshare", "setns")
# Whoever makes a process with a memory of its own, which copies page tables.
COPIES = ("fork",)


def is_possible() -> bool:
    """Whether this machine's numbers are known here."""
    return platform.machine() in MACHINES and sys.byteorder == "little"


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def program(denied: tuple[str, ...], *, deny_copies: bool = False) -> bytes:
    """A filter for this machine: the calls fail with EPERM."""
    machine = MACHINES[platform.machine()]
    steps = [_step(LOAD, AT_ARCH), _step(IF_EQUAL, machine.arch, 1), _step(RETURN, RET_ALLOW),
             _step(LOAD, AT_NR)]
    for name in denied:
        if name in machine.calls:
            steps += [_step(IF_EQUAL, machine.calls[name], 0, 1), _step(RETURN, RET_ERRNO | EPERM)]
    if deny_copies:
        # what clone3(2) is to do lies in memory, which no filter sees: glibc does with clone(2)
        steps += [_step(IF_EQUAL, machine.calls["clone3"], 0, 1), _step(RETURN, RET_ERRNO | ENOSYS),
                  _step(IF_EQUAL, machine.calls["clone"], 0, 3), _step(LOAD, AT_FIRST_ARG),
                  _step(IF_ANY_BIT, CLONE_VM, 1, 0), _step(RETURN, RET_ERRNO | EPERM)]
    steps.append(_step(RETURN, RET_ALLOW))
    return b"".join(steps)


class _Program(ctypes.Structure):
    _fields_ = [("n_steps", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def load(steps: bytes, *, no_new_privs: bool = False) -> None:
    """Puts us, and all that we start, under a filter. Without no_new_privs only root may."""
    libc = ctypes.CDLL(None, use_errno=True)
    if no_new_privs and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    loaded = _Program(len(steps) // 8, steps)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded), 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


def deny_copies() -> None:
    """From now on no process is made whose memory is not that of its parent, until it executes."""
    load(program(COPIES, deny_copies=True))


if __name__ == "__main__":
    load(program(PARENT), no_new_privs=True)
    os.execvp(sys.argv[1], sys.argv[1:])
