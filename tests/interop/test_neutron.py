# SPDX-License-Identifier: Apache-2.0
"""Debian's real Neutron with root_helper and root_helper_daemon: on our programs, and on oslo's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rwtest import neutron_host, openstack, programs

STEPS = Path(__file__).with_name("neutron") / "steps.py"
# oslo's daemon lets Neutron crash with a RemoteError here, where ours answers by an exit code.
REFUSALS = {"refused": 99, "missing": 96, "kill of another is refused": 99, "refused in there": 99}


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    """What each step gave."""
    host = neutron_host.NeutronHost()
    results = {}
    for rootwrap in (programs.ours(), programs.oslo()):
        host.use(rootwrap)
        results[rootwrap.name] = openstack.run(neutron_host.USER, STEPS)
    return results


def test_neutron_can_t_tell_our_programs_from_oslo_s(found: dict[str, dict[str, Any]]) -> None:
    apart = {*REFUSALS, "refused quietly"}
    different = {name: (ours, found["oslo"][name]) for name, ours in found["ours"].items()
                 if name not in apart and ours != found["oslo"][name]}
    assert not different
    assert len(found["ours"]) - len(apart) > 30


@pytest.mark.parametrize("step, result", [
    ("output", ["out\n", "err\n"]), ("extra codes", "x\n"), ("input", "in\n"),
    ("environment", "tag\n"), ("kill by filter", "gone"),
    ("namespaces", ["qrouter-test"]), ("veth", ["tap-outer", "qr-inner"]),
    ("address", [None, ["10.0.0.1/24"]]), ("gateway", [None, "10.0.0.254"]),
    ("route", [None, ["192.168.0.0/16"]]), ("in the namespace", "qr-inner"),
    ("sysctl is in there", "1\n"), ("environment in there", "tag\n"),
    ("iptables", ["-A steps.py-mine -d 10.9.9.9/32 -j ACCEPT"]),
    ("iptables by the daemon", ["-A steps.py-mine -d 10.9.9.9/32 -j ACCEPT"]),
    ("process manager", [True, False]), ("namespaces at the end", []),
    ("monitor", [False, True]), ("respawn", False),
    ("create_process", [["sudo", "neutron-rootwrap"], 137]),
])
def test_what_an_agent_does_works(
    found: dict[str, dict[str, Any]], step: str, result: object
) -> None:
    assert found["ours"][step] == {"result": result}


@pytest.mark.parametrize("step", REFUSALS)
def test_a_refusal_is_an_exit_code(found: dict[str, dict[str, Any]], step: str) -> None:
    ours = found["ours"][step]
    assert (ours["raised"], ours["returncode"]) == ("ProcessExecutionError", REFUSALS[step])
    assert found["oslo"][step]["raised"] == "RemoteError"
    assert found["ours"]["refused quietly"] == {"result": ""}
