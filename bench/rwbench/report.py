# SPDX-License-Identifier: Apache-2.0
"""What is left behind: a page to look at, the same as text, charts, and every number."""

from __future__ import annotations

import html
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from rwbench import chart
from rwbench.figures import Figure, Result
from rwbench.latency import is_ours
from thresholds import THRESHOLDS

MIXED = "as named"
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>rootwrapd: figures</title>
<style>
:root { color-scheme: light dark; --ink: #24292f; --soft: #6e7781; --line: #d0d7de;
  --paper: #ffffff; --good: #1a7f37; --bad: #cf222e; --strong: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #8b949e; --line: #30363d;
  --paper: #0d1117; --good: #3fb950; --bad: #f85149; --strong: #4493f8; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
.soft { color: var(--soft); } svg { width: 100%; height: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: 1rem 0; }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left;
  vertical-align: top; }
td.number { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
.reached { color: var(--good); } .missed { color: var(--bad); font-weight: 600; }
nav a { margin-right: .8rem; color: var(--strong); } details { margin: .5rem 0; }
.wide { overflow-x: auto; }
</style>
"""


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
        return (threshold is not None and threshold.is_asserted(self.ci)
                and not threshold.is_met(figure.value.median, self.ci))

    def missed(self) -> list[Figure]:
        """The figures that are not as promised."""
        return [figure for figure in self.promised() if self.is_missed(figure)]

    def promised(self) -> list[Figure]:
        """The figures that have a target."""
        return [figure for result in self.results.values() for figure in result.figures
                if self.target_of(figure)]

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
        kind = " A quick run, with few rounds." if self.quick else ""
        return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; Linux "
                f"{machine['kernel']}, {machine['system']}; {known}; eventlet {eventlet}. Load "
                f"average when it began: {load[0]:.2f}.{kind}")

    HOW = ("Medians, with quartiles in brackets. Everything in a table was measured in one run, "
           "taking turns; quartiles of a ratio are those of the ratios of its blocks.")

    def markdown(self) -> str:
        """The page as text."""
        lines = ["# Figures", "", self.describe_machine(), "", self.HOW]
        for name, result in self.results.items():
            lines += ["", f"## {name}", "", result.note, ""]
            lines += [f"![{chart_name}]({chart_name}.svg)"
                      for chart_name, _ in self.charts(name, result)]
            lines += ["", "| what | figure | target |", "| --- | --- | --- |"]
            lines += [f"| {figure.text} | {figure.format()} | {self.verdict(figure)} |"
                      for figure in result.figures]
        return "\n".join(lines) + "\n"

    @staticmethod
    def charts(name: str, result: Result) -> list[tuple[str, str]]:
        """A benchmark's own, or its subjects side by side."""
        if result.charts or result.unit == MIXED or not result.samples:
            return result.charts
        rows = [chart.Bar(one.name, one.spread.median, one.spread.low, one.spread.high,
                          is_ours(one.name)) for one in result.samples]
        rows.sort(key=lambda row: row.value)
        return [(name, chart.bars(name, result.unit, rows))]

    def row(self, figure: Figure) -> str:
        """A line of a table."""
        target = self.target_of(figure)
        kind = "missed" if self.is_missed(figure) else "reached"
        verdict = f'<span class="{kind}">{html.escape(target)}: {kind}</span>' if target else ""
        return (f"<tr><td>{code(figure.text)}<td class='number'>{html.escape(figure.format())}"
                f"<td>{verdict}")

    def page(self) -> str:
        """The page."""
        missed, promised = self.missed(), self.promised()
        parts = [PAGE, "<h1>rootwrapd: figures</h1>",
                 f"<p class='soft'>{html.escape(self.describe_machine())}<p>{self.HOW}",
                 f"<p><b>{len(promised) - len(missed)} of {len(promised)} targets reached.</b>",
                 "<nav>", *(f"<a href='#{name}'>{name}</a>" for name in self.results), "</nav>",
                 "<div class='wide'><table><tr><th>promised<th>figure<th>target",
                 *map(self.row, promised), "</table></div>"]
        for name, result in self.results.items():
            text, _, table = result.note.partition("\n\n")
            parts += [f"<h2 id='{name}'>{name}</h2><p>{code(text)}",
                      *(svg for _, svg in self.charts(name, result)), html_table(table),
                      "<details><summary>All figures</summary><div class='wide'><table>",
                      "<tr><th>what<th>figure<th>target",
                      *map(self.row, result.figures), "</table></div></details>"]
        return "\n".join(parts) + "\n"

    def write(self, folder: Path) -> None:
        """index.html, report.md, the charts, and NAME.json for each benchmark; nothing else.

        What another run left there would be judged as if it were this one's.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ("*.json", "*.svg"):
            for path in folder.glob(pattern):
                path.unlink()
        (folder / "report.md").write_text(self.markdown(), encoding="utf-8")
        (folder / "index.html").write_text(self.page(), encoding="utf-8")
        for name, result in self.results.items():
            for chart_name, svg in self.charts(name, result):
                (folder / f"{chart_name}.svg").write_text(svg, encoding="utf-8")
            raw = {
                "machine": self.machine,
                "quick": self.quick,
                "unit": result.unit,
                "figures": [asdict(figure) for figure in result.figures],
                "samples": {samples.name: samples.blocks for samples in result.samples},
            }
            text = json.dumps(raw, indent=None, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def write_charts(self, folder: Path) -> None:
        """Only the charts, for the README."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, result in self.results.items():
            for chart_name, svg in self.charts(name, result):
                (folder / f"{chart_name}.svg").write_text(svg, encoding="utf-8")


def code(text: str) -> str:
    """Text whose `words` are code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def html_table(text: str) -> str:
    """A table of Markdown; empty for none."""
    rows = [line.strip().strip("|").split("|") for line in text.splitlines()
            if line.startswith("|") and not line.startswith("| ---")]
    if not rows:
        return ""
    cells = ["<tr>" + "".join(f"<{kind}>{html.escape(cell.strip())}" for cell in row)
             for kind, row in zip(["th", *["td"] * len(rows)], rows, strict=False)]
    return "<div class='wide'><table>" + "".join(cells) + "</table></div>"
