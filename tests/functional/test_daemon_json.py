# SPDX-License-Identifier: Apache-2.0
"""Which texts are JSON: those that Python's own parser takes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rwtest.daemon import Daemon
from rwtest.legacy import RETURN, TRACEBACK, Session

# A value, by itself; it stands where a request has one that nobody looks at.
GOOD_VALUES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "minus zero": "-0",
    "a large number": "123456789012345678901234567890",
    "a number of 4300 digits": "9" * 4300,
    "a fraction": "-1.50",
    "an exponent": "1e5",
    "an exponent with a sign": "1E+5",
    "a small exponent": "1.5e-10",
    "an exponent beyond all numbers": "1e999",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "an empty string": '""',
    "a lone surrogate": '"\\ud800"',
    "characters beyond ASCII": '"\u00e9\u20ac\U0001f480\U0010ffff"',
    "noncharacters": '"\ufffe\uffff\ufdd0"',
    "DEL": '"\x7f"',
    "white space everywhere": ' \t\r\n[ 1 ,\n2 , { "a" : 1 , "b" : [ ] } ] ',
    "an empty name": '{"": 1}',
    "a name twice": '{"a": 1, "a": [2]}',
    "lists in lists, 60 deep": "[" * 60 + "]" * 60,
    "objects in objects, 60 deep": '{"a":' * 60 + "1" + "}" * 60,
    "bytes": '{"__bytes__": "aGk="}',
}

BAD_VALUES = {
    "nothing": "",
    "white space": "  ",
    "a word": "nul",
    "a word in capitals": "True",
    "a longer word": "nulll",
    "undefined": "undefined",
    "nan in small letters": "nan",
    "plus Infinity": "+Infinity",
    "a plus sign": "+1",
    "a leading zero": "01",
    "a minus sign": "-",
    "a point at the end": "1.",
    "a point at the beginning": ".5",
    "an empty exponent": "1e",
    "an exponent that is a fraction": "1e1.5",
    "hexadecimal": "0x10",
    "underscores": "1_000",
    "a number of 4301 digits": "9" * 4301,
    "single quotes": "'a'",
    "a string without an end": '"abc',
    "a string that ends in a backslash": '"abc\\"',
    "an unknown escape": '"\\x41"',
    "an escape of three digits": '"\\u123"',
    "an escape with other digits": '"\\u12g4"',
    "an escape with a sign": '"\\u+123"',
    "a line feed in a string": '"a\nb"',
    "a tabulator in a string": '"a\tb"',
    "a NUL in a string": '"a\0b"',
    "a unit separator in a string": '"a\x1fb"',
    "a comma at the end of a list": "[1,]",
    "a comma at the beginning": "[,1]",
    "two commas": "[1,,2]",
    "no comma": "[1 2]",
    "a comma at the end of an object": '{"a": 1,}',
    "a name without quotes": "{a: 1}",
    "a name that is a number": "{1: 1}",
    "a name without a value": '{"a"}',
    "a colon twice": '{"a":: 1}',
    "the wrong bracket": "[1}",
    "a comment": "1 /* one */",
    "a line comment": "1 // one\n",
    "white space of Unicode": "\u00a01",
    "a form feed": "\f1",
    "a vertical tab": "\v1",
    "a NUL": "1\0",
    "lists in lists, 100,000 deep": "[" * 100_000 + "]" * 100_000,
    "objects in objects, 100,000 deep": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lists that are never closed": "[" * 100_000,
}

BAD_MESSAGES = {
    "a byte order mark": b'\xef\xbb\xbf[null, "dummy", [], {}]',
    "UTF-16": '[null, "dummy", [], {}]'.encode("utf-16-le"),
    "something after the end": b'[null, "dummy", [], {}] 1',
    "a bracket after the end": b'[null, "dummy", [], {}]]',
    "a NUL after the end": b'[null, "dummy", [], {}]\0',
    "no end": b'[null, "dummy", [], {}',
    "a byte that is no UTF-8": b'["\xff", "dummy", [], {}]',
    "a byte that is no UTF-8 outside a string": b'[null, "dummy", [], {}]\xff',
    "UTF-8 that is cut": b'["\xe2\x82", "dummy", [], {}]',
    "UTF-8 that is cut by the end": b'[null, "dummy", [], {}]\xe2\x82',
    "an encoded surrogate": b'["\xed\xa0\x80", "dummy", [], {}]',
    "an encoded pair of surrogates": b'["\xed\xa0\xbd\xed\xb2\x80", "dummy", [], {}]',
    "an overlong slash": b'["\xc0\xaf", "dummy", [], {}]',
    "something beyond Unicode": b'["\xf4\x90\x80\x80", "dummy", [], {}]',
}


@pytest.fixture()
def session(served: Daemon) -> Iterator[Session]:
    """A connection for commands, which must serve to the end of the test."""
    with served.session() as session:
        yield session
        assert session.run(["echo", "still"]) == (0, "still\n", "")


@pytest.mark.parametrize("what", GOOD_VALUES)
def test_what_python_parses_is_taken(served: Daemon, what: str) -> None:
    with served.peer().connect() as connection:
        connection.send_frame(f'[{GOOD_VALUES[what]}, "dummy", [], {{}}]'.encode())
        assert connection.receive_answer() == (RETURN, None)


@pytest.mark.parametrize("what", BAD_VALUES)
def test_what_python_does_not_parse_is_an_error_of_a_first_request(
    served: Daemon, what: str
) -> None:
    with served.peer().connect() as connection:
        connection.send_frame(f'[{BAD_VALUES[what]}, "dummy", [], {{}}]'.encode())
        assert connection.receive_answer().kind == TRACEBACK
        assert connection.rest() == b""


@pytest.mark.parametrize("what", BAD_VALUES)
def test_what_python_does_not_parse_is_an_error_of_a_call_and_the_session_goes_on(
    session: Session, what: str
) -> None:
    session.send_frame(b'["%s", "run_one_command", [["echo", "x"], %s], {}]'
                       % (session.ident.encode(), BAD_VALUES[what].encode()))
    assert session.receive_answer().kind == TRACEBACK


@pytest.mark.parametrize("what", BAD_MESSAGES)
def test_a_message_that_python_does_not_parse_is_an_error(
    served: Daemon, session: Session, what: str
) -> None:
    with served.peer().connect() as connection:
        connection.send_frame(BAD_MESSAGES[what])
        assert connection.receive_answer().kind == TRACEBACK
    session.send_frame(BAD_MESSAGES[what])
    assert session.receive_answer().kind == TRACEBACK


def test_the_tables_are_right_about_python() -> None:
    for text in GOOD_VALUES.values():
        json.loads(text)
    for text in BAD_VALUES.values():
        with pytest.raises((ValueError, RecursionError)):
            json.loads(text)


def test_the_last_of_equal_keywords_counts(session: Session) -> None:
    session.send_frame(b'["%s", "run_one_command", [["cat"]], {"stdin": "a", "stdin": "b"}]'
                       % session.ident.encode())
    assert session.receive_answer() == (RETURN, [0, "b", ""])


def test_white_space_around_a_request_is_taken(session: Session) -> None:
    session.send_frame(b' \r\n\t[ "%s" ,\n"run_one_command" , [ [ "echo" , "x" ] ] , { } ] \n'
                       % session.ident.encode())
    assert session.receive_answer() == (RETURN, [0, "x\n", ""])


def test_names_may_be_written_with_escapes(session: Session) -> None:
    session.send_frame(b'["%s", "run_one\\u005fcommand", [], {"user\\u0061rgs": ["echo", "x"]}]'
                       % session.ident.encode())
    assert session.receive_answer() == (RETURN, [0, "x\n", ""])
