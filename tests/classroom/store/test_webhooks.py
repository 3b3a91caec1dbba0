"""Webhooks and their outbox in the database: what waits for whom, through restarts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.events import LeaveCause, PersonJoined, PersonLeft, StateChanged
from classroom.model import LessonId, LessonState, Person, PersonId, Role
from classroom.store.store import Store
from classroom.store.webhooks import Webhook, pattern

L, M = LessonId("L"), LessonId("M")
HOOK = Webhook("h", "https://school.example/events", "whsec_x", None, ())


def joined(name: str, lesson: LessonId = L) -> PersonJoined:
    return PersonJoined(lesson_id=lesson, at_ms=1, person=Person(PersonId(name), name, Role.STUDENT))


async def told(store: Store, webhook_id: str = "h") -> list[str]:
    """`lesson/number` of all that waits, taking it."""
    found, after = [], ""
    while (delivery := await store.webhooks.next_delivery(webhook_id, after, 2)) is not None:
        found += [f"{delivery.lesson_id}/{event.seq}" for event in delivery.events]
        await store.webhooks.delivered(webhook_id, delivery)
        after = delivery.lesson_id
    return found


async def test_a_webhook_is_as_it_was_put(store: Store) -> None:
    hook = replace(HOOK, lesson_id=L, kinds=("person.joined", "person.left"))
    assert await store.webhooks.put(hook)
    assert await store.webhooks.find("h") == hook
    assert not await store.webhooks.put(replace(hook, url="http://other"))
    assert [found.url for found in await store.webhooks.listed()] == ["http://other"]
    assert await store.webhooks.drop("h")
    assert not await store.webhooks.drop("h")
    assert await store.webhooks.find("h") is None


async def test_events_wait_in_order_lesson_by_lesson(store: Store) -> None:
    store.observe(joined("before"))
    await store.flush()
    await store.webhooks.put(HOOK)
    for lesson in (L, M):
        for name in "abc":
            store.observe(joined(name, lesson))
    await store.flush()
    (waiting,) = await store.webhooks.waiting()
    assert waiting.waiting == 6
    assert await told(store) == ["L/2", "L/3", "M/1", "M/2", "L/4", "M/3"]
    assert await store.webhooks.waiting() == ()
    assert (await store.webhooks.find("h")) == HOOK


async def test_only_what_was_asked_for(store: Store) -> None:
    await store.webhooks.put(replace(HOOK, id="one", lesson_id=M))
    await store.webhooks.put(replace(HOOK, id="left", kinds=("person.left", "lesson.state")))
    person = joined("a").person
    for lesson in (L, M):
        store.observe(joined("a", lesson))
        store.observe(PersonLeft(lesson_id=lesson, at_ms=2, person=person, cause=LeaveCause.LEFT))
    await store.flush()
    assert await told(store, "one") == ["M/1", "M/2"]
    assert await told(store, "left") == ["L/2", "M/2"]


def test_a_kind_is_found_as_it_is_written() -> None:
    assert pattern("class_phase.set") == "%,class\\_phase.set,%"


async def test_kinds_are_told_apart_by_every_character(store: Store, school: Any) -> None:
    await store.webhooks.put(replace(HOOK, kinds=("lessonxstate", "lesson_state")))
    store.observe(
        StateChanged(lesson_id=L, at_ms=1, state=LessonState.LIVE, lesson=school.lesson(), actor=None)
    )
    await store.flush()
    assert await told(store) == []


async def test_what_waits_survives_a_restart(open_store: Any) -> None:
    store = await open_store()
    await store.webhooks.put(HOOK)
    store.observe(joined("a"))
    await store.flush()
    delivery = await store.webhooks.next_delivery("h", "", 1)
    await store.close()
    again = await open_store()
    assert await again.webhooks.next_delivery("h", "", 1) == delivery
    await again.begin_room(L)
    assert "L/1" in await told(again)


async def test_what_a_crash_left_open_is_told_too(open_store: Any) -> None:
    store = await open_store()
    store.observe(joined("a"))
    await store.flush()
    await store.webhooks.put(HOOK)
    await store._writer.stop()
    await store._engine.dispose()
    again = await open_store()
    assert await told(again) == ["L/2"]
    again.observe(joined("b", M))
    await again.flush()
    assert await told(again) == ["M/1"], "there are webhooks after a restart"


async def test_in_vain(store: Store) -> None:
    await store.webhooks.put(HOOK)
    store.observe(joined("a"))
    await store.flush()
    for now_ms in (1000, 2000):
        await store.webhooks.failed("h", now_ms=now_ms, due_ms=now_ms + 500, error="HTTP 500")
    (waiting,) = await store.webhooks.waiting()
    assert (waiting.attempts, waiting.due_ms, waiting.failing_since_ms, waiting.error) == (
        *(2, 2500, 1000),
        "HTTP 500",
    )
    assert await told(store) == ["L/1"]
    assert await store.webhooks.find("h") == HOOK


async def test_suspended_until_it_is_put_anew(store: Store) -> None:
    await store.webhooks.put(HOOK)
    store.observe(joined("a"))
    await store.flush()
    await store.webhooks.suspend("h", now_ms=5, error="HTTP 410")
    store.observe(joined("b"))
    await store.flush()
    assert await store.webhooks.waiting() == ()
    found = await store.webhooks.find("h")
    assert found is not None
    assert (found.suspended_ms, found.error, found.waiting) == (5, "HTTP 410", 0)
    await store.webhooks.put(HOOK)
    store.observe(joined("c"))
    await store.flush()
    assert await told(store) == ["L/3"]


async def test_one_that_is_deleted_takes_what_waits_along(store: Store, sql: Any) -> None:
    await store.webhooks.put(HOOK)
    store.observe(joined("a"))
    await store.flush()
    await store.webhooks.drop("h")
    assert sql("SELECT * FROM webhook_outbox") == []


async def test_news_are_told_once_written(store: Store) -> None:
    news = []
    store.webhooks.on_news = lambda: news.append(store.health.queued)
    store.observe(joined("a"))
    await store.flush()
    assert news == [], "nobody wants to know"
    await store.webhooks.put(HOOK)
    store.observe(joined("b"))
    await store.flush()
    assert news == [0, 0]


@pytest.mark.parametrize("webhook_id", ["nobody", ""])
async def test_of_one_that_is_not_there(store: Store, webhook_id: str) -> None:
    assert await store.webhooks.next_delivery(webhook_id, "", 10) is None
    await store.webhooks.failed(webhook_id, now_ms=1, due_ms=1, error="x")
    await store.webhooks.suspend(webhook_id, now_ms=1, error="x")
