# SPDX-License-Identifier: Apache-2.0
"""Peers that mean harm, on raw sockets. After each of them the daemon serves the next client."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import (
    CHALLENGE,
    OLD,
    RETURN,
    TRACEBACK,
    WELCOME,
    ClosedError,
    Connection,
    Session,
    mac,
)
from rwtest.wait import wait_for

# What the daemon may take meanwhile, and keep afterwards, over both its processes.
MORE_KIB = 8 * 1024
LENGTHS = (2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1)


def frame(payload: bytes) -> bytes:
    """One message."""
    return struct.pack("!Q", len(payload)) + payload


class Conversation:
    """A whole connection: handshake, acceptance, a command and a method, as a client sends them.

    What the client says depends on the daemon's challenge, so it is made step by step.
    """

    def __init__(self, daemon: Daemon, ident: str, marker: Path) -> None:
        self.key = daemon.key
        self.daemon = daemon
        self.challenge = bytes(range(20))
        call = (f'["{ident}", "run_one_command", [["sh", "-c", "echo >> \'{marker}\'"], '
                '"\\ud83d\\udc80\u20ac"], {}]')
        self.requests = [b'[null, "accept_connection", ["MainProcess|Thread-1"], {}]',
                         call.encode(),
                         f'["{ident}", "__str__", [], {{}}]'.encode()]

    def steps(self, connection: Connection) -> Iterator[bytes]:
        """What is sent, each after the answer to the one before has been read."""
        yield frame(OLD.answer(self.key, connection.receive_challenge()))
        assert connection.receive_frame() == WELCOME
        yield frame(CHALLENGE + self.challenge)
        assert connection.receive_frame() == mac(self.key, self.challenge, "md5")
        yield frame(WELCOME) + frame(self.requests[0])
        assert connection.receive_answer() == (RETURN, None)
        for request in self.requests[1:]:
            yield frame(request)
            assert connection.receive_answer().kind == RETURN

    def length(self) -> int:
        """How many bytes it is."""
        with self.daemon.knock() as connection:
            total = 0
            for step in self.steps(connection):
                total += len(step)
                connection.send(step)
            return total

    def cut(self, n_bytes: int) -> None:
        """Goes away after so many bytes."""
        with self.daemon.knock() as connection:
            for step in self.steps(connection):
                connection.send(step[:n_bytes])
                n_bytes -= len(step)
                if n_bytes <= 0:
                    return


def test_a_conversation_that_is_cut_at_any_byte_harms_nobody(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    daemon = launch(daemon_program)
    ident = daemon.peer().create()
    marker = tmp_path / "ran"
    conversation = Conversation(daemon, ident, marker)
    length = conversation.length()
    assert marker.read_text() == "\n"
    last = len(frame(conversation.requests[2]))
    before = daemon.n_descriptors_at_rest()
    for n_bytes in range(length):
        conversation.cut(n_bytes)
    daemon.check_serves()
    # it ran for those who sent the whole of it, and for nobody who sent less
    wait_for(lambda: len(marker.read_text()) == 1 + last, "the commands of whole requests")
    if daemon.program.is_ours:
        wait_for(lambda: daemon.n_descriptors() == before, "the descriptors to be closed")


def test_a_conversation_that_is_half_closed_at_any_byte_harms_nobody(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    """The client still reads: what it said in full is answered, then the connection ends."""
    daemon = launch(our_daemon_program)
    ident = daemon.peer().create()
    conversation = Conversation(daemon, ident, tmp_path / "ran")
    for n_bytes in range(conversation.length()):
        left = n_bytes
        with daemon.knock() as connection:
            for step in conversation.steps(connection):
                connection.send(step[:left])
                left -= len(step)
                if left < 0:
                    connection.half_close()
                    connection.rest()
                    break
    daemon.check_serves()


def test_a_whole_conversation_of_one_byte_writes_is_served(
    served: Daemon, tmp_path: Path
) -> None:
    conversation = Conversation(served, served.peer().create(), tmp_path / "ran")
    with served.knock() as connection:
        for step in conversation.steps(connection):
            connection.send_slowly(step)
    assert (tmp_path / "ran").read_text() == "\n"


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_that_nobody_has_harms_nobody(
    our_daemon_program: DaemonProgram, launch: Launcher, length: int
) -> None:
    """oslo.rootwrap allocates what it is told, or raises."""
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    daemon.forget_peak()
    idle_kib = daemon.memory_kib("VmRSS")
    with daemon.knock() as stranger, daemon.peer().connect() as peer, daemon.session() as session:
        stranger.receive_challenge()
        for connection in (stranger, peer, session):
            connection.send(struct.pack("!Q", length) + b"[" * 1000)
        assert peer.receive_answer().kind == TRACEBACK
        assert session.receive_answer().kind == TRACEBACK
        daemon.check_serves()
        assert daemon.memory_kib("VmHWM") <= idle_kib + MORE_KIB
    daemon.check_serves()


NESTINGS = {
    "lists": (b"[" * 100_000, b"]" * 100_000),
    "objects": (b'{"a":' * 100_000, b"1" + b"}" * 100_000),
    "both": (b'[{"a":' * 50_000, b"1" + b"}]" * 50_000),
    "lists that are never closed": (b"[" * 100_000, b""),
    "a million": (b"[" * 1_000_000, b"]" * 1_000_000),
}


@pytest.mark.parametrize("what", NESTINGS)
def test_deep_nesting_is_an_error_wherever_it_is(served: Daemon, what: str) -> None:
    opened, closed = NESTINGS[what]
    deep = opened + closed
    with served.session() as session:
        ident = session.ident.encode()
        for message in (deep, b'["%s", "run_one_command", %s, {}]' % (ident, deep),
                        b'["%s", "run_one_command", [["echo"], %s], {}]' % (ident, deep),
                        b'["%s", "run_one_command", [["echo"]], {"stdin": %s}]' % (ident, deep),
                        b'[%s, "run_one_command", [["echo"]], {}]' % deep):
            session.send_frame(message)
            assert session.receive_answer().kind == TRACEBACK
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_random_bytes_after_the_handshake_harm_nobody(served: Daemon) -> None:
    rng = random.Random(int(os.environ.get("RW_SEED") or 1))
    pieces = (b'["', b'"]', b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"\\ud83d", b"\\u",
              b"null", b"run_one_command", b"__bytes__", b"1e", b"-", b" ", b"\xff", b"\xed\xa0")
    with served.session() as session:
        for _ in range(300):
            session.send_frame(b"".join(rng.choices(pieces, k=rng.randrange(40))))
            assert session.receive_answer().kind == TRACEBACK
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_requests_with_a_byte_changed_harm_nobody(served: Daemon) -> None:
    """Each gets one answer, whatever became of it."""
    rng = random.Random(int(os.environ.get("RW_SEED") or 2))
    with served.session() as session:
        request = (f'["{session.ident}", "run_one_command", [["printf", "%s", "\u20ac\\udcff"], '
                   '{"__bytes__": "aGk="}], {}]').encode()
        for index in range(len(request)):
            changed = bytearray(request)
            changed[index] = rng.choice(b'"\\[]{},:0a\x00\xff\xe2 ')
            session.send_frame(bytes(changed))
            session.receive_answer()
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_random_bytes_instead_of_a_handshake_harm_nobody(served: Daemon) -> None:
    rng = random.Random(int(os.environ.get("RW_SEED") or 3))
    for size in (1, 7, 8, 9, 40, 300, 5000):
        for _ in range(10):
            with served.knock() as connection, contextlib.suppress(OSError):
                connection.send(rng.randbytes(size))
                connection.half_close()
                assert b"#WELCOME#" not in connection.rest()


def test_bytes_that_are_urgent_or_come_with_descriptors_harm_nobody(served: Daemon) -> None:
    before = served.n_descriptors_at_rest()
    with served.session() as session:
        call = frame(b'["%s", "run_one_command", [["echo", "x"]], {}]' % session.ident.encode())
        with open("/dev/null", "rb") as null:
            socket.send_fds(session.socket, [call], [null.fileno()] * 100)
            assert session.receive_answer() == (RETURN, [0, "x\n", ""])
        with contextlib.suppress(OSError):
            session.socket.send(b"x", socket.MSG_OOB)
    wait_for(lambda: served.n_descriptors() <= before, "the descriptors to be closed")


# floods

def test_a_flood_of_garbage_from_strangers_holds_up_nobody(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    daemon.forget_peak()
    idle_kib = daemon.memory_kib("VmRSS")
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), Connection(daemon.path, 2.0) as connection:
                for _ in range(100):
                    connection.send(b"\0" * 65536)

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            daemon.check_serves()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert daemon.memory_kib("VmHWM") <= idle_kib + MORE_KIB
    daemon.check_serves()


def test_a_flood_of_requests_whose_answers_nobody_reads_takes_no_memory(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """The daemon stops reading; and when the client reads, all answers are there, in order."""
    daemon = launch(our_daemon_program)
    with daemon.session() as session:
        idle_kib = daemon.memory_kib("VmRSS")
        daemon.forget_peak()
        call = frame(b'["%s", "nope", [], {}]' % session.ident.encode())
        session.socket.setblocking(False)
        sent = 0
        deadline = time.monotonic() + 1
        data = memoryview(call * 20_000)
        while time.monotonic() < deadline and sent < 50 * len(data):
            try:
                sent += session.socket.send(data[sent % len(data):])
            except BlockingIOError:
                time.sleep(0.01)
        session.socket.settimeout(30)
        daemon.check_serves()
        assert sent < 20 * len(data)
        assert daemon.memory_kib("VmHWM") <= idle_kib + MORE_KIB
        for _ in range(sent // len(call)):
            assert session.receive_answer().kind == TRACEBACK
        if sent % len(call):
            session.send(call[sent % len(call):])
            assert session.receive_answer().kind == TRACEBACK
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_a_flood_of_commands_on_one_connection_runs_one_at_a_time(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.session() as session:
        for _ in range(200):
            session.start(["sh", "-c", "echo x"])
        most = 0
        for _ in range(200):
            most = max(most, len(daemon.commands()))
            assert session.finish() == (0, "x\n", "")
        assert most <= 1


def test_a_child_that_writes_for_ever_is_bounded(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """Its output is refused when it is more than a message may have; the daemon serves on."""
    daemon = launch(our_daemon_program, {"max_message_bytes": "1000000"})
    with daemon.session() as session:
        idle_kib = daemon.memory_kib("VmRSS")
        daemon.forget_peak()
        session.start(["sh", "-c", "exec yes"])
        for _ in range(5):
            daemon.check_serves()
        assert daemon.memory_kib("VmHWM") <= idle_kib + 1000 + MORE_KIB
        for pid in daemon.commands():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        assert session.receive_answer().kind == TRACEBACK
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_an_end_in_the_middle_of_a_frame_ends_the_session_alone(served: Daemon) -> None:
    with served.session() as one, served.session() as other:
        one.announce(100)
        one.send(b'["')
        one.half_close()
        with contextlib.suppress(ClosedError):
            one.receive_frame()
        assert other.run(["echo", "x"]) == (0, "x\n", "")


def test_a_session_that_asks_for_strange_words_gets_an_answer_for_each(
    served: Daemon
) -> None:
    words = ["", "/", ".", "..", "~", "-", "--", "*", "a" * 5000, "\n", "\u202e", "../../bin/sh",
             "/proc/self/exe", "/dev/fd/3", "sh\n", " sh", "sh ", "/usr/bin/../bin/sh"]
    with served.session() as session:
        for word in words:
            session.start([word, "-c", "echo no"])
            kind, result = session.receive_answer()
            assert kind != RETURN or result[0] != 0, word


def test_the_same_session_twice_is_a_violation_of_nothing(served: Daemon) -> None:
    """A request for a connection's acceptance is no method of an object."""
    with served.session() as session:
        session.send_json([None, "accept_connection", ["again"], {}])
        assert session.receive_answer().kind == TRACEBACK
        session.send_json([session.ident, "dummy", [], {}])
        assert session.receive_answer().kind == TRACEBACK
        assert isinstance(session, Session)
        assert session.run(["echo", "x"]) == (0, "x\n", "")
