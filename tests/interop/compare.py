# SPDX-License-Identifier: Apache-2.0
"""Runs `rootwrapctl explain` and judges its answers by the oracle's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oracle import EXIT_CODES, UNAUTHORIZED, Answer
from rows import Permitted

BAD_CONFIG = 97
TIMEOUT_S = 120

KEYS = {"decision", "filter", "class", "run_as", "argv", "env", "exit_code"}


class Malformed(Exception):
    """The program's output is not what its interface says."""


@dataclass(frozen=True)
class Disagreement:
    """One wrong answer, with everything that is needed to see it again."""

    what: str
    where: str
    words: Sequence[str]
    expected: str
    got: str

    @property
    def size(self) -> int:
        return len(self.where) + sum(len(word) + 4 for word in self.words)

    def __str__(self) -> str:
        return (
            f"== {self.what}\n{self.where}\n--- words\n{json.dumps(list(self.words))}\n"
            f"--- expected\n{self.expected}\n--- got\n{self.got}\n"
        )


class Run:
    """One `explain --batch` under way: it works while the oracle does."""

    def __init__(self, program: Path, conf: Path, lines: Iterable[Sequence[str]]) -> None:
        self.conf = conf
        question = conf.with_suffix(".in")
        question.write_text("".join(json.dumps(list(line)) + "\n" for line in lines))
        with open(question, "rb") as stdin, open(conf.with_suffix(".out"), "wb") as stdout:
            with open(conf.with_suffix(".err"), "wb") as stderr:
                self.child = subprocess.Popen(
                    [program, "explain", "--json", "--batch", conf],
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                )

    def finish(self) -> tuple[int, list[str], str]:
        """Return the exit status, the lines of stdout, and stderr."""
        try:
            status = self.child.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            status = self.child.wait()
        out = self.conf.with_suffix(".out").read_bytes().decode("utf-8", "backslashreplace")
        err = self.conf.with_suffix(".err").read_bytes().decode("utf-8", "backslashreplace")
        return status, out.split("\n")[:-1] if out.endswith("\n") else out.split("\n"), err


def parse(line: str) -> Answer:
    """Return the answer that one line of output holds."""
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError as exc:
        raise Malformed(f"not JSON: {line!r}") from exc
    if not isinstance(said, dict) or not KEYS <= set(said):
        raise Malformed(f"keys are missing: {line!r}")
    decision = said["decision"]
    if decision not in EXIT_CODES or said["exit_code"] != EXIT_CODES[decision]:
        raise Malformed(f"decision and exit_code don't fit: {line!r}")
    if (said["argv"] is not None) != (decision == "allow"):
        raise Malformed(f"argv belongs to what is allowed: {line!r}")
    if said["env"] and decision != "allow":
        raise Malformed(f"env belongs to what is allowed: {line!r}")
    env = said["env"] or {}
    added = {name: value for name, value in env.items() if os.environ.get(name) != value}
    return Answer(
        decision,
        said["filter"],
        said["class"],
        said["run_as"],
        None if said["argv"] is None else tuple(said["argv"]),
        tuple(sorted(added.items())),
    )


def show(answer: Answer) -> str:
    return json.dumps(answer.to_json())


def judge_compat(
    words: Sequence[str], oslo: Answer, ours: Answer, where: str
) -> Disagreement | None:
    """With oslo_compat = true nothing at all may differ."""
    if ours == oslo:
        return None
    return Disagreement("oslo_compat differs", where, words, show(oslo), show(ours))


def judge_default(
    words: Sequence[str], oslo: Answer, permitted: Permitted, ours: Answer, where: str
) -> Disagreement | None:
    """By default: never looser, and stricter only where a row says so."""
    answers = [without_known(answer) for answer in permitted.answers]
    if ours in answers:
        return None
    if ours.decision == "allow" and oslo.decision != "allow":
        what = "default is LOOSER than oslo"
    elif ours == UNAUTHORIZED and oslo == UNAUTHORIZED:
        what = "the oracle's rows and its decision differ"
    elif ours.decision == "allow":
        what = "default allows another thing than permitted"
    else:
        what = "default is stricter without a row"
    expected = "\n".join(
        (f"oslo: {show(oslo)}", f"rows: {sorted(permitted.rows)}", *map(show, answers))
    )
    return Disagreement(what, where, words, expected, show(ours))


def without_known(answer: Answer) -> Answer:
    """Drop what the environment has anyway."""
    env = tuple((name, value) for name, value in answer.env if os.environ.get(name) != value)
    return Answer(answer.decision, answer.filter, answer.cls, answer.run_as, answer.argv, env)
