# SPDX-License-Identifier: Apache-2.0
"""Clients of the native protocol that break its rules: they are told which, and cost nobody else."""

from __future__ import annotations

import array
import errno
import fcntl
import multiprocessing
import os
import random
import resource
import signal
import socket
import struct
import termios
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from rwtest import native as wire
from rwtest import users
from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import HANDSHAKE_MAX_BYTES, OLD, Connection, RefusedError
from rwtest.native import (ADOPT, ARGS, ATTACH, CODE, ENV, EXITED, EXPLAIN, F_ARGS, F_ERROR, F_SIGNAL,
                           FDS, FLAGS, HELLO, KEY, LIMITS, NICE, NONCE, PROOF, PROVE, REFUSED, RELEASED, SIGNAL,
                           START, STARTED, STATUS, TIMEOUT, UMASK, VERSION, WELCOME, Gone, Native,
                           Wrong, message, strings)
from rwtest.wait import status_of, wait_for

TRUE = strings(["true"])


def u32(value: int) -> bytes:
    """A number as fields have it."""
    return struct.pack("<I", value)


def start(**fields: bytes) -> bytes:
    """A START of `true` with one more field."""
    tags = {"args": F_ARGS, "env": ENV, "fds": FDS, "flags": FLAGS, "timeout": TIMEOUT,
            "umask": UMASK, "nice": NICE, "limits": LIMITS}
    return message(START, 7, {F_ARGS: TRUE, **{tags[name]: fields[name] for name in fields}})


def limit(resource: int, soft: int, hard: int) -> bytes:
    """A row of LIMITS."""
    return struct.pack("<IQQ", resource, soft, hard)


HELLO_AGAIN = message(HELLO, 0, {VERSION: u32(1), NONCE: bytes(32)})

# What an open connection may not send, and what is said to it.
BAD = {
    "an empty head": (b"1234567", "no message"),
    "a head that is not zero": (b"\7\0\1\0\0\0\0\0", "no message"),
    "type 0": (message(0, 1, {}), "no message"),
    "a type of the daemon's": (message(WELCOME, 1, {}), "no message"),
    "an unknown type": (message(20, 1, {}), "no message"),
    "half a field": (message(STATUS, 1, {})[:8] + b"\5", "no message"),
    "a field longer than the message": (message(STATUS, 1, {}) + struct.pack("<HH", 5, 9),
                                        "no message"),
    "a field twice": (message(START, 1, {F_ARGS: TRUE}) + struct.pack("<HH", 5, 0), "no message"),
    "fields out of order": (message(START, 1, {FLAGS: u32(0)}) + struct.pack("<HH", 5, 0),
                            "no message"),
    "tag 0": (message(START, 1, {0: b""}), "no message"),
    "a field of another message": (message(STATUS, 1, {F_SIGNAL: u32(15)}), "no message"),
    "an unknown field": (message(START, 1, {99: b""}), "no message"),
    "a number of three bytes": (message(SIGNAL, 1, {F_SIGNAL: b"123"}), "no message"),
    "half a limit": (start(limits=bytes(19)), "no message"),
    "seventeen limits": (start(limits=bytes(17 * 20)), "no message"),
    "a missing field": (message(SIGNAL, 1, {}), "no message"),
    "a second hello": (HELLO_AGAIN, "no place here"),
    "a second proof": (message(PROVE, 0, {PROOF: bytes(32)}), "no place here"),
    "descriptors that do not come": (start(fds=b"\7"), "not those of FDS"),
    "an unknown descriptor": (start(fds=b"\x10"), "not those of FDS"),
    "an unknown flag": (start(flags=u32(4)), "flag that is not known"),
    "no time at all": (start(timeout=bytes(8)), "timeout is 0"),
    "all time there is": (start(timeout=b"\xff" * 8), "too long"),
    "a umask that is none": (start(umask=u32(0o1000)), "no such umask"),
    "a nice level that is none": (start(nice=u32(20)), "no such nice level"),
    "another nice level that is none": (start(nice=struct.pack("<i", -21)), "no such nice level"),
    "a limit of nothing": (start(limits=limit(99, 1, 1)), "no such limit"),
    "a soft limit beyond the hard one": (start(limits=limit(7, 2, 1)), "no such limit"),
    "an argument without an end": (start(args=b"true"), "no end"),
    "an environment without an end": (start(env=b"A=1"), "NAME=VALUE"),
    "an environment without a value": (start(env=b"A\0"), "NAME=VALUE"),
    "an environment without a name": (start(env=b"=1\0"), "NAME=VALUE"),
    "an empty environment entry": (start(env=b"\0"), "NAME=VALUE"),
    "an option of env in the environment": (start(env=b"-SA=1\0"), "NAME=VALUE"),
    "SIGSTOP": (message(SIGNAL, 1, {F_SIGNAL: u32(19)}), "can't be sent"),
    "signal 0": (message(SIGNAL, 1, {F_SIGNAL: u32(0)}), "can't be sent"),
    "signal 2^32-1": (message(SIGNAL, 1, {F_SIGNAL: u32(2**32 - 1)}), "can't be sent"),
    "adopting without being attached": (message(ADOPT, 0, {}), "ATTACH before"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_breaks_the_rules_is_answered_and_ends_the_connection(ours_served: Daemon,
                                                                   what: str) -> None:
    data, reason = BAD[what]
    with ours_served.native() as bad:
        bad.send(data)
        with pytest.raises(Wrong, match=reason):
            bad.receive()
        with pytest.raises(Gone):
            bad.receive()


@pytest.mark.parametrize("data", [message(STATUS, 5, {0x8000: b"?"}), message(STATUS, 5, {0xffff: b""})])
def test_fields_of_tomorrow_are_skipped(native: Native, data: bytes) -> None:
    native.send(data)
    assert native.wait(5, wire.END).kind == wire.END


def test_messages_of_tomorrow_are_skipped(native: Native) -> None:
    native.send(message(0x8000, 1, {}))
    native.send(message(0xffff, 1, {3: b"anything"}))
    assert native.run("echo", "on")[:2] == (0, b"on\n")


def test_a_newer_client_is_told_our_version(ours_served: Daemon) -> None:
    with ours_served.native(greet=False) as newer:
        newer.say(HELLO, 0, {VERSION: u32(9), NONCE: bytes(32)})
        assert newer.receive().number(VERSION) == 1


# The handshake


@pytest.mark.parametrize("first", ["START", "STATUS", "PROVE", "ADOPT"])
def test_nothing_comes_before_hello(ours_served: Daemon, first: str) -> None:
    with ours_served.native(greet=False) as bad:
        fields = {PROOF: bytes(32)} if first == "PROVE" else {}
        bad.say(getattr(wire, first), 1, fields)
        with pytest.raises(Wrong, match="no place here"):
            bad.receive()


def test_a_wrong_proof_is_logged_and_ends_it(our_daemon_program: DaemonProgram,
                                             launch: Launcher) -> None:
    daemon = launch(our_daemon_program, {"use_syslog": "False"})
    with Native(daemon.native_path, greet=False) as bad:
        bad.say(HELLO, 0, {VERSION: u32(1), NONCE: bytes(32)})
        bad.receive()
        bad.say(PROVE, 0, {PROOF: bytes(32)})
        with pytest.raises(Wrong, match="proof is wrong"):
            bad.receive()
    daemon.stop()
    assert daemon.stderr().count("it does not know the key") == 1


def test_the_daemons_own_proof_is_no_clients(ours_served: Daemon) -> None:
    with Native(ours_served.native_path, greet=False) as bad:
        bad.say(HELLO, 0, {VERSION: u32(1), NONCE: bytes(32)})
        welcome = bad.receive()
        bad.say(PROVE, 0, {PROOF: welcome.fields[PROOF]})
        with pytest.raises(Wrong, match="proof is wrong"):
            bad.receive()


def test_a_proof_is_good_for_one_connection(ours_served: Daemon) -> None:
    import hmac
    nonce = bytes(32)
    with Native(ours_served.native_path, greet=False) as first, \
            Native(ours_served.native_path, greet=False) as second:
        for connection in (first, second):
            connection.say(HELLO, 0, {VERSION: u32(1), NONCE: nonce})
        welcome = first.receive()
        second.receive()
        proof = hmac.digest(ours_served.key, b"rootwrap native client" + nonce
                            + welcome.fields[NONCE], "sha256")
        second.say(PROVE, 0, {PROOF: proof})
        with pytest.raises(Wrong, match="proof is wrong"):
            second.receive()
        first.say(PROVE, 0, {PROOF: proof})
        assert first.run("echo", "on")[:2] == (0, b"on\n")


def test_without_a_proof_root_may_ask_but_not_start(ours_served: Daemon) -> None:
    with Native(ours_served.native_path, greet=False) as bad:
        bad.say(HELLO, 0, {VERSION: u32(1), NONCE: bytes(32)})
        bad.receive()
        assert bad.status()[0]
        bad.say(EXPLAIN, 3, {F_ARGS: TRUE})
        assert bad.wait(3).number(CODE) == 0
        bad.send(start())
        with pytest.raises(Wrong, match="no place here"):
            bad.receive()


def test_who_says_nothing_is_gone_after_seconds(ours_served: Daemon) -> None:
    begin = time.monotonic()
    with ours_served.native(greet=False) as silent, pytest.raises(Gone):
        silent.receive()
    assert 4 < time.monotonic() - begin < 15


# Strangers

N_STRANGERS = 1000
# What the worker may hold for one that has proved nothing.
STRANGER_KIB = 4


def unread(peer: socket.socket) -> int:
    """What it has sent and the daemon has not taken."""
    answer = fcntl.ioctl(peer.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


def crowd_native(daemon: Daemon) -> socket.socket:
    """HELLO, with as much of tomorrow's as fits, and a whole message of tomorrow."""
    of_tomorrow = bytes(wire.MESSAGE_BYTES_MAX - len(
        message(HELLO, 0, {VERSION: u32(1), NONCE: bytes(32), 0x8000: b""})))
    stranger = Native(daemon.native_path, greet=False)
    stranger.say(HELLO, 0, {VERSION: u32(1), NONCE: bytes(32), 0x8000: of_tomorrow})
    stranger.say(0x8000, 0, {0x8000: bytes(wire.MESSAGE_BYTES_MAX - 12)})
    return stranger.socket


def crowd_legacy(daemon: Daemon) -> socket.socket:
    """All of the longest answer that there may be but its last byte."""
    stranger = daemon.knock()
    stranger.receive_challenge()
    stranger.announce(HANDSHAKE_MAX_BYTES)
    stranger.send(bytes(HANDSHAKE_MAX_BYTES - 1))
    return stranger.socket


@pytest.fixture()
def _many_files() -> None:
    """We may have as many descriptors as there are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.mark.usefixtures("_many_files")
@pytest.mark.parametrize("come", [crowd_native, crowd_legacy], ids=["native", "manager"])
def test_a_stranger_gets_a_few_kilobytes(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str,
    come: Callable[[Daemon], socket.socket]
) -> None:
    """Also who sends as much as he may. They have seconds, so a slow crowd is no crowd: again."""
    daemon = launch(our_daemon_program, sudo_user=service_user)

    def memory_kib() -> int:
        text = Path(f"/proc/{daemon.worker}/status").read_text("ascii")
        return int(status_of(text, "VmRSS").split()[0])

    with users.acting_as(service_user):
        daemon.check_serves()
        come(daemon).close()
    files_before = daemon.n_descriptors_at_rest()
    before = memory_kib()
    for _ in range(5):
        with ExitStack() as crowd:
            with users.acting_as(service_user):
                strangers = [crowd.enter_context(come(daemon)) for _ in range(N_STRANGERS)]
            wait_for(lambda: not any(map(unread, strangers)), "all to be read")
            cost_kib = memory_kib() - before
            is_crowd = daemon.n_descriptors() >= files_before + N_STRANGERS
        if is_crowd:
            break
    assert is_crowd, "they were never all there"
    assert cost_kib < N_STRANGERS * STRANGER_KIB
    with users.acting_as(service_user):
        daemon.check_serves()


# Ids


def test_an_id_in_use_is_refused(native: Native) -> None:
    ident = native.start("sleep", "30")
    native.wait(ident, STARTED)
    native.start("true", ident=ident)
    with pytest.raises(Wrong, match="id is in use"):
        native.receive()


def test_an_id_is_free_after_its_last_message(native: Native) -> None:
    for _ in range(3):
        assert native.wait(native.start("true", ident=9), EXITED).returncode == 0
        assert native.wait(native.start("rm", ident=9), REFUSED).number(CODE) == 99


@pytest.mark.parametrize("ident", [0, 2**31, 2**32 - 1])
def test_any_number_is_an_id(native: Native, ident: int) -> None:
    assert native.wait(native.start("true", ident=ident), EXITED).returncode == 0


# Arguments


def test_something_between_the_arguments_is_refused(native: Native) -> None:
    native.say(ARGS, 1, {F_ARGS: TRUE})
    native.say(STATUS, 2)
    with pytest.raises(Wrong, match="between the arguments"):
        native.receive()


def test_arguments_of_another_id_are_refused(native: Native) -> None:
    native.say(ARGS, 1, {F_ARGS: TRUE})
    native.say(START, 2, {F_ARGS: TRUE})
    with pytest.raises(Wrong, match="between the arguments"):
        native.receive()


def test_arguments_may_be_cut_anywhere(native: Native) -> None:
    data = strings(["sh", "-c", 'printf "%s." "$@"', "sh", "a", "", "bc", ""])
    with wire.Stream() as out:
        for at in range(len(data)):
            native.say(ARGS, 50, {F_ARGS: data[at:at + 1]})
        native.say(START, 50, {FDS: b"\2"}, [out.fd])
        assert native.wait(50, EXITED).returncode == 0
        assert out.read() == b"a..bc.."


def test_more_arguments_than_there_may_be_end_it(native: Native) -> None:
    with pytest.raises((Wrong, Gone)):
        for _ in range(300):
            native.say(ARGS, 1, {F_ARGS: b"x" * 32000})
        native.receive()


def test_more_short_arguments_than_there_may_be_end_it(native: Native) -> None:
    with pytest.raises((Wrong, Gone)):
        for _ in range(20):
            native.say(ARGS, 1, {F_ARGS: bytes(32000)})
        native.receive()


def test_half_sent_arguments_of_many_cost_nobody_else(ours_served: Daemon) -> None:
    many = [ours_served.native() for _ in range(50)]
    for connection in many:
        for _ in range(20):
            connection.say(ARGS, 1, {F_ARGS: b"x" * 32000})
    ours_served.check_serves()
    with ours_served.native() as native:
        assert native.run("echo", "on")[:2] == (0, b"on\n")
    for connection in many:
        connection.socket.close()


# Descriptors


def test_descriptors_with_what_takes_none_end_it(ours_served: Daemon) -> None:
    before = ours_served.n_descriptors()
    for kind in (STATUS, SIGNAL, ARGS, EXPLAIN):
        with ours_served.native() as bad:
            fields = {SIGNAL: {F_SIGNAL: u32(15)}, ARGS: {F_ARGS: TRUE}}.get(kind, {})
            bad.say(kind, 1, fields, [0])
            with pytest.raises(Wrong, match="takes none"):
                bad.receive()
    wait_for(lambda: ours_served.n_descriptors() <= before, "no descriptor is left")


@pytest.mark.parametrize("count", [5, 16, 253])
def test_a_bomb_of_descriptors_ends_it(ours_served: Daemon, count: int) -> None:
    before = ours_served.n_descriptors()
    with ours_served.native() as bad:
        bad.send(start(fds=b"\7"), [0] * count)
        with pytest.raises(Wrong, match="too large"):
            bad.receive()
    wait_for(lambda: ours_served.n_descriptors() <= before, "no descriptor is left")


def test_descriptors_that_lead_back_to_the_daemon_are_only_descriptors(ours_served: Daemon) -> None:
    """A connection to the daemon, handed to the daemon; and that in a circle."""
    with ours_served.native() as native:
        ident = native.start("true", stdin=native.socket.fileno(), stdout=native.socket.fileno())
        assert native.wait(ident, EXITED).returncode == 0
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                               array.array("i", [right.fileno(), left.fileno()]))])
        ident = native.start("true", stdin=left.fileno(), stdout=right.fileno())
        assert native.wait(ident, EXITED).returncode == 0


def test_more_descriptors_than_there_is_room_for_refuse_that_one(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    def few() -> None:
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))

    daemon = launch(our_daemon_program, preexec_fn=few)
    with daemon.native() as native:
        codes = set()
        idents = []
        for _ in range(60):
            ident = native.start("sleep", "20", stdin=0, stdout=1, stderr=2)
            answer = native.wait(ident, STARTED, REFUSED)
            if answer.kind == STARTED:
                idents.append(ident)
            else:
                codes.add((answer.number(CODE), answer.number(F_ERROR)))
        assert idents and codes == {(75, errno.EMFILE)}
        for ident in idents:
            native.signal(ident, signal.SIGKILL)
            native.wait(ident, EXITED)
        assert native.run("true")[0] == 0


# Floods


def test_a_client_that_does_not_read_is_not_read_from(ours_served: Daemon) -> None:
    ours_served.forget_peak()
    before = ours_served.memory_kib("VmRSS")
    with ours_served.native(timeout=1) as flood:
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 1_000_000:
                flood.say(EXPLAIN, sent, {F_ARGS: strings(["sh", "x" * 10000])})
                sent += 1
        assert sent < 5000
        ours_served.check_serves()
        with ours_served.native() as native:
            assert native.run("echo", "on")[:2] == (0, b"on\n")
        assert ours_served.memory_kib("VmHWM") - before < 8192


def test_arguments_do_not_wait_for_ever_for_their_start(ours_served: Daemon) -> None:
    with ours_served.native(timeout=30) as slow, ours_served.native() as native:
        slow.say(ARGS, 1, {F_ARGS: b"x" * 30000})
        begin = time.monotonic()
        with pytest.raises(Gone):
            slow.receive()
        assert time.monotonic() - begin > 8
        # whoever goes on in time has no deadline any more
        ident = native.start("sleep", "0.1", *["x" * 30000] * 3)
        assert native.wait(ident, STARTED, REFUSED)


def test_answers_that_nobody_reads_are_few(ours_served: Daemon) -> None:
    """What runs is told in many messages: they are not made while earlier ones are not taken."""
    words = ["sh", "-c", "exec sleep 45", "x" * 900]
    with ours_served.native(timeout=30) as native:
        for _ in range(300):
            native.wait(native.start(*words), STARTED)
        assert len(native.status()[1]) == 300
        before = ours_served.memory_kib("VmRSS")
        ours_served.forget_peak()
        deaf = [ours_served.native() for _ in range(30)]
        for client in deaf:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            for ident in range(1, 9):
                client.say(STATUS, ident)
        assert len(native.status()[1]) == 300
        assert native.run("echo", "on")[:2] == (0, b"on\n")
        # one answer each, 300 messages of a kilobyte; eight would be 72 MB
        assert ours_served.memory_kib("VmHWM") - before < 15_000
        for client in deaf:
            client.socket.close()


def flood_for_ever(native: Native, told: int) -> None:
    """Always has as many starts on their way as it may."""
    native.socket.setblocking(False)
    n_started = 0
    while True:
        try:
            native.start("sh", "-c", "exit 1")
            n_started += 1
            if n_started == 300:
                os.write(told, b"!")
        except BlockingIOError:
            native.socket.setblocking(True)
            native.receive()
            native.socket.setblocking(False)


def time_some(native: Native) -> float:
    """How long ten commands take, one after the other."""
    begin = time.monotonic()
    for _ in range(10):
        assert native.run("echo", "on")[:2] == (0, b"on\n")
    return time.monotonic() - begin


def test_a_flood_of_starts_leaves_another_user_his_turn(
    our_daemon_program: DaemonProgram, launch: Launcher, service_user: str
) -> None:
    """One user's connection always has starts on their way; another's take not much longer."""
    daemon = launch(our_daemon_program, sudo_user=service_user)
    with daemon.native() as other:
        time_some(other)
        quiet = time_some(other)
        with users.acting_as(service_user):
            native = daemon.native()
        read, write = os.pipe()
        flood = multiprocessing.get_context("fork").Process(target=flood_for_ever,
                                                            args=(native, write))
        flood.start()
        try:
            assert os.read(read, 1) == b"!"
            busy = time_some(other)
            assert flood.is_alive()
        finally:
            flood.kill()
            flood.join()
            native.socket.close()
            os.close(read)
            os.close(write)
    assert busy < max(50 * quiet, 3)


def test_a_client_that_vanishes_at_any_byte_costs_nothing(ours_served: Daemon) -> None:
    before = ours_served.n_descriptors()
    data = start(fds=b"\7")
    for size in range(len(data) + 1):
        with ours_served.native() as bad:
            if size:
                bad.send(data[:size], [0, 1, 2])
    wait_for(lambda: ours_served.n_descriptors() <= before, "no descriptor is left")


def test_noise_is_answered_or_ended(ours_served: Daemon) -> None:
    rng = random.Random(20261123)
    for _ in range(300):
        with ours_served.native() as bad:
            data = bytearray(start(env=b"FIRST=1\0", fds=b"\0", umask=u32(0o22)))
            for _ in range(rng.randrange(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            data[1] &= 0x7f  # else it is of tomorrow, and skipped
            bad.send(bytes(data))
            try:
                bad.receive()
            except (Wrong, Gone):
                pass
            except TimeoutError:
                pytest.fail(f"no answer to {bytes(data)!r}")


# A service that speaks the manager protocol


def attached(daemon: Daemon, key: bytes) -> Native:
    """A connection that has attached."""
    native = daemon.native()
    native.say(ATTACH, 0, {KEY: key})
    return native


def test_what_is_adopted_is_served_under_its_own_key(ours_served: Daemon, tmp_path: Path) -> None:
    key = os.urandom(32)
    with socket.socket(socket.AF_UNIX) as listener, attached(ours_served, key) as native:
        listener.bind(str(tmp_path / "sock"))
        listener.listen()

        def connect(with_key: bytes) -> Connection:
            connection = Connection(tmp_path / "sock", 10)
            accepted, _ = listener.accept()
            native.say(ADOPT, 0, {}, [accepted.fileno()])
            accepted.close()
            connection.authenticate(with_key, OLD)
            return connection

        with connect(key) as first:
            kind, result = first.request("create", "rootwrap")
            assert kind == "#RETURN"
        with connect(key) as second:
            second.request("accept_connection", "me")
            second.send_frame(b'["%s", "run_one_command", [["echo", "adopted"]], {}]'
                              % result[0].encode())
            assert second.receive_answer() == ("#RETURN", [0, "adopted\n", ""])
        with pytest.raises(RefusedError):
            connect(ours_served.key)
        with connect(key) as last:
            last.request("shutdown")
        assert native.receive().kind == RELEASED
    ours_served.check_serves()


@pytest.mark.parametrize("what", ["a file", "a pipe", "a TCP socket", "nothing", "two"])
def test_only_a_connection_can_be_adopted(ours_served: Daemon, what: str) -> None:
    with attached(ours_served, bytes(32)) as native:
        read, write = os.pipe()
        tcp = socket.socket()
        fds = {"a file": [0], "a pipe": [read], "a TCP socket": [tcp.fileno()], "nothing": [],
               "two": [read, write]}[what]
        native.say(ADOPT, 0, {}, fds)
        with pytest.raises(Wrong, match="ADOPT wants"):
            native.receive()
        os.close(read)
        os.close(write)
        tcp.close()


def test_a_connection_is_attached_once(ours_served: Daemon) -> None:
    with attached(ours_served, bytes(32)) as native:
        native.say(ATTACH, 0, {KEY: bytes(32)})
        with pytest.raises(Wrong, match="attached already"):
            native.receive()
