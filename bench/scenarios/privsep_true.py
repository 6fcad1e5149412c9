# SPDX-License-Identifier: Apache-2.0
"""`true` by oslo.privsep: for each line of its stdin, the seconds that one took."""

from __future__ import annotations

import subprocess
import sys
import time

from oslo_config import cfg
from oslo_privsep import capabilities, priv_context

context = priv_context.PrivContext(
    __name__, cfg_section="privsep", pypath=__name__ + ".context",
    capabilities=[capabilities.CAP_SYS_ADMIN])


@context.entrypoint
def run() -> int:
    """In the daemon."""
    process = subprocess.Popen(["/usr/bin/true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.communicate()
    return process.returncode


def main() -> None:
    """See above."""
    cfg.CONF([], project="privsep-true")
    context.start(priv_context.Method.FORK)
    for _ in sys.stdin:
        start = time.perf_counter()
        if run() != 0:
            raise SystemExit(1)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    # What runs in the daemon is looked up by its module's name.
    import privsep_true

    privsep_true.main()
