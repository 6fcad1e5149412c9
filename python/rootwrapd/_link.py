# SPDX-License-Identifier: Apache-2.0
"""The way to a daemon: starts it where it must be started, and keeps connections for the next.

A connection runs one command at a time, so there are as many as there were commands at once. None
has a lock while a command runs: threads run side by side.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
import weakref
from contextlib import suppress
from types import TracebackType
from typing import Callable, List, NamedTuple, Optional, Sequence, Type, TypeVar

from . import _message
from ._connection import Connection, NotStarted, forget_all
from ._streams import READ_BYTES
from ._wait import READ, Waiter, wait_for
from .errors import ProtocolError, StartError

LOG = logging.getLogger("rootwrapd")

# A path of 108 bytes, a line feed, the key.
GREETING_BYTES_MAX = 4096
# sudo may ask for a password, and LDAP for a user.
GREETING_S = 60.0
STDERR_BYTES_MAX = 1 << 16
COMPLAINT_S = 2.0
NATIVE_SOCKET = "native.sock"
IDLE_MAX = 64  # connections that are kept
ATTEMPTS_MAX = 4
AGAIN_S = 0.1
TURN_S = 0.01

T = TypeVar("T")


class Turn:
    """A lock between threads of both kinds at once: eventlet's green ones, and native ones that run
    its code too (tpool). Whichever waits for a lock of the other kind may wait for ever; so it is
    asked for again until it is there. One is held long while a daemon starts, and then only.
    """

    def __init__(self) -> None:
        self._tokens = [None]

    def __enter__(self) -> None:
        while True:
            with suppress(IndexError):
                self._tokens.pop()
                return
            time.sleep(TURN_S)

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        self._tokens.append(None)


class Endpoint(NamedTuple):
    """Where a daemon listens, and its key."""

    path: str
    key: Optional[bytes]


class Daemon:
    """One that this process has started. It ends when its stdin does."""

    def __init__(self, command: Sequence[str]) -> None:
        # In a session of its own, a terminal's Ctrl-C is for the caller alone.
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                bufsize=0, start_new_session=True)
        except OSError as error:
            raise StartError(f"Failed to spawn rootwrap process: {error}") from error
        _daemons.add(self)
        try:
            self.endpoint = self._read_greeting()
        except BaseException:
            self.close()
            raise
        LOG.info("Spawned new rootwrap daemon process with pid=%d", self._process.pid)
        threading.Thread(target=self._watch, name="rootwrapd", daemon=True).start()

    def _read_greeting(self) -> Endpoint:
        """The path of a socket, a line feed, the key; what comes on stderr meanwhile is kept."""
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout and stderr
        waiter = Waiter()
        waiter.add(stdout.fileno(), READ)
        waiter.add(stderr.fileno(), READ)
        greeting = complaint = b""
        path, line_end, key = b"", b"", b""
        deadline = time.monotonic() + GREETING_S
        while len(key) < _message.KEY_BYTES:
            ready = waiter.wait(deadline)
            if not ready:
                raise StartError(f"the daemon does not say within {GREETING_S:g} s where it listens"
                                 "\nstderr:\n" + complaint.decode("utf-8", "replace"))
            if stderr.fileno() in ready:
                data = os.read(stderr.fileno(), READ_BYTES)
                complaint = (complaint + data)[-STDERR_BYTES_MAX:]
                if not data:
                    waiter.remove(stderr.fileno())
            if stdout.fileno() in ready:
                data = os.read(stdout.fileno(), GREETING_BYTES_MAX)
                if not data or len(greeting) > GREETING_BYTES_MAX:
                    raise self._failure(complaint)
                greeting += data
                path, line_end, key = greeting.partition(b"\n")
        stdout.close()
        folder = os.path.dirname(os.fsdecode(path))
        native = os.path.join(folder, NATIVE_SOCKET)
        if len(key) != _message.KEY_BYTES or not line_end:
            raise ProtocolError("the daemon's greeting is not a path and a key")
        if not os.path.exists(native):
            raise ProtocolError(f"{native} is missing: the daemon is not rootwrapd's "
                                "(oslo_rootwrap.client speaks to others)")
        return Endpoint(native, key)

    def _failure(self, complaint: bytes) -> StartError:
        """It ended, or said something else than where it listens. What it has to say is waited
        for a little."""
        stderr = self._process.stderr
        assert stderr
        self.let_go()
        deadline = time.monotonic() + COMPLAINT_S
        while len(complaint) < STDERR_BYTES_MAX and wait_for(stderr.fileno(), READ, deadline):
            data = os.read(stderr.fileno(), READ_BYTES)
            if not data:
                break
            complaint += data
        return StartError("Failed to spawn rootwrap process.\nstderr:\n"
                          + complaint.decode("utf-8", "replace"))

    def _watch(self) -> None:
        """Passes on what it says, and reaps it. Runs in a thread of its own."""
        stderr = self._process.stderr
        assert stderr
        line = b""
        with suppress(OSError, ValueError):
            while True:
                wait_for(stderr.fileno(), READ)
                data = os.read(stderr.fileno(), READ_BYTES)
                if not data:
                    break
                *lines, line = (line + data).split(b"\n")
                line = line[-STDERR_BYTES_MAX:]
                for whole in lines:
                    LOG.info("%s", whole.decode("utf-8", "replace"))
            stderr.close()
        self._reap()
        LOG.info("Rootwrap daemon process exit with status: %s", self._process.returncode)

    def _reap(self) -> None:
        """Waits by a descriptor, which does not stop the other green threads."""
        with suppress(OSError, ChildProcessError):
            pidfd = os.pidfd_open(self._process.pid)
            try:
                wait_for(pidfd, READ)
            finally:
                os.close(pidfd)
        self._process.wait()

    def let_go(self) -> None:
        """Closes its stdin: it finishes what runs, and ends."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def forget(self) -> None:
        """In a child of this process: closes its copies of the pipes. It is the parent's, ends with
        the parent, and is the parent's to reap."""
        self._close_pipes()
        self._process.returncode = 0

    def _close_pipes(self) -> None:
        self.let_go()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()

    def close(self) -> None:
        """When it never came up."""
        self._close_pipes()
        if self._process.poll() is None:
            threading.Thread(target=self._reap, name="rootwrapd", daemon=True).start()


class Link:
    """What a client holds on to. Thread-safe."""

    def __init__(self, command: Optional[Sequence[str]], socket_path: Optional[str]) -> None:
        self._command = command
        self._socket_path = socket_path
        self._daemon: Optional[Daemon] = None
        self._idle: List[Connection] = []
        self._lock = Turn()
        self._n_failures = 0
        self._failure = ""
        self._is_closed = False
        _links.add(self)

    def _endpoint(self) -> Endpoint:
        if self._socket_path is not None:
            return Endpoint(self._socket_path, None)
        assert self._command is not None
        n_failures = self._n_failures
        with self._lock:
            if self._is_closed:
                raise StartError("the client was closed")
            if not self._daemon:
                if self._n_failures != n_failures:  # of a start that we have waited for here
                    raise StartError(self._failure)
                try:
                    self._daemon = Daemon(self._command)
                except StartError as error:
                    self._n_failures += 1
                    self._failure = str(error)
                    raise
            return self._daemon.endpoint

    def _lose(self, path: str) -> None:
        """The daemon there has gone, or stops: the next one is another."""
        with self._lock:
            daemon = self._daemon
            if daemon and daemon.endpoint.path == path:
                daemon.let_go()
                self._daemon = None
        self._drop_idle()

    def _drop_idle(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def take_idle(self) -> Optional[Connection]:
        """A connection that was kept, if one still stands."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_fresh:
                return connection
            connection.close()

    def take(self) -> Connection:
        """A connection, which give() takes back, or its close() ends."""
        if self._is_closed:
            raise StartError("the client was closed")
        connection = self.take_idle()
        if connection:
            return connection
        for attempt in range(ATTEMPTS_MAX):
            endpoint = self._endpoint()
            try:
                return Connection(endpoint.path, endpoint.key)
            except StartError:
                self._lose(endpoint.path)
                if attempt == ATTEMPTS_MAX - 1 or self._socket_path is not None:
                    raise
        raise AssertionError("not reached")

    def give(self, connection: Connection) -> None:
        """Takes a connection back whose command has been answered."""
        if self._is_closed or len(self._idle) >= IDLE_MAX:
            connection.close()
            return
        self._idle.append(connection)
        if self._is_closed:  # meanwhile
            self._drop_idle()

    def retire(self, connection: Connection, why: NotStarted) -> None:
        """Of a connection whose daemon has not taken a command."""
        connection.close()
        if why.is_stopping:
            self._lose(connection.path)
        else:
            self._drop_idle()

    def attempt(self, work: Callable[[Connection], T]) -> T:
        """Does `work` on a connection, again on another one while that raises NotStarted.

        `work` gives the connection back, or closes it.
        """
        number = 0
        while True:
            connection = self.take()
            try:
                return work(connection)
            except NotStarted as why:
                self.retire(connection, why)
                number += 1
                if number >= ATTEMPTS_MAX:
                    raise StartError(str(why)) from why
                if why.is_stopping and self._socket_path is not None:
                    time.sleep(AGAIN_S * number)

    def forget(self) -> None:
        """In a child of this process: nothing of the parent's is ours."""
        self._lock = Turn()
        self._idle.clear()
        self._daemon = None

    def close(self) -> None:
        """The daemon, if it is ours, ends; commands that run finish."""
        self._is_closed = True
        self._drop_idle()
        with self._lock:
            if self._daemon:
                self._daemon.let_go()
                self._daemon = None


_daemons: weakref.WeakSet[Daemon] = weakref.WeakSet()
_links: weakref.WeakSet[Link] = weakref.WeakSet()


def _forget_all() -> None:
    forget_all()
    for daemon in list(_daemons):
        daemon.forget()
    for link in list(_links):
        link.forget()


os.register_at_fork(after_in_child=_forget_all)
