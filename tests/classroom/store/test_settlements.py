"""Lessons that are over, settled in both databases: once, with what flows back, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.attendance import Attendance, ClassAttendance, Report
from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId, Role
from classroom.network.catalogue import (
    Course,
    CourseState,
    CourseVisibility,
    Delivery,
    HomeClass,
    OfferPlan,
)
from classroom.network.enrolment import Application, Enrolment, EnrolmentState, PartyKind
from classroom.network.model import (
    Appointment,
    CourseId,
    Office,
    Path,
    Place,
    PlaceId,
    PlaceKind,
    SchoolClass,
)
from classroom.network.progress import Goal
from classroom.network.settlement import UNDONE_MS, Came
from classroom.network.terms import Quota, Term
from classroom.network.timetable import OVERRUN_MS
from classroom.planning import Plan, planned
from classroom.roll import Counts
from classroom.store import (
    accounts,
    audit,
    library_notes,
    network_appointments,
    network_classes,
    network_places,
    progress,
    terms,
)
from classroom.store.catalogue_tables import offers
from classroom.store.library_tables import library_items
from classroom.store.store import Store

SCHOOL, CITY = Path("/c/d/s1/"), Path("/c/")
BY, MUSEUM = PersonId("organizer"), PlaceId("museum")
NOW_MS, STARTS_MS = 1_000, 100_000
ENDS_MS = STARTS_MS + 45 * 60_000
OVER_MS = ENDS_MS + 1
COURSE = Course(
    id=CourseId("light"),
    provider=MUSEUM,
    path=Path("/c/museum/"),
    provider_name="Museum",
    title="Light",
    subject="science",
    city="c",
    visibility=CourseVisibility.CITY,
    state=CourseState.PUBLISHED,
)
TERM = Term("autumn", PlaceId("c"), CITY, "Autumn", 1, 10**12, 50)


async def offer(store: Store, lesson: str = "l1", **change: Any) -> None:
    plan = OfferPlan(**{"starts_ms": STARTS_MS, "ends_ms": ENDS_MS, "capacity": 100} | change).checked()
    made = planned(LessonId(lesson), Plan("Light", plan.starts_ms, plan.ends_ms))
    assert await store.catalogue.add_offers(COURSE, [(made, plan)], NOW_MS, BY)


@pytest_asyncio.fixture
async def term(store: Store) -> Store:
    """With a lesson in it."""
    await store.catalogue.put_course(COURSE, NOW_MS, BY)
    await store.catalogue.put_term(TERM, NOW_MS, BY)
    await offer(store, home=(HomeClass(PersonId("tutor"), 5),))
    return store


async def enrol(store: Store, party: str, places: int = 0, lesson: str = "l1", **change: Any) -> Enrolment:
    kind = PartyKind.CLASS if places else PartyKind.PERSON
    asked = Application(LessonId(lesson), kind, party, SCHOOL, places or 1, BY, **change)
    return await store.catalogue.ask(asked, NOW_MS)


def lesson_now(lesson: str = "l1", state: LessonState = LessonState.ENDED) -> Lesson:
    rooms = (
        ClassRoom(ClassId("k1"), "Class 1", None, ""),
        ClassRoom(ClassId(f"{lesson}-home-1"), "", None, "", True),
    )
    made = Lesson(LessonId(lesson), "Light", rooms, state, starts_ms=STARTS_MS, ends_ms=ENDS_MS)
    ended = state is LessonState.ENDED
    return replace(made, started_ms=STARTS_MS, ended_ms=ENDS_MS) if ended else made


def report(*people: str, began: bool = True) -> Report:
    """These were there, each at home."""
    came = [
        Attendance(PersonId(each), Role.STUDENT, ClassId("l1-home-1"), (), 60_000, False, False)
        for each in people
    ]
    return Report(STARTS_MS if began else None, ENDS_MS if began else None, 0, tuple(came), (), {})


async def booked(store: Store) -> int:
    [(quota, _)] = await store.catalogue.quotas("autumn", [CITY])
    return quota.booked


@pytest_asyncio.fixture
async def museum(store: Store) -> None:
    place = network_places.add
    for kind, name, parent in (
        (PlaceKind.CITY, "c", None),
        (PlaceKind.DISTRICT, "d", "c"),
        (PlaceKind.SCHOOL, "s1", "d"),
        (PlaceKind.PROVIDER, "museum", "c"),
    ):
        made = Place(PlaceId(name), kind, name, Path("/"), parent and PlaceId(parent))
        assert await store.network.change(place, made, NOW_MS, BY)


async def test_what_was_not_attended_flows_back_once(
    museum: None, term: Store, sql: Callable[[str], Any]
) -> None:
    await enrol(term, "k1", 40)
    await enrol(term, "ann")
    await enrol(term, "bob")
    assert await booked(term) == 42
    done = await term.catalogue.settle(lesson_now(), report("ann"), OVER_MS)
    assert done is not None and (done.booked, done.came, done.released) == (42, 1, 41)
    assert await booked(term) == 1
    assert await term.catalogue.settle(lesson_now(), report("ann", "bob"), OVER_MS) is None
    assert await booked(term) == 1
    assert sql("SELECT party_id, attended FROM enrolments ORDER BY number") == [
        ("k1", 0),
        ("ann", 1),
        ("bob", 0),
    ]
    assert sql("SELECT party_id, came, minutes, persons FROM attendances ORDER BY party_id") == [
        ("ann", "present", 1, 1),
        ("bob", "absent", 0, 0),
        ("k1", "absent", 0, 0),
    ]
    found = await term.catalogue.offer(LessonId("l1"))
    assert found is not None and (found.taken, found.attended) == (42, 1)
    [last] = await term.network.read(audit.listed, [CITY], limit=1)
    assert (last.deed.deed, last.deed.object) == ("lesson-settled", "l1")
    assert last.deed.body == {"booked": 42, "attended": 1, "released": 41}


async def test_two_servers_settle_a_lesson_once(museum: None, term: Store, open_store: Any) -> None:
    await enrol(term, "k1", 40)
    other = await open_store()
    mine = await open_store()
    found = await asyncio.gather(
        *(each.catalogue.settle(lesson_now(), report(), OVER_MS) for each in (mine, other))
    )
    assert [each is None for each in found].count(True) == 1
    assert await booked(term) == 0


async def test_who_waits_for_the_quota_moves_up_with_a_notice(
    museum: None, term: Store, sql: Callable[[str], Any]
) -> None:
    await offer(term, "l2", starts_ms=OVER_MS + 10**7, ends_ms=OVER_MS + 10**7 + 1)
    await enrol(term, "k1", 40)
    waits = await enrol(term, "k2", 30, "l2", tutor="t2")
    assert (waits.state, waits.waits_for) == (EnrolmentState.WAITING, "quota")
    await term.catalogue.settle(lesson_now(), report(), OVER_MS)
    found = await term.catalogue.enrolment(LessonId("l2"), "k2")
    assert found is not None and found.state is EnrolmentState.ENROLLED
    assert await booked(term) == 30
    assert sql("SELECT person_id, kind, lesson_id FROM network_notices") == [("t2", "moved-up", "l2")]


async def test_what_another_server_gave_back_is_given_on(museum: None, term: Store) -> None:
    await offer(term, "l2", starts_ms=OVER_MS + 10**7, ends_ms=OVER_MS + 10**7 + 1)
    await enrol(term, "k1", 40)
    await enrol(term, "k2", 30, "l2")
    # It went between the two transactions.
    raised = Quota("autumn", MUSEUM, 100, 0)
    await term.network.change(terms.set_quota, raised, CITY, NOW_MS, BY)
    await term.catalogue.give(NOW_MS)
    assert await booked(term) == 70


@pytest.mark.parametrize("raised", ["quota", "capacity"])
async def test_more_room_moves_up_who_waits(museum: None, term: Store, raised: str) -> None:
    await enrol(term, "k1", 40)
    await enrol(term, "k2", 30)
    await enrol(term, "k3", 70)
    if raised == "quota":
        assert (await term.catalogue.set_quota(Quota("autumn", MUSEUM, 75, 0), CITY, NOW_MS, BY)).booked == 70
    else:
        await term.catalogue.set_quota(Quota("autumn", MUSEUM, 200, 0), CITY, NOW_MS, BY)
        # k3 waited for the quota first, and then for a place.
        found = await term.catalogue.set_capacity(LessonId("l1"), 140, NOW_MS, BY)
        assert found is not None and (found.taken, found.waiting, found.capacity) == (140, 0, 140)
        assert await term.catalogue.set_capacity(LessonId("l1"), 139, NOW_MS, BY) is None
        assert await term.catalogue.set_capacity(LessonId("l1"), 150, STARTS_MS, BY) is None


async def test_a_term_that_comes_late_counts_who_came(museum: None, store: Store) -> None:
    await store.catalogue.put_course(COURSE, NOW_MS, BY)
    await offer(store, home=(HomeClass(PersonId("tutor"), 5),))
    await enrol(store, "ann")
    await enrol(store, "bob")
    await store.catalogue.settle(lesson_now(), report("ann"), OVER_MS)
    await store.catalogue.put_term(TERM, NOW_MS, BY)
    assert await booked(store) == 1


async def test_who_still_waited_waits_no_more(museum: None, term: Store, sql: Callable[[str], Any]) -> None:
    await enrol(term, "k1", 40)
    await enrol(term, "k2", 70)
    await term.catalogue.settle(lesson_now(), report(), OVER_MS)
    assert sql("SELECT state, ended_ms FROM enrolments ORDER BY number") == [
        ("enrolled", None),
        ("lapsed", OVER_MS),
    ]


@pytest.mark.parametrize(
    ("state", "at_ms"),
    [
        (LessonState.ENDED, STARTS_MS + 1),
        (LessonState.SCHEDULED, ENDS_MS + OVERRUN_MS),
        (LessonState.OPEN, ENDS_MS + OVERRUN_MS),
        (LessonState.CANCELLED, NOW_MS + UNDONE_MS),
        (LessonState.LIVE, None),
    ],
)
async def test_when_a_lesson_is_over(
    museum: None, term: Store, state: LessonState, at_ms: int | None
) -> None:
    await term.save_lesson(lesson_now(state=state))
    if at_ms is None:
        assert await term.catalogue.due(10**12) == ()
        return
    if state is not LessonState.ENDED:
        assert await term.catalogue.due(at_ms - 1) == ()
    assert await term.catalogue.due(at_ms) == ("l1",)
    await term.catalogue.settle(lesson_now(state=state), report(began=False), at_ms)
    assert await term.catalogue.due(10**12) == ()


async def test_an_offer_that_was_cancelled_is_over_once_it_cannot_be_undone(
    museum: None, term: Store, sql: Callable[[str], Any]
) -> None:
    await enrol(term, "k1", 40)
    await term.network.change(cancel, NOW_MS)
    assert await term.catalogue.due(NOW_MS + UNDONE_MS - 1) == ()
    assert await term.catalogue.due(NOW_MS + UNDONE_MS) == ("l1",)
    lesson = lesson_now(state=LessonState.SCHEDULED)
    done = await term.catalogue.settle(lesson, report(began=False), NOW_MS + UNDONE_MS)
    assert done is not None and done.released == 40
    assert await booked(term) == 0
    assert sql("SELECT count(*) FROM attendances") == [(0,)]


async def cancel(connection: Any, now_ms: int) -> None:
    await connection.execute(update(offers).values(state="cancelled", changed_ms=now_ms))


async def test_how_far_pupils_and_classes_have_come(museum: None, term: Store) -> None:
    found = await term.network.change(
        network_classes.add, SchoolClass(ClassId("k1"), PlaceId("s1"), SCHOOL, "Class 1", 7), NOW_MS, BY
    )
    assert found is not None
    for person in ("ann", "bob"):
        account = accounts.Account(PersonId(person), person, SCHOOL, login=person)
        await term.network.change(accounts.add, account, NOW_MS, BY)
        office = Appointment(person, PersonId(person), Office.STUDENT, SCHOOL, class_id="k1")
        assert await term.network.change(network_appointments.appoint, office, PlaceId("s1"), NOW_MS, BY)
    await offer(term, "l2", delivery=Delivery.TO_SCHOOL, starts_ms=ENDS_MS, ends_ms=ENDS_MS + 1)
    await enrol(term, "ann", class_id="k1")
    await enrol(term, "k1", 2, "l2")
    await term.catalogue.settle(lesson_now(), report("ann"), OVER_MS)
    seen = replace(lesson_now("l2"), starts_ms=ENDS_MS, started_ms=ENDS_MS, ended_ms=OVER_MS)
    await term.catalogue.settle(seen, in_room(), OVER_MS)
    of = await term.network.read(progress.of_class, found, TERM, OVER_MS, 0.8)
    assert (of.progress.done, of.progress.delivered, of.progress.goal) == (1, 1, Goal(5, 1))
    assert [(each.person, each.progress.done) for each in of.pupils] == [("ann", 2), ("bob", 1)]
    ann = await term.network.read(progress.of_pupil, PersonId("ann"), "", OVER_MS, 0.8)
    assert ann is not None and ann.term == TERM and ann.in_class == found
    assert [(each.lesson, each.came, each.subject) for each in ann.progress.parts] == [
        ("l1", Came.PRESENT, "science"),
        ("l2", Came.PRESENT, "science"),
    ]
    assert await term.network.read(progress.of_pupil, PersonId("ann"), "spring", OVER_MS, 0.8) is None
    assert await term.network.read(progress.of_pupil, PersonId("tutor"), "", OVER_MS, 0.8) is None


async def test_who_watched_what_they_missed_has_caught_up(museum: None, term: Store) -> None:
    found = await term.network.change(
        network_classes.add, SchoolClass(ClassId("k1"), PlaceId("s1"), SCHOOL, "Class 1", 7), NOW_MS, BY
    )
    assert found is not None
    await enrol(term, "k1", 2)
    # The lesson went on for others; of this class nobody came.
    await term.catalogue.settle(lesson_now(), replace(in_room(), people=(), classes=()), OVER_MS)

    async def watch(connection: AsyncConnection, person: str, role: Role, watched_ms: int) -> None:
        watcher = library_notes.Watcher(person, person, role, "k1")
        await library_notes.watched(connection, "i1", "l1", watcher, [(0, watched_ms)], 0, OVER_MS)

    async def done() -> tuple[int, int]:
        of = await term.network.read(progress.of_class, found, TERM, OVER_MS, 0.8)
        return of.progress.done, of.progress.caught_up

    item = {"id": "i1", "lesson_id": "l1", "title": "", "state": "ready", "started_ms": 1}
    await term.network.change(
        lambda connection: connection.execute(insert(library_items).values(item | {"duration_ms": 600_000}))
    )
    await term.network.change(watch, "ann", Role.STUDENT, 600_000)
    assert await done() == (0, 0), "one pupil is not the class"
    await term.network.change(watch, "t", Role.TUTOR, 400_000)
    assert await done() == (0, 0)
    await term.network.change(watch, "t", Role.TUTOR, 480_000)
    assert await done() == (1, 1)


def in_room() -> Report:
    """With its tutor."""
    tutor = Attendance(PersonId("t"), Role.TUTOR, ClassId("k1"), (), 60_000, False, False)
    there = ClassAttendance(ClassId("k1"), 0, 0, 0, 0, 60_000, 60_000, Counts(0, 0, 0, 0))
    return Report(STARTS_MS, ENDS_MS, 0, (tutor,), (there,), {})
