"""The writer under trouble: locked, full, overrun; and its pace."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from classroom import events
from classroom.events import LeaveCause
from classroom.model import LessonId, LessonState, Person, PersonId, Role
from classroom.store import writer
from classroom.store.store import Store, StoreUnavailable

L = LessonId("L")


def joined(number: int) -> events.PersonJoined:
    person = Person(PersonId(f"p{number}"), f"P{number}", Role.STUDENT)
    return events.PersonJoined(lesson_id=L, at_ms=number, person=person)


async def test_a_fact_that_comes_alone_is_written_at_once(store: Store, until: Any, sql: Any) -> None:
    store.observe(joined(1))
    await until(lambda: store.health.written == 1)
    assert sql("SELECT person_id FROM presence") == [("p1",)]


async def test_a_storm_is_written_in_few_commits(
    store: Store, fake_clock: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.observe(joined(0))
    await until(lambda: store.health.written == 1)
    for number in range(1, 100):
        store.observe(joined(number))
    await fake_clock.advance(writer.COMMIT_INTERVAL_S - 0.01)
    assert store.health.queued == 99
    await fake_clock.advance(0.01)
    await until(lambda: store.health.written == 100)


async def test_a_locked_database_is_waited_for(
    open_store: Any, database: Any, health_log: Any, fake_clock: Any, until: Any, sql: Any
) -> None:
    store = await open_store(on_health=health_log, busy_timeout_s=0.0)
    with database.locked():
        for number in range(3):
            store.observe(joined(number))
        health = await health_log.next()
        assert (health.ok, health.error, health.written) == (False, database.lock_error, 0)
        await fake_clock.advance(writer.MIN_BACKOFF_S)
        await until(lambda: store.health.retries == 2)
        store.observe(joined(3))
        assert store.health.queued == 4
    flushed = store.flush()
    await fake_clock.advance(writer.MAX_BACKOFF_S)
    await flushed
    assert (await health_log.next()).ok
    assert len(health_log.changes) == 2
    assert store.health.queued == 0
    assert sql("SELECT person_id FROM presence ORDER BY seq") == [("p0",), ("p1",), ("p2",), ("p3",)]


async def test_while_the_database_is_away_no_room_is_opened(
    open_store: Any,
    database: Any,
    school: Any,
    monkeypatch: pytest.MonkeyPatch,
    health_log: Any,
    fake_clock: Any,
) -> None:
    store = await open_store(on_health=health_log, busy_timeout_s=0.0)
    monkeypatch.setattr("classroom.store.store.OPENING_S", 0.0)
    with database.locked():
        store.observe(joined(1))
        await health_log.next()
        with pytest.raises(StoreUnavailable, match=database.lock_error):
            await store.begin_room(L)
        with pytest.raises(StoreUnavailable, match=database.lock_error):
            await store.save_lesson(school.lesson())
    flushed = store.flush()
    await fake_clock.advance(writer.MAX_BACKOFF_S)
    await flushed


async def test_what_overflows_is_counted_and_leaves_a_hole(
    store: Store, monkeypatch: pytest.MonkeyPatch, school: Any
) -> None:
    monkeypatch.setattr(writer, "CAPACITY", 2)
    await store.save_lesson(school.lesson())
    for number in range(4):
        store.observe(joined(number))
    ended = school.lesson(LessonState.ENDED)
    store.observe(
        events.StateChanged(lesson_id=L, at_ms=9, state=LessonState.ENDED, lesson=ended, actor=None)
    )
    await store.flush()
    assert (store.health.dropped, store.health.written) == (2, 3)
    assert [event.seq for event in await store.events(L)] == [1, 2, 5]
    saved = await store.lesson(L)
    assert saved is not None and saved.state is LessonState.ENDED


async def test_a_row_the_database_never_takes_stops_nobody_else(
    store: Store, sql: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store.observe(joined(1))
    await store.flush()
    store._ledger.begin(L, 1)  # a fault of ours: the number 1 is given twice
    with caplog.at_level(logging.ERROR):
        store.observe(joined(2))
        store.observe(joined(3))
        await store.flush()
    assert (store.health.refused, store.health.ok) == (1, True)
    assert "refused a fact" in caplog.text
    assert sql("SELECT seq, person_id FROM presence ORDER BY seq") == [(1, "p1"), (2, "p3")]


async def test_an_idle_writer_gives_a_sign_of_life_while_somebody_is_in(
    store: Store, fake_clock: Any, until: Any, sql: Any
) -> None:
    def alive() -> int:
        return int(sql("SELECT alive_ms FROM server")[0][0])

    store.observe(joined(1))
    await store.flush()
    began = fake_clock.unix_ms()
    assert alive() == began
    await fake_clock.advance(writer.ALIVE_INTERVAL_S)
    await until(lambda: alive() == began + 5000)
    store.observe(events.PersonLeft(lesson_id=L, at_ms=2, person=joined(1).person, cause=LeaveCause.LEFT))
    await store.flush()
    ended = alive()
    await fake_clock.advance(60)
    await store.flush()
    assert alive() == ended


async def test_closing_writes_what_is_queued(open_store: Any, sql: Any) -> None:
    store = await open_store()
    for number in range(1200):
        store.observe(joined(number))
    await store.close()
    assert sql("SELECT count(*) FROM presence") == [(1200,)]


async def test_closing_gives_a_database_up_that_does_not_come_back(
    open_store: Any,
    database: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    health_log: Any,
) -> None:
    store = await open_store(on_health=health_log, busy_timeout_s=0.0)
    monkeypatch.setattr("classroom.store.store.CLOSING_S", 0.0)
    with database.locked(), caplog.at_level(logging.ERROR):
        store.observe(joined(1))
        await health_log.next()
        await store.close()
    assert "closed with 1 facts unwritten" in caplog.text


async def test_a_person_is_kept_once_under_the_latest_name(store: Store, sql: Any) -> None:
    for name in ("小明", "王小明"):
        person = Person(PersonId("sa"), name, Role.STUDENT)
        store.observe(events.PersonJoined(lesson_id=L, at_ms=1, person=person))
        await store.flush()
    assert sql("SELECT id, name FROM people") == [("sa", "王小明")]


@pytest.mark.parametrize("name", ["x\ud800", b"bytes", object()])
async def test_what_cannot_be_stored_is_refused_and_the_writer_lives(
    store: Store, sql: Any, caplog: pytest.LogCaptureFixture, name: Any
) -> None:
    broken = Person(PersonId(name if isinstance(name, bytes) else "x"), name, Role.STUDENT)
    with caplog.at_level(logging.ERROR):
        store.observe(joined(1))
        store.observe(events.PersonJoined(lesson_id=LessonId("M"), at_ms=1, person=broken))
        store.observe(joined(2))
        await store.flush()
    assert store.health.ok
    assert store.health.written + store.health.refused == 3
    assert sql("SELECT person_id FROM presence WHERE lesson_id = 'L' ORDER BY seq") == [("p1",), ("p2",)]
