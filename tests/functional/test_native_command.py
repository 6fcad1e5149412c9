# SPDX-License-Identifier: Apache-2.0
"""Commands by the native protocol: what goes along, what comes back, when they end."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from rwtest import seccomp, users
from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.native import (CODE, COMMANDS_MAX, DURATION, ENV, EXITED, EXPLAIN, EXPLANATION, F_ARGS,
                           F_ERROR, FILE, FILTER, FLAGS, GO_ON, LATE, LIMITS, NICE, PID, REASON,
                           REFUSED, RUN_AS, STARTED, TIMED_OUT, TIMEOUT, UMASK, USAGE, Gone,
                           Message, Native, Stream, strings)
from rwtest.programs import Rootwrap
from rwtest.wait import is_alive, wait_for

# The page's Limits.
COMMANDS_OF_CONNECTION, COMMANDS_OF_USER, COMMANDS_OF_ALL = 2048, 3072, 4000
# Of the counters of a TOTALS.
RUNNING = 4

LOOK = """
import json, os, resource, sys
print(json.dumps({
    "fds": sorted(int(n) for n in os.listdir("/proc/self/fd")),
    "links": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)],
    "cwd": os.getcwd(), "umask": os.umask(0), "nice": os.nice(0),
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "fsize": resource.getrlimit(resource.RLIMIT_FSIZE),
    "group": os.getpgrp() == os.getpid(), "env": dict(os.environ),
}))
"""


def look(native: Native, cwd: int | None = None, **fields: bytes) -> dict:
    """What a command sees of itself."""
    tags = {"umask": UMASK, "nice": NICE, "limits": LIMITS}
    code, out, err = native.run("python3", "-I", "-c", LOOK, cwd=cwd,
                                fields={tags[name]: value for name, value in fields.items()})
    assert (code, err) == (0, b""), err
    found: dict = json.loads(out)
    return found


def u32(value: int) -> bytes:
    """A number as fields have it."""
    return struct.pack("<I", value)


# How it is started


@pytest.mark.skipif(not seccomp.is_possible(), reason="no numbers of this machine's calls")
def test_no_start_copies_page_tables(our_daemon_program: DaemonProgram, launch: Launcher,
                                     ours: Rootwrap) -> None:
    """All starts work where fork(2), and clone(2) without CLONE_VM, fail."""
    daemon = launch(our_daemon_program, preexec_fn=seccomp.deny_copies)
    with daemon.native() as native, daemon.session() as session:
        code, _, err = native.run("sh", "-c", "true & wait")
        assert code != 0 and b"fork" in err, "else it says nothing"
        for _ in range(3):  # the only one, and beside another: two ways
            assert native.run("echo", "on")[:2] == (0, b"on\n")
            assert session.run(["echo", "on"]) == (0, "on\n", "")
            native.wait(native.start("sleep", "300"), STARTED)
    for words in (["echo", "on"], ["env", "FIRST=1", "SECOND=2", "sh", "-c", "echo on"]):
        done = ours.run(daemon.config, *words, preexec_fn=seccomp.deny_copies)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"on\n", b"")


# What comes back


def test_a_command_runs_and_its_streams_are_the_clients(native: Native) -> None:
    assert native.run("cat", stdin=b"some\0bytes\xff") == (0, b"some\0bytes\xff", b"")


def test_stdout_and_stderr_are_kept_apart(native: Native) -> None:
    assert native.run("sh", "-c", "echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")


def test_a_signal_that_ended_it_is_told(native: Native) -> None:
    assert native.run("sh", "-c", "kill -9 $$")[0] == -signal.SIGKILL


def test_started_names_the_process(native: Native) -> None:
    ident = native.start("sleep", "30")
    pid = native.wait(ident, STARTED).number(PID)
    assert Path(f"/proc/{pid}/comm").read_text("ascii") == "sleep\n"
    native.signal(ident, signal.SIGKILL)
    assert native.wait(ident, EXITED).returncode == -signal.SIGKILL


def test_exited_tells_what_it_used(native: Native) -> None:
    burn = "import time; a = bytearray(50_000_000); t = time.process_time()\n" \
           "while time.process_time() - t < 0.2: pass"
    ident = native.start("python3", "-I", "-c", burn)
    ended = native.wait(ident, EXITED)
    user_us, system_us, rss_kb = struct.unpack("<3Q", ended.fields[USAGE])
    assert 150_000 < user_us + system_us < 5_000_000
    assert 50_000 < rss_kb < 500_000
    assert ended.number(DURATION) > 190_000
    assert ended.number(FLAGS) == 0


def test_missing_streams_are_dev_null(native: Native) -> None:
    with Stream() as out:
        ident = native.start("sh", "-c", "readlink /proc/self/fd/0 /proc/self/fd/2", stdout=out.fd)
        assert native.wait(ident, EXITED).returncode == 0
        assert out.read() == b"/dev/null\n/dev/null\n"


@pytest.mark.parametrize("streams", ["", "in", "out", "err", "in out", "out err", "in err"])
def test_any_streams_can_be_given(native: Native, streams: str) -> None:
    with Stream(b"input") as into, Stream() as out, Stream() as err:
        given = {"in": ("stdin", into.fd), "out": ("stdout", out.fd), "err": ("stderr", err.fd)}
        ident = native.start("sh", "-c", "cat; echo err >&2",
                             **dict(given[name] for name in streams.split()))
        assert native.wait(ident, EXITED).returncode == 0
        assert out.read() == (b"input" if streams == "in out" else b"")
        assert err.read() == (b"err\n" if "err" in streams else b"")


def test_it_has_three_descriptors_and_no_more(native: Native) -> None:
    assert look(native)["fds"] == [0, 1, 2, 3]  # the fourth one is the directory that is read


def test_a_socket_can_be_its_streams(native: Native) -> None:
    ours, theirs = socket.socketpair()
    ident = native.start("cat", stdin=theirs.fileno(), stdout=theirs.fileno())
    theirs.close()
    ours.sendall(b"through a socket")
    ours.shutdown(socket.SHUT_WR)
    assert ours.recv(100) == b"through a socket"
    assert native.wait(ident, EXITED).returncode == 0


# Refusals


def test_a_refusal_says_why(native: Native) -> None:
    ident = native.start("rm", "-rf", "/")
    answer = native.wait(ident)
    assert (answer.kind, answer.number(CODE), answer.number(F_ERROR)) == (REFUSED, 99, 0)
    assert answer.text(REASON) == "Unauthorized command: rm -rf / (no filter matched)"
    assert answer.text(FILTER) == ""


def test_a_program_that_is_missing_is_96_with_its_filter(native: Native) -> None:
    answer = native.wait(native.start("rw-no-such-program"))
    assert (answer.kind, answer.number(CODE), answer.number(F_ERROR)) == (REFUSED, 96, errno.ENOENT)
    assert answer.text(FILTER) == "gone"


def test_no_command_is_98(native: Native) -> None:
    answer = native.wait(native.start())
    assert (answer.kind, answer.number(CODE)) == (REFUSED, 98)


def test_a_program_that_cannot_be_executed_is_96_with_the_error(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    daemon = launch(our_daemon_program, filters=f"broken: CommandFilter, {program}, root\n")
    with daemon.native() as native:
        answer = native.wait(native.start("broken"))
        assert (answer.number(CODE), answer.number(F_ERROR)) == (96, errno.ENOEXEC)
        assert answer.text(FILTER) == "broken"
        assert "execute it" in answer.text(REASON)


# Questions


def test_explain_answers_with_all_that_would_be(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    daemon = launch(our_daemon_program, filters=f"""
        # a comment
        env: EnvFilter, env, {service_user}, FIRST=, SECOND=two words, sh
    """.replace("\n        ", "\n"))
    with daemon.native() as native:
        env = strings(["FIRST=1", "SECOND=two words"])
        answer = native.wait(native.ask(EXPLAIN, ["sh", "-c", f"touch {marker}"], {ENV: env}))
        assert (answer.kind, answer.number(CODE)) == (EXPLANATION, 0)
        assert set(answer.fields) == {F_ARGS, ENV, CODE, FILTER, FILE, RUN_AS}
        assert answer.words == ["/usr/bin/sh", "-c", f"touch {marker}"]
        assert answer.fields[ENV] == env
        assert answer.text(FILTER) == "env"
        assert answer.text(RUN_AS) == service_user
        where = daemon.config.parent / "rootwrap.d/test.filters"
        line = 1 + where.read_text("utf-8").splitlines().index(
            f"env: EnvFilter, env, {service_user}, FIRST=, SECOND=two words, sh")
        assert answer.text(FILE) == f"{where}:{line}"

        answer = native.wait(native.ask(EXPLAIN, ["sh"], {ENV: strings(["THIRD=3"])}))
        assert (answer.kind, answer.number(CODE)) == (EXPLANATION, 99)
        assert answer.text(REASON)
        assert not {F_ARGS, ENV, RUN_AS} & set(answer.fields)
        assert native.status()[0][1:4] == [0, 0, 0], "nothing is started or counted as refused"
    assert not marker.exists()


# What goes along


def test_the_environment_is_what_an_env_filter_allows(native: Native) -> None:
    said = native.run("sh", "-c", "echo $FIRST-$SECOND",
                      fields={ENV: strings(["FIRST=1", "SECOND=two words"])})
    assert said == (0, b"1-two words\n", b"")


@pytest.mark.parametrize("env", [["THIRD=3"], ["FIRST=1", "THIRD=3"], ["LD_PRELOAD=/tmp/evil.so"]])
def test_another_environment_is_refused(native: Native, env: list[str]) -> None:
    assert native.run("sh", "-c", "true", fields={ENV: strings(env)})[0] == 99


def test_an_environment_for_a_command_that_the_env_filter_does_not_name_is_refused(
    native: Native
) -> None:
    assert native.run("true", fields={ENV: strings(["FIRST=1"])})[0] == 99


def test_the_working_directory_is_the_clients(native: Native, tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    assert look(native, cwd=fd)["cwd"] == str(tmp_path)
    assert look(native)["cwd"] == "/", "and nobody else's"
    os.close(fd)


def test_a_working_directory_that_is_none_is_96(native: Native) -> None:
    with Stream() as file:
        answer = native.wait(native.start("true", cwd=file.fd))
    assert (answer.kind, answer.number(CODE), answer.number(F_ERROR)) == (
        REFUSED, 96, errno.ENOTDIR)


def test_relative_paths_are_those_of_the_working_directory(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    """Else a filter would check another file than the command opens."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "file").write_text("it")
    (tmp_path / "file").write_text("no")
    daemon = launch(our_daemon_program,
                    filters=f"cat: PathFilter, cat, root, {allowed}\n")
    with daemon.native() as native:
        inside = os.open(allowed, os.O_PATH)
        outside = os.open(tmp_path, os.O_PATH)
        assert native.run("cat", "file", cwd=inside)[:2] == (0, b"it")
        assert native.run("cat", "file", cwd=outside)[0] == 99
        assert native.run("cat", "file")[0] == 99


def test_the_umask_has_the_bits_of_both(native: Native) -> None:
    assert look(native)["umask"] == 0o022
    assert look(native, umask=u32(0o077))["umask"] == 0o077
    assert look(native, umask=u32(0o700))["umask"] == 0o722
    assert look(native, umask=u32(0))["umask"] == 0o022


def test_the_nice_level_is_the_larger_one(native: Native) -> None:
    assert look(native, nice=struct.pack("<i", 7))["nice"] == 7
    assert look(native, nice=struct.pack("<i", -20))["nice"] == 0


def limits(*rows: tuple[int, int, int]) -> bytes:
    """As LIMITS has them."""
    return b"".join(struct.pack("<IQQ", *row) for row in rows)


def test_limits_are_the_smaller_ones(native: Native) -> None:
    unlimited = 2**64 - 1
    found = look(native, limits=limits(
        (resource.RLIMIT_NOFILE, 100, 200), (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 1 << 30, unlimited)))
    assert (found["nofile"], found["core"], found["fsize"]) == (
        [100, 200], [0, 0], [1 << 30, -1])
    found = look(native, limits=limits((resource.RLIMIT_NOFILE, unlimited, unlimited)))
    assert found["nofile"][0] == 1024, "rlimit_nofile holds"


def test_arguments_up_to_the_kernels_own_limit_arrive(native: Native) -> None:
    words = ["x" * 100_000] * 20
    code, out, err = native.run("sh", "-c", 'printf %s "$*" | md5sum', "sh", *words)
    assert (code, err) == (0, b"")
    assert out.split()[0].decode() == hashlib.md5(" ".join(words).encode()).hexdigest()


def test_megabytes_of_arguments_arrive_where_the_stack_has_no_limit(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """The kernel then takes nearly 6 MiB."""
    if resource.getrlimit(resource.RLIMIT_STACK)[1] != resource.RLIM_INFINITY:
        pytest.skip("the stack's hard limit can't be raised here")

    def no_limit() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    words = [str(number % 10) * 100_000 for number in range(50)]
    want = hashlib.sha256(" ".join(words).encode()).hexdigest() + "\n"
    code = ("import hashlib, sys\n"
            "print(hashlib.sha256(' '.join(sys.argv[1:]).encode()).hexdigest())")
    daemon = launch(our_daemon_program, preexec_fn=no_limit)
    with daemon.native() as native, daemon.session() as session:
        assert native.run("python3", "-I", "-c", code, *words) == (0, want.encode(), b"")
        assert session.run(["python3", "-I", "-c", code, *words]) == (0, want, "")


def test_more_than_the_kernel_takes_is_its_error(native: Native) -> None:
    answer = native.wait(native.start("true", *["y" * 100_000] * 60))
    assert (answer.kind, answer.number(CODE), answer.number(F_ERROR)) == (REFUSED, 96, errno.E2BIG)


# Many, and their ends


def fill(native: Native, count: int) -> list[int]:
    """Has so many commands that run until it ends. Return: their ids."""
    idents: list[int] = []
    while len(idents) < count:  # who never reads is not read from
        some = [native.start("sleep", "300") for _ in range(min(64, count - len(idents)))]
        for ident in some:
            assert native.wait(ident, STARTED, REFUSED).kind == STARTED
        idents += some
    return idents


def test_a_thousand_run_at_once_on_one_connection(native: Native) -> None:
    idents = fill(native, 1000)
    counters, commands = native.status()
    assert counters[RUNNING] == len(commands) == 1000
    assert len({command.number(PID) for command in commands}) == 1000
    for ident in idents:
        native.signal(ident, signal.SIGTERM)
        assert native.wait(ident, EXITED).returncode == -signal.SIGTERM
    assert native.status()[0][RUNNING] == 0


def test_ends_come_as_they_come(native: Native) -> None:
    slow = native.start("sleep", "30")
    quick = native.start("true")
    assert native.wait(quick, EXITED).returncode == 0
    native.signal(slow, signal.SIGTERM)
    assert native.wait(slow, EXITED).returncode == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                                    signal.SIGUSR1, signal.SIGUSR2, signal.SIGKILL])
def test_a_signal_reaches_the_command(native: Native, number: int) -> None:
    ident = native.start("sleep", "30")
    native.wait(ident, STARTED)
    native.signal(ident, number)
    assert native.wait(ident, EXITED).returncode == -number


def test_a_command_stops_and_goes_on(native: Native) -> None:
    ident = native.start("sleep", "0.5")
    pid = native.wait(ident, STARTED).number(PID)
    native.signal(ident, signal.SIGTSTP)
    state = Path(f"/proc/{pid}/stat")
    wait_for(lambda: state.read_text("ascii").split()[2] == "T", "it stops")
    native.signal(ident, signal.SIGCONT)
    assert native.wait(ident, EXITED).returncode == 0


@pytest.mark.parametrize("numbers, end", [
    ([signal.SIGTSTP, signal.SIGCONT], "S"),
    ([signal.SIGCONT, signal.SIGTSTP], "T"),
    ([signal.SIGTSTP, signal.SIGCONT, signal.SIGTSTP], "T"),
], ids=["continued", "stopped", "stopped_again"])
def test_of_stopping_and_continuing_the_later_holds(
    ours_served: Daemon, numbers: list[int], end: str
) -> None:
    """Also where the worker finds them all waiting."""
    with ours_served.native() as native:
        ident = native.start("sleep", "30")
        pid = native.wait(ident, STARTED).number(PID)
        state = Path(f"/proc/{pid}/stat")
        wait_for(lambda: state.read_text("ascii").split()[1:3] == ["(sleep)", "S"], "sleep(1)")
        os.kill(ours_served.worker, signal.SIGSTOP)
        for number in numbers:
            native.signal(ident, number)
        os.kill(ours_served.worker, signal.SIGCONT)
        assert native.run("true")[0] == 0
        wait_for(lambda: state.read_text("ascii").split()[2] == end, "what holds")
        time.sleep(0.1)
        assert state.read_text("ascii").split()[2] == end
        native.signal(ident, signal.SIGKILL)
        native.wait(ident, EXITED)


def test_a_signal_reaches_the_whole_process_group_and_no_other(native: Native) -> None:
    other = native.start("sleep", "30")
    ident = native.start("sh", "-c", "sleep 30 & sleep 30; true")
    other_pid = native.wait(other, STARTED).number(PID)
    pid = native.wait(ident, STARTED).number(PID)
    children = wait_for(lambda: _children(pid) if len(_children(pid)) == 2 else None, "its children")
    native.signal(ident, signal.SIGKILL)
    assert native.wait(ident, EXITED).returncode == -signal.SIGKILL
    wait_for(lambda: not any(map(is_alive, children)), "their end")
    assert is_alive(other_pid)
    native.signal(other, signal.SIGKILL)
    native.wait(other, EXITED)


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return list(map(int, path.read_text("ascii").split()))


def test_a_signal_to_what_has_exited_is_nothing(native: Native) -> None:
    ident = native.start("true")
    native.wait(ident, EXITED)
    native.signal(ident, signal.SIGKILL)
    assert native.run("echo", "on")[:2] == (0, b"on\n")


def test_a_command_ends_when_its_time_is_over(native: Native) -> None:
    ident = native.start("sleep", "30", fields={TIMEOUT: struct.pack("<Q", 200)})
    ended = native.wait(ident, EXITED)
    assert (ended.returncode, ended.number(FLAGS)) == (-signal.SIGTERM, TIMED_OUT)
    assert 200_000 <= ended.number(DURATION) < 5_000_000


def test_what_ignores_sigterm_is_killed_after_the_grace_time(native: Native) -> None:
    ident = native.start("sh", "-c", "trap '' TERM; sleep 30 & wait; sleep 30",
                         fields={TIMEOUT: struct.pack("<Q", 1000)})
    ended = native.wait(ident, EXITED)
    assert (ended.returncode, ended.number(FLAGS)) == (-signal.SIGKILL, TIMED_OUT)
    assert 6_000_000 <= ended.number(DURATION) < 20_000_000


def test_one_that_ends_in_time_has_not_timed_out(native: Native) -> None:
    ident = native.start("true", fields={TIMEOUT: struct.pack("<Q", 30_000)})
    ended = native.wait(ident, EXITED)
    assert (ended.returncode, ended.number(FLAGS)) == (0, 0)


def test_a_command_ends_with_its_client(ours_served: Daemon) -> None:
    with ours_served.native() as native:
        pid = native.wait(native.start("sh", "-c", "sleep 31 & sleep 32; true"), STARTED).number(PID)
        children = wait_for(lambda: _children(pid) if len(_children(pid)) == 2 else None, "them")
    wait_for(lambda: not any(map(is_alive, [pid, *children])), "the end of all three")


# A shell that ends at SIGTERM, which another one in its group ignores. What that does at last is
# what must not be cut off.
LEADER = "(trap '' TERM; echo $$ >{}; {}) & echo $! >{}; wait"


class Group:
    """Such a command, and who is left when its leader has ended."""

    def __init__(self, folder: Path, then: str) -> None:
        self.started = folder / "started"
        self.member = folder / "member"
        self.done = folder / "done"
        self.words = ("sh", "-c", LEADER.format(self.started, then.format(done=self.done),
                                                self.member))

    def pid(self) -> int:
        """Of the one that ignores SIGTERM, as soon as it does."""
        wait_for(lambda: self.started.exists() and self.started.read_text(), "its start")
        return wait_for(lambda: int(self.member.read_text() or 0) if self.member.exists() else 0,
                        "its number")


@pytest.mark.parametrize("why", ["its client is gone", "its time is over"])
def test_who_ignores_sigterm_is_killed_though_its_leader_has_ended(
    ours_served: Daemon, tmp_path: Path, why: str
) -> None:
    group = Group(tmp_path, "while :; do sleep 1; done")
    fields = {TIMEOUT: struct.pack("<Q", 1000)} if "time" in why else {}
    with ours_served.native() as native:
        ident = native.start(*group.words, fields=fields)
        leader = native.wait(ident, STARTED).number(PID)
        member = group.pid()
        if fields:
            ended = native.wait(ident, EXITED)
            assert (ended.returncode, ended.number(FLAGS)) == (-signal.SIGTERM, TIMED_OUT)
            assert 1_000_000 <= ended.number(DURATION) < 4_000_000, "at its exit, it is told"
    wait_for(lambda: not is_alive(leader), "the leader's end")
    begun = time.monotonic()
    time.sleep(3)
    assert is_alive(member), "it has the whole time"
    assert os.getpgid(member) == leader
    wait_for(lambda: not is_alive(member), "its end")
    assert time.monotonic() - begun < 7
    wait_for(lambda: leader not in ours_served.commands(), "the leader to be reaped")


def test_the_usage_of_one_that_is_ended_is_told(native: Native) -> None:
    ident = native.start("python3", "-c", "while True: bytearray(50_000_000)",
                         fields={TIMEOUT: struct.pack("<Q", 1500)})
    ended = native.wait(ident, EXITED)
    user_us, system_us, rss_kib = struct.unpack("<3Q", ended.fields[USAGE])
    assert ended.returncode == -signal.SIGTERM
    assert 100_000 < user_us + system_us < ended.number(DURATION) * 1.1
    assert 50_000 < rss_kib < 200_000


@pytest.mark.parametrize("how", ["exit 3", "kill -KILL $$"])
def test_the_status_of_one_that_is_ended_is_its_own(native: Native, how: str) -> None:
    ident = native.start("sh", "-c", f"trap '{how}' TERM; sleep 30 & wait",
                         fields={TIMEOUT: struct.pack("<Q", 500)})
    assert native.wait(ident, EXITED).returncode == (3 if "3" in how else -signal.SIGKILL)


def test_who_finishes_in_the_grace_time_is_let_finish(ours_served: Daemon, tmp_path: Path) -> None:
    group = Group(tmp_path, "sleep 2; touch {done}")
    with ours_served.native() as native:
        native.wait(native.start(*group.words), STARTED)
        member = group.pid()
    wait_for(lambda: not is_alive(member), "its end")
    assert group.done.exists()


def test_a_clients_own_sigterm_is_nothing_but_that(ours_served: Daemon, tmp_path: Path) -> None:
    group = Group(tmp_path, "sleep 39")
    with ours_served.native() as native:
        ident = native.start(*group.words)
        native.wait(ident, STARTED)
        member = group.pid()
        native.signal(ident, signal.SIGTERM)
        assert native.wait(ident, EXITED).returncode == -signal.SIGTERM
        time.sleep(6.5)
    assert is_alive(member)
    os.kill(member, signal.SIGKILL)


def test_what_has_a_session_of_its_own_lives_on(ours_served: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with ours_served.native() as native:
        ident = native.start("sh", "-c", f"setsid -f sh -c 'echo $$ >{file}; exec sleep 33'; sleep 34")
        pid = native.wait(ident, STARTED).number(PID)
        apart = wait_for(lambda: int(file.read_text() or 0) if file.exists() else 0, "the daemon")
    wait_for(lambda: not is_alive(pid), "the end of the command")
    assert is_alive(apart)
    os.kill(apart, signal.SIGKILL)


def test_a_command_that_is_to_go_on_goes_on(ours_served: Daemon) -> None:
    with ours_served.native() as native:
        ident = native.start("sleep", "35", fields={FLAGS: u32(GO_ON)})
        pid = native.wait(ident, STARTED).number(PID)
    with ours_served.native() as native:
        assert native.run("echo", "later")[:2] == (0, b"later\n")
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_commands_that_are_not_started_yet_end_with_their_client(ours_served: Daemon,
                                                                 tmp_path: Path) -> None:
    with ours_served.native() as native:
        for i in range(300):
            native.start("sh", "-c", f"sleep 36; touch {tmp_path}/{i}")
    wait_for(lambda: not ours_served.running(), "the end of all")
    assert list(tmp_path.iterdir()) == []


# That a command was started, told late


def test_who_waits_for_the_end_alone_need_not_be_told_of_the_start(ours_served: Daemon) -> None:
    kinds = set()
    with ours_served.native() as native:
        for _ in range(200):  # on a busy machine some take longer than the daemon waits
            ident = native.start("true", fields={FLAGS: u32(LATE)})
            first = native.wait(ident)
            kinds.add(first.kind)
            if first.kind == EXITED:
                assert first.returncode == 0
                break
            assert native.wait(ident).kind == EXITED
    assert EXITED in kinds
    assert kinds <= {STARTED, EXITED}


def test_a_late_start_is_told_while_the_command_runs(ours_served: Daemon) -> None:
    with ours_served.native() as native:
        ident = native.start("sleep", "37", fields={FLAGS: u32(LATE)})
        assert is_alive(native.wait(ident, STARTED).number(PID))
        native.signal(ident, signal.SIGTERM)
        assert native.wait(ident).returncode == -signal.SIGTERM


@pytest.mark.parametrize("fields", [{FLAGS: u32(LATE), TIMEOUT: struct.pack("<Q", 20000)}, {FLAGS: u32(LATE)}],
                         ids=["with a timeout", "beside another"])
def test_a_start_that_others_wait_for_is_told_at_once(ours_served: Daemon, fields: dict[int, bytes]
                                                      ) -> None:
    with ours_served.native() as native:
        if TIMEOUT not in fields:
            native.wait(native.start("sleep", "38"), STARTED)
        for _ in range(20):
            ident = native.start("true", fields=fields)
            assert native.wait(ident).kind == STARTED
            assert native.wait(ident).kind == EXITED


def test_a_command_ends_with_its_client_also_before_that_is_told(ours_served: Daemon) -> None:
    for _ in range(5):
        with ours_served.native() as native:
            native.start("sleep", "41", fields={FLAGS: u32(LATE)})
            wait_for(lambda: ours_served.running(), "the command")
        wait_for(lambda: not ours_served.running(), "its end")


# Large


def test_gigabytes_pass_without_the_daemon(ours_served: Daemon) -> None:
    """4 GB through cat: the bytes are right, and the daemon holds none of them."""
    n_bytes = 4 << 30
    piece = os.urandom(1 << 20)
    ours_served.forget_peak()
    before = ours_served.memory_kib("VmHWM")
    into_r, into_w = os.pipe()
    out_r, out_w = os.pipe()
    with ours_served.native(timeout=50) as native:
        ident = native.start("cat", stdin=into_r, stdout=out_w)
        os.close(into_r)
        os.close(out_w)
        writer = threading.Thread(target=_write, args=(into_w, piece, n_bytes // len(piece)))
        writer.start()
        want = piece * 2
        n_read = 0
        while data := os.read(out_r, 1 << 20):
            at = n_read % len(piece)
            assert data == want[at:at + len(data)]
            n_read += len(data)
        writer.join()
        os.close(out_r)
        assert native.wait(ident, EXITED).returncode == 0
    assert n_read == n_bytes
    assert ours_served.memory_kib("VmHWM") - before < 512


def _write(fd: int, piece: bytes, count: int) -> None:
    for _ in range(count):
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view):]
    os.close(fd)


def test_a_pipes_end_is_seen_when_the_command_has_ended(native: Native) -> None:
    read, write = os.pipe()
    ident = native.start("echo", "all", stdout=write)
    os.close(write)
    assert os.read(read, 100) == b"all\n"
    assert os.read(read, 100) == b""
    os.close(read)
    native.wait(ident, EXITED)


def test_commands_of_one_connection_have_a_limit(native: Native) -> None:
    assert native.welcome
    most = native.welcome.number(COMMANDS_MAX)
    idents = fill(native, most)
    answer = native.wait(native.start("true"), REFUSED)
    assert (answer.number(CODE), answer.number(F_ERROR)) == (75, errno.EAGAIN)
    for ident in idents:
        native.signal(ident, signal.SIGKILL)
        assert native.wait(ident, EXITED).returncode == -signal.SIGKILL
    assert native.run("echo", "on")[:2] == (0, b"on\n")


def is_busy(native: Native) -> bool:
    """Whether one more command of it is refused, for there being too many; and runs otherwise."""
    with Stream() as out:
        ident = native.start("echo", "on", stdout=out.fd)
        answer = native.wait(ident, STARTED, REFUSED)
        if answer.kind == REFUSED:
            assert (answer.number(CODE), answer.number(F_ERROR)) == (75, errno.EAGAIN)
            return True
        assert native.wait(ident, EXITED).returncode == 0
        assert out.read() == b"on\n"
        return False


def test_commands_of_one_user_and_of_all_have_limits(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    """On any connections of his; another user is served, until there are too many of all."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * COMMANDS_OF_ALL + 1000:
        pytest.skip("the daemon may not open as many descriptors as so many commands need")
    daemon = launch(our_daemon_program, {"use_syslog": "False"}, sudo_user=service_user)
    with users.acting_as(service_user):
        first, second = daemon.native(), daemon.native()
    with first, second, daemon.native() as other:
        fill(first, COMMANDS_OF_CONNECTION)
        fill(second, COMMANDS_OF_USER - COMMANDS_OF_CONNECTION)
        assert is_busy(first) and is_busy(second)
        assert not is_busy(other)
        fill(other, COMMANDS_OF_ALL - COMMANDS_OF_USER)
        assert is_busy(other)
        assert "Too many" not in daemon.stderr(), "the page: no line"
        first.socket.close()
        wait_for(lambda: not is_busy(other), "the ends of the first connection's")
        wait_for(lambda: not is_busy(second), "the same for its user")
    wait_for(lambda: not daemon.commands(), "the end of all")


def test_which_refusals_have_a_line(our_daemon_program: DaemonProgram, launch: Launcher) -> None:
    """As the page says: each that the monitor has decided on, and no other."""
    daemon = launch(our_daemon_program, {"use_syslog": "False"})
    with daemon.native() as native:
        assert native.wait(native.start()).number(CODE) == 98
        assert native.wait(native.start("rm", "one")).number(CODE) == 99
        assert native.wait(native.start("rw-no-such-program", "two")).number(CODE) == 96
        ident = native.start("sleep", "300")
        native.wait(ident, STARTED)
        daemon.send_signal(signal.SIGTERM)

        def refused() -> Message | None:
            answer = native.wait(native.start("true"), STARTED, REFUSED)
            return answer if answer.kind == REFUSED else None

        answer = wait_for(refused, "it to stop")
        assert (answer.number(CODE), answer.number(F_ERROR)) == (75, errno.ESHUTDOWN)
        native.signal(ident, signal.SIGKILL)
        native.wait(ident, EXITED)
    assert daemon.wait() == 0
    lines = [line.split(": ", 1)[1] for line in daemon.stderr().splitlines()]
    assert [line.split(" (", 1)[0] for line in lines
            if not line.startswith(("Started", "Stopped", "("))] == [
                "Unauthorized command: rm one", "Executable not found: rw-no-such-program"]


def test_a_start_for_which_the_monitor_has_no_descriptor_has_a_line(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    daemon = launch(our_daemon_program, {"use_syslog": "False"}, preexec_fn=few)
    with daemon.native() as native:
        while (answer := native.wait(native.start("sleep", "300"), STARTED, REFUSED)
               ).kind == STARTED:
            pass
        assert (answer.number(CODE), answer.number(F_ERROR)) == (75, errno.EMFILE)
        assert answer.text(FILTER) == "sleep"
        assert answer.text(REASON).startswith(
            "Cannot start /usr/bin/sleep: watch over one more: Too many open files")
    wait_for(lambda: not daemon.commands(), "the end of all")
    assert daemon.stop() == 0
    assert daemon.stderr().count("Cannot start /usr/bin/sleep: watch over one more: "
                                 "Too many open files (filter match = sleep)") == 1


def test_the_log_has_a_line_for_each(our_daemon_program: DaemonProgram, launch: Launcher) -> None:
    daemon = launch(our_daemon_program, {"use_syslog": "False", "syslog_log_level": "INFO"})
    with daemon.native() as native:
        native.run("true")
        native.run("rm", "x")
    assert daemon.stop() == 0
    lines = daemon.stderr()
    assert "true" in lines and "Unauthorized command: rm x" in lines


def test_a_terminal_stays_the_clients(native: Native) -> None:
    ours, theirs = os.openpty()
    ident = native.start("sh", "-c", "test -t 0 && test -t 1 && stty size",
                         stdin=theirs, stdout=theirs, stderr=theirs)
    assert native.wait(ident, EXITED).returncode == 0
    os.close(theirs)
    os.close(ours)


# The daemon's own end


@pytest.mark.parametrize("half", ["worker", "monitor"])
def test_a_command_ends_when_half_of_the_daemon_is_killed(
    our_daemon_program: DaemonProgram, launch: Launcher, half: str
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.native() as native:
        pid = native.wait(native.start("sleep", "37"), STARTED).number(PID)
        os.kill(daemon.worker if half == "worker" else daemon.pid, signal.SIGKILL)
        with pytest.raises(Gone):
            native.receive()
    wait_for(lambda: not is_alive(pid), "the end of the command")
    daemon.wait()


def test_without_its_worker_the_monitor_kills_what_ignores_sigterm(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.native() as native:
        read, write = os.pipe()
        ident = native.start("sh", "-c", "trap '' TERM; echo; exec >&-; sleep 38 & wait; sleep 38",
                             stdout=write)
        pid = native.wait(ident, STARTED).number(PID)
        assert os.read(read, 1) == b"\n"
        os.close(read)
        os.close(write)
        os.kill(daemon.worker, signal.SIGKILL)
    begin = time.monotonic()
    assert daemon.wait() == 1
    assert 4 < time.monotonic() - begin < 15
    wait_for(lambda: not is_alive(pid), "the end of the command")


def test_without_its_worker_the_monitor_waits_for_who_finishes(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    group = Group(tmp_path, "sleep 2; touch {done}")
    of = launch(our_daemon_program)
    native = of.native()
    native.wait(native.start(*group.words), STARTED)
    member = group.pid()
    begun = time.monotonic()
    os.kill(of.worker, signal.SIGKILL)
    assert of.wait() == 1
    assert 1.5 < time.monotonic() - begun < 4.5, "not longer than that takes"
    assert not is_alive(member)
    assert group.done.exists()


@pytest.mark.parametrize("is_killed", [False, True], ids=["as it should", "without its worker"])
def test_at_its_end_the_monitor_kills_who_ignores_sigterm(
    our_daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path, is_killed: bool
) -> None:
    group = Group(tmp_path, "while :; do sleep 1; done")
    of = launch(our_daemon_program)
    with of.native() as native:
        leader = native.wait(native.start(*group.words), STARTED).number(PID)
        member = group.pid()
        if is_killed:
            os.kill(of.worker, signal.SIGKILL)
    wait_for(lambda: not is_alive(leader), "the leader's end")
    begun = time.monotonic()
    if not is_killed:
        of.send_signal(signal.SIGTERM)
    assert of.wait() == (1 if is_killed else 0)
    assert 3 < time.monotonic() - begun < 7
    assert not is_alive(member)


def test_a_stop_does_not_wait_for_a_group_with_nobody_in_it(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    of = launch(our_daemon_program)
    with of.native() as native:
        leader = native.wait(native.start("sleep", "42"), STARTED).number(PID)
    wait_for(lambda: not is_alive(leader), "its end")
    assert leader in of.commands()
    begun = time.monotonic()
    assert of.stop() == 0
    assert time.monotonic() - begun < 2


def test_what_is_to_go_on_and_has_timed_out_ends_without_the_daemon(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    of = launch(our_daemon_program)
    native = of.native()
    ident = native.start("sh", "-c", "trap '' TERM; while :; do sleep 1; done",
                         fields={FLAGS: u32(GO_ON), TIMEOUT: struct.pack("<Q", 500)})
    pid = native.wait(ident, STARTED).number(PID)
    time.sleep(1.5)
    assert is_alive(pid)
    os.kill(of.worker, signal.SIGKILL)
    assert of.wait() == 1
    wait_for(lambda: not is_alive(pid), "its end")


@pytest.mark.parametrize("half", ["worker", "monitor"])
def test_what_is_to_go_on_goes_on_without_the_daemon(
    our_daemon_program: DaemonProgram, launch: Launcher, half: str
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.native() as native:
        ident = native.start("sleep", "39", fields={FLAGS: u32(GO_ON)})
        pid = native.wait(ident, STARTED).number(PID)
        os.kill(daemon.worker if half == "worker" else daemon.pid, signal.SIGKILL)
    daemon.wait()
    time.sleep(0.2)
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_what_runs_is_finished_and_answered_before_it_stops(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    with daemon.native() as native:
        ident = native.start("sleep", "1")
        native.wait(ident, STARTED)
        daemon.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        answer = native.wait(native.start("true"), REFUSED)
        assert (answer.number(CODE), answer.number(F_ERROR)) == (75, errno.ESHUTDOWN)
        assert native.wait(ident, EXITED).returncode == 0
        with pytest.raises(Gone):
            native.receive()
    assert daemon.wait() == 0


def test_an_idle_connection_does_not_keep_it(our_daemon_program: DaemonProgram,
                                             launch: Launcher) -> None:
    daemon = launch(our_daemon_program, {"daemon_timeout": "1"})
    with daemon.native() as native:
        native.run("true")
        with pytest.raises(Gone):
            native.receive()
    assert daemon.wait() == 0


def test_a_running_command_keeps_it(our_daemon_program: DaemonProgram, launch: Launcher) -> None:
    daemon = launch(our_daemon_program, {"daemon_timeout": "1"})
    with daemon.native() as native:
        assert native.run("sleep", "2.5")[0] == 0
    assert daemon.wait() == 0
