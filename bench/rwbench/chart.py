# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG: bars, strips, lines and stacks, for a page in light or dark, and for the README.

What is ours has the one strong colour; everything else is grey. Names and numbers stand beside what
they belong to, so no chart has a legend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
ROW = 30
LETTER = 7.7  # pixels, about
RIGHT = 120
TOP = 46
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.soft { fill: #6e7781; font-size: 12px; }
.ours { fill: #0969da; } .other { fill: #afb8c1; } .line-ours { stroke: #0969da; }
.line-other { stroke: #8c959f; } .spread { stroke: #24292f; stroke-width: 1.5; }
.grid { stroke: #d0d7de; stroke-width: 1; } .name-ours { fill: #0969da; font-weight: 600; }
.part0 { fill: #0969da; } .part1 { fill: #54aeff; } .part2 { fill: #afb8c1; }
.part3 { fill: #8250df; } .part4 { fill: #2da44e; } .part5 { fill: #bf8700; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .soft { fill: #8b949e; } .ours, .part0 { fill: #4493f8; }
.other, .part2 { fill: #484f58; } .line-ours { stroke: #4493f8; } .line-other { stroke: #6e7681; }
.spread { stroke: #e6edf3; } .grid { stroke: #30363d; } .name-ours { fill: #4493f8; } }
"""


@dataclass(frozen=True)
class Bar:
    """A value between a low and a high one."""

    name: str
    value: float
    low: float
    high: float
    is_ours: bool


@dataclass(frozen=True)
class Line:
    """Points of one subject, by ascending x."""

    name: str
    points: Sequence[tuple[float, float]]
    is_ours: bool


def number(value: float) -> str:
    """For people: three digits that count."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 3)}f}"


def document(height: float, title: str, parts: Sequence[str]) -> str:
    """The whole picture."""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'role="img" aria-label="{escape(title, {chr(34): "&quot;"})}"><style>{STYLE}</style>'
            f'<text class="title" x="0" y="18">{escape(title)}</text>' + "".join(parts) + "</svg>\n")


def room_for(names: Sequence[str]) -> float:
    """Pixels that names need, left of what they name."""
    return min(WIDTH * 0.55, 18 + LETTER * max(map(len, names)))


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """A piece of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">'
            f'{escape(words)}</text>')


class Axis:
    """From values to places, evenly or by powers of ten."""

    def __init__(self, values: Sequence[float], first: float, last: float, is_log: bool) -> None:
        self.first, self.last, self.is_log = first, last, is_log
        positive = [value for value in values if value > 0] or [1.0]
        self.low = 10 ** math.floor(math.log10(min(positive))) if is_log else 0.0
        self.high = max(max(values), self.low * 1.01, 1e-12)

    def place(self, value: float) -> float:
        """Where a value is."""
        if self.is_log:
            part = (math.log10(max(value, self.low)) - math.log10(self.low)) / (
                math.log10(self.high) - math.log10(self.low))
        else:
            part = value / self.high
        return self.first + part * (self.last - self.first)

    def marks(self) -> list[float]:
        """Round values."""
        if self.is_log:
            powers = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            return [10.0 ** power for power in powers]
        step = 10 ** math.floor(math.log10(self.high))
        step = next(step * part for part in (0.2, 0.25, 0.5, 1) if self.high / (step * part) <= 5
                    or part == 1)
        return [step * i for i in range(int(self.high / step) + 1)]


def grid(axis: Axis, top: float, bottom: float, unit: str) -> list[str]:
    """Lines down, with their values below."""
    parts = []
    for mark in axis.marks():
        x = axis.place(mark)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(text(x, bottom + 15, number(mark), "soft", "middle"))
    parts.append(text(WIDTH, bottom + 31, unit, "soft", "end"))
    return parts


def bars(title: str, unit: str, rows: Sequence[Bar], note: str = "") -> str:
    """A bar each, with its spread and its number."""
    values = [row.value for row in rows] + [row.high for row in rows]
    smallest = min(row.value for row in rows)
    is_log = smallest > 0 and max(values) / smallest > 30
    left = room_for([row.name for row in rows])
    axis = Axis(values, left, WIDTH - RIGHT, is_log)
    bottom = TOP + ROW * len(rows)
    parts = grid(axis, TOP, bottom, unit + (" (each mark is ten times the last)" if is_log else ""))
    if note:
        parts.append(text(0, 36, note, "soft"))
    for i, row in enumerate(rows):
        y = TOP + ROW * i + ROW / 2
        kind = "ours" if row.is_ours else "other"
        end = axis.place(row.value)
        parts += [
            text(left - 10, y + 4, row.name, "name-ours" if row.is_ours else "", "end"),
            f'<rect class="{kind}" x="{left:.1f}" y="{y - 9:.1f}" '
            f'width="{max(end - left, 1):.1f}" height="18" rx="2"/>',
            f'<line class="spread" x1="{axis.place(row.low):.1f}" '
            f'x2="{axis.place(row.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>',
            text(max(end, axis.place(row.high)) + 6, y + 4, number(row.value)),
        ]
    return document(bottom + 38, title, parts)


def strips(title: str, unit: str, rows: Sequence[tuple[str, Sequence[float], bool]]) -> str:
    """How values are distributed: 1 to 99 % thin, 10 to 90 % thick, the median as a mark."""
    def part(values: Sequence[float], share: float) -> float:
        ordered = sorted(values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    left = room_for([name for name, _, _ in rows])
    axis = Axis([part(values, share) for _, values, _ in rows for share in (0.01, 0.99)], left,
                WIDTH - RIGHT, is_log=True)
    bottom = TOP + ROW * len(rows)
    parts = [*grid(axis, TOP, bottom, f"{unit} (each mark is ten times the last)"),
             text(0, 36, "thin: 1 to 99 % of the calls; thick: 10 to 90 %; the number is the median",
                  "soft")]
    for i, (name, values, is_ours) in enumerate(rows):
        y = TOP + ROW * i + ROW / 2
        kind = "ours" if is_ours else "other"
        at = {share: axis.place(part(values, share)) for share in (0.01, 0.1, 0.5, 0.9, 0.99)}
        parts += [text(left - 10, y + 4, name, "name-ours" if is_ours else "", "end")]
        for low, high, height in ((0.01, 0.99, 4), (0.1, 0.9, 14)):
            parts.append(f'<rect class="{kind}" x="{at[low]:.1f}" y="{y - height / 2:.1f}" '
                         f'width="{max(at[high] - at[low], 1):.1f}" height="{height}" rx="2"/>')
        parts += [f'<line class="spread" x1="{at[0.5]:.1f}" x2="{at[0.5]:.1f}" y1="{y - 9:.1f}" '
                  f'y2="{y + 9:.1f}"/>',
                  text(at[0.99] + 6, y + 4, number(part(values, 0.5)))]
    return document(bottom + 38, title, parts)


def lines(title: str, x_unit: str, y_unit: str, series: Sequence[Line]) -> str:
    """Curves over a number that grows by factors; their names stand at their ends."""
    left, right, bottom = 60.0, WIDTH - 190.0, 300.0
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    # Zero has a place of its own, left of the rest.
    across = Axis([x for x in xs if x > 0], left + 30, right, is_log=True)
    across.low = min(x for x in xs if x > 0)
    up = Axis(ys, bottom, TOP, is_log=min(ys) > 0 and max(ys) / min(ys) > 30)
    parts = [text(0, 36, y_unit, "soft"), text(right, bottom + 32, x_unit, "soft", "end")]
    for mark in up.marks():
        y = up.place(mark)
        parts += [f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>',
                  text(left - 6, y + 4, number(mark), "soft", "end")]
    for x in sorted(set(xs)):
        place = across.place(x) if x > 0 else left
        parts.append(text(place, bottom + 16, f"{x:,.0f}", "soft", "middle"))
    taken: list[float] = []
    for one in sorted(series, key=lambda line: -line.points[-1][1]):
        kind = "ours" if one.is_ours else "other"
        places = [((across.place(x) if x > 0 else left), up.place(y)) for x, y in one.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="line-{kind}" fill="none" stroke-width="2.5" '
                     f'points="{path}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places]
        y = places[-1][1]
        while any(abs(y - other) < 15 for other in taken):
            y += 1
        taken.append(y)
        parts.append(text(places[-1][0] + 8, y + 4, one.name,
                          "name-ours" if one.is_ours else ""))
    return document(bottom + 40, title, parts)


def stack(title: str, unit: str, parts_of: Sequence[tuple[str, float]]) -> str:
    """One bar, cut into what it consists of, with a line of words for each."""
    total = sum(value for _, value in parts_of)
    x, parts = 0.0, []
    for i, (name, value) in enumerate(parts_of):
        width = WIDTH * value / total
        parts.append(f'<rect class="part{i % 6}" x="{x:.1f}" y="{TOP - 12}" '
                     f'width="{max(width - 1, 0.5):.1f}" height="34"/>')
        y = TOP + 48 + 20 * i
        parts += [f'<rect class="part{i % 6}" x="0" y="{y - 10}" width="12" height="12"/>',
                  text(20, y, name), text(WIDTH - 110, y, f"{number(value)} {unit}", "", "end"),
                  text(WIDTH, y, f"{value / total:.0%}", "soft", "end")]
        x += width
    return document(TOP + 40 + 20 * len(parts_of) + 14, title, parts)
