# SPDX-License-Identifier: Apache-2.0
"""Run by user neutron: what Neutron's agents do with root's rights, by Neutron's own code.

Prints a JSON object: what each step gave, or raised. Names of links and namespaces are the same
each time; what differs by nature (process ids, addresses of hardware) is left out.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import eventlet

eventlet.monkey_patch()

from neutron.agent.common import async_process  # noqa: E402
from neutron.agent.linux import external_process, ip_lib, iptables_manager, utils  # noqa: E402
from neutron.common import utils as common_utils  # noqa: E402
from neutron.conf.agent import common as config  # noqa: E402
from neutron.conf import common as common_config  # noqa: E402
from neutron_lib import exceptions  # noqa: E402
from oslo_config import cfg  # noqa: E402

SPACE = "qrouter-test"
STATE = "/var/lib/neutron"
Step = Callable[[], Any]


def root(*words: str, **how: Any) -> Any:
    """By root_helper_daemon."""
    return utils.execute(list(words), run_as_root=True, **how)


def until(probe: Callable[[], Any]) -> None:
    """As Neutron waits."""
    common_utils.wait_until_true(probe, timeout=20, sleep=0.05)


def daemon_steps() -> dict[str, Step]:
    """neutron.agent.linux.utils.execute."""
    return {
        "output": lambda: root("sh", "-c", "echo out; echo err >&2", return_stderr=True),
        "exit code": lambda: root("sh", "-c", "exit 3"),
        "exit code unchecked": lambda: root("sh", "-c", "echo x; exit 3", check_exit_code=False),
        "extra codes": lambda: root("sh", "-c", "echo x; exit 3", extra_ok_codes=[3]),
        "signal": lambda: root("sh", "-c", "kill -9 $$"),
        "input": lambda: root("cat", process_input="in\n"),
        "environment": lambda: root("sh", "-c", "echo $PROCESS_TAG",
                                    addl_env={"PROCESS_TAG": "tag"}),
        "refused": lambda: root("not-allowed"),
        "refused quietly": lambda: root("not-allowed", log_fail_as_error=False,
                                        check_exit_code=False),
        "missing": lambda: root("radvd", "-c"),
        "who": lambda: root("sh", "-c", "id -u; cat /proc/$PPID/comm | cut -c1-15"),
        "kill by filter": kill_by_filter,
        "kill of another is refused": lambda: root("kill", "-9", "1"),
    }


def kill_by_filter() -> Any:
    """A process that root runs, killed by pid through the daemon."""
    pid = root("sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!").strip()
    root("kill", "-9", pid)
    until(lambda: not os.path.exists(f"/proc/{pid}"))
    return "gone"


def addresses(device: ip_lib.IPDevice) -> list[str]:
    """Without the kernel's own."""
    return sorted(found["cidr"] for found in device.addr.list() if not found["cidr"]
                  .startswith("fe80"))


def ip_steps() -> dict[str, Step]:
    """ip_lib: what a router consists of; most by privsep, whose helper the root helper starts."""
    here = ip_lib.IPWrapper()

    def there() -> ip_lib.IPWrapper:
        return ip_lib.IPWrapper(namespace=SPACE)

    inner = ip_lib.IPDevice("qr-inner", namespace=SPACE)
    return {
        "namespace": lambda: here.ensure_namespace(SPACE).namespace,
        "namespaces": lambda: ip_lib.list_network_namespaces(),
        "veth": lambda: [device.name for device in here.add_veth("tap-outer", "qr-inner", SPACE)],
        "up": lambda: (inner.link.set_up(), ip_lib.IPDevice("tap-outer").link.set_up()),
        "address": lambda: (inner.addr.add("10.0.0.1/24"), addresses(inner)),
        "address again": lambda: inner.addr.add("10.0.0.1/24"),
        "gateway": lambda: (inner.route.add_gateway("10.0.0.254"),
                            inner.route.get_gateway()["via"]),
        "route": lambda: (inner.route.add_route("192.168.0.0/16", via="10.0.0.253"),
                          [found["cidr"] for found in inner.route.list_routes(4)
                           if found["via"] == "10.0.0.253"]),
        "devices": lambda: [device.name for device in there().get_devices()],
        "in the namespace": lambda: there().netns.execute(
            ["ip", "-o", "link", "show", "qr-inner"]).split()[1].split("@")[0],
        "sysctl": lambda: there().netns.execute(["sysctl", "-w", "net.ipv4.ip_forward=1"]),
        "sysctl is in there": lambda: there().netns.execute(
            ["cat", "/proc/sys/net/ipv4/ip_forward"]),
        "environment in there": lambda: there().netns.execute(
            ["sh", "-c", "echo $PROCESS_TAG"], addl_env={"PROCESS_TAG": "tag"}),
        "refused in there": lambda: there().netns.execute(["not-allowed"]),
        "failure in there": lambda: there().netns.execute(["ip", "link", "show", "none"]),
        "iptables": iptables,
        "iptables by the daemon": lambda: [
            line for line in there().netns.execute(["iptables-save", "-t", "filter"]).split("\n")
            if "10.9.9.9" in line],
        "iptables-restore by the daemon": lambda: utils.execute(
            ["ip", "netns", "exec", SPACE, "iptables-restore", "-n"], run_as_root=True,
            process_input="*filter\n:by-daemon - [0:0]\n-A by-daemon -d 10.8.8.8/32 -j DROP\n"
                          "COMMIT\n"),
        "process manager": process_manager,
        "remove veth": lambda: there().del_veth("qr-inner"),
        "remove namespace": lambda: there().netns.delete(SPACE),
        "namespaces at the end": lambda: ip_lib.list_network_namespaces(),
    }


def iptables() -> Any:
    """IptablesManager.apply."""
    manager = iptables_manager.IptablesManager(use_ipv6=False, namespace=SPACE,
                                               state_less=False)
    manager.ipv4["filter"].add_chain("mine")
    manager.ipv4["filter"].add_rule("mine", "-d 10.9.9.9/32 -j ACCEPT")
    manager.apply()
    return [line for line in manager.get_rules_for_table("filter") if "10.9.9.9" in line]


def process_manager() -> Any:
    """A daemon in a namespace: started, found, reloaded, ended."""
    word = "11111111-2222-3333-4444-555555555555"
    manager = external_process.ProcessManager(
        cfg.CONF, word, namespace=SPACE, service="test",
        default_cmd_callback=lambda pid_file: [
            "sh", "-c", f"sh -c 'echo $$ >{pid_file}; while :; do sleep 1; done' {word} "
                        ">/dev/null 2>&1 &"])
    manager.enable(ensure_active=True)
    pid = manager.pid
    # It was started by a command that has ended: it must live on.
    time.sleep(0.3)
    alive = manager.active
    manager.disable()
    until(lambda: not os.path.exists(f"/proc/{pid}"))
    return alive, manager.active


def async_steps() -> dict[str, Step]:
    """create_process and AsyncProcess: by root_helper, each with a process of its own."""
    return {"monitor": monitor, "respawn": respawn, "create_process": create}


def monitor() -> Any:
    """`ip monitor`, whose lines are read while it runs."""
    process = async_process.AsyncProcess(["ip", "-o", "monitor", "link"], run_as_root=True)
    process.start(block=True)
    time.sleep(0.3)
    root("ip", "link", "add", "rw-dummy", "type", "veth", "peer", "name", "rw-peer")
    lines: list[str] = []

    def seen() -> bool:
        lines.extend(process.iter_stdout())
        return any("rw-dummy" in line for line in lines)

    until(seen)
    helper = process._process
    process.stop(block=True)
    root("ip", "link", "delete", "rw-dummy")
    return process.is_active(), helper.poll() is not None


def respawn() -> Any:
    """Its command is killed; it starts another."""
    process = async_process.AsyncProcess(["sleep", "300"], run_as_root=True, respawn_interval=0)
    process.start(block=True)
    first = process.pid
    root("kill", "-9", str(first))
    until(lambda: process.pid not in (None, first) and process.is_active())
    process.stop(block=True, kill_signal=signal.SIGKILL)
    return process.is_active()


def create() -> Any:
    """A process behind sudo and neutron-rootwrap: its own command line is found below them."""
    process, words = utils.create_process(["sleep", "300"], run_as_root=True)
    until(lambda: utils.get_root_helper_child_pid(process.pid, ["sleep", "300"], run_as_root=True))
    pid = utils.get_root_helper_child_pid(process.pid, ["sleep", "300"], run_as_root=True)
    root("kill", "-9", pid)
    code = process.wait()
    return words[:2], code


def run(step: Step) -> Any:
    """One step."""
    try:
        return {"result": step()}
    except exceptions.ProcessExecutionError as error:
        return {"raised": type(error).__name__, "returncode": error.returncode,
                "text": str(error)}
    except Exception as error:  # whatever it is, the other implementation gives it too
        return {"raised": type(error).__name__, "text": str(error)}


def main() -> None:
    """All steps."""
    common_config.register_core_common_config_opts()
    config.register_root_helper(cfg.CONF)
    config.register_external_process_opts(cfg.CONF)
    config.register_agent_state_opts_helper(cfg.CONF)
    config.register_iptables_opts(cfg.CONF)
    config.register_process_monitor_opts(cfg.CONF)
    cfg.CONF(["--config-file", "/etc/neutron/neutron.conf"], project="neutron")
    config.setup_privsep()
    found = {}
    for steps in (daemon_steps, ip_steps, async_steps):
        for name, step in steps().items():
            found[name] = run(step)
    print(json.dumps(found, default=str))
    sys.stdout.flush()
    os._exit(0)  # green threads that watch pipes have nothing to add


if __name__ == "__main__":
    main()
