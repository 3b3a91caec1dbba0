"""Courses, whom they are shown to, and the lessons that they offer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, Lesson, LessonId, PersonId
from classroom.network.catalogue import Course, HomeClass, Offer, OfferPlan, OfferState
from classroom.network.enrolment import Home
from classroom.network.model import ROOT, CourseId, Path, PlaceId
from classroom.planning import MAX_LENGTH_MS
from classroom.store import audit, enrolment_turns
from classroom.store.audit import Deed
from classroom.store.catalogue_tables import course_places, courses, home_classes, offers, place_pairs
from classroom.store.courses_rows import course_of, course_row, offer_of
from classroom.store.lesson_rows import insert_lesson
from classroom.store.network_paths import within_any
from classroom.store.network_rows import add_unless_there
from classroom.store.tables import lessons
from classroom.store.terms import book_term

PAGE: Final = 200
"""Courses, or lessons of one, in an answer."""


class MasterBusy(Exception):  # noqa: N818 - an answer, not a fault
    """Who is to lead the lesson leads another one then."""

    def __init__(self, other: Offer) -> None:
        super().__init__(other.lesson)
        self.other = other


class LessonTaken(Exception):  # noqa: N818 - an answer, not a fault
    """There is a lesson of this id."""


async def find(connection: AsyncConnection, course: CourseId) -> Course | None:
    row = (await connection.execute(select(courses).where(courses.c.id == course))).one_or_none()
    if row is None:
        return None
    named = await _named(connection, [course])
    return course_of(row, frozenset(named.get(course, ())))


async def listed(
    connection: AsyncConnection, paths: Collection[Path], after: str = "", limit: int = PAGE
) -> tuple[Course, ...]:
    """Of the providers within these places, by id after that one; drafts, too."""
    query = select(courses).where(courses.c.id > after).order_by(courses.c.id).limit(limit)
    if ROOT not in paths:
        query = query.where(within_any(courses.c.path, paths))
    rows = (await connection.execute(query)).all()
    named = await _named(connection, [row.id for row in rows])
    return tuple(course_of(row, frozenset(named.get(row.id, ()))) for row in rows)


async def put(connection: AsyncConnection, course: Course, now_ms: int, by: PersonId) -> bool | None:
    """Makes a course, or changes it as a whole: True: it is new; None: there is one of this id, of another
    provider."""
    await enrolment_turns.begin(connection)
    values = course_row(course) | {"changed_ms": now_ms}
    made = await add_unless_there(connection, courses, values | {"made_ms": now_ms, "made_by": by})
    if not made:
        at = (courses.c.id == course.id) & (courses.c.provider_id == course.provider)
        if not (await connection.execute(update(courses).where(at).values(values))).rowcount:
            return None
        # What the catalogue shows of its lessons has changed with it.
        of_course = offers.c.course_id == course.id
        await connection.execute(update(offers).where(of_course).values(changed_ms=now_ms))
        await connection.execute(delete(course_places).where(course_places.c.course_id == course.id))
    if course.named:
        rows = [{"course_id": course.id, "place_id": place} for place in sorted(course.named)]
        await connection.execute(insert(course_places), rows)
    told = {"state": course.state, "visibility": course.visibility, "title": course.title}
    deed = "course-added" if made else "course-changed"
    await audit.record(connection, Deed(now_ms, by, deed, course.path, course.id, told))
    return made


async def pairs(connection: AsyncConnection, places: Iterable[str]) -> dict[str, frozenset[str]]:
    """Place -> the schools that it is paired with."""
    found: dict[str, set[str]] = {}
    query = select(place_pairs).where(place_pairs.c.place_id.in_(list(places)))
    for row in await connection.execute(query):
        found.setdefault(row.place_id, set()).add(row.other_id)
    return {place: frozenset(others) for place, others in found.items()}


async def pair(
    connection: AsyncConnection, place: PlaceId, other: PlaceId, path: Path, now_ms: int, by: PersonId
) -> bool:
    """False: they were paired before."""
    row = {"made_ms": now_ms, "made_by": by}
    made = False
    for one, two in ((place, other), (other, place)):
        ids = {"place_id": one, "other_id": two}
        made |= await add_unless_there(connection, place_pairs, row | ids)
    if made:
        await audit.record(connection, Deed(now_ms, by, "schools-paired", path, place, {"with": other}))
        await _touch_paired(connection, (place, other), now_ms)
    return made


async def unpair(
    connection: AsyncConnection, place: PlaceId, other: PlaceId, path: Path, now_ms: int, by: PersonId
) -> bool:
    """False: they were not paired."""
    c = place_pairs.c
    both = ((c.place_id == place) & (c.other_id == other)) | ((c.place_id == other) & (c.other_id == place))
    if not (await connection.execute(delete(place_pairs).where(both))).rowcount:
        return False
    await audit.record(connection, Deed(now_ms, by, "schools-unpaired", path, place, {"with": other}))
    await _touch_paired(connection, (place, other), now_ms)
    return True


async def _touch_paired(connection: AsyncConnection, places: Sequence[str], now_ms: int) -> None:
    """Who sees their lessons has changed."""
    of_them = select(courses.c.id).where(courses.c.provider_id.in_(places))
    await connection.execute(update(offers).where(offers.c.course_id.in_(of_them)).values(changed_ms=now_ms))


async def offer(connection: AsyncConnection, lesson: LessonId) -> Offer | None:
    row = (await connection.execute(select(offers).where(offers.c.lesson_id == lesson))).one_or_none()
    return None if row is None else offer_of(row)


async def offers_of(
    connection: AsyncConnection, course: CourseId, after_ms: int = 0, limit: int = PAGE
) -> tuple[Offer, ...]:
    """By when they begin, after that time."""
    c = offers.c
    query = select(offers).where(c.course_id == course, c.starts_ms > after_ms)
    rows = await connection.execute(query.order_by(c.starts_ms, c.number).limit(limit))
    return tuple(map(offer_of, rows))


async def homes(connection: AsyncConnection, lessons_: Collection[str]) -> dict[str, list[Home]]:
    """The at-home classes of lessons, in their order."""
    found: dict[str, list[Home]] = {}
    c = home_classes.c
    query = select(home_classes).where(c.lesson_id.in_(lessons_)).order_by(c.lesson_id, c.position)
    for row in await connection.execute(query):
        home = Home(ClassId(row.class_id), row.tutor_id, row.size, row.taken, row.name)
        found.setdefault(row.lesson_id, []).append(home)
    return found


async def add_offers(
    connection: AsyncConnection,
    course: Course,
    planned: Sequence[tuple[Lesson, OfferPlan]],
    now_ms: int,
    by: PersonId,
) -> None:
    """Lessons of a course, with their rows of `lessons`, all or none. Raises LessonTaken, MasterBusy."""
    await enrolment_turns.begin(connection)
    masters = {plan.master or course.master for _, plan in planned} - {""}
    await enrolment_turns.take(connection, map(enrolment_turns.party, masters))
    for lesson, plan in planned:
        if await is_lesson(connection, lesson.id):
            raise LessonTaken(lesson.id)
        await _check_master(connection, plan.master or course.master, plan.starts_ms, plan.ends_ms)
        await insert_offers(connection, course, [(lesson, plan)], now_ms, by)


async def insert_offers(
    connection: AsyncConnection,
    course: Course,
    planned: Sequence[tuple[Lesson, OfferPlan]],
    now_ms: int,
    by: PersonId,
) -> None:
    """For who has looked whether they can be: new ids, and masters who are free."""
    for lesson, plan in planned:
        await insert_lesson(connection, lesson)
        term = await book_term(connection, course.path, course.provider, plan.starts_ms)
        row = offer_row(course, plan) | {
            "lesson_id": lesson.id,
            "term_id": term,
            "taken": 0,
            "waiting": 0,
            "rooms": 0,
            "state": OfferState.OPEN,
            # At-home classes are in the plan when somebody is in them.
            "wanted": 0,
            "planned": 0,
            "changed_ms": now_ms,
        }
        await connection.execute(insert(offers).values(row))
        if plan.home:
            await connection.execute(insert(home_classes), _home_rows(lesson.id, plan.home))
        told = {"course": course.id, "starts_ms": plan.starts_ms, "capacity": plan.capacity}
        await audit.record(connection, Deed(now_ms, by, "lesson-offered", course.path, lesson.id, told))


async def set_capacity(
    connection: AsyncConnection, lesson: LessonId, capacity: int, now_ms: int, by: PersonId
) -> Offer | None:
    """None: so many have places already, or the lesson has begun or was cancelled."""
    await enrolment_turns.begin(connection)
    await enrolment_turns.take(connection, [enrolment_turns.lesson(lesson)])
    c = offers.c
    at = (c.lesson_id == lesson) & (c.state == OfferState.OPEN) & (c.starts_ms > now_ms)
    change = update(offers).where(at, c.taken <= capacity).values(capacity=capacity, changed_ms=now_ms)
    if not (await connection.execute(change)).rowcount:
        return None
    changed = await offer(connection, lesson)
    assert changed is not None, "it was changed"
    told = {"capacity": capacity}
    await audit.record(connection, Deed(now_ms, by, "capacity-set", changed.path, lesson, told))
    return changed


async def _check_master(connection: AsyncConnection, master: str, starts_ms: int, ends_ms: int) -> None:
    c = offers.c
    query = select(offers).where(
        c.master_id == master,
        c.state == OfferState.OPEN,
        c.starts_ms > starts_ms - MAX_LENGTH_MS,
        c.starts_ms < ends_ms,
        c.ends_ms > starts_ms,
    )
    found = (await connection.execute(query.limit(1))).one_or_none() if master else None
    if found is not None:
        raise MasterBusy(offer_of(found))


def offer_row(course: Course, plan: OfferPlan) -> dict[str, object]:
    """What is planned of it."""
    named = bool(plan.master)
    return {
        "course_id": course.id,
        "path": course.path,
        "title": plan.title or course.title,
        "starts_ms": plan.starts_ms,
        "ends_ms": plan.ends_ms,
        "master_id": plan.master or course.master,
        "master_name": plan.master_name if named else course.master_name,
        "delivery": plan.delivery,
        "capacity": plan.capacity,
    }


def _home_rows(lesson: LessonId, home: Sequence[HomeClass]) -> list[dict[str, object]]:
    return [
        {
            "lesson_id": lesson,
            "class_id": f"{lesson[:54]}-home-{position + 1}",
            "position": position,
            "name": each.name,
            "tutor_id": each.tutor,
            "size": each.size,
            "taken": 0,
        }
        for position, each in enumerate(home)
    ]


async def same_offer(connection: AsyncConnection, course: Course, lesson: LessonId, plan: OfferPlan) -> bool:
    """Whether there is this lesson of this course, planned like this: the same request sent again."""
    row = (await connection.execute(select(offers).where(offers.c.lesson_id == lesson))).one_or_none()
    if row is None or any(row._mapping[name] != value for name, value in offer_row(course, plan).items()):
        return False
    known = (await homes(connection, [lesson])).get(lesson, [])
    return [(each.tutor, each.size) for each in known] == [(each.tutor, each.size) for each in plan.home]


async def is_lesson(connection: AsyncConnection, lesson: LessonId) -> bool:
    return (await connection.execute(select(lessons.c.id).where(lessons.c.id == lesson))).first() is not None


async def _named(connection: AsyncConnection, ids: Collection[str]) -> dict[str, set[PlaceId]]:
    found: dict[str, set[PlaceId]] = {}
    query = select(course_places).where(course_places.c.course_id.in_(ids))
    for row in await connection.execute(query):
        found.setdefault(row.course_id, set()).add(PlaceId(row.place_id))
    return found


async def with_named(connection: AsyncConnection, found: Iterable[Course]) -> dict[str, Course]:
    """By id, with the places that they are shown to."""
    known = {course.id: course for course in found}
    named = await _named(connection, list(known))
    return {
        course.id: replace(course, named=frozenset(named.get(course.id, ()))) for course in known.values()
    }
