# SPDX-License-Identifier: Apache-2.0
"""Creates and deletes volumes by Cinder's own LVM driver, in one of the ways to root.

    volumes.py WAY

Says {"ready": ...} when all is loaded. Then, for each line `TIMES AT_ONCE` of its stdin, it prints
one line of JSON: seconds of each create and delete, and the load's and the full duration.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from typing import Any

import eventlet

eventlet.monkey_patch()

import cinder.common.config  # noqa: E402, F401 registers the options
from cinder import objects, utils  # noqa: E402
from cinder.volume import configuration  # noqa: E402
from cinder.volume import driver as base  # noqa: E402
from cinder.volume.drivers import lvm as driver  # noqa: E402
from oslo_concurrency import processutils  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_rootwrap.client import Client  # noqa: E402

ROUND = 0


def by_oslo_s_client() -> None:
    """As the blueprint's change had it: utils.execute hands root's commands to oslo's client."""
    real = processutils.execute
    client = Client(["sudo", "cinder-rootwrap-daemon", cfg.CONF.rootwrap_config])

    def execute(*words: Any, **how: Any) -> Any:
        if not how.get("run_as_root"):
            return real(*words, **how)
        code, out, err = client.execute([str(word) for word in words], how.get("process_input"))
        allowed = how.get("check_exit_code", [0])
        if allowed is True:
            allowed = [0]
        if allowed is not False and code not in ([allowed] if isinstance(allowed, int)
                                                 else allowed):
            raise processutils.ProcessExecutionError(exit_code=code, stdout=out, stderr=err,
                                                     cmd=shlex.join(map(str, words)))
        return out, err

    processutils.execute = execute


def volume(number: int) -> dict[str, Any]:
    """What the driver wants to know of one."""
    name = f"{ROUND:08}-0000-0000-0000-{number:012}"
    return {"id": name, "name": f"volume-{name}", "size": 1}


def load(times: int, at_once: int) -> dict[str, Any]:
    """Creates and deletes one volume, `times` times, so many at once."""
    global ROUND
    ROUND += 1
    begin = time.perf_counter()
    options = configuration.Configuration(base.volume_opts, config_group="lvm")
    lvm = driver.LVMVolumeDriver(configuration=options, host="sandbox@lvm", db=None)
    lvm.check_for_setup_error()
    lvm.set_initialized()
    found: dict[str, Any] = {"create": [], "delete": []}

    def one(number: int) -> None:
        moments = [time.perf_counter()]
        lvm.create_volume(volume(number))
        moments.append(time.perf_counter())
        lvm.delete_volume(volume(number))
        moments.append(time.perf_counter())
        found["create"].append(moments[1] - moments[0])
        found["delete"].append(moments[2] - moments[1])

    start = time.perf_counter()
    pool = eventlet.GreenPool(at_once)
    for number in range(times):
        pool.spawn_n(one, number)
    pool.waitall()
    end = time.perf_counter()
    if len(found["delete"]) != times:
        raise RuntimeError("volumes failed")
    return {**found, "load": end - start, "full": end - begin}


def main() -> None:
    """See above."""
    objects.register_all()
    cfg.CONF([], project="cinder", default_config_files=["/etc/cinder/cinder.conf"])
    way = sys.argv[1]
    if way == "our client":
        utils.monkey_patch()
        assert cfg.CONF.use_rootwrap_daemon
    elif way == "oslo's client":
        by_oslo_s_client()
    print(json.dumps({"ready": way}), flush=True)
    for line in sys.stdin:
        times, at_once = map(int, line.split())
        print(json.dumps(load(times, at_once)), flush=True)


if __name__ == "__main__":
    main()
