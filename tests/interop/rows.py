# SPDX-License-Identifier: Apache-2.0
"""Which answers the default mode may give, and which row of the policy table says so.

oslo's filters are tried one after the other, as oslo tries them; each one that oslo would
accept is an alternative. Where no row of the table touches it, it is certain: the default
mode must stop there. Where a row forbids it, it is dropped, and the row is remembered.
Where a row touches it but leaves room, both ways are permitted. So the answers that may be
given are the alternatives up to the first certain one, or a refusal if there is none.

Since every alternative is one that oslo accepts, a permitted answer is never looser.

D0 implicit privsep-helper, D1 inner commands of chains, D2 path components, D3 ip's options
and abbreviations, D6 whole-argument patterns, D17 EnvFilter, D18 KillFilter. D15 and D16 are
about directories: the oracle's normalised load has them.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oracle import UNAUTHORIZED, Answer, Filter, describe, environment_of
from oslo_rootwrap import filters

#: a row that forbids, and a row that leaves room
MUST = True
MAY = False

Touch = tuple[str, bool]


@dataclass
class Alternative:
    """What running one filter would give; certain unless a row leaves room."""

    answer: Answer
    found: Filter
    rows: set[str] = field(default_factory=set)

    @property
    def certain(self) -> bool:
        return not self.rows


@dataclass
class Permitted:
    """The answers that the default mode may give, and the rows that had a say."""

    answers: list[Answer]
    rows: set[str]


class Evaluation:
    """Tries the filters of one policy on command lines, row by row."""

    def __init__(self, loaded: Sequence[Filter], exec_dirs: list[str]) -> None:
        self.loaded = loaded
        self.exec_dirs = exec_dirs
        self.implicit = loaded[-1]
        self.rows: set[str] = set()
        self.ended = False

    def permitted(self, words: Sequence[str]) -> Permitted:
        self.rows = set()
        self.ended = False
        answers: list[Answer] = []
        allows, missing = self._outcomes(self.loaded, list(words))
        answers += [a.answer for a in allows]
        if not (allows and allows[-1].certain):
            answers += [a.answer for a in missing]
            if self.ended or not (missing and missing[-1].certain):
                answers.append(UNAUTHORIZED)
        return Permitted(answers, set(self.rows))

    def _outcomes(
        self, candidates: Sequence[Filter], words: list[str]
    ) -> tuple[list[Alternative], list[Alternative]]:
        """Return what may be allowed, and what may be found not executable."""
        allows: list[Alternative] = []
        missing: list[Alternative] = []
        for each in self._alternatives(candidates, words):
            if each.answer.decision == "allow":
                allows.append(each)
                if each.certain:
                    break
            elif not (missing and missing[-1].certain):
                missing.append(each)
        return allows, missing

    def _alternatives(
        self, candidates: Sequence[Filter], words: list[str]
    ) -> Iterator[Alternative]:
        seen_by_oslo = list(words)
        for each in candidates:
            try:
                matches = each.match(seen_by_oslo)
            except Exception:  # a traceback: oslo ends here, and so does what is permitted
                self.ended = True
                return
            if not matches:
                continue
            in_chain = candidates is not self.loaded
            touched = list(self._touched(each, words, seen_by_oslo, in_chain=in_chain))
            self.rows |= {row for row, _ in touched}
            if any(forbids for _, forbids in touched):
                continue
            rows = {row for row, _ in touched}
            for found in self._results(candidates, each, words):
                found.rows |= rows
                yield found
            if self.ended:
                return

    def _results(
        self, candidates: Sequence[Filter], found: Filter, words: list[str]
    ) -> Iterator[Alternative]:
        path = found.get_exec(exec_dirs=self.exec_dirs)
        if not isinstance(found, filters.ChainingFilter):
            if not path:
                yield Alternative(describe("not_executable", found), found)
                return
            env: tuple[tuple[str, str], ...] = ()
            if isinstance(found, filters.EnvFilter):
                env = environment_of(words, keep_empty=True)
                if env != environment_of(words, keep_empty=False):
                    self.rows.add("D17")
            argv = found.get_command(list(words), self.exec_dirs)
            yield Alternative(describe("allow", found, argv, env), found)
            return
        for inner in self._inner(candidates, found, words):
            if path:
                yield inner
            else:
                yield replace(inner, answer=describe("not_executable", found))

    def _inner(
        self, candidates: Sequence[Filter], found: Filter, words: list[str]
    ) -> Iterator[Alternative]:
        """Return a chain with each inner command that may be accepted."""
        rest = found.exec_args(words)
        if not rest:
            return
        start = len(words) - len(rest)
        if start == 0:
            # no pattern: what is checked is not among what would be executed
            self.rows.add("D1")
            return
        leaves = [
            leaf
            for leaf in candidates
            if leaf.run_as == found.run_as and not isinstance(leaf, filters.ChainingFilter)
        ]
        head = [found.get_exec(exec_dirs=self.exec_dirs) or found.exec_path, *words[1:start]]
        refused: set[int] = set()
        while True:
            allows, _ = self._outcomes([f for f in leaves if id(f) not in refused], rest)
            n_refused = len(refused)
            for inner in allows:
                assert inner.answer.argv is not None
                for tail, forbids in self._resolved(inner, rest, words[start]):
                    if forbids is not None or tail != words[start:]:
                        self.rows.add("D1")
                    if forbids is MUST:
                        # another path than this filter's: the next one is asked
                        refused.add(id(inner.found))
                        continue
                    rows = set(inner.rows) if forbids is None else {*inner.rows, "D1"}
                    if n_refused:
                        rows.add("D1")
                    yield Alternative(describe("allow", found, [*head, *tail]), found, rows)
            if len(refused) == n_refused:
                return

    def _resolved(
        self, inner: Alternative, rest: list[str], given: str
    ) -> Iterator[tuple[list[str], bool | None]]:
        """Return the inner words as they should be executed, and what D1 says about @given."""
        assert inner.answer.argv is not None
        argv = list(inner.answer.argv)
        if not isinstance(inner.found, filters.EnvFilter):
            yield argv, self._given_path(given, argv[0])
            return
        if rest[0] != "env":
            yield [], MUST  # NAME=VALUE would be executed as a program
            return
        names = len(rest) - len(argv)
        assignments = rest[1:names]
        paths = [p for d in self.exec_dirs if os.access(p := os.path.join(d, "env"), os.X_OK)][:1]
        written: str = inner.found.written_path  # type: ignore[attr-defined]
        if os.path.isabs(written) and os.path.basename(written) == "env":
            if os.access(written, os.X_OK) and written not in paths:
                paths.append(written)
        for path in paths:
            verdict = self._given_path(given, path)
            if verdict is None and len(paths) > 1:
                verdict = MAY
            yield [path, *assignments, *argv], verdict
        if not paths:
            yield [], MUST

    @staticmethod
    def _given_path(given: str, resolved: str) -> bool | None:
        if "/" not in given or given == resolved:
            return None
        return MUST if os.path.isabs(given) else MAY

    # the rows

    def _touched(
        self, found: Filter, words: list[str], seen: list[str], *, in_chain: bool
    ) -> Iterator[Touch]:
        # D17: matching changes nothing, so the words as they were given must match too
        if seen != words:
            if not found.match(list(words)):
                yield "D17", MUST
                return
            if isinstance(found, filters.ChainingFilter):
                yield "D17", MAY
            elif not isinstance(found, filters.EnvFilter):
                self.rows.add("D17")  # accepted, but the words stay as they were given
        if found is self.implicit:
            yield from implicit_privsep(words)
        if isinstance(found, (filters.RegExpFilter, filters.ChainingRegExpFilter)):
            yield from whole_pattern(found.args, words)
        elif isinstance(found, filters.PathFilter):
            yield from path_components(found.args, words[1:])
        elif isinstance(found, filters.IpFilter):
            yield from ip_options(words)
        elif isinstance(found, filters.EnvFilter):
            yield from env_values(found, words)
        elif isinstance(found, filters.KillFilter):
            yield from process_of(words)
            if in_chain:
                yield "D18", MAY  # what another program starts cannot be pinned


def implicit_privsep(words: Sequence[str]) -> Iterator[Touch]:
    """D0: exactly the options that oslo.privsep passes."""
    options = ("--config-file", "--config-dir", "--privsep_context", "--privsep_sock_path")
    counts = dict.fromkeys(options, 0)
    rest = list(words[1:])
    while rest:
        option = rest.pop(0)
        name, equals, _ = option.partition("=")
        if name in counts and equals:
            yield "D0", MAY
            return
        if option not in counts or not rest:
            yield "D0", MUST
            return
        counts[option] += 1
        value = rest.pop(0)
        if option == "--privsep_context":
            if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", value, re.ASCII):
                yield "D0", MUST if re.search(r"[/:\s-]|^$", value) else MAY
            elif "." not in value:
                yield "D0", MAY
        elif not os.path.isabs(value):
            yield "D0", MUST
        elif os.path.normpath(value) != value or value.startswith("//"):
            yield "D0", MAY if option == "--privsep_sock_path" else MUST
        elif os.path.realpath(value) != value or value == "/":
            yield "D0", MAY
    if counts["--privsep_context"] != 1 or counts["--privsep_sock_path"] != 1:
        yield "D0", MAY


def whole_pattern(patterns: Sequence[str], words: Sequence[str]) -> Iterator[Touch]:
    """D6: the pattern matches the whole argument."""
    for pattern, word in zip(patterns, words):
        try:
            whole = re.fullmatch(pattern, word)
        except (re.error, RecursionError, OverflowError, ValueError):
            whole = None
        if not whole:
            yield "D6", MUST
            return


def path_components(constraints: Sequence[str], words: Sequence[str]) -> Iterator[Touch]:
    """D2: whole path components, not string prefixes."""
    for constraint, word in zip(constraints, words):
        if not os.path.isabs(constraint):
            continue
        real = filters.realpath(word)
        if real != constraint and not real.startswith(constraint.rstrip("/") + "/"):
            yield "D2", MUST
            return


#: ip's global options, in the order in which it compares abbreviations, and whether each
#: takes an argument; None: what follows is read from a file
IP_OPTIONS: dict[str, bool | None] = {
    "-loops": True,
    "-family": True,
    "-4": False,
    "-6": False,
    "-0": False,
    "-M": False,
    "-B": False,
    "-human": False,
    "-human-readable": False,
    "-iec": False,
    "-stats": False,
    "-statistics": False,
    "-details": False,
    "-resolve": False,
    "-oneline": False,
    "-timestamp": False,
    "-tshort": False,
    "-Version": False,
    "-force": False,
    "-batch": None,
    "-brief": False,
    "-json": False,
    "-pretty": False,
    "-rcvbuf": True,
    "-color": False,
    "-help": False,
    "-netns": True,
    "-Numeric": False,
    "-all": False,
    "-echo": False,
}

#: the objects that ip knows, those that come first win an abbreviation
IP_OBJECTS = (
    "address addrlabel maddress route rule neighbor neighbour ntable ntbl link l2tp fou ila"
    " macsec tunnel tunl tuntap token tcpmetrics monitor xfrm mroute mrule netns netconf vrf sr"
).split()


def ip_options(words: Sequence[str]) -> Iterator[Touch]:
    """D3: no batch file, no `netns exec`, no `vrf exec`, in no spelling."""
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--":
            yield "D3", MAY
            break
        if option.startswith("--"):
            option = option[1:]
        known = [name for name in IP_OPTIONS if name.startswith(option)]
        if option == "-" or not known:
            # ip itself refuses it
            yield "D3", MAY
            return
        if any(IP_OPTIONS[name] is None for name in known):
            yield "D3", MUST if IP_OPTIONS[known[0]] is None else MAY
            return
        if len({IP_OPTIONS[name] for name in known}) > 1:
            yield "D3", MAY
        if IP_OPTIONS[known[0]]:
            if not rest:
                yield "D3", MAY
                return
            rest.pop(0)
    if len(rest) < 2 or not rest[0] or not rest[1]:
        return
    target, verb = rest[0], rest[1]
    if "exec".startswith(verb) and any(name.startswith(target) for name in ("netns", "vrf")):
        first = next(name for name in IP_OBJECTS if name.startswith(target))
        yield "D3", MUST if first in ("netns", "vrf") else MAY


def env_values(found: Any, words: Sequence[str]) -> Iterator[Touch]:
    """D17: values that the filter names must be those, `env` is the base name."""
    wanted = _assignments(found.args)
    given = _assignments(words[1:] if words[0] == "env" else words)
    if len({n for n, _ in wanted}) != len(wanted) or len({n for n, _ in given}) != len(given):
        yield "D17", MAY
        return
    written: str = found.written_path
    if "env" in written and os.path.basename(written) != "env" and found.exec_path != written:
        # the program named is what the command must be, not the word after the variables
        after = (words[1:] if words[0] == "env" else words)[len(given) :]
        yield "D17", MAY if after[0] in (written, os.path.basename(written)) else MUST
    values = dict(given)
    if any(value and values.get(name) != value for name, value in wanted):
        yield "D17", MUST


def _assignments(words: Sequence[str]) -> list[tuple[str, str]]:
    result = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            break
        result.append((name, value))
    return result


SIGNALS = {f"-{each.name}" for each in signal.Signals}
SIGNALS |= {f"-{each.name[3:]}" for each in signal.Signals}
SIGNALS |= {f"-{each.value}" for each in signal.Signals}


def process_of(words: Sequence[str]) -> Iterator[Touch]:
    """D18: digits only, a signal that can be sent, a program whose file is still there."""
    pid = words[-1]
    if len(words) == 3 and words[1] not in SIGNALS:
        yield "D18", MAY
    if not re.fullmatch(r"[0-9]+", pid):
        yield "D18", MUST
        return
    if len(pid) > 10:
        yield "D18", MAY
    try:
        program = os.readlink(f"/proc/{int(pid)}/exe")
    except (OSError, ValueError):
        return
    if program.endswith(" (deleted)") or not os.path.isfile(program):
        yield "D18", MAY
