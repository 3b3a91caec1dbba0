"""Charts as a picture. matplotlib is a development dependency: without it there is a table and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .figures import Chart

WIDTH_IN, HEIGHT_IN, DOTS_PER_IN = 8.0, 3.6, 120
LONG_TAIL = 50.0
"""An axis that spans more than this factor is logarithmic."""


class CannotPlot(Exception):  # noqa: N818
    """The text says why."""


def write_png(title: str, charts: Sequence[Chart], path: Path) -> None:
    """One chart below the other. Raises CannotPlot or OSError."""
    if not charts:
        raise CannotPlot("this scenario found nothing to draw")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to load, and seldom needed
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CannotPlot(f"matplotlib is not installed ({error})") from error
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN * len(charts)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    for number, chart in enumerate(charts, 1):
        _draw(figure.add_subplot(len(charts), 1, number), chart)
    figure.savefig(path, dpi=DOTS_PER_IN, format="png")


def _draw(axes: Any, chart: Chart) -> None:
    if chart.bars:
        names, lengths = zip(*reversed(chart.bars), strict=True)
        axes.bar_label(axes.barh(names, lengths), fmt="%.5g", fontsize=8)
        axes.margins(x=0.15)
    for series in chart.series:
        axes.plot(series.x, series.y, label=series.name, marker="o" if len(series.x) < 12 else "")
    positive = [x for series in chart.series for x in series.x if x > 0]
    if positive and max(positive) > LONG_TAIL * min(positive):
        axes.set_xscale("log")
    axes.set_title(chart.title, fontsize=9)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    axes.grid(visible=True, alpha=0.3)
    if len(chart.series) > 1:
        axes.legend(fontsize=8)
