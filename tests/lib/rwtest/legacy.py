# SPDX-License-Identifier: Apache-2.0
"""The daemon's wire, spoken by hand: frames, handshake, requests, and every way to get them wrong.

No part of Python's multiprocessing is used, so that a test sees each byte that the daemon sends.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

CHALLENGE = b"#CHALLENGE#"
WELCOME = b"#WELCOME#"
FAILURE = b"#FAILURE#"

RETURN = "#RETURN"
TRACEBACK = "#TRACEBACK"
UNSERIALIZABLE = "#UNSERIALIZABLE"

DIGESTS = ("md5", "sha256", "sha384", "sha3_256", "sha3_384")
# A message of the handshake is no longer.
HANDSHAKE_MAX_BYTES = 256
# A challenge of this length is of a Python that knows nothing but MD5, without a name before it.
OLD_CHALLENGE_BYTES = 20
OLD_ANSWER_BYTES = 16
NEW_CHALLENGE_BYTES = 40

DEADLINE_S = 30.0
PIECE_BYTES = 1 << 20

METHODS = {"cancel_timer", "handle_timeout", "prepare_timer", "reset_timer", "run_one_command",
           "shutdown"}
TIMER_METHODS = ("cancel_timer", "handle_timeout", "prepare_timer", "reset_timer")


class ClosedError(Exception):
    """The daemon ended the connection; the text has what came last."""


class RefusedError(Exception):
    """The daemon did not believe in the client's key."""


class ForgedError(Exception):
    """The daemon did not prove that it knows the key."""


class RemoteError(Exception):
    """The answer to a call was an error."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


class Answer(NamedTuple):
    """What comes back for one request."""

    kind: str
    result: Any


class Result(NamedTuple):
    """What `run_one_command` returns. The texts are those of JSON: bytes that are no UTF-8 escaped."""

    returncode: int
    stdout: str
    stderr: str


# No error of ours is longer than somebody would read.
SENTENCE_MAX_BYTES = 1024


def check_sentence(text: str) -> None:
    """An error's text is one line that can be read. RemoteError wants it to end as a line does."""
    line = text.removesuffix("\n")
    assert line.isascii() and line.isprintable() and " " in line
    assert len(line) <= SENTENCE_MAX_BYTES


def mac(key: bytes, message: bytes, digest: str) -> bytes:
    """An HMAC."""
    return hmac.new(key, message, getattr(hashlib, digest)).digest()


@dataclass(frozen=True)
class Dialect:
    """How a client's Python does the handshake. No digest: 3.11 and before."""

    name: str
    digest: str | None = None

    def answer(self, key: bytes, challenge: bytes) -> bytes:
        """What the client proves itself with."""
        if self.digest is None or len(challenge) == OLD_CHALLENGE_BYTES:
            return mac(key, challenge, "md5")
        return b"{%s}" % self.digest.encode() + mac(key, challenge, self.digest)

    def challenge(self) -> bytes:
        """What the daemon has to prove itself with."""
        if self.digest is None:
            return os.urandom(OLD_CHALLENGE_BYTES)
        return b"{%s}" % self.digest.encode() + os.urandom(NEW_CHALLENGE_BYTES)

    def is_proof(self, key: bytes, challenge: bytes, answer: bytes) -> bool:
        """Whether this Python's client would believe the daemon."""
        if len(answer) == OLD_ANSWER_BYTES:
            return answer == mac(key, challenge, "md5")
        if self.digest is None or not answer.startswith(b"{") or b"}" not in answer:
            return False
        name = answer[1:answer.index(b"}")].decode("ascii", "replace")
        return name in DIGESTS and answer == b"{%s}" % name.encode() + mac(key, challenge, name)


# What the two clients do, whatever the daemon is.
OLD = Dialect("python 3.11")
NEW = Dialect("python 3.12", "sha256")


class Connection:
    """A stream to the daemon's socket, on which a test may write what it likes."""

    def __init__(self, path: Path | str, timeout_s: float = DEADLINE_S) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # blocking: otherwise a full backlog is an error at once
            self.socket.connect(str(path))
            self.socket.settimeout(timeout_s)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Goes away."""
        self.socket.close()

    def half_close(self) -> None:
        """Says that nothing more will come."""
        self.socket.shutdown(socket.SHUT_WR)

    # bytes

    def send(self, data: bytes | memoryview) -> None:
        """Writes bytes as they are."""
        self.socket.sendall(data)

    def send_slowly(self, data: bytes) -> None:
        """Writes one byte at a time."""
        for index in range(len(data)):
            self.socket.sendall(data[index:index + 1])

    def announce(self, n_bytes: int) -> None:
        """Writes the length of a message, whatever comes after it."""
        self.send(struct.pack("!Q", n_bytes))

    def send_frame(self, payload: bytes) -> None:
        """Writes one message; a small one in one piece, as clients' kernels mostly have it."""
        if len(payload) < PIECE_BYTES:
            self.send(struct.pack("!Q", len(payload)) + payload)
            return
        self.announce(len(payload))
        self.send(payload)

    def send_json(self, value: Any) -> None:
        """Writes one request."""
        self.send_frame(json.dumps(value).encode())

    def pieces(self, n_bytes: int) -> Iterator[bytes]:
        """Reads so many bytes, a piece at a time."""
        while n_bytes:
            try:
                piece = self.socket.recv(min(n_bytes, PIECE_BYTES))
            except (ConnectionResetError, BrokenPipeError) as error:
                raise ClosedError(f"{error.strerror}, {n_bytes} bytes missing") from error
            if not piece:
                raise ClosedError(f"end of file, {n_bytes} bytes missing")
            n_bytes -= len(piece)
            yield piece

    def receive(self, n_bytes: int) -> bytes:
        """Reads so many bytes."""
        return b"".join(self.pieces(n_bytes))

    def receive_length(self) -> int:
        """Reads what a message begins with."""
        return int(struct.unpack("!Q", self.receive(8))[0])

    def receive_frame(self) -> bytes:
        """Reads one message."""
        return self.receive(self.receive_length())

    def receive_answer(self) -> Answer:
        """Reads one answer."""
        kind, result = json.loads(self.receive_frame())
        return Answer(kind, result)

    def rest(self) -> bytes:
        """Reads until the daemon ends the connection."""
        found = []
        with suppress(ConnectionResetError):
            while piece := self.socket.recv(PIECE_BYTES):
                found.append(piece)
        return b"".join(found)

    def peek(self) -> bytes:
        """What has come, without waiting for more; it stays there."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(PIECE_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return b""
        finally:
            self.socket.settimeout(DEADLINE_S)

    # handshake

    def receive_challenge(self) -> bytes:
        """Reads what the client has to prove itself with."""
        message = self.receive_frame()
        if not message.startswith(CHALLENGE) or len(message) > HANDSHAKE_MAX_BYTES:
            raise ForgedError(f"no challenge: {message!r}")
        return message.removeprefix(CHALLENGE)

    def prove(self, key: bytes, dialect: Dialect = OLD) -> None:
        """The first half: the client proves that it knows the key."""
        self.send_frame(dialect.answer(key, self.receive_challenge()))
        verdict = self.receive_frame()
        if verdict != WELCOME:
            raise RefusedError(verdict)

    def demand(self, key: bytes, dialect: Dialect = OLD) -> bytes:
        """The second half: the daemon proves that it knows the key. Return: its answer."""
        challenge = dialect.challenge()
        self.send_frame(CHALLENGE + challenge)
        answer = self.receive_frame()
        if not dialect.is_proof(key, challenge, answer):
            raise ForgedError(f"{challenge!r} was answered by {answer!r}")
        self.send_frame(WELCOME)
        return answer

    def authenticate(self, key: bytes, dialect: Dialect = OLD) -> None:
        """Both halves."""
        self.prove(key, dialect)
        self.demand(key, dialect)

    # requests

    def request(self, function: str, *args: Any, **kwargs: Any) -> Answer:
        """The first request of a connection; only after `accept_connection` there is another."""
        self.send_json([None, function, args, kwargs])
        return self.receive_answer()

    def call(self, ident: str, method: str, *args: Any, **kwargs: Any) -> Answer:
        """A method of an object."""
        self.send_json([ident, method, args, kwargs])
        return self.receive_answer()


class Session(Connection):
    """A connection that calls the methods of one object."""

    def __init__(self, path: Path | str, key: bytes, ident: str, dialect: Dialect = OLD,
                 timeout_s: float = DEADLINE_S) -> None:
        super().__init__(path, timeout_s)
        self.ident = ident
        self.authenticate(key, dialect)
        answer = self.request("accept_connection", "MainProcess")
        if answer != (RETURN, None):
            raise RemoteError(answer.kind, str(answer.result))

    def __enter__(self) -> Session:
        return self

    def method(self, name: str, *args: Any, **kwargs: Any) -> Answer:
        """Calls a method of the session's object."""
        return self.call(self.ident, name, *args, **kwargs)

    def start(self, words: Sequence[Any], stdin: Any = None) -> None:
        """Asks for a command, and does not wait for the answer."""
        self.send_json([self.ident, "run_one_command", [words, stdin], {}])

    def finish(self) -> Result:
        """Waits for the answer to start()."""
        kind, result = self.receive_answer()
        if kind != RETURN:
            raise RemoteError(kind, result)
        return Result(*result)

    def run(self, words: Sequence[Any], stdin: Any = None) -> Result:
        """Runs a command to its end."""
        self.start(words, stdin)
        return self.finish()

    def error(self, words: Sequence[Any], stdin: Any = None) -> str:
        """Runs a command that must give an error. Return: its text."""
        self.start(words, stdin)
        kind, result = self.receive_answer()
        if kind not in (TRACEBACK, UNSERIALIZABLE):
            raise AssertionError(f"{words!r:.200} gave {kind}: {result!r:.200}")
        return str(result)

    def run_json(self, args: str) -> Answer:
        """Calls run_one_command with arguments that are JSON already."""
        self.send_frame(b'["%s", "run_one_command", %s, {}]'
                        % (self.ident.encode(), args.encode("utf-8")))
        return self.receive_answer()


@dataclass(frozen=True)
class Peer:
    """Somebody who has been told the socket's path and the key."""

    path: Path
    key: bytes
    dialect: Dialect = OLD

    def knock(self, timeout_s: float = DEADLINE_S) -> Connection:
        """Connects, and does nothing else."""
        return Connection(self.path, timeout_s)

    def connect(self) -> Connection:
        """Connects and authenticates."""
        connection = self.knock()
        try:
            connection.authenticate(self.key, self.dialect)
        except BaseException:
            connection.close()
            raise
        return connection

    def request(self, function: str, *args: Any, **kwargs: Any) -> Answer:
        """One request on a connection of its own, as clients make them."""
        with self.connect() as connection:
            return connection.request(function, *args, **kwargs)

    def create(self) -> str:
        """Makes an object. Return: its id."""
        kind, result = self.request("create", "rootwrap")
        if kind != RETURN:
            raise RemoteError(kind, result)
        return str(result[0])

    def session(self, ident: str | None = None) -> Session:
        """A connection for commands."""
        return Session(self.path, self.key, ident or self.create(), self.dialect)

    def run(self, words: Sequence[Any], stdin: Any = None) -> Result:
        """One command on connections of its own."""
        with self.session() as session:
            return session.run(words, stdin)
