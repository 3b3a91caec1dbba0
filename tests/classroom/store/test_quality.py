"""The quality record in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from classroom.events import QualityMeasured, QualityNoted
from classroom.model import LessonId, PersonId
from classroom.quality import (
    PERIOD_S,
    SECOND_BYTES,
    UNKNOWN,
    Period,
    Second,
    StreamPeriod,
    Summary,
    columns,
    pack,
)
from classroom.store import writer
from classroom.store.store import Store
from sfu.params import Quality, QualityReason

LESSON = LessonId("L")
GOOD = Second(Quality.GOOD, QualityReason.NONE, 40, 1507, 0.0, 0.0, 29, 4, 2455, 2, 0)
SLOW = replace(GOOD, level=Quality.FAIR, reason=QualityReason.DELAY, round_trip_ms=331)
LOSSY = replace(GOOD, level=Quality.POOR, reason=QualityReason.LOSS_UP, lost_up=0.2, round_trip_ms=0)
CAMERA = StreamPeriod(person="m", source="camera", sent=True, kbps=1500)


def measure(store: Store, person: str, started_ms: int, *seconds: Second) -> None:
    period = Period.of(PersonId(person), started_ms, seconds, (CAMERA,))
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


def note(store: Store, at_ms: int, **seconds: Second | None) -> None:
    """None: not measured."""
    unknown = bytes([UNKNOWN]) + bytes(SECOND_BYTES - 1)
    packed = [pack(columns([each])).tobytes() if each else unknown for each in seconds.values()]
    people = tuple(map(PersonId, seconds))
    store.observe(QualityNoted(lesson_id=LESSON, at_ms=at_ms, people=people, packed=b"".join(packed)))


async def crash(store: Store) -> None:
    await store.flush()
    await store._writer.stop()
    await store._engine.dispose()


async def test_a_crash_costs_no_second_that_was_noted(open_store: Any, sql: Callable[[str], Any]) -> None:
    store = await open_store()
    measure(store, "a", 1000, GOOD, GOOD)
    note(store, 1990, a=GOOD, b=SLOW)  # is in a row already
    note(store, 3010, a=LOSSY, b=SLOW)
    note(store, 4010, a=SLOW, b=None)
    note(store, 9000, a=GOOD, b=GOOD)
    await crash(store)
    again = await open_store()
    rows = await again.quality_of(LESSON, PersonId("a"))
    assert [(row.started_ms, row.seconds) for row in rows] == [
        (1000, (GOOD, GOOD)),
        (3010, (LOSSY, SLOW)),
        (9000, (GOOD,)),
    ]
    rows = await again.quality_of(LESSON, PersonId("b"))
    assert [(row.started_ms, row.seconds) for row in rows] == [(1990, (SLOW, SLOW)), (9000, (GOOD,))]
    assert sql("SELECT count(*) FROM quality_latest") == [(0,)]
    await crash(again)
    assert len(await (await open_store()).quality_of(LESSON, PersonId("a"))) == 3


async def test_a_long_silence_of_the_database_becomes_rows_of_the_usual_length(open_store: Any) -> None:
    store = await open_store()
    for second in range(PERIOD_S + 10):
        note(store, 1000 * second + 1, a=GOOD)
    await crash(store)
    rows = await (await open_store()).quality_of(LESSON, PersonId("a"))
    assert sum(len(row.seconds) for row in rows) >= 35
    assert max(len(row.seconds) for row in rows) == PERIOD_S


async def test_notes_are_forgotten_once_they_are_in_rows(store: Store, sql: Callable[[str], Any]) -> None:
    for second in range(PERIOD_S + 140):
        note(store, 1000 * second + 7, a=GOOD)
        await store.flush()
    (oldest, count) = sql("SELECT min(at_ms), count(*) FROM quality_latest")[0]
    assert oldest >= 1000 * (139 - 5 - 10)
    assert count >= PERIOD_S


async def test_it_is_the_first_to_give_way(
    store: Store, monkeypatch: pytest.MonkeyPatch, sql: Callable[[str], Any]
) -> None:
    monkeypatch.setattr(writer, "QUALITY_CAPACITY", 2)
    for started_ms in range(5):
        measure(store, "a", started_ms, GOOD)
    assert (store.health.dropped_quality, store.health.dropped) == (3, 0)
    await store.flush()
    assert sql("SELECT started_ms FROM quality") == [(0,), (1,)]
