# SPDX-License-Identifier: Apache-2.0
"""The client for asyncio. What might wait (a daemon's start, a greeting) does so in a thread."""

from __future__ import annotations

import asyncio
import functools
import io
import os
import posix
import signal
import subprocess
import weakref
from contextlib import suppress
from types import TracebackType
from typing import (Any, Awaitable, Callable, Coroutine, List, Mapping, Optional, Sequence, Tuple,
                    Type, TypeVar, Union)

from . import _message
from ._connection import Connection, NotStarted, check_signal
from ._link import AGAIN_S, ATTEMPTS_MAX, Link
from ._message import Message
from ._order import Limits, Order, Word
from ._streams import READ_BYTES, WRITE_BYTES, close_all
from ._wait import deadline_in, seconds_left
from .client import (Completed, Plan, Stream, complete, encode, place, plan_of, refused_result,
                     result)
from .errors import Closed, Refused, StartError, UnknownFate
from .process import Usage

T = TypeVar("T")


async def until(fd: int, is_write: bool = False, deadline: Optional[float] = None) -> None:
    """Waits until a descriptor can be read or written, or the deadline has passed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = ((loop.add_writer, loop.remove_writer) if is_write
                   else (loop.add_reader, loop.remove_reader))
    add(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await asyncio.wait((ready,), timeout=seconds_left(deadline))
    finally:
        remove(fd)


async def read_all(fd: int, output: io.BytesIO) -> None:
    """Reads a pipe to its end."""
    os.set_blocking(fd, False)
    while True:
        try:
            data = posix.read(fd, READ_BYTES)
        except BlockingIOError:
            await until(fd)
            continue
        if not data:
            return
        output.write(data)


async def write_all(fd: int, data: bytes) -> None:
    """Writes to a pipe until it is all there or nobody reads it."""
    os.set_blocking(fd, False)
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[posix.write(fd, rest[:WRITE_BYTES]):]
        except BlockingIOError:
            await until(fd, is_write=True)
        except BrokenPipeError:
            return


def owning(fd: int, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that closes a descriptor at its end, though it be cancelled before it has begun."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda _: os.close(fd))
    return task


async def answer(connection: Connection, order: Order) -> Message:
    """STARTED or EXITED; see Connection.answer."""
    while True:
        message = connection.answer(order, 0.0)
        if message:
            return message
        await until(connection.fileno(), deadline=connection.deadline)


async def nothing() -> None:
    """What a stream says that is no pipe."""


class AsyncProcess:
    """Made by AsyncClient.popen(). See rootwrapd.Process, whose methods wait here by await.

    stdin is a StreamWriter, stdout and stderr are StreamReaders, where PIPE was asked for.
    """

    def __init__(self, link: Link, connection: Connection, order: Order, pid: int) -> None:
        self.args = order.command
        self.pid = pid
        self.returncode: Optional[int] = None
        self.timed_out = False
        self.usage: Optional[Usage] = None
        self.stdin: Optional[asyncio.StreamWriter] = None
        self.stdout: Optional[asyncio.StreamReader] = None
        self.stderr: Optional[asyncio.StreamReader] = None
        self._link = link
        self._connection: Optional[Connection] = connection
        self._end = asyncio.ensure_future(self._finish(connection, order))
        # Only here: while it is waited for, the loop has the descriptor, and would have its number.
        self._end.add_done_callback(
            lambda end: connection.close() if end.cancelled() or end.exception() else None)
        self._transports: List[asyncio.BaseTransport] = []

    async def __aenter__(self) -> AsyncProcess:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        where: Optional[TracebackType]) -> None:
        if self.stdin:
            self.stdin.close()
        if kind is None:
            await self.wait()
        self.close()

    async def _finish(self, connection: Connection, order: Order) -> int:
        try:
            message = await answer(connection, order)
        except (NotStarted, OSError) as error:
            self._connection = None
            raise UnknownFate(str(error)) from error
        except BaseException:
            self._connection = None
            raise
        self.usage = Usage(message)
        self.timed_out = bool(message.number(_message.TAG_FLAGS) & _message.TIMED_OUT)
        self.returncode = os.waitstatus_to_exitcode(message.number(_message.TAG_STATUS))
        self._connection = None
        self._link.give(connection)
        return self.returncode

    async def open_pipes(self, pipes: List[int]) -> None:
        """Takes over the caller's ends."""
        loop = asyncio.get_running_loop()
        if pipes[0] >= 0:
            file, pipes[0] = os.fdopen(pipes[0], "wb", 0), -1
            transport, flow = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, file)
            self._transports.append(transport)
            self.stdin = asyncio.StreamWriter(transport, flow, None, loop)
        readers: List[Optional[asyncio.StreamReader]] = [None, None]
        for number in (1, 2):
            if pipes[number] >= 0:
                file, pipes[number] = os.fdopen(pipes[number], "rb", 0), -1
                reader = asyncio.StreamReader()
                make = functools.partial(asyncio.StreamReaderProtocol, reader)
                self._transports.append((await loop.connect_read_pipe(make, file))[0])
                readers[number - 1] = reader
        self.stdout, self.stderr = readers

    async def wait(self) -> int:
        """Waits for the end. Returns the return code, -N for signal N.

        Cancelling it leaves the command alone.
        """
        try:
            return await asyncio.shield(self._end)
        except asyncio.CancelledError:
            if self._end.cancelled():
                raise Closed("the command was given up") from None
            raise

    def poll(self) -> Optional[int]:
        """The return code, -N for signal N; None while it runs, as far as the loop has seen."""
        if self.returncode is None:
            if self._end.cancelled() or (not self._connection and not self._end.done()):
                raise Closed("the command was given up")
            if self._end.done():
                self._end.result()  # raises
        return self.returncode

    async def communicate(self, input: Optional[bytes] = None  # noqa: A002 as subprocess has it
                          ) -> Tuple[Optional[bytes], Optional[bytes]]:
        """Writes the input, reads the outputs to their end, waits."""
        _, stdout, stderr = await asyncio.gather(
            self._feed(input or b""), *(reader.read() if reader else nothing()
                                        for reader in (self.stdout, self.stderr)))
        await self.wait()
        return stdout, stderr

    async def _feed(self, data: bytes) -> None:
        if self.stdin:
            with suppress(BrokenPipeError, ConnectionResetError):
                self.stdin.write(data)
                await self.stdin.drain()
            self.stdin.close()

    def close(self) -> None:
        """Lets the daemon end the command (SIGTERM, 5 s, SIGKILL), or go on as was asked."""
        connection, self._connection = self._connection, None
        if connection:
            connection.cut()
            self._end.cancel()
        for transport in self._transports:
            transport.close()

    def send_signal(self, number: int) -> None:
        """Sends a signal to the command's process group. See rootwrapd.Process."""
        check_signal(number)
        if self._connection:
            self._connection.signal(number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class AsyncClient:
    """As Client; a cancelled call ends its command."""

    def __init__(self, rootwrap_daemon_cmd: Union[Sequence[str], str, os.PathLike[str]]) -> None:
        if isinstance(rootwrap_daemon_cmd, (str, os.PathLike)):
            self._link = Link(None, os.fspath(rootwrap_daemon_cmd))
        else:
            self._link = Link(list(rootwrap_daemon_cmd), None)
        self._finalizer = weakref.finalize(self, self._link.close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        where: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """Ends the daemon, if this object has started it, when what runs has finished."""
        self._finalizer()

    async def _take(self) -> Connection:
        """A connection; one that has to be made is made in a thread."""
        connection = self._link.take_idle()
        if connection:
            return connection
        loop = asyncio.get_running_loop()
        making = loop.run_in_executor(None, self._link.take)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(self._give_back)
            raise

    def _give_back(self, made: asyncio.Future[Connection]) -> None:
        if not made.cancelled() and not made.exception():
            self._link.give(made.result())

    async def _attempt(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """See Link.attempt."""
        number = 0
        while True:
            connection = await self._take()
            try:
                return await work(connection)
            except NotStarted as why:
                self._link.retire(connection, why)
                number += 1
                if number >= ATTEMPTS_MAX:
                    raise StartError(str(why)) from why
                if why.is_stopping:
                    await asyncio.sleep(AGAIN_S * number)

    async def execute(self, cmd: Sequence[Word], stdin: Union[None, str, bytes] = None, *,
                      timeout: Optional[float] = None, env: Optional[Mapping[str, str]] = None,
                      cwd: Optional[Word] = None, binary: bool = False) -> List[Any]:
        """Runs a command. See Client.execute."""
        order = Order(cmd, env=env, cwd=cwd, timeout=timeout)
        plan = Plan(encode(stdin))
        try:
            code, kept, _ = await self._attempt(
                lambda connection: self._exchange(connection, order, plan))
        except Refused as refused:
            return refused_result(refused, binary)
        return result(code, kept[0] or b"", kept[1] or b"", binary)

    async def _exchange(self, connection: Connection, order: Order, plan: Plan
                        ) -> Tuple[int, List[Optional[bytes]], Usage]:
        """A command between pipes. Connection and pipes are done with at its end."""
        fds = list(plan.fds)
        theirs: List[int] = []
        tasks: List[asyncio.Task[None]] = []
        readers: List[asyncio.Task[None]] = []
        outputs: List[Optional[io.BytesIO]] = [None, None]
        is_clean = False
        try:
            if plan.data is not None:
                fds[0], ours = os.pipe()
                theirs.append(fds[0])
                tasks.append(owning(ours, write_all(ours, plan.data)))
            for number in plan.collected:
                ours, fds[number] = os.pipe()
                theirs.append(fds[number])
                output = outputs[number - 1] = io.BytesIO()
                readers.append(owning(ours, read_all(ours, output)))
            tasks += readers
            if plan.is_merged:
                fds[2] = fds[1]
            connection.start(order, fds)
            close_all(theirs)
            await answer(connection, order)
            deadline = deadline_in(order.timeout)
            message = await answer(connection, order)
            is_clean = True
            is_late = bool(message.number(_message.TAG_FLAGS) & _message.TIMED_OUT)
            if readers and not is_late:
                is_late = bool((await asyncio.wait(readers, timeout=seconds_left(deadline)))[1])
            kept = [output.getvalue() if output else None for output in outputs]
            if is_late:
                raise subprocess.TimeoutExpired(order.command, order.timeout or 0, *kept)
        except Refused:
            is_clean = True
            raise
        finally:
            close_all(theirs)
            if is_clean:
                self._link.give(connection)
            else:
                connection.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        code = os.waitstatus_to_exitcode(message.number(_message.TAG_STATUS))
        return code, kept, Usage(message)

    async def run(self, cmd: Sequence[Word], *, stdin: Stream = None,
                  input: Union[None, str, bytes] = None,  # noqa: A002 as subprocess has it
                  stdout: Stream = None, stderr: Stream = None, capture_output: bool = False,
                  text: bool = False, check: bool = False, env: Optional[Mapping[str, str]] = None,
                  cwd: Optional[Word] = None, timeout: Optional[float] = None,
                  umask: Optional[int] = None, nice: Optional[int] = None,
                  limits: Optional[Limits] = None) -> Completed:
        """Runs a command. See Client.run."""
        if capture_output:
            stdout = stderr = subprocess.PIPE
        order = Order(cmd, env=env, cwd=cwd, timeout=timeout, umask=umask, nice=nice,
                      limits=limits)
        held: List[int] = []
        try:
            plan = plan_of(stdin, encode(input), stdout, stderr, held)
            code, kept, usage = await self._attempt(
                lambda connection: self._exchange(connection, order, plan))
        finally:
            close_all(held)
        return complete(order, code, kept, usage, text, check)

    async def popen(self, cmd: Sequence[Word], *, stdin: Stream = None, stdout: Stream = None,
                    stderr: Stream = None, env: Optional[Mapping[str, str]] = None,
                    cwd: Optional[Word] = None, timeout: Optional[float] = None,
                    go_on: bool = False, umask: Optional[int] = None, nice: Optional[int] = None,
                    limits: Optional[Limits] = None) -> AsyncProcess:
        """Starts a command. See Client.popen."""
        order = Order(cmd, env=env, cwd=cwd, timeout=timeout, go_on=go_on, umask=umask, nice=nice,
                      limits=limits)
        return await self._attempt(
            lambda connection: self._popen(connection, order, (stdin, stdout, stderr)))

    async def _popen(self, connection: Connection, order: Order, wanted: Sequence[Stream]
                     ) -> AsyncProcess:
        theirs: List[int] = []
        ours: List[int] = []
        try:
            fds, pipes = place(wanted, theirs, ours)
            connection.start(order, fds)
            close_all(theirs)
            message = await answer(connection, order)
        except Refused:
            close_all(ours)
            self._link.give(connection)
            raise
        except BaseException:
            close_all(ours)
            connection.close()
            raise
        finally:
            close_all(theirs)
        process = AsyncProcess(self._link, connection, order, message.number(_message.TAG_PID))
        try:
            await process.open_pipes(pipes)
        except BaseException:
            process.close()
            close_all([fd for fd in pipes if fd >= 0])
            raise
        return process
