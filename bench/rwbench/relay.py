# SPDX-License-Identifier: Apache-2.0
"""Two programs that only pass a question on: the least that a daemon in two processes can cost."""

from __future__ import annotations

from typing import Any

from rwbench import spawning
from rwbench.plan import built, run_timer

NAME = "two programs that do nothing but pass it on"


def measure(n_runs: int) -> dict[str, Any]:
    """So many runs of `true` by them, and by the program that asks; they take turns."""
    return run_timer([built("relay-timer"), str(n_runs), spawning.TRUE])
