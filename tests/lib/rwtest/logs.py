# SPDX-License-Identifier: Apache-2.0
"""What a program logs, caught where syslogd or journald would read it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from rwtest.wait import wait_for

SYSLOG_SOCKET = Path("/dev/log")
JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
DATAGRAM_MAX_BYTES = 1 << 18


class LogSocket:
    """A datagram socket that keeps what it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))
        path.chmod(0o666)

    def datagrams(self) -> list[bytes]:
        """All that came since the last call, without waiting."""
        found = []
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.socket, DATAGRAM_MAX_BYTES, 4)
            except BlockingIOError:
                return found
            for descriptor in descriptors:
                # journald's way for entries that are too long for a datagram
                data += os.pread(descriptor, os.fstat(descriptor).st_size, 0)
                os.close(descriptor)
            found.append(data)

    @property
    def is_open(self) -> bool:
        """Whether anybody can still log."""
        return self.socket.fileno() >= 0

    def close(self) -> None:
        """Takes the socket away, if it is still there."""
        self.socket.close()
        self.path.unlink(missing_ok=True)


class Syslog(LogSocket):
    """A private /dev/log."""

    def __init__(self) -> None:
        super().__init__(SYSLOG_SOCKET)
        self.seen: list[bytes] = []

    def lines(self) -> list[bytes]:
        """All that came since the last call. For what is known to have been sent already."""
        return self.datagrams()

    def wait_for_line(self, *parts: bytes) -> bytes:
        """The first line of all that has all these parts; waits for it."""

        def probe() -> bytes | None:
            self.seen += self.datagrams()
            return next((line for line in self.seen if all(part in line for part in parts)), None)

        return wait_for(probe, f"a line in syslog with {parts}")


def parse_journal_entry(data: bytes) -> dict[str, bytes]:
    """The fields of journald's native protocol: NAME=value, or NAME, a length, and bytes."""
    fields = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (n_bytes,) = struct.unpack_from("<Q", rest)
            value, rest = rest[8:8 + n_bytes], rest[8 + n_bytes:]
            if not rest.startswith(b"\n"):
                raise ValueError(f"no end of line after the field {name!r}")
            rest = rest[1:]
        fields[name.decode("ascii")] = value
        data = rest
    return fields


class Journal(LogSocket):
    """A journald."""

    def __init__(self) -> None:
        super().__init__(JOURNAL_SOCKET)
        self.seen: list[dict[str, bytes]] = []

    def entries(self) -> list[dict[str, bytes]]:
        """All entries so far."""
        self.seen += map(parse_journal_entry, self.datagrams())
        return self.seen

    def wait_for_entry(self, is_it: Callable[[dict[str, bytes]], bool], what: str) -> dict[
            str, bytes]:
        """The first entry of all that is the one; waits for it."""
        return wait_for(lambda: next(filter(is_it, self.entries()), None), what)
