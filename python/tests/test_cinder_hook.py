# SPDX-License-Identifier: Apache-2.0
"""The hook around processutils.execute, without Cinder: Debian's, and as upstream has it by now."""

from __future__ import annotations

import gc
import importlib.util
import os
import socket
import subprocess
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oslo_concurrency.processutils
import pytest
from oslo_concurrency.processutils import ProcessExecutionError

from rootwrapd import Client, UnknownFate, _message
from rwtest.wait import is_alive, wait_for
from rootwrapd import cinder as hook

Execute = Callable[..., Any]


class Config:
    """As much of oslo.config as the hook asks for."""

    use_rootwrap_daemon = True
    rootwrap_config = "/etc/cinder/rootwrap.conf"
    rootwrap_daemon_socket: str | None = None

    def register_opts(self, _options: object) -> None:
        """They are there."""


def hooked(module: types.ModuleType, config: Config, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Root commands of a user that is not root, by this version of execute()."""
    monkeypatch.setattr(oslo_concurrency, "processutils", module)
    monkeypatch.setattr(module, "execute", module.execute)  # which the hook replaces
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    hook.install(config)
    helper = hook.root_helper(config)
    return lambda *words, **how: module.execute(*words, run_as_root=True, root_helper=helper, **how)


@pytest.fixture()
def now() -> types.ModuleType:
    """Upstream's processutils."""
    spec = importlib.util.spec_from_file_location(
        "processutils_now", Path(__file__).with_name("processutils_now.py"))
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(params=["debian", "now"])
def module(request: pytest.FixtureRequest, now: types.ModuleType) -> types.ModuleType:
    """Two versions of processutils."""
    return now if request.param == "now" else oslo_concurrency.processutils


@pytest.fixture()
def settings(service: str) -> Iterator[Config]:
    """Of a host service."""
    found = Config()
    found.rootwrap_daemon_socket = service
    yield found
    client: Client | None = hook._clients.pop((service,), None)
    if client:
        client.close()


@pytest.fixture()
def execute(module: types.ModuleType, settings: Config, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Of either version."""
    return hooked(module, settings, monkeypatch)


@pytest.fixture()
def sudo_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The old way, which is told by what a `sudo` prints that runs nothing."""
    program = tmp_path / "bin/sudo"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho the old way\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return "the old way\n"


def test_root_commands_are_the_daemon_s(execute: Execute) -> None:
    out, err = execute("sh", "-c", "cat /proc/$PPID/comm; cat; echo err >&2", process_input="in")
    assert (out, err) == ("rootwrap-daemon\nin", "err\n")


def test_an_exit_code_is_looked_at(execute: Execute) -> None:
    assert execute("sh", "-c", "exit 3", check_exit_code=[3]) == ("", "")
    with pytest.raises(ProcessExecutionError) as caught:
        execute("sh", "-c", "exit 4", attempts=2, delay_on_retry=False)
    assert caught.value.exit_code == 4


def test_an_argument_of_a_later_execute_goes_the_old_way(
    now: types.ModuleType, settings: Config, monkeypatch: pytest.MonkeyPatch, sudo_says: str
) -> None:
    execute = hooked(now, settings, monkeypatch)
    assert execute("echo", "x")[0] == "x\n"
    assert execute("echo", "x", nice=5)[0] == sudo_says


def test_what_a_later_execute_says_to_popen_goes_the_old_way(
    now: types.ModuleType, settings: Config, monkeypatch: pytest.MonkeyPatch, sudo_says: str
) -> None:
    execute = hooked(now, settings, monkeypatch)
    assert execute("echo", "x")[0] == "x\n"
    monkeypatch.setitem(now.MORE_POPEN, "umask", 0o77)
    assert execute("echo", "x")[0] == sudo_says


def test_a_timeout_is_told_and_the_command_can_be_asked_after(
    execute: Execute, recwarn: pytest.WarningsRecorder
) -> None:
    """on_completion is called for it too; below sudo the command goes on."""
    seen: list[Any] = []

    def completed(process: Any) -> None:
        seen.append((process.pid, process.poll(), process.returncode))

    with pytest.raises(subprocess.TimeoutExpired):
        execute("sleep", "1", timeout=0.2, on_completion=completed)
    ((pid, *codes),) = seen
    assert codes == [None, None]
    gc.collect()
    assert is_alive(pid)
    wait_for(lambda: not is_alive(pid), f"the end of {pid}")
    assert not [warning for warning in recwarn if warning.category is ResourceWarning]


def test_who_kept_the_process_may_end_it(execute: Execute) -> None:
    kept: list[Any] = []
    with pytest.raises(subprocess.TimeoutExpired):
        execute("sh", "-c", "echo out; exec sleep 30", timeout=1, on_execute=kept.append)
    kept[0].terminate()
    assert kept[0].communicate() == (b"out\n", b"")
    assert kept[0].returncode == 128 + 15


def test_no_attempt_repeats_what_may_have_run(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The daemon reads a command, and answers what is no answer."""
    starts: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.recv(65536)
                peer.send(_message.encode(_message.WELCOME, 0, {
                    _message.TAG_VERSION: _message.u32(1), _message.TAG_NONCE: bytes(32),
                    _message.TAG_COMMANDS_MAX: _message.u32(1),
                    _message.TAG_ARGS_MAX: _message.u32(100_000)}))
                starts.append(peer.recv(65536))
                peer.send(b"garbage")

    settings = Config()
    settings.rootwrap_daemon_socket = str(tmp_path / "native.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(settings.rootwrap_daemon_socket)
        listener.listen()
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        execute = hooked(module, settings, monkeypatch)
        with pytest.raises(UnknownFate) as caught:
            execute("true", attempts=3, delay_on_retry=False)
        listener.shutdown(socket.SHUT_RDWR)
        server.join()
    assert isinstance(caught.value, ProcessExecutionError)
    assert len(starts) == 1
    hook._clients.clear()
