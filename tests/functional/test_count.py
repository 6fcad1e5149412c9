# SPDX-License-Identifier: Apache-2.0
"""tests/count: what decides whether a change lands counts failures, and names them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

JUNIT = """<testsuites><testsuite>
<testcase classname="a" name="good" time="0.1"/>
<testcase classname="a" name="bad" time="2.5"><failure message="assert 1 == 2&#10;more">x = 1
tests/test_a.py:7: AssertionError</failure></testcase>
<testcase classname="a" name="broken" time="0"><error message="OSError: x">y</error></testcase>
<testcase classname="a" name="left" time="0"><skipped message="why">z</skipped></testcase>
</testsuite></testsuites>"""
MESON = "\n".join(map(json.dumps, [
    {"name": "one", "result": "OK", "stdout": "ok 1 - a\nok 2 - b\n"},
    {"name": "two", "result": "FAIL", "stdout": "ok 1 - a\nnot ok 2 - b\n# 1 != 2\n"},
    {"name": "three", "result": "TIMEOUT", "stdout": ""},
]))


def count(source_dir: Path, *words: str | Path) -> tuple[int, list[str]]:
    done = subprocess.run([source_dir / "tests/count", *words], capture_output=True,
                          encoding="utf-8", check=False)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("name, text, total, failed", [
    ("r.xml", JUNIT, "1 passed, 3 failed",
     ["a.bad: failure after 2.5 s", "    assert 1 == 2", "    more",
      "    tests/test_a.py:7: AssertionError", "a.broken: error after 0.0 s", "    OSError: x",
      "a.left: skipped after 0.0 s", "    why"]),
    ("r.json", MESON, "3 passed, 2 failed",
     ["two: FAIL", "    not ok 2 - b", "    # 1 != 2", "three: TIMEOUT"]),
])
def test_what_failed_is_counted_and_named(
    source_dir: Path, tmp_path: Path, name: str, text: str, total: str, failed: list[str]
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert count(source_dir, path) == (1, [total])
    assert count(source_dir, "--failed", path) == (1, failed)


@pytest.mark.parametrize("name", ["missing.xml", "missing.json", "*"])
def test_a_file_that_is_not_there_is_a_failure(source_dir: Path, tmp_path: Path, name: str
                                               ) -> None:
    path = tmp_path / name
    assert count(source_dir, path) == (1, ["0 passed, 1 failed"])
    code, lines = count(source_dir, "--failed", path)
    assert code == 1
    assert f"{path} can't be read: " in lines[0]


def test_nothing_that_passed_is_a_failure(source_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.xml"
    path.write_text("<testsuites/>", "utf-8")
    assert count(source_dir, path) == (1, ["0 passed, 0 failed"])
    assert count(source_dir, "--failed", path) == (0, [])
