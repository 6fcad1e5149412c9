# SPDX-License-Identifier: Apache-2.0
"""Debian's real Cinder on the machine of rwtest.cinder_lvm."""

from __future__ import annotations

import shutil
from pathlib import Path

from rwtest import cinder_lvm, openstack, programs
from rwtest.cinder_lvm import CinderHost

STATE = Path("/var/lib/cinder")
LOG = STATE / "cinder.log"
CONFIG = Path("/etc/cinder/cinder.conf")
FILTERS = Path("/etc/cinder/rootwrap.d/test.filters")
# Room for the driver's volumes, whose sizes are in GiB. No byte of them is ever written.
DISK_BYTES = 64 << 30

PLAIN = f"""[DEFAULT]
state_path = {STATE}
lock_path = {STATE}/lock
rootwrap_config = {cinder_lvm.CONFIG}
volume_clear = none
enabled_backends = lvm
transport_url = fake:/
my_ip = 127.0.0.1
host = sandbox
debug = False
use_syslog = False
log_file = {LOG}

[database]
connection = sqlite:///{STATE}/cinder.sqlite

[oslo_concurrency]
lock_path = {STATE}/lock

[lvm]
volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver
volume_group = {cinder_lvm.VOLUME_GROUP}
volume_backend_name = lvm
target_helper = fake
target_protocol = iscsi
lvm_type = default
lvm_suppress_fd_warnings = True
volume_clear = none
"""
DAEMON = """use_rootwrap_daemon = True
monkey_patch = True
monkey_patch_modules = cinder.utils:rootwrapd.cinder.use_daemon
"""
# For tests of the service's execute: not Cinder's.
MORE_FILTERS = """[Filters]
sh: CommandFilter, sh, root
cat: CommandFilter, cat, root
true: CommandFilter, true, root
id: CommandFilter, id, root
echo: CommandFilter, echo, root
printf: CommandFilter, /usr/bin/printf, root
missing: CommandFilter, rw-missing, root
"""


def host(rootwrap: programs.Rootwrap) -> CinderHost:
    """The machine with Cinder's configuration and our package."""
    found = CinderHost(rootwrap, DISK_BYTES)
    openstack.install_package()
    STATE.mkdir(exist_ok=True)
    LOG.touch()  # else privsep's helper, which is root, might be the first to make it
    for path in (STATE, LOG):
        shutil.chown(path, cinder_lvm.USER, cinder_lvm.USER)
    FILTERS.write_text(MORE_FILTERS, "ascii")
    return found


def configure(*, use_daemon: bool, more: str = "") -> None:
    """cinder.conf with the option, or without."""
    text = PLAIN.replace("[database]", (DAEMON if use_daemon else "") + more + "\n[database]", 1)
    CONFIG.write_text(text, "ascii")
