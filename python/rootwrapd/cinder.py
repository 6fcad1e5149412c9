# SPDX-License-Identifier: Apache-2.0
"""Cinder's root commands through the daemon: the option `use_rootwrap_daemon`.

In cinder.conf:

    [DEFAULT]
    use_rootwrap_daemon = True
    monkey_patch = True
    monkey_patch_modules = cinder.utils:rootwrapd.cinder.use_daemon

or, for a service that no longer looks at monkey_patch:

    python3 -m rootwrapd.cinder cinder-volume --config-file /etc/cinder/cinder.conf

How: cinder.utils.execute, and all else in Cinder and os-brick that runs commands, looks up
processutils.execute when it is called. In its place stands a function that hands commands with
Cinder's own root helper to a second copy of processutils.execute. The copy is the same code; but
its `subprocess` is the class below. So what is checked, retried, logged, decoded and raised is
processutils' own. Everything that the daemon can't express (a shell, an environment, preexec_fn,
prlimit) goes the old way, and so does all of it where the option is off.
"""

from __future__ import annotations

import importlib.metadata
import io
import logging
import os
import shlex
import shutil
import subprocess
import sys
import types
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from . import Client, Error, Refused, UnknownFate
from ._order import encode_text
from .process import Process

LOG = logging.getLogger(__name__)

# What processutils.execute hands to Popen but we can't hand to the daemon.
BEYOND_US = ("env_variables", "preexec_fn", "prlimit", "python_exec", "shell")
# What it keeps to itself, or hands to us. An argument that is in neither is one of a later version,
# and goes the old way.
WITHIN_US = ("attempts", "binary", "check_exit_code", "cwd", "delay_on_retry", "log_errors",
             "loglevel", "on_completion", "on_execute", "process_input", "root_helper",
             "run_as_root", "timeout")
# What it says to Popen each time, preexec_fn and cwd excepted.
POPEN = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
         "close_fds": True, "shell": False, "env": None}
OPTION_HELP = (
    "Run root commands through rootwrap's daemon, started once as "
    "`sudo cinder-rootwrap-daemon CONFIG`, instead of starting `sudo cinder-rootwrap CONFIG` for "
    "each. CONFIG is rootwrap_config.")
SOCKET_HELP = (
    "With use_rootwrap_daemon: the socket of rootwrapd's host service for Cinder, such as "
    "/run/rootwrapd/cinder.sock. No sudo is used then.")

_clients: Dict[Tuple[str, ...], Client] = {}


class Popen:
    """What processutils.execute uses of subprocess.Popen: a command of Cinder's root helper.

    The root helper answers for how a command ended: 128+N after signal N (Cinder's LVM code looks
    for 139), and a refusal is exit code 99, 98 or 96 with a sentence on stderr.
    """

    PIPE = subprocess.PIPE
    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self, client: Client, program: str, command: Sequence[str],
                 cwd: Optional[str]) -> None:
        self.args = command
        self.stdin: Any = io.BytesIO()
        self.stdout: Any = io.BytesIO()
        self.stderr: Any = io.BytesIO()
        self.pid: Optional[int] = None
        self.returncode: Optional[int] = None
        self._complaint = b""
        self._process: Optional[Process] = None
        try:
            # As through sudo, the command starts where we are, and goes on if we end.
            self._process = client.popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                cwd=cwd or os.curdir, go_on=True)
        except Refused as refused:
            self._complaint = encode_text(f"{program}: {refused.reason}\n")  # as it says itself
            self.returncode = refused.code
            return
        self.pid = self._process.pid
        self.stdin, self.stdout, self.stderr = (
            self._process.stdin, self._process.stdout, self._process.stderr)

    def __del__(self) -> None:
        # After a timeout, say. It goes on, as one below sudo does whose Popen nobody has any more.
        if getattr(self, "_process", None):
            self._process.close()  # type: ignore[union-attr]

    def _take(self, code: Optional[int]) -> Optional[int]:
        if code is not None:
            self.returncode = code if code >= 0 else 128 - code
        return self.returncode

    def communicate(self, input: Optional[bytes] = None,  # noqa: A002 as subprocess has it
                    timeout: Optional[float] = None) -> Tuple[bytes, bytes]:
        """Writes the input, reads the outputs, waits."""
        if not self._process:
            return b"", self._complaint
        stdout, stderr = self._process.communicate(input, timeout)
        self._take(self._process.returncode)
        return stdout or b"", stderr or b""

    def poll(self) -> Optional[int]:
        """The exit code; None while it runs."""
        return self._take(self._process.poll()) if self._process else self.returncode

    def wait(self, timeout: Optional[float] = None) -> Optional[int]:
        """Waits for the exit code."""
        return self._take(self._process.wait(timeout)) if self._process else self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal to the command and its children."""
        if self._process:
            self._process.send_signal(number)

    def terminate(self) -> None:
        """SIGTERM."""
        if self._process:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()


class Subprocess:
    """What the copy of processutils.execute finds under the name `subprocess`."""

    PIPE = subprocess.PIPE
    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self, config: Any, failure: Callable[..., Exception], real: Any) -> None:
        self._config = config
        self._failure = failure
        self._real = real

    def Popen(self, words: Sequence[str], *, cwd: Optional[str] = None,  # noqa: N802 as it is named
              preexec_fn: Any = None, **how: object) -> Any:
        """Starts a command: the old way, where processutils says what it does not say today.

        The caller's preexec_fn was looked at before it came here; this one is processutils' own.
        """
        if any(name not in POPEN or value != POPEN[name] for name, value in how.items()):
            return self._real.Popen(words, cwd=cwd, preexec_fn=preexec_fn, **how)
        helper = words_of(root_helper(self._config))
        command = words[len(helper):]
        try:
            return Popen(client_of(self._config), helper[1], command, cwd)
        except UnknownFate:
            raise  # which is never tried again
        except Error as error:
            raise self._failure(description=str(error), cmd=" ".join(words)) from error


def words_of(helper: str) -> List[str]:
    """As processutils splits it."""
    return shlex.split(helper)


def root_helper(config: Any) -> str:
    """Cinder's, as cinder.utils.get_root_helper() has it."""
    return f"sudo cinder-rootwrap {config.rootwrap_config}"


def client_of(config: Any) -> Client:
    """The client for what the configuration says now: one in this process."""
    socket = config.rootwrap_daemon_socket
    way: Tuple[str, ...] = (
        (socket,) if socket
        else ("sudo", "cinder-rootwrap-daemon", config.rootwrap_config))
    client = _clients.get(way)
    if not client:
        # One that comes second has started nothing. No lock: it might be green for native threads.
        client = _clients.setdefault(way, Client(socket or list(way)))
    return client


def is_for_us(config: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether processutils.execute would call Cinder's root helper, and the daemon can do it."""
    return (
        config.use_rootwrap_daemon
        and bool(kwargs.get("run_as_root"))
        and os.geteuid() != 0
        and kwargs.get("root_helper") == root_helper(config)
        and not kwargs.keys() - {*BEYOND_US, *WITHIN_US}
        and not any(kwargs.get(name) for name in BEYOND_US)
        # an empty environment is one
        and kwargs.get("env_variables") is None
    )


def copy_with(function: types.FunctionType, **names: object) -> Callable[..., Any]:
    """The same code, in which some global names mean something else."""
    missing = set(names) - set(function.__code__.co_names)
    if missing:
        raise RuntimeError(f"{function.__name__} does not use {', '.join(sorted(missing))}: "
                           "this version of oslo.concurrency is unknown here")
    copy = types.FunctionType(
        function.__code__, {**function.__globals__, **names}, function.__name__,
        function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def install(config: Any = None) -> None:
    """Registers the options and takes the place of processutils.execute. Once is enough."""
    from oslo_concurrency import processutils
    from oslo_config import cfg

    config = cfg.CONF if config is None else config
    config.register_opts([
        cfg.BoolOpt("use_rootwrap_daemon", default=False, help=OPTION_HELP),
        cfg.StrOpt("rootwrap_daemon_socket", help=SOCKET_HELP),
    ])
    real = processutils.execute
    if getattr(real, "is_rootwrapd", False):
        return

    class Failure(processutils.ProcessExecutionError):  # type: ignore[misc]
        """No daemon, or nobody knows what became of the command."""

    class FailureUnknown(Failure, UnknownFate):
        """The latter."""

    unknown: Any = FailureUnknown
    through_daemon = copy_with(
        real, subprocess=Subprocess(config, Failure, processutils.subprocess))

    def execute(*cmd: Any, **kwargs: Any) -> Any:
        if not is_for_us(config, kwargs):
            return real(*cmd, **kwargs)
        try:
            return through_daemon(*cmd, **kwargs)
        except UnknownFate as error:
            raise unknown(description=str(error), cmd=" ".join(map(str, cmd))) from error

    execute.is_rootwrapd = True  # type: ignore[attr-defined]
    execute.__doc__ = real.__doc__
    processutils.execute = execute
    LOG.info("rootwrapd: use_rootwrap_daemon can be set")


def use_daemon(_name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """For monkey_patch_modules, which calls it for each function of a module: changes none."""
    install()
    return function


def scripts() -> Any:
    """The programs of Python's packages."""
    entries: Any = importlib.metadata.entry_points()
    if hasattr(entries, "select"):  # from Python 3.10 on
        return entries.select(group="console_scripts")
    return entries["console_scripts"]


def main(words: Optional[List[str]] = None) -> Any:
    """Runs one of Cinder's programs with the hook in place. Does not return before it ends."""
    words = sys.argv[1:] if words is None else words
    if not words or words[0].startswith("-"):
        print("usage: python3 -m rootwrapd.cinder PROGRAM [ARG...]\n\n"
              "PROGRAM is one of Cinder's, such as cinder-volume.", file=sys.stderr)
        return 2
    name = os.path.basename(words[0])
    found = [entry for entry in scripts()
             if entry.name == name and entry.value.startswith("cinder.")]
    if not found:
        print(f"rootwrapd.cinder: {name} is not one of Cinder's programs", file=sys.stderr)
        return 2
    # Its own imports come first: they decide about eventlet, before anybody loads threads.
    program = found[0].load()
    install()
    sys.argv = [shutil.which(words[0]) or words[0], *words[1:]]
    return program()


if __name__ == "__main__":
    sys.exit(main())
