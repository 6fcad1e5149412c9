# SPDX-License-Identifier: Apache-2.0
"""The same question to oslo.rootwrap and to rootwrapd, tens of thousands of times.

RW_SEED repeats a run, RW_CASES makes it longer or shorter, RW_BUILD names the build. Each
deployment is asked twice: with `oslo_compat = true`, where nothing may differ, and by
default, where rootwrapd is never looser and stricter only where a row of its policy table
says so (rows.py).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from campaign import Comparison, Findings, report
from generate import Generator
from oracle import CLASSES
from tree import Tree

CASES = int(os.environ.get("RW_CASES", "60000"))

ROWS = ("D0", "D1", "D2", "D3", "D6", "D15", "D16", "D17", "D18")


@pytest.fixture(scope="module")
def findings(
    rootwrapctl: Path, lab: Tree, generator: Generator, seed: int, summaries: list[str]
) -> Findings:
    found = Comparison(rootwrapctl, seed, lab, generator).run(CASES)
    summaries.append(found.summary())
    return found


def test_with_oslo_compat_no_decision_differs(findings: Findings) -> None:
    assert not findings.compat, report(findings.seed, findings.compat)


def test_by_default_stricter_only_by_a_row_and_never_looser(findings: Findings) -> None:
    assert not findings.default, report(findings.seed, findings.default)


def test_what_oslo_does_not_load_ends_with_97_and_nothing_else_does(findings: Findings) -> None:
    assert not findings.loading, report(findings.seed, findings.loading)


@pytest.mark.skipif(CASES < 20000, reason="a short run need not come by everything")
def test_the_run_comes_by_every_class_and_every_row(findings: Findings) -> None:
    assert findings.n_cases >= 20000
    assert findings.n_broken >= 30
    for name in CLASSES:
        if name != "ChainingFilter":  # it never accepts anything
            assert findings.allowed_by_class[name] >= 100, findings.summary()
    for row in ROWS:
        assert findings.rows[row] >= 24, findings.summary()
