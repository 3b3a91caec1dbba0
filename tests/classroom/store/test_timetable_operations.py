"""Operations on the timetable in both databases: whole or not at all, told to everybody once, undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from classroom.model import ClassId, Lesson, LessonId, PersonId
from classroom.network.catalogue import (
    Course,
    CourseState,
    CourseVisibility,
    HomeClass,
    OfferPlan,
    OfferState,
)
from classroom.network.enrolment import Application, EnrolmentRefused, PartyKind, Refusal
from classroom.network.model import CourseId, Path, PlaceId
from classroom.network.substitutes import (
    Substitution,
    SubstitutionMove,
    SubstitutionRefusal,
    SubstitutionRefused,
    SubstitutionState,
)
from classroom.network.terms import Term
from classroom.network.timetable_operations import (
    UNDO_MS,
    BadOperation,
    Change,
    Operation,
    OperationFault,
    OperationKind,
    UndoRefusal,
    UndoRefused,
)
from classroom.planning import Plan, planned
from classroom.store import audit, notices, substitutions, timetable_operations
from classroom.store.demo_network import seed_demo_network
from classroom.store.store import Store
from classroom.store.timetable_operations import Asked, OtherOperation, Previewed
from classroom.store.timetable_slots import Clashes

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
CITY, EAST = Path("/demo-city/"), Path("/demo-city/demo-east/")
EAST_1 = Path("/demo-city/demo-east/demo-east-1/")
BY = PersonId("demo-east-organizer")
MASTER = "demo-east-1-master"


class Days:
    """A store with lessons of the school `demo-east-1` tomorrow, at nine and at eleven."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now_ms = store.clock.unix_ms()
        self.nine = self.now_ms + DAY_MS

    async def offer(self, lesson: str, starts_ms: int, path: Path = EAST_1, **change: Any) -> None:
        place = path.split("/")[-2]
        course = Course(
            id=CourseId(f"course-{place}"),
            provider=PlaceId(place),
            path=path,
            provider_name=place,
            title="Light",
            district="demo-east",
            city="demo-city",
            master=change.pop("master", MASTER),
            master_name="Chen",
            visibility=CourseVisibility.CITY,
            state=CourseState.PUBLISHED,
        )
        await self.store.catalogue.put_course(course, self.now_ms, BY)
        self.course = course
        plan = OfferPlan(starts_ms, starts_ms + HOUR_MS, 100, **change).checked()
        made = planned(LessonId(lesson), Plan("Light", starts_ms, starts_ms + HOUR_MS))
        assert await self.store.catalogue.add_offers(course, [(made, plan)], self.now_ms, BY)

    async def enrol(self, lesson: str, school: str, suffix: str = "c1") -> None:
        asked = Application(
            LessonId(lesson),
            PartyKind.CLASS,
            f"demo-{school}-{suffix}",
            Path(f"/demo-city/demo-{school.split('-')[0]}/demo-{school}/"),
            30,
            BY,
            tutor=f"demo-{school}-tutor",
        )
        await self.store.catalogue.ask(asked, self.now_ms)

    def operation(self, name: str, kind: OperationKind, **change: Any) -> Operation:
        made = Operation(
            id=name,
            kind=kind,
            path=EAST,
            place=PlaceId("demo-east"),
            reason="haze",
            made_ms=self.now_ms,
            made_by=BY,
            from_ms=self.now_ms,
            until_ms=self.now_ms + 3 * DAY_MS,
            asked=name,
        )
        return replace(made, **change)

    async def do(self, name: str, kind: OperationKind, **change: Any) -> Operation:
        asked = Asked(self.operation(name, kind, **change))
        return await self.store.network.change(timetable_operations.carry_out, asked)

    async def change(self, name: str, lesson: str, change: Change, following: bool = False) -> Operation:
        operation = self.operation(name, OperationKind.CHANGE, course=self.course.id)
        asked = Asked(operation, LessonId(lesson), following, change)
        return await self.store.network.change(timetable_operations.carry_out, asked)

    async def undo(self, name: str, after_ms: int = MINUTE_MS) -> Operation:
        now_ms = self.now_ms + after_ms
        return await self.store.network.change(timetable_operations.undo, name, now_ms, BY)

    async def undo_refusal(self, name: str, after_ms: int = MINUTE_MS) -> UndoRefusal:
        with pytest.raises(UndoRefused) as refused:
            await self.undo(name, after_ms)
        return refused.value.refusal

    async def state(self, lesson: str) -> OfferState:
        found = await self.store.catalogue.offer(LessonId(lesson))
        assert found is not None
        return found.state

    async def told(self, person: str) -> list[tuple[str, str]]:
        """Kind and lesson, the latest first."""
        found = await self.store.network.read(notices.listed, PersonId(f"demo-{person}"))
        return [(each.kind, each.lesson) for each in found]


@pytest_asyncio.fixture
async def days(open_store: Any) -> AsyncIterator[Days]:
    store = await open_store()
    await seed_demo_network(store)
    days = Days(store)
    await days.offer("nine", days.nine)
    await days.offer("eleven", days.nine + 2 * HOUR_MS)
    await days.enrol("nine", "east-1")
    await days.enrol("nine", "west-1")
    yield days


async def test_a_districts_lessons_are_cancelled_and_everybody_is_told_once(days: Days) -> None:
    await days.offer("museum", days.nine, Path("/demo-city/demo-museum/"), master="demo-museum-master")
    done = await days.do("op", OperationKind.CANCEL)
    assert (done.lessons, done.classes) == (2, 2)
    assert await days.state("nine") is await days.state("eleven") is OfferState.CANCELLED
    assert await days.state("museum") is OfferState.OPEN
    for person in ("east-1-tutor", "east-1-student", "east-1-parent", "west-1-tutor", "west-1-parent"):
        assert await days.told(person) == [("cancel", "nine")], person
    assert sorted(await days.told("east-1-master")) == [("cancel", "eleven"), ("cancel", "nine")]
    assert done.people == 7
    for person in ("east-2-tutor", "east-1-student-home", "museum-master"):
        assert await days.told(person) == []
    # Sent again it is the same, and nobody hears of it twice.
    assert await days.do("op", OperationKind.CANCEL) == done
    assert await days.told("east-1-parent") == [("cancel", "nine")]
    with pytest.raises(OtherOperation):
        await days.do("op", OperationKind.ONLINE, asked="other")
    [last, *_] = await days.store.network.read(audit.listed, [EAST], limit=1)
    assert (last.deed.deed, last.deed.object, last.deed.body["lessons"]) == ("timetable-changed", "op", 2)


async def test_it_is_undone_within_ten_minutes(days: Days) -> None:
    await days.do("op", OperationKind.CANCEL)
    assert await days.undo_refusal("op", UNDO_MS) is UndoRefusal.LATE
    undone = await days.undo("op", UNDO_MS - 1)
    assert (undone.undone_by, await days.state("nine")) == (BY, OfferState.OPEN)
    assert await days.told("east-1-parent") == [("undo", "nine"), ("cancel", "nine")]
    assert await days.undo_refusal("op") is UndoRefusal.UNDONE
    [last, *_] = await days.store.network.read(audit.listed, [EAST], limit=1)
    assert (last.deed.deed, last.deed.object) == ("timetable-restored", "op")


async def test_who_is_in_a_cancelled_lesson_is_free_and_its_undoing_sees_it(days: Days) -> None:
    await days.do("op", OperationKind.CANCEL)
    west = Path("/demo-city/demo-west/demo-west-2/")
    await days.offer("other", days.nine, west, master="demo-west-2-master")
    await days.enrol("other", "west-1")
    with pytest.raises(Clashes) as clashes:
        await days.undo("op")
    assert {(each.who, each.id, each.lesson, each.other) for each in clashes.value.found} == {
        ("class", "demo-west-1-c1", "nine", "other"),
        ("tutor", "demo-west-1-tutor", "nine", "other"),
    }
    # Nothing of it was written.
    assert await days.state("nine") is OfferState.CANCELLED
    assert await days.told("east-1-parent") == [("cancel", "nine")]


async def test_nobody_enrols_in_what_is_cancelled(days: Days) -> None:
    await days.do("op", OperationKind.CANCEL)
    with pytest.raises(EnrolmentRefused) as refused:
        await days.enrol("nine", "east-2")
    assert refused.value.refusal is Refusal.CANCELLED


async def test_classes_of_a_place_move_online(days: Days) -> None:
    done = await days.do("op", OperationKind.ONLINE)
    assert (done.lessons, done.classes) == (1, 1)

    async def online() -> dict[str, bool]:
        found = await days.store.catalogue.enrolments_of(LessonId("nine"), [CITY])
        return {each.party: each.online for each in found}

    assert await online() == {"demo-east-1-c1": True, "demo-west-1-c1": False}
    assert await days.told("east-1-student") == [("online", "nine")]
    assert await days.told("west-1-student") == []
    with pytest.raises(BadOperation) as refused:
        await days.do("again", OperationKind.ONLINE)
    assert refused.value.fault is OperationFault.NOTHING
    await days.undo("op")
    assert await online() == {"demo-east-1-c1": False, "demo-west-1-c1": False}


async def test_a_preview_counts_and_changes_nothing(days: Days) -> None:
    asked = Asked(days.operation("op", OperationKind.CANCEL))
    with pytest.raises(Previewed) as previewed:
        await days.store.network.change(timetable_operations.carry_out, asked, preview=True)
    seen = previewed.value
    assert (seen.operation.lessons, seen.operation.classes, seen.operation.people) == (2, 2, 7)
    assert [step.lesson for step in seen.lessons] == ["nine", "eleven"]
    assert await days.state("nine") is OfferState.OPEN
    assert await days.told("east-1-parent") == []
    assert await days.store.network.read(timetable_operations.listed, [CITY]) == ()


async def test_a_change_of_one_lesson_and_of_all_that_follow(days: Days) -> None:
    moved = Change(starts_ms=days.nine + DAY_MS, room="301")
    await days.change("one", "nine", moved)
    found = await days.store.catalogue.enrolments_of(LessonId("nine"), [CITY])
    assert {each.starts_ms for each in found} == {days.nine + DAY_MS}
    latest = await days.store.network.read(timetable_operations.latest, ["nine", "eleven"])
    assert {name: each.before.starts_ms for name, each in latest.items()} == {"nine": days.nine}
    await days.undo("one")
    assert await days.store.network.read(timetable_operations.latest, ["nine"]) == {}
    renamed = Change(title="Lenses", master="demo-east-2-master", master_name="Wu")
    await days.change("both", "nine", renamed, following=True)
    for lesson in ("nine", "eleven"):
        offer = await days.store.catalogue.offer(LessonId(lesson))
        assert offer is not None and (offer.title, offer.master_name) == ("Lenses", "Wu")
    # Who leads it no longer hears of it as well as who does now.
    assert ("change", "eleven") in await days.told("east-1-master")
    assert ("change", "eleven") in await days.told("east-2-master")


async def test_a_change_that_would_be_in_the_way_names_whom(days: Days) -> None:
    with pytest.raises(Clashes) as clashes:
        await days.change("op", "nine", Change(starts_ms=days.nine + 2 * HOUR_MS + MINUTE_MS))
    assert [(each.who, each.id, each.other) for each in clashes.value.found] == [("master", MASTER, "eleven")]
    found = await days.store.catalogue.offer(LessonId("nine"))
    assert found is not None and found.starts_ms == days.nine


async def test_who_enrolled_since_keeps_a_change_from_being_undone(days: Days) -> None:
    await days.change("op", "nine", Change(starts_ms=days.nine + DAY_MS))
    days.now_ms += 1
    await days.enrol("nine", "east-2")
    days.now_ms -= 1
    assert await days.undo_refusal("op") is UndoRefusal.ENROLLED


async def test_two_operations_are_undone_the_last_first(days: Days) -> None:
    await days.change("first", "nine", Change(room="1"))
    await days.change("second", "nine", Change(room="2"))
    assert await days.undo_refusal("first") is UndoRefusal.CHANGED
    await days.undo("second")
    await days.undo("first")


async def test_a_lesson_stays_in_its_term(days: Days) -> None:
    term = Term("autumn", PlaceId("demo-city"), CITY, "Autumn", days.now_ms, days.nine + 12 * HOUR_MS, 1_000)
    await days.store.catalogue.put_term(term, days.now_ms, BY)
    with pytest.raises(BadOperation) as refused:
        await days.change("op", "nine", Change(starts_ms=days.nine + 2 * DAY_MS))
    assert refused.value.fault is OperationFault.TERM


async def series(days: Days, name: str, starts: list[int]) -> Operation:
    lessons: list[tuple[Lesson, OfferPlan]] = []
    for number, starts_ms in enumerate(starts):
        plan = OfferPlan(starts_ms, starts_ms + HOUR_MS, 50)
        made = planned(LessonId(f"{name}-{number}"), Plan("Light", starts_ms, starts_ms + HOUR_MS))
        lessons.append((made, plan))
    operation = days.operation(name, OperationKind.SERIES, path=EAST_1, course=days.course.id)
    return await days.store.network.change(timetable_operations.plan_series, operation, days.course, lessons)


async def test_a_series_is_planned_as_a_whole(days: Days) -> None:
    with pytest.raises(Clashes) as clashes:
        await series(days, "s", [days.nine + DAY_MS, days.nine + MINUTE_MS])
    assert [(each.lesson, each.other) for each in clashes.value.found] == [("s-1", "nine")]
    assert await days.store.lesson(LessonId("s-0")) is None
    done = await series(days, "s", [days.nine + DAY_MS, days.nine + 2 * DAY_MS])
    assert (done.lessons, await days.state("s-1")) == (2, OfferState.OPEN)
    await days.undo("s")
    assert await days.state("s-1") is OfferState.CANCELLED


async def test_of_two_at_once_one_is_done(days: Days) -> None:
    """And the other finds nothing left to do, or that there is one of its id."""
    both = [days.do(name, OperationKind.CANCEL) for name in ("a", "b")]
    done = await asyncio.gather(*both, return_exceptions=True)
    refused = [each for each in done if isinstance(each, Exception)]
    assert [type(each) for each in refused] == [BadOperation], done
    assert await days.told("east-1-parent") == [("cancel", "nine")]


def substitution(days: Days, name: str = "s", **change: Any) -> Substitution:
    made = Substitution(
        id=name,
        lesson=LessonId("nine"),
        class_id=ClassId("demo-east-1-c1"),
        path=EAST_1,
        instead_of="demo-east-1-tutor",
        person=PersonId("demo-east-1-tutor-home"),
        reason="ill",
        state=SubstitutionState.DECLARED,
        made_ms=days.now_ms,
        made_by=PersonId("demo-east-1-tutor"),
    )
    return replace(made, **change)


async def declare(days: Days, made: Substitution) -> SubstitutionRefusal | None:
    try:
        await days.store.network.change(substitutions.declare, made)
    except SubstitutionRefused as refused:
        return refused.refusal
    return None


async def test_a_substitute_tutor_is_declared_approved_and_undone(days: Days) -> None:
    network = days.store.network

    async def tutor() -> str:
        found = await days.store.catalogue.enrolment(LessonId("nine"), "demo-east-1-c1")
        assert found is not None
        return found.tutor

    assert await declare(days, substitution(days)) is None
    assert await declare(days, substitution(days, "t")) is SubstitutionRefusal.PENDING
    assert await tutor() == "demo-east-1-tutor"
    with pytest.raises(SubstitutionRefused) as refused:
        own = PersonId("demo-east-1-tutor")
        await network.change(substitutions.decide, "s", SubstitutionMove.APPROVE, days.now_ms, own)
    assert refused.value.refusal is SubstitutionRefusal.OWN
    done = await network.change(substitutions.decide, "s", SubstitutionMove.APPROVE, days.now_ms, BY)
    assert (done.state, await tutor()) == (SubstitutionState.APPROVED, "demo-east-1-tutor-home")
    # Who was replaced, who does it, the class and its parents; and no other class.
    for person in ("east-1-tutor", "east-1-tutor-home", "east-1-student", "east-1-parent"):
        assert await days.told(person) == [("substitute", "nine")], person
    assert await days.told("west-1-tutor") == []
    gone = await network.read(substitutions.replaced_since, days.now_ms)
    assert gone == ((LessonId("nine"), "demo-east-1-tutor", days.now_ms),)
    await days.undo(done.operation)
    found = await network.read(substitutions.find, "s")
    assert found is not None and found.state is SubstitutionState.UNDONE
    assert await tutor() == "demo-east-1-tutor"
    gone = await network.read(substitutions.replaced_since, days.now_ms)
    assert [person for _, person, _ in gone] == ["demo-east-1-tutor-home"]


async def test_a_substitute_master_has_one_lesson_at_a_time(days: Days) -> None:
    west = Path("/demo-city/demo-west/demo-west-2/")
    await days.offer("west", days.nine + MINUTE_MS, west, master="demo-west-2-master")
    made = substitution(
        days, class_id="", instead_of=MASTER, person=PersonId("demo-west-2-master"), path=EAST_1
    )
    assert await declare(days, made) is None
    decide = (substitutions.decide, "s", SubstitutionMove.APPROVE, days.now_ms, BY)
    with pytest.raises(Clashes) as clashes:
        await days.store.network.change(*decide)
    assert [(each.who, each.other) for each in clashes.value.found] == [("master", "west")]
    await days.do("op", OperationKind.CANCEL, path=west)
    assert (await days.store.network.change(*decide)).state is SubstitutionState.APPROVED
    offer = await days.store.catalogue.offer(LessonId("nine"))
    assert offer is not None and (offer.master, offer.master_name) == ("demo-west-2-master", "陈老师")


async def test_who_cannot_be_a_substitute(days: Days) -> None:
    for person, refusal in (
        ("demo-east-1-tutor", SubstitutionRefusal.SAME),
        ("demo-west-1-tutor", SubstitutionRefusal.OFFICE),
        ("demo-east-1-student", SubstitutionRefusal.OFFICE),
    ):
        assert await declare(days, substitution(days, person=PersonId(person))) is refusal
    await days.do("op", OperationKind.CANCEL)
    assert await declare(days, substitution(days)) is SubstitutionRefusal.BEGUN


async def test_classes_at_home_are_told(days: Days) -> None:
    home = (HomeClass(PersonId("demo-west-2-tutor-home"), 20, "home"),)
    await days.offer("home", days.nine + 4 * HOUR_MS, home=home)
    student = PersonId("demo-west-2-student")
    asked = Application(
        LessonId("home"), PartyKind.PERSON, student, Path("/demo-city/demo-west/demo-west-2/"), 1, student
    )
    await days.store.catalogue.ask(replace(asked, class_id=ClassId("demo-west-2-c1")), days.now_ms)
    await days.do("op", OperationKind.CANCEL)
    for person in ("west-2-student", "west-2-parent", "west-2-tutor-home"):
        assert await days.told(person) == [("cancel", "home")], person
    assert await days.told("west-2-tutor") == []
