# SPDX-License-Identifier: Apache-2.0
"""Measurements, and the figures made of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

RATIO = "×"
MICROSECONDS = "µs"
MILLISECONDS = "ms"
MEGABYTES = "MB"
MEGABYTES_A_SECOND = "MB/s"
A_SECOND = "/s"


@dataclass(frozen=True)
class Spread:
    """A median between its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass
class Samples:
    """What was measured for one subject: a list of values a block; blocks stand in time's order."""

    name: str
    blocks: list[list[float]] = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        """All of them."""
        return [value for block in self.blocks for value in block]

    @property
    def spread(self) -> Spread:
        """Over all values."""
        return Spread.of(self.values)


def ratio(ours: Samples, other: Samples) -> Spread:
    """How many times the other, block by block.

    What slows the machine down for a while slows both, so a block's ratio moves less than its
    times; and the spread over the blocks says how well the ratio repeats.
    """
    pairs = zip(ours.blocks, other.blocks, strict=True)
    return Spread.of([statistics.median(a) / statistics.median(b) for a, b in pairs])


def difference(ours: Samples, other: Samples) -> Spread:
    """How much more than the other, block by block."""
    pairs = zip(ours.blocks, other.blocks, strict=True)
    return Spread.of([statistics.median(a) - statistics.median(b) for a, b in pairs])


@dataclass(frozen=True)
class Figure:
    """One line of the report."""

    key: str
    text: str
    value: Spread
    unit: str = RATIO

    def format(self) -> str:
        """For people: the median, and the quartiles in brackets."""
        digits = 0 if self.value.median >= 100 else 1 if self.value.median >= 10 else 2
        low, median, high = (f"{v:.{digits}f}" for v in
                             (self.value.low, self.value.median, self.value.high))
        return f"{median} {self.unit} ({low} to {high})"


@dataclass
class Result:
    """What one benchmark found."""

    figures: list[Figure]
    samples: list[Samples]
    unit: str  # of the samples
    note: str = ""
    charts: list[tuple[str, str]] = field(default_factory=list)  # a name, an SVG
