# SPDX-License-Identifier: Apache-2.0
"""Sets up routers by Neutron's own execute, in one of the ways to root.

    routers.py WAY

Says {"ready": ...} when all is loaded. Then, for each line `FIRST NUMBER` of its stdin, it makes
that many routers, removes them, and prints one line of JSON: the seconds that making them took.
"""

from __future__ import annotations

import json
import sys
import time

import eventlet

eventlet.monkey_patch()

from neutron.agent.linux import utils  # noqa: E402
from neutron.conf.agent import common as config  # noqa: E402
from neutron.conf import common as common_config  # noqa: E402
from oslo_config import cfg  # noqa: E402

RULES = """*filter
:neutron-l3-agent-INPUT - [0:0]
:neutron-l3-agent-FORWARD - [0:0]
-A INPUT -j neutron-l3-agent-INPUT
-A FORWARD -j neutron-l3-agent-FORWARD
-A neutron-l3-agent-INPUT -m mark --mark 0x1/0xffff -j ACCEPT
-A neutron-l3-agent-INPUT -p tcp -m tcp --dport 9697 -j DROP
COMMIT
*nat
:neutron-l3-agent-PREROUTING - [0:0]
-A PREROUTING -j neutron-l3-agent-PREROUTING
-A neutron-l3-agent-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j REDIRECT \
--to-ports 9697
COMMIT
"""


def root(*words: str, stdin: str | None = None) -> None:
    """One command."""
    utils.execute(list(words), process_input=stdin, run_as_root=True)


def router(number: int) -> None:
    """What an agent has root do for one: the commands of Neutron before it had privsep."""
    space, inner, outer = f"qrouter-{number}", f"qr-{number}", f"tap-{number}"
    inside = ["ip", "netns", "exec", space]
    root("ip", "netns", "add", space)
    root(*inside, "sysctl", "-w", "net.ipv4.conf.all.promote_secondaries=1")
    root(*inside, "sysctl", "-w", "net.ipv4.ip_forward=1")
    root(*inside, "ip", "link", "set", "lo", "up")
    root("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
    root("ip", "link", "set", outer, "up")
    root(*inside, "ip", "link", "set", inner, "up")
    root(*inside, "ip", "-4", "addr", "add", "10.0.0.1/24", "brd", "10.0.0.255", "dev", inner)
    root(*inside, "ip", "-4", "route", "replace", "default", "via", "10.0.0.254", "dev", inner)
    root(*inside, "ip", "route", "add", "192.168.0.0/16", "via", "10.0.0.253")
    root(*inside, "iptables-save", "-c")
    root(*inside, "iptables-restore", "-c", stdin=RULES)


def main() -> None:
    """See above."""
    common_config.register_core_common_config_opts()
    config.register_root_helper(cfg.CONF)
    cfg.CONF(["--config-file", "/etc/neutron/neutron.conf"], project="neutron")
    way = sys.argv[1]
    if way == "directly":
        cfg.CONF.set_override("root_helper", "", "AGENT")
    if way in ("directly", "sudo"):
        cfg.CONF.set_override("root_helper_daemon", None, "AGENT")
    if way == "our client":
        import rootwrapd

        utils.client = rootwrapd  # which has a Client too
    print(json.dumps({"ready": way}), flush=True)
    for line in sys.stdin:
        first, number = map(int, line.split())
        start = time.perf_counter()
        for i in range(first, first + number):
            router(i)
        elapsed = time.perf_counter() - start
        for i in range(first, first + number):
            root("ip", "netns", "delete", f"qrouter-{i}")
        print(json.dumps({"seconds": elapsed, "routers": number}), flush=True)


if __name__ == "__main__":
    main()
