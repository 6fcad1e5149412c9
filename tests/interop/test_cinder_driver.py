# SPDX-License-Identifier: Apache-2.0
"""Debian's real Cinder on real volumes: its LVM code, its driver, and cinder-volume itself."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rwtest import cinder_lvm, cinder_service, openstack, programs
from rwtest.cinder_lvm import CinderHost
from rwtest.cinder_service import STATE
from rwtest.wait import children_of, cmdline_of, wait_for

WORK = Path(__file__).with_name("cinder")
MEGABYTES = "300"
FIRST = Path("/usr/local/lib/rwtest-first")
LVS = f"""#!/bin/sh
echo called >>{STATE}/lvs-calls
if [ -e {STATE}/lvs-dies ]; then
        rm {STATE}/lvs-dies
        ulimit -c 0
        kill -SEGV $$
fi
exec /sbin/lvs "$@"
"""
USER: dict[str, Any] = {
    "user": cinder_lvm.USER, "group": cinder_lvm.USER, "extra_groups": [], "cwd": "/",
    "stdin": subprocess.DEVNULL,
}


@pytest.fixture(scope="module")
def host() -> Iterator[CinderHost]:
    """Cinder's machine, with our programs."""
    found = cinder_service.host(programs.ours())
    put_lvs_first()
    yield found
    found.close()


def put_lvs_first() -> None:
    """An lvs before LVM's own that counts its calls, and dies when it is told to."""
    FIRST.mkdir(parents=True)
    program = FIRST / "lvs"
    program.write_text(LVS, "ascii")
    program.chmod(0o755)
    text = cinder_lvm.CONFIG.read_text("ascii")
    assert "exec_dirs=" in text
    cinder_lvm.CONFIG.write_text(text.replace("exec_dirs=", f"exec_dirs={FIRST},"), "ascii")


def program_of(path: str) -> str:
    """What ran a command of root: rootwrap, or rootwrap-daemon."""
    return path.rpartition("/")[2]


@pytest.fixture(scope="module")
def outcome(host: CinderHost) -> dict[str, dict[str, Any]]:
    """What driver.py said, with the option off and on."""
    found = {}
    for mode in ("off", "on"):
        cinder_service.configure(use_daemon=mode == "on")
        found[mode] = openstack.run(cinder_lvm.USER, WORK / "driver.py", mode)
    return found


@pytest.fixture(scope="module")
def steps(outcome: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each step gave."""
    return {mode: {name: found for name, found in results.items() if name != "who"}
            for mode, results in outcome.items()}


def test_the_option_decides_who_runs_the_steps(outcome: dict[str, dict[str, Any]]) -> None:
    assert {mode: program_of(results["who"]) for mode, results in outcome.items()} == {
        "off": "rootwrap", "on": "rootwrap-daemon"}


def test_real_volumes_come_and_go_the_same_with_the_option_off_and_on(
    steps: dict[str, dict[str, Any]]
) -> None:
    assert len(steps["on"]) > 30
    different = {name: (steps["off"][name], found) for name, found in steps["on"].items()
                 if found != steps["off"][name]}
    assert not different


@pytest.mark.parametrize("step, result", [
    ("brick: create", None), ("brick: list", [["volume-a", "0.03"]]), ("brick: extend", None),
    ("brick: lvs dies once", [[["volume-a", "0.03"]], 2]),
    ("brick: rename", None), ("brick: delete", None), ("brick: at the end", []),
    ("driver: setup", None), ("driver: create 1", None), ("driver: extended", [
        ["volume-00000000-0000-0000-0000-000000000001", "1.00"],
        ["volume-00000000-0000-0000-0000-000000000002", "4.00"]]),
    ("driver: delete 1", None), ("driver: delete 2", None), ("driver: at the end", []),
])
def test_the_steps_that_must_work_do(
    steps: dict[str, dict[str, Any]], step: str, result: object
) -> None:
    assert steps["on"][step] == {"result": result}


def test_lvm_s_own_failures_are_cinder_s_exceptions(steps: dict[str, dict[str, Any]]) -> None:
    """A snapshot needs device-mapper, which LVM is told to leave alone here."""
    failed = steps["on"]["driver: snapshot"]
    assert failed["raised"] == "ProcessExecutionError"
    assert "without using device-mapper" in failed["stderr"]
    assert steps["on"]["brick: extend too far"]["exit_code"] == 5


@pytest.mark.parametrize("client", ["on", "oslo"])
def test_a_backup_goes_through_stdin_and_stdout(host: CinderHost, client: str) -> None:
    cinder_service.configure(use_daemon=True)
    found = openstack.run(cinder_lvm.USER, WORK / "backup.py", client, MEGABYTES)
    assert found["out"] == found["in"]
    assert found["n"] > 290_000_000
    assert program_of(found["who"]) == "rootwrap-daemon"


# cinder-volume


@pytest.fixture(scope="module")
def database(host: CinderHost) -> Path:
    """Cinder's, made by cinder-manage."""
    cinder_service.configure(use_daemon=False)
    subprocess.run(["cinder-manage", "--config-file", cinder_service.CONFIG, "db", "sync"],
                   check=True, capture_output=True, timeout=openstack.DEADLINE_S, **USER)
    return STATE / "cinder.sqlite"


def reported(database: Path) -> bool:
    """Whether the service has reported itself."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return bool(connection.execute(
            "SELECT 1 FROM services WHERE binary = 'cinder-volume' AND host = 'sandbox@lvm' "
            "AND NOT deleted").fetchall())


def descendants(pid: int) -> Iterator[int]:
    """All processes below one."""
    for child in children_of(pid):
        yield child
        yield from descendants(child)


@contextmanager
def cinder_volume(*before: str) -> Iterator[tuple[int, Path]]:
    """Runs the service. Yields: its pid, its log"""
    log = cinder_service.LOG
    os.truncate(log, 0)
    with subprocess.Popen(
        [*before, "--config-file", str(cinder_service.CONFIG)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True, **USER,
    ) as process:
        try:
            yield process.pid, log
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["monkey_patch", "start command"])
def test_cinder_volume_starts_with_the_option_and_reports_its_backend(
    database: Path, host: CinderHost, how: str
) -> None:
    cinder_service.configure(use_daemon=True)
    before = ["/usr/bin/cinder-volume"]
    if how == "start command":
        text = cinder_service.CONFIG.read_text("ascii")
        cinder_service.CONFIG.write_text(text.replace("monkey_patch = True\n", ""), "ascii")
        before = [sys.executable, "-m", "rootwrapd.cinder", "cinder-volume"]
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM services")
    with cinder_volume(*before) as (pid, log):
        wait_for(lambda: "Driver initialization completed successfully"
                 in log.read_text("utf-8"), "the driver")
        wait_for(lambda: reported(database), "the report")
        commands = [cmdline_of(child) for child in descendants(pid)]
        text = log.read_text("utf-8")
    daemons = [words for words in commands if any("cinder-rootwrap-daemon" in word
                                                  for word in words)]
    assert daemons, f"no daemon among {commands}"
    assert "Traceback" not in text
    assert "ERROR" not in text


def test_the_option_is_off_by_default(host: CinderHost) -> None:
    """The hook alone changes nothing."""
    cinder_service.configure(use_daemon=True)
    text = cinder_service.CONFIG.read_text("ascii")
    cinder_service.CONFIG.write_text(text.replace("use_rootwrap_daemon = True\n", ""), "ascii")
    script = (
        "import eventlet; eventlet.monkey_patch()\n"
        "import cinder.common.config\nfrom cinder import utils\nfrom oslo_config import cfg\n"
        f"cfg.CONF([], default_config_files=['{cinder_service.CONFIG}'])\n"
        "utils.monkey_patch()\n"
        "assert cfg.CONF.use_rootwrap_daemon is False\n"
        "print(utils.execute('sh', '-c', 'readlink /proc/$PPID/exe', run_as_root=True)[0])\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8",
                          timeout=openstack.DEADLINE_S, check=False, **USER)
    assert program_of(done.stdout.strip()) == "rootwrap", done.stderr
