# SPDX-License-Identifier: Apache-2.0
"""What is left behind: a page for people, and every number for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rwbench.figures import Figure, Result
from thresholds import THRESHOLDS


@dataclass
class Report:
    """All benchmarks of one run."""

    machine: dict[str, object]
    results: dict[str, Result]
    ci: bool
    quick: bool

    def target_of(self, figure: Figure) -> str:
        """What is promised, if anything is."""
        threshold = THRESHOLDS.get(figure.key)
        return threshold.format(figure.unit, self.ci) if threshold else ""

    def is_missed(self, figure: Figure) -> bool:
        """Whether it is not as promised."""
        threshold = THRESHOLDS.get(figure.key)
        return threshold is not None and not threshold.is_met(figure.value.median, self.ci)

    def missed(self) -> list[Figure]:
        """The figures that are not as promised."""
        figures = [figure for result in self.results.values() for figure in result.figures]
        return [figure for figure in figures if self.is_missed(figure)]

    def verdict(self, figure: Figure) -> str:
        """Target, and whether it is reached."""
        target = self.target_of(figure)
        if not target:
            return ""
        return f"{target}: {'**missed**' if self.is_missed(figure) else 'reached'}"

    def describe_machine(self) -> str:
        """In one paragraph."""
        machine = self.machine
        packages = machine["packages"]
        assert isinstance(packages, dict)
        known = ", ".join(f"{name} {version}" for name, version in packages.items())
        load = machine["load_average"]
        assert isinstance(load, tuple)
        eventlet = "installed: oslo.rootwrap imports it" if machine["eventlet"] else "not installed"
        return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; Linux "
                f"{machine['kernel']}, {machine['system']}; {known}; eventlet {eventlet}. Load "
                f"average when it began: {load[0]:.2f}.")

    def markdown(self) -> str:
        """The page."""
        kind = " A quick run, with few rounds." if self.quick else ""
        lines = [
            "# Figures", "",
            self.describe_machine() + kind, "",
            "Medians, with quartiles in brackets. Everything in a row was measured in one run, "
            "taking turns; quartiles of a ratio are those of the ratios of its blocks.",
        ]
        for name, result in self.results.items():
            lines += ["", f"## {name}", "", result.note, "",
                      "| what | figure | target |", "| --- | --- | --- |"]
            lines += [f"| {figure.text} | {figure.format()} | {self.verdict(figure)} |"
                      for figure in result.figures]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """report.md, and NAME.json for each benchmark."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")
        for name, result in self.results.items():
            raw = {
                "machine": self.machine,
                "quick": self.quick,
                "unit": result.unit,
                "figures": [asdict(figure) for figure in result.figures],
                "samples": {samples.name: samples.blocks for samples in result.samples},
            }
            text = json.dumps(raw, indent=None, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
