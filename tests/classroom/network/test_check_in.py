from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.network.check_in import (
    EARTH_M,
    LONGEST_AHEAD_MS,
    LONGEST_MS,
    BadPlaceError,
    BadWindowError,
    CheckIn,
    Found,
    Position,
    Refusal,
    Result,
    Spot,
    Way,
    checked_window,
    distance_m,
    judge,
    spot,
)

SCHOOL = Spot(39.9042, 116.4074)
OPEN = CheckIn("l", 1_000, 2_000, 3_000, SCHOOL, 200)
SPOTS = st.builds(Spot, st.floats(-73, 73), st.floats(-180, 180))


def north(metres: float) -> Spot:
    return Spot(SCHOOL.latitude + math.degrees(metres / EARTH_M), SCHOOL.longitude)


def at(metres: float, accuracy_m: float = 5) -> Position:
    return Position(north(metres), accuracy_m)


def test_known_distances() -> None:
    shanghai = Spot(31.2304, 121.4737)
    assert distance_m(SCHOOL, shanghai) == pytest.approx(1_067_000, rel=0.005)
    assert distance_m(SCHOOL, north(150)) == pytest.approx(150, abs=0.01)
    assert distance_m(Spot(0, 179.9999), Spot(0, -179.9999)) == pytest.approx(22.24, abs=0.1)


@given(SPOTS, SPOTS)
def test_as_far_there_as_back_and_never_more_than_half_round(one: Spot, other: Spot) -> None:
    away = distance_m(one, other)
    assert away == pytest.approx(distance_m(other, one), abs=1e-3)
    assert 0 <= away <= math.pi * EARTH_M + 1


@pytest.mark.parametrize(
    ("latitude", "longitude", "kind"),
    [
        (116.4074, 39.9042, "swapped"),
        (87.6168, 43.8256, "swapped"),  # Urumqi
        (75.9898, 39.4704, "swapped"),  # Kashgar
        (95.0, 120.0, "range"),
        (39.9, 181.0, "range"),
        (math.nan, 1.0, "range"),
        (1.0, math.inf, "range"),
    ],
)
def test_what_is_no_place(latitude: float, longitude: float, kind: str) -> None:
    with pytest.raises(BadPlaceError) as error:
        spot(latitude, longitude)
    assert error.value.kind == kind


@given(st.floats(18, 54), st.floats(73.5, 135))
def test_every_place_in_china_is_one_and_its_numbers_swapped_are_none(
    latitude: float, longitude: float
) -> None:
    assert spot(latitude, longitude) == Spot(latitude, longitude)
    with pytest.raises(BadPlaceError):
        spot(longitude, latitude)


@pytest.mark.parametrize(
    "changed",
    [
        {"late_ms": 500},
        {"late_ms": 3_001},
        {"closes_ms": 1_000, "late_ms": 1_000},
        {"closes_ms": 1_000 + LONGEST_MS + 1},
        {
            "opens_ms": LONGEST_AHEAD_MS + 1,
            "late_ms": LONGEST_AHEAD_MS + 2,
            "closes_ms": LONGEST_AHEAD_MS + 3,
        },
    ],
)
def test_what_is_no_window(changed: dict[str, int]) -> None:
    with pytest.raises(BadWindowError):
        checked_window(replace(OPEN, **changed), 0)
    assert checked_window(OPEN, 0) is OPEN


def test_a_radius_is_of_a_building_or_of_its_grounds() -> None:
    for radius in (19, 5_001):
        with pytest.raises(BadPlaceError):
            checked_window(replace(OPEN, radius_m=radius), 0)
    assert checked_window(replace(OPEN, place=None, radius_m=0), 0)


@pytest.mark.parametrize(
    ("position", "inside", "told"),
    [
        (at(150), False, Found(Result.PRESENT, Way.POSITION, 150)),
        (at(230, 40), False, Found(Result.PRESENT, Way.POSITION, 230)),
        (at(230, 20), False, Refusal.OUTSIDE),
        (at(260, 900), False, Refusal.OUTSIDE),
        (at(10, 3_000), False, Refusal.VAGUE),
        (at(10, 3_000), True, Found(Result.PRESENT, Way.PRESENCE, 10)),
        (at(9_000), True, Found(Result.PRESENT, Way.PRESENCE, 9_000)),
        (None, True, Found(Result.PRESENT, Way.PRESENCE)),
        (None, False, Refusal.NO_POSITION),
    ],
)
def test_where_somebody_is(position: Position | None, inside: bool, told: Found | Refusal) -> None:
    assert judge(OPEN, position, 1_500, inside=inside) == told


def test_when_somebody_comes() -> None:
    here = at(0)
    told = [judge(OPEN, here, now, inside=False) for now in (999, 1_000, 1_999, 2_000, 2_999, 3_000)]
    present, late = Found(Result.PRESENT, Way.POSITION, 0), Found(Result.LATE, Way.POSITION, 0)
    assert told == [Refusal.EARLY, present, present, late, late, Refusal.OVER]


def test_without_a_place_being_in_the_lesson_is_what_counts() -> None:
    anywhere = replace(OPEN, place=None)
    assert judge(anywhere, at(0), 1_500, inside=True) == Found(Result.PRESENT, Way.PRESENCE)
    assert judge(anywhere, at(0), 1_500, inside=False) is Refusal.NO_POSITION
