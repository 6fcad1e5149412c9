# SPDX-License-Identifier: Apache-2.0
"""What a program logs, caught where syslogd or journald would read it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rwtest.wait import wait_for

SYSLOG_SOCKET = Path("/dev/log")
JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
QUEUE_LENGTH = Path("/proc/sys/net/unix/max_dgram_qlen")
DATAGRAM_MAX_BYTES = 1 << 18


def _send_many(sender: socket.socket) -> int:
    """Sends until it would have to wait. Return: how many it was."""
    count = 0
    with suppress(BlockingIOError):
        while True:
            sender.send(b"x")
            count += 1
    return count


class LogSocket:
    """A datagram socket that keeps what it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        # as systemd sets it at boot: the kernel's own default is ten datagrams
        QUEUE_LENGTH.write_text("512", encoding="ascii")
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

    @contextmanager
    def full(self) -> Iterator[None]:
        """Inside, whoever logs would have to wait, until something is read."""
        with ExitStack() as fillers:
            is_full = False
            while not is_full:
                filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                fillers.enter_context(filler)
                filler.connect(str(self.path))
                # one sender fills its own buffer first; a new one sees whether the reader's is
                is_full = not _send_many(filler)
            yield

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
