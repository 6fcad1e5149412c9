# SPDX-License-Identifier: Apache-2.0
"""What a command's end, its output and its words become on the way: to the byte."""

from __future__ import annotations

import base64
import errno
import json
import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rwtest.daemon import FILTERS, Daemon, DaemonProgram, Launcher
from rwtest.legacy import (
    RETURN,
    TRACEBACK,
    UNSERIALIZABLE,
    RemoteError,
    Result,
    Session,
    check_sentence,
)
from rwtest.logs import Syslog
from rwtest.programs import EXIT_NOT_EXECUTABLE, EXIT_UNAUTHORIZED
from rwtest.wait import is_alive, wait_for

PIPE_BYTES = 65536


@pytest.fixture()
def session(served: Daemon) -> Iterator[Session]:
    """A connection for commands, which must serve to the end of the test."""
    with served.session() as session:
        yield session
        assert session.run(["echo", "still"]) == (0, "still\n", "")


@pytest.fixture()
def syslog() -> Iterator[Syslog]:
    """A private /dev/log: without one, oslo.rootwrap raises where it should answer."""
    daemon = Syslog()
    yield daemon
    daemon.close()


# how a command ends

@pytest.mark.parametrize("code", [0, 1, 2, 95, 98, 127, 128, 137, 254, 255])
def test_an_exit_status_is_returned(session: Session, code: int) -> None:
    assert session.run(["sh", "-c", f"exit {code}"]) == (code, "", "")


@pytest.mark.parametrize("number", [1, 2, 3, 6, 9, 11, 13, 15, 24, 31, 34, 64])
def test_a_signal_is_returned_as_a_negative_number(session: Session, number: int) -> None:
    assert session.run(["sh", "-c", f"ulimit -c 0; kill -{number} $$"]) == (-number, "", "")


def test_output_before_the_end_is_kept_whatever_the_end_is(session: Session) -> None:
    script = "echo out; echo err >&2; kill -9 $$"
    assert session.run(["sh", "-c", script]) == (-9, "out\n", "err\n")


def test_stdout_and_stderr_are_kept_apart(session: Session) -> None:
    script = "for i in 1 2 3; do echo o$i; echo e$i >&2; done; exit 3"
    assert session.run(["sh", "-c", script]) == (3, "o1\no2\no3\n", "e1\ne2\ne3\n")


def test_much_on_both_streams_at_once_does_not_get_stuck(session: Session) -> None:
    script = ("import os\nfor i in range(64):\n"
              "    os.write(1, b'o' * 16384); os.write(2, b'e' * 16384)")
    assert session.run(["python3", "-c", script]) == (0, "o" * 2**20, "e" * 2**20)


def test_a_command_that_closes_its_streams_is_waited_for(session: Session) -> None:
    script = "exec >&- 2>&- <&-; sleep 0.2; exit 5"
    assert session.run(["sh", "-c", script]) == (5, "", "")


# refusals

def test_refusals_are_return_codes_where_a_log_works(
    daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog
) -> None:
    with launch(daemon_program, {"use_syslog": "True"}).session() as session:
        assert session.run(["rm", "-rf", "/nothing"]) == (EXIT_UNAUTHORIZED, "", "")
        assert session.run(["program"]) == (EXIT_NOT_EXECUTABLE, "", "")
        assert session.run(["/opt/no/such/program"]) == (EXIT_NOT_EXECUTABLE, "", "")
        assert session.run(["rw-no-such-program", "x"]) == (EXIT_NOT_EXECUTABLE, "", "")
        assert session.run(["/bin/false"], "stdin") == (EXIT_UNAUTHORIZED, "", "")
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_d4_a_refusal_is_a_return_code_where_no_log_works(served: Daemon, session: Session) -> None:
    for word, code in (("rm", EXIT_UNAUTHORIZED), ("program", EXIT_NOT_EXECUTABLE)):
        session.start([word])
        kind, result = session.receive_answer()
        if served.program.is_ours:
            assert (kind, result) == (RETURN, [code, "", ""])
        else:
            # it logs to the stderr that it has closed
            assert kind == UNSERIALIZABLE


def test_a_large_stdin_for_a_refused_command_is_no_problem(session: Session) -> None:
    try:
        assert session.run(["rm"], "x" * 2**20) == (EXIT_UNAUTHORIZED, "", "")
    except RemoteError as error:
        assert error.kind == UNSERIALIZABLE


# what the kernel refuses

@pytest.fixture()
def broken(tmp_path: Path) -> Path:
    """Something that may be executed and is no program."""
    path = tmp_path / "broken"
    path.write_text("no program\n", encoding="ascii")
    path.chmod(0o755)
    return path


def test_d4b_what_the_kernel_refuses_is_an_error_with_its_reason(
    daemon_program: DaemonProgram, launch: Launcher, broken: Path
) -> None:
    no_interpreter = broken.with_name("script")
    no_interpreter.write_text("#!/opt/no/such/shell\n", encoding="ascii")
    no_interpreter.chmod(0o755)
    filters = FILTERS + (f"broken: CommandFilter, {broken}, root\n"
                         f"script: CommandFilter, {no_interpreter}, root\n"
                         "nobody_such: CommandFilter, id, no-such-user\n")
    daemon = launch(daemon_program, filters=filters)
    with daemon.session() as session:
        reasons = {
            "ENOEXEC": (session.error(["broken"]), os.strerror(errno.ENOEXEC)),
            "E2BIG": (session.error(["echo", "x" * 200_000]), os.strerror(errno.E2BIG)),
            "ENOENT": (session.error(["script"]), os.strerror(errno.ENOENT)),
            "user": (session.error(["id"]), "no-such-user"),
            "NUL": (session.error(["echo", "a\0b"]), "NUL"),
        }
        for text, reason in reasons.values():
            if daemon.program.is_ours:
                assert reason in text
                check_sentence(text)
            else:
                # "Object of type OSError is not JSON serializable"
                assert reason not in text
        # the same connection and the same daemon go on
        assert session.run(["echo", "x"]) == (0, "x\n", "")


def test_d4b_an_error_names_the_step_that_failed(
    our_daemon_program: DaemonProgram, launch: Launcher, broken: Path
) -> None:
    daemon = launch(our_daemon_program, filters=f"broken: CommandFilter, {broken}, root\n")
    with daemon.session() as session:
        session.start(["broken"])
        kind, text = session.receive_answer()
    assert kind == TRACEBACK
    assert "execute" in text and os.strerror(errno.ENOEXEC) in text


# what the answer looks like

ODD_BYTES = {
    "nothing": b"",
    "text": b"two words\n",
    "control characters": bytes(range(32)) + b"\x7f",
    "quotes and backslashes": b'"\\/\b\f\n\r\t',
    "two bytes": "\u00e9\u0080\u07ff".encode(),
    "three bytes": "\u20ac\u0800\uffff\ud7ff\ue000".encode(),
    "four bytes": "\U0001f480\U00010000\U0010ffff".encode(),
    "bytes that begin nothing": b"a\x80b\xbfc\xf8d\xfee\xffg",
    "a sequence cut by text": b"\xe2\x82x\xf0\x9f\x92x\xc3x",
    "a sequence cut by the end": b"x\xe2\x82",
    "a longer one cut by the end": b"x\xf0\x9f\x92",
    "overlong forms": b"\xc0\x80\xc1\xbf\xe0\x80\x80\xe0\x9f\xbf\xf0\x80\x80\x80\xf0\x8f\xbf\xbf",
    "encoded surrogates": b"\xed\xa0\x80\xed\xbf\xbf\xed\xa0\xbd\xed\xb2\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80\xf5\x80\x80\x80\xf7\xbf\xbf\xbf",
    "sequences one after the other": b"\xe2\xe2\x82\xac\xf0\x9f\xe2\x82\xac\xc3\xc3\xa9",
    "every byte": bytes(range(256)),
    "every byte, backwards": bytes(reversed(range(256))),
    "a sequence across a pipe's end": b"x" * (PIPE_BYTES - 1) + "\u20ac".encode() * 3,
    "another across a pipe's end": b"x" * (PIPE_BYTES - 2) + "\U0001f480".encode() * 3,
    "a broken one across a pipe's end": b"x" * (PIPE_BYTES - 1) + b"\xf0\x9f\xe2\x82",
}


def raw_answer(session: Session, words: list[str], stdin: bytes = b"") -> bytes:
    """The bytes of an answer, with stdin sent so that no encoding of ours matters."""
    session.start(words, {"__bytes__": base64.b64encode(stdin).decode("ascii")})
    return session.receive_frame()


def as_python_writes(result: Result) -> bytes:
    """The bytes of an answer as json.dumps() makes them."""
    return json.dumps([RETURN, result]).encode("ascii")


@pytest.mark.parametrize("what", ODD_BYTES)
def test_each_byte_of_stdout_is_written_as_python_does(session: Session, what: str) -> None:
    data = ODD_BYTES[what]
    assert raw_answer(session, ["cat"], data) == as_python_writes(Result(0, os.fsdecode(data), ""))


@pytest.mark.parametrize("what", ODD_BYTES)
def test_each_byte_of_stderr_is_written_as_python_does(session: Session, what: str) -> None:
    data = ODD_BYTES[what]
    answer = raw_answer(session, ["sh", "-c", "cat >&2; exit 4"], data)
    assert answer == as_python_writes(Result(4, "", os.fsdecode(data)))


def test_random_bytes_are_written_as_python_does(session: Session) -> None:
    rng = random.Random(int(os.environ.get("RW_SEED") or 1))
    alphabet = b"a\\\"\n\x00\x7f\x80\xa0\xbf\xc2\xe0\xe2\xed\xf0\xf4\xff\x82\xac\x9f\x92"
    for _ in range(40):
        data = bytes(rng.choices(alphabet, k=rng.randrange(3000)))
        answer = raw_answer(session, ["cat"], data)
        assert answer == as_python_writes(Result(0, os.fsdecode(data), "")), data


def test_an_answer_to_a_simple_method_is_written_as_python_does(session: Session) -> None:
    session.send_json([session.ident, "reset_timer", [], {}])
    assert session.receive_frame() == b'["#RETURN", null]'


# what the words become

# JSON of a string, and the bytes it stands for; None: it stands for none, and is an error.
STRINGS: dict[str, tuple[str, bytes | None]] = {
    "plain text": ('"two words"', b"two words"),
    "nothing": ('""', b""),
    "characters as they are": ('"\u00e9\u20ac\U0001f480"', "\u00e9\u20ac\U0001f480".encode()),
    "characters as escapes": ('"\\u00e9\\u20AC\\uFFFF"', "\u00e9\u20ac\uffff".encode()),
    "a pair of escapes": ('"\\ud83d\\udc80"', "\U0001f480".encode()),
    "a pair in capitals": ('"\\uD83D\\uDC80"', "\U0001f480".encode()),
    "the last pair": ('"\\udbff\\udfff"', "\U0010ffff".encode()),
    "two pairs": ('"\\ud83d\\udc80\\ud83d\\udc80"', "\U0001f480\U0001f480".encode()),
    "short escapes": ('"\\"\\\\\\/\\b\\f\\n\\r\\t"', b'"\\/\b\f\n\r\t'),
    "the last control character": ('"\x7f"', b"\x7f"),
    "a byte": ('"\\udcff"', b"\xff"),
    "the first byte": ('"\\udc80"', b"\x80"),
    "bytes that form a character": ('"\\udce2\\udc82\\udcac"', "\u20ac".encode()),
    "a byte after a character": ('"\u20ac\\udcff"', "\u20ac".encode() + b"\xff"),
    "a pair and a byte": ('"\\ud83d\\udc80\\udc80"', "\U0001f480".encode() + b"\x80"),
    "bytes in base64": ('{"__bytes__": "4oKsAf8="}', b"\xe2\x82\xac\x01\xff"),
    "no bytes in base64": ('{"__bytes__": ""}', b""),
    "base64 with other characters in it": ('{"__bytes__": "a!G\\nk= "}', b"hi"),
    "base64 with something beside it": ('{"a": 1, "__bytes__": "aGk=", "b": []}', b"hi"),
    "the last of two base64s": ('{"__bytes__": "eHg=", "__bytes__": "aGk="}', b"hi"),
    "the first half of a pair": ('"\\ud83d"', None),
    "the first half and text": ('"\\ud83dx"', None),
    "the first half and an escape": ('"\\ud83d\\u0041"', None),
    "the first half twice": ('"\\ud83d\\ud83d\\udc80"', None),
    "a half that is no byte": ('"\\udc41"', None),
    "the last half that is no byte": ('"\\udc7f"', None),
    "the half after the last byte": ('"\\udd00"', None),
    "a pair the wrong way round": ('"\\udc80\\ud83d"', None),
}


@pytest.mark.parametrize("what", STRINGS)
def test_a_string_is_these_bytes_for_stdin(session: Session, what: str) -> None:
    text, data = STRINGS[what]
    kind, result = session.run_json(f'[["cat"], {text}]')
    if data is None:
        assert kind in (TRACEBACK, UNSERIALIZABLE)
    else:
        assert (kind, result) == (RETURN, [0, os.fsdecode(data), ""])


@pytest.mark.parametrize("what", STRINGS)
def test_a_string_is_these_bytes_for_an_argument(session: Session, what: str) -> None:
    text, data = STRINGS[what]
    kind, result = session.run_json(f'[["printf", "%s.", {text}]]')
    if data is None:
        assert kind in (TRACEBACK, UNSERIALIZABLE)
    else:
        assert (kind, result) == (RETURN, [0, os.fsdecode(data + b"."), ""])


def test_a_nul_is_data_in_stdin(session: Session) -> None:
    assert session.run(["cat"], "a\0b\0") == (0, "a\0b\0", "")


@pytest.mark.parametrize("words", [["echo", "a\0b"], ["echo", "\0"], ["echo", "a", "b\0"],
                                   ["echo\0", "x"], ["\0"], ["sh\0-c", "x"]])
def test_a_nul_in_an_argument_is_refused_and_not_cut(session: Session, words: list[str]) -> None:
    kind, _ = session.run_json(json.dumps([words]))
    assert kind in (TRACEBACK, UNSERIALIZABLE)


def test_a_nul_in_bytes_of_an_argument_is_refused(session: Session) -> None:
    kind, _ = session.run_json('[["echo", {"__bytes__": "YQBi"}]]')
    assert kind in (TRACEBACK, UNSERIALIZABLE)


def test_many_and_long_arguments_arrive(session: Session) -> None:
    words = [f"{number}-" + "w" * (number % 50) for number in range(20_000)]
    assert session.run(["printf", "%s\\n", *words]) == (0, "\n".join(words) + "\n", "")
    long_word = "\u20ac" * 40_000
    assert session.run(["printf", "%s", long_word]).stdout == long_word


def test_an_empty_argument_arrives(session: Session) -> None:
    assert session.run(["printf", "[%s]", "", "a", ""]) == (0, "[][a][]", "")


# stdin

@pytest.mark.parametrize("stdin", [None, ""], ids=["null", "empty"])
def test_no_stdin_is_an_end_of_file_at_once(session: Session, stdin: str | None) -> None:
    assert session.run(["sh", "-c", "cat; echo end"], stdin) == (0, "end\n", "")


def test_stdin_that_is_left_out_is_an_end_of_file_at_once(session: Session) -> None:
    answer = session.method("run_one_command", ["sh", "-c", "cat; echo end"])
    assert answer == (RETURN, [0, "end\n", ""])


def test_a_command_that_reads_nothing_of_its_stdin_is_no_error(session: Session) -> None:
    assert session.run(["true"], "x" * 2**20) == (0, "", "")


def test_a_command_that_stops_reading_is_no_error(session: Session) -> None:
    script = "head -c 3; exec <&-; sleep 0.1; echo; echo end"
    assert session.run(["sh", "-c", script], "x" * 2**20) == (0, "xxx\nend\n", "")


def test_a_command_that_reads_late_gets_all_of_it(session: Session) -> None:
    assert session.run(["sh", "-c", "sleep 0.2; wc -c"], "x" * 2**20).stdout.split() == ["1048576"]


# the end of the output

def test_d11_a_child_that_holds_the_output_delays_the_answer(session: Session) -> None:
    script = "(sleep 0.3; echo late) & echo early"
    assert session.run(["sh", "-c", script]) == (0, "early\nlate\n", "")


def test_d11_drain_timeout_bounds_the_wait_for_such_a_child(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"drain_timeout": "1"})
    with daemon.session() as session:
        script = "sleep 50 & echo $!; exit 3"
        code, out, err = session.run(["sh", "-c", script])
        assert (code, err) == (3, "")
        assert is_alive(int(out))
        os.kill(int(out), 9)
        # what comes in time is not lost
        script = "(sleep 0.2; echo late) & echo early"
        assert session.run(["sh", "-c", script]) == (0, "early\nlate\n", "")
    wait_for(lambda: daemon.commands() == [], "the command to be reaped")


def test_drain_timeout_0_answers_at_the_command_s_end_with_all_it_wrote(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    daemon = launch(our_daemon_program, {"drain_timeout": "0"})
    with daemon.session() as session:
        code, out, err = session.run(["sh", "-c", "echo err >&2; sleep 50 & echo $!"])
        assert (code, err) == (0, "err\n")
        os.kill(int(out), 9)


def test_drain_timeout_does_not_bound_the_command_itself(
    our_daemon_program: DaemonProgram, launch: Launcher
) -> None:
    with launch(our_daemon_program, {"drain_timeout": "0"}).session() as session:
        assert session.run(["sh", "-c", "sleep 0.5; echo done"]) == (0, "done\n", "")


# executables

def write_program(folder: Path, text: str) -> None:
    """A program named `which-one` that says something."""
    folder.mkdir(exist_ok=True)
    path = folder / "which-one"
    path.write_text(f"#!/bin/sh\necho {text}\n", encoding="ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_a_program_that_is_installed_later_is_found(
    daemon_program: DaemonProgram, launch: Launcher, syslog: Syslog, tmp_path: Path
) -> None:
    daemon = launch(daemon_program, {"exec_dirs": f"{tmp_path}/a,/usr/bin", "use_syslog": "True"},
                    "which-one: CommandFilter, which-one, root\n")
    with daemon.session() as session:
        assert session.run(["which-one"]) == (EXIT_NOT_EXECUTABLE, "", "")
        write_program(tmp_path / "a", "a")
        assert session.run(["which-one"]) == (0, "a\n", "")


def test_d12_a_program_is_looked_up_each_time(
    daemon_program: DaemonProgram, launch: Launcher, tmp_path: Path
) -> None:
    daemon = launch(daemon_program, {"exec_dirs": f"{tmp_path}/a,{tmp_path}/b"},
                    "which-one: CommandFilter, which-one, root\n")
    write_program(tmp_path / "b", "b")
    with daemon.session() as session:
        assert session.run(["which-one"]) == (0, "b\n", "")
        write_program(tmp_path / "a", "a")
        # oslo.rootwrap remembers where it was
        wanted = "a\n" if daemon.program.is_ours else "b\n"
        assert session.run(["which-one"]) == (0, wanted, "")
