# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the daemon: the handshake in each dialect, and what is no handshake."""

from __future__ import annotations

import os
import struct
import time

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import (
    CHALLENGE,
    DIGESTS,
    FAILURE,
    HANDSHAKE_MAX_BYTES,
    NEW,
    OLD,
    RETURN,
    WELCOME,
    ClosedError,
    Connection,
    Dialect,
    Peer,
    RefusedError,
    mac,
)

NAMED = [Dialect(f"answers with {digest}", digest) for digest in DIGESTS]
AUTHENTICATION_DEADLINE_S = 5


@pytest.mark.parametrize("dialect", [OLD, NEW], ids=lambda dialect: dialect.name)
def test_a_client_of_each_python_is_served(served: Daemon, dialect: Dialect) -> None:
    assert served.peer(dialect).run(["echo", "x"]) == (0, "x\n", "")


def test_the_daemon_sends_a_new_challenge_each_time(served: Daemon) -> None:
    with served.knock() as one, served.knock() as other:
        assert one.receive_challenge() != other.receive_challenge()


def test_our_challenge_names_sha256_and_has_40_random_bytes(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    with launch(our_daemon_program).knock() as connection:
        challenge = connection.receive_challenge()
    assert challenge.startswith(b"{sha256}")
    assert len(challenge) == len(b"{sha256}") + 40


@pytest.mark.parametrize("dialect", NAMED, ids=lambda dialect: dialect.name)
def test_a_client_may_use_each_digest_that_python_knows(served: Daemon, dialect: Dialect) -> None:
    assert served.peer(dialect).run(["echo", "x"]) == (0, "x\n", "")
    with served.knock() as connection:
        connection.prove(served.key, dialect)
        challenge = dialect.challenge()
        connection.send_frame(CHALLENGE + challenge)
        assert dialect.digest
        assert connection.receive_frame() == (
            b"{%s}" % dialect.digest.encode() + mac(served.key, challenge, dialect.digest))


@pytest.mark.parametrize("digest", DIGESTS)
def test_the_daemon_proves_itself_with_the_digest_that_it_is_asked_for(
    served: Daemon, digest: str
) -> None:
    for dialect in (OLD, NEW):
        with served.knock() as connection:
            connection.prove(served.key, dialect)
            challenge = b"{%s}" % digest.encode() + os.urandom(40)
            connection.send_frame(CHALLENGE + challenge)
            proof = b"{%s}" % digest.encode() + mac(served.key, challenge, digest)
            assert connection.receive_frame() == proof


@pytest.mark.parametrize("prefix", [b"", b"{sha256}", b"{md5}", b"{nope}", b"{"])
def test_a_challenge_of_20_bytes_is_an_old_one_whatever_it_says(
    served: Daemon, prefix: bytes
) -> None:
    with served.knock() as connection:
        connection.prove(served.key)
        challenge = prefix + os.urandom(20 - len(prefix))
        connection.send_frame(CHALLENGE + challenge)
        assert connection.receive_frame() == mac(served.key, challenge, "md5")
        connection.send_frame(WELCOME)
        assert connection.request("dummy") == (RETURN, None)


def test_the_challenges_of_both_sides_may_have_different_dialects(served: Daemon) -> None:
    for first, second in ((OLD, NEW), (NEW, OLD)):
        with served.knock() as connection:
            connection.prove(served.key, first)
            connection.demand(served.key, second)
            assert connection.request("dummy") == (RETURN, None)


# proofs that are none

def wrong_proofs(key: bytes, challenge: bytes) -> dict[str, bytes]:
    """Answers to a challenge that must not be believed."""
    right_md5 = mac(key, challenge, "md5")
    right = mac(key, challenge, "sha256")
    flipped = bytes([right_md5[0] ^ 1]) + right_md5[1:]
    return {
        "nothing": b"",
        "zeros": bytes(16),
        "another key": mac(os.urandom(32), challenge, "md5"),
        "an empty key": mac(b"", challenge, "md5"),
        "half the key": mac(key[:16], challenge, "md5"),
        "one bit wrong": flipped,
        "the last bit wrong": right_md5[:-1] + bytes([right_md5[-1] ^ 1]),
        "15 bytes": right_md5[:15],
        "17 bytes": right_md5 + b"\0",
        "hexadecimal": right_md5.hex().encode(),
        "without the challenge's prefix": mac(key, challenge[8:], "md5"),
        "with the word before it": mac(key, CHALLENGE + challenge, "md5"),
        "the challenge itself": challenge,
        "the key": key,
        "sha256 without its name": right,
        "sha256 with another key": b"{sha256}" + mac(os.urandom(32), challenge, "sha256"),
        "sha256 under another name": b"{sha3_256}" + right,
        "sha256 in capitals": b"{SHA256}" + right,
        "sha256 with blanks": b"{ sha256 }" + right,
        "sha256 cut": b"{sha256}" + right[:-1],
        "sha256 and more": b"{sha256}" + right + b"\0",
        "sha256 cut to 16 bytes": b"{sha256}" + right[:16],
        "sha256 with nothing after it": b"{sha256}",
        "md5 under sha256's name": b"{sha256}" + right_md5,
        "an empty name": b"{}" + right_md5,
        "a name without an end": b"{sha256" + right,
        "sha1": b"{sha1}" + mac(key, challenge, "sha1"),
        "sha512": b"{sha512}" + mac(key, challenge, "sha512"),
        "sha224": b"{sha224}" + mac(key, challenge, "sha224"),
        "a MAC of nothing": b"{sha256}" + mac(key, b"", "sha256"),
        "256 bytes": b"x" * HANDSHAKE_MAX_BYTES,
        WELCOME.decode(): WELCOME,
        FAILURE.decode(): FAILURE,
        "a challenge": CHALLENGE + bytes(20),
    }


@pytest.mark.parametrize("what", wrong_proofs(b"k" * 32, b"c" * 48))
def test_a_wrong_proof_is_refused_and_the_connection_ends(served: Daemon, what: str) -> None:
    with served.knock() as connection:
        challenge = connection.receive_challenge()
        connection.send_frame(wrong_proofs(served.key, challenge)[what])
        assert connection.receive_frame() == FAILURE
        rest = connection.rest()
        # oslo.rootwrap adds what its exception said, and no more
        assert rest == b"" if served.program.is_ours else rest[8:].startswith(b'["#TRACEBACK", ')


def test_a_proof_for_another_connection_s_challenge_is_refused(served: Daemon) -> None:
    with served.knock() as one, served.knock() as other:
        other.receive_challenge()
        other.send_frame(OLD.answer(served.key, one.receive_challenge()))
        assert other.receive_frame() == FAILURE


def test_nothing_is_signed_before_the_client_has_proved_the_key(served: Daemon) -> None:
    """Or the daemon would sign its own challenge for somebody who does not know the key."""
    with served.knock() as connection:
        challenge = connection.receive_challenge()
        connection.send_frame(CHALLENGE + challenge)
        assert connection.receive_frame() == FAILURE
        rest = connection.rest()
    for digest in DIGESTS:
        assert mac(served.key, challenge, digest) not in rest


@pytest.mark.parametrize(
    "challenge",
    [b"", b"x", bytes(19), bytes(21), bytes(40), b"{nope}" + bytes(40), b"{sha1}" + bytes(40),
     b"{sha256" + bytes(40), b"sha256}" + bytes(40), b"{SHA256}" + bytes(40), b"{}" + bytes(40),
     b" {sha256}" + bytes(40), b"{sha256}", b"{sha256}" + bytes(11)],
    ids=repr,
)
def test_a_challenge_without_a_known_digest_gets_no_signature(
    served: Daemon, challenge: bytes
) -> None:
    with served.knock() as connection:
        connection.prove(served.key)
        connection.send_frame(CHALLENGE + challenge)
        rest = connection.rest()
    for digest in DIGESTS:
        assert mac(served.key, challenge, digest) not in rest


@pytest.mark.parametrize("message", [b"", b"#CHALLENGE", b"#challenge#" + bytes(20), bytes(20),
                                     WELCOME, b"x" * HANDSHAKE_MAX_BYTES], ids=repr)
def test_a_second_half_that_begins_otherwise_ends_the_connection(
    served: Daemon, message: bytes
) -> None:
    with served.knock() as connection:
        connection.prove(served.key)
        connection.send_frame(message)
        rest = connection.rest()
    for digest in DIGESTS:
        assert mac(served.key, message, digest) not in rest


@pytest.mark.parametrize("verdict", [FAILURE, b"", b"#WELCOME", b"#WELCOME#\0", b"#welcome#"],
                         ids=repr)
def test_a_client_that_does_not_believe_the_daemon_gets_no_further(
    served: Daemon, verdict: bytes
) -> None:
    with served.knock() as connection:
        connection.prove(served.key)
        challenge = OLD.challenge()
        connection.send_frame(CHALLENGE + challenge)
        assert connection.receive_frame() == mac(served.key, challenge, "md5")
        connection.send_frame(verdict)
        try:
            connection.send_json([None, "dummy", [], {}])
        except BrokenPipeError:
            pass
        assert b"#RETURN" not in connection.rest()


def check_no_welcome(daemon: Daemon, rest: bytes) -> None:
    """Nothing is said but that it failed and, by oslo.rootwrap, what its exception said."""
    if daemon.program.is_ours:
        assert rest in (b"", struct.pack("!Q", len(FAILURE)) + FAILURE)
    else:
        assert rest[8:].startswith(b'["#TRACEBACK", ')


@pytest.mark.parametrize("length", [257, 65536, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_longer_message_ends_the_handshake_before_it_has_come(
    served: Daemon, length: int
) -> None:
    with served.knock() as connection:
        connection.receive_challenge()
        connection.announce(length)
        check_no_welcome(served, connection.rest())
    with served.knock() as connection:
        connection.prove(served.key)
        connection.announce(length)
        check_no_welcome(served, connection.rest())


def test_the_longest_challenge_is_answered(served: Daemon) -> None:
    """A message of 256 bytes, the word before the challenge included."""
    with served.knock() as connection:
        connection.prove(served.key)
        prefix = b"{sha384}"
        challenge = prefix + os.urandom(HANDSHAKE_MAX_BYTES - len(CHALLENGE) - len(prefix))
        connection.send_frame(CHALLENGE + challenge)
        assert connection.receive_frame() == prefix + mac(served.key, challenge, "sha384")


def test_requests_before_the_handshake_run_nothing(served: Daemon) -> None:
    ident = served.peer().create()
    with served.knock() as connection:
        connection.receive_challenge()
        for request in (b'[null, "shutdown", [], {}]',
                        b'["%s", "run_one_command", [["echo", "x"]], {}]' % ident.encode()):
            try:
                connection.send_frame(request)
            except BrokenPipeError:
                break
        assert b"#RETURN" not in connection.rest()


def test_a_client_may_send_all_it_has_to_say_at_once(served: Daemon) -> None:
    """Its second half and its first request do not wait for the answers before them."""
    with served.knock() as connection:
        proof = OLD.answer(served.key, connection.receive_challenge())
        challenge = OLD.challenge()
        messages = [proof, CHALLENGE + challenge, WELCOME, b'[null, "dummy", [], {}]']
        connection.send(b"".join(struct.pack("!Q", len(m)) + m for m in messages))
        assert connection.receive_frame() == WELCOME
        assert connection.receive_frame() == mac(served.key, challenge, "md5")
        assert connection.receive_answer() == (RETURN, None)


def test_one_byte_at_a_time_is_a_handshake_and_a_request_too(served: Daemon) -> None:
    def frame(payload: bytes) -> bytes:
        return struct.pack("!Q", len(payload)) + payload

    with served.knock() as connection:
        connection.send_slowly(frame(OLD.answer(served.key, connection.receive_challenge())))
        assert connection.receive_frame() == WELCOME
        connection.send_slowly(frame(CHALLENGE + bytes(20)))
        assert connection.receive_frame() == mac(served.key, bytes(20), "md5")
        connection.send_slowly(frame(WELCOME))
        connection.send_slowly(frame(b'[null, "accept_connection", ["x"], {}]'))
        assert connection.receive_answer() == (RETURN, None)
        call = b'["%s", "run_one_command", [["echo", "\xe2\x82\xac\\ud83d\\udc80"]], {}]'
        connection.send_slowly(frame(call % served.peer().create().encode()))
        assert connection.receive_answer() == (RETURN, [0, "\u20ac\U0001f480\n", ""])


# auth_digests

@pytest.mark.parametrize("allowed", ["sha256", "sha384,sha3_256", "sha256, sha384,sha3_256,sha3_384",
                                     "md5", "md5,sha3_384"])
def test_d21_auth_digests_forbids_all_others(
    our_daemon_program: DaemonProgram, launch: Launcher, allowed: str
) -> None:
    daemon = launch(our_daemon_program, {"auth_digests": allowed})
    names = [name.strip() for name in allowed.split(",")]
    for dialect in (OLD, *NAMED):
        digest = dialect.digest or "md5"
        if digest in names:
            assert daemon.peer(dialect).request("dummy") == (RETURN, None)
        else:
            with pytest.raises(RefusedError), daemon.knock() as connection:
                connection.prove(daemon.key, dialect)
    # and the daemon does not sign with them either
    allowed_dialect = OLD if names[0] == "md5" else Dialect("allowed", names[0])
    for dialect in (OLD, *NAMED):
        with daemon.knock() as connection:
            connection.prove(daemon.key, allowed_dialect)
            challenge = dialect.challenge()
            connection.send_frame(CHALLENGE + challenge)
            proof = mac(daemon.key, challenge, dialect.digest or "md5")
            if (dialect.digest or "md5") in names:
                assert connection.receive_frame().endswith(proof)
            else:
                assert proof not in connection.rest()


def test_a_client_of_each_python_works_where_md5_is_forbidden_but_the_old_one(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"auth_digests": "sha256,sha384,sha3_256,sha3_384"})
    assert daemon.peer(NEW).run(["echo", "x"]) == (0, "x\n", "")
    with pytest.raises(RefusedError):
        daemon.peer(OLD).request("dummy")


# time

def test_d8_a_peer_that_does_not_prove_itself_is_ended_after_some_seconds(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    """However it spends them. What has proved itself may wait as long as it likes."""
    daemon = launch(our_daemon_program)
    started = time.monotonic()
    silent = daemon.knock()
    half = daemon.knock()
    half.prove(daemon.key)
    slow = daemon.knock()
    slow.receive_challenge()
    slow.announce(HANDSHAKE_MAX_BYTES)
    session = daemon.session()
    peers: dict[str, Connection] = {"silent": silent, "half": half, "slow": slow}
    ended: dict[str, float] = {}
    while len(ended) < len(peers) and time.monotonic() - started < 3 * AUTHENTICATION_DEADLINE_S:
        time.sleep(0.1)
        for name, peer in peers.items():
            if name not in ended and has_ended(peer, name == "slow"):
                ended[name] = time.monotonic() - started
    assert set(ended) == set(peers)
    for seconds in ended.values():
        assert AUTHENTICATION_DEADLINE_S - 1 < seconds < AUTHENTICATION_DEADLINE_S + 2
    assert session.run(["echo", "x"]) == (0, "x\n", "")
    for peer in (*peers.values(), session):
        peer.close()


def has_ended(peer: Connection, sends: bool) -> bool:
    """Whether the daemon has closed a connection; one peer keeps sending a byte at a time."""
    peer.socket.setblocking(False)
    try:
        if sends:
            peer.socket.send(b"x")
        return peer.socket.recv(4096) == b""
    except BlockingIOError:
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True


def test_the_end_of_a_refused_connection_is_seen_at_once(served: Daemon) -> None:
    with pytest.raises((RefusedError, ClosedError)):
        Peer(served.path, os.urandom(32)).request("dummy")
