# SPDX-License-Identifier: Apache-2.0
"""The same texts to Python's json and base64, and to json-reader.c, json-escape.c and base64.c.

What Python 3.11 takes is taken, with the same strings as os.fsencode() gives; what it refuses is
refused. The only difference is the limit on nesting. Each input is given whole and in pieces.

RW_SEED repeats a run, RW_TEXTS sets its size, RW_JSON_PROBE names the program.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

TEXTS = int(os.environ.get("RW_TEXTS", "20000"))
PROBE = os.environ.get("RW_JSON_PROBE")
DEPTH_MAX = 128

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the model is Python 3.11"),
    pytest.mark.skipif(not PROBE, reason="RW_JSON_PROBE is not set"),
]

BLANKS = [b"", b"", b"", b" ", b"\t", b"\n", b"\r", b" \r\n "]
LITERALS = [b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity"]
NUMBERS = [
    b"0", b"-0", b"1", b"-12", b"10", b"1.5", b"0.0", b"-0.25e7", b"1e9", b"1E+9", b"1e-400", b"9" * 4300,
    b"-" + b"9" * 4300, b"9" * 4301 + b".5", b"9" * 4301 + b"e1", b"1e999999",
]  # fmt: skip
NO_VALUES = [
    b"", b"+1", b"-", b"01", b"-01", b"1.", b".5", b"1e", b"1e+", b"0x10", b"1_0", b"--1", b"-NaN", b"nan", b"inf",
    b"True", b"nul", b"nulll", b"-Inf", b"Infinit", b"'a'", b"\xef\xbb\xbf1", b"\xc2\xa0", b"\xd9\xa1", b"9" * 4301,
    b"-" + b"9" * 4301, b"]", b"}", b",", b":", b"\f", b"\0", b"//", b"undefined",
]  # fmt: skip
CHARACTERS = [
    b"a", b"b", b" ", b"/", b"'", b"\x7f", b"0123456789", b"abcdefghijklmnopqrstuvwxyz", "ä".encode(), "€".encode(),
    "😀".encode(), b"\xc2\x80", b"\xdf\xbf", b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf", "\u2028".encode(), "\ufeff".encode(),
]  # fmt: skip
ESCAPES = [rb"\b", rb"\f", rb"\n", rb"\r", rb"\t", rb"\"", rb"\\", rb"\/", rb"\u0000", rb"\u00e4", rb"\u20AC", rb"\uFFFF"]
SURROGATES = [
    rb"\ud800", rb"\ud83d", rb"\udbff", rb"\udc00", rb"\udc7f", rb"\udc80", rb"\udce2", rb"\udc82", rb"\udcac",
    rb"\udcff", rb"\udd00", rb"\ude00", rb"\udfff", rb"\ud83d\ude00", rb"\ud83d\udc80",
]  # fmt: skip
BAD_CHARACTERS = [
    b"\x00", b"\x1f", b"\n", b"\t", b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80",
    b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5", b"\xff", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc3", rb"\x41",
    rb"\u12", rb"\u12g4", rb"\u 123", rb"\u+123", b"\\\xc3\xa4", b"\\\n", b"\\\0", b'"', b"\\",
]  # fmt: skip
DAMAGE = list(b'[]{},:"\\ \n-+.0129eEuntfNIdc\x00\x1f\x7f\x80\xbf\xc3\xe2\xed\xf0\xf4\xff')


class Pairs(list):
    """An object with all of its keys."""


class Grammar:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def text(self) -> bytes:
        rng = self.rng
        if rng.random() < 0.02:
            return self.deep()
        text = self.blank() + self.value(rng.randint(0, 4)) + self.blank()
        while rng.random() < 0.3:
            text = self.damage(text)
        return text

    def deep(self) -> bytes:
        depth = self.rng.randint(DEPTH_MAX - 3, DEPTH_MAX + 3)
        kinds = [self.rng.random() < 0.5 for _ in range(depth)]
        opening = b"".join(b"[" if kind else b'{"":' for kind in kinds)
        return opening + b"0" + b"".join(b"]" if kind else b"}" for kind in reversed(kinds))

    def damage(self, text: bytes) -> bytes:
        at = self.rng.randint(0, len(text))
        kind = self.rng.random()
        if kind < 0.3:
            return text[:at] + text[at + 1 :]
        if kind < 0.4:
            return text[:at]
        return text[:at] + bytes([self.rng.choice(DAMAGE)]) + text[at + (kind < 0.7) :]

    def blank(self) -> bytes:
        return self.rng.choice(BLANKS)

    def value(self, depth: int) -> bytes:
        kind = self.rng.random()
        if kind < 0.01:
            return self.rng.choice(NO_VALUES)
        if kind < 0.45 and depth:
            return self.array(depth - 1) if kind < 0.25 else self.object(depth - 1)
        if kind < 0.60:
            return self.rng.choice(NUMBERS[: 11 if self.rng.random() < 0.95 else None])
        return self.string() if kind < 0.93 else self.rng.choice(LITERALS)

    def array(self, depth: int) -> bytes:
        return b"[" + self.members(lambda: self.value(depth)) + b"]"

    def object(self, depth: int) -> bytes:
        def member() -> bytes:
            return self.string() + self.blank() + b":" + self.blank() + self.value(depth)

        return b"{" + self.members(member) + b"}"

    def members(self, member: Callable[[], bytes]) -> bytes:
        members = [self.blank() + member() + self.blank() for _ in range(self.rng.choice([0, 1, 1, 2, 3, 5]))]
        return b",".join(members) or self.blank()

    def string(self) -> bytes:
        rng = self.rng
        kinds = [CHARACTERS, rng.choice([CHARACTERS, ESCAPES]), rng.choice([ESCAPES, SURROGATES])]
        if rng.random() < 0.02:
            kinds.append(BAD_CHARACTERS)
        n = rng.choice([0, 1, 2, 3, 5, 8, 40, 300 if rng.random() < 0.1 else 20])
        return b'"' + b"".join(rng.choice(rng.choice(kinds)) for _ in range(n)) + b'"'


def encode(string: str) -> str:
    try:
        return os.fsencode(string).hex() + " "
    except UnicodeEncodeError:
        return "! "


def tokens(value: object, depth: int = 0) -> str:
    """Write a value as the probe does; what is unencodable has no bytes."""
    if isinstance(value, (Pairs, list)) and depth == DEPTH_MAX:
        raise RecursionError
    if isinstance(value, Pairs):
        return "{ " + "".join("k" + encode(k) + tokens(v, depth + 1) for k, v in value) + "} "
    if isinstance(value, list):
        return "[ " + "".join(tokens(v, depth + 1) for v in value) + "] "
    if isinstance(value, str):
        return "s" + encode(value)
    return {None: "n ", True: "t ", False: "f "}[value] if value is None or isinstance(value, bool) else "0 "


def python_reads(data: bytes) -> str:
    try:
        return tokens(json.loads(data.decode("utf-8"), object_pairs_hook=Pairs))
    except (ValueError, RecursionError):
        return "bad"


def python_escapes(data: bytes) -> str:
    text = json.dumps(os.fsdecode(data))[1:-1]
    return f"{len(text)} {text}"


def python_decodes(data: bytes) -> str:
    try:
        return "=" + base64.b64decode(data.decode("latin-1")).hex()
    except ValueError:
        return "bad"


def without_unencodable(answer: str) -> str:
    """Leave out the bytes of strings that are marked as unencodable."""
    return " ".join(t[0] + "!" if t.endswith("!") else t for t in answer.split(" "))


def ask(word: str, inputs: list[bytes], rng: random.Random, *, cut: bool) -> list[str]:
    lines = "".join(f"{word} {rng.randint(1, 2**32) if cut else 0} {data.hex() or '-'}\n" for data in inputs)
    run = subprocess.run([str(PROBE)], input=lines.encode(), capture_output=True, check=True, timeout=300)
    answers = run.stdout.decode("ascii").split("\n")[:-1]
    assert len(answers) == len(inputs)
    return answers


def compare(word: str, seed: int, inputs: list[bytes], model: Callable[[bytes], str]) -> list[str]:
    """Ask Python, and the probe twice; return what Python said."""
    rng = random.Random(seed)
    wanted = [model(data) for data in inputs]
    for cut in (False, True):
        answers = ask(word, inputs, rng, cut=cut)
        if word == "read":
            answers = [without_unencodable(answer) for answer in answers]
        wrong = [(d, w, a) for d, w, a in zip(inputs, wanted, answers, strict=True) if w != a]
        assert not wrong, f"RW_SEED={seed}, cut: {cut}: {len(wrong)} differ, {wrong[:5]!r:.4000}"
    return wanted


def random_bytes(rng: random.Random) -> bytes:
    pieces = [*CHARACTERS, *BAD_CHARACTERS, b"\\", b'"', b"\b\f\n\r\t", b"\xe2", b"\xf0\x9f", b"\xf0", b"\xc3", b"\xed"]
    if rng.random() < 0.2:
        return rng.randbytes(rng.randint(0, 300))
    return b"".join(rng.choice(pieces) for _ in range(rng.choice([0, 1, 2, 3, 5, 30, 300])))


def random_base64(rng: random.Random) -> bytes:
    data = bytearray(base64.b64encode(rng.randbytes(rng.choice([0, 1, 2, 3, 4, 5, 30, 300]))))
    while rng.random() < 0.6:
        at = rng.randint(0, len(data))
        data[at : at + rng.randint(0, 1)] = rng.choice([b"=", b"=", b"A", b"/", b"-", b" ", b"\n", b"==", b"", b"\x00", b"\xff"])
    return bytes(data)


def test_reader_takes_what_python_takes(seed: int) -> None:
    grammar = Grammar(random.Random(seed))
    wanted = compare("read", seed, [grammar.text() for _ in range(TEXTS)], python_reads)
    good = sum(answer != "bad" for answer in wanted)
    assert TEXTS / 3 < good < TEXTS * 9 / 10
    assert sum("!" in answer for answer in wanted) > TEXTS / 100


def test_reader_takes_and_refuses_each_value_as_python_does(seed: int) -> None:
    values = [*LITERALS, *NUMBERS, *NO_VALUES]
    strings = [*CHARACTERS, *ESCAPES, *SURROGATES, *BAD_CHARACTERS]
    strings += [first + second for first in SURROGATES for second in [*SURROGATES, *CHARACTERS, *ESCAPES]]
    inputs = [form % value for value in values for form in (b"%s", b" %s ", b"[%s]", b'{"a":%s}', b"[%s,1]", b"{%s:1}")]
    inputs += [form % value for value in strings for form in (b'"%s"', b'["%s", "b"]', b'{"%s":1}', b'"%s')]
    compare("read", seed, inputs, python_reads)


def test_escape_writes_what_python_writes(seed: int) -> None:
    rng = random.Random(seed)
    inputs = [random_bytes(rng) for _ in range(TEXTS // 4)]
    inputs += [bytes([first, second]) for first in range(256) for second in range(256)]
    compare("escape", seed, inputs, python_escapes)


def test_base64_decodes_what_python_decodes(seed: int) -> None:
    rng = random.Random(seed)
    wanted = compare("base64", seed, [random_base64(rng) for _ in range(TEXTS)], python_decodes)
    assert TEXTS / 10 < sum(answer == "bad" for answer in wanted) < TEXTS * 9 / 10
