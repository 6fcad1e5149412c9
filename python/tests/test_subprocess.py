# SPDX-License-Identifier: Apache-2.0
"""run() and popen() beside subprocess itself: where both can be asked, both are."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import resource
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rootwrapd
from rootwrapd import DEVNULL, PIPE, STDOUT, Client, Refused, TimeoutExpired
from rwtest.wait import is_alive, wait_for

Run = Callable[..., Any]


@pytest.fixture(params=["ours", "subprocess"])
def run(request: pytest.FixtureRequest, client: Client) -> Run:
    """Ours, and the one that says what is right."""
    return client.run if request.param == "ours" else subprocess.run


@pytest.fixture(params=["ours", "subprocess"])
def popen(request: pytest.FixtureRequest, client: Client) -> Run:
    """Likewise; subprocess in a session of its own, so that its signals reach what ours reach."""
    if request.param == "ours":
        return client.popen
    return lambda *words, **how: subprocess.Popen(*words, start_new_session=True, **how)


def sh(script: str, *words: str) -> list[str]:
    """A shell's command line."""
    return ["sh", "-c", script, "sh", *words]


# run


def test_output_is_captured_as_bytes_or_text(run: Run) -> None:
    done = run(sh("echo out; echo err >&2; exit 3"), capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert run(sh("echo out"), stdout=PIPE, text=True).stdout == "out\n"


def test_what_is_not_captured_is_none(run: Run) -> None:
    done = run(sh("exit 0"), stdout=DEVNULL)
    assert (done.args, done.stdout, done.stderr) == (sh("exit 0"), None, None)


def test_input_arrives(run: Run) -> None:
    assert run(["cat"], input=b"x" * 500_000, stdout=PIPE).stdout == b"x" * 500_000


def test_stderr_may_be_the_pipe_that_stdout_is(run: Run) -> None:
    done = run(sh("echo out; echo err >&2"), stdout=PIPE, stderr=STDOUT)
    assert (done.stdout, done.stderr) == (b"out\nerr\n", None)


def test_a_stdin_that_is_a_pipe_is_an_empty_one(run: Run) -> None:
    assert run(["cat"], stdin=PIPE, stdout=PIPE).stdout == b""


def test_without_input_the_own_stdin_is_the_command_s(run: Run) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    kept = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)
    try:
        assert run(["cat"], stdout=PIPE).stdout == b"typed"
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_files_are_read_and_written_by_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"abc" * 100_000)
    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "wb") as sink:
        source.seek(3)
        assert run(["cat"], stdin=source, stdout=sink).returncode == 0
    assert (tmp_path / "out").read_bytes() == b"abc" * 99_999


def test_descriptors_and_sockets_may_be_given(run: Run) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert run(sh("echo hello"), stdin=DEVNULL, stdout=theirs.fileno()).returncode == 0
        assert ours.recv(100) == b"hello\n"


def test_a_terminal_is_the_command_s(run: Run) -> None:
    master, slave = pty.openpty()
    done = run(sh("test -t 0 && test -t 1"), stdin=slave, stdout=slave)
    os.close(master)
    os.close(slave)
    assert done.returncode == 0


def test_check_raises_subprocess_s_own_error(run: Run) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(sh("echo x; exit 4"), stdout=PIPE, check=True)
    assert (caught.value.returncode, caught.value.output) == (4, b"x\n")


def test_a_timeout_is_subprocess_s_own_error(run: Run) -> None:
    with pytest.raises(TimeoutExpired) as caught:
        run(["sleep", "30"], timeout=0.2)
    assert caught.value.cmd == ["sleep", "30"]


def test_death_by_a_signal_is_negative(run: Run) -> None:
    assert run(sh("kill -USR1 $$")).returncode == -signal.SIGUSR1


@pytest.mark.parametrize("how", [
    {"stdin": DEVNULL, "input": b""}, {"stdin": STDOUT}, {"stdout": -7},
    {"umask": -1}, {"umask": 0o1000}, {"nice": 20}, {"nice": -21}, {"nice": 99999999999},
    {"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"limits": {7: (1 << 70, 1)}},
    {"limits": {number: (1, 1) for number in range(17)}},
])
def test_what_makes_no_sense_is_an_error(client: Client, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        client.run(["true"], **how)


@pytest.mark.parametrize("timeout", [float("inf"), 1e30, 31_622_400, 31_622_399.9, 1e7])
def test_a_timeout_that_nobody_lives_to_see(client: Client, timeout: float) -> None:
    assert client.run(["true"], timeout=timeout).returncode == 0
    with client.popen(["cat"], stdin=PIPE, timeout=timeout) as process:
        with pytest.raises(TimeoutExpired):
            process.wait(0.1)
        assert process.communicate(timeout=timeout) == (None, None)
    assert process.wait(timeout) == 0


def test_a_refusal_says_who_and_why(client: Client) -> None:
    with pytest.raises(Refused) as caught:
        client.run(["not-allowed", "x"])
    refused = caught.value
    assert (refused.code, refused.filter, refused.command) == (99, "", ["not-allowed", "x"])
    assert "no filter matched" in str(refused)


def test_a_missing_program_is_a_refusal_with_its_filter(client: Client) -> None:
    with pytest.raises(Refused) as caught:
        client.popen(["/opt/no/such/program"])
    assert (caught.value.code, caught.value.filter, caught.value.errno) == (96, "missing", 2)


def test_umask_nice_and_limits_take_away(client: Client) -> None:
    done = client.run(sh("umask; nice; ulimit -c -n"), stdout=PIPE, text=True, umask=0o77, nice=5,
                      limits={resource.RLIMIT_CORE: (0, 0), resource.RLIMIT_NOFILE: (99, 99)})
    lines = done.stdout.split("\n")
    assert lines[:2] == ["0077", "5"]
    assert "99" in lines[2] + lines[3]


def test_what_it_used_is_told(client: Client) -> None:
    done = client.run(sh("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"))
    assert 0 < done.usage.user_time <= done.usage.duration * 1.5
    assert done.usage.max_rss > 500
    assert "duration=" in repr(done.usage)


# popen


def test_pid_poll_and_wait(popen: Run) -> None:
    with popen(["cat"], stdin=PIPE) as process:
        assert os.path.exists(f"/proc/{process.pid}")
        assert process.poll() is None
        process.stdin.close()
        assert process.wait() == 0
        assert (process.poll(), process.returncode) == (0, 0)


def test_wait_has_a_timeout(popen: Run) -> None:
    with popen(["sleep", "30"]) as process:
        with pytest.raises(TimeoutExpired):
            process.wait(timeout=0.1)
        process.kill()
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                                    signal.SIGUSR1, signal.SIGUSR2, signal.SIGKILL])
def test_signals_arrive(popen: Run, number: int) -> None:
    with popen(sh("ulimit -c 0; echo up; exec sleep 30"), stdout=PIPE) as process:
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait() == -number


@pytest.mark.parametrize("number", [0, -1, signal.SIGALRM, signal.SIGWINCH, signal.SIGSTOP, 99,
                                    1 << 40])
def test_another_signal_is_an_error_and_the_command_goes_on(client: Client, number: int) -> None:
    with client.popen(["cat"], stdin=PIPE) as process:
        with pytest.raises(ValueError, match="no signal"):
            process.send_signal(number)
        with pytest.raises(TimeoutExpired):
            process.wait(0.1)
    assert process.returncode == 0


def test_terminate(popen: Run) -> None:
    with popen(["sleep", "30"]) as process:
        process.terminate()
        assert process.wait() == -signal.SIGTERM


def test_a_signal_after_the_end_is_nothing(popen: Run) -> None:
    with popen(["true"]) as process:
        process.wait()
        process.kill()


def test_a_stopped_command_goes_on(client: Client) -> None:
    with client.popen(["sleep", "0.3"]) as process:
        process.send_signal(signal.SIGTSTP)
        with pytest.raises(TimeoutExpired):
            process.wait(timeout=0.6)
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 0


def test_a_conversation(popen: Run) -> None:
    with popen(["cat"], stdin=PIPE, stdout=PIPE) as process:
        for word in (b"one\n", b"two\n"):
            process.stdin.write(word)
            process.stdin.flush()
            assert process.stdout.readline() == word


def test_communicate(popen: Run) -> None:
    process = popen(sh("cat; echo err >&2"), stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.communicate(b"x" * 500_000) == (b"x" * 500_000, b"err\n")
    assert process.returncode == 0


def test_communicate_has_a_timeout(popen: Run) -> None:
    with popen(["sleep", "30"], stdout=PIPE) as process:
        with pytest.raises(TimeoutExpired):
            process.communicate(timeout=0.1)
        process.kill()


def test_communicate_resumes_after_its_timeout(popen: Run) -> None:
    """The idiom of subprocess's documentation."""
    process = popen(sh("echo before; trap 'echo at the end; exit 3' TERM; "
                       "while :; do sleep 0.05; done"), stdout=PIPE)
    output = None
    while not output:
        with pytest.raises(TimeoutExpired) as caught:
            process.communicate(timeout=0.2)
        output = caught.value.output
    assert output == b"before\n"
    assert process.poll() is None, "its pipe stands"
    process.terminate()
    assert process.communicate() == (b"before\nat the end\n", None)
    assert process.returncode == 3


def test_communicate_resumes_its_input(client: Client) -> None:
    """Which subprocess does not when no input is given again."""
    process = client.popen(sh("sleep 0.5; exec cat"), stdin=PIPE, stdout=PIPE)
    with pytest.raises(TimeoutExpired):
        process.communicate(b"x" * 500_000, timeout=0.1)
    with pytest.raises(ValueError, match="after starting"):
        process.communicate(b"more")
    assert process.communicate(timeout=20)[0] == b"x" * 500_000


def test_a_block_closes_the_pipes_of_a_communicate_that_was_late(popen: Run) -> None:
    with popen(["cat", "/dev/zero"], stdout=PIPE) as process, \
            pytest.raises(TimeoutExpired):
        process.communicate(timeout=0.1)
    assert process.returncode == -signal.SIGPIPE


def test_communicate_wants_bytes_and_loses_nothing(client: Client) -> None:
    process = client.popen(["cat"], stdin=PIPE, stdout=PIPE)
    with pytest.raises(TypeError):
        process.communicate("text")  # type: ignore[arg-type]
    assert process.communicate(b"x") == (b"x", None)


def test_stderr_may_be_stdout(popen: Run) -> None:
    process = popen(sh("echo out; echo err >&2"), stdout=PIPE, stderr=STDOUT)
    assert process.communicate()[0] == b"out\nerr\n"


def test_output_arrives_while_the_command_runs(popen: Run) -> None:
    with popen(sh("echo first; exec sleep 30"), stdout=PIPE) as process:
        assert process.stdout.readline() == b"first\n"
        process.kill()


def test_a_pipeline_without_us_in_between(popen: Run) -> None:
    with popen(sh("printf 'b\\na\\n'"), stdout=PIPE) as first, \
            popen(sh("sort"), stdin=first.stdout, stdout=PIPE) as second:
        assert second.stdout.read() == b"a\nb\n"


def test_many_threads_may_wait_for_one_command(popen: Run) -> None:
    codes: list[int] = []
    with popen(sh("sleep 0.2; exit 5")) as process:
        threads = [threading.Thread(target=lambda: codes.append(process.wait()))
                   for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [5] * 5


def test_fileno_can_be_polled(client: Client) -> None:
    with client.popen(["cat"], stdin=PIPE) as process:
        assert select.select([process.fileno()], [], [], 0)[0] == []
        assert process.stdin
        process.stdin.close()
        assert select.select([process.fileno()], [], [], 10)[0]
        assert process.poll() == 0
        assert process.fileno() == -1


def gone(pid: int) -> bool:
    """Whether a process has gone within 10 s."""
    return wait_for(lambda: not is_alive(pid), f"the end of {pid}")


def test_a_command_that_nobody_waits_for_is_ended(client: Client) -> None:
    process = client.popen(["sleep", "30"])
    pid = process.pid
    with pytest.warns(ResourceWarning, match=f"command {pid}"):
        del process
        gc.collect()
    assert gone(pid)


def test_a_block_that_fails_ends_its_command(client: Client) -> None:
    with pytest.raises(KeyError), client.popen(["sleep", "30"]) as process:
        raise KeyError
    assert gone(process.pid)
    with pytest.raises(rootwrapd.Closed):
        process.wait()


def test_close_wakes_who_waits(client: Client) -> None:
    process = client.popen(["sleep", "30"])
    found: list[object] = []

    def wait() -> None:
        try:
            found.append(process.wait())
        except rootwrapd.Error as error:
            found.append(type(error))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    fd = process.fileno()
    process.close()
    for thread in threads:
        thread.join(10)
    assert found == [rootwrapd.Closed] * 3
    assert gone(process.pid)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_go_on_outlives_the_client(command: list[str]) -> None:
    with Client(command) as client:
        process = client.popen(["sleep", "0.7"], go_on=True)
        process.close()
        time.sleep(0.3)
        assert os.path.exists(f"/proc/{process.pid}")
    assert gone(process.pid)


def test_a_timeout_of_a_process_is_told(client: Client) -> None:
    with client.popen(["sleep", "30"], timeout=0.2) as process:
        assert process.wait() == -signal.SIGTERM
    assert process.timed_out


def test_nothing_but_the_streams_is_passed_on(client: Client) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    assert client.run(sh("ls -l /proc/$$/fd"), stdout=PIPE, text=True).stdout.count(" -> ") == 3
    os.close(reader)
    os.close(writer)


def test_descriptors_are_not_made_inheritable(client: Client) -> None:
    with client.popen(["cat"], stdin=PIPE, stdout=PIPE) as process:
        for fd in (process.stdin, process.stdout, process):
            assert fd
            assert fcntl.fcntl(fd.fileno(), fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert process.stdin
        process.stdin.close()
    assert "returncode=0" in repr(process)
