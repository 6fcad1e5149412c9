# SPDX-License-Identifier: Apache-2.0
"""Run by user cinder: cinder.utils.execute with every argument it has, with the option off or on.

    rows.py off|on|oslo

Prints a JSON object: what each row gave, or raised; and who ran root's commands.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import eventlet

eventlet.monkey_patch()

import cinder.common.config  # noqa: E402, F401 registers the options
from cinder import utils  # noqa: E402
from oslo_concurrency import processutils  # noqa: E402
from oslo_config import cfg  # noqa: E402

Row = Callable[[], Any]
RUN_AS_ROOT: dict[str, Any] = {"run_as_root": True}
lines: list[str] = []


class Lines(logging.Handler):
    """What processutils logs, without what differs each time."""

    def emit(self, record: logging.LogRecord) -> None:
        lines.append(re.sub(r"in \d+\.\d+s", "in TIME", record.getMessage()))


def sh(script: str, **how: Any) -> Any:
    """A shell as root."""
    return utils.execute("sh", "-c", script, **RUN_AS_ROOT, **how)


def called(name: str) -> Any:
    """on_execute and on_completion."""
    seen: list[Any] = []
    sh("exit 0", **{name: lambda process: seen.append(
        (type(process.pid).__name__, process.poll() if name == "on_completion" else None))})
    return seen


def killed() -> Any:
    """on_execute may keep the process; the daemon's can be killed, one of sudo's can't."""
    return sh("kill -SEGV $$", check_exit_code=[139])


def who(**how: Any) -> str:
    """The program that is the parent of a root command: rootwrap-daemon, or rootwrap."""
    out, _ = sh("readlink /proc/$PPID/exe", **how)
    return str(out).strip().rpartition("/")[2]


def delayed() -> Any:
    """Fails twice. Returns: the exit code; whether there was a delay, of at least 0.2 s"""
    start = time.monotonic()
    try:
        return sh("exit 4", attempts=2)
    except processutils.ProcessExecutionError as error:
        return error.exit_code, time.monotonic() - start >= 0.2


def attempts(path: str, **how: Any) -> Any:
    """Fails twice, then does not."""
    return sh(f"echo x >>{path}; test $(wc -l <{path}) -ge 3 && echo third", attempts=3,
              delay_on_retry=False, **how)


ROWS: dict[str, Row] = {
    "output": lambda: sh("echo out; echo err >&2"),
    "nothing": lambda: sh("true"),
    "words": lambda: utils.execute("printf", "%s|", 7, "a b", "ä", "", run_as_root=True),
    "exit code": lambda: sh("echo out; echo err >&2; exit 3"),
    "exit code allowed": lambda: sh("echo out; exit 3", check_exit_code=3),
    "exit codes allowed": lambda: sh("exit 5", check_exit_code=[0, 5]),
    "exit code not among them": lambda: sh("exit 6", check_exit_code=[0, 5]),
    "exit code ignored": lambda: sh("exit 6", check_exit_code=False),
    "exit code checked": lambda: sh("exit 6", check_exit_code=True),
    "signal": lambda: sh("kill -KILL $$"),
    "segmentation fault": lambda: sh("ulimit -c 0; kill -SEGV $$"),
    "segmentation fault looked for": killed,
    "input": lambda: utils.execute("cat", process_input="in ä", run_as_root=True),
    "input of bytes": lambda: utils.execute("cat", process_input=b"\xff", run_as_root=True),
    "large input": lambda: utils.execute("cat", process_input="x" * 300_000, run_as_root=True),
    "input unread": lambda: utils.execute("true", process_input="x" * 300_000, run_as_root=True),
    "binary": lambda: sh("printf '\\377'", binary=True),
    "binary failure": lambda: sh("printf '\\377'; exit 1", binary=True),
    "surrogates": lambda: sh("printf '\\377'"),
    "cwd": lambda: sh("pwd", cwd="/usr"),
    "own cwd": lambda: sh("pwd"),
    "cwd missing": lambda: sh("pwd", cwd="/no/such/folder"),
    "environment": lambda: sh("echo ${SECRET-unset}", env_variables={"SECRET": "x"}),
    "shell": lambda: utils.execute("echo a b | cat", shell=True),
    "preexec": lambda: sh("echo x", preexec_fn=lambda: None),
    "limits": lambda: sh("ulimit -c", prlimit=processutils.ProcessLimits(core_file_size=0)),
    "timeout": lambda: sh("sleep 5", timeout=0.3),
    "within timeout": lambda: sh("echo x", timeout=30),
    "on_execute": lambda: called("on_execute"),
    "on_completion": lambda: called("on_completion"),
    "attempts": lambda: attempts("/tmp/rows-attempts"),
    "attempts in vain": lambda: sh("exit 4", attempts=2, delay_on_retry=False),
    "attempts with a delay": delayed,
    "log all": lambda: sh("echo e >&2; exit 4", attempts=2, delay_on_retry=False,
                          log_errors=processutils.LOG_ALL_ERRORS),
    "log final": lambda: sh("exit 4", attempts=2, delay_on_retry=False,
                            log_errors=processutils.LOG_FINAL_ERROR),
    "log level": lambda: sh("true", loglevel=logging.WARNING),
    "unknown argument": lambda: sh("true", nonsense=1),
    "password in a message": lambda: sh("echo x; exit 2; # --password='secret'"),
    "refused": lambda: utils.execute("not-allowed", "x", run_as_root=True),
    "refused, looked for": lambda: utils.execute("not-allowed", run_as_root=True,
                                                 check_exit_code=99),
    "missing program": lambda: utils.execute("rw-missing", run_as_root=True),
    "not as root": lambda: utils.execute("sh", "-c", "id -u; exit 3", check_exit_code=3),
    "other helper": lambda: processutils.execute("id", "-u", run_as_root=True,
                                                 root_helper="env A=1"),
    "by processutils": lambda: processutils.execute(
        "id", "-u", run_as_root=True, root_helper=utils.get_root_helper()),
    "trycmd": lambda: processutils.trycmd(
        "sh", "-c", "echo e >&2", run_as_root=True, root_helper=utils.get_root_helper(),
        discard_warnings=True),
    "trycmd failure": lambda: processutils.trycmd(
        "sh", "-c", "exit 3", run_as_root=True, root_helper=utils.get_root_helper()),
    "NUL": lambda: utils.execute("echo", "a\0b", run_as_root=True),
    "background": lambda: sh("sleep 0.2 >/dev/null 2>&1 & echo left"),
}

# Not a row, as it is not the same for both: which way commands go.
WAYS: dict[str, Callable[[], str]] = {
    "plain": who,
    "cwd": lambda: who(cwd="/usr"),
    "input": lambda: who(process_input="x"),
    "timeout": lambda: who(timeout=60),
    "environment": lambda: who(env_variables={"SECRET": "x"}),
    "empty environment": lambda: who(env_variables={}),
    "preexec": lambda: who(preexec_fn=lambda: None),
    "limits": lambda: who(prlimit=processutils.ProcessLimits(core_file_size=0)),
}


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, bytes):
        return {"bytes": list(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def run(row: Row) -> dict[str, Any]:
    """One row."""
    lines.clear()
    try:
        found: dict[str, Any] = {"result": plain(row())}
    except processutils.ProcessExecutionError as error:
        found = {"raised": type(error).__name__, "text": str(error),
                 **{name: plain(getattr(error, name))
                    for name in ("exit_code", "stdout", "stderr", "cmd", "description")}}
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        found = {"raised": type(error).__name__, "errno": getattr(error, "errno", None)}
    except Exception as error:  # whatever it is, the other way raises it too
        found = {"raised": type(error).__name__, "text": str(error)}
    return {**found, "log": list(lines)}


def main() -> None:
    """All rows."""
    cfg.CONF([], project="cinder", default_config_files=["/etc/cinder/cinder.conf"])
    if sys.argv[1] != "off":
        utils.monkey_patch()
        assert cfg.CONF.use_rootwrap_daemon
    else:
        assert not hasattr(processutils.execute, "is_rootwrapd")
    logger = logging.getLogger("oslo_concurrency.processutils")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(Lines())
    logger.propagate = False
    print(json.dumps({"rows": {name: run(row) for name, row in ROWS.items()},
                      "ways": {name: way() for name, way in WAYS.items()}}))


if __name__ == "__main__":
    main()
