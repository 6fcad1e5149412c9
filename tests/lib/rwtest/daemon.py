# SPDX-License-Identifier: Apache-2.0
"""The daemons under test, ours and Debian's oslo-rootwrap-daemon, started as a client starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from rwtest import programs, users
from rwtest.legacy import OLD, Connection, Dialect, Peer, Session
from rwtest.native import Native
from rwtest.policy import PolicyFolder
from rwtest.wait import children_of, cmdline_of, is_alive, status_of, wait_for

OSLO_DAEMON = Path("/usr/bin/oslo-rootwrap-daemon")
WORKER_NAME = "rootwrap-worker"
KEY_BYTES = 32
# A daemon that does nothing for so long has seen all that there was to see.
SETTLE_S = 0.25

# What most tests of the daemon allow. The shell makes it nearly everything.
FILTERS = """
sh: CommandFilter, sh, root
cat: CommandFilter, cat, root
echo: CommandFilter, echo, root
printf: CommandFilter, printf, root
true: CommandFilter, true, root
sleep: CommandFilter, sleep, root
python3: CommandFilter, /usr/bin/python3, root
env: EnvFilter, env, root, FIRST=, SECOND=, sh
missing: CommandFilter, /opt/no/such/program, root
gone: CommandFilter, rw-no-such-program, root
"""


class StartError(Exception):
    """The daemon ended instead of printing where it listens."""

    def __init__(self, returncode: int, stderr: str) -> None:
        super().__init__(f"exit status {returncode}: {stderr}")
        self.returncode = returncode
        self.stderr = stderr


@dataclass(frozen=True)
class DaemonProgram:
    """One implementation of `rootwrap-daemon CONFIG`."""

    name: str
    program: Path

    @property
    def is_ours(self) -> bool:
        """Whether this is the program of this repository."""
        return self.name == "ours"

    def command(self, config: Path) -> list[str]:
        """The command line, without sudo."""
        return [str(self.program), str(config)]

    def run(self, *words: str | Path, env: Mapping[str, str] | None = None
            ) -> subprocess.CompletedProcess[str]:
        """Starts it where it must end by itself, and waits for that."""
        return subprocess.run(
            [str(self.program), *map(str, words)],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
            env=None if env is None else dict(env), timeout=programs.DEADLINE_S, check=False,
        )

    def start(
        self,
        config: Path,
        *,
        sudo_user: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        preexec_fn: Callable[[], None] | None = None,
    ) -> Daemon:
        """Starts a daemon and waits until it has said where it listens.

        With `sudo_user`, that user starts it through sudo, as a service does.
        """
        command = self.command(config)
        if sudo_user:
            # what a service of that user executes, without a shell in between
            command = ["/usr/bin/setpriv", f"--reuid={sudo_user}", "--regid", sudo_user,
                       "--init-groups", users.SUDO, "-n", *command]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=None if env is None else dict(env), cwd=cwd, preexec_fn=preexec_fn,
        )
        daemon = Daemon(self, config, process)
        try:
            daemon.read_greeting()
        except BaseException:
            daemon.kill()
            raise
        return daemon


def ours() -> DaemonProgram:
    """The daemon of this repository, installed."""
    return DaemonProgram("ours", programs.install_tree() / "rootwrap-daemon")


def oslo() -> DaemonProgram:
    """Debian's."""
    return DaemonProgram("oslo", OSLO_DAEMON)


@dataclass
class Daemon:
    """One daemon that runs. As a context manager it is killed at the end, if it still runs."""

    program: DaemonProgram
    config: Path
    process: subprocess.Popen[bytes]
    path: Path = Path()
    key: bytes = field(default=b"", repr=False)
    _pid: int = 0
    _worker: int = 0
    _stderr: bytes = field(default=b"", repr=False)

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 _where: TracebackType | None) -> None:
        self.kill()
        if error and self._stderr:
            error.args = (*error.args, f"the daemon's stderr: {os.fsdecode(self._stderr)}")

    def read_greeting(self) -> None:
        """The socket's path, a line feed, the key: nothing before them."""
        stdout = self.process.stdout
        assert stdout
        line = stdout.readline()
        self.key = stdout.read(KEY_BYTES)
        if not line.endswith(b"\n") or len(self.key) != KEY_BYTES:
            returncode = self.process.wait(programs.DEADLINE_S)
            raise StartError(returncode, self.stderr())
        self.path = Path(os.fsdecode(line[:-1]))
        self._pid = wait_for(self._find_pid, "a process that is not sudo")
        if self.program.is_ours:
            self._worker = wait_for(self._find_worker, f"a {WORKER_NAME} below the daemon")

    # the processes

    @property
    def pid(self) -> int:
        """The daemon itself (of ours: the monitor), not the sudo that started it."""
        return self._pid

    def _find_pid(self) -> int | None:
        """Below sudo there may be one process more, where it uses a terminal of its own."""
        pid = self.process.pid
        while pid and Path(f"/proc/{pid}/comm").read_text("ascii").strip() == "sudo":
            children = children_of(pid)
            pid = children[0] if children else 0
        return pid or None

    @property
    def worker(self) -> int:
        """The unprivileged half of ours."""
        return self._worker

    def _find_worker(self) -> int | None:
        """By its command line, which tools that run it in themselves leave as it is."""
        for child in children_of(self.pid):
            if WORKER_NAME in map(os.path.basename, cmdline_of(child)):
                return child
        return None

    @property
    def pids(self) -> list[int]:
        """All processes that are the daemon."""
        return [self.pid, self.worker] if self.program.is_ours else [self.pid]

    def commands(self) -> list[int]:
        """Processes that the daemon has started for clients and not yet reaped."""
        return [pid for pid in children_of(self.pid) if pid not in self.pids]

    def running(self) -> list[int]:
        """Of these, the ones that have not ended: who was ended, is kept for a while."""
        return [pid for pid in self.commands() if is_alive(pid)]

    def is_running(self) -> bool:
        """Whether any process of it lives."""
        return any(map(is_alive, self.pids))

    def memory_kib(self, field_name: str) -> int:
        """A field of /proc/PID/status (VmRSS, VmHWM) over all its processes."""
        return sum(
            int(status_of(Path(f"/proc/{pid}/status").read_text("ascii"), field_name).split()[0])
            for pid in self.pids)

    def forget_peak(self) -> None:
        """Lets VmHWM begin anew."""
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")

    def n_descriptors(self) -> int:
        """Open descriptors over all its processes."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids)

    def n_descriptors_at_rest(self) -> int:
        """The same, when it has seen that whoever is gone is gone."""

        def probe() -> int | None:
            before = self.n_descriptors()
            time.sleep(SETTLE_S)
            return before if self.n_descriptors() == before else None

        return wait_for(probe, "the number of descriptors to stay")

    # talking to it

    def peer(self, dialect: Dialect = OLD) -> Peer:
        """Somebody who knows the key."""
        return Peer(self.path, self.key, dialect)

    def session(self) -> Session:
        """A connection for commands."""
        return self.peer().session()

    def knock(self) -> Connection:
        """A connection of somebody who does nothing else."""
        return self.peer().knock()

    @property
    def native_path(self) -> str:
        """The socket of the native protocol."""
        return str(self.path.with_name("native.sock"))

    def native(self, **how: Any) -> Native:
        """A connection of the native protocol."""
        return Native(self.native_path, self.key, **how)

    def stderr(self) -> str:
        """What it has written there up to now."""
        stream = self.process.stderr
        assert stream
        os.set_blocking(stream.fileno(), False)
        with suppress(BlockingIOError):
            while data := os.read(stream.fileno(), 65536):
                self._stderr += data
        return os.fsdecode(self._stderr)

    def check_serves(self) -> None:
        """Whatever happened before: it goes on."""
        assert self.peer().run(["echo", "it", "serves"]) == (0, "it serves\n", "")

    # the end

    def send_signal(self, number: int) -> None:
        """Sends a signal to the daemon."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = programs.DEADLINE_S) -> int:
        """Waits for its end. Return: its exit status as Popen has it."""
        return self.process.wait(timeout_s)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it as its client does."""
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """Ends whatever is left of it, and keeps what it had on stderr."""
        if self.process.poll() is None:
            for pid in filter(None, (self._pid, self._worker)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait()
        with suppress(ValueError, OSError):
            self.stderr()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()


class SharedDaemon:
    """One daemon for many tests that leave it as it was; a new one where one of them did not."""

    def __init__(self, program: DaemonProgram, config: Path) -> None:
        self.program = program
        self.config = config
        self._daemon: Daemon | None = None

    def get(self) -> Daemon:
        """A daemon that runs."""
        if self._daemon is None or not self._daemon.is_running():
            self.close()
            self._daemon = self.program.start(self.config)
        return self._daemon

    def close(self) -> None:
        """Ends it."""
        if self._daemon:
            self._daemon.kill()
        self._daemon = None


class Launcher:
    """Starts daemons for one test, which end with it."""

    def __init__(self, policy: PolicyFolder) -> None:
        self.policy = policy
        self.daemons: list[Daemon] = []

    def __call__(self, program: DaemonProgram, options: Mapping[str, str] | None = None,
                 filters: str = FILTERS, **how: Any) -> Daemon:
        """Writes a policy and starts a daemon with it; `how` is for DaemonProgram.start()."""
        config = self.policy.write(filters, **dict(options or {}))
        self.daemons.append(program.start(config, **how))
        return self.daemons[-1]

    def close(self) -> None:
        """Ends them all."""
        for daemon in self.daemons:
            daemon.kill()
