# SPDX-License-Identifier: Apache-2.0
"""A client of the native protocol, written from docs/protocol-native.md and nothing else.

It is for tests: it sends what it is told to, also what no client should.
"""

from __future__ import annotations

import array
import hmac
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

(HELLO, PROVE, ARGS, START, SIGNAL, EXPLAIN, STATUS, ATTACH, ADOPT) = range(1, 10)
(WELCOME, ERROR, STARTED, EXITED, REFUSED, EXPLANATION, TOTALS, COMMAND, END,
 RELEASED) = range(65, 75)
(VERSION, NONCE, PROOF, KEY, F_ARGS, ENV, FDS, FLAGS, TIMEOUT, UMASK, NICE, LIMITS, F_SIGNAL, PID,
 F_STATUS, USAGE, DURATION, CODE, F_ERROR, FILTER, REASON, COMMANDS_MAX, ARGS_MAX, COUNTERS, UID,
 PEER, FILE, RUN_AS, TEXT) = range(1, 30)
GO_ON = 1
LATE = 2
TIMED_OUT = 1
MESSAGE_BYTES_MAX = 32768


class Gone(Exception):
    """The daemon has closed the connection."""


class Wrong(Exception):
    """The daemon said ERROR, or what the page does not allow."""


def strings(words: Iterable[str | bytes]) -> bytes:
    """As ARGS and ENV have them."""
    return b"".join((word if isinstance(word, bytes) else os.fsencode(word)) + b"\0"
                    for word in words)


def message(kind: int, ident: int, fields: dict[int, bytes]) -> bytes:
    """One message as it travels."""
    body = b"".join(struct.pack("<HH", tag, len(value)) + value
                    for tag, value in sorted(fields.items()))
    return struct.pack("<HHI", kind, 0, ident) + body


@dataclass
class Message:
    """One that came."""

    kind: int
    ident: int
    fields: dict[int, bytes] = field(default_factory=dict)

    def number(self, tag: int, signed: bool = False) -> int:
        """The value of a field of 4 or 8 bytes."""
        return int.from_bytes(self.fields[tag], "little", signed=signed)

    def text(self, tag: int) -> str:
        """The value of a field that is text; empty if it is not there."""
        return self.fields.get(tag, b"").decode()

    @property
    def returncode(self) -> int:
        """Of an EXITED, as subprocess has it."""
        return os.waitstatus_to_exitcode(self.number(F_STATUS))

    @property
    def counters(self) -> list[int]:
        """Of a TOTALS."""
        return list(struct.unpack(f"<{len(self.fields[COUNTERS]) // 8}Q", self.fields[COUNTERS]))

    @property
    def words(self) -> list[str]:
        """The ARGS of an EXPLANATION or COMMAND."""
        return [os.fsdecode(word) for word in self.fields.get(F_ARGS, b"").split(b"\0")[:-1]]


def parse(data: bytes) -> Message:
    """What came, checked as the page says."""
    kind, zero, ident = struct.unpack_from("<HHI", data)
    if zero:
        raise Wrong(f"no message: {data!r}")
    got = Message(kind, ident)
    at, last = 8, 0
    while at < len(data):
        tag, size = struct.unpack_from("<HH", data, at)
        if tag <= last or at + 4 + size > len(data):
            raise Wrong(f"no fields: {data!r}")
        got.fields[tag] = data[at + 4:at + 4 + size]
        at, last = at + 4 + size, tag
    return got


class Native:
    """One connection."""

    def __init__(self, path: str, key: bytes | None = None, *, greet: bool = True,
                 timeout: float = 20) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.key = key
        self.waiting: list[Message] = []
        self.last_ident = 0
        self.welcome = self.greet() if greet else None

    def __enter__(self) -> Native:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Bytes as they are, with descriptors."""
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.socket.sendmsg([data], control)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone from error

    def say(self, kind: int, ident: int = 0, fields: dict[int, bytes] | None = None,
            fds: Sequence[int] = ()) -> None:
        """One message."""
        self.send(message(kind, ident, fields or {}), fds)

    def receive(self) -> Message:
        """The next message; ERROR raises."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError as error:
            raise Gone from error
        if not data:
            raise Gone
        got = parse(data)
        if got.kind == ERROR:
            raise Wrong(got.text(REASON))
        return got

    def wait(self, ident: int, *kinds: int) -> Message:
        """The next message about `ident`; others are kept for who waits for them."""
        for i, kept in enumerate(self.waiting):
            if kept.ident == ident and (not kinds or kept.kind in kinds):
                return self.waiting.pop(i)
        while True:
            got = self.receive()
            if got.ident == ident and (not kinds or got.kind in kinds):
                return got
            self.waiting.append(got)

    def greet(self) -> Message:
        """HELLO to PROVE."""
        nonce = os.urandom(32)
        self.say(HELLO, 0, {VERSION: struct.pack("<I", 1), NONCE: nonce})
        welcome = self.receive()
        if welcome.kind != WELCOME or welcome.number(VERSION) != 1:
            raise Wrong(f"no welcome: {welcome}")
        if self.key is not None:
            both = nonce + welcome.fields[NONCE]
            right = hmac.digest(self.key, b"rootwrap native daemon" + both, "sha256")
            if not hmac.compare_digest(welcome.fields[PROOF], right):
                raise Wrong("the daemon does not know the key")
            self.say(PROVE, 0, {
                PROOF: hmac.digest(self.key, b"rootwrap native client" + both, "sha256")})
        elif PROOF in welcome.fields:
            self.socket.settimeout(20)
        return welcome

    def ident(self) -> int:
        """One that is free."""
        self.last_ident += 1
        return self.last_ident

    def ask(self, kind: int, words: Iterable[str | bytes], fields: dict[int, bytes] | None = None,
            fds: Sequence[int] = (), ident: int | None = None) -> int:
        """START or EXPLAIN, with its arguments ahead where they are long."""
        ident = self.ident() if ident is None else ident
        fields = dict(fields or {})
        args = strings(words)
        room = MESSAGE_BYTES_MAX - len(message(kind, 0, fields)) - 4
        while len(args) > room:
            piece = args[:MESSAGE_BYTES_MAX - 12]
            self.say(ARGS, ident, {F_ARGS: piece})
            args = args[len(piece):]
        if args:
            fields[F_ARGS] = args
        self.say(kind, ident, fields, fds)
        return ident

    def start(self, *words: str | bytes, stdin: int | None = None, stdout: int | None = None,
              stderr: int | None = None, cwd: int | None = None,
              fields: dict[int, bytes] | None = None, ident: int | None = None) -> int:
        """START; its id."""
        given = (stdin, stdout, stderr, cwd)
        fds = [fd for fd in given if fd is not None]
        fields = dict(fields or {})
        if fds:
            fields[FDS] = bytes([sum(1 << bit for bit, fd in enumerate(given) if fd is not None)])
        return self.ask(START, words, fields, fds, ident)

    def run(self, *words: str | bytes, stdin: bytes = b"", cwd: int | None = None,
            fields: dict[int, bytes] | None = None) -> tuple[int, bytes, bytes]:
        """A command with little input and output, from its start to its end."""
        with (Stream(stdin) as into, Stream() as out, Stream() as err):
            ident = self.start(*words, stdin=into.fd, stdout=out.fd, stderr=err.fd, cwd=cwd,
                               fields=fields)
            answer = self.wait(ident, STARTED, REFUSED)
            if answer.kind == REFUSED:
                return answer.number(CODE), b"", answer.fields[REASON]
            return self.wait(ident, EXITED).returncode, out.read(), err.read()

    def signal(self, ident: int, number: int) -> None:
        """SIGNAL."""
        self.say(SIGNAL, ident, {F_SIGNAL: struct.pack("<I", number)})

    def status(self) -> tuple[list[int], list[Message]]:
        """STATUS: the counters, and what runs."""
        ident = self.ident()
        self.say(STATUS, ident)
        totals = self.wait(ident, TOTALS)
        commands = []
        while (got := self.wait(ident, COMMAND, END)).kind == COMMAND:
            commands.append(got)
        return totals.counters, commands


class Stream:
    """A file of its own for one of a command's streams."""

    def __init__(self, content: bytes = b"") -> None:
        self.fd = os.memfd_create("stream")
        os.write(self.fd, content)
        os.lseek(self.fd, 0, os.SEEK_SET)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        os.close(self.fd)

    def read(self) -> bytes:
        """All that is in it."""
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0)
