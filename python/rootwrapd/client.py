# SPDX-License-Identifier: Apache-2.0
"""The client: `execute` as oslo_rootwrap.client.Client has it; `run` and `popen` as subprocess."""

from __future__ import annotations

import os
import subprocess
import time
import weakref
from io import BytesIO
from subprocess import DEVNULL, PIPE, STDOUT
from types import TracebackType
from typing import IO, Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type, Union

from . import _message
from ._connection import Connection
from ._link import Link
from ._message import Message
from ._order import Limits, Order, Word, encode_text
from ._streams import Exchange, close_all
from ._wait import END, READ
from .errors import Refused
from .process import Process, Usage

Stream = Union[None, int, IO[Any]]
CODE_NO_SIGNAL = 1
CODE_NO_COMMAND = 98  # oslo's daemon says 99 of an empty command
CODE_UNAUTHORIZED = 99


class Completed(subprocess.CompletedProcess):  # type: ignore[type-arg]
    """As subprocess has it; `usage` besides: seconds and kB."""

    usage: Usage


def encode(data: Union[None, str, bytes]) -> Optional[bytes]:
    """Input as it goes into a pipe."""
    return encode_text(data) if isinstance(data, str) else data


def decode(data: bytes) -> str:
    """Output as a caller wants it."""
    return data.decode("utf-8", "surrogateescape")


def result(code: int, stdout: bytes, stderr: bytes, binary: bool) -> List[Any]:
    """What execute() returns."""
    return [code, stdout, stderr] if binary else [code, decode(stdout), decode(stderr)]


def refused_result(refused: Refused, binary: bool) -> List[Any]:
    """What execute() returns for a refusal: what oslo.rootwrap's daemon does."""
    code = CODE_UNAUTHORIZED if refused.code == CODE_NO_COMMAND else refused.code
    reason = refused.reason if code == CODE_NO_SIGNAL else ""
    return result(code, b"", encode_text(reason), binary)


def complete(order: Order, code: int, outputs: List[Optional[bytes]], usage: Usage, text: bool,
             check: bool) -> Completed:
    """What run() returns."""
    done = Completed(order.command, code, *(
        decode(output) if text and output is not None else output for output in outputs))
    done.usage = usage
    if check:
        done.check_returncode()
    return done


class Client:
    """A way to a daemon.

    `rootwrap_daemon_cmd` is the command that starts one, such as
    ["sudo", "cinder-rootwrap-daemon", "/etc/cinder/rootwrap.conf"], or the path of a host
    service's socket. The daemon is started by the first call, again when it has gone, and ends
    with this object. All methods may be called by many threads at once, and run side by side;
    they work under eventlet. A child of this process (fork) starts a daemon of its own, at its
    first call; what ran before the fork is the parent's alone.

    No command is ever run twice: where it can't be known whether it ran, UnknownFate is raised.
    """

    def __init__(self, rootwrap_daemon_cmd: Union[Sequence[str], str, os.PathLike[str]]) -> None:
        if isinstance(rootwrap_daemon_cmd, (str, os.PathLike)):
            self._link = Link(None, os.fspath(rootwrap_daemon_cmd))
        else:
            self._link = Link(list(rootwrap_daemon_cmd), None)
        self._finalizer = weakref.finalize(self, self._link.close)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """Ends the daemon, if this object has started it, when what runs has finished."""
        self._finalizer()

    # as oslo.rootwrap

    def execute(self, cmd: Sequence[Word], stdin: Union[None, str, bytes] = None, *,
                timeout: Optional[float] = None, env: Optional[Mapping[str, str]] = None,
                cwd: Optional[Word] = None, binary: bool = False) -> List[Any]:
        """Runs a command. Returns [returncode, stdout, stderr], a list as oslo's client does.

        The return code is -N for signal N; 99 and 96 with empty outputs for a refusal. Outputs are
        str, what is no UTF-8 as surrogates, or bytes with `binary`. `env` adds to the command's
        environment what a filter allows; `cwd` is where it starts. A command is ended after
        `timeout` seconds: subprocess.TimeoutExpired. It is the daemon that ends it; where that
        does not say so within 15 seconds more, it is UnknownFate.
        """
        order = Order(cmd, env=env, cwd=cwd, timeout=timeout)
        try:
            code, kept, _ = self._exchange(order, Plan(encode(stdin)))
        except Refused as refused:
            return refused_result(refused, binary)
        return result(code, kept[0] or b"", kept[1] or b"", binary)

    def _exchange(self, order: Order, plan: Plan) -> Tuple[int, List[Optional[bytes]], Usage]:
        """A command between pipes, where it has no descriptors that are given."""
        return self._link.attempt(lambda connection: self._exchange_on(connection, order, plan))

    def _exchange_on(self, connection: Connection, order: Order, plan: Plan
                     ) -> Tuple[int, List[Optional[bytes]], Usage]:
        exchange = Exchange()
        theirs: List[int] = []
        fds = list(plan.fds)
        outputs: List[Optional[BytesIO]] = [None, None]
        is_clean = False
        try:
            if plan.data is not None:
                fds[0], ours = os.pipe()
                theirs.append(fds[0])
                exchange.feed(ours, plan.data)
            for number in plan.collected:
                ours, fds[number] = os.pipe()
                theirs.append(fds[number])
                outputs[number - 1] = exchange.collect(ours)
            if plan.is_merged:
                fds[2] = fds[1]
            connection.start(order, fds)
            close_all(theirs)
            message, is_late = finish(connection, order, exchange)
            is_clean = True
        except Refused:
            is_clean = True
            raise
        finally:
            close_all(theirs)
            exchange.close()
            if is_clean:
                self._link.give(connection)
            else:
                connection.close()
        kept = [output.getvalue() if output else None for output in outputs]
        if is_late:
            raise subprocess.TimeoutExpired(order.command, order.timeout or 0, *kept)
        code = os.waitstatus_to_exitcode(message.number(_message.TAG_STATUS))
        return code, kept, Usage(message)

    # as subprocess

    def popen(self, cmd: Sequence[Word], *, stdin: Stream = None, stdout: Stream = None,
              stderr: Stream = None, env: Optional[Mapping[str, str]] = None,
              cwd: Optional[Word] = None, timeout: Optional[float] = None, go_on: bool = False,
              umask: Optional[int] = None, nice: Optional[int] = None,
              limits: Optional[Limits] = None) -> Process:
        """Starts a command. Returns it; Refused where no filter allows it.

        The streams are what subprocess takes: None for this process's own, a descriptor or file
        object, PIPE, DEVNULL, and STDOUT for stderr. The command reads and writes them itself.
        `timeout`: it is ended after so many seconds. `go_on`: it outlives this process. `umask`,
        `nice` and `limits` ({resource.RLIMIT_AS: (soft, hard)}) can only take away from what the
        daemon's commands have.
        """
        order = Order(cmd, env=env, cwd=cwd, timeout=timeout, go_on=go_on, umask=umask, nice=nice,
                      limits=limits)
        return self._link.attempt(
            lambda connection: self._popen_on(connection, order, (stdin, stdout, stderr)))

    def _popen_on(self, connection: Connection, order: Order, wanted: Sequence[Stream]) -> Process:
        theirs: List[int] = []
        ours: List[int] = []
        is_started = False
        try:
            fds, pipes = place(wanted, theirs, ours)
            connection.start(order, fds)
            close_all(theirs)
            message = connection.answer(order)
            assert message  # there is no deadline
            is_started = True
        except Refused:
            self._link.give(connection)
            raise
        except BaseException:
            connection.close()
            raise
        finally:
            close_all(theirs)
            if not is_started:
                close_all(ours)
        files: List[Any] = [os.fdopen(fd, "wb" if i == 0 else "rb", -1) if fd >= 0 else None
                            for i, fd in enumerate(pipes)]
        return Process(self._link, connection, order, message.number(_message.TAG_PID),
                       (files[0], files[1], files[2]))

    def run(self, cmd: Sequence[Word], *, stdin: Stream = None,
            input: Union[None, str, bytes] = None,  # noqa: A002 as subprocess has it
            stdout: Stream = None, stderr: Stream = None, capture_output: bool = False,
            text: bool = False, check: bool = False, env: Optional[Mapping[str, str]] = None,
            cwd: Optional[Word] = None, timeout: Optional[float] = None,
            umask: Optional[int] = None, nice: Optional[int] = None,
            limits: Optional[Limits] = None) -> Completed:
        """Runs a command as subprocess.run does, through the daemon. Refused: nothing ran."""
        if capture_output:
            stdout = stderr = PIPE
        order = Order(cmd, env=env, cwd=cwd, timeout=timeout, umask=umask, nice=nice,
                      limits=limits)
        held: List[int] = []
        try:
            plan = plan_of(stdin, encode(input), stdout, stderr, held)
            code, kept, usage = self._exchange(order, plan)
        finally:
            close_all(held)
        return complete(order, code, kept, usage, text, check)


class Plan(NamedTuple):
    """What becomes of the streams of a command that is waited for."""

    data: Optional[bytes]  # what goes into a pipe that is its stdin
    collected: Sequence[int] = (1, 2)  # descriptors that are pipes, which are read to their end
    fds: Sequence[int] = (-1, -1, -1)  # the others; borrowed
    is_merged: bool = False  # stderr is the pipe that stdout is


def plan_of(stdin: Stream, data: Optional[bytes], stdout: Stream, stderr: Stream,
            held: List[int]) -> Plan:
    """As subprocess.run has its streams. What is made is put into `held`."""
    if data is not None and stdin is not None:
        raise ValueError("stdin and input may not both be used.")
    if stdin == PIPE:  # which nobody could write to
        stdin, data = DEVNULL, b""
    streams = [DEVNULL if data is not None else stdin,
               *(DEVNULL if stream == PIPE else stream for stream in (stdout, stderr))]
    fds, _ = place(streams, held, held)
    return Plan(data, [number for number, stream in ((1, stdout), (2, stderr)) if stream == PIPE],
                fds, stdout == PIPE and stderr == STDOUT)


def finish(connection: Connection, order: Order, exchange: Exchange) -> Tuple[Message, bool]:
    """Moves the streams to their ends, and waits for EXITED. Returns: it; whether it is too late

    The connection is looked at meanwhile: a child of a command that was ended, or whose daemon was
    killed, may hold its stdout for ever.
    """
    started = ended = None
    deadline = connection.deadline
    timeout_end = time.monotonic() + (order.timeout or 0)
    exchange.watch(connection.fileno(), END if order.timeout is None else READ)
    while not exchange.is_done:
        is_moving, is_answered = exchange.step(deadline)
        if ended and not is_moving:
            return ended, True
        if is_moving and not is_answered:
            continue
        if not started:
            started = connection.answer(order)
            continue
        ended = connection.answer(order)
        assert ended  # whose deadline raises
        if ended.number(_message.TAG_FLAGS) & _message.TIMED_OUT:
            return ended, True
        exchange.ignore(connection.fileno())
        deadline = None if order.timeout is None else timeout_end
    if not started:
        connection.answer(order)
    ended = ended or connection.answer(order)
    assert ended
    return ended, bool(ended.number(_message.TAG_FLAGS) & _message.TIMED_OUT)


def place(wanted: Sequence[Stream], theirs: List[int], ours: List[int]
          ) -> Tuple[List[int], List[int]]:
    """Descriptors for a command's streams, -1 for /dev/null, and the caller's ends of pipes.

    What is made is put into the two lists.
    """
    fds: List[int] = []
    pipes = [-1, -1, -1]
    for number, stream in enumerate(wanted):
        if stream is None:
            fds.append(number)
        elif stream == DEVNULL:
            fds.append(-1)
        elif stream == PIPE:
            reader, writer = os.pipe()
            pipes[number], fd = (writer, reader) if number == 0 else (reader, writer)
            ours.append(pipes[number])
            theirs.append(fd)
            fds.append(fd)
        elif stream == STDOUT:
            if number != 2:
                raise ValueError("STDOUT is for stderr")
            fds.append(fds[1])
        elif isinstance(stream, int):
            if stream < 0:
                raise ValueError(f"no descriptor: {stream}")
            fds.append(stream)
        else:
            fds.append(stream.fileno())
    return fds, pipes
