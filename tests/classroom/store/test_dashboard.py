"""The dashboard's questions, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom import events
from classroom.events import LeaveCause
from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, Person, PersonId, Role
from classroom.network.dashboard import BROKEN, FailedJoins, QuotaSum, SchoolQuality, Stored
from classroom.network.model import ROOT, Path, PlaceId
from classroom.quality import Period, Second
from classroom.rules.reasons import Reason
from classroom.store import dashboard, lesson_sums
from classroom.store.catalogue_tables import quotas, terms
from classroom.store.demo_network import seed_demo_network
from classroom.store.library_items import ItemFacts
from classroom.store.store import Store
from sfu.params import Quality, QualityReason

CITY, MUSEUM, EAST_1 = (
    Path("/demo-city/"), Path("/demo-city/demo-museum/"), Path("/demo-city/demo-east/demo-east-1/")
)  # fmt: skip
DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2
ROOM = ClassRoom(ClassId("demo-east-1-c1"), "三年级1班", PersonId("demo-east-1-tutor"))
STUDENT = Person(PersonId("demo-east-1-student"), "", Role.STUDENT, ROOM.id)


async def lesson(store: Store, name: str, **more: Any) -> None:
    values: dict[str, Any] = {"title": name, "classes": (ROOM,), "starts_ms": NOON_MS}
    await store.save_lesson(Lesson(LessonId(name), **values | more))


async def found(store: Store, day: int = 0) -> Any:
    begins = NOON_MS - DAY_MS // 2 + day * DAY_MS
    return await store.network.look(dashboard.day, begins, begins + DAY_MS)


async def test_the_lessons_of_a_day(store: Store) -> None:
    await seed_demo_network(store)
    await lesson(store, "planned", master_id=PersonId("demo-museum-master"))
    began = {"starts_ms": 0, "started_ms": NOON_MS}
    await lesson(store, "began", state=LessonState.LIVE, classes=(), **began)
    night = {"starts_ms": NOON_MS - DAY_MS, "started_ms": NOON_MS - DAY_MS + 1}
    await lesson(store, "yesterday", state=LessonState.ENDED, **night)
    late = {"starts_ms": NOON_MS - DAY_MS // 2 - 2, "started_ms": NOON_MS - DAY_MS // 2 - 1}
    await lesson(store, "goes on", state=LessonState.LIVE, **late)
    await lesson(store, "over by midnight", state=LessonState.ENDED, **late)
    await lesson(store, "tomorrow", starts_ms=NOON_MS + DAY_MS)
    day = await found(store)
    assert {each.id for each in day.lessons} == {"planned", "began", "goes on"}
    planned = next(each for each in day.lessons if each.id == "planned")
    assert (planned.places.gives, planned.places.takes, planned.classes) == (MUSEUM, (EAST_1,), 1)
    assert day.paths == {MUSEUM, EAST_1}
    assert not day.more
    assert {each.id for each in (await found(store, -1)).lessons} == {
        "yesterday", "goes on", "over by midnight"
    }  # fmt: skip


async def test_what_came_of_joining(store: Store) -> None:
    await seed_demo_network(store)
    await lesson(store, "l", state=LessonState.LIVE, started_ms=NOON_MS)
    at: dict[str, Any] = {"lesson_id": LessonId("l")}
    for at_ms in (1, 2):
        store.observe(events.EntryRefused(person=STUDENT, reason=Reason.LESSON_FULL, at_ms=at_ms, **at))
    spy = Person(PersonId("s"), "", Role.SUPERVISOR)
    store.observe(events.EntryRefused(person=spy, reason=Reason.LESSON_FULL, at_ms=3, **at))
    for at_ms, cause in ((10, LeaveCause.LOST), (20, LeaveCause.LOST), (30, LeaveCause.LEFT)):
        store.observe(events.PersonJoined(person=STUDENT, at_ms=at_ms, **at))
        store.observe(events.PersonLeft(person=STUDENT, cause=cause, at_ms=at_ms + 5, **at))
    await store.written()
    day = await found(store)
    assert day.joins == (FailedJoins("l", BROKEN, 2, 1, 25), FailedJoins("l", "lesson_full", 2, 1, 2))
    (one,) = day.lessons
    assert (one.people, one.refused, one.broken) == (1, 2, 2)


def period(person: str, started_ms: int, levels: tuple[Quality, ...]) -> Period:
    seconds = tuple(
        Second(level, QualityReason.NONE, 40, 1500, 0.0, 0.0, 30, 10, 2000, 1, int(level is Quality.POOR))
        for level in levels
    )
    return Period.of(PersonId(person), started_ms, seconds)


async def test_quality_is_summed_up_by_class_as_it_is_written(store: Store) -> None:
    await seed_demo_network(store)
    await lesson(store, "l", state=LessonState.LIVE, started_ms=NOON_MS)
    at: dict[str, Any] = {"lesson_id": LessonId("l"), "at_ms": NOON_MS}
    tutor = Person(PersonId("t"), "", Role.TUTOR, ROOM.id)
    master = Person(PersonId("m"), "", Role.MASTER)
    good, fair, poor = Quality.GOOD, Quality.FAIR, Quality.POOR
    for person in (STUDENT, tutor, master):
        store.observe(events.PersonJoined(person=person, **at))
    store.observe(events.QualityMeasured(period=period(STUDENT.id, 0, (good, good, fair)), **at))
    await store.written()
    store.observe(events.PersonLeft(person=STUDENT, cause=LeaveCause.LEFT, **at))
    # The last of somebody who has gone by then.
    store.observe(events.QualityMeasured(period=period(STUDENT.id, 9, (poor, poor)), **at))
    store.observe(events.QualityMeasured(period=period("t", 0, (good,)), **at))
    store.observe(events.QualityMeasured(period=period("m", 0, (poor,)), **at))
    await store.written()
    assert (await found(store)).quality == (SchoolQuality(EAST_1, 1, 6, 1, 2, 2),)


async def test_what_a_lesson_came_to_is_kept_when_it_is_long_over(store: Store, sql: Any) -> None:
    await seed_demo_network(store)
    over = {"state": LessonState.ENDED, "master_id": PersonId("demo-museum-master")}
    for name, ended_ms in (("l", NOON_MS + 3), ("later", NOON_MS + 4)):
        await lesson(store, name, started_ms=NOON_MS, ended_ms=ended_ms, **over)
    at: dict[str, Any] = {"lesson_id": LessonId("l")}
    store.observe(events.PersonJoined(person=STUDENT, at_ms=10, **at))
    store.observe(events.QualityMeasured(period=period(STUDENT.id, 0, (Quality.FAIR,)), at_ms=10, **at))
    store.observe(events.PersonLeft(person=STUDENT, cause=LeaveCause.LOST, at_ms=15, **at))
    store.observe(events.EntryRefused(person=STUDENT, reason=Reason.LESSON_FULL, at_ms=1, **at))
    await store.written()
    before = await found(store)
    now_ms = NOON_MS + 3 + lesson_sums.KEEP_AFTER_MS
    due = await store.network.look(lesson_sums.due, 0, now_ms)
    assert due == (("l", NOON_MS),)
    for _ in range(2):
        await store.network.change(lesson_sums.keep, ["l"])
    assert await store.network.look(lesson_sums.due, 0, now_ms) == ()
    assert await found(store) == before
    # Whoever knocks after that is not the lesson's trouble any more, and nothing else is read for it.
    store.observe(events.EntryRefused(person=STUDENT, reason=Reason.LESSON_FULL, at_ms=9, **at))
    await store.written()
    assert await found(store) == before
    assert sql("SELECT count(*) FROM lesson_sums") == [(1,)]


async def test_what_the_library_keeps_and_for_whom(store: Store) -> None:
    await seed_demo_network(store)
    await lesson(store, "l")
    for name, of, size in (("i", "l", 700), ("j", "l", 300), ("k", "unknown", 50)):
        state = "live" if name == "j" else "ready"
        facts = ItemFacts(name, of, "", state, 0, 0, 1.0, "", bytes=size)
        await store.library.keep((facts,), 1)
    assert set(await store.network.read(dashboard.stored)) == {
        Stored(EAST_1, 2, 1, 1_000), Stored(ROOT, 1, 0, 50)
    }  # fmt: skip


async def test_quotas_of_terms_that_go_on(store: Store) -> None:
    await seed_demo_network(store)

    async def add(connection: AsyncConnection) -> None:
        plan = {"place_id": "demo-city", "path": CITY, "quota": 9, "target": 5, "target_delivered": 1}
        plan |= {"delivered_grade": 7, "made_ms": 0}
        for name, until_ms in (("now", 100), ("over", 50)):
            row = plan | {"id": name, "name": name, "from_ms": 0, "until_ms": until_ms}
            await connection.execute(insert(terms).values(row))
            for provider, booked in (("demo-museum", 5), ("demo-east-1", 8)):
                row = {"term_id": name, "provider_id": provider, "allowed": 10, "booked": booked}
                await connection.execute(insert(quotas).values(row))

    await store.network.change(add)
    uses = await store.network.look(dashboard.quota_uses, (CITY,), 50)
    assert [(each.term, each.path, each.used) for each in uses] == [
        ("now", EAST_1, 0.8),
        ("now", MUSEUM, 0.5),
    ]
    assert [each.path for each in await store.network.look(dashboard.quota_uses, (MUSEUM,), 50)] == [MUSEUM]
    assert await store.network.look(dashboard.quota_sum, (CITY,), 50) == QuotaSum(2, 0, 20, 13)
    assert await store.network.look(dashboard.quota_sum, (), 50) == QuotaSum(0, 0, 0, 0)


async def test_places_to_choose_from(store: Store) -> None:
    await seed_demo_network(store)

    async def chosen(*paths: Path, place: str = "") -> list[str]:
        told = await store.network.look(dashboard.scope, paths, PlaceId(place) if place else None)
        return [each.id.removeprefix("demo-") for each in told]

    assert await chosen(ROOT) == ["city", "east", "museum", "west"]
    assert await chosen(EAST_1, MUSEUM) == ["east-1", "museum"]
    assert await chosen(CITY, place="demo-east") == ["east", "east-1", "east-2"]
