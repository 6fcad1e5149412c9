# SPDX-License-Identifier: Apache-2.0
"""Runs some of oslo.rootwrap's own functional tests, unchanged, and writes down how each went.

    own_tests.py PYTHON RESULTS ID...

PYTHON is what the tests take for the interpreter (sys.executable); RESULTS gets a JSON object of
test id to null (passed) or what went wrong. A test that is skipped has proved nothing.

multiprocessing is imported before eventlet can patch what it is made from, as the test runner of
OpenStack's own jobs does: otherwise test_graceful_death opens a FIFO, and so stops all greenlets,
before the one that would make somebody write to it.
"""

from __future__ import annotations

import json
import multiprocessing.managers  # noqa: F401
import sys
import unittest
from pathlib import Path
from typing import Any


class Recorder(unittest.TestResult):
    """What became of each test."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str | None] = {}

    def addSuccess(self, test: Any) -> None:
        self.outcomes.setdefault(test.id(), None)

    # testtools gives details instead of an exception
    def _bad(self, what: str, test: Any, error: Any, details: Any) -> None:
        said = "\n".join(f"{name}: {content.as_text()}" for name, content in (details or {}).items())
        self.outcomes[test.id()] = f"{what}: {error}\n{said}"

    def addFailure(self, test: Any, err: Any = None, details: Any = None) -> None:
        self._bad("failure", test, err, details)

    def addError(self, test: Any, err: Any = None, details: Any = None) -> None:
        self._bad("error", test, err, details)

    def addSkip(self, test: Any, reason: Any = None, details: Any = None) -> None:
        self._bad("skipped", test, reason, details)


def main(python: str, results: str, ids: list[str]) -> int:
    """Runs the tests one after the other."""
    if python:
        sys.executable = python
    recorder = Recorder()
    unittest.defaultTestLoader.loadTestsFromNames(ids).run(recorder)
    Path(results).write_text(json.dumps(recorder.outcomes), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
