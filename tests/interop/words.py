# SPDX-License-Identifier: Apache-2.0
"""Command lines for the comparison: hits, and more often near misses.

They are made from the filters that the oracle loaded, so that real files, mutated files
and generated ones are asked questions that concern them.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from oracle import Filter
from oslo_rootwrap.filters import ChainingFilter
from tree import Tree

ODD_WORDS = (
    "",
    " ",
    "\n",
    "-",
    "--",
    "é",
    "e\u0301",
    "日本",
    "\U0001f600",
    os.fsdecode(b"\xff"),
    os.fsdecode(b"\xed\xa0\x80"),
    os.fsdecode(b"a\xc3"),
    "a\nb",
    "$(id)",
    "x" * 5000,
    "A=1",
    "=",
    "=x",
    "env",
    "/",
    "..",
    "\x7f",
    "\u2028",
    "٣",
)

SIGNALS = ("-9", "-HUP", "-15", "-KILL", "-hup", "9", "", "-s", "-TERM")


#: how often a class is asked for: those with many ways to go wrong more often
CLASS_WEIGHTS = {
    "CommandFilter": 1,
    "PathFilter": 6,
    "KillFilter": 4,
    "EnvFilter": 4,
    "RegExpFilter": 3,
    "ChainingFilter": 1,
}


#: what a class like \d takes, beyond ASCII too
CATEGORIES = {
    "CATEGORY_DIGIT": "0177٣",
    "CATEGORY_SPACE": " \t\n\u00a0\x1c",
    "CATEGORY_WORD": "aZ_9é日٣",
}


class RegexSampler:
    """Draws strings from a pattern, so that generated arguments match at least sometimes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def sample(self, pattern: str) -> str:
        try:
            tree = sre_parser.parse(pattern)
        except (re.error, RecursionError, OverflowError, ValueError):
            return pattern
        return "".join(self._node(op, arg) for op, arg in tree)

    def _node(self, op: Any, arg: Any) -> str:
        rng = self.rng
        name = str(op)
        if name == "LITERAL":
            return chr(arg)
        if name == "NOT_LITERAL":
            return "x" if arg != ord("x") else "y"
        if name == "ANY":
            return rng.choice("az/.é \udcff")
        if name == "IN":
            return self._one_of(arg)
        if name == "BRANCH":
            return "".join(self._node(o, a) for o, a in rng.choice(arg[1]))
        if name == "SUBPATTERN":
            return "".join(self._node(o, a) for o, a in arg[-1])
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, inner = arg
            count = rng.randint(low, min(int(high), low + 3)) if low < 50 else low
            count += rng.random() < 0.05
            return "".join(self._node(o, a) for _ in range(count) for o, a in inner)
        return ""

    def _one_of(self, items: Any) -> str:
        if str(items[0][0]) == "NEGATE":
            refused = re.compile("[" + "".join(self._class_text(i) for i in items[1:]) + "]")
            return self.rng.choice([c for c in "azA0_-é .:" if not refused.match(c)] or ["x"])
        op, arg = self.rng.choice(items)
        name = str(op)
        if name == "RANGE":
            return chr(self.rng.randint(*arg))
        if name == "LITERAL":
            return chr(arg)
        return self.rng.choice(CATEGORIES.get(str(arg), "-é\udcff"))

    @staticmethod
    def _class_text(item: Any) -> str:
        op, arg = item
        if str(op) == "RANGE":
            return re.escape(chr(arg[0])) + "-" + re.escape(chr(arg[1]))
        if str(op) == "LITERAL":
            return re.escape(chr(arg))
        return {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s"}.get(str(arg), r"\w")


class WordGenerator:
    """Command lines that concern the filters of one policy."""

    def __init__(self, rng: random.Random, tree: Tree, loaded: list[Filter]) -> None:
        self.rng = rng
        self.tree = tree
        self.loaded = loaded
        self.sampler = RegexSampler(rng)
        # each class has the same weight, whatever the number of its filters
        self.by_class: dict[str, list[Filter]] = {}
        for each in loaded:
            self.by_class.setdefault(type(each).__name__, []).append(each)

    def line(self) -> list[str]:
        """Return words as the operating system can pass them on."""
        words = [word.encode("utf-8", "surrogateescape") for word in self._line()]
        return [os.fsdecode(word) for word in words if b"\0" not in word]

    def _line(self) -> list[str]:
        rng = self.rng
        kind = rng.random()
        if kind < 0.02:
            return rng.choices(ODD_WORDS, k=rng.randrange(4))
        words = self.hit(self._pick())
        if kind < 0.45:
            return words
        for _ in range(rng.choices((1, 2, 3), (8, 2, 1))[0]):
            words = self._mutate(words)
        return words

    def _pick(self) -> Filter:
        names = list(self.by_class)
        name = self.rng.choices(names, [CLASS_WEIGHTS.get(name, 2) for name in names])[0]
        candidates = self.by_class[name]
        # the implicit filter is in every policy, and need not be asked for each time
        if len(candidates) > 1 and self.rng.random() < 0.7:
            candidates = candidates[:-1] if candidates[-1] is self.loaded[-1] else candidates
        return self.rng.choice(candidates)

    def hit(self, target: Filter, depth: int = 0) -> list[str]:
        """Return words that @target probably matches."""
        maker: Callable[..., list[str]] = {
            "RegExpFilter": self._regexp,
            "PathFilter": self._path,
            "KillFilter": self._kill,
            "ReadFileFilter": self._readfile,
            "IpFilter": self._ip,
            "EnvFilter": self._env,
        }.get(type(target).__name__, self._command)
        if isinstance(target, ChainingFilter):
            return self._chain(target, depth)
        return maker(target)

    def _name(self, target: Filter) -> str:
        name = target.exec_path
        return os.path.basename(name) if self.rng.random() < 0.8 else name

    def _arguments(self) -> list[str]:
        words = ["-l", "x", "--force", "/etc/passwd", "A=1", *ODD_WORDS]
        return self.rng.choices(words, k=self.rng.choice((0, 1, 1, 2, 3)))

    def _command(self, target: Filter) -> list[str]:
        if target.exec_path == "privsep-helper":
            return self._privsep()
        return [self._name(target), *self._arguments()]

    def _regexp(self, target: Filter) -> list[str]:
        words = [self.sampler.sample(pattern) for pattern in target.args]
        if words and self.rng.random() < 0.25:
            # what a pattern with an alternative or a final newline lets through
            index = self.rng.randrange(len(words))
            words[index] += self.rng.choice(("\n", "zzz", "\nzzz", " ", words[index]))
        return words

    def _path(self, target: Filter) -> list[str]:
        words = []
        for constraint in target.args:
            if constraint == "pass":
                words.append(self.rng.choice(("anything", "", "-f", *ODD_WORDS)))
            elif os.path.isabs(constraint):
                words.append(self._path_word(constraint))
            else:
                words.append(constraint)
        return [self._name(target), *words]

    def _path_word(self, constraint: str) -> str:
        rng = self.rng
        base = constraint if rng.random() < 0.5 else self.tree.data + "/images"
        tails = ["", "/", "/a.img", "/sub/b.img", "/../images/a.img", "/new/file", "/./a.img"]
        tails += ["/in/b.img", "/out", "/out/key", "/up/secret/key", "/self/self/a.img", "//a.img"]
        tails += ["/dangling", "/dangling-out", "/loop", "/loop/../a.img", "/loop-a", "/absolute"]
        tails += ["/loop-a/../x"]
        tails += ["/missing/../a.img", "/a.img/../../secret/key", "/missing/../../secret", "/é ü"]
        tails += ["-old/x", "2", "x", "/../images-old", "/raw\udcff\udcfe", "/" + "d/" * 30 + "e"]
        tails += ["/sub/../../images/sub", "/loop/../../secret", "/missing/../in/b.img", "/in/.."]
        kind = rng.random()
        if kind < 0.45:
            inside = ("", "/a.img", "/sub/b.img", "/new/file", "/in/b.img", "/absolute")
            return base + rng.choice(inside)
        if kind < 0.85:
            return base + rng.choice(tails)
        others = ["here", "images", "./link/a.img", "link", "../data/images/a.img", " ", "", "."]
        others += ["..", f"/proc/self/root{base}"]
        others += [f"{self.tree.data}/chain{n}" for n in (5, 39, 40, 41, 44)]
        others += [f"{self.tree.data}/to-root{base}", f"/..{base}", f"//{base}"]
        others += ["link/../secret/key", "here/../link", f"{self.tree.data}/linked-images/a.img"]
        return rng.choice(others)

    def _readfile(self, target: Any) -> list[str]:
        return ["cat", target.file_path]

    def _kill(self, target: Filter) -> list[str]:
        rng = self.rng
        likely = [p for p in self.tree.processes if target.args and target.args[0] in p.programs]
        process = rng.choice(likely if likely and rng.random() < 0.85 else self.tree.processes)
        signals = list(target.args[1:])
        signal = [rng.choice(signals if signals and rng.random() < 0.8 else SIGNALS)]
        if not signals and rng.random() < 0.85:
            signal = []
        return ["kill", *signal, self._pid(process.pid)]

    def _pid(self, pid: int) -> str:
        rng = self.rng
        text = str(pid)
        if rng.random() < 0.55:
            return text
        arabic = "".join(chr(0x660 + int(digit)) for digit in text)
        spellings = [f" {text}", f"+{text}", f"{text}\n", f"\u00a0{text}\u3000", arabic, f"0{text}"]
        spellings += [f"{text[0]}_{text[1:]}", f"000_{text}", f"{text[0]}__{text[1:]}"]
        spellings += [f"_{text}", f"{text}_", f"-{text}", f"- {text}", f"++{text}", "-1", "0", "1"]
        spellings += ["9" * 30, "9" * 5000, "0" * 4290 + text, "0" * 4301 + text, "4294967297"]
        spellings += [f"0x{pid:x}", f"0b{pid:b}", f"{text}.0", "", "x", f"self/../{text}", "²"]
        bold = "".join(chr(0x1D7CE + int(digit)) for digit in text)
        spellings += [arabic[0] + text[1:], f"\x1c{text}\x85", "𝟙𝟚", bold]
        return rng.choice(spellings)

    def _ip(self, target: Filter) -> list[str]:
        rng = self.rng
        lines = (
            "ip link show",
            "ip link set eth0 up",
            "ip -4 addr",
            "ip -o link list",
            "ip -details -s link",
            "ip netns list",
            "ip netns add x",
            "ip netns exec x ls",
            "ip net e x ls",
            "ip netn",
            "ip netns",
            "ip -n x link",
            "ip -netns exec link",
            "ip -family inet netns exec x ls",
            "ip -f inet netns exec x ls",
            "ip -batch /tmp/file",
            "ip -b file",
            "ip -ba file",
            "ip --batch file",
            "ip -force -batch -",
            "ip vrf exec red ls",
            "ip vrf show",
            "ip vr ex red ls",
            "ip v e red ls",
            "ip -all netns exec ls",
            "ip -a netns ex ls",
            "ip -l 5 link",
            "ip -loops 5 netns exec x ls",
            "ip -6 -o addr show netns exec",
            "ip addr add net exec",
            "ip link set x netns y",
            "ip link set x netns e",
            "ip neigh show",
            "ip n e",
            "ip -rc 5 route",
            "ip -c route",
            "ip -br addr",
            "ip -V",
            "ip",
            "ip -unknown link",
            "ip - link",
            "ip -- link",
            "ip -- netns exec x ls",
            "ip -n exec link",
            "ip -net exec link",
            "ip route get exec",
            "ip link add net x netns exec y",
            "ip link set netns x net e",
            "ip link netn",
            "ip -family",
            "ip -r link",
            "ip -n",
        )
        return rng.choice(lines).split()

    def _env(self, target: Filter) -> list[str]:
        rng = self.rng
        words = [] if rng.random() < 0.25 else ["env"]
        if rng.random() < 0.05:
            words.append("env")
        for arg in target.args:
            name, equals, value = arg.partition("=")
            if not equals:
                break
            if not value or rng.random() < 0.3:
                value = rng.choice(("1", "1", "C", "x=y", "", "a b", "é", "\udcff"))
            words.append(f"{name}={value}")
        if rng.random() < 0.1:
            rng.shuffle(words)
        words.append(self._name(target))
        rest = list(target.args[len(words) - 1 :]) if rng.random() < 0.3 else []
        return [*words, *rest, *self._arguments()]

    def _chain(self, target: Filter, depth: int) -> list[str]:
        rng = self.rng
        if type(target).__name__ == "ChainingFilter":
            return [self._name(target), *self._arguments()]
        if type(target).__name__ == "IpNetnsExecFilter":
            words = ["ip", rng.choice(("netns", "netns", "net", "netn", "nets"))]
            words += [rng.choice(("exec", "exec", "e", "ex", "execute")), "ns1"]
        else:
            words = [self.sampler.sample(pattern) for pattern in target.args]
        if depth > 2 or rng.random() < 0.03:
            return words
        leaves = [f for f in self.loaded if f.run_as == target.run_as]
        plain = [f for f in leaves if not isinstance(f, ChainingFilter)]
        inner_filter = rng.choice(plain if plain and rng.random() < 0.9 else self.loaded)
        inner = self.hit(inner_filter, depth + 1)
        if inner and rng.random() < 0.3:
            inner[0] = self._other_path(inner[0])
        return [*words, *inner]

    def _other_path(self, word: str) -> str:
        name = os.path.basename(word)
        prefixes = [f"{path}/" for path in self.tree.bins]
        prefixes += ["/tmp/", "./", "/", "../", "sub/", "/usr/bin/"]
        prefixes.append(self.tree.bins[0] + "/../bin2/")
        return self.rng.choice(prefixes) + name

    def _privsep(self) -> list[str]:
        rng = self.rng
        configs = ("/etc/nova/nova.conf", "/etc/passwd", "/etc", "/etc/../tmp/x", "etc/x")
        contexts = ("vif_plug_ovs.privsep.vif_plug", "os_brick.privileged.default", "a", "a.b:c")
        sockets = ("/tmp/tmpx/privsep.sock", "/tmp/tmpx/privsep.sock", "/tmp/x", "tmp/x")
        config = rng.choice((*configs, "//etc/x", "/etc/x/"))
        words = ["privsep-helper"]
        for _ in range(rng.randrange(3)):
            words += [rng.choice(("--config-file", "--config-file", "--config-dir")), config]
        if rng.random() < 0.9:
            words += ["--privsep_context", rng.choice(contexts)]
        if rng.random() < 0.9:
            words += ["--privsep_sock_path", rng.choice(sockets)]
        if rng.random() < 0.3:
            extra = ("--debug", "-h", "--log-config-append=/tmp/x", "--config-file=/tmp/x", "x")
            words.insert(rng.randrange(1, len(words) + 1), rng.choice(extra))
        return words

    def _mutate(self, words: list[str]) -> list[str]:
        rng = self.rng
        words = list(words)
        index = rng.randrange(len(words)) if words else 0
        kind = rng.randrange(17)
        if not words or kind == 0:
            words.insert(index, rng.choice(ODD_WORDS))
        elif kind == 1:
            del words[index]
        elif kind == 2:
            words.insert(index, words[index])
        elif kind == 3:
            words[index] += rng.choice(("\n", " ", "x", "\n\n", "/", "\udcff", "é"))
        elif kind == 4:
            words[index] = words[index].swapcase()
        elif kind in (5, 6):
            words.insert(0, "env")
        elif kind == 7:
            words[0] = self._other_path(words[0])
        elif kind == 8:
            other = rng.randrange(len(words))
            words[index], words[other] = words[other], words[index]
        elif kind == 9:
            words[index] = rng.choice(ODD_WORDS)
        elif kind == 10:
            words = words[:index] + self.hit(self._pick())[:4]
        elif kind == 11:
            word = words[index]
            column = rng.randrange(len(word) + 1)
            words[index] = word[:column] + rng.choice("a1/-=_\n é") + word[column:]
        elif kind == 12:
            words[index] = words[index][:-1]
        elif kind == 13:
            words.append(rng.choice(ODD_WORDS))
        elif kind == 14:
            words[index] = os.path.normpath(words[index]) if words[index] else "."
        elif kind == 15:
            variable = rng.choice(("A=1", "B=2", "LC_ALL=C"))
            words.insert(rng.randrange(min(2, len(words)) + 1), variable)
        else:
            words[0] = os.path.basename(words[0])
        return words
