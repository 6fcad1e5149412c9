# SPDX-License-Identifier: Apache-2.0
"""The same expressions and arguments to Python's re and to regex.c.

Each pair is an expression of a random grammar, which knows all of Python's constructs and many
that only other engines have, and an argument of the characters that the grammar likes. What Python
answers (3.11; an exception is "no") is what regex.c has to answer, in both modes. A "limit" of ours
is a refusal: allowed, but seldom, and only for the reasons that pyre.h lists; among them is what
Python 3.11 itself gets wrong (possessive repeats of groups).

RW_SEED repeats a run, RW_PAIRS sets its size, RW_REGEX_PROBE names the program.
"""

import os
import random
import re
import subprocess
import sys
import time
import warnings

import pytest

PAIRS = int(os.environ.get("RW_PAIRS", "40000"))
ARGUMENTS_PER_PATTERN = 8
PROBE = os.environ.get("RW_REGEX_PROBE")

pytestmark = [
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the model is Python 3.11"),
    pytest.mark.skipif(not PROBE, reason="RW_REGEX_PROBE is not set"),
]

CHARACTERS = "aaabbcAB01_ -]\n\n\t\x1c\x85\u180eéÉßſKkiIİıſsS²٣€\udcff\udc80𝟘😀ǅǆ"
GROUP_NAMES = ["n", "m", "_x1", "é", "x" * 40, "١", "a²", "1n", "a-b", "ⅷ"]
NUMBERS = ["1", "2", "3", "0", "01", "+1", " 2 ", "1_0", "١", "-1", "10", "99999999999", "R", "DEFINE", "<n>"]
ESCAPES = (
    r"\d \D \s \S \w \W \A \Z \b \B \a \f \n \r \t \v \\ \. \[ \] \{ \- \/ \é \_ \# \  "
    r"\x41 \x4 \x \u0061 \u00e9 \u12 \U00000061 \U00110000 \U0001F600 \0 \01 \012 \08 \101 \141 "
    r"\377 \400 \1 \2 \3 \8 \9 \10 \99 \18 \N{EM.DASH} \N \h \H \V \R \X \K \G \z \C \e \cA "
    r"\Qa\E \p{L} \pL \P{L} \o{101} \x{41} \g1 \g{1} \g<1> \k<n> \k{n} \c \y \i \Z \z"
).replace(".", " ").split(" ")
OTHER_ENGINES = [
    "(?<n>a)", "(?'n'a)", "(?|a|b)", "(?1)", "(?R)", "(?P>n)", "(?&n)", "(?C)", "(?C1)", "(*FAIL)",
    "(*ACCEPT)", "(*UTF)", "(?(?=a)a|b)", "(?(R)a)", "(?(DEFINE)a)", "(?(<n>)a|b)", "(?^)", "(?)",
    "(?^i:a)", "(?J)", "(?U)", "(?n)", "(?+1)", "(?-1)", "(?i-)", "(?-i)", "[[:alpha:]]", "[[:<:]]",
    "[.a.]", "[[.a.]]", "[=a=]", "[:a:]", "a{,2}", "a{,}", "a{1,}", "a{2,1}", "(?P=n", "(?P<n",
    "(?#c)", "(?#", "(?# \\) )", "(?L)", "(?t)", "(?t:a)", "(?P", "(?", "(?<", "(?-", "(?i", "(?i-s",
    "(?a", "a**", "a*?+", "a++", "a?+", "a{2}+", "^*", "$+", "\\b*", "|*", "(*a)", "{2}", "}", "]",
    "a{65536}", "[a]{65537}", "a{4294967294}", "a{4294967295}", "(?:ab){65536}", "(?:a|b){3}",
    "a{0}", "a{00002}", "(?:a*)*", "(?:a?)+?", "(a|)*", "(|a)+", "(?=a)*", "(?!a){2}", "()", "(?:)",
]  # fmt: skip
SET_MEMBERS = list("aabcAB01_^-]&~|[.:=,\n\x1céßſKiIİıſ²٣\udcff") + [
    r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"\b", r"\B", r"\A", r"\]", r"\\", r"\-", r"\^", r"\n",
    r"\x41", r"\u00e9", r"\0", r"\101", r"\400", r"\8", r"\N{DIGIT ONE}", r"\p{L}", r"\h", r"\Q",
    "a-c", "A-z", "0-9", "c-a", "a-\\d", "\\d-a", "!-~", "é-ÿ", "Ā-ſ", "\udc80-\udcff", "--a", "&&",
    "[:alpha:]", "[.a.]", "[=a=]", "[:", ":]",
]  # fmt: skip
FLAGS = ["i", "s", "m", "x", "a", "u", "ia", "im", "aiu", "L", "t", "imsx", ""]


class Grammar:
    def __init__(self, rng):
        self.rng = rng

    def pattern(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.05:
            return self.soup()
        text = self.alternatives(rng.randint(1, 4))
        if rng.random() < 0.35:
            text = "(?" + rng.choice(FLAGS) + ")" + text
        if rng.random() < 0.03:
            text = rng.choice([" ", "a", "(?#c)", "(?i)", "|"]) + text
        if rng.random() < 0.12:
            text = self.damage(text)
        if rng.random() < 0.06:
            text += rng.choice(["\\", "\\\\", " # c", "|", "(?#c)", "{2", "[", "#\\"])
        return text

    def soup(self):
        return "".join(self.rng.choice("()[]{}*+?|^$\\.-:=!<>#PiaxmsNu012,ab& \n") for _ in range(self.rng.randint(0, 10)))

    def damage(self, text):
        rng = self.rng
        at = rng.randint(0, len(text))
        if rng.random() < 0.5:
            return text[:at] + text[at + 1 :]
        return text[:at] + rng.choice(list("()[]{}*+?|^$\\.-:=!<>#P2 \n")) + text[at:]

    def alternatives(self, depth):
        n = self.rng.choice([1, 1, 1, 2, 2, 3])
        return "|".join(self.sequence(depth) for _ in range(n))

    def sequence(self, depth):
        return "".join(self.repeated(depth) for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3])))

    def repeated(self, depth):
        rng = self.rng
        text = self.atom(depth)
        if rng.random() < 0.35:
            text += rng.choice(["*", "+", "?", "*", "{2}", "{0}", "{1}", "{3}", "{1,2}", "{,2}", "{2,}", "{x", "{}"])
            text += rng.choice(["", "", "", "?", "+"])
        return text

    def atom(self, depth):
        rng = self.rng
        kind = rng.random()
        if kind < 0.30 or depth <= 0:
            return rng.choice("aaabbc01_ABksiSKI \n#éſİı]}-") if kind < 0.2 else "."
        if kind < 0.42:
            return rng.choice(ESCAPES) if rng.random() < 0.4 else rng.choice([r"\w", r"\d", r"\s", r"\b", r"\B", r"\W", r"\S", r"\n", r"\Z", r"\A"])
        if kind < 0.47:
            return rng.choice("^$^$.")
        if kind < 0.60:
            return self.set()
        if kind < 0.66:
            return rng.choice([r"\1", r"\1", r"\2", "(?P=n)", "(?P=m)", r"\3"])
        if kind < 0.70:
            return rng.choice(OTHER_ENGINES)
        return self.group(depth - 1)

    def set(self):
        rng = self.rng
        text = "[" + rng.choice(["", "", "^"])
        text += "".join(rng.choice(SET_MEMBERS) for _ in range(rng.randint(0 if rng.random() < 0.1 else 1, 4)))
        return text + ("]" if rng.random() < 0.97 else "")

    def group(self, depth):
        rng = self.rng
        inner = self.alternatives(depth)
        kind = rng.random()
        if kind < 0.3:
            return "(" + inner + ")"
        if kind < 0.4:
            return "(?:" + inner + ")"
        if kind < 0.5:
            return "(?P<" + (rng.choice("nm") if rng.random() < 0.8 else rng.choice(GROUP_NAMES)) + ">" + inner + ")"
        if kind < 0.58:
            return "(?" + rng.choice("=!") + inner + ")"
        if kind < 0.66:
            return "(?<" + rng.choice("=!") + rng.choice([self.repeated(0), inner, "a", "ab", r"\b", r"\1"]) + ")"
        if kind < 0.74:
            return "(?>" + inner + ")"
        if kind < 0.84:
            which = rng.choice("112n") if rng.random() < 0.75 else rng.choice(NUMBERS + GROUP_NAMES)
            no = "|" + self.sequence(depth) if rng.random() < 0.7 else ""
            return "(?(" + which + ")" + self.sequence(depth) + no + ")"
        flags = rng.choice(FLAGS) + rng.choice(["", "", "-i", "-s", "-x", "-m", "-a", "-"])
        return "(?" + flags + ":" + inner + ")"

    def argument(self):
        rng = self.rng
        if rng.random() < 0.5:
            return "".join(rng.choice("aab\ncA1_ ") for _ in range(rng.randint(0, 6)))
        return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(0, 6)))


def python_answers(pattern, argument):
    answers = []
    for text, match in ((pattern, re.fullmatch), (pattern + "$", re.match)):
        try:
            compiled = re.compile(text)
        except (re.error, RuntimeError, OverflowError, ValueError, IndexError):
            # RecursionError is a RuntimeError, and so is the complaint of Python about its own code
            answers.append("bad")
            continue
        try:
            answers.append("match" if match(compiled, argument) else "no")
        except (RecursionError, MemoryError, SystemError):
            answers.append("no")
    return answers


def encode(text):
    return text.encode("utf-8", "surrogateescape").hex() or "-"


def can_encode(text):
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


def valid_pattern(text):
    # A filter file is valid UTF-8: no surrogates in a pattern.
    return "".join(c for c in text if not 0xD800 <= ord(c) <= 0xDFFF)


def probe(pairs):
    lines = "".join(f"{encode(p)} {encode(a)}\n" for p, a in pairs)
    run = subprocess.run([PROBE], input=lines, capture_output=True, text=True, check=True, timeout=900)
    answers = [line.split() for line in run.stdout.splitlines()]
    assert len(answers) == len(pairs)
    return answers


def make_pairs(seed, n_pairs):
    rng = random.Random(seed)
    grammar = Grammar(rng)
    pairs = []
    while len(pairs) < n_pairs:
        pattern = valid_pattern(grammar.pattern())
        for _ in range(ARGUMENTS_PER_PATTERN):
            argument = grammar.argument()
            if can_encode(argument) and "\0" not in argument:
                pairs.append((pattern, argument))
    return pairs


@pytest.fixture(scope="module")
def run():
    seed = int(os.environ.get("RW_SEED", time.time_ns() % 2**32))
    print(f"RW_SEED={seed}")
    warnings.simplefilter("ignore")
    pairs = make_pairs(seed, PAIRS)
    expected = [python_answers(p, a) for p, a in pairs]
    return seed, list(zip(pairs, expected, probe(pairs)))


def test_answers_are_those_of_python(run):
    seed, rows = run
    wrong = [
        (pair, want, got)
        for pair, want, got in rows
        if any(w != g and g != "limit" for w, g in zip(want, got))
    ]
    assert not wrong, f"seed {seed}: {len(wrong)} differ, " + "; ".join(map(repr, wrong[:20]))


def test_whole_never_matches_where_oslo_does_not(run):
    seed, rows = run
    looser = [(pair, got) for pair, _, got in rows if got[0] == "match" and got[1] != "match"]
    assert not looser, f"seed {seed}: {looser[:20]}"


def test_refusals_are_seldom_and_matches_are_not(run):
    _, rows = run
    limits = sum(got[0] == "limit" and want[0] != "bad" for _, want, got in rows)
    matches = sum(got[0] == "match" for _, _, got in rows)
    assert limits < len(rows) / 40
    assert matches > len(rows) / 50
