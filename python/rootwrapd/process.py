# SPDX-License-Identifier: Apache-2.0
"""A command that runs: what subprocess.Popen is for a child of one's own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import warnings
import weakref
from types import TracebackType
from typing import IO, Any, List, Optional, Tuple, Type

from . import _message
from ._connection import Connection, NotStarted, check_signal
from ._link import Link
from ._message import Message
from ._order import Order
from ._streams import Exchange
from ._wait import deadline_in, earliest, seconds_left
from .errors import Closed, UnknownFate


class Usage:
    """What a command that has ended has used; seconds, and kB."""

    __slots__ = ("duration", "max_rss", "system_time", "user_time")

    def __init__(self, message: Message) -> None:
        usage = message.fields[_message.TAG_USAGE]
        user, system, rss = (int.from_bytes(usage[at:at + 8], "little") for at in (0, 8, 16))
        self.user_time = user / 1e6
        self.system_time = system / 1e6
        self.max_rss = rss
        self.duration = message.number(_message.TAG_DURATION) / 1e6

    def __repr__(self) -> str:
        return (f"Usage(duration={self.duration}, user_time={self.user_time}, "
                f"system_time={self.system_time}, max_rss={self.max_rss})")


class Process:
    """Made by Client.popen(). Any thread may call anything.

    stdin, stdout, stderr: the caller's ends of pipes, where PIPE was asked for, else None.
    timed_out: it was ended since its timeout had passed. usage: known when it has ended.

    Unlike a child's, the end of this object is the end of the command, unless it was started with
    `go_on`: the daemon ends what nobody waits for.
    """

    def __init__(self, link: Link, connection: Connection, order: Order, pid: int,
                 pipes: Tuple[Optional[IO[bytes]], Optional[IO[bytes]], Optional[IO[bytes]]]
                 ) -> None:
        self.args = order.command
        self.pid = pid
        self.returncode: Optional[int] = None
        self.timed_out = False
        self.usage: Optional[Usage] = None
        self.stdin, self.stdout, self.stderr = pipes
        self._link = link
        self._order = order
        self._connection: Optional[Connection] = connection
        self._failure: Optional[Exception] = None
        self._exchange: Optional[Exchange] = None
        self._outputs: List[Optional[io.BytesIO]] = []
        self._given_up: Optional[Connection] = None
        self._make_locks()
        _processes.add(self)

    def _make_locks(self) -> None:
        self._lock = threading.Lock()  # of who reads the answer
        self._sender = threading.Lock()  # of who uses the connection otherwise

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        self._close_exchange()
        if kind is None:
            self.wait()
        else:
            self.close()

    def __del__(self) -> None:
        self._close_exchange()
        connection = getattr(self, "_connection", None)
        if connection and connection.fileno() >= 0:  # and this is no child of its process
            warnings.warn(f"command {self.pid} is ended since nobody waits for it",
                          ResourceWarning, source=self, stacklevel=2)
            self.close()

    def __repr__(self) -> str:
        return f"<Process: pid={self.pid} returncode={self.returncode} args={self.args!r}>"

    def close(self) -> None:
        """Lets the daemon end the command (SIGTERM, 5 s, SIGKILL), or go on as was asked. Who waits
        for it gets Closed."""
        self._give_up(Closed("the command was given up"))

    def _give_up(self, failure: Exception) -> None:
        with self._sender:
            connection, self._connection = self._connection, None
            if connection:
                self._failure = self._failure or failure
                self._given_up = connection
                connection.cut()
        self._bury()

    def _bury(self) -> None:
        """Closes what was given up. Whoever reads of it does so when he is done."""
        if self._given_up and self._lock.acquire(blocking=False):
            try:
                connection, self._given_up = self._given_up, None
                if connection:
                    connection.close()
            finally:
                self._lock.release()

    def fileno(self) -> int:
        """Readable when poll() has something to tell; -1 when all is told."""
        connection = self._connection
        return connection.fileno() if connection else -1

    def _finish(self, message: Message) -> None:
        self.usage = Usage(message)
        self.timed_out = bool(message.number(_message.TAG_FLAGS) & _message.TIMED_OUT)
        with self._sender:
            connection, self._connection = self._connection, None
            self.returncode = os.waitstatus_to_exitcode(message.number(_message.TAG_STATUS))
        if connection:
            self._link.give(connection)

    def _read(self, deadline: Optional[float]) -> None:
        """Waits for the answer. Called with the lock."""
        connection = self._connection
        if self.returncode is not None:
            return
        if not connection or connection.fileno() < 0:
            raise self._failure or Closed("the command was given up, or is a parent process's")
        try:
            message = connection.answer(self._order, deadline)
        except (NotStarted, OSError) as error:
            self._give_up(UnknownFate(str(error)))
        except Exception as error:
            self._give_up(error)
        else:
            if message:
                self._finish(message)
            return
        assert self._failure
        raise self._failure

    def poll(self) -> Optional[int]:
        """The return code, -N for signal N; None while it runs, or another thread waits for it."""
        if self.returncode is None and self._lock.acquire(blocking=False):
            try:
                self._read(0.0)
            finally:
                self._lock.release()
                self._bury()
        return self.returncode

    def wait(self, timeout: Optional[float] = None) -> int:
        """Waits for the end. subprocess.TimeoutExpired: the command goes on."""
        deadline = deadline_in(timeout)
        left = seconds_left(deadline)
        if not self._lock.acquire(timeout=-1 if left is None else left):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        try:
            self._read(deadline)
        finally:
            self._lock.release()
            self._bury()
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends HUP, INT, QUIT, KILL, USR1, USR2, TERM, CONT or TSTP to the process group.

        ValueError for others, 0 too: poll() says whether it runs.
        """
        check_signal(number)
        with self._sender:
            if self._connection and self.returncode is None:
                self._connection.signal(number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, input: Optional[bytes] = None,  # noqa: A002 as subprocess has it
                    timeout: Optional[float] = None) -> Tuple[Optional[bytes], Optional[bytes]]:
        """Writes the input, reads the outputs to their end, waits.

        subprocess.TimeoutExpired has the output so far. The command goes on, and so do its pipes:
        the next call resumes, and returns all of the output.
        """
        deadline = deadline_in(timeout)
        if not self._exchange:
            self._exchange = self._begin(memoryview(input or b""))
        elif input:
            raise ValueError("Cannot send input after starting communication")
        connection = self._connection
        latest = earliest(deadline, connection.deadline if connection else None)
        try:
            while not self._exchange.is_done:
                is_moving, _ = self._exchange.step(latest)
                if not is_moving:
                    self.poll()  # of a daemon that does not answer, this is an error
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.wait(seconds_left(deadline))
        except subprocess.TimeoutExpired as error:
            error.output, error.stderr = self._output()
            raise
        return self._output()

    def _begin(self, data: memoryview) -> Exchange:
        """The pipes' descriptors go from the file objects to what is returned."""
        exchange = Exchange()
        streams, self._outputs = (self.stdout, self.stderr), []
        if self.stdin:
            exchange.feed(detach(self.stdin), data)
        for stream in streams:
            self._outputs.append(exchange.collect(detach(stream)) if stream else None)
        self.stdin = self.stdout = self.stderr = None
        return exchange

    def _output(self) -> Tuple[Optional[bytes], Optional[bytes]]:
        stdout, stderr = (kept.getvalue() if kept else None for kept in self._outputs)
        return stdout, stderr

    def _close_exchange(self) -> None:
        exchange = getattr(self, "_exchange", None)
        if exchange:
            exchange.close()


def detach(stream: Any) -> int:
    """The descriptor of a file object, which is no longer the object's."""
    fd = os.dup(stream.fileno())
    stream.close()
    return fd


_processes: weakref.WeakSet[Process] = weakref.WeakSet()


def _forget_threads() -> None:
    """In a child of this process there is no thread that holds a lock."""
    for process in list(_processes):
        process._make_locks()


os.register_at_fork(after_in_child=_forget_threads)
