# SPDX-License-Identifier: Apache-2.0
"""oslo.rootwrap's own functional tests, as Debian ships them, on our programs and on its own.

Unchanged: only what they take for the Python interpreter is a shim that starts our programs where
they start oslo.rootwrap's. Each of them is a test here, under its own name.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from rwtest import programs

RUNNER = Path(__file__).with_name("own_tests.py")
SHIM = Path(__file__).with_name("python-shim")

PLAIN = "oslo_rootwrap.tests.test_functional"
EVENTLET = "oslo_rootwrap.tests.test_functional_eventlet"

ANY_WAY = ("test_run_as", "test_run_command_not_found", "test_run_once",
           "test_run_unauthorized_command", "test_run_with_bogus_path", "test_run_with_path",
           "test_run_with_stdin")
DAEMON = (*ANY_WAY, "test_daemon_cleanup_client", "test_daemon_cleanup_signal",
          "test_daemon_ressurection", "test_daemon_timeout", "test_graceful_death",
          "test_run_with_later_install_cmd")

TESTS = [
    *(f"{PLAIN}.RootwrapTest.{name}" for name in ANY_WAY),
    *(f"{PLAIN}.RootwrapDaemonTest.{name}" for name in DAEMON),
    *(f"{EVENTLET}.RootwrapDaemonTest.{name}" for name in (*DAEMON, "test_eventlet_threads")),
]
# They sleep for 15 s and more: each has a process of its own, which runs beside all others.
SLEEPERS = [name for name in TESTS if name.endswith(("timeout", "threads"))]
QUICK = [name for name in TESTS if name not in SLEEPERS]
# These give a daemon one second to end, and oslo.rootwrap's looks once a second whether it should:
# on its own daemon, which is here only to show that the tests are run rightly, they may try again.
IMPATIENT = ("test_daemon_cleanup_client", "test_daemon_cleanup_signal")
ATTEMPTS = 4

DEADLINE_S = 120

# The one that is wrong: it compares the bytes that a process printed with text, where it is run by
# root (elsewhere it is skipped).
WRONG = f"{PLAIN}.RootwrapTest.test_run_as"
WRONG_SAYS = "'65534\\n' != b'65534\\n'"


class Run:
    """Some of the tests, in a process of their own."""

    def __init__(self, ids: list[str], folder: Path, ours: bool) -> None:
        self.ids = ids
        self.results = folder / "results.json"
        self.called = folder / "called"
        environ = {**os.environ, "RW_SHIM_LOG": str(self.called)}
        environ.pop("TEST_EVENTLET", None)
        if EVENTLET in ids[0]:
            environ["TEST_EVENTLET"] = "1"
        else:
            # as where eventlet is not installed: oslo.rootwrap imports it, and starts slowly then
            (folder / "eventlet.py").write_text("raise ImportError\n", encoding="ascii")
            environ["PYTHONPATH"] = str(folder)
        if ours:
            environ["RW_SHIM_BIN"] = str(programs.ours().program.parent)
        self.log = (folder / "log").open("w+b")
        self.process = subprocess.Popen(
            ["/usr/bin/python3", RUNNER, SHIM if ours else "", self.results, *ids],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environ)

    def outcomes(self) -> dict[str, str | None]:
        """What became of each; waits for the end."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(DEADLINE_S)
        self.kill()
        self.log.seek(0)
        said = self.log.read().decode("utf-8", "replace")
        self.log.close()
        if not self.results.exists():
            return {name: f"no result:\n{said}" for name in self.ids}
        found: dict[str, str | None] = json.loads(self.results.read_bytes())
        return {name: found.get(name, f"it did not run:\n{said}") for name in (*self.ids, *found)}

    def kill(self) -> None:
        """Ends it, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Runs:
    """All of the tests on both implementations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()
        self.sleeping = {(who, name): self._start(who, [name])
                         for who in ("ours", "oslo") for name in SLEEPERS}
        self.done: dict[str, dict[str, str | None]] = {}
        self.called: dict[str, list[str]] = {"ours": [], "oslo": []}

    def _start(self, who: str, ids: list[str]) -> Run:
        folder = self.folder / f"{who}-{next(self.numbers)}"
        folder.mkdir()
        return Run(ids, folder, who == "ours")

    def outcomes(self, who: str) -> dict[str, str | None]:
        """What became of each test; the first call runs the quick ones."""
        if who not in self.done:
            found: dict[str, str | None] = {}
            quick = [self._start(who, [name for name in QUICK if name.startswith(module + ".")])
                     for module in (PLAIN, EVENTLET)]
            for run in quick:
                found |= run.outcomes()
                self._note(who, run)
            for (owner, _), run in self.sleeping.items():
                if owner == who:
                    found |= run.outcomes()
                    self._note(who, run)
            if who == "oslo":
                self._try_again(found)
            self.done[who] = found
        return self.done[who]

    def _try_again(self, found: dict[str, str | None]) -> None:
        """Lets the impatient tests of oslo.rootwrap's own daemon have another second."""
        for _ in range(1, ATTEMPTS):
            for name in [name for name in QUICK if name.endswith(IMPATIENT) and found[name]]:
                found |= self._start("oslo", [name]).outcomes()

    def _note(self, who: str, run: Run) -> None:
        if run.called.exists():
            self.called[who] += run.called.read_text(encoding="ascii").split()

    def close(self) -> None:
        """Ends what still runs."""
        for run in self.sleeping.values():
            run.kill()


@pytest.mark.parametrize("who", ["ours", "oslo"])
@pytest.mark.parametrize("name", TESTS)
def test_own(runs: Runs, who: str, name: str) -> None:
    outcome = runs.outcomes(who)[name]
    if name == WRONG:
        assert outcome and WRONG_SAYS in outcome
    else:
        assert outcome is None, outcome


def test_there_are_no_other_tests(runs: Runs) -> None:
    script = ("import unittest, sys\n"
              "suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])\n"
              "def walk(suite):\n"
              "    for test in suite:\n"
              "        yield from walk(test) if hasattr(test, '__iter__') else [test.id()]\n"
              "print('\\n'.join(walk(suite)))\n")
    done = subprocess.run(["/usr/bin/python3", "-c", script, PLAIN, EVENTLET],
                          env={**os.environ, "TEST_EVENTLET": "1"}, capture_output=True,
                          encoding="utf-8", check=True, timeout=DEADLINE_S)
    assert sorted(done.stdout.split()) == sorted(TESTS)


def test_it_was_our_programs_that_ran(runs: Runs) -> None:
    runs.outcomes("ours")
    assert runs.called["ours"].count("rootwrap") >= len(ANY_WAY)
    assert runs.called["ours"].count("rootwrap-daemon") >= 2 * len(DAEMON)
    runs.outcomes("oslo")
    assert runs.called["oslo"] == []
