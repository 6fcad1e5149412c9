# SPDX-License-Identifier: Apache-2.0
"""Privileged commands through rootwrapd's daemon.

    from rootwrapd import Client

    client = Client(["sudo", "cinder-rootwrap-daemon", "/etc/cinder/rootwrap.conf"])
    returncode, stdout, stderr = client.execute(["lvs"])

Client takes the place of oslo_rootwrap.client.Client, and has run() and popen() as subprocess has
them. rootwrapd.aio has the same for asyncio; rootwrapd.cinder is for Cinder.
"""

from __future__ import annotations

from subprocess import DEVNULL, PIPE, STDOUT, TimeoutExpired

from .client import Client, Completed
from .errors import Busy, Closed, Error, ProtocolError, Refused, StartError, UnknownFate
from .process import Process, Usage

__version__ = "0.1.0"

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "Busy",
    "Client",
    "Closed",
    "Completed",
    "Error",
    "Process",
    "ProtocolError",
    "Refused",
    "StartError",
    "TimeoutExpired",
    "UnknownFate",
    "Usage",
]
