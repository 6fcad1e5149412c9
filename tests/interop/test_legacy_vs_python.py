# SPDX-License-Identifier: Apache-2.0
"""The legacy protocol, with Python and oslo.rootwrap on the other side.

The real client's classes (oslo_rootwrap.client, multiprocessing's managers) talk to legacy-probe,
which is legacy.c behind a socket; and the same requests go to legacy-probe and to the real server
(multiprocessing.managers.Server with oslo_rootwrap.daemon's RootwrapClass), whose answers ours must
be. Neither runs commands: a "result" is the number of the arguments, stdin and the arguments.

RW_SEED repeats a run, RW_REQUESTS sets its size, RW_LEGACY_PROBE names the program.
"""

from __future__ import annotations

import hmac
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from multiprocessing import managers
from pathlib import Path
from typing import Any

import pytest

REQUESTS = int(os.environ.get("RW_REQUESTS", "4000"))
PROBE = os.environ.get("RW_LEGACY_PROBE")

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the model is Python 3.11"),
    pytest.mark.skipif(not PROBE, reason="RW_LEGACY_PROBE is not set"),
]

daemon = pytest.importorskip("oslo_rootwrap.daemon")
client = pytest.importorskip("oslo_rootwrap.client")
jsonrpc = pytest.importorskip("oslo_rootwrap.jsonrpc")

KEY = bytes(range(32))
ERROR = "error"


class Probe:
    """legacy-probe, as a server at a path."""

    def __init__(self, folder: str, chunk: int) -> None:
        self.path = os.path.join(folder, f"probe-{chunk}.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen(16)
            self.process = subprocess.Popen(
                [str(PROBE), str(listener.fileno()), KEY.hex(), str(chunk)], pass_fds=[listener.fileno()]
            )

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(10)


@pytest.fixture(scope="module")
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        yield name


@pytest.fixture(params=[1, 7, 1 << 20], ids=["bytes", "sevens", "all"])
def probe(request: pytest.FixtureRequest, folder: str) -> Iterator[Probe]:
    probe = Probe(folder, request.param)
    yield probe
    probe.end()
    os.unlink(probe.path)


def expected(args: list[str], stdin: str | bytes | None) -> list[Any]:
    raw = b"".join(os.fsencode(arg) + b"\0" for arg in args)
    return [len(args), os.fsdecode(os.fsencode(stdin or "")), os.fsdecode(raw)]


TEXTS = [
    "", "a", "\n", '"\\/\b\f\n\r\t', "\x7f\x80\xff", "ä€😀", "\udcff\udc80", "\udce2\udc82\udcac", "\ufffe\uffff",
    "\udcf0\udc9f\udc92", "x" * 70000, "ä" * 70001, "\udcff" * 9999, "😀\n" * 20000,
]  # fmt: skip


def test_the_real_client_works(probe: Probe) -> None:
    manager = client.ClientManager(probe.path, KEY)
    manager.connect()
    proxy = manager.rootwrap()
    for text in TEXTS:
        assert proxy.run_one_command(["cat", text], text) == expected(["cat", text], text)
        assert proxy.run_one_command(["cat"], stdin=os.fsencode(text)) == expected(["cat"], text)
        assert proxy.run_one_command(userargs=["cat"], stdin=None) == expected(["cat"], None)
        assert proxy.run_one_command(["cat", os.fsencode(text)]) == expected(["cat", text], None)
    assert proxy.reset_timer() is None
    assert str(proxy).startswith("<rootwrap ")
    with pytest.raises(managers.RemoteError, match="lone surrogate"):
        proxy.run_one_command(["cat"], "\ud800")
    with pytest.raises(managers.RemoteError, match=r"userargs\[1\] has a NUL byte\n-"):
        proxy.run_one_command(["cat", "\0"])
    assert proxy.run_one_command(["cat"], "\0") == expected(["cat"], "\0")


def test_many_threads_are_served(probe: Probe) -> None:
    manager = client.ClientManager(probe.path, KEY)
    manager.connect()
    proxy = manager.rootwrap()
    good = []

    def run(number: int) -> None:
        text = f"{number}\n" * 10000
        good.extend(proxy.run_one_command(["cat"], text) == expected(["cat"], text) for _ in range(5))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 30


def test_the_client_stops_the_daemon(probe: Probe) -> None:
    manager = client.ClientManager(probe.path, KEY)
    manager.connect()
    client.Client._shutdown(probe.process, manager)
    assert probe.process.wait(10) == 0


def test_a_wrong_key_is_refused(probe: Probe) -> None:
    with pytest.raises(client.jsonrpc.connection.AuthenticationError):
        jsonrpc.JsonClient(probe.path, b"x" * 32)
    jsonrpc.JsonClient(probe.path, KEY).close()


@pytest.mark.parametrize("digest", ["md5", "sha256", "sha384", "sha3_256", "sha3_384"])
def test_the_dialect_since_python_3_12_is_spoken(probe: Probe, digest: str) -> None:
    """Do as multiprocessing.connection of Python 3.12 does, whatever digest the client likes."""
    peer = jsonrpc.JsonClient(probe.path)
    message = peer.recv_bytes(256).removeprefix(b"#CHALLENGE#")
    prefix = b"{%s}" % digest.encode()
    assert message.startswith(b"{sha256}")
    peer.send_bytes(prefix + hmac.digest(KEY, message, digest))
    assert peer.recv_bytes(256) == b"#WELCOME#"
    message = prefix + os.urandom(40)
    peer.send_bytes(b"#CHALLENGE#" + message)
    assert peer.recv_bytes(256) == prefix + hmac.digest(KEY, message, digest)
    peer.send_bytes(b"#WELCOME#")
    peer.send([None, "dummy", [], {}])
    assert peer.recv() == ["#RETURN", None]
    peer.close()


class Model(daemon.RootwrapClass):  # type: ignore[misc, name-defined]
    """oslo's object, with a run_one_command that does what legacy-probe does.

    Stricter than oslo in two points: a command is an array, and its first argument a string.
    """

    def run_one_command(self, userargs: Any, stdin: Any = None) -> tuple[int, str, str]:
        if not isinstance(userargs, list) or (userargs and isinstance(userargs[0], bytes)):
            raise TypeError
        raw = [os.fsencode(arg) for arg in userargs]
        if any(b"\0" in arg for arg in raw):
            raise ValueError
        stdin = os.fsencode(stdin) if stdin is not None else b""
        return len(raw), os.fsdecode(stdin), os.fsdecode(b"".join(arg + b"\0" for arg in raw))


class Python:
    """The real server."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "python.sock")
        self.objects: list[Model] = []  # kept: an id must not come again
        manager_class = daemon.get_manager_class()
        manager_class.register("rootwrap", self._create)
        self.server = manager_class(self.path, KEY).get_server()
        self.server.stop_event = threading.Event()
        threading.Thread(target=self.server.accepter, daemon=True).start()

    def _create(self) -> Model:
        self.objects.append(Model(types.SimpleNamespace(daemon_timeout=600), []))
        return self.objects[-1]

    def end(self) -> None:
        self.server.listener.close()
        Model.cancel_timer()


class Side:
    """One of the two servers, with connections to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.ids = [self.first(b'[null, "create", ["rootwrap"], {}]')[1][0] for _ in range(2)]
        self.session = jsonrpc.JsonClient(path, KEY)
        self.session.send([None, "accept_connection", ["MainProcess"], {}])
        assert self.session.recv() == ["#RETURN", None]

    def first(self, request: bytes) -> list[Any]:
        peer = jsonrpc.JsonClient(self.path, KEY)
        peer.send_bytes(request)
        answer: list[Any] = peer.recv()
        with pytest.raises((EOFError, ConnectionResetError)):
            peer.recv_bytes()
        peer.close()
        return answer

    def ask(self, is_method: bool, request: bytes) -> Any:
        """Return what comes of a request, with what may differ taken out."""
        for number, name in enumerate(self.ids):
            request = request.replace(b"@%d@" % number, name.encode())
        if is_method:
            self.session.send_bytes(request)
            kind, result = self.session.recv()
        else:
            kind, result = self.first(request)
        if kind != "#RETURN":
            return ERROR
        if isinstance(result, str):  # debug_info, __str__
            return "a string"
        if isinstance(result, list) and isinstance(result[0], str):  # create
            self.ids.append(result[0])
            return result[1]
        return result


class Generator:
    """Makes requests: many that are right, many that are nearly right."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def string(self) -> str:
        alphabet = 'ab "\\/\n\x7f\0é€😀\udc80\udcff\udce2\udc82\udcac\ud800\udbff\udc7f'
        weights = [9] * 8 + [1] + [4] * 8 + [1] * 3
        return "".join(self.rng.choices(alphabet, weights, k=self.rng.choice([0, 1, 2, 3, 9])))

    def encoded_bytes(self) -> dict[str, Any]:
        rng = self.rng
        text = rng.choice(["", "YQ==", "/w==", "bHM=", "AGE=", "YW Jj", "YWI", "Y", "=", "*", "YQ==YQ==", "é", "Y=\n="])
        value: dict[str, Any] = {"__bytes__": text if rng.random() < 0.9 else rng.choice([None, 5, [], {}])}
        if rng.random() < 0.2:
            value[rng.choice(["a", "é", "bytes"])] = self.junk()
        if rng.random() < 0.05:
            value["__exception__"] = rng.choice(["NoFilterMatched", "x"])
        return value

    def junk(self) -> Any:
        return self.rng.choice([None, True, 5, -1.5e3, "x", [], ["x"], {}, {"x": [1]}, float("nan"), [[{"a": []}]]])

    def argument(self) -> Any:
        kind = self.rng.random()
        if kind < 0.8:
            return self.string()
        return self.encoded_bytes() if kind < 0.95 else self.junk()

    def command(self) -> Any:
        if self.rng.random() < 0.05:
            return self.junk()
        return [self.argument() for _ in range(self.rng.choice([0, 1, 1, 2, 3]))]

    def stdin(self) -> Any:
        return self.rng.choice([None, self.string(), self.string(), self.encoded_bytes(), self.junk()])

    def call(self) -> tuple[str, list[Any], dict[str, Any]]:
        rng = self.rng
        args: list[Any] = [self.command(), self.stdin()][: rng.choice([0, 1, 1, 2, 2])]
        kwargs = {}
        if len(args) < 1 or rng.random() < 0.03:
            kwargs["userargs"] = self.command()
        if (len(args) < 2 and rng.random() < 0.5) or rng.random() < 0.03:
            kwargs["stdin"] = self.stdin()
        return "run_one_command", args, kwargs

    def method(self) -> tuple[str, list[Any], dict[str, Any]]:
        rng = self.rng
        if rng.random() < 0.8:
            return self.call()
        names = ["reset_timer", "cancel_timer", "prepare_timer", "__str__", "__repr__", "#GETVALUE", "x", "dummy"]
        args = rng.choice([[], [], [], [None], [5]])
        return rng.choice(names), args, rng.choice([{}, {}, {"config": None}, {"x": 1}])

    def function(self) -> tuple[str, list[Any], dict[str, Any]]:
        rng = self.rng
        name = rng.choice("dummy create incref decref number_of_objects debug_info get_methods run_one_command".split())
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        if name in ("incref", "decref", "get_methods"):
            args = [self.ident()]
            if rng.random() < 0.2:
                args, kwargs = [], {"ident": args[0]}
        elif name == "create":
            args = [rng.choice(["rootwrap", "rootwrap", "x", None])]
        if rng.random() < 0.1:
            args.append(self.junk())
        if rng.random() < 0.1:
            kwargs[rng.choice(["x", "ident", "name"])] = self.junk()
        return name, args, kwargs

    def ident(self) -> Any:
        """Return an object that may be there; the first two stay for the methods."""
        known = f"@{self.rng.randint(2, 99)}@"
        return self.rng.choice([known, known, known, "0", "", "x", "@0@\0", None, 5])

    def request(self) -> tuple[bool, bytes]:
        rng = self.rng
        is_method = rng.random() < 0.8
        name, args, kwargs = self.method() if is_method else self.function()
        ident = rng.choice(["@0@", "@1@", "@1@", "@1@", self.ident()]) if is_method else self.junk()
        members = [ident, name, args, kwargs]
        if rng.random() < 0.02:
            members[rng.randrange(4)] = rng.choice([None, 5, [], {}])
        if rng.random() < 0.02:
            members.append(self.junk())
        if rng.random() < 0.02:
            members.pop()
        text = json.dumps(members, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")
        if rng.random() < 0.1:
            at = rng.randrange(len(text))
            text = text[:at] + bytes(rng.choices(b'[]{},:"\\ u0', k=rng.choice([0, 1]))) + text[at + 1 :]
        if rng.random() < 0.1:  # the last of duplicate keys
            text = text.replace(b'"stdin": ', b'"stdin": {"__bytes__": 5, "__bytes__": "YQ=="}, "stdin": ')
            text = text.replace(b'"__bytes__": ', b'"__bytes__": [{}], "__bytes__": ')
        return is_method, text


def is_narrowed(request: bytes) -> bool:
    """Say whether Python takes what only looks like a request: strings and objects, unpacked."""
    try:
        members = jsonrpc.JsonConnection.loads(request)
    except (ValueError, TypeError, AttributeError, LookupError):
        return False
    return not (isinstance(members, list) and isinstance(members[2], list) and isinstance(members[3], dict))


def test_requests_are_answered_as_by_python(folder: str) -> None:
    seed = int(os.environ.get("RW_SEED") or random.SystemRandom().randrange(2**32))
    generator = Generator(seed)
    ours, python = Probe(folder, 1 << 20), Python(folder)
    sides = Side(ours.path), Side(python.path)
    n_errors = n_results = 0
    try:
        for _ in range(REQUESTS):
            is_method, request = generator.request()
            got, want = (side.ask(is_method, request) for side in sides)
            is_right = got == want or (got == ERROR and is_narrowed(request))
            assert is_right, f"RW_SEED={seed}: {request!r}"
            n_errors += got == ERROR
            n_results += isinstance(got, list)
    finally:
        python.end()
        sides[0].session.close()
    assert n_errors > REQUESTS / 10 and n_results > REQUESTS / 10
    Path(ours.path).unlink()
    ours.end()
