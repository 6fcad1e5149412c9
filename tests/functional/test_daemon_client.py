# SPDX-License-Identifier: Apache-2.0
"""Debian's own `oslo_rootwrap.client.Client`, unmodified, as services use it."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oslo_rootwrap.client import Client

from rwtest import users
from rwtest.daemon import FILTERS, DaemonProgram
from rwtest.logs import Syslog
from rwtest.policy import PolicyFolder
from rwtest.programs import DEADLINE_S, EXIT_NOT_EXECUTABLE, EXIT_UNAUTHORIZED
from rwtest.wait import children_of, cmdline_of, is_alive, wait_for

MakeClient = Callable[[], Client]


@pytest.fixture()
def config(policy: PolicyFolder) -> Path:
    """A policy that logs to a syslog, without which oslo.rootwrap's refusals are no answers."""
    return policy.write(FILTERS, use_syslog="True")


@pytest.fixture()
def make_client(daemon_program: DaemonProgram, config: Path) -> Iterator[MakeClient]:
    """Makes clients whose daemons end with the test."""
    clients: list[Client] = []

    def make() -> Client:
        clients.append(Client(daemon_program.command(config)))
        return clients[-1]

    syslog = Syslog()
    yield make
    syslog.close()
    for client in clients:
        if client._initialized:
            client._finalize()
        if client._process:
            client._process.kill()
            wait_until_reaped(client)


@pytest.fixture()
def client(make_client: MakeClient) -> Client:
    """One client."""
    return make_client()


def wait_until_reaped(client: Client) -> int:
    """A thread of the client waits for its daemon. Return: the daemon's exit status."""
    wait_for(lambda: client._process.returncode is not None, "the end of the daemon")
    returncode: int = client._process.returncode
    return returncode


def test_a_command_is_run(client: Client) -> None:
    assert client.execute(["echo", "two words"]) == [0, "two words\n", ""]


def test_status_streams_and_stdin_come_as_with_popen(client: Client) -> None:
    script = "cat; echo err >&2; exit 3"
    assert client.execute(["sh", "-c", script], "in") == [3, "in", "err\n"]
    assert client.execute(["sh", "-c", "kill -15 $$"]) == [-15, "", ""]
    assert client.execute(["cat"], b"bytes") == [0, "bytes", ""]
    assert client.execute(["cat"]) == [0, "", ""]


def test_bytes_survive_the_round_trip(client: Client) -> None:
    data = random.Random(1).randbytes(100_000) + bytes(range(256))
    assert os.fsencode(client.execute(["cat"], data)[1]) == data
    assert os.fsencode(client.execute(["cat"], os.fsdecode(data))[1]) == data
    words = [os.fsdecode(b"\xff\xe2\x82\xac"), "\u20ac\U0001f480"]
    assert client.execute(["printf", "%s|", *words]) == [0, "|".join(words) + "|", ""]


def test_refusals_are_codes_and_the_daemon_stays(client: Client) -> None:
    assert client.execute(["rm", "-rf", "/"]) == [EXIT_UNAUTHORIZED, "", ""]
    pid = client._process.pid
    assert client.execute(["program"]) == [EXIT_NOT_EXECUTABLE, "", ""]
    assert client.execute(["echo", "x"]) == [0, "x\n", ""]
    assert client._process.pid == pid


def test_an_error_is_raised_and_the_next_call_works(client: Client) -> None:
    with pytest.raises(Exception, match="Unserializable|NUL"):
        client.execute(["echo", "a\0b"])
    assert client.execute(["echo", "x"]) == [0, "x\n", ""]


def test_many_threads_share_one_daemon(client: Client) -> None:
    wrong: list[object] = []

    def work(number: int) -> None:
        for round_number in range(5):
            word = f"{number}-{round_number}"
            answer = client.execute(["sh", "-c", "cat; echo $0", word], f"in {word} ")
            if answer != [0, f"in {word} {word}\n", ""]:
                wrong.append(answer)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_several_clients_have_a_daemon_each(make_client: MakeClient) -> None:
    one, other = make_client(), make_client()
    assert one.execute(["echo", "1"]) == other.execute(["echo", "1"]) == [0, "1\n", ""]
    assert one._process.pid != other._process.pid
    one._finalize()
    assert other.execute(["echo", "1"]) == [0, "1\n", ""]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_daemon_that_ended_is_started_again(client: Client, number: int) -> None:
    client.execute(["true"])
    first = client._process
    os.kill(first.pid, number)
    wait_until_reaped(client)
    assert client.execute(["echo", "again"]) == [0, "again\n", ""]
    assert client._process.pid != first.pid


def test_a_command_that_runs_while_the_daemon_is_stopped_is_answered(
    client: Client, tmp_path: Path
) -> None:
    client.execute(["true"])
    first = client._process
    answers = []

    def work() -> None:
        script = f"echo x >> '{tmp_path}/started'; sleep 0.5; echo done"
        answers.append(client.execute(["sh", "-c", script]))

    thread = threading.Thread(target=work)
    thread.start()
    wait_for((tmp_path / "started").exists, "the command")
    os.kill(first.pid, signal.SIGTERM)
    thread.join()
    assert answers == [[0, "done\n", ""]]
    assert (tmp_path / "started").read_text() == "x\n"
    assert first.wait(20) in (0, 1)
    assert client.execute(["echo", "again"]) == [0, "again\n", ""]


def check_clean_end(program: DaemonProgram, returncode: int, path: Path) -> None:
    """What a daemon leaves. oslo.rootwrap's stumbles over the last connections now and then."""
    if program.is_ours:
        assert returncode == 0
        assert not path.parent.exists()
    else:
        assert returncode in (0, 1)


def test_a_client_that_goes_away_stops_its_daemon(
    daemon_program: DaemonProgram, make_client: MakeClient
) -> None:
    client = make_client()
    client.execute(["true"])
    path = Path(client._manager._address)
    assert path.is_socket()
    client._finalize()
    check_clean_end(daemon_program, wait_until_reaped(client), path)


def test_a_client_that_is_collected_stops_its_daemon(
    daemon_program: DaemonProgram, config: Path
) -> None:
    client = Client(daemon_program.command(config))
    client.execute(["true"])
    process, path = client._process, Path(client._manager._address)
    del client
    gc.collect()
    wait_for(lambda: process.poll() is not None, "the end of the daemon")
    check_clean_end(daemon_program, process.returncode, path)


def test_a_daemon_that_cannot_start_is_an_error_with_its_message(
    daemon_program: DaemonProgram, policy: PolicyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client looks whether the process has ended right after the end of its stdout, which comes
    # a moment earlier: sometimes it looks too early, and then fails to connect to "". Here it looks
    # late enough.
    monkeypatch.setattr(subprocess.Popen, "poll", lambda self: self.wait(DEADLINE_S))
    with pytest.raises(Exception, match="Failed to spawn rootwrap process") as error:
        Client(daemon_program.command(policy.config)).execute(["true"])
    if daemon_program.is_ours:
        assert str(policy.config) in str(error.value)


def test_the_process_tree_is_client_daemon_command(client: Client) -> None:
    """The command's line is the one that was asked for."""
    client.execute(["true"])
    thread = threading.Thread(target=client.execute, args=(["sleep", "87.5"],))
    thread.start()
    command = wait_for(lambda: find_command(client._process.pid, ["sleep", "87.5"]), "the command")
    os.kill(command, signal.SIGKILL)
    thread.join()
    assert wait_for(lambda: not is_alive(command), "the command's end")


def find_command(pid: int, words: list[str]) -> int | None:
    """A child of the daemon by its command line."""
    for child in children_of(pid):
        line = cmdline_of(child)
        if line and [os.path.basename(line[0]), *line[1:]] == words:
            return child
    return None


def test_a_large_stdin_and_stdout_survive(client: Client) -> None:
    data = os.fsdecode(random.Random(2).randbytes(1 << 20)) * 8
    code, out, err = client.execute(["cat"], data)
    assert (code, err) == (0, "")
    assert hashlib.sha256(os.fsencode(out)).digest() == hashlib.sha256(
        os.fsencode(data)).digest()


SERVICE = """
import json, os, sys
from oslo_rootwrap.client import Client
client = Client(sys.argv[1:])
print(json.dumps([os.getuid(), client.execute(["sh", "-c", "id -u; cat"], "in"),
                  client.execute(["sh", "-c", "exit 7"]), client._process.pid,
                  client._manager._address]))
"""


def test_a_service_uses_it_through_sudo(
    daemon_program: DaemonProgram, config: Path, service_user: str
) -> None:
    done = subprocess.run(
        ["/usr/bin/setpriv", f"--reuid={service_user}", f"--regid={service_user}",
         "--init-groups", "/usr/bin/python3", "-c", SERVICE, users.SUDO, "-n",
         *daemon_program.command(config)],
        capture_output=True, encoding="utf-8", timeout=30, check=False,
        stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    uid, first, second, pid, path = json.loads(done.stdout)
    assert (uid, first, second) == (7100, [0, "0\nin", ""], [7, "", ""])
    # the service's end is the daemon's
    wait_for(lambda: not is_alive(pid), "the end of sudo")
    wait_for(lambda: not Path(path).exists(), "the end of the daemon")
