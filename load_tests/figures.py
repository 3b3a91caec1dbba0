"""What a scenario found, as figures with names: one shape for the table, JSON and the plot of all scenarios.

`report.py` has the lecture's, whose parts the others build on.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .report import Machine, where
from .statistics import Percentiles

POINTS_KEPT = 200
"""Of a curve: more than a plot shows."""

Value = int | float | str | Percentiles | None


@dataclass(frozen=True, slots=True)
class Figure:
    key: str
    """In JSON; snake_case with the unit at its end."""
    label: str
    value: Value
    """None: not known, as of a server on another machine."""
    unit: str = ""

    @property
    def text(self) -> str:
        value = self.value
        if value is None:
            return "unknown"
        if isinstance(value, Percentiles):
            return _percentiles(value, self.unit)
        number = f"{value:,.2f}" if isinstance(value, float) else str(value)
        return f"{number} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over one axis."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Report:
    scenario: str
    title: str
    machine: Machine
    figures: tuple[Figure, ...]
    charts: tuple[Chart, ...] = ()

    def table(self) -> str:
        """One line per figure."""
        width = max((len(figure.label) for figure in self.figures), default=0)
        rows = (f"{figure.label:<{width}}  {figure.text}" for figure in self.figures)
        return "\n".join([f"{self.scenario}: {self.title}", where(self.machine), "", *rows])

    def json(self) -> str:
        plain = {
            "scenario": self.scenario,
            "title": self.title,
            "machine": dataclasses.asdict(self.machine),
            "figures": {figure.key: _plain(figure.value) for figure in self.figures},
            "charts": [dataclasses.asdict(chart) for chart in self.charts],
        }
        return json.dumps(plain, indent=2) + "\n"

    def write_json(self, path: Path) -> None:
        """Raises OSError."""
        path.write_text(self.json())

    def value(self, key: str) -> Value:
        """KeyError when there is no such figure."""
        return {figure.key: figure.value for figure in self.figures}[key]


def cumulative(name: str, values: ArrayLike) -> Series:
    """Which share (0 to 1) of the values is at most x."""
    ordered = np.sort(np.asarray(values, np.float64))
    if not len(ordered):
        return Series(name, (), ())
    shares = np.linspace(0, 1, min(POINTS_KEPT, len(ordered)))
    ranks = np.minimum((shares * (len(ordered) - 1)).round().astype(int), len(ordered) - 1)
    return Series(name, tuple(ordered[ranks].round(3).tolist()), tuple(shares.round(4).tolist()))


def curve(name: str, points: Iterable[tuple[float, float]]) -> Series:
    """Through these points, thinned to what a plot shows."""
    found = list(points)
    kept: Sequence[tuple[float, float]] = found[:: max(1, len(found) // POINTS_KEPT)]
    return Series(name, tuple(round(x, 3) for x, _ in kept), tuple(round(y, 3) for _, y in kept))


def _plain(value: Value) -> Any:
    if isinstance(value, Percentiles):
        return {key: round(number, 3) for key, number in dataclasses.asdict(value).items()}
    return round(value, 6) if isinstance(value, float) else value


def _percentiles(values: Percentiles, unit: str) -> str:
    if not values.count:
        return "none"
    words = f"p50 {values.p50:.1f}, p95 {values.p95:.1f}, p99 {values.p99:.1f}, most {values.most:.1f}"
    return f"{words} {unit}"
