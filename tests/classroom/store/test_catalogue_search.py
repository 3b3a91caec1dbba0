"""The catalogue in both databases: what changes is found at once, also what another server changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from classroom.library.words import asked
from classroom.model import LessonId, PersonId
from classroom.network.catalogue import Course, CourseState, CourseVisibility, OfferPlan, Onlooker
from classroom.network.enrolment import Application, PartyKind
from classroom.network.model import CourseId, Path, PlaceId
from classroom.network.offers import Choice
from classroom.planning import Plan, planned
from classroom.store import following
from classroom.store.store import Store

BY = PersonId("organizer")
EVERYTHING = Onlooker(oversees=frozenset({Path("/")}))
PUPIL = Onlooker(frozenset({Path("/c/d/s2/")}))
COURSE = Course(
    id=CourseId("light"),
    provider=PlaceId("s1"),
    path=Path("/c/d/s1/"),
    provider_name="第一中学",
    title="光的折射",
    district="d",
    city="c",
    visibility=CourseVisibility.PUBLIC,
    state=CourseState.PUBLISHED,
)


async def offer(store: Store, *lessons: str, now_ms: int = 1_000, **change: Any) -> None:
    both = []
    for number, lesson in enumerate(lessons, 1):
        plan = OfferPlan(
            **{"starts_ms": number * 1_000, "ends_ms": number * 1_000 + 1, "capacity": 9} | change
        )
        both.append((planned(LessonId(lesson), Plan("x")), plan))
    assert await store.catalogue.add_offers(COURSE, both, now_ms, BY)


async def found(store: Store, words: str = "", who: Onlooker = EVERYTHING, **choice: Any) -> list[str]:
    answer = await store.catalogue.search(Choice(who, asked(words), **choice))
    return [each.offer.lesson for each in answer.lessons]


async def test_what_is_offered_is_found(store: Store) -> None:
    assert await found(store) == []
    await store.catalogue.put_course(COURSE, 1_000, BY)
    await offer(store, "a", "b")
    assert await found(store, "折射") == ["a", "b"]
    assert await found(store, "浮力") == []
    await store.catalogue.put_course(replace(COURSE, title="浮力"), 2_000, BY)
    assert await found(store, "浮力") == ["a", "b"]
    await store.catalogue.put_course(replace(COURSE, state=CourseState.DRAFT), 3_000, BY)
    assert await found(store, who=PUPIL) == []
    assert await found(store) == ["a", "b"]


async def test_places_left_are_those_of_now(store: Store) -> None:
    await store.catalogue.put_course(COURSE, 1, BY)
    await offer(store, "a", now_ms=1)
    assert await found(store, places=5) == ["a"]
    asked_for = Application(LessonId("a"), PartyKind.CLASS, "k", Path("/c/d/s2/"), 6, BY)
    await store.catalogue.ask(asked_for, 2)
    assert await found(store, places=5) == []
    [listed] = (await store.catalogue.search(Choice(EVERYTHING))).lessons
    assert (listed.offer.left, listed.course.title) == (3, "光的折射")


async def test_a_pair_is_seen_at_once(store: Store) -> None:
    paired = replace(COURSE, visibility=CourseVisibility.PAIRED)
    await store.catalogue.put_course(paired, 1, BY)
    await offer(store, "a", now_ms=1)
    assert await found(store, who=PUPIL) == []
    assert await store.catalogue.seen(LessonId("a"), PUPIL) is None
    await store.catalogue.pair(PlaceId("s1"), PlaceId("s2"), Path("/c/d/"), 2, BY)
    assert await found(store, who=PUPIL) == ["a"]
    listed = await store.catalogue.seen(LessonId("a"), PUPIL)
    assert listed is not None and listed.course.id == "light"


async def test_two_servers_find_the_same(open_store: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(following, "AT_ONCE", 3)
    one, two = [await open_store() for _ in range(2)]
    await one.catalogue.put_course(COURSE, 1, BY)
    await offer(one, *"abcdefgh", now_ms=1)
    assert await found(two) == list("abcdefgh")
    # Many changes of one moment, more than are read at once.
    await one.catalogue.put_course(replace(COURSE, subject="物理"), 2, BY)
    assert await found(two, chosen={"subject": "物理"}) == list("abcdefgh")
    # A clock that is behind.
    two_ms = 1
    await one.catalogue.put_course(replace(COURSE, subject="生物"), two_ms, BY)
    assert await found(two, chosen={"subject": "生物"}) == list("abcdefgh")


async def test_many_questions_at_once(store: Store) -> None:
    await store.catalogue.put_course(COURSE, 1, BY)
    await offer(store, "a", now_ms=1)
    answers = await asyncio.gather(*(found(store) for _ in range(20)))
    assert answers == [["a"]] * 20
