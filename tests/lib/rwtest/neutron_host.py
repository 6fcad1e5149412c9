# SPDX-License-Identifier: Apache-2.0
"""Debian's real Neutron on a machine of the sandbox."""

from __future__ import annotations

import shutil
from pathlib import Path

from rwtest import openstack, programs

USER = "neutron"
ROOTWRAP = Path("/usr/bin/neutron-rootwrap")
CONFIG = Path("/etc/neutron/rootwrap.conf")
NEUTRON_CONFIG = Path("/etc/neutron/neutron.conf")
FILTERS = Path("/etc/neutron/rootwrap.d/test.filters")
STATE = Path("/var/lib/neutron")

NEUTRON_CONF = f"""[DEFAULT]
state_path = {STATE}

[oslo_concurrency]
lock_path = {STATE}/lock

[agent]
root_helper = sudo neutron-rootwrap {CONFIG}
root_helper_daemon = sudo neutron-rootwrap-daemon {CONFIG}
"""
# For steps of the tests; the others pass Debian's own filters.
MORE_FILTERS = """[Filters]
sh: CommandFilter, sh, root
cat: CommandFilter, cat, root
sysctl: CommandFilter, sysctl, root
iptables: CommandFilter, iptables, root
iptables_save: CommandFilter, iptables-save, root
iptables_restore: CommandFilter, iptables-restore, root
env: EnvFilter, env, root, PROCESS_TAG=, sh
kill: KillFilter, root, sleep, -9
"""


class NeutronHost:
    """Neutron's configuration, and its links to an implementation."""

    def __init__(self) -> None:
        programs.require_sandbox()
        NEUTRON_CONFIG.write_text(NEUTRON_CONF, "ascii")
        FILTERS.write_text(MORE_FILTERS, "ascii")
        for folder in (STATE, STATE / "lock", STATE / "external"):
            folder.mkdir(parents=True, exist_ok=True)
            shutil.chown(folder, USER, USER)
        openstack.install_package()

    @staticmethod
    def use(rootwrap: programs.Rootwrap) -> None:
        """Makes neutron-rootwrap and neutron-rootwrap-daemon this implementation."""
        openstack.link(ROOTWRAP, rootwrap)
