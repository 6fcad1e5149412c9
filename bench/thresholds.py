# SPDX-License-Identifier: Apache-2.0
"""The figures to reach. `bench/run --check` fails where one is missed.

`limit` is the promise, for a quiet machine. `ci` is for machines that others use as well, and for
the few runs of --quick: a mistake that costs something shows there, noise does not.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """The most that a figure may be."""

    limit: float
    ci: float


# By the key of the figure.
THRESHOLDS: dict[str, Threshold] = {
    "standalone/true": Threshold(limit=2.0, ci=3.0),
    "sudo/true": Threshold(limit=1.15, ci=1.6),
    "load/10000": Threshold(limit=10.0, ci=40.0),
    "decide/worst": Threshold(limit=2.0, ci=4.0),
    "memory/lean": Threshold(limit=0.5, ci=1.0),
    "memory/full": Threshold(limit=0.5, ci=1.0),
}
