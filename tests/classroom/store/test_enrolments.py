"""Enrolments in both databases: what is decided is what is written, also when hundreds ask at once, from two
servers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from classroom.model import LessonId, PersonId
from classroom.network.catalogue import Course, CourseState, CourseVisibility, HomeClass, OfferPlan
from classroom.network.enrolment import (
    Application,
    Enrolment,
    EnrolmentRefused,
    EnrolmentState,
    PartyKind,
    Refusal,
    WaitsFor,
    Who,
    Withdrawal,
)
from classroom.network.model import ROOT, CourseId, Path, PlaceId
from classroom.network.terms import Quota, Target, Term
from classroom.planning import Plan, planned
from classroom.store.enrolments import ahead
from classroom.store.store import Store

SCHOOL, CITY = Path("/c/d/s1/"), Path("/c/")
BY = PersonId("organizer")
NOW_MS, STARTS_MS = 1_000, 100_000
COURSE = Course(
    id=CourseId("light"),
    provider=PlaceId("museum"),
    path=Path("/c/museum/"),
    provider_name="Museum",
    title="Light",
    city="c",
    visibility=CourseVisibility.CITY,
    state=CourseState.PUBLISHED,
)
TERM = Term("autumn", PlaceId("c"), CITY, "Autumn", 1, 1_000_000, 50)


async def offer(store: Store, lesson: str = "l1", course: Course = COURSE, **change: Any) -> None:
    await store.catalogue.put_course(course, NOW_MS, BY)
    plan = OfferPlan(
        **{"starts_ms": STARTS_MS, "ends_ms": STARTS_MS + 1_000, "capacity": 100} | change
    ).checked()
    made = planned(LessonId(lesson), Plan("Light", plan.starts_ms, plan.ends_ms))
    assert await store.catalogue.add_offers(course, [(made, plan)], NOW_MS, BY)


async def enrol(store: Store, party: str, places: int = 1, lesson: str = "l1", **change: Any) -> Enrolment:
    asked = Application(LessonId(lesson), PartyKind.CLASS, party, SCHOOL, places, BY, **change)
    return await store.catalogue.ask(asked, NOW_MS)


async def alone(store: Store, person: str, class_id: str = "", lesson: str = "l1") -> Enrolment:
    asked = Application(
        LessonId(lesson), PartyKind.PERSON, person, SCHOOL, 1, PersonId(person), class_id=class_id
    )
    return await store.catalogue.ask(asked, NOW_MS)


async def leave(store: Store, party: str, lesson: str = "l1") -> Enrolment:
    return await store.catalogue.ask(Withdrawal(LessonId(lesson), party, BY), NOW_MS + 1)


async def told(store: Store, lesson: str = "l1") -> tuple[int, int]:
    """Taken and waiting, as the catalogue says."""
    found = await store.catalogue.offer(LessonId(lesson))
    assert found is not None
    return found.taken, found.waiting


async def states(store: Store, lesson: str = "l1") -> dict[str, EnrolmentState]:
    found = await store.catalogue.enrolments_of(LessonId(lesson), [ROOT])
    return {each.party: each.state for each in found}


async def test_what_was_decided_is_written(store: Store) -> None:
    await offer(store)
    made = await enrol(store, "k1", 40, tutor="t")
    found = await store.catalogue.enrolment(LessonId("l1"), "k1")
    assert found is not None
    assert replace(found, number=0) == made
    assert await told(store) == (40, 0)
    assert await enrol(store, "k1", 40, tutor="t") == found
    assert await told(store) == (40, 0)


async def test_a_lesson_is_there_with_its_offer_or_not_at_all(store: Store) -> None:
    await offer(store)
    made = await store.lesson(LessonId("l1"))
    assert made is not None and made.starts_ms == STARTS_MS
    plan = OfferPlan(STARTS_MS, STARTS_MS + 1, 10)
    both = [(planned(LessonId(name), Plan("x")), plan) for name in ("l2", "l1")]
    assert not await store.catalogue.add_offers(COURSE, both, NOW_MS, BY)
    assert await store.lesson(LessonId("l2")) is None


async def test_the_waiting_list_moves_up_and_says_so(store: Store, sql: Callable[[str], Any]) -> None:
    await offer(store, capacity=50)
    await enrol(store, "k1", 40)
    waits = await enrol(store, "k2", 40, tutor="t2")
    assert (waits.state, waits.waits_for) == (EnrolmentState.WAITING, WaitsFor.PLACE)
    assert await store.network.look(ahead, await enrol(store, "k3", 30)) == 1
    await leave(store, "k1")
    assert await states(store) == {"k2": EnrolmentState.ENROLLED, "k3": EnrolmentState.WAITING}
    assert await told(store) == (40, 30)
    assert sql("SELECT person_id, kind, lesson_id FROM network_notices") == [("t2", "moved-up", "l1")]


async def test_who_has_withdrawn_can_come_again(store: Store, sql: Callable[[str], Any]) -> None:
    await offer(store)
    await enrol(store, "k1")
    assert (await leave(store, "k1")).state is EnrolmentState.WITHDRAWN
    await enrol(store, "k1")
    assert await states(store) == {"k1": EnrolmentState.ENROLLED}
    # What was is kept.
    assert sql("SELECT state FROM enrolments ORDER BY number") == [("withdrawn",), ("enrolled",)]


async def test_an_exchange_is_one_change(store: Store, sql: Callable[[str], Any]) -> None:
    await store.catalogue.put_term(TERM, NOW_MS, BY)
    for lesson in ("l1", "l2"):
        await offer(store, lesson, capacity=40)
    await enrol(store, "k1", 40, tutor="t")
    waits = await enrol(store, "k2", 20, tutor="t2")
    changed = await enrol(store, "k1", 40, "l2", tutor="t", instead_of=LessonId("l1"))
    assert changed.state is EnrolmentState.ENROLLED
    # What came free is the next one's at once, as far as the quota goes.
    assert await states(store) == {"k2": waits.state}
    assert (await told(store), await told(store, "l2")) == ((0, 20), (40, 0))
    assert sql("SELECT booked FROM quotas") == [(40,)]
    with pytest.raises(EnrolmentRefused) as refused:
        await enrol(store, "k2", 20, "l2", tutor="t2", instead_of=LessonId("l1"))
    assert refused.value.refusal is Refusal.FULL
    assert await states(store) == {"k2": waits.state}


async def test_timetables_are_looked_at(store: Store) -> None:
    home = (HomeClass(PersonId("online"), 5),)
    await offer(store, "l1", home=home)
    await offer(store, "l2", home=(HomeClass(PersonId("other"), 5),))
    await offer(store, "l3", starts_ms=STARTS_MS + 1_000, ends_ms=STARTS_MS + 2_000)
    await enrol(store, "k1", tutor="t1", lesson="l1")
    for asked, who in (
        (enrol(store, "k1", lesson="l2"), Who.CLASS),
        (enrol(store, "k2", lesson="l2", tutor="t1"), Who.TUTOR),
        (enrol(store, "k2", lesson="l2", tutor="online"), Who.TUTOR),
        (alone(store, "ann", "k1", "l2"), Who.CLASS),
    ):
        with pytest.raises(EnrolmentRefused) as refused:
            await asked
        assert refused.value.conflict is not None
        assert (refused.value.conflict.who, refused.value.conflict.lesson) == (who, "l1")
    await enrol(store, "k1", tutor="t1", lesson="l3")


async def test_a_master_is_busy_with_the_own_lesson(store: Store) -> None:
    await offer(store, "l1", master="m")
    await offer(store, "l2")
    with pytest.raises(EnrolmentRefused) as refused:
        await enrol(store, "k1", tutor="m", lesson="l2")
    assert refused.value.refusal is Refusal.CONFLICT


async def test_classes_at_home(store: Store, sql: Callable[[str], Any]) -> None:
    await offer(store, home=(HomeClass(PersonId("t1"), 1), HomeClass(PersonId("t2"), 1)))
    assert [(await alone(store, name)).class_id for name in "abc"] == ["l1-home-1", "l1-home-2", ""]
    await leave(store, "a")
    found = await store.catalogue.enrolment(LessonId("l1"), "c")
    assert found is not None and found.class_id == "l1-home-1"
    assert sql("SELECT taken FROM home_classes ORDER BY position") == [(1,), (1,)]


async def test_the_quota_of_the_term(store: Store, sql: Callable[[str], Any]) -> None:
    await offer(store, "l1")
    await enrol(store, "k1", 30)
    # A term that comes late takes in what is there.
    assert await store.catalogue.put_term(TERM, NOW_MS, BY)
    await offer(store, "l2")
    waits = await enrol(store, "k2", 30, "l2")
    assert waits.waits_for is WaitsFor.QUOTA
    assert sql("SELECT allowed, booked FROM quotas") == [(50, 30)]
    await leave(store, "k1", "l1")
    assert sql("SELECT allowed, booked FROM quotas") == [(50, 0)]
    await enrol(store, "k3", 20, "l2")
    raised = Quota("autumn", PlaceId("museum"), 200, 0)
    # Who waited has moved up.
    assert await store.catalogue.set_quota(raised, CITY, NOW_MS, BY) == replace(raised, booked=50)


async def test_a_term_is_of_one_place_and_one_time(store: Store) -> None:
    assert await store.catalogue.put_term(TERM, NOW_MS, BY) is True
    changed = replace(TERM, name="New", target=Target(6, 2, 8))
    assert await store.catalogue.put_term(changed, NOW_MS, BY) is False
    assert await store.catalogue.term("autumn") == changed
    assert await store.catalogue.put_term(replace(TERM, until_ms=5_000), NOW_MS, BY) is None
    assert await store.catalogue.terms([SCHOOL]) == (changed,)
    assert await store.catalogue.terms([Path("/x/")]) == ()


async def test_a_course_keeps_its_provider(store: Store) -> None:
    named = replace(COURSE, visibility=CourseVisibility.NAMED, named=frozenset({PlaceId("s1")}))
    assert await store.catalogue.put_course(named, NOW_MS, BY) is True
    assert await store.catalogue.course(COURSE.id) == named
    assert await store.catalogue.put_course(COURSE, NOW_MS, BY) is False
    assert await store.catalogue.course(COURSE.id) == COURSE
    stolen = replace(COURSE, provider=PlaceId("other"))
    assert await store.catalogue.put_course(stolen, NOW_MS, BY) is None
    assert await store.catalogue.courses([CITY]) == (COURSE,)
    assert await store.catalogue.courses([Path("/c/mus/"), SCHOOL]) == ()


async def test_pairs_go_both_ways(store: Store) -> None:
    paired = replace(COURSE, visibility=CourseVisibility.PAIRED)
    await offer(store, course=paired)
    with pytest.raises(EnrolmentRefused):
        await enrol(store, "k1")
    museum, school = PlaceId("museum"), PlaceId("s1")
    assert await store.catalogue.pair(school, museum, CITY, NOW_MS, BY)
    assert not await store.catalogue.pair(museum, school, CITY, NOW_MS, BY)
    assert await store.catalogue.pairs(museum) == {"s1"}
    await enrol(store, "k1")
    assert await store.catalogue.unpair(museum, school, CITY, NOW_MS, BY)
    assert not await store.catalogue.unpair(museum, school, CITY, NOW_MS, BY)
    with pytest.raises(EnrolmentRefused):
        await enrol(store, "k2")


async def outcomes(asked: Sequence[Any]) -> Counter[str]:
    found = await asyncio.gather(*asked, return_exceptions=True)
    return Counter(each.state.value if isinstance(each, Enrolment) else repr(each) for each in found)


async def test_five_hundred_ask_for_a_hundred_places(open_store: Any) -> None:
    """From two servers at once, with some who ask twice."""
    stores = [await open_store() for _ in range(2)]
    await offer(stores[0], capacity=100)
    asked = [enrol(stores[number % 2], f"k{number % 450}") for number in range(500)]
    found = await outcomes(asked)
    known = await states(stores[0])
    assert Counter(known.values()) == {EnrolmentState.ENROLLED: 100, EnrolmentState.WAITING: 350}
    assert await told(stores[0]) == (100, 350)
    assert set(found) == {"enrolled", "waiting"}


async def test_one_class_asks_for_two_lessons_at_once_on_two_servers(open_store: Any) -> None:
    stores = [await open_store() for _ in range(2)]
    for lesson in ("l1", "l2"):
        await offer(stores[0], lesson)
    for number in range(10):
        asked = [enrol(store, f"k{number}", lesson=f"l{n}") for n, store in enumerate(stores, 1)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert sorted(isinstance(each, Enrolment) for each in found) == [False, True]


async def test_who_goes_away_in_between_is_still_decided(store: Store) -> None:
    await offer(store)
    task = asyncio.create_task(enrol(store, "k1"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await enrol(store, "k2")
    assert await states(store) == {"k1": EnrolmentState.ENROLLED, "k2": EnrolmentState.ENROLLED}
