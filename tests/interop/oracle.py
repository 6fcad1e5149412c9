# SPDX-License-Identifier: Apache-2.0
"""What the real oslo.rootwrap decides, as the object that `rootwrapctl explain` prints.

The distribution's own `oslo_rootwrap` is imported and asked; nothing of its logic is
written down here a second time. Three things are added:

* the order of `wrapper.start_subprocess`: match_filter, get_command, get_environment, all
  on one list of words, since matching may change it;
* upstream's answers where release 6.3.1 ends with a traceback and its successors decide
  (`_take_upstreams_answers`, the only place where oslo is changed);
* a "normalised" load: directories stripped, relative ones dropped, files in name order
  and backup files skipped. That is what rootwrapd does by default (rows D15 and D16), so
  that a comparison can look at the other rows alone.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from oslo_rootwrap import filters, wrapper

Filter = filters.CommandFilter

CLASSES = (
    "CommandFilter",
    "RegExpFilter",
    "PathFilter",
    "KillFilter",
    "ReadFileFilter",
    "IpFilter",
    "EnvFilter",
    "ChainingFilter",
    "IpNetnsExecFilter",
    "ChainingRegExpFilter",
)

BACKUP_SUFFIXES = ("~", ".rpmsave", ".rpmnew", ".orig", ".bak")


class ConfigError(Exception):
    """oslo raised while it loaded its configuration or its filters."""


@dataclass(frozen=True)
class Answer:
    """One decision; argv and env are filled only where the command may run."""

    decision: str
    filter: str | None = None
    cls: str | None = None
    run_as: str | None = None
    argv: tuple[str, ...] | None = None
    env: tuple[tuple[str, str], ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {
            "decision": self.decision,
            "filter": self.filter,
            "class": self.cls,
            "run_as": self.run_as,
            "argv": None if self.argv is None else list(self.argv),
            "env": dict(self.env),
            "exit_code": EXIT_CODES[self.decision],
        }


EXIT_CODES = {"allow": 0, "unauthorized": 99, "not_executable": 96}

UNAUTHORIZED = Answer("unauthorized")


def _take_upstreams_answers() -> None:
    """Give upstream's answer where 6.3.1 raises.

    * IpFilter and EnvFilter look at the first of no words: upstream says no.
    * KillFilter hands None to os.path.isfile when argv[0] of a process without executable
      can't be found either: 6.3.1 raises, so that nothing runs. It does not match here.
    * A class name that is some other name of the module is called, or the result is not a
      filter: upstream knows ten classes, everything else is skipped with a warning.
    """

    def no_on_empty(match: Callable[[Filter, list[str]], bool]) -> Any:
        return lambda self, words: bool(words) and match(self, words)

    filters.IpFilter.match = no_on_empty(filters.IpFilter.match)
    filters.EnvFilter.match = no_on_empty(filters.EnvFilter.match)
    program = filters.KillFilter._program

    def program_or_none(self: Any, pid: str) -> Any:
        try:
            return program(self, pid)
        except TypeError:
            return None

    filters.KillFilter._program = program_or_none

    build = wrapper.build_filter
    wrapper.build_filter = lambda name, *args: build(name, *args) if name in CLASSES else None

    # EnvFilter forgets the program that its definition names: rows.py needs it
    env_init = filters.EnvFilter.__init__

    def remember(self: Any, exec_path: str, run_as: str, *args: str) -> None:
        env_init(self, exec_path, run_as, *args)
        self.written_path = exec_path

    filters.EnvFilter.__init__ = remember


_take_upstreams_answers()


def is_backup(name: str) -> bool:
    """Whether a file is one that editors and package managers leave behind (row D16)."""
    return name.endswith(BACKUP_SUFFIXES) or ".dpkg-" in name


def environment_of(words: Sequence[str], *, keep_empty: bool) -> tuple[tuple[str, str], ...]:
    """Return the variables that leading NAME=VALUE words set, sorted."""
    env: dict[str, str] = {}
    rest = words[1:] if words and words[0] == "env" else words
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals:
            break
        if name and (value or keep_empty):
            env[name] = value
    return tuple(sorted(env.items()))


@dataclass
class Policy:
    """One loaded configuration; `decide` starts from fresh filters each time."""

    filters: list[Filter]
    exec_dirs: list[str]
    #: what row D15 is about: directories that are not absolute once they are stripped, and
    #: whether any is written with blanks around it
    relative_dirs: list[str] = field(default_factory=list)
    unstripped: bool = False

    @classmethod
    def load(cls, conf: str, *, normalised: bool = False) -> Policy:
        try:
            raw = configparser.RawConfigParser()
            raw.read(conf)
            config = wrapper.RootwrapConfig(raw)
            if not normalised:
                return cls(wrapper.load_filters(config.filters_path), config.exec_dirs)

            filters_path = [path.strip() for path in config.filters_path]
            exec_dirs = [path.strip() for path in config.exec_dirs]
            with mock.patch.object(os, "listdir", _sorted_without_backups(os.listdir)):
                loaded = wrapper.load_filters([p for p in filters_path if os.path.isabs(p)])
            return cls(
                loaded,
                [p for p in exec_dirs if os.path.isabs(p)],
                [p for p in filters_path + exec_dirs if not os.path.isabs(p)],
                filters_path + exec_dirs != config.filters_path + config.exec_dirs,
            )
        except Exception as exc:
            raise ConfigError(f"{type(exc).__name__}: {exc}") from exc

    def fresh(self) -> list[Filter]:
        """Forget what earlier decisions remembered (the path of the executable, no more)."""
        for each in self.filters:
            each.real_exec = None
        return self.filters

    def decide(self, words: Sequence[str]) -> Answer:
        userargs = list(words)
        try:
            found = wrapper.match_filter(self.fresh(), userargs, self.exec_dirs)
            argv = found.get_command(userargs, self.exec_dirs)
            env = found.get_environment(userargs) or {}
        except wrapper.NoFilterMatched:
            return UNAUTHORIZED
        except wrapper.FilterMatchNotExecutable as exc:
            return describe("not_executable", exc.match)
        except Exception:
            # a traceback (RecursionError, OverflowError, ValueError, …): nothing runs
            return UNAUTHORIZED
        added = {name: value for name, value in env.items() if os.environ.get(name) != value}
        return describe("allow", found, argv, tuple(sorted(added.items())))


def describe(
    decision: str,
    found: Filter,
    argv: Sequence[str] | None = None,
    env: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """Return the answer that names the filter @found."""
    return Answer(
        decision,
        found.name,
        type(found).__name__,
        found.run_as,
        None if argv is None else tuple(argv),
        env,
    )


def _sorted_without_backups(listdir: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    return lambda path: sorted((n for n in listdir(path) if not is_backup(n)), key=os.fsencode)
