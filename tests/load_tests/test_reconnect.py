from __future__ import annotations

from load_tests.scenarios.reconnect import wait_before_s


def test_bots_wait_as_pages_do() -> None:
    assert [wait_before_s(attempt, 0.0) for attempt in (0, 1, 9)] == [0.15, 0.3, 4.0]
    assert wait_before_s(0, 0.5) == 0.225
