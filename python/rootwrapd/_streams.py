# SPDX-License-Identifier: Apache-2.0
"""The pipes between a caller and its command: written and read side by side, as both can block.

Reads and writes are posix's, not os's: eventlet's os.write() waits by itself where a pipe is full,
while nobody reads the other one.
"""

from __future__ import annotations

import io
import os
import posix
from contextlib import suppress
from typing import Dict, List, Optional, Tuple, Union

from ._wait import READ, WRITE, Waiter

READ_BYTES = 1 << 16
WRITE_BYTES = 1 << 16


def close_all(fds: List[int]) -> None:
    """Closes what is in the list and empties it."""
    while fds:
        with suppress(OSError):
            os.close(fds.pop())


class Exchange:
    """Input that is to be written, and output that is to be read to its end.

    Owns its descriptors: each is closed when it is done with, the rest by close().
    """

    def __init__(self) -> None:
        self.outputs: Dict[int, io.BytesIO] = {}
        self._waiter = Waiter()
        self._input_fd = -1
        self._input = memoryview(b"")

    def feed(self, fd: int, data: Union[bytes, memoryview]) -> None:
        """Takes over the pipe that `data` goes into. What fits into it goes there at once."""
        os.set_blocking(fd, False)
        self._input_fd = fd
        self._input = memoryview(data).cast("B")
        self._write()
        if self._input_fd >= 0:
            self._waiter.add(fd, WRITE)

    def collect(self, fd: int) -> io.BytesIO:
        """Takes over a pipe that is read to its end, into what is returned."""
        output = io.BytesIO()
        self.outputs[fd] = output
        self._waiter.add(fd, READ)
        return output

    def watch(self, fd: int, mask: int) -> None:
        """Makes step() tell of this one, of somebody else: READ or END."""
        self._waiter.add(fd, mask)

    def ignore(self, fd: int) -> None:
        """Ends watch()."""
        self._waiter.remove(fd)

    @property
    def is_done(self) -> bool:
        """Whether all was written and read."""
        return self._input_fd < 0 and not self.outputs

    def step(self, deadline: Optional[float] = None) -> Tuple[bool, bool]:
        """Moves what can be moved. Returns: something happened in time; a watched one is ready"""
        ready = self._waiter.wait(deadline)
        is_watched = False
        for fd in ready:
            if fd in self.outputs:
                self._read(fd)
            elif fd == self._input_fd:
                self._write()
                if self._input_fd < 0:
                    self._waiter.remove(fd)
            else:
                is_watched = True
        return bool(ready), is_watched

    def _read(self, fd: int) -> None:
        data = posix.read(fd, READ_BYTES)
        if data:
            self.outputs[fd].write(data)
            return
        self._waiter.remove(fd)
        del self.outputs[fd]
        os.close(fd)

    def _write(self) -> None:
        """Ends with all of it, with a full pipe, or with nobody there to read it."""
        try:
            while self._input:
                self._input = self._input[posix.write(self._input_fd, self._input[:WRITE_BYTES]):]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._input = memoryview(b"")
        os.close(self._input_fd)
        self._input_fd = -1

    def close(self) -> None:
        """Gives up what is not done yet."""
        fds = list(self.outputs)
        self.outputs.clear()
        if self._input_fd >= 0:
            fds.append(self._input_fd)
            self._input_fd = -1
        close_all(fds)
