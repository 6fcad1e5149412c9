# SPDX-License-Identifier: Apache-2.0
"""Requests of a client that knows the key: each function and method, and what is wrong with others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rwtest.daemon import Daemon, DaemonProgram, Launcher
from rwtest.legacy import (
    METHODS,
    RETURN,
    TIMER_METHODS,
    TRACEBACK,
    UNSERIALIZABLE,
    Answer,
    Session,
    check_sentence,
)
from rwtest.programs import EXIT_UNAUTHORIZED
from rwtest.wait import wait_for


@pytest.fixture()
def session(served: Daemon) -> Iterator[Session]:
    """A connection for commands, which must serve to the end of the test."""
    with served.session() as session:
        yield session
        assert session.run(["echo", "still"]) == (0, "still\n", "")


def check_error(daemon: Daemon, answer: Answer) -> None:
    """An error that makes the client raise; ours is one line that can be read."""
    assert answer.kind in (TRACEBACK, UNSERIALIZABLE)
    assert isinstance(answer.result, str)
    if daemon.program.is_ours:
        assert answer.kind == TRACEBACK
        check_sentence(answer.result)


# what a proxy asks before it has an object

def test_dummy_does_nothing(served: Daemon) -> None:
    assert served.peer().request("dummy") == (RETURN, None)


def test_create_gives_an_id_and_the_methods(served: Daemon) -> None:
    kind, (ident, methods) = served.peer().request("create", "rootwrap")
    assert kind == RETURN
    assert isinstance(ident, str) and ident
    assert set(methods) == METHODS and len(methods) == len(METHODS)


def test_two_objects_have_different_ids(served: Daemon) -> None:
    assert served.peer().create() != served.peer().create()


def test_an_object_is_counted_until_the_last_reference_is_gone(served: Daemon) -> None:
    peer = served.peer()
    before = peer.request("number_of_objects").result
    ident = peer.create()
    assert peer.request("number_of_objects") == (RETURN, before + 1)
    assert peer.request("incref", ident) == (RETURN, None)
    assert peer.request("decref", ident) == (RETURN, None)
    assert peer.request("number_of_objects") == (RETURN, before + 1)
    assert peer.request("decref", ident) == (RETURN, None)
    assert peer.request("number_of_objects") == (RETURN, before)
    check_error(served, peer.request("decref", ident))
    check_error(served, peer.request("incref", ident))


def test_an_object_that_is_gone_runs_nothing(served: Daemon) -> None:
    peer = served.peer()
    ident = peer.create()
    with served.session() as session:
        assert peer.request("decref", ident) == (RETURN, None)
        check_error(served, session.call(ident, "run_one_command", ["echo", "x"]))


def test_any_connection_may_use_any_object(served: Daemon) -> None:
    ident = served.peer().create()
    with served.session() as session:
        answer = session.call(ident, "run_one_command", ["echo", "x"])
        assert answer == (RETURN, [0, "x\n", ""])


def test_debug_info_is_a_text(served: Daemon) -> None:
    kind, text = served.peer().request("debug_info")
    assert kind == RETURN and isinstance(text, str)


@pytest.mark.parametrize("name", ["MainProcess", "MainProcess|Thread-2 (t)", "é", ""])
def test_a_connection_is_accepted_under_any_name(served: Daemon, name: str) -> None:
    with served.peer().connect() as connection:
        assert connection.request("accept_connection", name) == (RETURN, None)
        answer = connection.call(served.peer().create(), "run_one_command", ["echo", "x"])
        assert answer == (RETURN, [0, "x\n", ""])


@pytest.mark.parametrize("function", ["dummy", "number_of_objects", "debug_info"])
def test_a_connection_is_for_one_request_before_it_is_accepted(
    served: Daemon, function: str
) -> None:
    with served.peer().connect() as connection:
        assert connection.request(function).kind == RETURN
        assert connection.rest() == b""


def test_the_first_element_of_a_first_request_is_ignored(served: Daemon) -> None:
    for ignored in (None, 0, "x", [], {"a": 1}):
        with served.peer().connect() as connection:
            connection.send_json([ignored, "dummy", [], {}])
            assert connection.receive_answer() == (RETURN, None)


WRONG_FIRST_REQUESTS: dict[str, tuple[Any, list[Any], dict[str, Any]]] = {
    "an unknown function": ("reboot", [], {}),
    "a function that is not for clients": ("serve_client", [], {}),
    "a private function": ("_handle_request", [], {}),
    "a function that is null": (None, [], {}),
    "a function that is a number": (1, [], {}),
    "dummy with an argument": ("dummy", [1], {}),
    "dummy with a keyword": ("dummy", [], {"a": 1}),
    "create without a type": ("create", [], {}),
    "create of an unknown type": ("create", ["object"], {}),
    "create of null": ("create", [None], {}),
    "create of a list": ("create", [["rootwrap"]], {}),
    "create with one argument too many": ("create", ["rootwrap", 1], {}),
    "create by keyword": ("create", [], {"typeid": "rootwrap"}),
    "incref without an id": ("incref", [], {}),
    "incref of an unknown id": ("incref", ["nope"], {}),
    "incref of null": ("incref", [None], {}),
    "decref without an id": ("decref", [], {}),
    "decref of an unknown id": ("decref", ["nope"], {}),
    "get_methods without a token": ("get_methods", [], {}),
    "get_methods": ("get_methods", ["nope"], {}),
    "number_of_objects with an argument": ("number_of_objects", [1], {}),
    "shutdown with an argument": ("shutdown", [1], {}),
    "accept_connection without a name": ("accept_connection", [], {}),
}


@pytest.mark.parametrize("what", WRONG_FIRST_REQUESTS)
def test_a_wrong_first_request_is_answered_by_an_error(served: Daemon, what: str) -> None:
    function, args, kwargs = WRONG_FIRST_REQUESTS[what]
    with served.peer().connect() as connection:
        connection.send_json([None, function, args, kwargs])
        check_error(served, connection.receive_answer())
        assert connection.rest() == b""


WRONG_SHAPES = {
    "no message at all": "",
    "null": "null",
    "a number": "5",
    "an object": "{}",
    "an empty list": "[]",
    "a list of three": '[null, "dummy", []]',
    "a list of five": '[null, "dummy", [], {}, null]',
    "arguments that are null": '[null, "dummy", null, {}]',
    "arguments that are a number": '[null, "dummy", 5, {}]',
    "keywords that are null": '[null, "dummy", [], null]',
    "keywords that are a list": '[null, "dummy", [], []]',
}


@pytest.mark.parametrize("what", WRONG_SHAPES)
def test_a_first_request_of_a_wrong_shape_is_answered_by_an_error(
    served: Daemon, what: str
) -> None:
    with served.peer().connect() as connection:
        connection.send_frame(WRONG_SHAPES[what].encode())
        check_error(served, connection.receive_answer())
        assert connection.rest() == b""


# the methods of the object

@pytest.mark.parametrize("method", TIMER_METHODS)
def test_the_timer_methods_are_accepted_and_do_nothing(
    daemon_program: DaemonProgram, launch: Launcher, method: str
) -> None:
    # a daemon of its own: oslo.rootwrap's timer is never the same afterwards
    with launch(daemon_program).session() as session:
        assert session.method(method) == (RETURN, None)
        assert session.run(["echo", "x"]) == (0, "x\n", "")


@pytest.mark.parametrize("method", ["__str__", "__repr__"])
def test_an_object_has_a_text(served: Daemon, session: Session, method: str) -> None:
    kind, text = session.method(method)
    assert kind == RETURN and isinstance(text, str) and text


def test_arguments_are_given_by_position_by_keyword_or_mixed(session: Session) -> None:
    for args, kwargs in (
        ([["cat"], "in"], {}),
        ([["cat"]], {"stdin": "in"}),
        ([], {"userargs": ["cat"], "stdin": "in"}),
        ([], {"stdin": "in", "userargs": ["cat"]}),
    ):
        assert session.method("run_one_command", *args, **kwargs) == (RETURN, [0, "in", ""])


def test_requests_may_come_before_the_answers_and_are_answered_in_order(session: Session) -> None:
    for number in range(50):
        session.start(["echo", str(number)])
    assert [session.finish().stdout for _ in range(50)] == [f"{n}\n" for n in range(50)]


def test_requests_that_come_in_one_piece_are_answered_in_order(session: Session) -> None:
    calls = [json.dumps([session.ident, "run_one_command", [["echo", str(n)]], {}]).encode()
             for n in range(20)]
    session.send(b"".join(len(call).to_bytes(8, "big") + call for call in calls))
    assert [session.finish().stdout for _ in calls] == [f"{n}\n" for n in range(20)]


def test_an_answer_comes_after_the_client_has_closed_its_half(served: Daemon) -> None:
    with served.session() as session:
        session.start(["sh", "-c", "sleep 0.2; echo late"])
        session.half_close()
        assert session.finish() == (0, "late\n", "")
        assert session.rest() == b""


def test_a_command_whose_client_vanishes_runs_to_its_end(served: Daemon, tmp_path: Path) -> None:
    with served.session() as session:
        session.start(["sh", "-c", f"sleep 0.3; echo done > '{tmp_path}/new'; "
                                   f"mv '{tmp_path}/new' '{tmp_path}/marker'"])
    marker = tmp_path / "marker"
    wait_for(marker.exists, "the command's last step")
    assert marker.read_text() == "done\n"


WRONG_CALLS: dict[str, list[Any]] = {
    "an unknown id": ["nope", "run_one_command", [["true"]], {}],
    "an id that is null": [None, "run_one_command", [["true"]], {}],
    "an id that is a list": [["a"], "run_one_command", [["true"]], {}],
    "the id that no object has": ["0", "__str__", [], {}],
    "an unknown method": ["ID", "reboot", [], {}],
    "a method that is a number": ["ID", 5, [], {}],
    "a method that is a list": ["ID", ["reset_timer"], [], {}],
    "a private method": ["ID", "__init__", [], {}],
    "an attribute": ["ID", "config", [], {}],
    "the object itself": ["ID", "#GETVALUE", [], {}],
    "a timer with an argument": ["ID", "reset_timer", [1], {}],
    "a request that is shorter": ["ID"],
    "a request that is empty": [],
    "arguments that are null": ["ID", "run_one_command", None, {}],
    "keywords that are null": ["ID", "run_one_command", [["true"]], None],
    "no command": ["ID", "run_one_command", [], {}],
    "one argument too many": ["ID", "run_one_command", [["true"], None, None], {}],
    "the command twice": ["ID", "run_one_command", [["true"]], {"userargs": ["true"]}],
    "stdin twice": ["ID", "run_one_command", [["cat"], "a"], {"stdin": "a"}],
    "an unknown keyword": ["ID", "run_one_command", [["true"]], {"env": {}}],
    "a command that is null": ["ID", "run_one_command", [None], {}],
    "a command that is a number": ["ID", "run_one_command", [5], {}],
    "a command that is an object": ["ID", "run_one_command", [{"true": 1}], {}],
    "a word that is a number": ["ID", "run_one_command", [["echo", 1]], {}],
    "a word that is null": ["ID", "run_one_command", [["echo", None]], {}],
    "a word that is a list": ["ID", "run_one_command", [["echo", ["x"]]], {}],
    "a program that is a number": ["ID", "run_one_command", [[1]], {}],
    "stdin that is a number": ["ID", "run_one_command", [["true"], 5], {}],
    "stdin that is false": ["ID", "run_one_command", [["true"], False], {}],
    "stdin that is a list": ["ID", "run_one_command", [["true"], ["x"]], {}],
    "stdin that is an object": ["ID", "run_one_command", [["true"], {"x": 1}], {}],
    "bytes that are a number": ["ID", "run_one_command", [["true"], {"__bytes__": 5}], {}],
    "bytes that lack padding": ["ID", "run_one_command", [["true"], {"__bytes__": "aGk"}], {}],
    "bytes beyond ASCII": ["ID", "run_one_command", [["true"], {"__bytes__": "\u00e9"}], {}],
    "an exception": ["ID", "run_one_command", [["true"], {"__exception__": "NoFilterMatched"}], {}],
}


@pytest.mark.parametrize("what", WRONG_CALLS)
def test_a_wrong_call_is_answered_by_an_error_and_the_session_goes_on(
    served: Daemon, session: Session, what: str
) -> None:
    call = list(WRONG_CALLS[what])
    if call and call[0] == "ID":
        call[0] = session.ident
    session.send_json(call)
    check_error(served, session.receive_answer())


@pytest.mark.parametrize("what", WRONG_SHAPES)
def test_a_call_of_a_wrong_shape_is_answered_by_an_error_and_the_session_goes_on(
    served: Daemon, session: Session, what: str
) -> None:
    session.send_frame(WRONG_SHAPES[what].replace("null", f'"{session.ident}"', 1).encode())
    check_error(served, session.receive_answer())


@pytest.mark.parametrize("command", ["true", "", []], ids=["a text", "an empty text", "no words"])
def test_a_command_that_is_no_list_of_words_runs_nothing(
    served: Daemon, session: Session, command: Any
) -> None:
    session.start(command)
    answer = session.receive_answer()
    if answer.kind == RETURN:
        assert answer.result == [EXIT_UNAUTHORIZED, "", ""]
    else:
        check_error(served, answer)


def test_a_program_whose_name_is_bytes_runs_nothing(served: Daemon, session: Session) -> None:
    session.start([{"__bytes__": "ZWNobw=="}, "x"])
    answer = session.receive_answer()
    if answer.kind == RETURN:
        assert answer.result == [EXIT_UNAUTHORIZED, "", ""]
    else:
        check_error(served, answer)


def test_nothing_runs_for_a_request_that_is_wrong_at_its_end(
    served: Daemon, session: Session, tmp_path: Path
) -> None:
    command = json.dumps(["sh", "-c", f"echo > '{tmp_path}/ran'"])
    for end in (', "x", 1], {}]', ', "\\u0000], {}]', '], {"a": 1}]', "], {}] x", "], {}", ""):
        session.send_frame(f'["{session.ident}", "run_one_command", [{command}{end}'.encode())
        check_error(served, session.receive_answer())
    assert not (tmp_path / "ran").exists()


def test_nothing_runs_for_a_stdin_that_cannot_be_encoded(
    served: Daemon, session: Session, tmp_path: Path
) -> None:
    command = ["sh", "-c", f"echo > '{tmp_path}/ran'; cat"]
    for stdin in ('"\\ud800"', '"abc\\ud83dx"', "5"):
        check_error(served, session.run_json(f"[{json.dumps(command)}, {stdin}]"))
    if served.program.is_ours:
        assert not (tmp_path / "ran").exists()
        assert served.commands() == []
    else:
        # it starts the command first
        wait_for((tmp_path / "ran").exists, "the command")
