"""Floods from strangers: their datagrams are taken together, and everybody else's at once."""

from __future__ import annotations

from sfu.engine.flood import Flood

SECOND_US = 1_000_000


def rests(flood: Flood, per_second: int, since_us: int, strangers: int = 0) -> list[int]:
    """A look each millisecond, for a tenth of a second."""
    return [flood.rest_us(strangers + per_second * at // 1000, since_us + 1000 * at) for at in range(1, 101)]


def test_without_strangers_there_is_no_rest() -> None:
    assert set(rests(Flood(), 0, SECOND_US)) == {0}


def test_a_few_strangers_are_no_flood() -> None:
    assert set(rests(Flood(), 2_000, SECOND_US)) == {0}


def test_a_flood_is_rested_from_within_two_windows_and_as_soon_left_alone() -> None:
    flood = Flood()
    assert rests(flood, 0, SECOND_US)[-1] == 0
    assert set(rests(flood, 50_000, 2 * SECOND_US)[20:]) == {500}
    assert set(rests(flood, 0, 3 * SECOND_US, strangers=5_000)[20:]) == {0}


def test_many_over_a_long_time_are_no_flood() -> None:
    flood = Flood()
    flood.rest_us(0, SECOND_US)
    assert flood.rest_us(100_000, 3600 * SECOND_US) == 0
