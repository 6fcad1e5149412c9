# SPDX-License-Identifier: Apache-2.0
"""Many connections and commands at once: nobody waits for anybody else."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import RETURN, Connection, Session
from rwtest.wait import wait_for

N_CROWD = 1000
# Somebody who is not held up is served within this; a machine that is busy has its say, too.
PROMPT_S = 5.0


@pytest.fixture()
def many_descriptors() -> Iterator[None]:
    """For a test that holds thousands of connections itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture()
def crowd() -> Iterator[contextlib.ExitStack]:
    """Connections that end with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def check_prompt(daemon: Daemon) -> None:
    """A new client and its command are served as if nobody else were there."""
    started = time.monotonic()
    daemon.check_serves()
    assert time.monotonic() - started < PROMPT_S


def test_commands_of_two_connections_run_at_once(served: Daemon, tmp_path: Path) -> None:
    """Each waits for the other to begin: one after the other they would wait for ever."""
    one, other = tmp_path / "one", tmp_path / "other"
    with served.session() as first, served.session() as second:
        meet = "echo > '{}'; while ! [ -e '{}' ]; do sleep 0.02; done; echo met"
        first.start(["sh", "-c", meet.format(one, other)])
        second.start(["sh", "-c", meet.format(other, one)])
        assert first.finish() == second.finish() == (0, "met\n", "")


def test_fifty_commands_run_at_once(served: Daemon, tmp_path: Path,
                                    crowd: contextlib.ExitStack) -> None:
    sessions = [crowd.enter_context(served.session()) for _ in range(50)]
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    for number, session in enumerate(sessions):
        session.start(["sh", "-c", f"echo > '{tmp_path}/{number}'; read x < '{gate}'; echo $0",
                       str(number)])
    wait_for(lambda: all((tmp_path / str(n)).exists() for n in range(50)), "all to run")
    with gate.open("r+b", buffering=0) as opened:
        # a shell takes its line and no more
        opened.write(b"go\n" * 50)
        for number, session in enumerate(sessions):
            assert session.finish() == (0, f"{number}\n", "")


def test_a_client_that_does_not_read_its_answer_holds_up_nobody(served: Daemon) -> None:
    with served.session() as slow:
        slow.start(["python3", "-c", "print('x' * 20_000_000)"])
        wait_for(slow.peek, "the beginning of the answer")
        check_prompt(served)
        assert len(slow.finish().stdout) == 20_000_001


def test_clients_that_send_half_a_request_hold_up_nobody(
    served: Daemon, crowd: contextlib.ExitStack
) -> None:
    halves = [crowd.enter_context(served.session()) for _ in range(20)]
    call = b'["%s", "run_one_command", [["echo", "x"]], {}]' % halves[0].ident.encode()
    for number, session in enumerate(halves):
        session.announce(len(call))
        session.send(call[:number])
    check_prompt(served)
    for number, session in enumerate(halves):
        session.send(call[number:])
        assert session.receive_answer() == (RETURN, [0, "x\n", ""])


def test_a_client_that_sends_half_of_a_large_stdin_holds_up_nobody(
    served: Daemon, tmp_path: Path
) -> None:
    """And its command has not been started."""
    with served.session() as slow:
        call = (b'["%s", "run_one_command", [["sh", "-c", "echo > \'%s/ran\'; wc -c"], "%s"], {}]'
                % (slow.ident.encode(), os.fsencode(tmp_path), b"x" * 5_000_000))
        slow.announce(len(call))
        slow.send(call[:2_500_000])
        check_prompt(served)
        assert not (tmp_path / "ran").exists()
        slow.send(call[2_500_000:-1])
        check_prompt(served)
        assert not (tmp_path / "ran").exists()
        slow.send(call[-1:])
        assert slow.finish().stdout.strip() == "5000000"


def test_a_command_that_does_not_read_its_stdin_holds_up_nobody(served: Daemon) -> None:
    with served.session() as slow:
        slow.start(["sh", "-c", "sleep 0.5; wc -c"], "x" * 5_000_000)
        check_prompt(served)
        assert slow.finish().stdout.strip() == "5000000"


def test_a_command_that_leaves_a_child_with_its_stdout_holds_up_nobody(served: Daemon) -> None:
    with served.session() as slow:
        slow.start(["sh", "-c", "(sleep 0.6; echo late) & echo early"])
        check_prompt(served)
        with served.session() as other:
            assert other.run(["sh", "-c", "echo x"]) == (0, "x\n", "")
        assert slow.peek() == b""
        assert slow.finish() == (0, "early\nlate\n", "")


def test_a_thousand_idle_connections_hold_up_nobody(
    daemon_program: DaemonProgram, launch: Launcher, many_descriptors: None,
    crowd: contextlib.ExitStack
) -> None:
    daemon = launch(daemon_program, {"rlimit_nofile": "4096"})
    peer = daemon.peer()
    ident = peer.create()
    idle: list[Session] = [crowd.enter_context(peer.session(ident)) for _ in range(N_CROWD)]
    check_prompt(daemon)
    for session in (idle[0], idle[N_CROWD // 2], idle[-1]):
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_a_thousand_connections_that_prove_nothing_hold_up_nobody(
    daemon_program: DaemonProgram, launch: Launcher, many_descriptors: None,
    crowd: contextlib.ExitStack
) -> None:
    daemon = launch(daemon_program, {"rlimit_nofile": "4096"})
    session = crowd.enter_context(daemon.session())
    strangers: list[Connection] = [crowd.enter_context(daemon.knock()) for _ in range(N_CROWD)]
    check_prompt(daemon)
    assert session.run(["echo", "x"]) == (0, "x\n", "")
    del strangers
    check_prompt(daemon)


def test_connections_that_come_and_go_hold_up_nobody_and_leave_nothing(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    before = daemon.n_descriptors_at_rest()
    for number in range(3000):
        with daemon.knock() as connection:
            if number % 3 == 0:
                connection.receive_challenge()
            elif number % 3 == 1:
                connection.send(os.urandom(20))
    check_prompt(daemon)
    wait_for(lambda: daemon.n_descriptors() <= before, "the descriptors to be closed")


def test_busy_threads_on_many_connections_get_their_own_answers(served: Daemon) -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        with served.session() as session:
            for count in range(10):
                word = f"{number}.{count}"
                answer = session.run(["sh", "-c", "cat; echo $0 >&2; exit $1", word, "3"], word)
                if answer != (3, word, word + "\n"):
                    wrong.append(answer)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_session_that_breaks_off_in_the_middle_leaves_nothing(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    daemon = launch(our_daemon_program)
    daemon.check_serves()
    before = daemon.n_descriptors_at_rest()
    for number in range(20):
        with daemon.session() as session:
            session.start(["sh", "-c", f"cat >/dev/null; echo > '{tmp_path}/{number}'; "
                                       "head -c 3000000 /dev/zero"], "x" * 500_000)
            if number % 2:
                wait_for(session.peek, "the beginning of the answer")
    wait_for(lambda: len(os.listdir(tmp_path)) >= 20, "all commands to run to their ends")
    wait_for(lambda: daemon.commands() == [], "the commands to be reaped")
    wait_for(lambda: daemon.n_descriptors() <= before, "the descriptors to be closed")
    check_prompt(daemon)
