"""The quality record in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from classroom.events import QualityMeasured
from classroom.model import LessonId, PersonId
from classroom.quality import Period, Second, StreamPeriod, Summary
from classroom.store import writer
from classroom.store.store import Store
from sfu.params import Quality, QualityReason

LESSON = LessonId("L")
GOOD = Second(Quality.GOOD, QualityReason.NONE, 40, 1507, 0.0, 0.0, 29, 4, 2455, 2, 0)
SLOW = GOOD._replace(level=Quality.FAIR, reason=QualityReason.DELAY, round_trip_ms=331)
LOSSY = GOOD._replace(level=Quality.POOR, reason=QualityReason.LOSS_UP, lost_up=0.2, round_trip_ms=0)
CAMERA = StreamPeriod(person="m", source="camera", sent=True, kbps=1500)


def measure(store: Store, person: str, started_ms: int, *seconds: Second) -> None:
    period = Period(PersonId(person), started_ms, seconds, (CAMERA,))
    store.observe(QualityMeasured(lesson_id=LESSON, at_ms=started_ms, period=period))


async def test_sums_of_everybody(store: Store) -> None:
    measure(store, "b", 1000, *[GOOD] * 30)
    measure(store, "a", 1000, *[GOOD] * 28, SLOW, SLOW)
    measure(store, "a", 31_000, LOSSY, LOSSY)
    await store.flush()
    a, b = await store.quality(LESSON)
    assert (a.person, a.started_ms, a.ended_ms) == ("a", 1000, 33_000)
    assert a.figures == Summary(32, 2, 2, 0, QualityReason.LOSS_UP, 40, 1507, 0.0125, 0.0, 49)
    assert (b.figures.seconds, b.figures.reason, b.ended_ms) == (30, QualityReason.NONE, 31_000)
    assert await store.quality(LessonId("other")) == ()


async def test_seconds_of_one(store: Store) -> None:
    for started_ms in (1000, 31_000):
        measure(store, "a", started_ms, GOOD, SLOW)
    measure(store, "b", 1000, LOSSY)
    await store.flush()
    first, second = await store.quality_of(LESSON, PersonId("a"))
    assert (first.started_ms, first.seconds, first.streams) == (1000, (GOOD, SLOW), (CAMERA,))
    assert first.figures.fair_s == 1
    assert await store.quality_of(LESSON, PersonId("a"), after_ms=1000) == (second,)
    assert await store.quality_of(LESSON, PersonId("nobody")) == ()


async def test_it_is_the_first_to_give_way(
    store: Store, monkeypatch: pytest.MonkeyPatch, sql: Callable[[str], Any]
) -> None:
    monkeypatch.setattr(writer, "QUALITY_CAPACITY", 2)
    for started_ms in range(5):
        measure(store, "a", started_ms, GOOD)
    assert (store.health.dropped_quality, store.health.dropped) == (3, 0)
    await store.flush()
    assert sql("SELECT started_ms FROM quality") == [(0,), (1,)]
