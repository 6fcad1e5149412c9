# SPDX-License-Identifier: Apache-2.0
"""librootwrap against the daemon: tests/client/driver.c does what a service in C would."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from rwtest import daemon, programs, users
from rwtest.daemon import FILTERS, WORKER_NAME
from rwtest.policy import PolicyFolder
from rwtest.wait import children_of, cmdline_of, has_unread, is_alive, wait_for

NAME = "rwlib"
E_UNKNOWN, E_START, E_PROTOCOL, E_NATIVE, E_CONFIG = 1, 2, 3, 4, 5


class Driver:
    """The driver, run by a service's user."""

    def __init__(self, program: Path, user: str, way: list[str]) -> None:
        self.command = ["/usr/bin/setpriv", f"--reuid={user}", "--regid", user, "--init-groups",
                        str(program), *way]

    def __call__(self, *words: str, env: Mapping[str, str] | None = None,
                 stdin: bytes = b"") -> str:
        """What it printed."""
        # not its stderr: a daemon that is not ours keeps that when the driver is gone
        done = subprocess.run([*self.command, *words], input=stdin, stdout=subprocess.PIPE,
                              env={**os.environ, **(env or {})}, timeout=55, check=False)
        assert done.returncode in (0, 2)
        return os.fsdecode(done.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """It goes on, with pipes to its stdin and stdout."""
        return subprocess.Popen([*self.command, *words], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def by_command(config: Path, program: Path | None = None) -> list[str]:
    """A daemon through sudo; the driver reads a backslash as a blank."""
    words = [users.SUDO, "-n", str(program or programs.install_tree() / "rootwrap-daemon"),
             str(config)]
    return ["command", " ".join(word.replace(" ", "\\") for word in words)]


@pytest.fixture()
def program() -> Path:
    """Where the driver is."""
    return programs.reachable_program("tests/client/client-driver")


@pytest.fixture()
def config(policy: PolicyFolder, tmp_path: Path) -> Path:
    """A policy that the service's user may know of."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return policy.write(FILTERS)


@pytest.fixture()
def drive(program: Path, service_user: str, config: Path) -> Driver:
    """The driver with a daemon of its own."""
    return Driver(program, service_user, by_command(config))


@pytest.fixture()
def names() -> Iterator[None]:
    """The service's names of the programs, where sudo finds them."""
    links = [Path(f"/usr/local/bin/{NAME}-{name}") for name in ("rootwrap", "rootwrap-daemon")]
    for link in links:
        link.symlink_to(programs.install_tree() / link.name.removeprefix(f"{NAME}-"))
    yield
    for link in links:
        link.unlink()


def lines(text: str) -> list[str]:
    """The first line is the result, then come out and err."""
    return text.splitlines()


# Executing


def test_status_and_streams_come_back(drive: Driver) -> None:
    got = lines(drive("execute", "sh", "-c", "echo some; echo bad >&2; exit 3"))
    assert got[0].startswith("exit 3 status 768 refused 0 timed_out 0")
    assert got[1:] == ["out 5 some", "", "err 4 bad", ""]


def test_a_command_ended_by_a_signal_exits_as_in_a_shell(drive: Driver) -> None:
    assert drive("execute", "sh", "-c", "kill -9 $$").startswith("exit 137 status 9 ")


def test_a_refusal_is_a_result(drive: Driver) -> None:
    got = drive("execute", "no-such", "words")
    assert "exit 99 status -1 refused 1 timed_out 0 filter -" in got
    assert "rootwrap: Unauthorized command: no-such words (no filter matched)\n" in got


def test_a_missing_program_names_its_filter(drive: Driver) -> None:
    got = drive("execute", "/opt/no/such/program")
    assert "exit 96 status -1 refused 1 timed_out 0 filter missing" in got


def test_no_command_is_refused(drive: Driver) -> None:
    assert drive("execute").startswith("exit 98 ")


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 65536, 65537, 100_000_000])
def test_bytes_come_back_as_they_went(drive: Driver, size: int) -> None:
    assert drive("echo", str(size), "cat") == "exit 0 same 1 err 0\n"


def test_input_that_nobody_reads_is_no_error(drive: Driver) -> None:
    assert drive("echo", "10000000", "true") == "exit 0 same 0 err 0\n"


def test_long_arguments_arrive(drive: Driver) -> None:
    words = ["x" * 50_000] * 12
    assert lines(drive("execute", "sh", "-c", "echo $# ${#1} ${#12}", "sh", *words))[1] == \
        "out 15 12 50000 50000"


def test_threads_share_a_handle(drive: Driver) -> None:
    assert drive("threads", "24", "15") == "wrong 0\n"


def test_d9_threads_run_side_by_side(drive: Driver) -> None:
    """Eight at once, beside the same eight one after the other."""
    word, in_turn, other, at_once, *rest = drive("beside", "8", "sleep", "0.4").split()
    assert (word, other, rest) == ("in_turn", "at_once", ["wrong", "0"])
    assert int(in_turn) >= 8 * 400
    assert int(at_once) < int(in_turn) / 2


def test_options_reach_the_command(drive: Driver) -> None:
    got = drive("run", "sh", "-c", "pwd; umask; ulimit -n; nice; cat", stdin=b"input\n",
                env={"RUN_CWD": "/srv", "RUN_LIMITS": "1"})
    assert got.startswith("/srv\n0077\n77\n7\ninput\nexit 0 ")


def test_the_environment_needs_a_filter(drive: Driver) -> None:
    assert drive("run", "sh", "-c", "echo $FIRST", env={
        "RUN_ENV": "FIRST=1", "RUN_ENV_2": "SECOND=2"}).startswith("1\n")
    assert drive("run", "sh", "-c", "echo", env={"RUN_ENV": "THIRD=1"}).startswith("exit 99 ")


def test_a_timeout_ends_it(drive: Driver) -> None:
    got = drive("run", "sleep", "40", env={"RUN_TIMEOUT": "100"})
    assert got.startswith("exit 143 status 15 refused 0 timed_out 1 ")


# Event loops


def test_more_than_a_connection_takes_is_busy_and_then_done(drive: Driver) -> None:
    assert drive("many", "2500", "true") == "back 2500 good 2500 busy 1\n"


@pytest.mark.parametrize("env", [{}, {"SIGNAL_LATE": "1"}], ids=["before_it_runs", "when_it_runs"])
def test_a_signal_reaches_the_command(drive: Driver, env: dict[str, str]) -> None:
    assert drive("signal", str(signal.SIGUSR1.value), "sleep", "40", env=env) == \
        f"exit {128 + signal.SIGUSR1}\n"


@pytest.mark.parametrize("env", [{}, {"SIGNAL_LATE": "1"}], ids=["before_it_runs", "when_it_runs"])
def test_a_command_that_is_stopped_and_continued_goes_on(drive: Driver, env: dict[str, str]
                                                         ) -> None:
    words = f"{signal.SIGTSTP.value},{signal.SIGCONT.value}"
    assert drive("signal", words, "sleep", "0.2", env=env) == "exit 0\n"


def test_closing_calls_back(drive: Driver) -> None:
    assert drive("close", "sleep", "40").startswith("back 1 ")


# Processes


def test_a_child_gets_an_error_and_the_parent_goes_on(drive: Driver) -> None:
    got = lines(drive("fork", "echo", "one"))
    assert [line for line in got if line.startswith(("exit", "error", "fd", "child"))] == [
        "exit 0 status 0 refused 0 timed_out 0 filter - reason -",
        "error 7 The handle belongs to another process", "fd -1 dispatch 7", "child 0",
        "exit 0 status 0 refused 0 timed_out 0 filter - reason -"]


def test_no_descriptor_passes_to_other_programs(drive: Driver) -> None:
    assert lines(drive("fds", "true"))[-1].split() == ["0", "1", "2", "3"]  # 3: ls's own


def daemons(driver: subprocess.Popen[str]) -> tuple[int, int]:
    """The processes of the driver's daemon: monitor and worker."""
    def find() -> tuple[int, int] | None:
        at = [driver.pid]
        while at:  # one that has gone may be there too: the library reaps it when it is called
            below = [(pid, child) for pid in at for child in children_of(pid)]
            for pid, child in below:
                if WORKER_NAME in map(os.path.basename, cmdline_of(child)):
                    return pid, child
            at = [child for _, child in below]
        return None
    return wait_for(find, "a daemon below the driver")


def kill(*pids: int) -> None:
    """Kills processes, any of which may end by itself as the one before it goes."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def once(driver: subprocess.Popen[str]) -> str:
    """One more command of `repeat`."""
    assert driver.stdin and driver.stdout
    driver.stdin.write("go\n")
    driver.stdin.flush()
    first = driver.stdout.readline()
    if first.startswith("exit"):
        while not driver.stdout.readline().startswith("err"):
            pass
    return first


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_ended_is_started_again(drive: Driver, number: int) -> None:
    with drive.start("repeat", "true") as driver:
        assert once(driver).startswith("exit 0 ")
        before = daemons(driver)
        if number == signal.SIGKILL:
            kill(*before)
        else:
            os.kill(before[0], number)
        wait_for(lambda: not Path(f"/proc/{before[1]}").exists(), "its end")
        assert once(driver).startswith("exit 0 ")
        assert daemons(driver) != before
        driver.communicate()


def test_a_command_whose_fate_is_unknown_is_not_run_again(drive: Driver, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with drive.start("execute", "sh", "-c", f"echo ran >>{trace}; exec sleep 2") as driver:
        wait_for(trace.exists, "the command")
        kill(*daemons(driver))
        assert driver.stdout
        assert driver.stdout.read().startswith(f"error {E_UNKNOWN} ")
    assert trace.read_text() == "ran\n"


def test_a_command_that_was_never_decided_on_is_of_unknown_fate_and_runs_once_at_most(
        drive: Driver, tmp_path: Path) -> None:
    """The worker is killed when it has asked a monitor that is stopped, and has no answer."""
    trace = tmp_path / "trace"
    with drive.start("repeat", "sh", "-c", f"echo ran >>{trace}") as driver:
        assert once(driver).startswith("exit 0 ")
        monitor, worker = daemons(driver)
        os.kill(monitor, signal.SIGSTOP)
        assert driver.stdin and driver.stdout
        driver.stdin.write("go\n")
        driver.stdin.flush()
        wait_for(lambda: has_unread(monitor), "the worker to ask")
        kill(worker)
        first = driver.stdout.readline()
        os.kill(monitor, signal.SIGCONT)
        assert first.startswith(f"error {E_UNKNOWN} ")
        # not that it is reaped: sudo stops itself with what it started
        wait_for(lambda: not is_alive(monitor), "its end")
        assert trace.read_text() in {"ran\n", "ran\n" * 2}
        n_ran = len(trace.read_text().splitlines())
        assert once(driver).startswith("exit 0 "), "another daemon, for what is asked for again"
        assert len(trace.read_text().splitlines()) == n_ran + 1
        driver.communicate()


def test_the_daemon_ends_with_the_process(drive: Driver) -> None:
    with drive.start("repeat", "true") as driver:
        assert once(driver).startswith("exit 0 ")
        pids = daemons(driver)
        assert os.getsid(pids[0]) != os.getsid(driver.pid)
        driver.kill()
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "its end")


# What is no daemon


def test_oslos_daemon_is_a_clear_error(program: Path, service_user: str, config: Path) -> None:
    drive = Driver(program, service_user, by_command(config, daemon.OSLO_DAEMON))
    assert drive("execute", "true") == \
        f"error {E_NATIVE} The daemon has no native.sock: it is not rootwrapd's\n"


def test_a_daemon_that_does_not_start_says_what_it_exited_with(
        program: Path, service_user: str, tmp_path: Path) -> None:
    drive = Driver(program, service_user, by_command(tmp_path / "none.conf"))
    assert drive("execute", "true") == (f'error {E_START} "/usr/bin/sudo" exited with 97 and did '
                                        "not say where it listens\n")


def test_a_program_that_is_not_there_is_an_error(program: Path, service_user: str) -> None:
    drive = Driver(program, service_user, ["command", "/no/such/program"])
    assert drive("execute", "true") == \
        f"error {E_START} /no/such/program: No such file or directory\n"


def test_a_socket_that_is_not_there_is_an_error(program: Path, service_user: str) -> None:
    drive = Driver(program, service_user, ["socket", "/run/none.sock"])
    assert drive("execute", "true") == \
        f"error {E_START} /run/none.sock: No such file or directory\n"


# Questions


def test_explain_tells_what_would_be(drive: Driver) -> None:
    assert "filter true run_as root argv [/usr/bin/true]" in drive("explain", "true")
    assert drive("explain", "no-such").startswith("code 99 filter - run_as - argv reason Unauth")


def test_status_lists_what_runs(drive: Driver, service_user: str) -> None:
    assert drive("status", "sleep", "40") == \
        "running 1 commands 1 [/usr/bin/sleep 40] filter sleep uid 7100 pid 1 mine 1\n"


# A service's configuration


def service_conf(tmp_path: Path, text: str) -> str:
    """A service's file."""
    path = tmp_path / f"{NAME}.conf"
    path.write_text(text, "ascii")
    path.chmod(0o644)
    return f"{path}:{NAME}"


def by_configuration(program: Path, user: str, config: Path, tmp_path: Path, use: str) -> Driver:
    """The driver as a service configures it."""
    where = service_conf(tmp_path, f"[DEFAULT]\nuse_rootwrap_daemon = {use}\n"
                                   f"rootwrap_config={config}\n")
    return Driver(program, user, ["config", where])


@pytest.mark.parametrize(("words", "want"), [
    (["sh", "-c", "echo some; echo bad >&2; exit 3"], ["3", "out 5 some", "", "err 4 bad", ""]),
    (["sh", "-c", "kill -9 $$"], ["137", "out 0 ", "err 0 "]),
    (["true"], ["0", "out 0 ", "err 0 "]),
    (["no-such", "word"], None),
    (["/opt/no/such/program"], ["96", "out 0 "]),
    ([], ["98", "out 0 "]),
], ids=["streams", "signal", "true", "refused", "missing", "nothing"])
def test_a_service_gets_the_same_result_with_and_without_a_daemon(
        program: Path, service_user: str, config: Path, tmp_path: Path, names: None,
        words: list[str], want: list[str] | None) -> None:
    """What rootwrap tells people of a program that is missing may be more than the daemon does."""
    results = []
    for use in ("true", "no"):
        drive = by_configuration(program, service_user, config, tmp_path, use)
        got = lines(drive("execute", *words))
        results.append([got[0].split()[1], *got[1:]][:len(want) if want else None])
    assert results[0] == results[1]
    assert want in (results[0], None)


@pytest.mark.parametrize(("words", "env", "stdin", "want"), [
    (["run", "cat"], {}, b"some\0bytes\xff\n", "some\0bytes\udcff\nexit 0 "),
    (["echo", "100000", "cat"], {}, b"", "exit 0 same 1 err 0\n"),
    (["run", "sh", "-c", "echo $FIRST-$SECOND"],
     {"RUN_ENV": "FIRST=1", "RUN_ENV_2": "SECOND=two words"}, b"", "1-two words\nexit 0 "),
    (["run", "sh", "-c", "echo"], {"RUN_ENV": "THIRD=3"}, b"", "exit 99 "),
    (["run", "sh", "-c", "pwd"], {"RUN_CWD": "/srv"}, b"", "/srv\nexit 0 "),
    (["run", "sh", "-c", "umask; ulimit -n; nice"], {"RUN_LIMITS": "1"}, b"",
     "0077\n77\n7\nexit 0 "),
    (["signal", "15", "sleep", "40"], {"SIGNAL_LATE": "1"}, b"", "exit 143\n"),
], ids=["stdin", "execute_stdin", "env", "no_such_env", "cwd", "limits", "a_signal_of_ours"])
def test_options_do_the_same_with_and_without_a_daemon(
        program: Path, service_user: str, config: Path, tmp_path: Path, names: None,
        words: list[str], env: dict[str, str], stdin: bytes, want: str) -> None:
    for use in ("true", "no"):
        drive = by_configuration(program, service_user, config, tmp_path, use)
        assert drive(*words, env=env, stdin=stdin).startswith(want), use


@pytest.mark.parametrize("env", [{"RUN_TIMEOUT": "100"}, {"RUN_GO_ON": "1"}])
def test_without_a_daemon_what_needs_one_is_an_error(
        program: Path, service_user: str, config: Path, tmp_path: Path, names: None,
        env: dict[str, str]) -> None:
    """And the command is not started."""
    trace = tmp_path / "trace"
    drive = by_configuration(program, service_user, config, tmp_path, "no")
    assert drive("run", "sh", "-c", f"echo >{trace}", env=env).startswith(
        f"error {-errno.EOPNOTSUPP} ")
    assert not trace.exists()


def test_without_a_word_about_it_there_is_no_daemon(
        program: Path, service_user: str, names: None, tmp_path: Path, config: Path) -> None:
    where = service_conf(tmp_path, f"[DEFAULT]\nrootwrap_config = {config}\n")
    drive = Driver(program, service_user, ["config", where])
    # rootwrap is the command's parent's parent's ... : no worker anywhere
    got = drive("execute", "sh", "-c", "cat /proc/$PPID/cmdline | tr '\\0' ' '")
    assert f"{NAME}-rootwrap {config} sh -c" in got


@pytest.mark.parametrize(("text", "want"), [
    ("[DEFAULT]\nuse_rootwrap_daemon = perhaps\n", ":2: use_rootwrap_daemon is no boolean value"),
    ("[DEFAULT]\n\nrootwrap_config = $state/x\n", ":3: rootwrap_config is no absolute path"),
    ("no section\n", ":1: "),
], ids=["bool", "path", "syntax"])
def test_a_bad_configuration_is_told_with_its_line(
        program: Path, service_user: str, config: Path, tmp_path: Path, text: str,
        want: str) -> None:
    assert config
    where = service_conf(tmp_path, text)
    got = Driver(program, service_user, ["config", where])("execute", "true")
    assert got.startswith(f"error {E_CONFIG} {where.rsplit(':', 1)[0]}{want}")


# The examples of the documentation


def example(user: str, name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """One of them, which calls the daemon by its name alone."""
    return subprocess.run(
        ["/usr/bin/setpriv", f"--reuid={user}", "--regid", user, "--init-groups",
         str(programs.reachable_program(f"examples/example-{name}")), *map(str, words)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=55, check=False)


@pytest.fixture()
def in_path() -> Iterator[None]:
    """The daemon, where sudo finds it."""
    link = Path("/usr/local/bin/rootwrap-daemon")
    link.symlink_to(programs.install_tree() / link.name)
    yield
    link.unlink()


def test_the_example_that_executes(service_user: str, config: Path, in_path: None) -> None:
    done = example(service_user, "execute", config, "sh", "-c", "echo out; exit 4")
    assert (done.returncode, done.stdout) == (4, "out\n")


def test_the_example_with_streams(service_user: str, config: Path, in_path: None,
                                  tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    done = example(service_user, "streams", config, tmp_path / "file", "echo", "out")
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == "out\n"


def test_the_example_with_an_event_loop(service_user: str, config: Path,
                                        in_path: None) -> None:
    done = example(service_user, "event-loop", config, "300", "true")
    assert (done.returncode, done.stdout) == (0, "0 failed\n")


def test_the_example_of_a_service(service_user: str, config: Path, names: None,
                                  tmp_path: Path) -> None:
    where = service_conf(tmp_path, f"[DEFAULT]\nrootwrap_config = {config}\n").rsplit(":", 1)[0]
    done = example(service_user, "service", where, NAME, "no-such")
    assert (done.returncode, done.stderr) == (
        99, f"{NAME}-rootwrap: Unauthorized command: no-such (no filter matched)\n")


def test_the_examples_compile_with_what_pkg_config_says(service_user: str, config: Path,
                                                        in_path: None, tmp_path: Path) -> None:
    """Against an installed tree and nothing else, as librootwrap(3) says; and one of them runs."""
    stage = Path("/srv/rwstage")
    prefix = programs.install_tree(stage).parent
    (found,) = prefix.glob("**/rootwrap.pc")
    env = {"PATH": "/usr/bin:/bin", "PKG_CONFIG_LIBDIR": str(found.parent),
           "PKG_CONFIG_SYSROOT_DIR": str(stage)}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "rootwrap"], env=env,
                           capture_output=True, text=True, check=True).stdout.split()
    assert "-lrootwrap" in flags
    sources = sorted((prefix / "share/doc/rootwrapd/examples").glob("*.c"))
    assert len(sources) == 4
    for source in sources:
        subprocess.run(["cc", "-std=c99", "-pedantic-errors", "-o", tmp_path / source.stem, source,
                        *flags, f"-Wl,-rpath,{found.parents[1]}"], check=True)
    done = subprocess.run(
        ["/usr/bin/setpriv", f"--reuid={service_user}", "--regid", service_user, "--init-groups",
         tmp_path / "execute", config, "sh", "-c", "echo out; exit 4"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=55, check=False)
    assert (done.returncode, done.stdout) == (4, "out\n"), done.stderr
