# SPDX-License-Identifier: Apache-2.0
"""Running out of descriptors, processes or memory: an error for one request, and it goes on."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import users
from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher
from rwtest.legacy import RETURN, TRACEBACK, Answer, Connection, Session, check_sentence
from rwtest.policy import PolicyFolder
from rwtest.wait import wait_for

MEBIBYTE = 1 << 20
# Nobody waits longer for an answer that is none.
PROMPT_S = 5.0


@pytest.fixture()
def crowd() -> Iterator[contextlib.ExitStack]:
    """Connections that end with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def check_error_or_result(answer: Answer, result: list[object]) -> bool:
    """Return: whether it was an error."""
    if answer.kind == TRACEBACK:
        check_sentence(answer.result)
        return True
    assert answer == (RETURN, result)
    return False


def cpu_seconds(daemon: Daemon) -> float:
    """What its processes have spent so far."""
    ticks = 0
    for pid in daemon.pids:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# descriptors

@pytest.fixture()
def few_descriptors(our_daemon_program: DaemonProgram, launch: Launcher) -> Daemon:
    """A daemon that may open no more than 64."""
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    return launch(our_daemon_program, preexec_fn=limit)


def test_d8_at_the_limit_of_descriptors_new_connections_wait(
    few_descriptors: Daemon, crowd: contextlib.ExitStack
) -> None:
    """They are served when others have gone; nobody spins meanwhile, and nobody is thrown out."""
    ident = few_descriptors.peer().create()
    first = crowd.enter_context(few_descriptors.peer().session(ident))
    served: list[Session] = []
    waiting: list[Connection] = []
    for _ in range(100):
        knock = crowd.enter_context(few_descriptors.knock())
        if waiting or not has_challenge(knock):
            waiting.append(knock)
            continue
        knock.authenticate(few_descriptors.key)
        assert knock.request("accept_connection", "x") == (RETURN, None)
        served.append(knock)
    assert len(served) > 20 and len(waiting) > 20
    assert first.method("__str__").kind == RETURN

    spent = cpu_seconds(few_descriptors)
    time.sleep(1)
    assert cpu_seconds(few_descriptors) - spent < 0.2

    for session in served:
        session.close()
    last = waiting[0]
    last.authenticate(few_descriptors.key)
    assert last.request("accept_connection", "x") == (RETURN, None)
    assert first.run(["echo", "x"]) == (0, "x\n", "")


def has_challenge(connection: Connection) -> bool:
    """Whether the daemon has taken a connection."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if connection.peek():
            return True
        time.sleep(0.005)
    return False


def test_at_the_limit_of_descriptors_a_command_is_an_error_and_the_next_one_works(
    few_descriptors: Daemon, crowd: contextlib.ExitStack
) -> None:
    ident = few_descriptors.peer().create()
    sessions = [crowd.enter_context(few_descriptors.peer().session(ident)) for _ in range(30)]
    # each command needs some for its streams: together more than there are
    for session in sessions:
        session.start(["sh", "-c", "sleep 2; echo x"])
    answers = [session.receive_answer() for session in sessions]
    errors = [check_error_or_result(answer, [0, "x\n", ""]) for answer in answers]
    assert any(errors) and not all(errors)
    for session in sessions:
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_many_commands_at_once_do_not_run_out_of_descriptors(
    our_daemon_program: DaemonProgram, launch: Launcher, crowd: contextlib.ExitStack
) -> None:
    """A soft limit that is lower than the hard one is no limit for the daemon."""
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))

    daemon = launch(our_daemon_program, preexec_fn=limit)
    ident = daemon.peer().create()
    sessions = [crowd.enter_context(daemon.peer().session(ident)) for _ in range(100)]
    for session in sessions:
        session.start(["sh", "-c", "sleep 0.5; ulimit -Sn"])
    for session in sessions:
        assert session.finish() == (0, "64\n", "")


# processes

def test_at_the_limit_of_processes_a_command_is_an_error_and_the_next_one_works(
    our_daemon_program: DaemonProgram, service_user: str
) -> None:
    """It binds users only, so the daemon is one's own: two processes, and one for a command."""
    folder = Path(tempfile.mkdtemp(dir="/srv"))
    folder.chmod(0o755)
    config = PolicyFolder(folder).write(FILTERS.replace(", root", f", {service_user}"))
    process = subprocess.Popen(
        ["/usr/bin/prlimit", "--nproc=3", "/usr/bin/setpriv", f"--reuid={service_user}",
         f"--regid={service_user}", "--init-groups", *our_daemon_program.command(config)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Daemon(our_daemon_program, config, process) as daemon:
        daemon.read_greeting()
        with users.acting_as(service_user), daemon.session() as one, daemon.session() as other:
            one.start(["sleep", "3"])
            wait_for(daemon.commands, "the first command")
            text = other.error(["echo", "x"])
            check_sentence(text)
            assert os.strerror(11) in text
            assert one.finish() == (0, "", "")
            assert other.run(["echo", "x"]) == (0, "x\n", "")


# memory

@pytest.fixture()
def little_memory(our_daemon_program: DaemonProgram, launch: Launcher) -> Iterator[Daemon]:
    """A daemon of which no half may have more than 64 MiB of addresses."""
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (64 * MEBIBYTE, 64 * MEBIBYTE))

    daemon = launch(our_daemon_program, preexec_fn=limit)
    yield daemon
    daemon.check_serves()


def test_output_that_does_not_fit_into_memory_is_an_error_and_the_session_goes_on(
    little_memory: Daemon,
) -> None:
    with little_memory.session() as session:
        for _ in range(2):
            check_sentence(session.error(["sh", "-c", "head -c 100000000 /dev/zero"]))
            # half of what there is still fits
            assert len(session.run(["sh", "-c", "head -c 20000000 /dev/zero"]).stdout) == 20_000_000


def test_a_request_that_does_not_fit_into_memory_is_an_error_and_the_session_goes_on(
    little_memory: Daemon,
) -> None:
    with little_memory.session() as session:
        for _ in range(2):
            check_sentence(session.error(["cat"], "x" * 100_000_000))
            assert session.run(["sh", "-c", "wc -c"], "x" * 20_000_000).stdout == "20000000\n"


def test_memory_that_one_connection_takes_fails_no_other_ones_small_request(
    little_memory: Daemon, crowd: contextlib.ExitStack
) -> None:
    for _ in range(5):
        greedy = crowd.enter_context(little_memory.session())
        greedy.start(["sh", "-c", "head -c 15000000 /dev/zero"])
    with little_memory.session() as session:
        for _ in range(20):
            session.start(["echo", "x"])
            check_error_or_result(session.receive_answer(), [0, "x\n", ""])
    crowd.close()
    wait_for(lambda: little_memory.commands() == [], "the commands to be reaped")


# arguments

def test_arguments_beyond_the_kernel_s_limit_are_an_error(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.session() as session:
        for words in (["echo", "x" * 7_000_000],
                      ["echo", *["x" * 100_000] * 70],
                      ["echo", *["x"] * 300_000],
                      ["echo", *[""] * 1_000_000]):
            check_sentence(session.error(words))
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_arguments_below_the_kernel_s_limit_run(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    with launch(our_daemon_program).session() as session:
        words = ["w" * 100_000] * 15
        assert session.run(["printf", "%s", *words]).stdout == "".join(words)
        assert session.run(["sh", "-c", "echo $#", "sh", *["x"] * 100_000]).stdout == "100000\n"


# objects

def test_objects_are_limited(our_daemon_program: DaemonProgram, launch: Launcher) -> None:
    """Nobody needs more than one; ten thousand and more are an error, which is over with them."""
    daemon = launch(our_daemon_program)
    peer = daemon.peer()
    idents = []
    while (answer := peer.request("create", "rootwrap")).kind == RETURN:
        idents.append(answer.result[0])
        assert len(idents) <= 20_000
    check_sentence(answer.result)
    assert len(idents) >= 1000
    with peer.session(idents[0]) as session:
        assert session.run(["echo", "x"]) == (0, "x\n", "")
    assert peer.request("decref", idents[-1]) == (RETURN, None)
    assert peer.request("create", "rootwrap").kind == RETURN
