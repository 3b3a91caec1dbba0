"""Figures as table, JSON and picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from load_tests.figures import Chart, Figure, Report, Series, cumulative, curve
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
    with pytest.raises(CannotPlot, match="no curves"):
        write_png("title", [], path)


def test_curves_are_thinned() -> None:
    long = cumulative("long", np.arange(100_000))
    assert len(long.x) == len(long.y) == 200
    assert (long.x[0], long.x[-1], long.y[-1]) == (0.0, 99_999.0, 1.0)
    assert cumulative("empty", []).x == ()
    assert len(curve("memory", ((float(each), 1.0) for each in range(1000))).x) <= 250
