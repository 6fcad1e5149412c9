# SPDX-License-Identifier: Apache-2.0
"""The daemon as a host service: a socket that systemd made, and no sudo anywhere."""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rwtest import daemon, programs, seccomp
from rwtest.legacy import Peer
from rwtest.native import CODE, EXITED, REFUSED, STARTED, Gone, Native, Wrong
from rwtest.policy import PolicyFolder
from rwtest.wait import children_of, wait_for

# A client's own program: where it runs there may be another /tmp, with our folder below it.
CLIENT = Path(daemon.__file__).with_name("native.py").read_text("utf-8")
FILTERS = """
sh: CommandFilter, sh, root
cat: CommandFilter, cat, root
sleep: CommandFilter, sleep, root
"""


@dataclass
class Service:
    """One host service, started as systemd starts it."""

    folder: Path
    config: Path
    extra: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        """Where clients connect."""
        return str(self.folder / "service.sock")

    def start(self) -> Service:
        """Listens; the daemon itself begins with the first connection."""
        self.process = subprocess.Popen(
            [*self.before, "systemd-socket-activate", "--seqpacket", "-l", self.socket, *self.extra,
             str(daemon.ours().program), str(self.config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: os.path.exists(self.socket), "the socket")
        os.chmod(self.socket, 0o666)
        return self

    def native(self) -> Native:
        """A connection of root."""
        return Native(self.socket)

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Ends it. Return: what it said."""
        assert self.process
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, err
        return err.decode()

    def run_as(self, uid: int, gid: int, *words: str, groups: str = "", around: str = "",
               ) -> subprocess.CompletedProcess[str]:
        """A client of another user; prints what became of a command.

        `around` is done by a shell, as root, in a mount namespace of its own, before.
        """
        code = (f"{CLIENT}\n"
                "try:\n"
                f"    print(Native({self.socket!r}).run(*{words!r}))\n"
                "except Wrong as wrong:\n"
                "    print('wrong:', wrong)\n")
        command = ["setpriv", f"--reuid={uid}", f"--regid={gid}",
                   f"--groups={groups}" if groups else "--clear-groups", sys.executable, "-c", code]
        if around:
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                       around + '; exec "$@"', "sh", *command]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture()
def folder() -> Iterator[Path]:
    """Where everybody can look for the socket, outside of /tmp."""
    path = Path("/run/rwservice")
    path.mkdir(mode=0o755, exist_ok=True)
    yield path
    for left in path.iterdir():
        left.unlink()
    path.rmdir()


@pytest.fixture()
def service(folder: Path, policy: PolicyFolder, service_user: str) -> Iterator[Service]:
    """A service for `service_user`."""
    made = Service(folder, policy.write(FILTERS, allowed_users=service_user))
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def ids(user: str) -> tuple[int, int]:
    """uid and gid."""
    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid


def test_root_and_the_allowed_user_are_served(service: Service, service_user: str) -> None:
    service.start()
    with service.native() as native:
        assert native.run("sh", "-c", "id -u") == (0, b"0\n", b"")
    assert service.run_as(*ids(service_user), "sh", "-c", "id -u").stdout == "(0, b'0\\n', b'')\n"


def test_no_key_is_printed(service: Service) -> None:
    service.start()
    with service.native() as native:
        native.run("true")
    assert service.process and service.process.stdout
    service.stop()
    assert service.process.stdout.closed or service.process.stdout.read() == b""


def test_others_are_turned_away_and_told_so(service: Service, other_user: str) -> None:
    service.start()
    said = service.run_as(*ids(other_user), "sh", "-c", "id -u")
    assert said.stdout == ("wrong: This user may not connect to this daemon: neither allowed_users "
                           "nor allowed_groups of its configuration names it\n"), said.stderr
    uid = ids(other_user)[0]
    log = service.stop()
    assert "Authentication failed: not in allowed_users or allowed_groups user=" in log
    assert f"uid={uid}" in log


def test_nobody_but_root_is_served_where_nobody_is_named(
    folder: Path, policy: PolicyFolder, service_user: str
) -> None:
    service = Service(folder, policy.write(FILTERS)).start()
    with service.native() as native:
        assert native.run("cat")[0] == 0
    assert "wrong:" in service.run_as(*ids(service_user), "cat").stdout
    service.stop()


@pytest.mark.parametrize("how", ["first group", "other group", "no group"])
def test_groups_are_what_the_kernel_says(
    folder: Path, policy: PolicyFolder, service_user: str, other_user: str, how: str
) -> None:
    uid, own_gid = ids(other_user)
    _, gid = ids(service_user)
    service = Service(folder, policy.write(FILTERS, allowed_groups="rwservice")).start()
    if how == "first group":
        said = service.run_as(uid, gid, "cat")
    elif how == "other group":
        said = service.run_as(uid, own_gid, "cat", groups=f"{own_gid},{gid}")
    else:
        said = service.run_as(uid, own_gid, "cat")
    assert said.stdout.startswith("wrong" if how == "no group" else "(0"), said
    service.stop()


def test_one_user_does_not_take_all_connections(service: Service, service_user: str) -> None:
    """512 descriptors are 256 connections, of which one user has at most half."""
    service.before = ["prlimit", "--nofile=512:512"]
    service.start()
    service.native().socket.close()
    user = pwd.getpwnam(service_user)
    code = (f"{CLIENT}\n"
            "held = []\n"
            "try:\n"
            "    while len(held) < 250:\n"
            f"        held.append(Native({service.socket!r}))\n"
            "except Wrong as wrong:\n"
            "    print(len(held), 'wrong:', wrong, flush=True)\n"
            "    input()\n")
    with subprocess.Popen(
        ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
         sys.executable, "-c", code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as greedy:
        assert greedy.stdout
        assert greedy.stdout.readline() == (
            "128 wrong: This user has too many connections to this daemon\n")
        with service.native() as root:
            assert root.run("sh", "-c", "echo on")[:2] == (0, b"on\n")
        greedy.communicate("\n")
    wait_for(lambda: service.run_as(user.pw_uid, user.pw_gid, "sh", "-c", "exit 3").stdout
             == "(3, b'', b'')\n", "room")
    assert "its user has too many connections" in service.stop()


def test_more_descriptors_than_may_be_on_their_way_are_waited_with(service: Service) -> None:
    """A user may have as many in flight as a process may have open: unix(7), ETOOMANYREFS."""
    service.before = ["prlimit", "--nofile=1024:1024"]
    service.start()
    connections = [service.native() for _ in range(60)]
    null = os.open("/dev/null", os.O_RDWR)
    cwd = os.open("/", os.O_PATH)
    for _ in range(4):
        for native in connections:
            for _ in range(8):
                native.start("cat", stdin=null, stdout=null, stderr=null, cwd=cwd)
        for native in connections:
            ended = 0
            while ended < 8:
                got = native.receive()
                assert got.kind in {STARTED, EXITED}
                ended += got.kind == EXITED
    os.close(null)
    os.close(cwd)
    for native in connections:
        native.socket.close()
    service.stop()


@pytest.mark.parametrize("option", ["allowed_users", "allowed_groups"])
def test_a_name_that_nobody_has_is_an_error(folder: Path, policy: PolicyFolder,
                                            option: str) -> None:
    config = policy.write(FILTERS, **{option: "rw-no-such-name"})
    service = Service(folder, config).start()
    with pytest.raises(Gone):
        service.native()
    assert service.process
    _, err = service.process.communicate(timeout=20)
    assert service.process.returncode == 97
    what = "user" if option == "allowed_users" else "group"
    assert f'there is no {what} "rw-no-such-name"' in err.decode()


def test_a_reload_changes_who_may_connect(service: Service, service_user: str, other_user: str,
                                          policy: PolicyFolder) -> None:
    service.start()
    assert service.run_as(*ids(service_user), "cat").stdout.startswith("(0")
    policy.write(FILTERS, allowed_users=other_user)
    assert service.process
    service.process.send_signal(signal.SIGHUP)
    wait_for(lambda: service.run_as(*ids(other_user), "cat").stdout.startswith("(0"), "the reload")
    assert service.run_as(*ids(service_user), "cat").stdout.startswith("wrong")
    policy.write(FILTERS, allowed_users="rw-no-such-name")
    service.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert service.run_as(*ids(other_user), "cat").stdout.startswith("(0"), "the old one holds"
    assert "there is no user" in service.stop()


@pytest.mark.parametrize("kind", ["stream", "datagram", "two"])
def test_another_kind_of_socket_is_refused(folder: Path, policy: PolicyFolder, kind: str) -> None:
    config = policy.write(FILTERS)
    first = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == "datagram"
                          else socket.SOCK_STREAM if kind == "stream" else socket.SOCK_SEQPACKET)
    first.bind(str(folder / "a.sock"))
    second = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def hand_over() -> None:
        os.dup2(first.fileno(), 3)
        if kind == "two":
            os.dup2(second.fileno(), 4)
        os.environ["LISTEN_PID"] = str(os.getpid())

    n_fds = "2" if kind == "two" else "1"
    done = subprocess.run(["sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS={n_fds} exec "$@"', "sh",
                           str(daemon.ours().program), str(config)],
                          preexec_fn=hand_over, close_fds=False, capture_output=True, timeout=20,
                          check=False)
    assert done.returncode == 1
    assert b"LISTEN_FDS" in done.stderr and done.stdout == b""


def test_sockets_for_another_process_mean_nothing(folder: Path, policy: PolicyFolder) -> None:
    """sudo passes no such variables; a program that does must not make us listen to what it says."""
    env = {**os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1"}
    with daemon.ours().start(policy.write(daemon.FILTERS), env=env) as started:
        started.check_serves()


def test_commands_see_nothing_of_the_service_manager(service: Service) -> None:
    service.extra = ["-E", "NOTIFY_SOCKET=/run/no-such", "-E", "WATCHDOG_USEC=1000000"]
    service.start()
    with service.native() as native:
        code, out, _ = native.run("sh", "-c", "env")
    assert code == 0 and b"LISTEN" not in out and b"NOTIFY" not in out and b"WATCHDOG" not in out


def test_the_service_manager_is_told(service: Service, folder: Path) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(folder / "notify.sock"))
    manager.settimeout(10)
    service.extra = ["-E", f"NOTIFY_SOCKET={folder}/notify.sock", "-E", "WATCHDOG_USEC=200000"]
    service.start()
    with service.native():
        assert manager.recv(100) in {b"READY=1", b"WATCHDOG=1"}
        seen = [manager.recv(100) for _ in range(4)]
        assert seen.count(b"WATCHDOG=1") >= 3
    service.stop()
    while (said := manager.recv(100)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"


def test_the_watchdog_hears_of_both_halves(service: Service, folder: Path) -> None:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(folder / "notify.sock"))
    manager.settimeout(10)
    service.extra = ["-E", f"NOTIFY_SOCKET={folder}/notify.sock", "-E", "WATCHDOG_USEC=400000"]
    service.start()
    with service.native() as native:
        assert service.process
        worker = children_of(service.process.pid)[0]
        while manager.recv(100) != b"WATCHDOG=1":
            pass
        os.kill(worker, signal.SIGSTOP)
        manager.settimeout(0.5)  # what was said by then, and nothing of two periods more
        with pytest.raises(TimeoutError):
            for _ in range(6):
                manager.recv(100)
        os.kill(worker, signal.SIGCONT)
        for _ in range(3):
            assert manager.recv(100) == b"WATCHDOG=1"
        assert native.run("sh", "-c", "echo on") == (0, b"on\n", b"")
    service.stop()


# A client whose socket has much to send to a peer that does not read, and lingers.
LINGERING = CLIENT + """
import sys

HELLO_MESSAGE = message(HELLO, 0, {VERSION: struct.pack("<I", 1), NONCE: bytes(32)})


def stuck():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    ours = socket.create_connection(listener.getsockname())
    peer, _ = listener.accept()
    ours.setblocking(False)
    try:
        while True:
            ours.send(bytes(65536))
    except BlockingIOError:
        pass
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 15))
    return ours, peer


def connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(path)
    return connection


def give(connection, data, fd, count=1):
    fds = array.array("i", [0] * (count - 1) + [fd])
    connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])


def main(path, how):
    given, peer = stuck()
    if how == "refused":
        native = Native(path, greet=False)
        native.send(HELLO_MESSAGE)
        native.start("no-such-command", stdin=given.fileno())
    elif how == "crowd":
        crowd = [connect(path) for _ in range(40)]
        for connection in crowd:
            give(connection, b"x", given.fileno())
    else:
        stranger = connect(path)
        if how == "unread":
            stranger.send(b"no message at all")
        give(stranger, HELLO_MESSAGE, given.fileno(), 9 if how == "many" else 1)
    given.close()
    print("sent", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["hello", "many", "unread", "crowd", "refused"])
def test_nobody_waits_for_a_socket_that_lingers(service: Service, service_user: str,
                                                other_user: str, how: str) -> None:
    """Whoever is the last to close it waits for all that it has to send: socket(7), SO_LINGER."""
    service.start()
    with service.native() as native:
        native.run("cat")
    assert service.process
    worker = children_of(service.process.pid)[0]
    os.kill(worker, signal.SIGSTOP)  # until the client has closed its own
    uid, gid = ids(service_user if how == "refused" else other_user)
    with subprocess.Popen(
        ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", sys.executable, "-c",
         f"{LINGERING}\nmain({service.socket!r}, {how!r})"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as client:
        assert client.stdout and client.stdout.readline() == b"sent\n"
        begun = time.monotonic()
        os.kill(worker, signal.SIGCONT)
        with service.native() as native:
            assert native.run("sh", "-c", "echo on") == (0, b"on\n", b"")
        assert time.monotonic() - begun < 5
        client.communicate(timeout=20)


def test_what_runs_is_finished_before_it_stops(service: Service) -> None:
    service.start()
    with service.native() as native:
        ident = native.start("sleep", "1")
        native.wait(ident, STARTED)
        assert service.process
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert native.wait(native.start("cat"), REFUSED).number(CODE) == 75
        assert native.wait(ident, EXITED).returncode == 0
    assert service.process.wait(10) == 0


def test_it_serves_with_no_new_privs_and_without_setuid_programs(service: Service,
                                                                 service_user: str) -> None:
    service.before = ["setpriv", "--no-new-privs"]
    service.start()
    assert service.run_as(*ids(service_user), "sh", "-c", "id -u").stdout == "(0, b'0\\n', b'')\n"


# Of a process that it has for a client: no way to more rights, and no call that would give them.
PARENTED = Path(seccomp.__file__).read_text("utf-8")
SEEN = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status"
BY_LIBRARY = [str(programs.REACHABLE / "tests/client/client-driver"), "socket", "{socket}",
              "execute", "sh", "-c", SEEN]
BY_PYTHON = ["/usr/bin/python3", "-I", "-c", f"""
import sys
sys.path.insert(0, {str(programs.REACHABLE / "python")!r})
from rootwrapd import Client
print(Client(sys.argv[1]).execute(["sh", "-c", {SEEN!r}])[1])
""", "{socket}"]


@pytest.mark.skipif(not seccomp.is_possible(), reason="no numbers of this machine's calls")
@pytest.mark.parametrize("words", [BY_LIBRARY, BY_PYTHON], ids=["library", "python"])
def test_a_client_below_a_parent_that_filters_calls_is_served(
    service: Service, service_user: str, words: list[str]
) -> None:
    """What it is kept from is not needed for asking, and its command is not kept from anything."""
    programs.reachable_program("tests/client/client-driver")
    programs.reachable_python()
    service.start()
    uid, gid = ids(service_user)
    around = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
              "/usr/bin/python3", "-I", "-c", PARENTED]
    own = subprocess.run([*around, "sh", "-c", SEEN], capture_output=True, text=True, timeout=30,
                         check=True)
    assert own.stdout == "NoNewPrivs:\t1\nSeccomp:\t2\n"
    for denied in (["sudo", "-n", "true"], ["setpriv", f"--reuid={uid}", "true"],
                   ["unshare", "--user", "true"]):
        assert subprocess.run([*around, *denied], capture_output=True, timeout=30,
                              check=False).returncode != 0, "else it says nothing"
    said = subprocess.run([*around, *(word.format(socket=service.socket) if word == "{socket}"
                                      else word for word in words)],
                          capture_output=True, text=True, timeout=30, check=False)
    ours = subprocess.run(["sh", "-c", SEEN], capture_output=True, text=True, check=True).stdout
    assert ours in said.stdout, said.stderr


# Clients in other mount namespaces


def test_a_private_tmp_is_the_commands_too(service: Service, service_user: str,
                                           tmp_path: Path) -> None:
    private = Path("/run/rwprivate")
    private.mkdir(exist_ok=True)
    (private / "marker").write_text("private")
    # A namespace's list is in the order of its tree once it was copied; the sandbox's own is not.
    service.before = ["unshare", "--mount", "--propagation", "private"]
    service.start()
    around = f"mount --bind {private} /tmp"
    said = service.run_as(*ids(service_user), "cat", "/tmp/marker", around=around)
    assert said.stdout == "(0, b'private', b'')\n", said.stderr
    # and afterwards the daemon is where it was
    said = service.run_as(*ids(service_user), "cat", "/tmp/marker", around="true")
    assert said.stdout.startswith("(1, b''"), said


@pytest.mark.parametrize("around", [
    "mount --bind /usr /mnt", "mount -t tmpfs none /usr/local", "mount --bind /var/tmp /etc/opt",
    "mount -t tmpfs none /var/tmp; mount -t tmpfs none /home"])
def test_a_client_that_sees_other_files_is_refused_and_told_why(
    service: Service, service_user: str, around: str
) -> None:
    service.start()
    said = service.run_as(*ids(service_user), "cat", "/dev/null", around=around)
    assert said.stdout.startswith("(96,"), said
    assert "it has other mounts than the daemon" in said.stdout


@pytest.fixture()
def root() -> Iterator[Path]:
    """Another root directory, with the same in it, and a file of its own."""
    path = Path("/run/rwroot")
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
    for entry in Path("/").iterdir():
        here = path / entry.name
        if entry.is_symlink():
            here.symlink_to(entry.readlink())
        elif entry.is_dir():
            here.mkdir()
            subprocess.run(["mount", "--rbind", entry, here], check=True)
            subprocess.run(["mount", "--make-rprivate", here], check=True)
    (path / "marker").write_text("the other root")
    yield path
    subprocess.run(["umount", "--recursive", "--lazy", path], check=True)
    path.rmdir()


def test_a_daemon_with_a_root_of_its_own_stays_there(
    service: Service, service_user: str, root: Path
) -> None:
    """Entering a namespace is going to its root: out of a chroot."""
    private = Path("/run/rwprivate")
    private.mkdir(exist_ok=True)
    service.before = ["unshare", "--mount", "--propagation", "private", "chroot", str(root)]
    service.start()
    enter = f'set -- chroot {root} "$@"'
    said = service.run_as(*ids(service_user), "cat", "/marker", around=f"""
        mount --bind {private} {root}/tmp; {enter}""")
    assert said.stdout.startswith("(96,") and "it has other mounts" in said.stdout, said
    # and the daemon still is where it was
    said = subprocess.run(
        ["nsenter", f"--target={service.process.pid}", "--mount", "chroot", root, sys.executable,
         "-c", f"{CLIENT}\nprint(Native({service.socket!r}).run('cat', '/marker'))"],
        capture_output=True, text=True, timeout=30, check=False)
    assert said.stdout == "(0, b'the other root', b'')\n", said


def test_a_client_of_another_user_namespace_is_refused(service: Service) -> None:
    """It could mount anything anywhere, and be root of it."""
    service.start()
    code = (f"{CLIENT}\n"
            f"print(Native({service.socket!r}).run('cat', '/dev/null'))\n")
    said = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c",
                           code], capture_output=True, text=True, timeout=30, check=False)
    if said.returncode and "unshare" in said.stderr:
        pytest.fail(f"user namespaces are not to be had: {said.stderr}")
    assert said.stdout.startswith("(96,"), said


def test_a_client_in_another_root_is_refused(service: Service) -> None:
    service.start()
    code = (f"{CLIENT}\n"
            f"native = Native({service.socket!r}); os.chroot('/run')\n"
            "print(native.run('cat', '/dev/null'))\n")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30,
                          check=False)
    assert said.stdout.startswith("(96,"), said


# The units


def test_the_units_are_in_order() -> None:
    """By systemd's own opinion."""
    units = programs.install_tree().parent / "lib/systemd/system"
    for name in ("rootwrapd@.service", "rootwrapd@.socket"):
        assert (units / name).exists()
    there = Path("/run/systemd/system")
    there.mkdir(parents=True, exist_ok=True)
    for unit in units.iterdir():
        text = re.sub("ExecStart=.*/rootwrap-daemon ", "ExecStart=/bin/true ",
                      unit.read_text("utf-8"))
        (there / unit.name).write_text(re.sub("Documentation=.*", "", text))
    done = subprocess.run(["systemd-analyze", "verify", there / "rootwrapd@cinder.socket",
                           there / "rootwrapd@cinder.service"],
                          capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, "rootwrapd" in done.stderr) == (0, False), done.stderr


def test_the_unit_is_exposed_no_more_than_the_document_says() -> None:
    said = re.search(r"gives `rootwrapd@.service` (\d+\.\d)", re.sub(
        r"\s+", " ", (programs.REPOSITORY / "docs/security.md").read_text("utf-8")))
    unit = programs.install_tree().parent / "lib/systemd/system/rootwrapd@.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True, text=True, timeout=50, check=False)
    found = re.search(r"Overall exposure level .*: (\d+\.\d)", done.stdout)
    assert said and found, done.stderr
    assert float(found[1]) <= float(said[1])


# rootwrapctl attach


def attach_command(service: Service) -> list[str]:
    """What stands where `sudo rootwrap-daemon CONFIG` stood."""
    return [str(programs.install_tree() / "rootwrapctl"), "attach", service.socket]


def test_an_unmodified_client_is_served_by_the_host_service(service: Service,
                                                            service_user: str) -> None:
    """As the service's user, without sudo, with Debian's own client."""
    service.start()
    uid, gid = ids(service_user)
    code = ("from oslo_rootwrap.client import Client\n"
            f"client = Client({attach_command(service)!r})\n"
            "print(client.execute(['sh', '-c', 'id -u; cat'], 'input'))\n"
            "print(client.execute(['rm', 'x']))\n"
            "print(client._manager._address if hasattr(client._manager, '_address') else '')\n")
    done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                           "/usr/bin/python3", "-c", code],
                          capture_output=True, text=True, timeout=50, check=False)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["[0, '0\\ninput', '']", "[99, '', '']"], done.stderr
    wait_for(lambda: not os.path.exists(lines[2]), "its directory is removed with the client")
    assert f"uid={uid}" in service.stop()


def attach(service: Service) -> tuple[subprocess.Popen[bytes], Path, bytes]:
    """Starts it. Return: the process, path and key."""
    process = subprocess.Popen(attach_command(service), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    path = Path(os.fsdecode(process.stdout.readline()[:-1]))
    return process, path, process.stdout.read(32)


def test_many_connections_of_one_attachment_run_side_by_side(service: Service) -> None:
    service.start()
    process, path, key = attach(service)
    peer = Peer(path, key)
    sessions = [peer.session() for _ in range(5)]
    begin = time.monotonic()
    for session in sessions:
        session.start(["sleep", "1"])
    assert [session.finish().returncode for session in sessions] == [0] * 5
    assert time.monotonic() - begin < 4
    for session in sessions:
        session.close()
    assert process.stdin
    process.stdin.close()
    assert process.wait(10) == 0
    assert not path.parent.exists()


def test_the_directory_is_private(service: Service) -> None:
    service.start()
    process, path, _ = attach(service)
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert path.stat().st_mode & 0o7777 == 0o600
    process.terminate()
    assert process.wait(10) == 0
    assert not path.parent.exists()


def test_a_clients_shutdown_ends_the_attachment_and_not_the_service(service: Service) -> None:
    service.start()
    process, path, key = attach(service)
    Peer(path, key).request("shutdown")
    assert process.wait(10) == 0
    with service.native() as native:
        assert native.run("cat")[0] == 0


def test_the_services_end_is_the_attachments(service: Service) -> None:
    service.start()
    process, path, _ = attach(service)
    service.stop()
    assert process.wait(10) == 70
    assert not path.parent.exists()


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--nonsense"]])
def test_attach_says_how_it_is_used(words: list[str]) -> None:
    done = subprocess.run([str(programs.install_tree() / "rootwrapctl"), "attach", *words],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 64 and done.stderr.startswith("usage: ")


def test_attach_says_what_does_not_listen(tmp_path: Path) -> None:
    done = subprocess.run([str(programs.install_tree() / "rootwrapctl"), "attach",
                           str(tmp_path / "none")],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 70 and done.stdout == ""
    assert done.stderr.endswith("/none: No such file or directory\n")


def test_attach_is_not_for_a_daemon_of_somebody(policy: PolicyFolder) -> None:
    with daemon.ours().start(policy.write(daemon.FILTERS)) as started:
        done = subprocess.run([str(programs.install_tree() / "rootwrapctl"), "attach",
                               started.native_path],
                              capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 70 and "is no host service" in done.stderr
