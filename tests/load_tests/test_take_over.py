from __future__ import annotations

from load_tests.report import machine
from load_tests.take_over import TakeOver, report_of, table


def test_a_report_has_the_median_and_the_worst_of_each_figure() -> None:
    found = [TakeOver(1_000.0 + each, 1_100.0 + each, 900.0, 0.0) for each in (0, 20, 300)]
    lines = table(report_of(machine(), found)).splitlines()
    assert lines[0].startswith("3 cuts")
    assert [line.split("  ")[-1].strip() for line in lines[3:]] == [
        *("1020 / 1300", "1120 / 1400"),
        *("900 / 900", "0 / 0"),
    ]
