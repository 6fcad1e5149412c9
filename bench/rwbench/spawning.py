# SPDX-License-Identifier: Apache-2.0
"""What a command costs more when it is started through rootwrap."""

from __future__ import annotations

from pathlib import Path

from rwbench.figures import Figure, Result, ratio
from rwbench.plan import Plan, Progress, Subject, time_commands
from rwtest import programs
from rwtest.cinder_lvm import CONFIG, USER, CinderHost

TRUE = "/usr/bin/true"
TEST = "/usr/bin/test"
SH = "/usr/bin/sh"
SUDO = "/usr/bin/sudo"
SUDO_COMMANDS = Path("/etc/sudoers.d/bench")
OWN_FILTERS = CONFIG.parent / "rootwrap.d/bench.filters"
# Beside Cinder's own. The third is Manila's, as it stands in its share.filters.
OWN_FILTERS_TEXT = r"""[Filters]
bench-true: CommandFilter, true, root
bench-cat: CommandFilter, cat, root
bench-wc: CommandFilter, wc, root
bench-sleep: CommandFilter, sleep, root
bench-test: RegExpFilter, test, root, test, [0-9]+
bench-sleep-more: RegExpFilter, /usr/bin/bench-sleep, root, bench-sleep, [0-9]+
shcat: RegExpFilter, sh, root, sh, -c, echo '((.|\n)*)' > /.*
"""
# The longest argument that the kernel takes, with its NUL.
ARGUMENT_BYTES = 128 * 1024


def prepare() -> None:
    """Cinder's set-up with all of its filters, and one more file; once."""
    if OWN_FILTERS.exists():
        return
    CinderHost.install_cinder()
    OWN_FILTERS.write_text(OWN_FILTERS_TEXT, encoding="ascii")


def allow_sudo() -> None:
    """Lets Cinder's user run all that is measured as root."""
    rootwrap = programs.ours().program
    # sudoers wants spaces escaped.
    words = [str(program).replace(" ", "\\ ") + " *" for program in (
        rootwrap, rootwrap.with_name("rootwrap-daemon"),
        programs.OSLO_ROOTWRAP, programs.OSLO_ROOTWRAP.with_name("oslo-rootwrap-daemon"))]
    SUDO_COMMANDS.write_text(
        f"Defaults:{USER} !requiretty\n"
        f"{USER} ALL = (root) NOPASSWD: {', '.join([TRUE, *words])}\n",
        encoding="ascii")
    SUDO_COMMANDS.chmod(0o440)


def full_program() -> Path:
    """What `rootwrap` becomes for a command that it can't decide on by itself."""
    lean = programs.ours().program
    found = sorted(lean.parent.parent.glob("**/rootwrap-full"))
    return found[0] if found else lean


def standalone(plan: Plan) -> Result:
    """Without sudo."""
    prepare()
    ours, oslo, config = str(programs.ours().program), str(programs.OSLO_ROOTWRAP), str(CONFIG)
    direct, lean, full, test, expression, python = time_commands(
        Progress("standalone"),
        [
            Subject("true", [TRUE]),
            Subject("rootwrap CONFIG true", [ours, config, "true"]),
            Subject("rootwrap-full CONFIG true", [str(full_program()), config, "true"]),
            Subject("test 7", [TEST, "7"]),
            Subject("rootwrap CONFIG test 7 (regular expression)", [ours, config, "test", "7"]),
            Subject("oslo-rootwrap CONFIG true", [oslo, config, "true"], is_slow=True),
        ],
        plan, n_rounds=plan.pick(100, 25))
    return Result(
        [
            Figure("standalone/true", "`rootwrap CONFIG true` / `true`", ratio(lean, direct)),
            Figure("standalone/expression",
                   "the same for a command that needs a regular expression",
                   ratio(expression, test)),
            Figure("standalone/full", "the same where the lean program is not built",
                   ratio(full, direct)),
            Figure("standalone/oslo", "`oslo-rootwrap CONFIG true` / `true`",
                   ratio(python, direct)),
            Figure("standalone/gain", "`oslo-rootwrap CONFIG true` / `rootwrap CONFIG true`",
                   ratio(python, lean)),
        ],
        [direct, lean, full, test, expression, python], "us",
        "Started by vfork and execve, all of Cinder's filters loaded.")


def sudo(plan: Plan) -> Result:
    """As Cinder does it: by its unprivileged user."""
    prepare()
    ours, oslo, config = str(programs.ours().program), str(programs.OSLO_ROOTWRAP), str(CONFIG)
    allow_sudo()
    alone, mine, python = time_commands(
        Progress("sudo"),
        [
            Subject("sudo true", [SUDO, "-n", TRUE]),
            Subject("sudo rootwrap CONFIG true", [SUDO, "-n", ours, config, "true"]),
            Subject("sudo oslo-rootwrap CONFIG true", [SUDO, "-n", oslo, config, "true"],
                    is_slow=True),
        ],
        plan, n_rounds=plan.pick(40, 10), user=USER)
    return Result(
        [
            Figure("sudo/true", "`sudo rootwrap CONFIG true` / `sudo true`", ratio(mine, alone)),
            Figure("sudo/oslo", "`sudo oslo-rootwrap CONFIG true` / `sudo true`",
                   ratio(python, alone)),
            Figure("sudo/gain", "`sudo oslo-rootwrap CONFIG true` / `sudo rootwrap CONFIG true`",
                   ratio(python, mine)),
        ],
        [alone, mine, python], "us", f"By user {USER}, all of Cinder's filters loaded.")


def regex(plan: Plan) -> Result:
    """The most that an expression of a real filter has to read."""
    prepare()
    start, end = b"echo '", b"' > /dev/null"
    text = b"0123456 8\n" * (ARGUMENT_BYTES // 10)
    argument = start + text[: ARGUMENT_BYTES - 1 - len(start) - len(end)] + end
    ours, oslo, config = str(programs.ours().program), str(programs.OSLO_ROOTWRAP), str(CONFIG)
    words: list[str | bytes] = ["sh", "-c", argument]
    direct, mine, python = time_commands(
        Progress("regex"),
        [
            Subject("sh -c ECHO", [SH, *words[1:]]),
            Subject("rootwrap CONFIG sh -c ECHO", [ours, config, *words]),
            Subject("oslo-rootwrap CONFIG sh -c ECHO", [oslo, config, *words], is_slow=True),
        ],
        plan, n_rounds=plan.pick(10, 5))
    return Result(
        [
            Figure("regex/direct", "`rootwrap CONFIG sh -c ECHO` / `sh -c ECHO`",
                   ratio(mine, direct)),
            Figure("regex/oslo", "`oslo-rootwrap CONFIG sh -c ECHO` / `sh -c ECHO`",
                   ratio(python, direct)),
            Figure("regex/gain",
                   "`oslo-rootwrap CONFIG sh -c ECHO` / `rootwrap CONFIG sh -c ECHO`",
                   ratio(python, mine)),
        ],
        [direct, mine, python], "us",
        r"Manila's filter `echo '((.|\n)*)' > /.*` on an argument of 128 KiB.")
