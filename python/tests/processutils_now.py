# SPDX-License-Identifier: Apache-2.0
"""oslo_concurrency.processutils as upstream has it by now: execute() with keyword-only arguments.

Shortened from oslo.concurrency (Apache-2.0): what it checks, hands to Popen, tries again and calls.
Debian's, which takes them as **kwargs, is what the tests of Cinder itself meet.
"""

from __future__ import annotations

import functools
import logging
import os
import shlex
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

from oslo_concurrency.processutils import ProcessExecutionError

MORE_POPEN: dict[str, Any] = {}  # of a version that says more to Popen


def _subprocess_setup(user_preexec_fn: Callable[[], None] | None) -> None:
    if user_preexec_fn:
        user_preexec_fn()


def execute(
    *cmd: str,
    cwd: str | None = None,
    process_input: str | bytes | None = None,
    env_variables: dict[str, str] | None = None,
    check_exit_code: bool | int | Iterable[int] | None = 0,
    delay_on_retry: bool = True,
    attempts: int = 1,
    run_as_root: bool = False,
    root_helper: str = "",
    shell: bool = False,
    loglevel: int = logging.DEBUG,
    log_errors: Any = None,
    binary: bool = False,
    on_execute: Callable[..., Any] | None = None,
    on_completion: Callable[..., Any] | None = None,
    preexec_fn: Callable[..., Any] | None = None,
    prlimit: Any = None,
    python_exec: str | None = None,
    timeout: int | None = None,
    nice: int | None = None,  # which none has yet
) -> Any:
    """Runs a command."""
    if isinstance(process_input, str):
        process_input = process_input.encode("utf-8")
    ignore_exit_code = False
    if isinstance(check_exit_code, bool):
        ignore_exit_code = not check_exit_code
        check_exit_code = [0]
    elif isinstance(check_exit_code, int):
        check_exit_code = [check_exit_code]
    elif check_exit_code is None:
        check_exit_code = [0]
    if run_as_root and os.geteuid() != 0:
        cmd = tuple(shlex.split(root_helper)) + cmd
    cmd = tuple(str(c) for c in cmd)
    while attempts > 0:
        attempts -= 1
        try:
            _PIPE = subprocess.PIPE  # noqa: N806 as upstream has it
            obj = subprocess.Popen(
                cmd, stdin=_PIPE, stdout=_PIPE, stderr=_PIPE, close_fds=True,
                preexec_fn=functools.partial(_subprocess_setup, preexec_fn), shell=shell, cwd=cwd,
                env=env_variables, **MORE_POPEN)
            if on_execute:
                on_execute(obj)
            try:
                result = obj.communicate(process_input, timeout=timeout)
                if obj.stdin:
                    obj.stdin.close()
                _returncode = obj.returncode
            except subprocess.TimeoutExpired:
                raise
            finally:
                if on_completion:
                    on_completion(obj)
            if not ignore_exit_code and _returncode not in check_exit_code:
                raise ProcessExecutionError(
                    exit_code=_returncode, stdout=os.fsdecode(result[0]),
                    stderr=os.fsdecode(result[1]), cmd=" ".join(cmd))
            return result if binary else (os.fsdecode(result[0]), os.fsdecode(result[1]))
        except (ProcessExecutionError, OSError):
            if not attempts:
                raise
    raise AssertionError("not reached")
