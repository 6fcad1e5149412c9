# SPDX-License-Identifier: Apache-2.0
"""The state in which the daemon's commands begin, and what they leave."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.wait import children_of, cmdline_of, is_alive, status_of, wait_for

# Says what it finds, without a shell in between that changes it.
LOOK = """
import json, os, resource, sys
print(json.dumps({
    "fds": sorted(int(n) for n in os.listdir("/proc/self/fd")),
    "links": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)],
    "status": open("/proc/self/status").read(),
    "env": dict(os.environ),
    "cwd": os.getcwd(),
    "root": os.readlink("/proc/self/root"),
    "umask": os.umask(0),
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "nice": os.nice(0),
    "cmdline": open("/proc/self/cmdline").read().split("\\0"),
    "cgroup": open("/proc/self/cgroup").read(),
    "ids": [os.getresuid(), os.getresgid(), os.getgroups()],
    "ppid": os.getppid(),
}))
"""


def look(daemon: Daemon) -> dict:
    """What a command sees of itself."""
    code, out, err = daemon.peer().run(["python3", "-I", "-c", LOOK])
    assert (code, err) == (0, "")
    found: dict = json.loads(out)
    return found


def test_it_has_three_descriptors_and_no_more(served: Daemon) -> None:
    found = look(served)
    # the fourth one is the directory that is being read
    assert found["fds"] == [0, 1, 2, 3]
    assert len(set(found["links"])) == 3


def test_descriptors_that_the_daemon_was_started_with_are_not_passed_on(
    daemon_program: DaemonProgram, launch: Launcher
) -> None:
    def leak() -> None:
        for target in (5, 9, 200):
            os.dup2(1, target)

    assert look(launch(daemon_program, preexec_fn=leak))["fds"] == [0, 1, 2, 3]


def test_other_commands_pipes_are_not_passed_on(served: Daemon) -> None:
    """Or one command's end of file would wait for another's end."""
    with served.session() as other:
        other.start(["sh", "-c", "cat; sleep 0.5"], "x" * 100_000)
        assert look(served)["fds"] == [0, 1, 2, 3]
        assert other.finish().stdout == "x" * 100_000


# Signals 32 and 33 are the C library's own: it lets nobody set what whoever started all this may
# have left ignored.
C_LIBRARY_S = 3 << 31


def test_its_signals_are_as_at_login(served: Daemon) -> None:
    status = look(served)["status"]
    assert int(status_of(status, "SigBlk"), 16) == 0
    # Python itself ignores SIGPIPE and SIGXFSZ
    ignored = int(status_of(status, "SigIgn"), 16) & ~C_LIBRARY_S
    assert ignored == 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
    code, out, _ = served.peer().run(["sh", "-c", "exec grep -E '^Sig(Blk|Ign)' /proc/self/status"])
    masks = {int(line.split()[1], 16) & ~C_LIBRARY_S for line in out.splitlines()}
    assert (code, masks) == (0, {0})


def test_its_signals_are_as_at_login_whatever_the_daemon_s_were(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    def disturb() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD,
                       signal.SIGUSR1, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))

    daemon = launch(our_daemon_program, preexec_fn=disturb)
    daemon.check_serves()
    script = "exec grep -E '^Sig(Blk|Ign)' /proc/self/status"
    code, out, _ = daemon.peer().run(["sh", "-c", script])
    masks = {int(line.split()[1], 16) & ~C_LIBRARY_S for line in out.splitlines()}
    assert (code, masks) == (0, {0})
    assert daemon.stop() == 0


def test_environment_directory_umask_and_nice_level_are_the_daemon_s(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    def prepare() -> None:
        os.umask(0o027)
        os.nice(3)

    env = {"PATH": "/usr/bin:/bin", "ODD": "a b=c\nd", "LC_ALL": "C.UTF-8", "EMPTY": ""}
    daemon = launch(daemon_program, env=env, cwd=tmp_path, preexec_fn=prepare)
    found = look(daemon)
    assert found["env"] == env
    assert (found["cwd"], found["umask"], found["nice"]) == (str(tmp_path), 0o027, 3)
    assert found["root"] == "/"


def test_it_is_in_the_daemon_s_control_group(served: Daemon) -> None:
    assert look(served)["cgroup"] == Path(f"/proc/{served.pid}/cgroup").read_text("ascii")


def test_env_filters_set_variables(served: Daemon) -> None:
    script = "echo $FIRST-$SECOND"
    answer = served.peer().run(["env", "FIRST=1", "SECOND=two words", "sh", "-c", script])
    assert answer == (0, "1-two words\n", "")


def test_it_is_root_with_all_its_rights(served: Daemon) -> None:
    found = look(served)
    assert found["ids"][:2] == [[0, 0, 0], [0, 0, 0]]
    own = Path("/proc/self/status").read_text("ascii")
    for field in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp"):
        assert status_of(found["status"], field) == status_of(own, field)


def test_it_becomes_the_filter_s_user(
    daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    daemon = launch(daemon_program, filters=f"""
python3: CommandFilter, /usr/bin/python3, {service_user}
echo: CommandFilter, echo, root
""")
    found = look(daemon)
    assert found["ids"][0] == [7100, 7100, 7100]
    if daemon.program.is_ours:
        assert found["ids"][1:] == [[7101, 7101, 7101], [7101, 7102]]
        assert int(status_of(found["status"], "CapEff"), 16) == 0
    else:
        assert found["ids"][1] == [0, 0, 0]


@pytest.mark.parametrize("wanted", ["200", "1024", "100000000"])
def test_d23_its_soft_limit_of_descriptors_is_lowered_and_the_hard_one_is_not(
    daemon_program: DaemonProgram, launch: Launcher, wanted: str
) -> None:
    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2000, 3000))

    daemon = launch(daemon_program, {"rlimit_nofile": wanted}, preexec_fn=prepare)
    assert look(daemon)["nofile"] == [min(int(wanted), 2000), 3000]


def test_d23_the_daemon_itself_is_not_limited_by_it(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"rlimit_nofile": "20"})
    sessions = [daemon.session() for _ in range(100)]
    for session in sessions:
        session.start(["sh", "-c", "ulimit -Sn; sleep 0.2"])
    for session in sessions:
        assert session.finish() == (0, "20\n", "")
        session.close()


def test_its_limits_are_the_daemon_s(daemon_program: DaemonProgram, launch: Launcher) -> None:
    """What the worker limits for itself, and the monitor for its key, is not for commands."""
    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (4096, 8192))

    daemon = launch(daemon_program, preexec_fn=prepare)
    daemon.check_serves()
    assert look(daemon)["core"] == [4096, 8192]
    script = "grep -vE 'open files|core file' /proc/$$/limits"
    own = "".join(line + "\n" for line in Path("/proc/self/limits").read_text("ascii").splitlines()
                  if "open files" not in line and "core file" not in line)
    assert daemon.peer().run(["sh", "-c", script]) == (0, own, "")


def test_it_is_a_child_of_the_daemon_with_the_words_that_were_asked_for(served: Daemon) -> None:
    """Neutron walks from the helper to the command, and compares command lines."""
    with served.session() as session:
        session.start(["sleep", "77.25"])
        pid = wait_for(lambda: next(iter(served.commands()), None), "the command")
        # for a moment there is no command line, or still the daemon's
        wait_for(lambda: list(map(os.path.basename, cmdline_of(pid)[:1])) == ["sleep"],
                 "the program")
        assert cmdline_of(pid)[1:] == ["77.25"]
        assert Path(f"/proc/{pid}/exe").resolve() == Path("/usr/bin/sleep").resolve()
        # one that is killed by somebody else is answered as any other
        os.kill(pid, signal.SIGTERM)
        assert session.finish() == (-signal.SIGTERM, "", "")


def test_no_zombie_is_left(served: Daemon) -> None:
    with served.session() as session:
        for _ in range(5):
            session.run(["true"])
            session.run(["sh", "-c", "sleep 0.01 &"])
    if served.program.is_ours:
        wait_for(lambda: served.commands() == [], "the commands to be reaped")
    for pid in served.pids:
        for child in children_of(pid):
            assert is_alive(child)


def test_a_child_in_the_background_keeps_what_it_was_given_when_the_daemon_ends(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    """As privsep-helper and dnsmasq do: no signal at the daemon's end, its own streams stay."""
    log = tmp_path / "log"
    daemon = launch(daemon_program)
    script = (f"exec >'{log}' 2>&1; (trap 'echo hangup' HUP TERM INT; "
              f"while ! [ -e '{tmp_path}/go' ]; do sleep 0.05; done; echo still here >&2) &")
    assert daemon.peer().run(["sh", "-c", script]) == (0, "", "")
    assert daemon.stop() == 0
    (tmp_path / "go").touch()
    wait_for(lambda: log.read_text() == "still here\n", "the child's last words")
