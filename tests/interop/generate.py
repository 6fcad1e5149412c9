# SPDX-License-Identifier: Apache-2.0
"""Configurations for the comparison: filter files in every shape that configparser takes.

Everything follows from one seed; deployment number N of a seed is the same whether or not
the others are made. A deployment is text only: what it means, the oracle says. Command
lines are generated from what the oracle loaded, in words.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tree import MISSING, Tree

# patterns: each is used as is; words.py makes matching and nearly matching arguments
PATTERNS = (
    r"\d+|all",
    r"-[lah]+",
    r"a|b",
    r"start|stop",
    r"[a-z]+",
    r"/var/lib/[^/]+",
    r"(?:--force|-f)",
    r".*",
    r".+",
    r"\S+",
    r"\w+",
    r"[0-9a-f]{8}",
    r"x?",
    r"",
    r"foo\\",
    "tail\\",
    r"(?i)FoRce",
    r"(?x)ab #",
    r"(?m)one",
    r"(?s).*z",
    r"^/dev/[a-z]+$",
    r"(?!\.\.).*",
    r"/etc/(?!\.\.).*",
    r"(a)(b)?\1",
    r"(?P<n>\d)(?P=n)",
    r"[^/\0]+",
    r"é+|ü",
    r"\x2c",
    r"(",
    r"[z-a]",
    r"*",
    r"blkio:\S+",
    r"-c[0-3]",
    r"a$|b",
    r"ab|abc",
    r"(?a:\w)+",
    r"\u00e9.",
    r"[\udc80-\udcff]+",
    r"a\Z",
    r"x*+y",
)

NAMES = (
    "ls LS Ls-1 ls ip ip_exec kill Ünïcödé İstanbul ẞ a.b name_2 'quoted' %(x)s pass env "
    "privsep privsep-helper Σίσυφος ǅ x"
).split() + ["two words", "no\u00a0break", "tab\tname"]

#: what configparser strips and counts as indentation
BLANKS = (" ", "  ", "\t", "\u00a0", "\u2003", "\x0b ", "\x0c", "\x1c", "\x85", "\u2028", "\u3000")

CONF_LINES = (
    "use_syslog = False",
    "use_syslog: OFF",
    "use_syslog = 0",
    "use_syslog =no",
    "syslog_log_facility = syslog",
    "syslog_log_facility: LOG_DAEMON",
    "syslog_log_level = error",
    "syslog_log_level = Warn",
    "SYSLOG_LOG_LEVEL = NOTSET",
    "daemon_timeout = 600",
    "daemon_timeout = 1_000",
    "daemon_timeout = +5",
    "daemon_timeout = ٣٤",
    "rlimit_nofile = 4096",
    "rlimit_nofile:1024",
    "# filters_path = /nowhere",
    "   ; a comment",
    "",
    "some_option = with %(percent)s % signs",
    "some_other = value\n  continued\n\n  # no comment inside\n  continued",
)

BAD_CONF_LINES = (
    "use_syslog = maybe",
    "use_syslog =",
    "syslog_log_facility = nobody",
    "syslog_log_facility =",
    "syslog_log_level = loud",
    "syslog_log_level = 10",
    "daemon_timeout = soon",
    "daemon_timeout = 1.5",
    "daemon_timeout =",
    "rlimit_nofile = 0x10",
    "rlimit_nofile = 1__0",
    "no delimiter here",
    "= no name",
    ": no name",
    "daemon_timeout = 1\ndaemon_timeout = 2",
    "Daemon_Timeout = 1\ndaemon_timeout : 1",
    "[other]\n[other]",
    "[other]\na = 1\nA = 2",
    "[ ]\n[ ]",
    "[]",
    "daemon_timeout = 6\n 00",
)

FileSet = dict[str, bytes | str]


@dataclass
class Deployment:
    """One configuration, as files below a directory; a str value is a link's target."""

    number: int
    kind: str
    conf: bytes
    files: FileSet
    extra_dirs: list[str] = field(default_factory=list)
    cwd_gone: bool = False

    def conf_of(self, *, compat: bool) -> bytes:
        # the second header ends the option: an indented line after it continues nothing
        return (b"[DEFAULT]\noslo_compat = true\n[DEFAULT]\n" if compat else b"") + self.conf

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in self.extra_dirs:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.symlink_to(content)
            else:
                path.write_bytes(content)
        (folder / "compat.conf").write_bytes(self.conf_of(compat=True))
        (folder / "default.conf").write_bytes(self.conf_of(compat=False))

    def text(self) -> str:
        """Return everything that is needed to try it by hand."""
        parts = [f"# kind: {self.kind}\n--- rootwrap.conf\n{self.conf!r}"]
        parts += [f"--- {name}\n{content!r}" for name, content in self.files.items()]
        return "\n".join(parts)


class Generator:
    """Makes deployment after deployment; @real holds the texts of real filter files."""

    def __init__(self, seed: int, tree: Tree, configs: Path, real: dict[str, bytes]) -> None:
        self.seed = seed
        self.tree = tree
        self.configs = configs
        self.real = real
        self.rng = random.Random()

    def deployment(self, number: int) -> Deployment:
        self.rng = random.Random(f"{self.seed}:{number}")
        kind = self.rng.choices(
            ("synthetic", "themed", "real", "mutated", "broken"), (36, 38, 8, 8, 10)
        )[0]
        files: FileSet
        if kind == "real":
            files = {f"f0.d/{Path(k).name}": v for k, v in self._some_real().items()}
        elif kind == "mutated":
            files = {f"f0.d/{Path(k).name}": self._mutate(v) for k, v in self._some_real().items()}
        else:
            files = self._filter_files(self._definitions(themed=kind == "themed"))
        result = Deployment(number, kind, self._conf(number, files), files)
        if self.rng.random() < 0.3:
            self._add_clutter(result)
        if kind == "broken":
            self._break(result)
        result.cwd_gone = self.rng.random() < 0.04
        return result

    def _some_real(self) -> dict[str, bytes]:
        names = self.rng.sample(sorted(self.real), self.rng.choice((1, 1, 1, 2)))
        return {name: self.real[name] for name in names}

    # rootwrap.conf

    def _conf(self, number: int, files: FileSet) -> bytes:
        rng = self.rng
        folder = self.configs / str(number)
        paths = [str(folder / name) for name in sorted({Path(name).parts[0] for name in files})]
        if rng.random() < 0.2:
            paths.insert(rng.randrange(len(paths) + 1), str(folder / "missing.d"))
        rng.shuffle(paths)
        lines = [self._option("filters_path", self._join(paths))]
        if rng.random() < 0.9:
            dirs = self.tree.bins + ["/usr/bin"]
            if rng.random() < 0.25:
                dirs = rng.sample(dirs, 3)
            if rng.random() < 0.3:
                rng.shuffle(dirs)
            lines.append(self._option("exec_dirs", self._join(dirs)))
        names = {"filters_path", "exec_dirs"}
        for line in rng.sample(CONF_LINES, rng.randrange(5)):
            name = line.replace(":", "=").partition("=")[0].strip().lower()
            if name not in names:
                names.add(name)
                lines.append(line)
        rng.shuffle(lines)
        header = rng.choices(("[DEFAULT]", "[DEFAULT] # x", " [DEFAULT]"), (8, 1, 1))[0]
        if header.startswith(" "):
            lines = [" " + line.replace("\n", "\n ") for line in lines]
        if rng.random() < 0.1:
            lines.append("[elsewhere]\nfilters_path = /nowhere")
        return self._bytes([header, *lines])

    def _join(self, paths: list[str]) -> str:
        """Join directories by commas, now and then with what row D15 is about."""
        kind = self.rng.random()
        if kind < 0.72:
            return ",".join(paths)
        if kind < 0.87:
            return ", ".join(paths)
        if kind < 0.92:
            return ",\n ".join(paths)
        if kind < 0.96:
            return ",".join([*paths, self.rng.choice(("", " ", ".", "rel.d", "bin"))])
        return " ,".join(paths)

    def _option(self, name: str, value: str) -> str:
        return name + self.rng.choice(("=", " = ", ": ", ":", "\t=\t", " =\u00a0")) + value

    def _bytes(self, lines: list[str]) -> bytes:
        text = "\n".join(lines) + self.rng.choices(("\n", "", "\n\n"), (8, 1, 1))[0]
        newline = self.rng.choices(("\n", "\r\n", "\r", "mixed"), (12, 2, 1, 1))[0]
        if newline == "mixed":
            pieces = text.split("\n")
            text = "".join(p + self.rng.choice(("\n", "\r", "\r\n")) for p in pieces)
        else:
            text = text.replace("\n", newline)
        return text.encode()

    # filter files

    def _filter_files(self, definitions: list[list[str]]) -> FileSet:
        rng = self.rng
        n_files = rng.choices((1, 2, 3, 5), (6, 3, 2, 1))[0]
        pool = ["a", "b.filters", "B", "10", "9", "é.filters", "z", "zz~", "a.rpmsave", "a.bak"]
        pool += ["m.dpkg-old", "x.orig", "x.rpmnew", "bak", "x.bak.filters", "_", "-", "#x#"]
        names = rng.sample(pool, n_files)
        files: FileSet = {}
        shares: list[list[list[str]]] = [[] for _ in names]
        for definition in definitions:
            rng.choice(shares).append(definition)
        for name, share in zip(names, shares, strict=True):
            folder = f"f{rng.choices((0, 1), (3, 1))[0]}.d"
            files[f"{folder}/{name}"] = self._filter_file(share)
        return files

    def _filter_file(self, definitions: list[list[str]]) -> bytes:
        rng = self.rng
        odd = rng.random() < 0.45
        header = "[Filters]"
        if odd:
            header = rng.choice(("[Filters]", "[Filters] # x", "[Filters]x", " [Filters]"))
            if rng.random() < 0.04:
                header = rng.choice(("[Filters] # [x]", "[Filters]]", "[ Filters]", "[[Filters]"))
        lines = [header]
        indent = " " if header.startswith(" ") else ""
        for index, definition in enumerate(definitions):
            name = rng.choice(NAMES) if rng.random() < 0.3 else f"n{index}"
            if odd and rng.random() < 0.12:
                name = f"N{rng.randrange(index + 1)}"  # a second time
            option = self._definition(name, definition, odd)
            lines.append(indent + option.replace("\n", "\n" + indent))
            if odd and rng.random() < 0.15:
                between = ("[Filters]", "[DEFAULT]", "[Other]\n[Filters]", "; c", "")
                lines.append(rng.choice(between))
        if odd and rng.random() < 0.3:
            # a name of its own, or one that [Filters] has
            name = rng.choice((rng.choice(NAMES), f"n{rng.randrange(4)}", f"n{rng.randrange(4)}"))
            other = self._definition(name, rng.choice(definitions or [["X"]]), False)
            lines.append(f"[DEFAULT]\n{other}")
        if rng.random() < 0.3:
            lines.insert(0, "# a comment with [Filters] and x = y\n")
        return self._bytes(lines)

    def _definition(self, name: str, fields: list[str], odd: bool) -> str:
        rng = self.rng
        separator = rng.choice((", ", ",", " , ", ",\t"))
        if not odd or rng.random() < 0.4:
            return self._option(name, separator.join(fields))
        trick = rng.randrange(8)
        if trick == 0:
            return self._option(name, separator.join([*fields, ""]))
        if trick == 1:
            return self._option(name, "\n " + separator.join(fields))
        if trick == 2:
            return self._option(name, f",\n{rng.choice(BLANKS)}".join(fields))
        if trick == 3:
            comment = rng.choice(("# c", "; c", "   # c", "\t; c = d", ""))
            return self._option(name, f",\n{comment}\n {rng.choice(BLANKS)}".join(fields))
        if trick == 4:
            return self._option(name, separator.join(fields) + rng.choice((" # c", " ; c", "\n")))
        if trick == 5:
            return self._option(name, rng.choice(BLANKS) + f",{rng.choice(BLANKS)}".join(fields))
        if trick == 6:
            return self._option(name.swapcase(), separator.join(fields))
        return self._option(name, separator.join(fields)) + "\n" + rng.choice(BLANKS) + "more"

    # definitions, a class each

    def _definitions(self, *, themed: bool) -> list[list[str]]:
        rng = self.rng
        makers: list[Callable[[], list[str]]] = list(self.makers.values())
        weights = [4, 3, 4, 3, 2, 2, 4, 2, 3, 1, 1, 2]
        if themed:
            theme = rng.choices(list(THEMES), [2 if name == "kill" else 1 for name in THEMES])[0]
            makers = [self.makers[name] for name in THEMES[theme]]
            weights = [1] * len(makers)
        made = [rng.choices(makers, weights)[0]() for _ in range(rng.randint(2, 12))]
        made += [list(rng.choice(made)) for _ in range(rng.randrange(2))]
        if rng.random() < 0.7 and any("Chain" in m[0] or "Netns" in m[0] for m in made):
            made += [self._command(), self._env()]
        return made

    @property
    def makers(self) -> dict[str, Callable[[], list[str]]]:
        return {
            "command": self._command,
            "regexp": self._regexp,
            "path": self._path,
            "kill": self._kill,
            "readfile": self._readfile,
            "ip": lambda: ["IpFilter", self._program("ip"), self._user()],
            "env": self._env,
            "netns": lambda: ["IpNetnsExecFilter", self._program("ip"), self._user()],
            "chain": self._chain,
            "chaining": lambda: ["ChainingFilter", self._program(), self._user()],
            "odd": self._odd,
            "envcommand": lambda: ["CommandFilter", self._program("env"), self._user()],
        }

    def _user(self) -> str:
        return self.rng.choices(("root", "nobody", "daemon", "root # c"), (40, 4, 2, 1))[0]

    def _program(self, name: str | None = None) -> str:
        rng = self.rng
        if name is None:
            name = rng.choice(
                "ls ls cp cp cat dd mount find dnsmasq nice plain folder dangling looping linked"
                " sub/tool prög A=2 env privsep-helper gone absent local".split()
            )
        kind = rng.random()
        if kind < 0.72:
            return name
        if kind < 0.90:
            return f"{rng.choice(self.tree.bins)}/{name}"
        if kind < 0.94:
            return rng.choice(MISSING)
        return rng.choice(("/", "./ls", "../bin1/ls", f"{self.tree.bins[0]}/", f"/x/{name}", ""))

    def _command(self) -> list[str]:
        extra = ["ignored"] if self.rng.random() < 0.1 else []
        return ["CommandFilter", self._program(), self._user(), *extra]

    def _regexp(self) -> list[str]:
        rng = self.rng
        program = self._program()
        first = rng.choice((program, program, "ls", ".*", "l|cp", "(?:/bin/)?ls"))
        patterns = [rng.choice(PATTERNS) for _ in range(rng.randrange(4))]
        return ["RegExpFilter", program, self._user(), first, *patterns]

    def _path(self) -> list[str]:
        data = self.tree.data
        choices = ["pass", "pass", "-f", "--opt=x", "", "/", "//", *[f"{data}/images"] * 2]
        choices += [f"{data}/images/", f"{data}/imag", f"{data}/linked-images", f"{data}//images"]
        choices += [f"{data}/images/../images", f"{data}/images/sub", self.tree.work, "images"]
        choices += [f"{data}/images/a.img", f"{data}/images", f"{data}/images", "/etc/(?!\\.\\.).*"]
        n = self.rng.choice((1, 1, 2, 2, 3)) if self.rng.random() < 0.95 else 0
        return ["PathFilter", self._program(), self._user(), *self.rng.choices(choices, k=n)]

    def _kill(self) -> list[str]:
        rng = self.rng
        programs = rng.choice(self.tree.processes).programs
        # a file that is not UTF-8 would not load
        program = rng.choice([p for p in programs if not any("\udc80" <= c <= "\udcff" for c in p)])
        program = program.replace("\n", "\n ")  # continued on the next line: read back as it was
        signals = rng.choice(([], ["-9"], ["-9", "-HUP"], ["-9", "-HUP", "-15"], [""], ["-KILL"]))
        kind = rng.random()
        if kind < 0.04:
            return ["KillFilter", self._user()]
        return ["KillFilter", self._user(), program, *signals]

    def _readfile(self) -> list[str]:
        paths = ("/etc/iscsi/initiatorname.iscsi", "/etc/passwd", "relative", "/x y", "", "/é")
        extra = ["ignored"] if self.rng.random() < 0.1 else []
        return ["ReadFileFilter", self.rng.choice(paths), *extra]

    def _env(self) -> list[str]:
        rng = self.rng
        names = ["A=", "B=", "A=1", "LC_ALL=C", "LC_ALL=", "PROCESS_TAG=", "É=é", "A=2", "=x"]
        names.append("PATH=")
        wanted = rng.sample(names, rng.choices((0, 1, 2, 3), (1, 10, 6, 2))[0])
        if rng.random() < 0.12 and wanted:
            wanted.append(rng.choice(wanted))
        program = rng.choices(
            ("env", "/usr/bin/env", "envoy", "my-env", "ls", f"{self.tree.bins[0]}/env", "/x/env/a"),
            (20, 3, 1, 2, 2, 2, 1),
        )[0]
        command = [self._program()] if rng.random() < 0.9 else []
        extra = rng.choices(([], ["-l"], ["-f", ".*"], ["C=", "x"]), (8, 1, 1, 1))[0]
        return ["EnvFilter", program, self._user(), *wanted, *command, *extra]

    def _chain(self) -> list[str]:
        rng = self.rng
        program = self._program(rng.choice(("nice", "ionice", "cgexec", "env")))
        rest: list[str] = rng.choice(
            (["nice"], ["ionice", "-c[0-3]"], ["ionice", "-c[0-3]", "-n[0-7]"], [".*"], [])
            + (["cgexec", "-g", r"blkio:\S+"], ["env|nice"], ["nice", "-n|--adjust", r"\d+"])
            + (["env", "[A-Z]+=.*"], ["nice", ".*|x"], ["nice", "("])
        )
        return ["ChainingRegExpFilter", program, self._user(), *rest]

    def _odd(self) -> list[str]:
        return self.rng.choice(
            (
                ["NoSuchFilter", "ls", "root"],
                ["", "ls", "root"],
                ["os", "ls"],
                ["realpath", "/"],
                ["commandfilter", "ls", "root"],
                ["NETNS_VARS"],
                ["CommandFilter", "", ""],
                ["CommandFilter", "privsep-helper", "root"],
                ["DnsmasqFilter", "/sbin/dnsmasq", "root"],
                ["__class__", "x", "root"],
            )
        )

    # what lies about in the directories

    def _add_clutter(self, deployment: Deployment) -> None:
        rng = self.rng
        good = b"[Filters]\nclutter: CommandFilter, tee, root\n"
        bad = b"not a filter file\n"
        choices: dict[str, bytes | str] = {
            "f0.d/.hidden": bad,
            "f0.d/.swp.filters": good,
            "f0.d/link": "../aside/good",
            "f0.d/dangling": "nothing",
            "f0.d/folder.d/x": bad,
            "f0.d/late~": good,
            "f0.d/a.dpkg-dist": good,
            "f0.d/x.bak": bad,
            "f0.d/empty": b"[Filters]",
            "f0.d/zz.rpmsave": good,
        }
        deployment.files["aside/good"] = good
        for name in rng.sample(sorted(choices), rng.randint(1, 4)):
            deployment.files.setdefault(name, choices[name])

    # what must not load

    def _break(self, deployment: Deployment) -> None:
        rng = self.rng
        names = [n for n, content in deployment.files.items() if isinstance(content, bytes)]
        kind = rng.random()
        if kind < 0.1:
            # bytes that are not text
            name = rng.choice(names)
            junk = rng.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3"))
            old = deployment.files[name]
            assert isinstance(old, bytes)
            where = rng.choice((b"\n# " + junk, b"\n# " + junk + b"\n", b"\nx" + junk + b" = y\n"))
            deployment.files[name] = rng.choice((b"\xef\xbb\xbf" + old, old + where))
            return
        if kind < 0.45:
            conf = deployment.conf
            deployment.conf = rng.choice(
                (
                    conf + b"\n" + rng.choice(BAD_CONF_LINES).encode() + b"\n",
                    conf + b"\n" + rng.choice(BAD_CONF_LINES).encode() + b"\n",
                    conf + b"\n" + rng.choice(BAD_CONF_LINES).encode() + b"\n",
                    b"\xef\xbb\xbf" + conf,
                    conf + b"# \xff\xfe\n",
                    conf.replace(b"filters_path", b"filter_path"),
                    conf.replace(b"[DEFAULT]", b"[default]"),
                    b"x = y\n" + conf,
                    b"",
                    conf + b"\nfilters_path = /x\n",
                )
            )
            return
        name = rng.choice(names)
        section = rng.choice((b"[filters]", b"[Filters ]", b"[DEFAULT]"))
        content = deployment.files[name]
        assert isinstance(content, bytes)
        lines = (
            b"no delimiter",
            b"= CommandFilter, ls, root",
            b" : CommandFilter, ls, root",
            b"x: CommandFilter",
            b"x: CommandFilter, ls",
            b"x: KillFilter",
            b"x: ReadFileFilter",
            b"x: EnvFilter, env",
            b"x: IpFilter",
            b"x: \xff, ls, root",
            b"x: RegExpFilter",
            b"x:",
            b"[Filters",
            b"Filters]",
            b"# \x80",
        )
        deployment.files[name] = rng.choice(
            (
                content + b"\n" + rng.choice(lines) + b"\n",
                content + b"\n" + rng.choice(lines) + b"\n",
                content + b"\n" + rng.choice(lines) + b"\n",
                content + b"\n" + rng.choice(lines) + b"\n",
                content.replace(b"[Filters]", section),
                b"\xef\xbb\xbf" + content,
                rng.choice(lines) + b"\n" + content,
                content.replace(b"[Filters]", b"[Filters]]", 1),
                b"",
            )
        )

    def _mutate(self, content: bytes) -> bytes:
        """Return a real filter file with a few accidents."""
        rng = self.rng
        lines = content.decode().split("\n")
        for _ in range(rng.randint(1, 6)):
            index = rng.randrange(len(lines))
            line = lines[index]
            column = rng.randrange(len(line) + 1)
            kind = rng.randrange(9)
            if kind == 0:
                lines[index] = rng.choice(BLANKS) + line
            elif kind == 1:
                lines.insert(rng.randrange(len(lines)), line)
            elif kind == 2:
                lines[index] = line.replace(": ", rng.choice((" = ", "=", ":", " ")), 1)
            elif kind == 3:
                character = rng.choice(",:=#; |()*[$\\\u00a0\x85é")
                lines[index] = line[:column] + character + line[column:]
            elif kind == 4:
                lines[index] = line[:column] + line[column + 1 :]
            elif kind == 5:
                lines[index] = line.replace(", ", ",\n" + rng.choice(BLANKS), 1)
            elif kind == 6:
                lines[index] = line.replace("root", rng.choice(("nobody", "", "root,")), 1)
            elif kind == 7:
                lines[index] = line[:column].rstrip("\\") + "\r" + line[column:]
            else:
                lines.insert(index, rng.choice(("[DEFAULT]", "[Filters]", "# c", "", "[x]")))
        return "\n".join(lines).encode()


THEMES = {
    "chains": ("netns", "chain", "command", "env", "regexp", "path", "ip"),
    "env": ("env", "env", "env", "envcommand", "command", "regexp"),
    "ip": ("ip", "netns", "command", "env"),
    "kill": ("kill",),
    "paths": ("path", "path", "path", "command", "env"),
    "regexp": ("regexp", "regexp", "chain"),
    "reading": ("readfile", "readfile", "command", "chaining"),
}
