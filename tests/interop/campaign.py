# SPDX-License-Identifier: Apache-2.0
"""A whole run of the comparison: deployment after deployment, each asked in both modes."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from compare import BAD_CONFIG, Disagreement, Malformed, Run, judge_compat, judge_default, parse
from generate import Deployment, Generator
from oracle import Answer, ConfigError, Policy
from rows import Evaluation
from tree import Tree
from words import WordGenerator

LINES_A_DEPLOYMENT = 60

#: how many disagreements of a kind a report shows
SHOWN = 8

@dataclass
class Findings:
    """What a whole run found, and how often it came by what."""

    seed: int
    n_cases: int = 0
    n_deployments: int = 0
    n_broken: int = 0
    n_tracebacks: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    allowed_by_class: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    stricter: Counter[str] = field(default_factory=Counter)
    compat: list[Disagreement] = field(default_factory=list)
    default: list[Disagreement] = field(default_factory=list)
    loading: list[Disagreement] = field(default_factory=list)

    def summary(self) -> str:
        return "\n".join(
            (
                f"RW_SEED={self.seed}: {self.n_cases} cases in {self.n_deployments} deployments,"
                f" {self.n_broken} of them broken",
                f"oslo's decisions: {dict(self.decisions.most_common())}",
                f"allowed, by class: {dict(self.allowed_by_class.most_common())}",
                f"cases that a row touches: {dict(sorted(self.rows.items()))}",
                f"default stricter, by row: {dict(sorted(self.stricter.items()))}",
                f"disagreements: {len(self.compat)} with oslo_compat, {len(self.default)} by"
                f" default, {len(self.loading)} in loading",
            )
        )


def report(seed: int, found: list[Disagreement]) -> str:
    """Return the smallest disagreements, each kind with its number."""
    kinds = Counter(each.what for each in found)
    smallest = sorted(found, key=lambda each: each.size)
    shown: list[Disagreement] = []
    for each in smallest:
        if sum(other.what == each.what for other in shown) < SHOWN:
            shown.append(each)
    text = "\n".join(map(str, shown))
    return f"RW_SEED={seed}: {dict(kinds)}, the smallest first\n{text}"


class Comparison:
    def __init__(self, program: Path, seed: int, tree: Tree, generator: Generator) -> None:
        self.program = program
        self.tree = tree
        self.generator = generator
        self.findings = Findings(seed)

    def run(self, n_cases: int) -> Findings:
        number = 0
        while self.findings.n_cases < n_cases:
            self.one(self.generator.deployment(number))
            number += 1
        return self.findings

    def one(self, deployment: Deployment) -> None:
        folder = self.generator.configs / str(deployment.number)
        deployment.write(folder)
        self.findings.n_deployments += 1
        with self.working_directory(deployment, folder):
            self._compare(deployment, folder)

    @contextmanager
    def working_directory(self, deployment: Deployment, folder: Path) -> Iterator[None]:
        if not deployment.cwd_gone:
            with chdir(self.tree.work):
                yield
            return
        gone = folder / "gone"
        gone.mkdir()
        before = os.getcwd()
        os.chdir(gone)
        gone.rmdir()
        try:
            yield
        finally:
            os.chdir(before)

    def _compare(self, deployment: Deployment, folder: Path) -> None:
        compat = load(folder / "compat.conf", normalised=False)
        default = load(folder / "default.conf", normalised=True)
        lines = self._lines(deployment, compat)
        runs = [Run(self.program, folder / f"{mode}.conf", lines) for mode in ("compat", "default")]
        where = f"deployment {deployment.number} of RW_SEED={self.findings.seed}"
        where += f"\n{deployment.text()}"
        if isinstance(compat, ConfigError):
            self.findings.n_broken += 1
        else:
            self._count(compat, default, lines)
        answers = self._answers(runs[0], compat, lines, where + "\n--- oslo_compat = true", False)
        if isinstance(compat, Policy) and answers:
            for line, ours in zip(lines, answers, strict=True):
                wrong = judge_compat(line, compat.decide(line), ours, where)
                if wrong:
                    self.findings.compat.append(wrong)
        relative = isinstance(default, Policy) and bool(default.relative_dirs)
        answers = self._answers(runs[1], default, lines, where + "\n--- default", relative)
        if isinstance(default, Policy) and answers:
            self._judge_default(default, lines, answers, where)

    def _lines(self, deployment: Deployment, policy: Policy | ConfigError) -> list[list[str]]:
        if isinstance(policy, ConfigError):
            return [["ls"]]
        rng = random.Random(f"{self.findings.seed}:{deployment.number}:words")
        generator = WordGenerator(rng, self.tree, policy.filters)
        return [generator.line() for _ in range(LINES_A_DEPLOYMENT)]

    def _count(
        self, compat: Policy, default: Policy | ConfigError, lines: Sequence[Sequence[str]]
    ) -> None:
        found = self.findings
        found.n_cases += len(lines)
        for line in lines:
            oslo = compat.decide(line)
            found.decisions[oslo.decision] += 1
            if oslo.decision == "allow":
                found.allowed_by_class[str(oslo.cls)] += 1
            if isinstance(default, Policy) and default.decide(line) != oslo:
                # the directories alone made the difference
                found.rows["D15" if default.unstripped or default.relative_dirs else "D16"] += 1

    def _answers(
        self,
        run: Run,
        policy: Policy | ConfigError,
        lines: Sequence[Sequence[str]],
        where: str,
        may_refuse: bool,
    ) -> list[Answer]:
        """Return one answer a line, or none if the program could not or should not load."""
        status, out, err = run.finish()
        fails = isinstance(policy, ConfigError)
        got = f"exit status {status}, stderr {err!r}"
        if status == BAD_CONFIG and (fails or may_refuse):
            if out not in ([], [""]) or err.count("\n") != 1:
                said = "nothing on stdout, one line on stderr"
                self._wrong_load("97 says too much or too little", where, said, f"{got}, {out}")
            return []
        if fails or status != 0:
            expected = f"97: {policy}" if fails else "exit status 0"
            self._wrong_load("loads what oslo does not" if fails else "fails", where, expected, got)
            return []
        try:
            answers = [parse(line) for line in out if line]
            if len(answers) != len(lines):
                raise Malformed(f"{len(answers)} answers to {len(lines)} lines")
        except Malformed as exc:
            self._wrong_load("malformed output", where, "one object a line", f"{exc}; {got}")
            return []
        return answers

    def _wrong_load(self, what: str, where: str, expected: str, got: str) -> None:
        self.findings.loading.append(Disagreement(what, where, [], expected, got))

    def _judge_default(
        self, policy: Policy, lines: list[list[str]], answers: list[Answer], where: str
    ) -> None:
        for line, ours in zip(lines, answers, strict=True):
            oslo = policy.decide(line)
            evaluation = Evaluation(policy.fresh(), policy.exec_dirs)
            permitted = evaluation.permitted(line)
            self.findings.rows.update(permitted.rows)
            if oslo.decision == "allow" and ours.decision != "allow":
                self.findings.stricter["+".join(sorted(permitted.rows)) or "none"] += 1
            wrong = judge_default(line, oslo, permitted, ours, where)
            if wrong:
                self.findings.default.append(wrong)


def load(conf: Path, *, normalised: bool) -> Policy | ConfigError:
    try:
        return Policy.load(str(conf), normalised=normalised)
    except ConfigError as exc:
        return exc
