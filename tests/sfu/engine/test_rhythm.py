"""When the next one is expected, of streams that keep time, drift, tremble and change. Microseconds."""

from __future__ import annotations

import random

from sfu.engine.rhythm import Rhythm

MS = 1000
START = 5_000 * MS


def of(*times: int) -> Rhythm:
    rhythm = Rhythm()
    for time in times:
        rhythm.came(time)
    return rhythm


def steady(count: int, period: int = 20 * MS, start: int = START) -> list[int]:
    return [start + i * period for i in range(count)]


def test_nothing_is_expected_of_what_never_came_or_came_once() -> None:
    assert not Rhythm().expects(START, 50 * MS)
    assert not of(START).expects(START, 50 * MS)


def test_what_keeps_time_is_expected_within_what_is_left() -> None:
    rhythm = of(*steady(50))
    assert abs(rhythm.due_us - (START + 50 * 20 * MS)) < 300
    assert not rhythm.expects(rhythm.due_us - 5 * MS, 4 * MS)
    assert rhythm.expects(rhythm.due_us - 3 * MS, 4 * MS)


def test_what_is_overdue_is_no_longer_expected() -> None:
    rhythm = of(*steady(100))
    assert not rhythm.expects(rhythm.due_us + 2 * MS, 4 * MS)


def test_a_clock_that_drifts_is_followed() -> None:
    """200 parts in a million: ten times what quartz is off by."""
    rhythm = of(*[START + i * 20_004 for i in range(3000)])
    assert abs(rhythm.due_us - (START + 3000 * 20_004)) < 300


def test_what_trembles_a_little_is_expected_and_what_trembles_much_is_not() -> None:
    draw = random.Random(3)
    little = of(*[time + draw.randrange(MS) for time in steady(200)])
    assert little.expects(little.due_us - MS, 4 * MS)
    much = of(*[time + draw.randrange(12 * MS) for time in steady(200)])
    assert not much.expects(much.due_us - MS, 4 * MS)


def test_pictures_of_several_encodings_count_as_one() -> None:
    times = [time + MS * encoding for time in steady(100, 33_333) for encoding in range(3)]
    rhythm = of(*times)
    assert abs(rhythm.due_us - (START + 100 * 33_333)) < 300


def test_one_that_is_late_or_missing_changes_nothing() -> None:
    times = steady(200)
    times[150] += 13 * MS
    del times[170]
    rhythm = of(*times[:151])
    for time in times[151:172]:
        rhythm.came(time)
        assert rhythm.expects(time + 17 * MS, 4 * MS)


def test_half_as_many_is_another_rhythm() -> None:
    rhythm = of(*steady(100))
    for time in steady(40, 40 * MS, START + 100 * 20 * MS):
        rhythm.came(time)
    assert abs(rhythm.due_us - (START + 100 * 20 * MS + 40 * 40 * MS)) < 300


def test_another_rhythm_is_trusted_after_a_while() -> None:
    rhythm = of(*steady(100))
    begin = START + 100 * 20 * MS + 7 * MS
    for time in steady(20, 33_333, begin):
        rhythm.came(time)
    assert not rhythm.expects(rhythm.due_us - MS, 4 * MS)
    for time in steady(60, 33_333, begin + 20 * 33_333):
        rhythm.came(time)
    assert rhythm.expects(rhythm.due_us - MS, 4 * MS)


def test_after_silence_it_begins_anew() -> None:
    rhythm = of(*steady(100))
    rhythm.came(START + 60_000 * MS)
    assert rhythm.due_us == -1
    for time in steady(60, 20 * MS, START + 60_020 * MS):
        rhythm.came(time)
    assert rhythm.expects(rhythm.due_us - MS, 4 * MS)
