# SPDX-License-Identifier: Apache-2.0
"""Many commands from many connections, and nothing left of them.

By hand, longer, and with sanitizers:

    RW_SOAK_COMMANDS=100000 RW_SOAK_CONNECTIONS=50 RW_BUILD=$PWD/build-asan \\
        ASAN_OPTIONS=detect_leaks=0 \\
        tests/sandbox /usr/bin/python3 -m pytest tests/functional/test_daemon_soak.py

The sanitizer's search for leaks has to trace the process, which a process that can't be dumped does
not allow. Memory is looked at in a build without it: with it, freed memory is kept for a while.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher
from rwtest.legacy import RETURN, TRACEBACK, Session
from rwtest.programs import EXIT_UNAUTHORIZED
from rwtest.wait import children_of, status_of, wait_for

N_COMMANDS = int(os.environ.get("RW_SOAK_COMMANDS", "2000"))
N_CONNECTIONS = int(os.environ.get("RW_SOAK_CONNECTIONS", "20"))

# A connection is given up for a new one after so many commands.
COMMANDS_A_CONNECTION = 100
# What memory may grow by: a heap has as many holes as there were commands at once.
GROWTH_KIB = 1024


def run_true(session: Session, _number: int) -> None:
    assert session.run(["true"]) == (0, "", "")


def run_cat(session: Session, number: int) -> None:
    assert session.run(["cat"], f"{number} \u20ac\udcff") == (0, f"{number} \u20ac\udcff", "")


def run_refused(session: Session, _number: int) -> None:
    assert session.run(["rm", "-rf", "/"]) == (EXIT_UNAUTHORIZED, "", "")


def run_killed(session: Session, _number: int) -> None:
    assert session.run(["sh", "-c", "echo x; kill -9 $$"]) == (-9, "x\n", "")


def run_much(session: Session, _number: int) -> None:
    code, out, err = session.run(["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; echo >&2"])
    assert (code, len(out), err) == (0, 300_000, "\n")


def run_much_stdin(session: Session, _number: int) -> None:
    assert session.run(["true"], "x" * 300_000) == (0, "", "")


def run_wrong(session: Session, _number: int) -> None:
    session.send_frame(b'["x", "run_one_command", [["true"')
    assert session.receive_answer().kind == TRACEBACK


def run_gone(session: Session, _number: int) -> None:
    """Asks on a connection of its own, and does not wait for the answer."""
    with Session(session.socket.getpeername(), session.key, session.ident) as other:
        other.start(["sh", "-c", "cat; head -c 100000 /dev/zero"], "x" * 100_000)


# Mostly what services mostly do.
MIX: tuple[Callable[[Session, int], None], ...] = (
    *(run_true,) * 8, *(run_cat,) * 4, run_refused, run_killed, run_much, run_much_stdin, run_wrong,
    run_gone)


def soak(daemon: Daemon, n_commands: int) -> None:
    """Runs so many commands from all connections at once."""
    wrong: list[str] = []
    ident = daemon.peer().create()

    def work(first: int) -> None:
        session = daemon.peer().session(ident)
        try:
            for count, number in enumerate(range(first, n_commands, N_CONNECTIONS), start=1):
                MIX[number % len(MIX)](session, number)
                if count % COMMANDS_A_CONNECTION == 0:
                    session.close()
                    session = daemon.peer().session(ident)
        except Exception as error:  # noqa: BLE001  whatever it is: the test fails with it
            wrong.append(f"{first}: {error!r:.500}")
        finally:
            session.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(N_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert daemon.peer().request("decref", ident) == (RETURN, None)


def is_at_rest(daemon: Daemon) -> bool:
    """Whether only the daemon's own processes are there."""
    return all(pid in daemon.pids for pid in children_of(daemon.pid)) and not children_of(
        daemon.worker)


def state_of(pid: int) -> tuple[str, str]:
    """The state of a process, `S` when it sleeps, and how often it fell asleep."""
    text = Path(f"/proc/{pid}/status").read_text("ascii")
    return status_of(text, "State")[0], status_of(text, "voluntary_ctxt_switches")


def is_asleep(daemon: Daemon) -> bool:
    """Whether neither process of the daemon has anything to do for a while."""
    before = [state_of(pid) for pid in daemon.pids]
    time.sleep(0.3)
    return before == [state_of(pid) for pid in daemon.pids] and {"S"} == {at for at, _ in before}


def is_sanitized(daemon: Daemon) -> bool:
    """A sanitizer's shadow takes terabytes of addresses."""
    return daemon.memory_kib("VmSize") > 1 << 30


def test_many_commands_leave_no_descriptor_no_process_and_no_memory(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    if N_COMMANDS > 2000:
        signal.alarm(0)
    daemon = launch(our_daemon_program, filters=FILTERS)

    # what is only needed once is there afterwards
    soak(daemon, max(N_COMMANDS // 5, 50 * N_CONNECTIONS))
    wait_for(lambda: is_at_rest(daemon), "the last commands")
    descriptors = daemon.n_descriptors_at_rest()
    memory_kib = daemon.memory_kib("RssAnon")

    soak(daemon, N_COMMANDS)
    wait_for(lambda: is_at_rest(daemon), "the last commands")
    wait_for(lambda: daemon.n_descriptors() <= descriptors, "the descriptors to be closed")
    wait_for(lambda: is_asleep(daemon), "its sleep")
    if not is_sanitized(daemon):
        assert daemon.memory_kib("RssAnon") <= memory_kib + GROWTH_KIB
    assert daemon.peer().request("number_of_objects") == (RETURN, 0)
    assert daemon.stop() == 0
