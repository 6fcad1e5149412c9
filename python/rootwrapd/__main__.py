# SPDX-License-Identifier: Apache-2.0
"""python3 -m rootwrapd: runs one command through the daemon, as if it were run directly."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from types import FrameType
from typing import List, Optional

from . import Client, Error, Refused, __version__

EXIT_NO_DAEMON = 125
EXIT_TIMEOUT = 124
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


def seconds(word: str) -> float:
    """A timeout."""
    value = float(word)
    if not value > 0:
        raise argparse.ArgumentTypeError("it must be more than 0")
    return value


def own_umask() -> int:
    """This process's."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def parse(words: List[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m rootwrapd",
        description="Runs one command through rootwrapd's daemon, as if it were run directly: with "
                    "this process's streams, directory, umask and nice level. umask and nice level "
                    "can only take away from the daemon's.",
        epilog="Exit status: the command's, 128+N when signal N ended it, 99, 98 or 96 when it was "
               "refused, 124 after the timeout, 125 when there is no daemon.")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--socket", metavar="PATH", help="a host service's socket")
    way.add_argument("--daemon-command", metavar="'COMMAND'",
                     help="what starts a daemon, such as 'sudo rootwrap-daemon CONFIG'")
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds)
    parser.add_argument("--version", action="version", version=f"rootwrapd {__version__}")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="[--] COMMAND...")
    options = parser.parse_args(words)
    if options.command[:1] == ["--"]:
        del options.command[0]
    if not options.command:
        parser.error("there is no command")
    return options


def main(words: Optional[List[str]] = None) -> int:
    """Returns the exit status."""
    options = parse(sys.argv[1:] if words is None else words)
    way = options.socket or shlex.split(options.daemon_command)
    try:
        with Client(way) as client:
            process = client.popen(
                options.command, timeout=options.timeout, cwd=os.curdir, umask=own_umask(),
                nice=os.getpriority(os.PRIO_PROCESS, 0))

            def forward(number: int, frame: Optional[FrameType]) -> None:
                process.send_signal(number)

            for number in FORWARDED:
                signal.signal(number, forward)
            code = process.wait()
            if process.timed_out:
                return EXIT_TIMEOUT
            return code if code >= 0 else 128 - code
    except Refused as refused:
        print(f"rootwrapd: {refused.reason}", file=sys.stderr)
        return refused.code
    except (Error, OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"rootwrapd: {error}", file=sys.stderr)
        return EXIT_NO_DAEMON


if __name__ == "__main__":
    sys.exit(main())
