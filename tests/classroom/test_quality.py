"""The quality record: seconds in and out of a row, their sums, and a class in one word."""

from __future__ import annotations

import random
import zlib
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.model import PersonId
from classroom.quality import (
    FIRST_BYTES,
    PERIOD_S,
    SECOND_BYTES,
    Period,
    Second,
    StreamPeriod,
    Summary,
    body,
    class_quality,
    columns,
    noted,
    pack,
    parse_body,
    summary,
)
from sfu.params import Quality, QualityReason

GOOD, FAIR, POOR = Quality.GOOD, Quality.FAIR, Quality.POOR
SECOND = Second(GOOD, QualityReason.NONE, 40, 1507, 0.0, 0.0, 29, 4, 2455, 2, 0, 2)
"""Amounts as a byte has them."""
CAMERA = StreamPeriod(person="m", source="camera", sent=True, kbps=1500, lost=0.01, repaired=12, wanted=2)

amounts = st.integers(0, 250_000)
fractions = st.integers(0, 255).map(lambda share: round(share / 255, 3))
seconds = st.builds(
    Second,
    level=st.sampled_from(Quality),
    reason=st.sampled_from(QualityReason),
    up_kbps=amounts,
    down_kbps=amounts,
    lost_up=fractions,
    lost_down=fractions,
    round_trip_ms=amounts,
    jitter_ms=amounts,
    estimate_kbps=amounts,
    layer=st.integers(-1, 7),
    frozen=st.integers(0, 255),
    wanted=st.integers(-1, 7),
)


def amounts(second: Second) -> list[float]:
    return list(astuple(second)[2:])


@given(st.lists(seconds, min_size=1, max_size=40))
def test_every_second_comes_back_as_it_went_in(found: list[Second]) -> None:
    period = Period.of(PersonId("p"), 0, found, (CAMERA,))
    came, streams = parse_body(body(period), len(found))
    assert streams == (CAMERA,)
    for before, after in zip(found, came, strict=True):
        assert (before.level, before.reason) == (after.level, after.reason)
        # Amounts to half a step, and rounded.
        assert amounts(after) == pytest.approx(amounts(before), rel=0.05, abs=1)


def test_what_is_more_than_its_field_takes_is_its_most() -> None:
    huge = Second(POOR, QualityReason.DELAY, *[10**9] * 2, 1.0, 1.0, *[10**9] * 3, 7, 10**9, 7)
    assert pack(columns([huge])).shape == (1, 12)
    (found,), _ = parse_body(body(Period.of(PersonId("p"), 0, (huge,))), 1)
    assert found.down_kbps > 250_000
    assert (found.lost_up, found.frozen) == (1.0, 255)


@given(st.lists(seconds, min_size=1, max_size=40), st.booleans())
def test_rows_and_notes_from_before_the_wanted_layer_are_read(found: list[Second], streams: bool) -> None:
    period = Period.of(PersonId("p"), 0, found, (CAMERA,) if streams else ())
    plain = zlib.decompress(body(period))
    end, width = FIRST_BYTES * len(found), SECOND_BYTES
    came, read = parse_body(zlib.compress(plain[:end] + plain[end + len(found) :]), len(found))
    assert read == period.streams
    assert came == tuple(replace(second, wanted=-1) for second in period.seconds)
    each = [period.packed[at * width : (at + 1) * width] for at in range(len(found))]
    assert noted(period.packed, len(found)) == each
    old = [second[:FIRST_BYTES] for second in each]
    assert noted(b"".join(old), len(found)) == [second + b"\xff" for second in old]


@given(st.binary(max_size=60), st.integers(0, 40))
def test_what_is_no_row_is_a_value_error(stored: bytes, count: int) -> None:
    for each in (stored, zlib.compress(stored)):
        with pytest.raises(ValueError, match="not a quality row"):
            parse_body(each, count)


def test_a_period_is_small() -> None:
    """22,500 of them are a lesson of 1,000 people."""
    chance = random.Random(7)

    def breathing(level: int) -> int:
        return level + chance.randint(-level // 10, level // 10)

    period = tuple(
        replace(
            SECOND,
            up_kbps=breathing(40),
            down_kbps=breathing(1500),
            round_trip_ms=breathing(30),
            jitter_ms=breathing(20),
            estimate_kbps=breathing(2500),
        )
        for _ in range(PERIOD_S)
    )
    streams = (CAMERA, replace_source(CAMERA, "microphone"))
    assert len(body(Period.of(PersonId("p"), 0, period, streams))) < 460
    assert len(body(Period.of(PersonId("p"), 0, (SECOND,) * PERIOD_S, streams))) < 120


def replace_source(stream: StreamPeriod, source: str) -> StreamPeriod:
    return StreamPeriod(person=stream.person, source=source, sent=stream.sent, kbps=40)


def summed(*seconds: Second) -> Summary:
    return summary(Period.of(PersonId("p"), 0, seconds).packed)


def test_summary() -> None:
    bad = replace(SECOND, level=POOR, reason=QualityReason.LOSS_DOWN, lost_down=0.2, frozen=1)
    slow = replace(SECOND, level=FAIR, reason=QualityReason.DELAY, round_trip_ms=331)
    unknown = replace(SECOND, round_trip_ms=0)
    assert summed(SECOND) == Summary(1, 0, 0, 0, QualityReason.NONE, 40, 1507, 0.0, 0.0, 29)
    found = summed(bad, slow, slow, unknown)
    assert found == Summary(4, 2, 1, 1, QualityReason.LOSS_DOWN, 40, 1507, 0.0, 0.05, 230)
    assert summed(slow, SECOND).reason is QualityReason.DELAY


@pytest.mark.parametrize(
    ("tutor", "pupils", "shown"),
    [
        (None, [], None),
        (GOOD, [], GOOD),
        (POOR, [], POOR),
        (None, [FAIR], FAIR),
        (GOOD, [POOR], POOR),
        (GOOD, [POOR, GOOD, GOOD, GOOD], POOR),
        (GOOD, [POOR, GOOD, GOOD, GOOD, GOOD], GOOD),
        (GOOD, [POOR, FAIR, GOOD, GOOD, GOOD], FAIR),
        (GOOD, [POOR, POOR, GOOD, GOOD, GOOD], POOR),
        (FAIR, [GOOD] * 40, FAIR),
        (POOR, [GOOD] * 40, POOR),
    ],
)
def test_a_class_in_one_word(tutor: Quality | None, pupils: list[Quality], shown: Quality | None) -> None:
    assert class_quality(tutor, pupils) is shown
