# SPDX-License-Identifier: Apache-2.0
"""A machine with Cinder's LVM set-up, made inside the sandbox: for the tests and the demo.

User `cinder`, Debian's own filter files, rootwrap.conf and sudoers line of Cinder, and a volume
group on a loop device. LVM works with `activation = 0`: no device-mapper is needed, and it sees
that one loop device and nothing else of the machine. The loop device detaches itself with the last
process that holds it.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import struct
import subprocess
from pathlib import Path

from rwtest import openstack, programs

USER = "cinder"
CONFIG = Path("/etc/cinder/rootwrap.conf")
PROGRAM = Path("/usr/bin/cinder-rootwrap")
SUDOERS = Path("/etc/sudoers.d/cinder-common")
OUR_SUDOERS = Path("/etc/sudoers.d/rootwrapd-cinder")
VOLUME_GROUP = "cinder-volumes"
# LVM's default, and one of a service's own, named by LVM_SYSTEM_DIR.
LVM_FOLDERS = (Path("/etc/lvm"), Path("/etc/cinder/lvm"))
DISK = Path("/run/cinder-volumes.img")
DISK_BYTES = 256 * 1024 * 1024

LOOP_CTL_GET_FREE = 0x4C82
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_AUTOCLEAR = 4
# struct loop_config: fd, block_size, struct loop_info64 (232 bytes, lo_flags at 52), 8 reserved.
LOOP_INFO_BYTES = 232
LOOP_INFO_FLAGS_AT = 52
LOOP_ATTEMPTS = 20

LVM_CONFIG = """
devices {{
    dir = "/dev"
    scan = [ "/dev" ]
    filter = [ "a|^{device}$|", "r|.*|" ]
    global_filter = [ "a|^{device}$|", "r|.*|" ]
    use_devicesfile = 0
    obtain_device_list_from_udev = 0
    external_device_info_source = "none"
    hints = "none"
}}
global {{
    activation = 0
    locking_dir = "/run/lock/lvm"
    use_lvmpolld = 0
    event_activation = 0
}}
activation {{
    udev_sync = 0
    udev_rules = 0
    monitoring = 0
}}
backup {{
    backup = 0
    archive = 0
}}
log {{
    syslog = 0
}}
"""


class LoopDevice:
    """A loop device over a file; it is gone when this object's descriptor is."""

    def __init__(self, path: Path, size: int) -> None:
        with open(path, "wb") as disk:
            disk.truncate(size)
        info = bytearray(LOOP_INFO_BYTES)
        struct.pack_into("=I", info, LOOP_INFO_FLAGS_AT, LO_FLAGS_AUTOCLEAR)
        with open(path, "r+b") as disk:
            config = struct.pack("=II", disk.fileno(), 0) + bytes(info) + bytes(64)
            self.path, self.descriptor = self._attach(config)

    @staticmethod
    def _attach(config: bytes) -> tuple[Path, int]:
        """Takes a free device; somebody else may be quicker, so it may take some attempts."""
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        try:
            for _ in range(LOOP_ATTEMPTS):
                path = Path(f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}")
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.ioctl(descriptor, LOOP_CONFIGURE, config)
                    return path, descriptor
                except OSError:
                    os.close(descriptor)
        finally:
            os.close(control)
        raise OSError("no free loop device")

    def close(self) -> None:
        """Lets go of it."""
        os.close(self.descriptor)


class CinderHost:
    """The set-up, and the way Cinder's code calls it."""

    def __init__(self, rootwrap: programs.Rootwrap, disk_bytes: int = DISK_BYTES) -> None:
        programs.require_sandbox()
        self.install_cinder()
        self.use(rootwrap)
        self.disk = LoopDevice(DISK, disk_bytes)
        for folder in LVM_FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            text = LVM_CONFIG.format(device=self.disk.path)
            (folder / "lvm.conf").write_text(text, encoding="ascii")
        self._as_root("vgcreate", VOLUME_GROUP, str(self.disk.path))

    @staticmethod
    def _as_root(*words: str) -> None:
        """Runs a step of the set-up, which must not fail."""
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")

    @classmethod
    def install_cinder(cls) -> None:
        """What Debian's cinder-common and cinder-volume would have put there."""
        package = programs.REPOSITORY / "build/cinder-common"
        if not package.is_dir():
            raise FileNotFoundError(f"{package} is missing: tests/fetch-cinder makes it")
        shutil.rmtree(CONFIG.parent, ignore_errors=True)  # where cinder-common is installed
        shutil.copytree(package / "etc/cinder", CONFIG.parent)
        shutil.copy(package / "etc/sudoers.d/cinder-common", SUDOERS)
        shutil.copy(programs.REPOSITORY / "packaging/sudoers.d/rootwrapd-cinder", OUR_SUDOERS)
        for sudoers in (SUDOERS, OUR_SUDOERS):
            sudoers.chmod(0o440)
            os.chown(sudoers, 0, 0)
        for folder, _, names in os.walk(CONFIG.parent):
            for name in ("", *names):
                os.chown(os.path.join(folder, name), 0, 0)
        try:
            pwd.getpwnam(USER)
        except KeyError:
            cls._as_root("useradd", "--system", "--user-group", "--no-create-home",
                         "--shell", "/usr/sbin/nologin", USER)

    @staticmethod
    def use(rootwrap: programs.Rootwrap) -> None:
        """Makes cinder-rootwrap and cinder-rootwrap-daemon this implementation: one link each."""
        openstack.link(PROGRAM, rootwrap)

    @staticmethod
    def words(*command: str) -> list[str]:
        """The command line of Cinder's root helper."""
        return ["sudo", "-n", "cinder-rootwrap", str(CONFIG), *command]

    @staticmethod
    def run_words(words: list[str]) -> subprocess.CompletedProcess[str]:
        """Runs a whole command line as user cinder."""
        return subprocess.run(
            words, user=USER, group=USER, extra_groups=[], stdin=subprocess.DEVNULL,
            capture_output=True, encoding="utf-8", cwd="/", timeout=programs.DEADLINE_S,
            check=False)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command through the root helper, as Cinder does."""
        return self.run_words(self.words(*command))

    def remove_volumes(self) -> None:
        """An empty volume group again."""
        self._as_root("lvremove", "-f", VOLUME_GROUP)

    def close(self) -> None:
        """Lets go of the disk; the rest goes with the sandbox."""
        self.disk.close()
