# SPDX-License-Identifier: Apache-2.0
"""rootwrapctl run --config-of: as the service does whose configuration it is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rwtest import programs, users
from rwtest.daemon import FILTERS
from rwtest.policy import PolicyFolder

FOLDER = Path("/etc/rwserve")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture()
def run(policy: PolicyFolder, service_user: str) -> Run:
    """The command, by the service's user; the text is the service's [DEFAULT] section."""
    users.allow_sudo(service_user)
    FOLDER.mkdir(exist_ok=True)
    config = policy.write(FILTERS)
    for folder in (policy.folder, *policy.folder.parents):
        if folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    for name in ("rootwrap", "rootwrap-daemon"):
        link = Path("/usr/bin") / name.replace("rootwrap", "rwserve-rootwrap")
        link.unlink(missing_ok=True)
        link.symlink_to(programs.install_tree() / name)

    def found(text: str, *words: str) -> subprocess.CompletedProcess[str]:
        conf = FOLDER / "rwserve.conf"
        conf.write_text(text.replace("CONFIG", str(config)), "utf-8")
        return subprocess.run(
            ["/usr/bin/setpriv", f"--reuid={service_user}", "--regid", service_user,
             "--init-groups", str(programs.install_tree() / "rootwrapctl"), "run",
             "--config-of", str(conf), "--", *words],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", cwd="/",
            timeout=programs.DEADLINE_S, check=False)

    return found


OFF = "[DEFAULT]\nrootwrap_config = CONFIG\n"
ON = OFF + "use_rootwrap_daemon = True\n"
WHO = ["sh", "-c", "id -u; cat /proc/$PPID/comm | cut -c1-15; exit 3"]


@pytest.mark.parametrize("text, parent", [
    (OFF, "rwserve-rootwra"), (OFF + "use_rootwrap_daemon = false\n", "rwserve-rootwra"),
    (ON, "rwserve-rootwra"),
], ids=["default", "off", "on"])
def test_it_runs_the_command(run: Run, text: str, parent: str) -> None:
    done = run(text, *WHO)
    assert (done.returncode, done.stdout) == (3, f"0\n{parent}\n"), done.stderr


@pytest.mark.parametrize("text", [OFF, ON], ids=["off", "on"])
def test_both_ways_look_alike(run: Run, text: str) -> None:
    assert run(text, "not-allowed").returncode == 99
    assert run(text, "/opt/no/such/program").returncode == 96
    assert run(text, "sh", "-c", "kill -9 $$").returncode == 137
    done = run(text, "sh", "-c", "pwd; echo err >&2")
    assert (done.returncode, done.stdout) == (0, "/\n")
    assert "err\n" in done.stderr


@pytest.mark.parametrize("text, word", [
    (ON.replace("True", "maybe"), "use_rootwrap_daemon"), ("no section\n", "rwserve.conf"),
    ("[DEFAULT]\nrootwrap_config = /no/such/file\nuse_rootwrap_daemon = yes\n", ""),
])
def test_a_bad_configuration_is_told(run: Run, text: str, word: str) -> None:
    done = run(text, "true")
    assert done.returncode not in (0, 99)
    assert word in done.stderr
    assert done.stderr


def test_a_missing_configuration_is_told() -> None:
    done = programs.rootwrapctl("run", "--config-of", "/etc/rwserve/none.conf", "true")
    assert done.returncode == programs.EXIT_BAD_CONFIG
    assert "none.conf" in done.stderr
