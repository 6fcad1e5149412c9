# SPDX-License-Identifier: Apache-2.0
"""The way to the daemon: starts, restarts, forks, and daemons that are not what they should be."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rootwrapd import (PIPE, Busy, Client, Error, ProtocolError, StartError, TimeoutExpired,
                       UnknownFate, _link, _message, _order)
from rootwrapd.aio import AsyncClient
from rwtest.wait import children_of, is_alive, wait_for


def daemon_pid(client: Client) -> int:
    """The process that its commands are children of."""
    return int(client.execute(["sh", "-c", "echo $PPID"])[1])


def wait_gone(pid: int) -> None:
    """Until there is no such process, or only a zombie."""
    wait_for(lambda: not is_alive(pid), f"the end of {pid}")


# the daemon's life


def test_nothing_is_started_before_the_first_call(command: list[str]) -> None:
    before = set(children_of(os.getpid()))
    with Client(command) as client:
        assert set(children_of(os.getpid())) <= before
        client.execute(["true"])
        assert len(set(children_of(os.getpid())) - before) == 1


def test_one_daemon_for_all_threads(command: list[str]) -> None:
    pids = set()
    with Client(command) as client:
        threads = [threading.Thread(target=lambda: pids.add(daemon_pid(client)))
                   for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(pids) == 1


def test_close_ends_the_daemon_and_leaves_no_zombie(command: list[str]) -> None:
    client = Client(command)
    pid = daemon_pid(client)
    client.close()
    wait_for(lambda: pid not in children_of(os.getpid()), "its being reaped")
    with pytest.raises(StartError, match="closed"):
        client.execute(["true"])


def test_a_forgotten_client_is_closed(command: list[str]) -> None:
    client = Client(command)
    pid = daemon_pid(client)
    del client
    gc.collect()
    wait_gone(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_has_gone_is_started_again(own: Client, number: int) -> None:
    first = daemon_pid(own)
    os.kill(first, number)
    wait_gone(first)
    assert daemon_pid(own) != first


def test_a_daemon_that_is_stopping_is_left_for_another(own: Client) -> None:
    first = daemon_pid(own)
    running = own.popen(["sleep", "1"])
    os.kill(first, signal.SIGTERM)
    assert own.execute(["echo", "x"]) == [0, "x\n", ""]
    assert running.wait() == 0, "what ran has finished"


def test_a_daemon_that_stops_while_it_is_asked_runs_each_command_once(
    own: Client, tmp_path: Path
) -> None:
    """SIGTERM at random moments, while threads ask: none is lost, none runs twice.

    Each daemon serves a little first: a command is tried on four of them, and then given up.
    """
    log = tmp_path / "log"
    failures: list[str] = []

    def work(number: int) -> None:
        for turn in range(25):
            word = f"{number}.{turn}"
            try:
                code = own.execute(["sh", "-c", 'echo "$1" >>"$2"', "sh", word, str(log)])[0]
            except Error as error:
                failures.append(f"{word}: {error!r}")
                continue
            if code:
                failures.append(f"{word}: {code}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    dice = random.Random(7)
    n_served = -8
    n_stopped = 0
    while any(thread.is_alive() for thread in threads):
        time.sleep(dice.random() * 0.03)
        daemon = own._link._daemon
        n_lines = len(log.read_text().split()) if log.exists() else 0
        if daemon and n_lines >= n_served + 8:
            n_served = n_lines
            n_stopped += 1
            daemon._process.send_signal(signal.SIGTERM)  # not to one that a thread has reaped
    for thread in threads:
        thread.join()
    lines = log.read_text().split()
    assert not failures
    assert n_stopped >= 3
    assert sorted(lines) == sorted(f"{number}.{turn}" for number in range(8)
                                   for turn in range(25))


def test_the_fate_of_a_command_whose_daemon_was_killed_is_unknown(own: Client, tmp_path: Path
                                                                  ) -> None:
    log = tmp_path / "log"
    pid = daemon_pid(own)
    threading.Timer(0.4, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(UnknownFate):
        own.execute(["sh", "-c", f"echo once >>{log}; sleep 30"])
    assert own.execute(["true"]) == [0, "", ""]
    assert log.read_text() == "once\n"


def test_the_daemon_s_own_words_are_in_the_error(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "broken.conf").write_text("[DEFAULT]\n")
    with Client([command[0], str(tmp_path / "broken.conf")]) as client, \
            pytest.raises(StartError, match="(?s)stderr:.*filters_path"):
        client.execute(["true"])


@pytest.mark.parametrize("script, error", [
    ("exit 1", StartError),
    ("exec /no/such/program", StartError),
    ("echo /tmp; exec sleep 1", StartError),
    ("printf '/tmp/none/socket\\n0123456789abcdef0123456789abcdef'; cat", ProtocolError),
    ("printf '/tmp/none/socket\\n0123456789abcdef0123456789abcdef-and more'; cat", ProtocolError),
    ("head -c 100000 /dev/zero; cat", StartError),
])
def test_what_is_no_daemon_is_an_error(script: str, error: type[Exception]) -> None:
    with Client(["sh", "-c", script]) as client, pytest.raises(error):
        client.execute(["true"])


def test_a_missing_program_is_an_error() -> None:
    with pytest.raises(StartError, match="No such file"):
        Client(["/no/such/daemon"]).execute(["true"])


def test_oslo_s_daemon_is_named_for_what_it_is(config: Path) -> None:
    with Client(["/usr/bin/oslo-rootwrap-daemon", str(config)]) as client, \
            pytest.raises(ProtocolError, match="oslo_rootwrap"):
        client.execute(["true"])


def test_a_daemon_that_says_nothing_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All callers have the same deadline, not one after the other's."""
    monkeypatch.setattr(_link, "GREETING_S", 1.0)
    failures: list[str] = []

    def work(client: Client) -> None:
        with pytest.raises(StartError, match="within 1 s") as caught:
            client.execute(["true"])
        failures.append(str(caught.value))

    start = time.monotonic()
    with Client(["sh", "-c", "echo why >&2; exec cat"]) as client:
        threads = [threading.Thread(target=work, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert time.monotonic() - start < 6  # one after the other: 8
    assert len(failures) == 8
    assert all("why" in text for text in failures)


@contextmanager
def stopped(client: Client | AsyncClient) -> Iterator[None]:
    """Both processes of its daemon stand still."""
    daemon = client._link._daemon
    assert daemon
    pid = daemon._process.pid
    pids = [pid, *children_of(pid)]
    try:
        for number in pids:
            os.kill(number, signal.SIGSTOP)
        yield
    finally:
        for number in pids:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)


@pytest.mark.parametrize("how", ["execute", "long", "popen", "wait", "communicate", "async"])
def test_a_timeout_has_an_end_where_the_daemon_keeps_none(
    own: Client, command: list[str], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_order, "GRACE_S", 0.5)
    monkeypatch.setattr(_order, "MARGIN_S", 0.5)
    own.execute(["true"])
    start = time.monotonic()
    if how == "execute":
        with stopped(own), pytest.raises(UnknownFate, match="does not answer"):
            own.execute(["true"], timeout=1)
    elif how == "long":
        with stopped(own), pytest.raises(Busy):
            own.execute(["echo", *["x" * 100_000] * 10], timeout=1)
    elif how == "popen":
        with stopped(own), pytest.raises(UnknownFate, match="does not answer"):
            own.popen(["true"], timeout=1)
    elif how == "async":
        async def work() -> None:
            async with AsyncClient(command) as client:
                await client.execute(["true"])
                with stopped(client), pytest.raises(UnknownFate, match="does not answer"):
                    await client.execute(["true"], timeout=1)

        asyncio.run(work())
    else:
        process = own.popen(["sleep", "30"], stdout=PIPE, timeout=1)
        with stopped(own), pytest.raises(UnknownFate, match="does not answer"):
            process.wait() if how == "wait" else process.communicate()
        assert process.stdout is None or process.stdout.close() is None
    assert 1 < time.monotonic() - start < 9
    assert own.execute(["echo", "x"])[1] == "x\n"


def test_a_timeout_is_kept_where_a_child_holds_stdout(own: Client) -> None:
    """As subprocess keeps it: the command has ended, its output has not."""
    own.execute(["true"])
    start = time.monotonic()
    with pytest.raises(TimeoutExpired) as caught:
        own.execute(["sh", "-c", "echo x; setsid sleep 20 &"], timeout=1)
    assert time.monotonic() - start < 10
    assert caught.value.output == b"x\n"


# fork


def test_a_child_has_connections_of_its_own(own: Client) -> None:
    own.execute(["true"])
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writer, own.execute(["cat"], "child")[1].encode())
            status = 0
        finally:
            os._exit(status)
    for _ in range(50):
        assert own.execute(["cat"], "parent") == [0, "parent", ""]
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reader, 100) == b"child"
    os.close(reader)
    os.close(writer)


def test_a_child_does_not_keep_the_parent_s_daemon(command: list[str]) -> None:
    script = (
        "import os, sys\nfrom rootwrapd import Client\n"
        f"client = Client({command!r})\n"
        "print(client.execute(['sh', '-c', 'echo $PPID'])[1], flush=True)\n"
        "if os.fork() == 0:\n"
        "    sys.stdin.read()\n"
        "    print(client.execute(['sh', '-c', 'echo $PPID'])[1], flush=True)\n"
        "    os._exit(0)\n")
    folder = str(Path(__file__).resolve().parents[1])
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, encoding="ascii",
                          env={**os.environ, "PYTHONPATH": folder}) as process:
        assert process.stdin and process.stdout
        first = int(process.stdout.readline())
        process.wait()
        wait_gone(first)
        process.stdin.close()
        assert int(process.stdout.read()) != first, "the child has started its own"


def test_a_child_starts_a_daemon_of_its_own_and_leaves_the_parent_s(own: Client) -> None:
    first = daemon_pid(own)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, f"{daemon_pid(own)}".encode())
            own.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    second = int(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    assert second != first
    wait_gone(second)
    assert daemon_pid(own) == first


def test_a_child_does_not_keep_the_parent_s_commands(command: list[str]) -> None:
    """Idle ones, running ones: the parent's death ends them, though its child lives."""
    script = (
        "import os, sys, threading, time\nfrom rootwrapd import Client, Closed\n"
        f"client = Client({command!r})\n"
        "client.execute(['true'])\n"
        "process = client.popen(['sleep', '60'])\n"
        "work = threading.Thread(target=client.execute, args=(['sleep', '60'],), daemon=True)\n"
        "work.start()\n"
        "threading.Thread(target=process.wait, daemon=True).start()\n"
        "time.sleep(0.3)\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        process.wait()\n"
        "    except Closed:\n"
        "        print(process.pid, flush=True)\n"
        "    process.close()\n"
        "    sys.stdin.read()\n"
        "    os._exit(0)\n"
        "assert process.poll() is None\n"
        "time.sleep(0.5)\n"
        "assert process.poll() is None, 'the child has ended it'\n"
        "print('alive', flush=True)\n"
        "sys.stdin.readline()\n"
        "os._exit(0)\n")
    folder = str(Path(__file__).resolve().parents[1])
    with subprocess.Popen([sys.executable, "-W", "error", "-c", script], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, encoding="ascii",
                          env={**os.environ, "PYTHONPATH": folder}) as process:
        assert process.stdin and process.stdout
        lines = {process.stdout.readline(), process.stdout.readline()}
        assert "alive\n" in lines
        (pid,) = map(int, lines - {"alive\n"})
        assert is_alive(pid)
        process.kill()
        process.wait()
        wait_gone(pid)
        process.stdin.close()


# daemons that are not what they should be

Serve = Callable[[socket.socket], None]
WELCOME = {
    _message.TAG_VERSION: _message.u32(1), _message.TAG_NONCE: bytes(32),
    _message.TAG_COMMANDS_MAX: _message.u32(1), _message.TAG_ARGS_MAX: _message.u32(100_000),
}
USAGE = bytes(24)


@contextmanager
def pretender(folder: Path, serve: Serve) -> Iterator[str]:
    """Somebody else who listens. Yields the path of the socket."""
    path = str(folder / "native.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()

        def work() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    try:
                        serve(peer)
                    except OSError:
                        pass

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def welcome(peer: socket.socket, **more: bytes) -> None:
    """Greets as the daemon does."""
    peer.recv(65536)
    peer.send(_message.encode(_message.WELCOME, 0, WELCOME))


def answering(*messages: bytes, starts: list[bytes] | None = None) -> Serve:
    """Greets, reads a command, which goes into `starts`, and says these."""
    def serve(peer: socket.socket) -> None:
        welcome(peer)
        data = peer.recv(65536)
        if starts is not None and data:
            starts.append(data)
        for message in messages:
            peer.send(message)
    return serve


STARTED = _message.encode(_message.STARTED, 1, {_message.TAG_PID: _message.u32(1)})
EXITED = _message.encode(_message.EXITED, 1, {
    _message.TAG_STATUS: _message.u32(0), _message.TAG_USAGE: USAGE,
    _message.TAG_DURATION: bytes(8)})


def test_the_pretender_can_be_right(tmp_path: Path) -> None:
    """So that the tests below fail for what they change."""
    with pretender(tmp_path, answering(STARTED, EXITED)) as path, Client(path) as client:
        assert client.execute(["true"]) == [0, "", ""]


REFUSED = _message.encode(_message.REFUSED, 1, {
    _message.TAG_CODE: _message.u32(75), _message.TAG_ERROR: _message.u32(11),
    _message.TAG_REASON: b"too many"})
TURNED_AWAY = _message.encode(_message.ERROR, 0, {_message.TAG_REASON: b"no"})


@pytest.mark.parametrize("answers", [
    [b"x"], [b"\x43\0\1\0\1\0\0\0"], [STARTED[:-1]], [STARTED + b"\0"],
    [STARTED + b"\1\0\4\0"], [_message.encode(_message.STARTED, 1, {})], [EXITED],
    [_message.encode(_message.STARTED, 2, {_message.TAG_PID: _message.u32(1)})],
    [_message.encode(99, 1, {})],
    [STARTED.replace(_message.FIELD.pack(_message.TAG_PID, 4), _message.FIELD.pack(14, 3))],
    [STARTED, b"x"], [STARTED, STARTED], [STARTED, REFUSED], [STARTED, TURNED_AWAY],
])
def test_after_a_wrong_answer_the_fate_is_unknown(tmp_path: Path, answers: list[bytes]) -> None:
    """The command was read, whatever the answer is: it is not sent again."""
    starts: list[bytes] = []
    with pretender(tmp_path, answering(*answers, EXITED, starts=starts)) as path, \
            Client(path) as client, pytest.raises(UnknownFate) as caught:
        client.execute(["true"])
    assert isinstance(caught.value, ProtocolError)
    assert len(starts) == 1


def test_who_is_turned_away_knows_that_nothing_ran(tmp_path: Path) -> None:
    with pretender(tmp_path, answering(TURNED_AWAY)) as path, Client(path) as client, \
            pytest.raises(ProtocolError, match="no") as caught:
        client.execute(["true"])
    assert not isinstance(caught.value, UnknownFate)


def test_any_bytes_are_a_message_or_an_error() -> None:
    dice = random.Random(11)
    whole = [STARTED, EXITED, _message.encode(_message.WELCOME, 0, WELCOME)]
    n_errors = 0
    for _ in range(20_000):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        del data[dice.randrange(len(data) + 1):]
        try:
            message = _message.decode(bytes(data))
        except ProtocolError:
            n_errors += 1
        else:
            assert sorted(message.fields) == list(message.fields)
    assert n_errors > 1000


def test_a_skippable_message_is_skipped(tmp_path: Path) -> None:
    other = _message.encode(40_000, 5, {50_000: b"new"})
    with pretender(tmp_path, answering(other, STARTED, other, EXITED)) as path, \
            Client(path) as client:
        assert client.execute(["true"]) == [0, "", ""]


@pytest.mark.parametrize("greeting", [
    b"", b"x", _message.encode(_message.WELCOME, 0, {}), STARTED,
    _message.encode(_message.WELCOME, 0, {**WELCOME, _message.TAG_PROOF: bytes(32)}),
    _message.encode(_message.ERROR, 0, {_message.TAG_REASON: b"go away"}),
])
def test_a_wrong_greeting_is_an_error(tmp_path: Path, greeting: bytes) -> None:
    def serve(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.send(greeting)

    with pretender(tmp_path, serve) as path, Client(path) as client, \
            pytest.raises((ProtocolError, StartError)):
        client.execute(["true"])


@pytest.mark.parametrize("proof", [None, bytes(32)])
def test_somebody_without_the_key_gets_no_command(tmp_path: Path, proof: bytes | None) -> None:
    got: list[bytes] = []

    def serve(peer: socket.socket) -> None:
        peer.recv(65536)
        more = {_message.TAG_PROOF: proof} if proof else {}
        peer.send(_message.encode(_message.WELCOME, 0, {**WELCOME, **more}))
        got.append(peer.recv(65536))

    script = f"printf '{tmp_path}/socket\\n0123456789abcdef0123456789abcdef'; exec cat"
    with pretender(tmp_path, serve), Client(["sh", "-c", script]) as client, \
            pytest.raises(ProtocolError, match="somebody else"):
        client.execute(["true"])
    assert got == [b""]


def test_a_command_that_was_read_is_not_repeated(tmp_path: Path) -> None:
    n_read = []

    def serve(peer: socket.socket) -> None:
        welcome(peer)
        if peer.recv(65536):
            n_read.append(1)

    with pretender(tmp_path, serve) as path, Client(path) as client, pytest.raises(UnknownFate):
        client.execute(["true"])
    assert n_read == [1]


def test_a_command_that_was_not_read_is_sent_again(tmp_path: Path) -> None:
    seen = []

    def serve(peer: socket.socket) -> None:
        welcome(peer)
        seen.append(1)
        if len(seen) == 1:
            time.sleep(0.2)  # START lies there, unread, when this end closes
            return
        answering_rest(peer)

    def answering_rest(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.send(STARTED)
        peer.send(EXITED)

    with pretender(tmp_path, serve) as path, Client(path) as client:
        assert client.execute(["true"]) == [0, "", ""]
    assert len(seen) == 2


def test_where_nobody_listens_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="No such file"):
        Client(tmp_path / "none").execute(["true"])


def test_the_key_is_in_no_error_and_no_text(own: Client) -> None:
    own.execute(["true"])
    texts = [repr(own), repr(vars(own)), repr(own._link), repr(own._link._daemon)]
    daemon = own._link._daemon
    assert daemon and daemon.endpoint.key
    assert not any(repr(daemon.endpoint.key)[2:-1] in text for text in texts)
    assert struct.calcsize("<HHI") == _message.HEADER.size
