# SPDX-License-Identifier: Apache-2.0
"""What can go wrong. Nothing was executed for any of these but UnknownFate."""

from __future__ import annotations

from typing import Sequence


class Error(Exception):
    """The base of the others."""


class StartError(Error):
    """There is no daemon: it could not be started, or none listens."""


class ProtocolError(Error):
    """What listens there is not the daemon, or has turned us away."""


class UnknownFate(Error):
    """The connection broke: the command may run, may have run, or not. It was not repeated."""


class WrongAnswer(ProtocolError, UnknownFate):
    """The daemon has the command, and what it said of it can't be understood."""


class Busy(Error):
    """Too many commands at once, or the daemon lacks memory or descriptors. Ask again later."""


class Refused(Error):
    """The daemon said no.

    code: 99, no filter allows it; 98, there is no command; 96, a filter allows it, but it can't be
    started; 1, a KillFilter's signal could not be sent.
    """

    def __init__(self, args: Sequence[str], code: int, reason: str, filter_name: str = "",
                 errno: int = 0) -> None:
        super().__init__(reason)
        self.command = list(args)
        self.code = code
        self.reason = reason
        self.filter = filter_name
        self.errno = errno


class Closed(Error):
    """The command was given up by its caller, who asks after it all the same."""
