#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asserts the figures of a run against the one table, bench/thresholds.py.

    bench/check.py [--ci] [--all] FOLDER

FOLDER has the NAME.json that bench/run left. --ci: the limits for machines that others use too.
--all: a figure of the table that was not measured is a failure as well.

Exit status: 0; 1 when a figure is missed; 2 when there is nothing to read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from thresholds import THRESHOLDS, Threshold  # noqa: E402

EXIT_MISSED = 1
EXIT_NOTHING = 2


def read(folder: Path) -> dict[str, tuple[float, str]]:
    """Medians and units by key."""
    found: dict[str, tuple[float, str]] = {}
    for path in sorted(folder.glob("*.json")):
        raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for figure in raw["figures"]:
            found[figure["key"]] = (float(figure["value"]["median"]), figure["unit"])
    return found


def judge(found: dict[str, tuple[float, str]], thresholds: dict[str, Threshold], *, ci: bool,
          want_all: bool) -> tuple[list[str], list[str]]:
    """Lines for what is met, and for what is not."""
    met, missed = [], []
    for key, threshold in thresholds.items():
        if not threshold.is_asserted(ci):
            continue
        if key not in found:
            if want_all:
                missed.append(f"{key}: not measured")
            continue
        value, unit = found[key]
        line = f"{key}: {value:.3g} {unit}, wanted {threshold.format(unit, ci)}"
        (met if threshold.is_met(value, ci) else missed).append(line)
    return met, missed


def main(words: list[str]) -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="bench/check.py", description=__doc__.splitlines()[0])
    parser.add_argument("--ci", action="store_true", help="limits for busy machines")
    parser.add_argument("--all", action="store_true", help="what was not measured is missed")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(words)
    found = read(options.folder) if options.folder.is_dir() else {}
    if not found:
        print(f"bench/check.py: no figures in {options.folder}", file=sys.stderr)
        return EXIT_NOTHING
    met, missed = judge(found, THRESHOLDS, ci=options.ci, want_all=options.all)
    if not met and not missed:
        print(f"bench/check.py: no figure with a threshold in {options.folder}", file=sys.stderr)
        return EXIT_NOTHING
    for line in met:
        print(f"ok      {line}")
    for line in missed:
        print(f"MISSED  {line}")
    print(f"{len(met)} met, {len(missed)} missed")
    return EXIT_MISSED if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
