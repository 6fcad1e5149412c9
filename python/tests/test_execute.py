# SPDX-License-Identifier: Apache-2.0
"""execute(): what oslo_rootwrap.client.Client answers, and what it can't do."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from oslo_rootwrap.client import Client as OsloClient

from rootwrapd import Client, TimeoutExpired
from rwtest import programs
from rwtest.wait import is_alive, wait_for

SHELL_ROWS = [
    "true", "exit 7", "exit 255", "echo out; echo err >&2", "printf 'a\\000b'",
    "printf '\\377\\376'", "printf 'ä€😀'", "kill -9 $$", "kill -15 $$", "kill -11 $$", "cat",
    "read line; echo got $line", "exec >&-; echo x", "head -c 300000 /dev/zero | tr '\\0' x",
]


@pytest.mark.parametrize("script", SHELL_ROWS)
@pytest.mark.parametrize("stdin", [None, "", "line\n", "ä\udcff\n", b"line\n", "x" * 200_000])
def test_it_answers_what_oslo_s_client_answers(
    client: Client, oslo: OsloClient, script: str, stdin: str | bytes | None
) -> None:
    words = ["sh", "-c", script]
    assert client.execute(words, stdin) == oslo.execute(words, stdin)


@pytest.mark.parametrize("words", [
    ["sh", "-c", 'printf %s "$1" | od -An -tx1', "sh", "\udcff\udc80"],
    ["echo", "", "a b", "é", "\n"],
    ["not-allowed"], ["id", "-u"], [], ["missing"], ["/opt/no/such/program"], ["gone"],
    ["env", "FIRST=1", "SECOND=2", "sh", "-c", "echo $FIRST $SECOND"],
    ["env", "THIRD=1", "sh", "-c", "true"],
    ["kill", "-9", "999999"],
])
def test_every_word_arrives_and_every_refusal_is_oslo_s(
    client: Client, oslo: OsloClient, words: list[str]
) -> None:
    assert client.execute(words) == oslo.execute(words)


@pytest.fixture(scope="module")
def oslo(command: list[str]) -> OsloClient:
    """Debian's client of another of our daemons."""
    client = OsloClient(command)
    client.execute(["true"])
    return client


def test_the_constructor_and_the_arguments_have_oslo_s_names(command: list[str]) -> None:
    with Client(rootwrap_daemon_cmd=command) as client:
        assert client.execute(cmd=["cat"], stdin="x") == [0, "x", ""]


def test_words_may_be_bytes_and_paths(client: Client) -> None:
    assert client.execute([b"echo", Path("/a"), b"\xff"])[1] == "/a \udcff\n"


def test_binary_gives_bytes(client: Client) -> None:
    assert client.execute(["cat"], b"\xff\0", binary=True) == [0, b"\xff\0", b""]
    assert client.execute(["nope"], binary=True) == [99, b"", b""]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_each_size_goes_in_and_out(client: Client, size: int) -> None:
    data = os.urandom(size)
    assert client.execute(["cat"], data, binary=True) == [0, data, b""]


def test_hundreds_of_megabytes_go_in_and_out(client: Client) -> None:
    data = os.urandom(1 << 20) * 300
    code, out, _ = client.execute(["cat"], data, binary=True)
    assert code == 0
    assert hashlib.sha256(out).digest() == hashlib.sha256(data).digest()


def test_input_that_nobody_reads_is_no_error(client: Client) -> None:
    assert client.execute(["true"], "x" * 1_000_000) == [0, "", ""]


def test_arguments_up_to_the_kernel_s_own_limit(client: Client) -> None:
    words = ["y" * 100_000] * 15
    assert client.execute(["sh", "-c", "echo $# ${#1}", "sh", *words])[1] == "15 100000\n"


def test_arguments_beyond_it_are_an_error(client: Client) -> None:
    with pytest.raises(OSError, match="Argument list too long"):
        client.execute(["echo", *["y" * 100_000] * 80])


@pytest.mark.parametrize("words, error", [
    (["echo", "a\0b"], ValueError),
    (["echo", 7], TypeError),
    ("echo", TypeError),
    (b"echo", TypeError),
    (None, TypeError),
])
def test_what_is_no_command_is_an_error_and_loses_nothing(
    client: Client, words: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.execute(words)  # type: ignore[arg-type]


def test_variables_that_a_filter_allows_are_added(client: Client) -> None:
    words = ["sh", "-c", "echo $FIRST-$SECOND"]
    assert client.execute(words, env={"FIRST": "1", "SECOND": "a b"})[1] == "1-a b\n"
    assert client.execute(words, env={"THIRD": "1"})[0] == 99


@pytest.mark.parametrize("name", ["", "A=B"])
def test_a_variable_s_name_is_checked(client: Client, name: str) -> None:
    with pytest.raises(ValueError, match="environment variable name"):
        client.execute(["true"], env={name: "x"})


def test_the_working_directory_is_the_one_asked_for(client: Client, tmp_path: Path) -> None:
    assert client.execute(["sh", "-c", "pwd"], cwd=tmp_path)[1] == f"{tmp_path}\n"
    with pytest.raises(FileNotFoundError):
        client.execute(["true"], cwd=tmp_path / "none")


def test_a_timeout_ends_the_command_and_keeps_what_it_wrote(client: Client) -> None:
    start = time.monotonic()
    with pytest.raises(TimeoutExpired) as caught:
        client.execute(["sh", "-c", "echo so far; sleep 30"], timeout=0.3)
    assert 0.3 <= time.monotonic() - start < 10
    assert caught.value.output == b"so far\n"
    assert caught.value.timeout == 0.3


def test_a_timeout_does_not_wait_for_a_child_that_holds_stdout(client: Client) -> None:
    with pytest.raises(TimeoutExpired):
        client.execute(["sh", "-c", "setsid sleep 20 & sleep 30"], timeout=0.3)


def test_a_command_within_its_timeout_is_left_alone(client: Client) -> None:
    assert client.execute(["sh", "-c", "sleep 0.1; echo x"], timeout=30) == [0, "x\n", ""]
    with pytest.raises(ValueError, match="timeout"):
        client.execute(["true"], timeout=0)


def test_d9_threads_run_side_by_side(client: Client) -> None:
    results = []
    threads = [threading.Thread(target=lambda: results.append(
        client.execute(["sh", "-c", "sleep 0.5; echo $0", "x"]))) for _ in range(20)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[0, "x\n", ""]] * 20
    assert time.monotonic() - start < 5  # one after the other: 10


def test_many_threads_get_their_own_answers(client: Client) -> None:
    wrong = []

    def work(number: int) -> None:
        for turn in range(20):
            word = f"{number}.{turn}"
            if client.execute(["cat"], word) != [0, word, ""]:
                wrong.append(word)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_through_sudo_as_a_service_s_user(sudo_command: tuple[str, list[str]]) -> None:
    user, command = sudo_command
    script = (
        "import sys; from rootwrapd import Client\n"
        f"client = Client({command!r})\n"
        "print(client.execute(['sh', '-c', 'id -u; cat'], 'in'))\n")
    done = run_script(script, user=user)
    assert done.stdout == "[0, '0\\nin', '']\n", done.stderr


def test_the_daemon_ends_with_its_client(command: list[str]) -> None:
    script = (
        "from rootwrapd import Client\n"
        f"client = Client({command!r})\n"
        "print(client.execute(['sh', '-c', 'echo $PPID'])[1])\n")
    pid = int(run_script(script).stdout)
    wait_for(lambda: not is_alive(pid), f"the end of {pid}")


GREEN = """
import eventlet
eventlet.monkey_patch()
import sys, time
from rootwrapd import Client, PIPE
client = Client({way!r})
data = "x" * 500_000
def work(number):
    assert client.execute(["sh", "-c", "sleep 0.5; echo " + str(number)])[1] == f"{{number}}\\n"
    assert client.execute(["cat"], data)[1] == data
ticks = []
def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.05)
ticker = eventlet.spawn(tick)
start = time.monotonic()
threads = [eventlet.spawn(work, number) for number in range(20)]
for thread in threads:
    thread.wait()
assert time.monotonic() - start < 8, "one after the other"
assert len(ticks) > 5, "the others stood still"
try:
    with eventlet.Timeout(0.3):
        client.execute(["sh", "-c", "sleep 30; echo late"])
    raise SystemExit("no timeout")
except eventlet.Timeout:
    pass
assert client.execute(["echo", "mine"]) == [0, "mine\\n", ""], "somebody else's answer"
process = client.popen(["cat"], stdin=PIPE, stdout=PIPE)
assert process.communicate(b"by popen") == (b"by popen", None)
client.close()
print("done")
"""


@pytest.mark.parametrize("way", ["daemon", "service"])
def test_under_eventlet(way: str, command: list[str], service: str) -> None:
    done = run_script(GREEN.format(way=command if way == "daemon" else service))
    assert done.stdout == "done\n", done.stderr


NATIVE = """
import eventlet
eventlet.monkey_patch()
from eventlet import tpool
from rootwrapd import Client
client = Client(["sh", "-c", 'sleep 1; exec "$@"', "sh", *{command!r}])
def work(number):
    return client.execute(["echo", str(number)])
with eventlet.Timeout(30):
    greens = [eventlet.spawn(work, number) for number in range(4)]
    natives = [eventlet.spawn(tpool.execute, work, number) for number in range(4)]
    for threads in (greens, natives):
        for number, thread in enumerate(threads):
            assert thread.wait()[1] == f"{{number}}\\n"
    print("done", flush=True)
import os
os._exit(0)
"""


def test_native_threads_beside_green_ones_wait_for_one_daemon(command: list[str]) -> None:
    done = run_script(NATIVE.format(command=command))
    assert done.stdout == "done\n", done.stderr


def test_text_is_utf_8_in_each_locale(command: list[str]) -> None:
    script = (
        "import os, sys\nfrom rootwrapd import Client\n"
        "assert sys.getfilesystemencoding() == 'ascii'\n"
        f"client = Client({command!r})\n"
        "for text in ('\\xe4', '\\udcff'):\n"
        "    for words in (['cat'], ['printf', '%s', text]):\n"
        "        found = client.execute(words, text)[1]\n"
        "        assert found == text, ascii(found)\n"
        "env = {'FIRST': '\\xe4', 'SECOND': ''}\n"
        "found = client.execute(['sh', '-c', 'printf $FIRST'], env=env)[1]\n"
        "assert found == '\\xe4', ascii(found)\n"
        "print('done')\n")
    done = run_script(script, more={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"})
    assert done.stdout == "done\n", done.stderr


def run_script(script: str, user: str | None = None, more: Mapping[str, str] | None = None
               ) -> subprocess.CompletedProcess[str]:
    """Runs Python in a process of its own."""
    folder = str(programs.reachable_python())
    return subprocess.run(
        [sys.executable, "-c", script], user=user, group=user,
        extra_groups=[] if user else None, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", timeout=50, check=False,
        env={**os.environ, "PYTHONPATH": folder, **(more or {})})


def test_an_interrupted_call_ends_its_command_and_shifts_no_answer(client: Client,
                                                                   tmp_path: Path) -> None:
    class Interrupt(Exception):
        pass

    def interrupt(_number: int, _frame: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        with pytest.raises(Interrupt):
            client.execute(["sh", "-c", f"echo $$ >{tmp_path}/pid; exec sleep 30"])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert client.execute(["echo", "mine"]) == [0, "mine\n", ""]
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not is_alive(pid), f"the end of {pid}")
