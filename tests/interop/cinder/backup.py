# SPDX-License-Identifier: Apache-2.0
"""Run by user cinder: a backup's worth of bytes through a root command and back.

    backup.py on|oslo MEGABYTES

By cinder.utils.execute through our client; by oslo.rootwrap's client. Prints a JSON object.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

import eventlet

if sys.argv[1] == "on":
    eventlet.monkey_patch()  # under which oslo's client reads in steps that grow with the square

import cinder.common.config  # noqa: E402, F401 registers the options
from cinder import utils  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_rootwrap.client import Client  # noqa: E402


def main() -> None:
    """Both sums."""
    cfg.CONF([], project="cinder", default_config_files=["/etc/cinder/cinder.conf"])
    line = os.urandom(48).hex() + "\n"
    text = line * (int(sys.argv[2]) * 1_000_000 // len(line))
    if sys.argv[1] == "on":
        utils.monkey_patch()
        assert cfg.CONF.use_rootwrap_daemon
        out, _ = utils.execute("cat", process_input=text, run_as_root=True)
    else:
        client = Client(["sudo", "cinder-rootwrap-daemon", cfg.CONF.rootwrap_config])
        code, out, _ = client.execute(["cat"], text)
        assert code == 0
    print(json.dumps({"in": hashlib.sha256(text.encode()).hexdigest(),
                      "out": hashlib.sha256(out.encode()).hexdigest(), "n": len(out)}))
    sys.stdout.flush()
    os._exit(0)  # the client's threads have nothing to add


if __name__ == "__main__":
    main()
