"""What a scenario found, as figures with names: one shape for the table, JSON and the plot of all scenarios.

`report.py` has the lecture's, whose parts the others build on.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .report import Delays, LectureReport, Machine, Window, where
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
    bars: tuple[tuple[str, float], ...] = ()
    """In place of curves: names and how long their bars are."""


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


def window_figures(window: Window, delays: Delays) -> Iterator[Figure]:
    """What every scenario says of a window in which media flowed."""
    share = None if window.process_share is None else 100 * window.process_share
    own = f"{window.dropped_by_sink} of them in the bots' own sockets"
    yield Figure("packets_per_s", "packets sent per second", round(window.packets_per_s))
    yield Figure("megabits_per_s", "  in", window.megabits_per_s, "Mbit/s")
    yield Figure("cpu_us_per_packet", "server CPU per packet sent", window.process_us_per_packet, "µs")
    yield Figure("packet_thread_us", "  packet thread alone", window.packet_thread_us_per_packet, "µs")
    yield Figure("server_share", "server process, of one processor", share, "%")
    yield Figure("audio_ms", "delay of sound", delays.audio_ms, "ms")
    yield Figure("video_ms", "delay of whole pictures", delays.video_ms, "ms")
    yield Figure("lost", "lost", f"{window.lost} of {window.packets_sent}, {own}")


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


def drawn(report: Report) -> tuple[Chart, ...]:
    """Its charts; of a scenario without curves of its own the percentiles it found, and if there are none its
    plain numbers, those of one unit side by side."""
    if report.charts:
        return report.charts
    curves: dict[str, list[Series]] = {}
    bars: dict[str, list[tuple[str, float]]] = {}
    for figure in report.figures:
        name, value = figure.label.strip(), figure.value
        if isinstance(value, Percentiles) and value.count:
            curves.setdefault(figure.unit, []).append(_steps(name, value))
        elif isinstance(value, int | float):
            bars.setdefault(figure.unit, []).append((name, float(value)))
    if curves:
        return tuple(Chart("percentiles", unit, "share", tuple(each)) for unit, each in curves.items())
    return tuple(
        Chart(unit or "counts", unit, "", (), tuple(each))
        for unit, each in bars.items()
        if any(length for _, length in each)
    )


def lecture_charts(report: LectureReport) -> tuple[Chart, ...]:
    """What of a lecture's figures can be drawn: its percentiles."""
    joins, delays = report.joins, report.delays
    ways = (("first packet", joins.first_packet_ms), ("audio and video", joins.both_kinds_ms))
    kinds = (("audio", delays.audio_ms), ("video", delays.video_ms))
    return (
        Chart("joins", "ms since the POST", "share of subscribers", tuple(_steps(*way) for way in ways)),
        Chart("delays of whole frames", "ms", "share of frames", tuple(_steps(*kind) for kind in kinds)),
    )


def _steps(name: str, values: Percentiles) -> Series:
    return Series(name, (values.p50, values.p95, values.p99, values.most), (0.5, 0.95, 0.99, 1.0))


def _plain(value: Value) -> Any:
    if isinstance(value, Percentiles):
        return {key: round(number, 3) for key, number in dataclasses.asdict(value).items()}
    return round(value, 6) if isinstance(value, float) else value


def _percentiles(values: Percentiles, unit: str) -> str:
    if not values.count:
        return "none"
    words = f"p50 {values.p50:.1f}, p95 {values.p95:.1f}, p99 {values.p99:.1f}, most {values.most:.1f}"
    return f"{words} {unit}"
