# SPDX-License-Identifier: Apache-2.0
"""Run by user cinder: a backup's worth of bytes through a root command and back.

    backup.py on|oslo MEGABYTES

By cinder.utils.execute: through our client, and through oslo.rootwrap's. Prints a JSON object.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from typing import Any

import eventlet

if sys.argv[1] == "on":
    eventlet.monkey_patch()  # under which oslo's client reads in steps that grow with the square

import cinder.common.config  # noqa: E402, F401 registers the options
from cinder import utils  # noqa: E402
from oslo_concurrency import processutils  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_rootwrap.client import Client  # noqa: E402


def by_oslo_s_client() -> None:
    """As the blueprint's change had it: see bench/scenarios/volumes.py."""
    client = Client(["sudo", "cinder-rootwrap-daemon", cfg.CONF.rootwrap_config])

    def execute(*words: str, **how: Any) -> tuple[str, str]:
        assert how["run_as_root"]
        code, out, err = client.execute(list(words), how.get("process_input"))
        if code:
            raise processutils.ProcessExecutionError(
                exit_code=code, stdout=out, stderr=err, cmd=shlex.join(words))
        return out, err

    processutils.execute = execute


def main() -> None:
    """Both sums."""
    cfg.CONF([], project="cinder", default_config_files=["/etc/cinder/cinder.conf"])
    line = os.urandom(48).hex() + "\n"
    text = line * (int(sys.argv[2]) * 1_000_000 // len(line))
    if sys.argv[1] == "on":
        utils.monkey_patch()
        assert cfg.CONF.use_rootwrap_daemon
    else:
        by_oslo_s_client()
    out, _ = utils.execute("cat", process_input=text, run_as_root=True)
    who, _ = utils.execute("sh", "-c", "readlink /proc/$PPID/exe", run_as_root=True)
    print(json.dumps({"in": hashlib.sha256(text.encode()).hexdigest(),
                      "out": hashlib.sha256(out.encode()).hexdigest(), "n": len(out),
                      "who": who.strip()}))
    sys.stdout.flush()
    os._exit(0)  # the client's threads have nothing to add


if __name__ == "__main__":
    main()
