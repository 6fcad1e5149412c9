# SPDX-License-Identifier: Apache-2.0
"""The figures to reach. `bench/run --check` fails where one is missed.

`limit` is the promise, for a quiet machine. `ci` is for machines that others use as well, and for
the few runs of --quick: a mistake that costs something shows there, noise does not. None: so few
runs say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """The most that a figure may be; or the least."""

    limit: float
    ci: float | None
    is_least: bool = False

    def pick(self, ci: bool) -> float:
        """The limit for this machine."""
        return self.limit if not ci or self.ci is None else self.ci

    def is_asserted(self, ci: bool) -> bool:
        """Whether there is one."""
        return not ci or self.ci is not None

    def is_met(self, value: float, ci: bool) -> bool:
        """Whether a figure is as promised."""
        return value >= self.pick(ci) if self.is_least else value <= self.pick(ci)

    def format(self, unit: str, ci: bool) -> str:
        """For people."""
        return f"{'≥' if self.is_least else '≤'} {self.pick(ci):g} {unit}"


# By the key of the figure.
THRESHOLDS: dict[str, Threshold] = {
    "standalone/true": Threshold(limit=2.0, ci=3.0),
    "sudo/true": Threshold(limit=1.15, ci=1.6),
    "load/10000": Threshold(limit=10.0, ci=40.0),
    "decide/worst": Threshold(limit=2.0, ci=4.0),
    "memory/lean": Threshold(limit=0.5, ci=1.0),
    "memory/full": Threshold(limit=0.5, ci=1.0),
    "daemon-true/popen": Threshold(limit=1.25, ci=1.8),
    "daemon-start/sudo": Threshold(limit=5.0, ci=20.0),
    "daemon-memory/ours": Threshold(limit=1.5, ci=2.0),
    "daemon-memory/wakeups": Threshold(limit=0, ci=2),
    "daemon-payload/text-out/gain": Threshold(limit=5.0, ci=1.0, is_least=True),
    "daemon-payload/binary-out/gain": Threshold(limit=5.0, ci=1.0, is_least=True),
    "daemon-payload/peak": Threshold(limit=8.0, ci=12.0),
    "daemon-payload/after": Threshold(limit=0.5, ci=1.0),
    "daemon-parallel/direct": Threshold(limit=0.9, ci=0.2, is_least=True),
    "daemon-cpu/beyond": Threshold(limit=60.0, ci=400.0),
    "native-true/direct": Threshold(limit=1.10, ci=3.0),
    "native-true/many": Threshold(limit=0.9, ci=0.2, is_least=True),
    "native-cat/direct": Threshold(limit=0.95, ci=0.4, is_least=True),
    "native-run/sudo": Threshold(limit=1.0, ci=1.5),
    "native-run/doas": Threshold(limit=1.0, ci=1.5),
    "native-run/s6": Threshold(limit=1.0, ci=1.5),
    "cinder/ours": Threshold(limit=1.05, ci=2.0),
    "cinder/gain-daemon": Threshold(limit=10.0, ci=1.0, is_least=True),
    "cinder/gain-sudo": Threshold(limit=50.0, ci=2.0, is_least=True),
    "neutron/ours": Threshold(limit=1.05, ci=2.0),
    "neutron/gain-daemon": Threshold(limit=10.0, ci=None, is_least=True),
    "neutron/gain-sudo": Threshold(limit=50.0, ci=2.0, is_least=True),
}
