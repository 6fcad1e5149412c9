# SPDX-License-Identifier: Apache-2.0
"""Hundreds of megabytes in and out: they arrive, cost their size once, and the memory comes back."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import RETURN, TRACEBACK, Connection, Session, check_sentence
from rwtest.wait import wait_for

MEGABYTE = 1_000_000
# What the daemon may take beyond the payload; of both its processes.
MORE_KIB = 8 * 1024
# What it may keep afterwards: up to 192 that only a first command needs, 128 at the end of the heap,
# which malloc gives back only when they are more (M_TRIM_THRESHOLD of mallopt(3)), and some room.
KEPT_KIB = 384
LIMIT = 100_000


class Block:
    """About a megabyte that is repeated: its bytes, and the text of a JSON string for them."""

    def __init__(self, data: bytes) -> None:
        # it begins and ends with a letter, so that nothing forms a character across an edge
        self.data = b"A" + data + b"Z"
        self.text = json.dumps(os.fsdecode(self.data))[1:-1].encode("ascii")


TEXT = Block(base64.b64encode(random.Random(3).randbytes(MEGABYTE * 3 // 4)))
BINARY = Block(random.Random(4).randbytes(MEGABYTE // 4))


def digest(piece: bytes, count: int) -> str:
    """The SHA-256 of a block, so many times."""
    found = hashlib.sha256()
    for _ in range(count):
        found.update(piece)
    return found.hexdigest()


def send_call(session: Session, words: list[str], piece: bytes, count: int) -> None:
    """Asks for a command whose stdin is a piece of JSON string, so many times."""
    head = b'["%s", "run_one_command", [%s, "' % (session.ident.encode(),
                                                 json.dumps(words).encode())
    tail = b'"], {}]'
    session.announce(len(head) + len(piece) * count + len(tail))
    session.send(head)
    for _ in range(count):
        session.send(piece)
    session.send(tail)


def check_answer(connection: Connection, piece: bytes, count: int) -> None:
    """The answer is stdout as a piece of JSON string, so many times; it is not kept here."""
    head, tail = b'["#RETURN", [0, "', b'", ""]]'
    length = connection.receive_length()
    assert length == len(head) + len(piece) * count + len(tail)
    assert connection.receive(len(head)) == head
    found = hashlib.sha256()
    for part in connection.pieces(len(piece) * count):
        found.update(part)
    assert connection.receive(len(tail)) == tail
    assert found.hexdigest() == digest(piece, count)


@pytest.fixture()
def block_file(tmp_path: Path) -> Path:
    """A file that a command prints."""
    return tmp_path / "block"


def printing(path: Path, block: Block, count: int) -> list[str]:
    """A command that prints a block so many times."""
    path.write_bytes(block.data)
    script = "import sys\nd = open(sys.argv[1], 'rb').read()\nfor _ in range(int(sys.argv[2])):\n"
    return ["python3", "-c", script + "    sys.stdout.buffer.write(d)", str(path), str(count)]


# sizes that oslo.rootwrap can do as well

def test_20_mb_of_stdin_arrive(served: Daemon) -> None:
    with served.session() as session:
        send_call(session, ["sh", "-c", "sha256sum"], TEXT.text, 20)
        assert session.finish().stdout.split()[0] == digest(TEXT.data, 20)


def test_10_mb_of_binary_stdin_arrive(served: Daemon) -> None:
    with served.session() as session:
        send_call(session, ["sh", "-c", "sha256sum"], BINARY.text, 40)
        assert session.finish().stdout.split()[0] == digest(BINARY.data, 40)


def test_10_mb_of_stdin_in_base64_arrive(served: Daemon) -> None:
    data = BINARY.data * 40
    with served.session() as session:
        text = base64.b64encode(data).decode("ascii")
        out = session.run(["sh", "-c", "sha256sum"], {"__bytes__": text}).stdout
        assert out.split()[0] == hashlib.sha256(data).hexdigest()


def test_20_mb_of_stdout_arrive(served: Daemon, block_file: Path) -> None:
    with served.session() as session:
        session.start(printing(block_file, TEXT, 20))
        check_answer(session, TEXT.text, 20)


def test_10_mb_of_binary_stdout_arrive(served: Daemon, block_file: Path) -> None:
    with served.session() as session:
        session.start(printing(block_file, BINARY, 40))
        check_answer(session, BINARY.text, 40)


def test_10_mb_of_binary_go_through_a_command(served: Daemon) -> None:
    with served.session() as session:
        send_call(session, ["cat"], BINARY.text, 40)
        check_answer(session, BINARY.text, 40)


def test_several_at_once_do_not_mix(served: Daemon, block_file: Path) -> None:
    sessions = [served.session() for _ in range(4)]
    for number, session in enumerate(sessions):
        send_call(session, ["cat"], (TEXT, BINARY)[number % 2].text, 8)
    for number, session in enumerate(sessions):
        check_answer(session, (TEXT, BINARY)[number % 2].text, 8)
        session.close()


# larger ones, and what they cost

@pytest.fixture()
def daemon(our_daemon_program: DaemonProgram, launch: Launcher) -> Iterator[Daemon]:
    """A daemon of ours whose memory is nobody else's business."""
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    yield daemon
    daemon.check_serves()


class Watch:
    """What a daemon's memory does meanwhile."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.idle_kib = self.held_kib()
        daemon.forget_peak()

    def held_kib(self) -> int:
        """Without the pages of its files: which of those are mapped is the kernel's affair."""
        return self.daemon.memory_kib("VmRSS") - self.daemon.memory_kib("RssFile")

    def check(self, payload_bytes: int, more_kib: int = MORE_KIB) -> None:
        """Not more than the payload and a little, and given back afterwards."""
        peak_kib = self.daemon.memory_kib("VmHWM")
        assert peak_kib <= payload_bytes // 1024 + more_kib
        wait_for(lambda: self.held_kib() <= self.idle_kib + KEPT_KIB,
                 f"the memory to come back to {self.idle_kib} KiB")


def test_d10_300_mb_of_stdout_cost_300_mb(daemon: Daemon, block_file: Path) -> None:
    count = 300 * MEGABYTE // len(TEXT.data)
    with daemon.session() as session:
        watch = Watch(daemon)
        session.start(printing(block_file, TEXT, count))
        check_answer(session, TEXT.text, count)
        watch.check(len(TEXT.data) * count)


def test_d10_300_mb_of_stdin_cost_300_mb(daemon: Daemon) -> None:
    count = 300 * MEGABYTE // len(TEXT.data)
    with daemon.session() as session:
        watch = Watch(daemon)
        send_call(session, ["sh", "-c", "sha256sum"], TEXT.text, count)
        assert session.finish().stdout.split()[0] == digest(TEXT.data, count)
        watch.check(len(TEXT.data) * count)


def test_d10_100_mb_through_a_command_cost_100_mb(daemon: Daemon) -> None:
    """What the command has read is given back while its output comes in."""
    count = 100 * MEGABYTE // len(TEXT.data)
    with daemon.session() as session:
        watch = Watch(daemon)
        send_call(session, ["cat"], TEXT.text, count)
        check_answer(session, TEXT.text, count)
        watch.check(len(TEXT.data) * count)


def test_d10_binary_costs_its_size_and_not_that_of_its_escapes(
    daemon: Daemon, block_file: Path
) -> None:
    count = 40 * MEGABYTE // len(BINARY.data)
    with daemon.session() as session:
        watch = Watch(daemon)
        session.start(printing(block_file, BINARY, count))
        check_answer(session, BINARY.text, count)
        watch.check(len(BINARY.data) * count)
        send_call(session, ["sh", "-c", "sha256sum"], BINARY.text, count)
        assert session.finish().stdout.split()[0] == digest(BINARY.data, count)
        watch.check(len(BINARY.data) * count)


def test_d10_memory_comes_back_while_the_connection_stays_and_after_it_is_gone(
    daemon: Daemon
) -> None:
    watch = Watch(daemon)
    sessions = [daemon.session() for _ in range(4)]
    for session in sessions:
        send_call(session, ["cat"], TEXT.text, 10)
    for session in sessions:
        check_answer(session, TEXT.text, 10)
    watch.check(4 * 10 * len(TEXT.data), 4 * MORE_KIB)
    # half of a request that never comes whole
    for session in sessions:
        session.announce(20 * MEGABYTE)
        session.send(TEXT.text * 10)
        session.close()
    watch.check(4 * 10 * len(TEXT.data), 4 * MORE_KIB)


def test_d10_a_vanished_client_s_output_is_given_back(daemon: Daemon, block_file: Path) -> None:
    watch = Watch(daemon)
    with daemon.session() as session:
        session.start(printing(block_file, TEXT, 50))
        wait_for(session.peek, "the beginning of the answer")
    watch.check(50 * len(TEXT.data))
    wait_for(lambda: daemon.commands() == [], "the command to be reaped")


def test_an_announced_length_costs_nothing(daemon: Daemon) -> None:
    sessions = [daemon.session() for _ in range(8)]
    watch = Watch(daemon)
    for session in sessions:
        session.announce(1 << 29)
        session.send(b"[")
    daemon.check_serves()
    watch.check(0)
    for session in sessions:
        session.close()


# max_message_bytes

@pytest.fixture()
def limited(our_daemon_program: DaemonProgram, launch: Launcher) -> Iterator[Session]:
    """A connection to a daemon that takes small messages only."""
    daemon = launch(our_daemon_program, {"max_message_bytes": str(LIMIT)})
    with daemon.session() as session:
        yield session
        assert session.run(["echo", "still"]) == (0, "still\n", "")


def call_of(session: Session, n_bytes: int, words: str = '["cat"]') -> bytes:
    """A request that is exactly so long."""
    head = f'["{session.ident}", "run_one_command", [{words}, "'.encode()
    tail = b'"], {}]'
    return head + b"x" * (n_bytes - len(head) - len(tail)) + tail


def test_the_longest_request_is_taken(limited: Session) -> None:
    limited.send_frame(call_of(limited, LIMIT))
    kind, result = limited.receive_answer()
    assert (kind, result[0]) == (RETURN, 0)
    assert re.fullmatch("x+", result[1])


@pytest.mark.parametrize("more", [1, 50_000, 5_000_000])
def test_a_longer_request_is_refused_and_the_session_goes_on(
    limited: Session, tmp_path: Path, more: int
) -> None:
    words = json.dumps(["sh", "-c", f"echo > '{tmp_path}/ran'"])
    limited.send_frame(call_of(limited, LIMIT + more, words))
    kind, text = limited.receive_answer()
    assert kind == TRACEBACK
    check_limit(text)
    assert limited.run(["echo", "x"]) == (0, "x\n", "")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("length", [LIMIT + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_longer_request_is_refused_before_it_comes(
    our_daemon_program: DaemonProgram, launch: Launcher, length: int
) -> None:
    daemon = launch(our_daemon_program, {"max_message_bytes": str(LIMIT)})
    with daemon.session() as session:
        session.announce(length)
        assert session.receive_answer().kind == TRACEBACK
    with daemon.peer().connect() as connection:
        connection.announce(length)
        assert connection.receive_answer().kind == TRACEBACK
    daemon.check_serves()


def check_limit(text: str) -> None:
    """It says what the limit is, or where to find it."""
    check_sentence(text)
    assert str(LIMIT) in text or "max_message_bytes" in text


def answer_of(n_output: int) -> int:
    """How long the answer is to a command that prints so many plain characters."""
    return len(json.dumps([RETURN, [0, "", ""]])) + n_output


def test_the_longest_answer_is_sent(limited: Session) -> None:
    n_output = LIMIT - answer_of(0)
    code, out, err = limited.run(["sh", "-c", f"head -c {n_output} /dev/zero | tr '\\0' x"])
    assert (code, len(out), set(out), err) == (0, n_output, {"x"}, "")


@pytest.mark.parametrize("more", [1, 50_000, 20_000_000])
def test_a_longer_answer_is_an_error_and_the_session_goes_on(limited: Session, more: int) -> None:
    n_output = LIMIT - answer_of(0) + more
    text = limited.error(["sh", "-c", f"head -c {n_output} /dev/zero | tr '\\0' x"])
    check_limit(text)


def test_an_answer_is_measured_as_it_is_sent(limited: Session) -> None:
    """Each NUL is six bytes there; and both streams count."""
    n_output = (LIMIT - answer_of(0)) // 6
    script = f"head -c {n_output} /dev/zero"
    assert len(limited.run(["sh", "-c", script]).stdout) == n_output
    assert limited.error(["sh", "-c", f"head -c {n_output + 1} /dev/zero"])
    assert limited.error(["sh", "-c", script + "; echo xxxxxx >&2"])


def test_output_beyond_the_limit_costs_no_memory(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"max_message_bytes": str(MEGABYTE)})
    with daemon.session() as session:
        watch = Watch(daemon)
        assert session.error(["sh", "-c", "head -c 100000000 /dev/zero"])
        assert session.run(["echo", "x"]) == (0, "x\n", "")
        watch.check(MEGABYTE)


def test_a_request_of_a_gibibyte_and_a_byte_is_refused_by_default(daemon: Daemon) -> None:
    with daemon.session() as session:
        watch = Watch(daemon)
        session.announce(2**30 + 1)
        assert session.receive_answer().kind == TRACEBACK
        watch.check(0)
    with daemon.session() as session:
        session.announce(2**30)
        session.send(b"[")
        daemon.check_serves()
        assert session.peek() == b""
