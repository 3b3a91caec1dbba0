"""Figures as table, JSON and picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from load_tests.figures import Chart, Figure, Report, Series, cumulative, curve, drawn
from load_tests.plot import CannotPlot, write_png
from load_tests.report import Machine
from load_tests.statistics import Percentiles

MACHINE = Machine("a processor", 2, "6.1", "3.11", 0.5)


def report(*charts: Chart) -> Report:
    figures = (
        Figure("cost_us", "cost", 1.5, "µs"),
        Figure("unknown_ms", "nobody knows", None, "ms"),
        Figure("delay_ms", "delay", Percentiles.of([1.0, 2.0, 3.0]), "ms"),
        Figure("none_ms", "nothing came", Percentiles.of([]), "ms"),
        Figure("joined", "joined", 12),
    )
    return Report("lecture", "one of many", MACHINE, figures, charts)


def test_a_table_has_a_line_for_each(tmp_path: Path) -> None:
    text = report().table()
    assert "load average before 0.50" in text
    assert "cost          1.50 µs" in text
    assert "nobody knows  unknown" in text
    assert "nothing came  none" in text
    assert report().value("joined") == 12
    report().write_json(tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["figures"]["delay_ms"]["p50"] == 2.0
    assert found["figures"]["unknown_ms"] is None


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    curves = (cumulative("delays", np.arange(1, 1000)), Series("other", (1.0, 2.0), (0.1, 0.9)))
    path = tmp_path / "found.png"
    write_png("title", [Chart("delays", "ms", "share", curves)], path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(CannotPlot, match="nothing to draw"):
        write_png("title", [], path)


def test_every_report_can_be_drawn(tmp_path: Path) -> None:
    own = Chart("own", "s", "share", (Series("one", (1.0, 2.0), (0.0, 1.0)),))
    assert drawn(report(own)) == (own,)
    (percentiles,) = drawn(report())
    assert [series.name for series in percentiles.series] == ["delay"]
    assert percentiles.series[0].x == (2.0, 3.0, 3.0, 3.0)
    numbers = replace(report(), figures=report().figures[:2] + report().figures[-1:])
    cost, counts = drawn(numbers)
    assert (cost.x_label, cost.bars, counts.bars) == ("µs", (("cost", 1.5),), (("joined", 12.0),))
    write_png("title", (cost, counts), tmp_path / "found.png")
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_curves_are_thinned() -> None:
    long = cumulative("long", np.arange(100_000))
    assert len(long.x) == len(long.y) == 200
    assert (long.x[0], long.x[-1], long.y[-1]) == (0.0, 99_999.0, 1.0)
    assert cumulative("empty", []).x == ()
    assert len(curve("memory", ((float(each), 1.0) for each in range(1000))).x) <= 250
