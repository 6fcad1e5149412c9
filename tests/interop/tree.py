# SPDX-License-Identifier: Apache-2.0
"""The files and processes that generated policies and command lines speak of.

Built once a run, the same each time: directories of executables with everything that can
stand where an executable is looked for, a data tree with every kind of link, a working
directory, and processes with every relation between a process and its program's file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SLEEP_S = "900"

#: commands that stand in every tree
COMMANDS = (
    "ls cp mv chown chmod dd sleep find mount ip env nice ionice iptables dnsmasq haproxy"
    " kill cat privsep-helper envoy my-env tee cgexec vgs lvs A=2 A=1 pass net-tool"
).split()

#: commands that a policy may name and that stand nowhere
MISSING = ("gone", "absent", "nowhere/gone")


@dataclass(frozen=True)
class Process:
    """A process to be killed, in a filter's thoughts only."""

    note: str
    pid: int
    #: paths and names by which a filter could mean it
    programs: tuple[str, ...]


@dataclass
class Tree:
    root: Path
    processes: list[Process] = field(default_factory=list)
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def bins(self) -> list[str]:
        return [str(self.root / name) for name in ("bin1", "bin2", "bin3", "bin é")]

    @property
    def data(self) -> str:
        return str(self.root / "data")

    @property
    def work(self) -> str:
        return str(self.root / "work")

    @property
    def procs(self) -> str:
        return str(self.root / "procs")

    @property
    def path_variable(self) -> str:
        return f"{self.procs}:{self.bins[1]}:{self.bins[0]}:/usr/sbin:/usr/bin:/sbin:/bin"

    def build(self, extra_commands: Iterable[str] = ()) -> None:
        self._build_bins(extra_commands)
        self._build_data()
        self._build_work()
        self._start_processes()

    def destroy(self) -> None:
        for child in self._children:
            child.kill()
            child.wait()

    # executables

    def _build_bins(self, extra_commands: Iterable[str]) -> None:
        bins = [Path(path) for path in self.bins]
        for path in bins:
            path.mkdir()
        for index, name in enumerate(COMMANDS):
            _executable(bins[index % 2] / name)
        for name in ("ls", "cp", "env", "ip"):
            _executable(bins[1] / name)
            _executable(bins[2] / name)
        for name in sorted(set(extra_commands)):
            if "/" not in name and not (bins[1] / name).exists():
                _executable(bins[1] / name)
        # looked for in bin1 first: a plain file, a directory, links of every kind
        _executable(bins[0] / "plain", 0o644)
        (bins[0] / "folder").mkdir()
        (bins[0] / "dangling").symlink_to("nothing")
        (bins[0] / "looping").symlink_to("looping")
        (bins[0] / "linked").symlink_to(bins[2] / "ls")
        for name in ("plain", "folder", "dangling", "looping", "linked"):
            _executable(bins[1] / name)
        (bins[2] / "sub").mkdir()
        _executable(bins[2] / "sub" / "tool")
        _executable(bins[3] / "prög")
        _executable(bins[3] / "plain", 0o600)

    # data, for PathFilter

    def _build_data(self) -> None:
        data = Path(self.data)
        for name in ("images/sub/deep", "images-old", "images2", "secret"):
            (data / name).mkdir(parents=True)
        for name in ("images/a.img", "images/sub/b.img", "images-old/x", "imagesx", "secret/key"):
            (data / name).write_text("")
        (data / "images" / "é ü").write_text("")
        Path(os.fsdecode(os.fsencode(data) + b"/images/raw\xff\xfe")).write_text("")
        links = {
            "images/out": "../secret",
            "images/out-file": str(data / "secret/key"),
            "images/in": "sub",
            "images/up": "..",
            "images/loop": "loop",
            "images/loop-a": "loop-b/x",
            "images/loop-b": "loop-a/y",
            "images/self": ".",
            "images/absolute": str(data / "images/sub/b.img"),
            "images/dangling": "nothing/here",
            "images/dangling-out": "../secret/none",
            "linked-images": "images",
            "to-root": "/",
            "chain0": "images/a.img",
        }
        for name, target in links.items():
            (data / name).symlink_to(target)
        for number in range(1, 45):
            (data / f"chain{number}").symlink_to(f"chain{number - 1}")

    # the working directory, with what a directory named " /x" or "" may lead to

    def _build_work(self) -> None:
        work = Path(self.work)
        (work / "images").mkdir(parents=True)
        (work / "here").write_text("")
        (work / " ").symlink_to("/")
        (work / "\n").symlink_to("/")
        (work / "link").symlink_to(self.data + "/images")
        _executable(work / "local")
        _executable(work / "ls")
        (work / "rel.d").mkdir()

    # processes, for KillFilter

    def _start_processes(self) -> None:
        procs = Path(self.procs)
        (procs / "other").mkdir(parents=True)
        away = str(procs / "away")
        svc = self._copy("svc")
        self._copy("second")
        self._copy("other/svc")
        self._start("plain", svc, [svc])
        self._start("same name elsewhere", str(procs / "other/svc"), ["svc"])
        self._start("argv[0] of another", svc, [str(procs / "second")])
        self._start("argv[0] empty", str(procs / "second"), [""])
        self._start("name with (deleted)", self._copy("svc (deleted)"), ["svc"])
        self._start("unicode", self._copy("dïenst"), ["x"])
        self._start("newline", self._copy("new\nline"), ["x"])
        gone = [
            ("deleted", "d1", "d1"),
            ("deleted, argv[0] another", "d2", str(procs / "second")),
            ("deleted, argv[0] on PATH", "d3", "second"),
            ("deleted, argv[0] nowhere", "d4", "no-such-program"),
            ("deleted, argv[0] gone", "d5", str(procs / "no-such-program")),
            ("deleted, argv[0] empty", "d6", ""),
            ("deleted, argv[0] a directory", "d7", str(procs / "other")),
            ("deleted, argv[0] not UTF-8", "d8", os.fsdecode(b"\xff\xfe")),
            ("deleted, argv[0] not executable", "d9", str(Path(self.work) / "here")),
            ("deleted, argv[0] relative", "d10", "here"),
            ("deleted, argv[0] itself with suffix", "d11 (deleted)", "svc"),
        ]
        for note, name, argv0 in gone:
            path = self._copy(name)
            self._start(note, path, [argv0], (argv0, away))
            os.unlink(path)
        replaced = self._copy("replaced")
        self._start("replaced", replaced, ["second"])
        os.unlink(replaced)
        self._copy("replaced")
        renamed = self._copy("renamed")
        self._start("renamed", renamed, [renamed])
        os.rename(renamed, away)
        self._zombie()

    def _copy(self, name: str) -> str:
        target = os.path.join(self.procs, name)
        shutil.copyfile("/bin/sleep", target)
        os.chmod(target, 0o755)
        return target

    def _start(self, note: str, path: str, argv: list[str], extra: tuple[str, ...] = ()) -> None:
        child = subprocess.Popen(
            [*argv, SLEEP_S],
            executable=path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._children.append(child)
        programs = (path, os.path.basename(path), *(word for word in extra if word))
        self.processes.append(Process(note, child.pid, programs))

    def _zombie(self) -> None:
        child = subprocess.Popen(["/bin/true"])
        self._children.append(child)
        status = Path(f"/proc/{child.pid}/stat")
        while ") Z " not in status.read_text():
            time.sleep(0.01)
        self.processes.append(Process("zombie", child.pid, ("/bin/true", "true")))


def _executable(path: Path, mode: int = 0o755) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
