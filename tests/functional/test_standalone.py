# SPDX-License-Identifier: Apache-2.0
"""`rootwrap CONFIG COMMAND [ARG...]`: what services rely on, asked of oslo.rootwrap too."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

from rwtest import programs
from rwtest.policy import PolicyFolder
from rwtest.programs import Rootwrap
from rwtest.wait import cmdline_of, is_alive, status_of, wait_for_descendant

FILTERS = """
sh: CommandFilter, sh, root
cat: CommandFilter, cat, root
sleep: CommandFilter, sleep, root
true: CommandFilter, true, root
id: CommandFilter, id, root
ls: CommandFilter, ls, root
readlink: CommandFilter, readlink, root
python3: CommandFilter, /usr/bin/python3, root
env_cat: EnvFilter, env, root, FIRST=, SECOND=, sh
missing: CommandFilter, /opt/no/such/program, root
gone: CommandFilter, rw-no-such-program, root
"""

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]

# Says "ready", then the name of each signal that reaches it; SIGTERM ends it. The signals are
# blocked and waited for: a handler could run between two waits and leave the second one asleep.
SIGNAL_COUNTER = """
import os, signal
numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]
def say(text):
    os.write(1, text.encode() + b"\\n")
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
say("ready")
while True:
    number = signal.sigwait(numbers)
    say(signal.Signals(number).name)
    if number == signal.SIGTERM:
        os._exit(42)
"""


@pytest.fixture()
def config(policy: PolicyFolder) -> Path:
    """A policy that allows what these tests run."""
    return policy.write(FILTERS)


@pytest.fixture()
def running() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that a test starts; they end with it."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait()


def read_line(process: subprocess.Popen[bytes]) -> bytes:
    """One line of the process's stdout."""
    assert process.stdout
    return process.stdout.readline().rstrip(b"\n")


# exit codes and first lines


@pytest.mark.parametrize("code", [0, 1, 3, 96, 99, 255])
def test_the_exit_status_is_the_command_s(rootwrap: Rootwrap, config: Path, code: int) -> None:
    done = rootwrap.run(config, "sh", "-c", f"exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGPIPE,
                                    signal.SIGABRT, signal.SIGRTMIN])
def test_death_by_a_signal_is_128_and_its_number(
    rootwrap: Rootwrap, config: Path, number: signal.Signals
) -> None:
    done = rootwrap.run(config, "sh", "-c", f"kill -{int(number)} $$")
    assert (done.returncode, done.stderr) == (128 + number, b"")


def test_a_refused_command_is_99_with_its_words_in_the_first_line(
    rootwrap: Rootwrap, config: Path
) -> None:
    done = rootwrap.run(config, "rm", "-rf", "/two words")
    first = done.stderr.decode().splitlines()[0]
    assert done.returncode == programs.EXIT_UNAUTHORIZED
    assert first == (f"{rootwrap.program}: Unauthorized command: rm -rf /two words"
                     " (no filter matched)")
    assert done.stdout == b""


def test_a_refused_command_has_no_effect(rootwrap: Rootwrap, config: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    done = rootwrap.run(config, "touch", str(target))
    assert done.returncode == programs.EXIT_UNAUTHORIZED
    assert not target.exists()


def test_no_command_is_98(rootwrap: Rootwrap, config: Path) -> None:
    done = rootwrap.run(config)
    assert done.returncode == programs.EXIT_NO_COMMAND
    assert done.stderr.decode().splitlines()[0] == f"{rootwrap.program}: No command specified"


@pytest.mark.parametrize(("word", "told"), [
    ("--help", b"usage: rootwrap CONFIG COMMAND"), ("-h", b"usage: rootwrap CONFIG COMMAND"),
    ("--version", b"rootwrap "),
])
def test_what_it_is_can_be_asked(word: str, told: bytes) -> None:
    done = subprocess.run([programs.install_tree() / "rootwrap", word], capture_output=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(told)


@pytest.mark.parametrize("words", [["--help", "true"], ["--version", "--help"]])
def test_behind_such_a_word_is_a_command(rootwrap: Rootwrap, words: list[str]) -> None:
    done = subprocess.run([str(rootwrap.program), *words], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (programs.EXIT_BAD_CONFIG, b"")


def test_no_configuration_and_no_command_is_98(rootwrap: Rootwrap) -> None:
    done = subprocess.run([str(rootwrap.program)], capture_output=True, check=False)
    assert done.returncode == programs.EXIT_NO_COMMAND
    assert done.stderr.decode().splitlines()[0] == f"{rootwrap.program}: No command specified"


def test_no_command_is_98_even_where_the_configuration_is_missing(rootwrap: Rootwrap) -> None:
    done = rootwrap.run(Path("/no/such/rootwrap.conf"))
    assert done.returncode == programs.EXIT_NO_COMMAND


def test_a_missing_configuration_is_97(rootwrap: Rootwrap, tmp_path: Path) -> None:
    missing = tmp_path / "missing.conf"
    done = rootwrap.run(missing, "true")
    first = done.stderr.decode().splitlines()[0]
    assert done.returncode == programs.EXIT_BAD_CONFIG
    assert first.startswith(f"{rootwrap.program}: Incorrect configuration file: {missing}")


def test_an_unreadable_line_in_the_configuration_is_97(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write(FILTERS)
    config.write_text(config.read_text() + "[broken\n")
    done = rootwrap.run(config, "true")
    first = done.stderr.decode().splitlines()[0]
    assert done.returncode == programs.EXIT_BAD_CONFIG
    assert first.startswith(f"{rootwrap.program}: Incorrect configuration file: {config}")


@pytest.mark.parametrize("option, value", [
    ("use_syslog", "perhaps"),
    ("syslog_log_facility", "moon"),
    ("syslog_log_level", "LOUD"),
    ("daemon_timeout", "soon"),
    ("rlimit_nofile", "many"),
])
def test_a_bad_value_in_the_configuration_is_97(
    rootwrap: Rootwrap, policy: PolicyFolder, option: str, value: str
) -> None:
    config = policy.write(FILTERS, **{option: value})
    done = rootwrap.run(config, "true")
    first = done.stderr.decode().splitlines()[0]
    assert done.returncode == programs.EXIT_BAD_CONFIG
    assert first.startswith(f"{rootwrap.program}: Incorrect value in {config}:")


@pytest.mark.parametrize("command, path, name", [
    ("program", "/opt/no/such/program", "missing"),
    ("/opt/no/such/program", "/opt/no/such/program", "missing"),
    ("rw-no-such-program", "rw-no-such-program", "gone"),
])
def test_a_matched_command_without_executable_is_96(
    rootwrap: Rootwrap, config: Path, command: str, path: str, name: str
) -> None:
    done = rootwrap.run(config, command)
    assert done.returncode == programs.EXIT_NOT_EXECUTABLE
    assert done.stderr.decode().splitlines()[0] == (
        f"{rootwrap.program}: Executable not found: {path} (filter match = {name})")


def test_a_file_without_execute_permission_is_96(
    rootwrap: Rootwrap, policy: PolicyFolder, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    config = policy.write(f"plain: CommandFilter, {plain}, root")
    done = rootwrap.run(config, "plain")
    assert done.returncode == programs.EXIT_NOT_EXECUTABLE


def test_a_program_that_the_kernel_cannot_execute_is_96_with_the_reason(
    rootwrap: Rootwrap, policy: PolicyFolder, tmp_path: Path
) -> None:
    program = tmp_path / "text"
    program.write_text("no program\n")
    program.chmod(0o755)
    done = rootwrap.run(policy.write(f"text: CommandFilter, {program}, root"), "text")
    assert (done.returncode, done.stdout) == (programs.EXIT_NOT_EXECUTABLE, b"")
    assert b"Exec format error" in done.stderr
    assert str(program).encode() in done.stderr


def test_messages_use_the_name_that_was_called(
    rootwrap: Rootwrap, config: Path, tmp_path: Path
) -> None:
    link = tmp_path / "cinder-rootwrap"
    link.symlink_to(rootwrap.program)
    done = Rootwrap(rootwrap.name, link).run(config, "reboot")
    assert done.returncode == programs.EXIT_UNAUTHORIZED
    assert done.stderr.decode().startswith(f"{link}: Unauthorized command: reboot ")


# streams


def test_every_byte_passes_through_stdin_and_stdout(rootwrap: Rootwrap, config: Path) -> None:
    data = bytes(range(256)) * (8 * 1024 * 4)
    done = rootwrap.run(config, "cat", stdin=data)
    assert done.returncode == 0
    assert done.stdout == data
    assert done.stderr == b""


def test_stderr_is_the_command_s_own_to_the_byte(rootwrap: Rootwrap, config: Path) -> None:
    data = b"\xff\x00lvs: not found\n" * 50_000
    done = rootwrap.run(config, "sh", "-c", "cat >&2; exit 5", stdin=data)
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr == data


def test_nothing_of_ours_is_on_stderr_when_the_command_ran(
    rootwrap: Rootwrap, config: Path
) -> None:
    done = rootwrap.run(config, "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_an_unknown_filter_class_leaves_stderr_to_the_command(
    rootwrap: Rootwrap, policy: PolicyFolder
) -> None:
    config = policy.write("odd: NoSuchFilter, x, root\ntrue: CommandFilter, true, root")
    done = rootwrap.run(config, "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_arguments_that_are_not_utf8_arrive_unchanged(rootwrap: Rootwrap, config: Path) -> None:
    word = b"a\xff\xfe\xc3\xa4\n\t'\"b"
    done = rootwrap.run(config, "sh", "-c", 'printf %s "$1"', "sh", word)
    assert (done.returncode, done.stdout, done.stderr) == (0, word, b"")


def test_an_empty_stdin_is_an_end_of_file(rootwrap: Rootwrap, config: Path) -> None:
    done = rootwrap.run(config, "cat", stdin=b"")
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_reader_sees_end_of_file_when_the_command_ends(
    rootwrap: Rootwrap, config: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    process = rootwrap.start(config, "sh", "-c", "echo first; exec sleep 1000")
    running.append(process)
    assert read_line(process) == b"first"
    command = wait_for_descendant(process.pid, ["sleep", "1000"])
    os.kill(command, signal.SIGKILL)
    assert process.stdout and process.stderr
    assert process.stdout.read() == b""
    assert process.stderr.read() == b""


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_stream_closed_at_the_start_is_closed_or_null_in_the_command(
    rootwrap: Rootwrap, config: Path, tmp_path: Path, closed: int
) -> None:
    result = tmp_path / "result"
    script = (f"import os; name = '/proc/self/fd/{closed}'; "
              "seen = os.readlink(name) if os.path.exists(name) else 'closed'; "
              f"open({str(result)!r}, 'w').write(seen)")
    done = subprocess.run(
        rootwrap.command(config, "/usr/bin/python3", "-c", script),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.close(closed), timeout=programs.DEADLINE_S, check=False,
    )
    assert done.returncode == 0
    assert result.read_text() in ("closed", "/dev/null")


# processes


def test_the_only_child_is_the_command_with_the_requested_words(
    rootwrap: Rootwrap, config: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    process = rootwrap.start(config, "sleep", "1000", "0")
    running.append(process)
    command = wait_for_descendant(process.pid, ["sleep", "1000", "0"])
    status = Path(f"/proc/{command}/status").read_text()
    assert status_of(status, "PPid") == str(process.pid)
    assert cmdline_of(command)[0] in ("sleep", "/usr/bin/sleep", "/bin/sleep")
    os.kill(command, signal.SIGKILL)
    assert process.wait(programs.DEADLINE_S) == 128 + signal.SIGKILL


def test_rootwrap_ends_when_its_command_is_killed_directly(
    rootwrap: Rootwrap, config: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    process = rootwrap.start(config, "sleep", "1000")
    running.append(process)
    os.kill(wait_for_descendant(process.pid, ["sleep", "1000"]), signal.SIGTERM)
    assert process.wait(programs.DEADLINE_S) == 128 + signal.SIGTERM


def test_a_background_child_lives_on_with_the_stderr_it_was_given(
    rootwrap: Rootwrap, config: Path, tmp_path: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"(read word <{gate}; echo late $word >&2) >/dev/null & echo $!"
    process = rootwrap.start(config, "sh", "-c", script)
    running.append(process)
    child = int(read_line(process))
    assert process.wait(programs.DEADLINE_S) == 0
    assert is_alive(child)
    gate.write_text("word\n")
    assert process.stderr
    assert process.stderr.read() == b"late word\n"


def test_a_background_child_in_the_same_session_is_not_signalled_at_the_end(
    rootwrap: Rootwrap, config: Path
) -> None:
    done = rootwrap.run(config, "sh", "-c", "sleep 1000 >/dev/null 2>&1 </dev/null & echo $!")
    child = int(done.stdout)
    assert done.returncode == 0
    assert is_alive(child)
    os.kill(child, signal.SIGKILL)


def test_killing_rootwrap_outright_leaves_the_command_running(
    rootwrap: Rootwrap, config: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    """No parent-death signal: what runs as root must not stop half-way because a helper died."""
    process = rootwrap.start(config, "sleep", "1000")
    running.append(process)
    command = wait_for_descendant(process.pid, ["sleep", "1000"])
    process.kill()
    process.wait(programs.DEADLINE_S)
    assert is_alive(command)
    os.kill(command, signal.SIGKILL)


# what the caller has set for itself


def test_resource_limits_reach_the_command(rootwrap: Rootwrap, config: Path) -> None:
    space = 2 * 1024**3

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
        resource.setrlimit(resource.RLIMIT_CPU, (77, 88))

    done = rootwrap.run(config, "sh", "-c", "ulimit -v; ulimit -S -t; ulimit -H -t",
                        preexec_fn=limit)
    assert done.stdout.split() == [str(space // 1024).encode(), b"77", b"88"]


def test_umask_nice_level_and_folder_reach_the_command(
    rootwrap: Rootwrap, config: Path, tmp_path: Path
) -> None:
    def prepare() -> None:
        os.umask(0o137)
        os.nice(7)

    done = rootwrap.run(config, "sh", "-c", "umask; nice; pwd", cwd=tmp_path, preexec_fn=prepare)
    assert done.stdout.decode().split() == ["0137", "7", str(tmp_path)]


def test_the_command_stays_in_the_caller_s_control_group(rootwrap: Rootwrap, config: Path) -> None:
    done = rootwrap.run(config, "cat", "/proc/self/cgroup")
    assert done.stdout == Path("/proc/self/cgroup").read_bytes()


def test_the_environment_reaches_the_command_as_it_is(rootwrap: Rootwrap, config: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SUDO_USER": "cinder", "EMPTY": "",
           "ODD": "a=b\nc"}
    done = rootwrap.run(config, "/usr/bin/python3", "-c",
                        "import json, os; print(json.dumps(dict(os.environ)))", env=env)
    assert json.loads(done.stdout) == env


def test_an_env_filter_adds_its_variables(rootwrap: Rootwrap, config: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "KEPT": "kept", "FIRST": "old"}
    done = rootwrap.run(config, "env", "FIRST=1 2", "SECOND=x=y", "sh", "-c",
                        'echo "$FIRST|$SECOND|$KEPT"', env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1 2|x=y|kept\n", b"")


@pytest.mark.parametrize("wanted, soft", [(None, 1024), ("200", 200), ("100000", 4096)])
def test_rlimit_nofile_lowers_the_soft_limit_only(
    rootwrap: Rootwrap, policy: PolicyFolder, wanted: str | None, soft: int
) -> None:
    config = policy.write(FILTERS, rlimit_nofile=wanted)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 5000))

    done = rootwrap.run(config, "sh", "-c", "ulimit -S -n; ulimit -H -n", preexec_fn=limit)
    assert done.stdout.split() == [str(soft).encode(), b"5000"]


def test_no_descriptor_but_the_three_streams_reaches_the_command(
    rootwrap: Rootwrap, config: Path
) -> None:
    extra = [os.dup(0), os.dup(1)]
    os.dup2(extra[0], 1500)
    try:
        done = rootwrap.run(config, "ls", "/proc/self/fd", pass_fds=[*extra, 1500])
    finally:
        for fd in (*extra, 1500):
            os.close(fd)
    # 3 is the folder that ls itself reads.
    assert done.stdout.split() == [b"0", b"1", b"2", b"3"]


# signals


@pytest.mark.parametrize("number", SIGNALS, ids=[number.name for number in SIGNALS])
def test_a_signal_to_rootwrap_reaches_the_command(
    rootwrap: Rootwrap, config: Path, running: list[subprocess.Popen[bytes]],
    number: signal.Signals,
) -> None:
    process = rootwrap.start(config, "/usr/bin/python3", "-c", SIGNAL_COUNTER)
    running.append(process)
    assert read_line(process) == b"ready"
    process.send_signal(number)
    assert read_line(process) == number.name.encode()
    if number != signal.SIGTERM:
        process.send_signal(signal.SIGTERM)
        assert read_line(process) == b"SIGTERM"
    assert process.wait(programs.DEADLINE_S) == 42
    assert process.stderr and process.stderr.read() == b""


def test_a_second_signal_reaches_a_command_that_ignored_the_first(
    rootwrap: Rootwrap, config: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    process = rootwrap.start(config, "/usr/bin/python3", "-c", SIGNAL_COUNTER)
    running.append(process)
    assert read_line(process) == b"ready"
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        assert read_line(process) == b"SIGHUP"
    process.send_signal(signal.SIGTERM)
    assert process.wait(programs.DEADLINE_S) == 42


def test_a_hangup_of_the_terminal_ends_the_command_of_a_session_s_leader(
    ours: Rootwrap, config: Path
) -> None:
    """Only the leader of the session is told by the kernel, so it has to pass it on."""
    pid, master = pty.fork()
    if pid == 0:
        command = ours.command(config, "sleep", "1001")
        os.execv(command[0], command)
    command_pid = wait_for_descendant(pid, ["sleep", "1001"])
    os.close(master)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert not os.path.exists(f"/proc/{command_pid}")


def test_ctrl_c_on_a_terminal_is_delivered_once(
    rootwrap: Rootwrap, config: Path
) -> None:
    """The terminal signals rootwrap and the command alike; rootwrap must not pass its own on.

    SIGTERM comes last: a pending SIGINT, having the lower number, would be passed on before it.
    """
    master, slave = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        ioctl(slave, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        rootwrap.command(config, "/usr/bin/python3", "-c", SIGNAL_COUNTER),
        stdin=slave, stdout=subprocess.PIPE, stderr=slave, preexec_fn=take_terminal)
    try:
        assert read_line(process) == b"ready"
        os.write(master, b"\x03")
        assert read_line(process) == b"SIGINT"
        process.send_signal(signal.SIGTERM)
        assert process.stdout
        assert process.stdout.read() == b"SIGTERM\n"
        assert process.wait(programs.DEADLINE_S) == 42
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()
        os.close(master)
        os.close(slave)


def ignored_signals(rootwrap: Rootwrap, config: Path, ignored: signal.Signals) -> int:
    """The set of signals that a command ignores whose caller ignored one."""

    def ignore() -> None:
        signal.signal(ignored, signal.SIG_IGN)

    done = rootwrap.run(config, "cat", "/proc/self/status", preexec_fn=ignore)
    return int(status_of(done.stdout.decode(), "SigIgn"), 16)


def test_a_hang_up_that_the_caller_ignores_stays_ignored(
    rootwrap: Rootwrap, config: Path
) -> None:
    assert ignored_signals(rootwrap, config, signal.SIGHUP) & (1 << (signal.SIGHUP - 1))


def test_sigpipe_has_its_default_effect_in_the_command(rootwrap: Rootwrap, config: Path) -> None:
    assert not ignored_signals(rootwrap, config, signal.SIGPIPE) & (1 << (signal.SIGPIPE - 1))


def test_no_signal_is_blocked_in_the_command(rootwrap: Rootwrap, config: Path) -> None:
    done = rootwrap.run(config, "cat", "/proc/self/status")
    assert int(status_of(done.stdout.decode(), "SigBlk"), 16) == 0


# through sudo, as services call it


def test_a_service_finds_its_command_below_sudo_and_rootwrap(
    rootwrap: Rootwrap, config: Path, service_user: str, running: list[subprocess.Popen[bytes]]
) -> None:
    rule = Path("/etc/sudoers.d/rootwrap-test")
    program = str(rootwrap.program).replace(" ", "\\ ")
    rule.write_text(f"{service_user} ALL = (root) NOPASSWD: {program} {config} *\n")
    rule.chmod(0o440)
    process = subprocess.Popen(
        ["setpriv", "--reuid", service_user, "--regid", service_user, "--init-groups", "sudo",
         "-n", str(rootwrap.program), str(config), "sleep", "1000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.append(process)
    command = wait_for_descendant(process.pid, ["sleep", "1000"])
    assert status_of(Path(f"/proc/{command}/status").read_text(), "Uid").split() == ["0"] * 4
    os.kill(command, signal.SIGTERM)
    assert process.wait(programs.DEADLINE_S) == 128 + signal.SIGTERM
    assert process.stderr and process.stderr.read() == b""
