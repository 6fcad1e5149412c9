# SPDX-License-Identifier: Apache-2.0
"""Run by user cinder: Cinder's own LVM code and volume driver, with the option off or on.

    driver.py off|on

Prints a JSON object: what each step gave, or raised; and who ran root's commands. The volume group
must be empty.
"""

from __future__ import annotations

import json
import shlex
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import eventlet

eventlet.monkey_patch()

import tenacity.nap  # noqa: E402
from cinder import objects  # noqa: E402
import cinder.common.config  # noqa: E402, F401 registers the options
from cinder import utils  # noqa: E402
from cinder.brick.local_dev.lvm import LVM  # noqa: E402
from cinder.volume import configuration  # noqa: E402
from cinder.volume import driver as base  # noqa: E402
from cinder.volume import volume_utils  # noqa: E402
from cinder.volume.drivers import lvm as driver  # noqa: E402
from oslo_concurrency import processutils  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_privsep import priv_context  # noqa: E402

GROUP = "cinder-volumes"
# Of the test's lvs: a line for each call; it dies when this one is there, and removes it.
CALLS = Path("/var/lib/cinder/lvs-calls")
DIES = Path("/var/lib/cinder/lvs-dies")


class Volume(dict[str, Any]):
    """What the driver wants to know of a volume."""

    @property
    def id(self) -> str:
        """As a volume of the database has it."""
        return str(self["id"])


def volume(number: int, size: int = 1) -> Volume:
    """One of the driver's."""
    name = f"00000000-0000-0000-0000-{number:012}"
    return Volume(id=name, name=f"volume-{name}", size=size)


def snapshot(number: int) -> dict[str, Any]:
    """Of volume 1."""
    name = f"11111111-0000-0000-0000-{number:012}"
    return {"id": name, "name": f"snapshot-{name}", "volume_name": volume(1)["name"],
            "volume_size": 1, "size": 1}


def lvs_dies_once(group: LVM) -> Any:
    """Of a segmentation fault, which Cinder's code knows by 139, and asks again. Returns: what was
    found in the end; how often lvs was called"""
    CALLS.unlink(missing_ok=True)
    DIES.touch()
    found = names(group)
    return found, len(CALLS.read_text("ascii").split())


def names(group: LVM) -> list[tuple[str, str]]:
    """The volumes that are there."""
    return sorted((found["name"], found["size"]) for found in group.get_volumes())


def brick_steps() -> dict[str, Callable[[], Any]]:
    """cinder.brick.local_dev.lvm.LVM."""
    group = LVM(GROUP, utils.get_root_helper(), executor=processutils.execute)
    return {
        "version": lambda: LVM.get_lvm_version(utils.get_root_helper()),
        "empty": lambda: names(group),
        "create": lambda: group.create_volume("volume-a", "32m"),
        "create again": lambda: group.create_volume("volume-a", "32m"),
        "list": lambda: names(group),
        "lvs dies once": lambda: lvs_dies_once(group),
        "one": lambda: {**group.get_volume("volume-a"), "vg": GROUP},
        "none": lambda: group.get_volume("volume-none"),
        "extend": lambda: group.extend_volume("volume-a", "64m"),
        "extend too far": lambda: group.extend_volume("volume-a", "999999g"),
        "rename": lambda: group.rename_volume("volume-a", "volume-b"),
        "too large": lambda: group.create_volume("volume-c", "999999g"),
        "snapshot": lambda: group.create_lv_snapshot("snap-b", "volume-b"),
        "snapshot of nothing": lambda: group.create_lv_snapshot("snap-x", "volume-none"),
        "has snapshot": lambda: group.lv_has_snapshot("volume-b"),
        "activate": lambda: group.activate_lv("volume-b"),
        "sizes": lambda: (group.update_volume_group_info(), group.vg_size, group.vg_free_space),
        "thin": lambda: LVM.supports_thin_provisioning(utils.get_root_helper()),
        "groups": lambda: [found["name"] for found in
                           LVM.get_all_volume_groups(utils.get_root_helper())],
        "physical volumes": lambda: len(LVM.get_all_physical_volumes(utils.get_root_helper())),
        "delete": lambda: group.delete("volume-b"),
        "delete again": lambda: group.delete("volume-b"),
        "at the end": lambda: names(group),
        "no group": lambda: LVM("no-such-group", utils.get_root_helper(),
                                executor=processutils.execute),
    }


def driver_steps() -> dict[str, Callable[[], Any]]:
    """cinder.volume.drivers.lvm.LVMVolumeDriver."""
    options = configuration.Configuration(base.volume_opts, config_group="lvm")
    lvm = driver.LVMVolumeDriver(configuration=options, host="sandbox@lvm", db=None)
    lvm.set_initialized()

    def stats() -> Any:
        pool = lvm.get_volume_stats(refresh=True)["pools"][0]
        return {name: pool[name] for name in
                ("total_capacity_gb", "free_capacity_gb", "total_volumes", "backend_state")}

    return {
        "setup": lvm.check_for_setup_error,
        "create 1": lambda: lvm.create_volume(volume(1)),
        "create 2": lambda: lvm.create_volume(volume(2, 2)),
        "create twice": lambda: lvm.create_volume(volume(1)),
        "create too large": lambda: lvm.create_volume(volume(3, 9999)),
        "stats": stats,
        "extend": lambda: lvm.extend_volume(volume(2, 2), 4),
        "extended": lambda: names(lvm.vg),
        "snapshot": lambda: lvm.create_snapshot(snapshot(1)),
        "delete snapshot": lambda: lvm.delete_snapshot(snapshot(1)),
        "delete 1": lambda: lvm.delete_volume(volume(1)),
        "delete 2": lambda: lvm.delete_volume(volume(2)),
        "delete nothing": lambda: lvm.delete_volume(volume(7)),
        "path": lambda: lvm.local_path(volume(1)),
        "copy": lambda: volume_utils.copy_volume(
            "/dev/zero", "/var/lib/cinder/copied", 8, "1M", execute=utils.execute),
        "at the end": lambda: names(lvm.vg),
        "stats at the end": stats,
    }


def run(step: Callable[[], Any]) -> Any:
    """One step."""
    try:
        return {"result": step()}
    except processutils.ProcessExecutionError as error:
        return {"raised": type(error).__name__, "exit_code": error.exit_code,
                "stdout": error.stdout, "stderr": error.stderr, "cmd": error.cmd}
    except Exception as error:  # whatever it is, the other way raises it too
        return {"raised": type(error).__name__, "text": str(error)}


def main() -> None:
    """All steps."""
    objects.register_all()
    cfg.CONF([], project="cinder", default_config_files=["/etc/cinder/cinder.conf"])
    if sys.argv[1] == "on":
        utils.monkey_patch()
        assert cfg.CONF.use_rootwrap_daemon
    # as cinder.cmd.volume does it: privsep's helper is started by the root helper
    priv_context.init(root_helper=shlex.split(utils.get_root_helper()))
    # Cinder tries some failures again, after seconds
    tenacity.nap.time = types.SimpleNamespace(sleep=lambda seconds: None)
    found: dict[str, Any] = {"who": utils.execute(
        "sh", "-c", "readlink /proc/$PPID/exe", run_as_root=True)[0].strip()}
    for part, steps in (("brick", brick_steps), ("driver", driver_steps)):
        for name, step in steps().items():
            found[f"{part}: {name}"] = run(step)
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
