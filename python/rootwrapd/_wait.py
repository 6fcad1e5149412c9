# SPDX-License-Identifier: Apache-2.0
"""Waiting for descriptors, also where eventlet or gevent have put their own select in place.

The functions of `select` are looked up when they are called, so that they are the ones that a
monkey patch left there: eventlet takes `poll` away, gevent replaces it.
"""

from __future__ import annotations

import math
import select
import time
from typing import Dict, List, Optional

# POLLIN and POLLOUT, so that a mask need not be translated. END is POLLHUP, which comes unasked.
# The daemon's longest timeout, 366 days: from here on it is none.
TIMEOUT_NONE_S = 366 * 24 * 3600
# Of one call; poll(2) has an int.
POLL_S_MAX = 1e6

READ = 1
WRITE = 4
END = 0


def seconds_left(deadline: Optional[float]) -> Optional[float]:
    """Until a moment of time.monotonic(); None: for ever."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def deadline_in(timeout: Optional[float]) -> Optional[float]:
    """The moment of time.monotonic() at which a timeout has passed."""
    return None if timeout is None or timeout >= TIMEOUT_NONE_S else time.monotonic() + timeout


def earliest(*moments: Optional[float]) -> Optional[float]:
    """The first of them; None is never."""
    return min((moment for moment in moments if moment is not None), default=None)


class Waiter:
    """A few descriptors, and what of each is waited for."""

    def __init__(self) -> None:
        self._masks: Dict[int, int] = {}
        self._poll = select.poll() if hasattr(select, "poll") else None

    def __bool__(self) -> bool:
        return bool(self._masks)

    def add(self, fd: int, mask: int) -> None:
        """READ, WRITE, or END, which tells that the other side has closed; where there is no poll,
        END is READ."""
        self._masks[fd] = mask
        if self._poll:
            self._poll.register(fd, mask)

    def remove(self, fd: int) -> None:
        """It must be there."""
        del self._masks[fd]
        if self._poll:
            self._poll.unregister(fd)

    def wait(self, deadline: Optional[float] = None) -> List[int]:
        """Returns those that are ready, in no order; none when the deadline has passed."""
        while True:
            left = seconds_left(deadline)
            found = self._wait(None if left is None else min(left, POLL_S_MAX))
            if found or (left is not None and left <= POLL_S_MAX):
                return found

    def _wait(self, left: Optional[float]) -> List[int]:
        if self._poll:
            found = self._poll.poll(None if left is None else math.ceil(left * 1000))
            return [fd for fd, _ in found]
        readers = [fd for fd, mask in self._masks.items() if mask != WRITE]
        writers = [fd for fd, mask in self._masks.items() if mask == WRITE]
        readable, writable, _ = select.select(readers, writers, [], left)
        return [*readable, *writable]


def wait_for(fd: int, mask: int, deadline: Optional[float] = None) -> bool:
    """Waits for one descriptor. Returns False when the deadline has passed."""
    waiter = Waiter()
    waiter.add(fd, mask)
    return bool(waiter.wait(deadline))
