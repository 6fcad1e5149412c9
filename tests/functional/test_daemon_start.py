# SPDX-License-Identifier: Apache-2.0
"""How the daemon starts: what it refuses, what it prints, and who gets to know the key."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest import users
from rwtest.daemon import FILTERS, KEY_BYTES, Daemon, DaemonProgram, Launcher, StartError
from rwtest.legacy import RefusedError
from rwtest.logs import Journal, Syslog
from rwtest.policy import PolicyFolder
from rwtest.programs import EXIT_BAD_CONFIG, EXIT_NO_COMMAND, EXIT_UNAUTHORIZED
from rwtest.wait import children_of

SOCKET_PATH = re.compile(r"/rootwrapd-[A-Za-z0-9]{6}/rootwrap\.sock")


@pytest.fixture()
def config(policy: PolicyFolder) -> Path:
    """A policy that allows what these tests run."""
    return policy.write(FILTERS)


@pytest.fixture()
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(dir="/srv"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture()
def syslog() -> Iterator[Syslog]:
    """A private /dev/log."""
    daemon = Syslog()
    yield daemon
    daemon.close()


# what it does not start with

def test_no_argument_is_98(daemon_program: DaemonProgram) -> None:
    done = daemon_program.run()
    assert (done.returncode, done.stdout) == (EXIT_NO_COMMAND, "")
    assert done.stderr


@pytest.mark.parametrize(("word", "told"), [
    ("--help", "usage: rootwrap-daemon CONFIG\n"), ("-h", "usage: rootwrap-daemon CONFIG\n"),
    ("--version", "rootwrap-daemon "),
])
def test_what_it_is_can_be_asked(our_daemon_program: DaemonProgram, word: str, told: str) -> None:
    done = our_daemon_program.run(word)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(told)


def test_no_key_is_printed_on_a_terminal(our_daemon_program: DaemonProgram, config: Path) -> None:
    ours, theirs = os.openpty()
    done = subprocess.run([str(our_daemon_program.program), str(config)], stdin=theirs,
                          stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "It is started by its service" in done.stderr
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 100)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("more", [["extra"], ["extra", "words"], [""], ["--help"]])
def test_arguments_after_the_config_are_98(
    daemon_program: DaemonProgram, config: Path, more: list[str]
) -> None:
    done = daemon_program.run(config, *more)
    assert (done.returncode, done.stdout) == (EXIT_NO_COMMAND, "")
    assert done.stderr


BAD_CONFIGS = {
    "no section": "filters_path = /etc\n",
    "no filters_path": "[DEFAULT]\nexec_dirs = /bin\n",
    "a line that is none": "[DEFAULT]\nfilters_path = /etc\nnonsense\n",
    "a number that is none": "[DEFAULT]\nfilters_path = /etc\ndaemon_timeout = soon\n",
    "an unknown level": "[DEFAULT]\nfilters_path = /etc\nsyslog_log_level = loud\n",
    "an unknown facility": "[DEFAULT]\nfilters_path = /etc\nsyslog_log_facility = moon\n",
    "an option twice": "[DEFAULT]\nfilters_path = /etc\nfilters_path = /etc\n",
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_a_bad_config_is_97_with_a_message_and_no_output(
    daemon_program: DaemonProgram, policy: PolicyFolder, what: str
) -> None:
    policy.config.write_text(BAD_CONFIGS[what], encoding="ascii")
    done = daemon_program.run(policy.config)
    assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, "")
    assert str(policy.config) in done.stderr


def test_a_config_that_is_missing_is_97(
    daemon_program: DaemonProgram, policy: PolicyFolder
) -> None:
    done = daemon_program.run(policy.config)
    assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, "")
    assert str(policy.config) in done.stderr


def test_d13_a_malformed_filter_file_is_97_with_file_and_line(
    daemon_program: DaemonProgram, policy: PolicyFolder
) -> None:
    config = policy.write("echo: CommandFilter, echo, root\n")
    bad = policy.write_filters("no filter at all\n", name="bad.filters")
    done = daemon_program.run(config)
    assert done.stdout == ""
    if daemon_program.is_ours:
        assert done.returncode == EXIT_BAD_CONFIG
        assert f"{bad}:2" in done.stderr
    else:
        assert done.returncode == 1
        assert "Traceback" in done.stderr


@pytest.mark.parametrize("what", ["config", "filter file", "filter directory"])
def test_d14_what_others_can_write_is_97(
    our_daemon_program: DaemonProgram, policy: PolicyFolder, what: str
) -> None:
    config = policy.write("echo: CommandFilter, echo, root\n")
    path = {"config": config, "filter file": policy.filters / "test.filters",
            "filter directory": policy.filters}[what]
    path.chmod(path.stat().st_mode | 0o022)
    done = our_daemon_program.run(config)
    assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, "")
    assert str(path) in done.stderr


@pytest.mark.parametrize("line", ["max_message_bytes = 0", "drain_timeout = -1",
                                  "auth_digests = sha1", "auth_digests =", "log_format = xml"])
def test_a_bad_option_of_the_daemon_is_97_with_its_line(
    our_daemon_program: DaemonProgram, policy: PolicyFolder, line: str
) -> None:
    name, _, value = line.partition(" = ")
    config = policy.write("echo: CommandFilter, echo, root\n", **{name.rstrip(" ="): value})
    done = our_daemon_program.run(config)
    assert (done.returncode, done.stdout) == (EXIT_BAD_CONFIG, "")
    assert f"{config}:4" in done.stderr


def test_messages_have_the_name_that_was_called(
    daemon_program: DaemonProgram, tmp_path: Path, policy: PolicyFolder
) -> None:
    link = tmp_path / "cinder-rootwrap-daemon"
    link.symlink_to(daemon_program.program)
    done = DaemonProgram(daemon_program.name, link).run(policy.config)
    assert done.returncode == EXIT_BAD_CONFIG
    assert "cinder-rootwrap-daemon: " in done.stderr


# what it says

def test_it_says_a_path_a_line_feed_and_32_bytes(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(daemon_program)
    assert daemon.path.is_absolute() and daemon.path.is_socket()
    assert len(daemon.key) == KEY_BYTES
    assert daemon.session().run(["echo", "x"]) == (0, "x\n", "")


def test_our_stdout_ends_after_the_key(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    assert daemon.process.stdout
    assert daemon.process.stdout.read() == b""
    daemon.check_serves()


def test_nothing_more_comes_on_stdout_or_stderr_where_there_is_a_log(
    daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    daemon = launch(daemon_program)
    daemon.check_serves()
    assert daemon.stop() == 0
    assert daemon.process.stdout and daemon.process.stderr
    assert daemon.process.stdout.read() == b""
    assert daemon.process.stderr.read() == b""


def test_our_socket_lies_in_a_new_directory_in_tmp(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    env = {key: value for key, value in os.environ.items() if key != "TMPDIR"}
    one, other = (launch(our_daemon_program, env=env) for _ in range(2))
    for daemon in (one, other):
        assert daemon.path.parent.parent == Path("/tmp")
        assert SOCKET_PATH.search(str(daemon.path))
        assert sorted(os.listdir(daemon.path.parent)) == ["native.sock", "rootwrap.sock"]
    assert one.path != other.path


def test_the_socket_lies_in_tmpdir_where_there_is_one(
    daemon_program: DaemonProgram, launch: Launcher, open_folder: Path
) -> None:
    daemon = launch(daemon_program, env={**os.environ, "TMPDIR": str(open_folder)})
    assert daemon.path.parent.parent == open_folder
    daemon.check_serves()
    assert daemon.stop() == 0
    assert os.listdir(open_folder) == []


@pytest.mark.parametrize("value", ["relative", "/no/such/folder", "/" + "x" * 120, ""])
def test_a_tmpdir_that_cannot_be_used_is_passed_over(
    our_daemon_program: DaemonProgram, launch: Launcher, value: str
) -> None:
    daemon = launch(our_daemon_program, env={**os.environ, "TMPDIR": value})
    assert daemon.path.parent.parent == Path("/tmp")
    daemon.check_serves()


def test_each_daemon_has_another_key(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    keys = [launch(our_daemon_program).key for _ in range(8)]
    assert len(set(keys)) == len(keys)
    for key in keys:
        # all zeros, text or a counter would not pass; random bytes fail once in 10**20
        assert len(set(key)) > 10


def test_it_can_be_used_as_soon_as_the_path_can_be_read(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    for _ in range(20):
        daemon = launch(our_daemon_program)
        with daemon.knock() as connection:
            assert connection.receive_challenge()
        daemon.kill()


def test_it_can_be_stopped_as_soon_as_the_path_can_be_read(
    our_daemon_program: DaemonProgram, config: Path, syslog: Syslog
) -> None:
    """Of oslo.rootwrap a signal at this time leaves the socket behind, or a traceback."""
    for number in range(20):
        process = subprocess.Popen(our_daemon_program.command(config), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout
        first = os.read(process.stdout.fileno(), 1)
        process.send_signal(signal.SIGTERM if number % 2 else signal.SIGINT)
        out, err = process.communicate(timeout=20)
        path = Path(os.fsdecode((first + out).split(b"\n")[0]))
        # Ours logs there where there is no other log.
        lines = [line for line in err.splitlines() if not line.startswith(b"rootwrap-daemon: ")]
        assert (process.returncode, lines) == (0, [])
        assert not path.parent.exists()


def test_it_is_served_under_a_link_s_name(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    link = tmp_path / "cinder-rootwrap-daemon"
    link.symlink_to(daemon_program.program)
    launch(DaemonProgram(daemon_program.name, link)).check_serves()


def test_the_config_may_be_named_from_the_current_directory(
    daemon_program: DaemonProgram, config: Path
) -> None:
    with daemon_program.start(Path(config.name), cwd=config.parent) as daemon:
        daemon.check_serves()


def test_the_process_that_was_started_is_the_daemon(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """Clients wait for it and signal it: it must not go to the background."""
    daemon = launch(daemon_program)
    daemon.check_serves()
    assert daemon.process.poll() is None
    assert daemon.pid == daemon.process.pid


def test_it_starts_without_root_and_serves_its_own_user(
    daemon_program: DaemonProgram, open_folder: Path, service_user: str
) -> None:
    config = PolicyFolder(open_folder).write("id: CommandFilter, id, rwservice\n"
                                             "echo: CommandFilter, echo, rwservice\n"
                                             "root: CommandFilter, whoami, root\n")
    command = ["/usr/bin/setpriv", f"--reuid={service_user}", f"--regid={service_user}",
               "--init-groups", *daemon_program.command(config)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": "/tmp"})
    with Daemon(daemon_program, config, process) as daemon:
        daemon.read_greeting()
        with users.acting_as(service_user):
            assert daemon.peer().run(["id", "-un"]) == (0, service_user + "\n", "")
            daemon.check_serves()
        assert daemon.stop() == 0
        assert not daemon.path.parent.exists()


def test_without_root_another_user_s_command_is_an_error(
    daemon_program: DaemonProgram, open_folder: Path, service_user: str
) -> None:
    config = PolicyFolder(open_folder).write("echo: CommandFilter, echo, rwservice\n"
                                             "cat: CommandFilter, cat, nobody\n")
    command = ["/usr/bin/setpriv", f"--reuid={service_user}", f"--regid={service_user}",
               "--init-groups", *daemon_program.command(config)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": "/tmp"})
    with Daemon(daemon_program, config, process) as daemon:
        daemon.read_greeting()
        with users.acting_as(service_user), daemon.session() as session:
            assert session.error(["cat"])
            assert session.run(["echo", "x"]) == (0, "x\n", "")


# the key is told to one reader

def written_in(data: bytes, key: bytes) -> bool:
    """Whether the key stands there in any form that somebody might have chosen."""
    forms = (key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key),
             repr(key).encode(), key[:12], key[-12:])
    return any(form in data for form in forms)


def test_the_key_is_in_no_command_line_and_no_environment(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(daemon_program)
    with daemon.session() as session:
        session.start(["sleep", "5"])
        found = 0
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    data = (process / name).read_bytes()
                except OSError:
                    continue
                found += len(data) > 0
                assert not written_in(data, daemon.key), process
        assert found >= 2 * (len(daemon.pids) + 1)
        code, out, _ = daemon.session().run(["sh", "-c", "cat /proc/$$/environ /proc/$$/cmdline"])
        assert code == 0 and not written_in(os.fsencode(out), daemon.key)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_key_stdin_and_output_are_in_no_log(
    our_daemon_program: DaemonProgram, launch: Launcher, log_format: str
) -> None:
    syslog, journal = Syslog(), Journal()
    said = []
    for _ in range(2):
        daemon = launch(our_daemon_program, {"use_syslog": "True", "syslog_log_level": "DEBUG",
                                             "log_format": log_format})
        with daemon.session() as session:
            assert session.run(["cat"], "passphrase").stdout == "passphrase"
            assert session.run(["rm"], "passphrase").returncode == EXIT_UNAUTHORIZED
            assert session.error(["echo", "\0"], "passphrase")
        with pytest.raises(RefusedError), daemon.knock() as connection:
            connection.prove(bytes(32))
        assert daemon.stop() == 0
        # the second one finds no journald, and takes syslog
        said.append(journal.datagrams() if journal.is_open else syslog.datagrams())
        journal.close()
    syslog.close()
    for lines in said:
        assert b"Unauthorized" in b"".join(lines) or b"refused" in b"".join(lines)
        for line in lines:
            assert b"passphrase" not in line
            assert not any(written_in(line, daemon.key) for daemon in launch.daemons)


# who may find it

def owner_and_mode(path: Path) -> tuple[int, int]:
    """Owner and permissions."""
    status = path.stat()
    return status.st_uid, status.st_mode & 0o7777


def test_d8_directory_and_socket_belong_to_the_user_behind_sudo_alone(
    daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    daemon = launch(daemon_program, sudo_user=service_user)
    if daemon.program.is_ours:
        assert owner_and_mode(daemon.path.parent) == (7100, 0o700)
        assert owner_and_mode(daemon.path) == (7100, 0o600)
    else:
        # "allow everybody to find the socket", "allow everybody to connect to the socket"
        assert owner_and_mode(daemon.path.parent) == (0, 0o755)
        assert owner_and_mode(daemon.path) == (0, 0o666)
    with users.acting_as(service_user):
        assert daemon.peer().run(["sh", "-c", "id -u"]) == (0, "0\n", "")
    assert daemon.stop() == 0
    assert not daemon.path.parent.exists()


@pytest.mark.parametrize("variables", [{"SUDO_UID": "7100", "SUDO_USER": "rwservice"},
                                       {"DOAS_USER": "rwservice"}], ids=["sudo", "doas"])
def test_d8_the_user_is_the_one_that_sudo_or_doas_names(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str,
    variables: dict[str, str]
) -> None:
    daemon = launch(our_daemon_program, env={**os.environ, **variables})
    assert owner_and_mode(daemon.path.parent) == (7100, 0o700)
    assert owner_and_mode(daemon.path) == (7100, 0o600)
    with users.acting_as(service_user):
        daemon.check_serves()


def test_d8_without_sudo_it_belongs_to_the_parent_s_user(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    env = {key: value for key, value in os.environ.items() if key not in ("SUDO_UID", "DOAS_USER")}
    daemon = launch(our_daemon_program, env=env)
    assert owner_and_mode(daemon.path.parent) == (0, 0o700)
    assert owner_and_mode(daemon.path) == (0, 0o600)


def test_d8_another_user_cannot_knock(
    daemon_program: DaemonProgram, launch: Launcher, service_user: str, other_user: str
) -> None:
    daemon = launch(daemon_program, sudo_user=service_user)
    with users.acting_as(other_user):
        if daemon.program.is_ours:
            with pytest.raises(PermissionError):
                daemon.knock()
        else:
            daemon.knock().close()


def test_d8_another_user_gets_nothing_even_through_an_open_door(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str, other_user: str
) -> None:
    """Not even with the key: the kernel says who connects."""
    daemon = launch(our_daemon_program, sudo_user=service_user)
    daemon.path.parent.chmod(0o755)
    daemon.path.chmod(0o666)
    with users.acting_as(other_user), daemon.knock() as connection:
        assert b"CHALLENGE" not in connection.rest()
    with users.acting_as(service_user):
        daemon.check_serves()


def test_root_may_connect_as_well(
    daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    launch(daemon_program, sudo_user=service_user).check_serves()


# two programs

def test_a_worker_that_is_missing_is_an_error_before_any_output(
    our_daemon_program: DaemonProgram, config: Path, open_folder: Path
) -> None:
    """No daemon without the other half. The tree is copied, and the worker is left out."""
    tree = our_daemon_program.program.parents[1]
    shutil.copytree(tree, open_folder / "tree")
    for worker in (open_folder / "tree").rglob("rootwrap-worker"):
        worker.unlink()
    program = DaemonProgram("ours", open_folder / "tree/bin/rootwrap-daemon")
    done = program.run(config)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "rootwrap-worker" in done.stderr


def test_our_daemon_is_two_processes_and_the_client_s_child_is_the_monitor(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program)
    assert children_of(daemon.process.pid) == [daemon.worker]
    assert children_of(daemon.worker) == []
    with daemon.session() as session:
        assert session.run(["sh", "-c", "echo $PPID"]) == (0, f"{daemon.pid}\n", "")


def test_a_failed_start_leaves_nothing_behind(
    our_daemon_program: DaemonProgram, policy: PolicyFolder, open_folder: Path
) -> None:
    policy.config.write_text("nonsense\n", encoding="ascii")
    with pytest.raises(StartError) as error:
        our_daemon_program.start(policy.config, env={**os.environ, "TMPDIR": str(open_folder)})
    assert error.value.returncode == EXIT_BAD_CONFIG
    assert os.listdir(open_folder) == []
