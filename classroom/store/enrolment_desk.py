"""What a desk (`classroom.network.enrolment.Desk`) is made of, and what becomes of what it has decided: a few
queries for a whole group of requests, however many they are."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Select, Table, bindparam, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.catalogue import Course, CourseVisibility, OfferState
from classroom.network.enrolment import (
    Application,
    Busy,
    Desk,
    Enrolment,
    EnrolmentState,
    Home,
    PartyKind,
    Quota,
    Seats,
    Vacancy,
    WaitsFor,
    Withdrawal,
)
from classroom.network.model import Path
from classroom.planning import MAX_LENGTH_MS
from classroom.store import courses, enrolment_turns, mail_outbox
from classroom.store.catalogue_tables import courses as course_table
from classroom.store.catalogue_tables import enrolments, home_classes, network_notices, offers, quotas
from classroom.store.courses_rows import COURSE_COLUMNS, COURSE_PREFIX, course_of

Request = Application | Withdrawal
_BATCH_BYTES: Final = 12
Asked = Request | Vacancy
_e = enrolments.c
_UPDATE: Final = (
    update(enrolments)
    .where(_e.id == bindparam("at_id"))
    .values(
        {name: bindparam(f"to_{name}") for name in ("class_id", "state", "waits_for", "ended_ms", "ended_by")}
    )
)


_h, _q = home_classes.c, quotas.c
_SEATS: Final = (
    select(
        offers,
        *COURSE_COLUMNS,
        _q.allowed,
        _q.booked,
        _h.class_id.label("home_class"),
        _h.tutor_id.label("home_tutor"),
        _h.size.label("home_size"),
        _h.taken.label("home_taken"),
        _h.name.label("home_name"),
    )
    .select_from(
        offers.join(course_table, course_table.c.id == offers.c.course_id)
        .outerjoin(quotas, (_q.term_id == offers.c.term_id) & (_q.provider_id == course_table.c.provider_id))
        .outerjoin(home_classes, _h.lesson_id == offers.c.lesson_id)
    )
    .where(offers.c.lesson_id.in_(bindparam("lessons", expanding=True)))
    .order_by(offers.c.lesson_id, _h.position)
)
"""One question: a way to the database and back costs more than what is looked up there."""


class Overtaken(Exception):  # noqa: N818 - an answer, not a fault
    """A row was changed by somebody who took no turn."""


@dataclass(slots=True)
class Opened:
    """A desk, and what was in the database when it was made."""

    desk: Desk
    seats: dict[LessonId, tuple[int, int, int]]
    """Lesson -> taken, waiting, rooms."""
    homes: dict[tuple[LessonId, ClassId], int]
    quotas: dict[tuple[str, str], int]


async def open_desk(connection: AsyncConnection, asked: Sequence[Asked]) -> Opened:
    """For these requests; nobody else decides about what they are about until the transaction is over."""
    await enrolment_turns.begin(connection)
    lessons = sorted({lesson for each in asked for lesson in each.lessons})
    asking = {each.party for each in asked if not isinstance(each, Vacancy)}
    parties = asking | {
        name
        for each in asked
        if isinstance(each, Application)
        for name in (each.tutor, each.class_id)
        if name
    }
    turns = await enrolment_turns.take_places(connection, lessons, parties)
    return await read_desk(connection, lessons, asking, parties, _left(asked), turns)


def _left(asked: Iterable[Asked]) -> list[LessonId]:
    """Where places come free."""
    return sorted(
        {each.lessons[-1] for each in asked if not isinstance(each, Application) or each.instead_of}
    )


async def read_desk(
    connection: AsyncConnection,
    lessons: Sequence[LessonId],
    asking: Collection[str],
    parties: Collection[str],
    left: Collection[LessonId],
    turns: Collection[str],
) -> Opened:
    """asking: who asks for places or gives them back; parties: whose timetable counts, theirs, tutors' and
    classes'; left: lessons whose waiting list may move; turns: that were taken."""
    desk = Desk()
    rows = await _read_seats(connection, desk, lessons)
    quotas_ = {enrolment_turns.quota(*seats.quota) for seats in desk.seats.values() if seats.term}
    if connection.dialect.name == "postgresql" and not quotas_ <= set(turns):
        # A term came, and with it a quota that nobody holds the turn of.
        await enrolment_turns.take(connection, quotas_ - set(turns))
        rows = await _read_seats(connection, desk, lessons)
    for row in rows:
        if row.allowed is not None:
            desk.quotas[row.term_id, row.of_course_provider_id] = Quota(row.allowed, row.booked)
    await _read_standing(connection, desk, lessons, asking, left)
    waiters = {
        name
        for each in desk.standing.values()
        if each.state is EnrolmentState.WAITING
        for name in (each.party, each.tutor)
        if name
    }
    await _read_busy(connection, desk, set(parties) | waiters)
    return Opened(
        desk,
        {each.lesson: (each.taken, each.waiting, each.rooms) for each in desk.seats.values()},
        {(each.lesson, home.class_id): home.taken for each in desk.seats.values() for home in each.homes},
        {key: quota.booked for key, quota in desk.quotas.items()},
    )


async def _read_standing(
    connection: AsyncConnection,
    desk: Desk,
    lessons: Collection[LessonId],
    asking: Collection[str],
    left: Collection[LessonId],
) -> None:
    wanted = []
    if asking:
        wanted.append(_e.lesson_id.in_(padded(lessons)) & _e.party_id.in_(padded(asking)))
    if left:
        wanted.append(_e.lesson_id.in_(padded(left)) & (_e.state == EnrolmentState.WAITING))
    query = select(enrolments).where(_e.ended_ms.is_(None), or_(*wanted)).order_by(_e.number)
    for row in await connection.execute(query):
        found = enrolment_of(row)
        desk.standing[found.lesson, found.party] = found


async def _read_seats(
    connection: AsyncConnection, desk: Desk, lessons: Collection[LessonId]
) -> Sequence[Row[Any]]:
    """One row for each lesson and class at home, with the quota that it is counted in."""
    rows = (await connection.execute(_SEATS, {"lessons": padded(lessons)})).all()
    found = {row.course_id: course_of(row, prefix=COURSE_PREFIX) for row in rows}
    if any(course.visibility is CourseVisibility.NAMED for course in found.values()):
        found = await courses.with_named(connection, found.values())
    paired = {each.provider for each in found.values() if each.visibility is CourseVisibility.PAIRED}
    pairs = await courses.pairs(connection, paired) if paired else {}
    desk.seats.clear()
    for row in rows:
        lesson = LessonId(row.lesson_id)
        if lesson not in desk.seats:
            course: Course = found[row.course_id]
            desk.seats[lesson] = _seats(row, course, pairs.get(course.provider, frozenset()))
        if row.home_class:
            home = Home(ClassId(row.home_class), row.home_tutor, row.home_size, row.home_taken, row.home_name)
            desk.seats[lesson].homes.append(home)
    return rows


def _seats(row: Row[Any], course: Course, pairs: frozenset[str]) -> Seats:
    return Seats(
        lesson=LessonId(row.lesson_id),
        course=course,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        capacity=row.capacity,
        taken=row.taken,
        waiting=row.waiting,
        rooms=row.rooms,
        state=OfferState(row.state),
        term=row.term_id,
        pairs=pairs,
        settled=row.settled_ms is not None,
    )


async def _read_busy(connection: AsyncConnection, desk: Desk, parties: Collection[str]) -> None:
    """The lessons of these that may overlap with those that are asked for."""
    if not desk.seats or not parties:
        return
    first = min(seats.starts_ms for seats in desk.seats.values()) - MAX_LENGTH_MS
    last = max(seats.ends_ms for seats in desk.seats.values())
    enrolled = _e.state == EnrolmentState.ENROLLED
    open_ = offers.c.state == OfferState.OPEN
    at_home = home_classes.join(offers, offers.c.lesson_id == home_classes.c.lesson_id)
    # Who is enrolled in a lesson that was cancelled is free.
    enrolled_in = enrolments.join(offers, offers.c.lesson_id == _e.lesson_id)
    # One question: a wait for the database costs more than what it does.
    ways = (
        (enrolled_in, _e.party_id, enrolled & open_),
        (enrolled_in, _e.tutor_id, enrolled & open_),
        (offers, offers.c.master_id, open_),
        (at_home, home_classes.c.tutor_id, open_),
    )
    query = union_all(
        *(_busy(source, who, condition, parties, (first, last)) for source, who, condition in ways)
    )
    for row in await connection.execute(query):
        desk.busy[row.who].append(Busy(LessonId(row.lesson_id), row.starts_ms, row.ends_ms))


def _busy(
    source: Any, who: Any, condition: Any, parties: Collection[str], between: tuple[int, int]
) -> Select[Any]:
    c = _e if who.table is enrolments else offers.c
    return (
        select(who.label("who"), c.lesson_id, c.starts_ms, c.ends_ms)
        .select_from(source)
        .where(who.in_(padded(parties)), c.starts_ms > between[0], c.starts_ms < between[1], condition)
    )


def padded(values: Collection[str]) -> list[str]:
    """As many as a power of two, the last one again and again: few numbers of them, so that of each the
    database has the statement prepared."""
    known = sorted(values)
    wanted = 1 << (len(known) - 1).bit_length() if known else 0
    return known + known[-1:] * (wanted - len(known))


async def keep(connection: AsyncConnection, opened: Opened, now_ms: int) -> None:
    """Writes what the desk has decided. Raises Overtaken, and then nothing is to be written."""
    desk = opened.desk
    new = [_row(each) for each in desk.changed.values() if not each.number]
    if new:
        await connection.execute(insert(enrolments), new)
    known = [_change(each) for each in desk.changed.values() if each.number]
    if known:
        await connection.execute(_UPDATE, known)
    for seats in desk.seats.values():
        before = opened.seats[seats.lesson]
        if before == (seats.taken, seats.waiting, seats.rooms) and not _touched(desk, seats.lesson):
            continue
        await _keep_seats(connection, seats, before, now_ms)
        for home in seats.homes:
            if opened.homes[seats.lesson, home.class_id] != home.taken:
                at = (_h.lesson_id == seats.lesson) & (_h.class_id == home.class_id)
                await connection.execute(update(home_classes).where(at).values(taken=home.taken))
    for (term, provider), quota in desk.quotas.items():
        before_booked = opened.quotas[term, provider]
        if before_booked != quota.booked:
            at = (_q.term_id == term) & (_q.provider_id == provider) & (_q.booked == before_booked)
            await _once(connection, quotas, at, {"booked": quota.booked})
    await tell(connection, [_promotion(each, now_ms) for each in desk.promoted])


def _touched(desk: Desk, lesson: LessonId) -> bool:
    return any(each.lesson == lesson for each in desk.changed.values())


async def _keep_seats(
    connection: AsyncConnection, seats: Seats, before: tuple[int, int, int], now_ms: int
) -> None:
    o = offers.c
    at = (o.lesson_id == seats.lesson) & (o.taken == before[0]) & (o.waiting == before[1])
    values = {
        "taken": seats.taken,
        "waiting": seats.waiting,
        "rooms": seats.rooms,
        "wanted": o.wanted + 1,
        "changed_ms": now_ms,
    }
    await _once(connection, offers, at, values)


async def _once(connection: AsyncConnection, table: Table, at: Any, values: dict[str, Any]) -> None:
    if (await connection.execute(update(table).where(at).values(values))).rowcount != 1:
        raise Overtaken(table.name)


async def tell(connection: AsyncConnection, notices: Sequence[dict[str, Any]]) -> None:
    """Rows of network_notices (`notice`); with a letter each, where there is an address."""
    if notices:
        await connection.execute(insert(network_notices), list(notices))
    for each in notices:
        await mail_outbox.queue(connection, each["batch"], each["kind"], each["at_ms"])


def notice(
    person: str, kind: str, lesson: LessonId, at_ms: int, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    text = msgspec.json.encode(body or {}).decode()
    row = {"person_id": person, "kind": kind, "lesson_id": lesson, "at_ms": at_ms, "body": text}
    return row | {"batch": secrets.token_urlsafe(_BATCH_BYTES)}


def _promotion(each: Enrolment, now_ms: int) -> dict[str, Any]:
    """Who asked is told; of a class its tutor."""
    person = each.made_by if each.kind is PartyKind.PERSON else each.tutor or each.made_by
    moved_up = each.state is EnrolmentState.ENROLLED
    return notice(person, "moved-up" if moved_up else "lapsed", each.lesson, now_ms, {"party": each.party})


def _row(each: Enrolment) -> dict[str, Any]:
    return {
        "id": each.id,
        "lesson_id": each.lesson,
        "kind": each.kind,
        "party_id": each.party,
        "class_id": each.class_id,
        "path": each.path,
        "tutor_id": each.tutor,
        "places": each.places,
        "state": each.state,
        "waits_for": each.waits_for,
        "starts_ms": each.starts_ms,
        "ends_ms": each.ends_ms,
        "made_ms": each.made_ms,
        "made_by": each.made_by,
        "ended_ms": each.ended_ms,
        "ended_by": each.ended_by,
        "online": each.online,
    }


def _change(each: Enrolment) -> dict[str, Any]:
    return {
        "at_id": each.id,
        "to_class_id": each.class_id,
        "to_state": each.state,
        "to_waits_for": each.waits_for,
        "to_ended_ms": each.ended_ms,
        "to_ended_by": each.ended_by,
    }


def enrolment_of(row: Row[Any]) -> Enrolment:
    return Enrolment(
        id=row.id,
        lesson=LessonId(row.lesson_id),
        kind=PartyKind(row.kind),
        party=row.party_id,
        class_id=ClassId(row.class_id),
        path=Path(row.path),
        places=row.places,
        tutor=row.tutor_id,
        state=EnrolmentState(row.state),
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        made_ms=row.made_ms,
        made_by=PersonId(row.made_by),
        waits_for=WaitsFor(row.waits_for),
        ended_ms=row.ended_ms,
        ended_by=row.ended_by or "",
        number=row.number,
        online=row.online,
    )
