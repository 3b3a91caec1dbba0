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
    lessons = sorted({each.lesson for each in asked})
    asking = {each.party for each in asked if not isinstance(each, Vacancy)}
    parties = asking | {
        name
        for each in asked
        if isinstance(each, Application)
        for name in (each.tutor, each.class_id)
        if name
    }
    turns = {enrolment_turns.lesson(lesson) for lesson in lessons}
    await enrolment_turns.take(connection, turns | {enrolment_turns.party(party) for party in parties})
    return await read_desk(connection, lessons, asking, parties, _left(asked))


def _left(asked: Iterable[Asked]) -> list[LessonId]:
    """Where places come free."""
    return sorted({each.lesson for each in asked if not isinstance(each, Application)})


async def read_desk(
    connection: AsyncConnection,
    lessons: Sequence[LessonId],
    asking: Collection[str],
    parties: Collection[str],
    left: Collection[LessonId],
) -> Opened:
    """asking: who asks for places or gives them back; parties: whose timetable counts, theirs, tutors' and
    classes'; left: lessons whose waiting list may move."""
    desk = Desk()
    await _read_seats(connection, desk, lessons)
    await _read_quotas(connection, desk)
    standing = _e.lesson_id.in_(lessons) & _e.party_id.in_(asking)
    waiting = _e.lesson_id.in_(left) & (_e.state == EnrolmentState.WAITING)
    query = select(enrolments).where(_e.ended_ms.is_(None), or_(standing, waiting)).order_by(_e.number)
    for row in await connection.execute(query):
        found = enrolment_of(row)
        desk.standing[found.lesson, found.party] = found
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


async def _read_seats(connection: AsyncConnection, desk: Desk, lessons: Sequence[LessonId]) -> None:
    joined = offers.join(course_table, course_table.c.id == offers.c.course_id)
    query = select(offers, *COURSE_COLUMNS).select_from(joined).where(offers.c.lesson_id.in_(lessons))
    rows = (await connection.execute(query)).all()
    known = await courses.with_named(connection, [course_of(row, prefix=COURSE_PREFIX) for row in rows])
    paired = [course for course in known.values() if course.visibility is CourseVisibility.PAIRED]
    pairs = await courses.pairs(connection, {course.provider for course in paired}) if paired else {}
    homes = await courses.homes(connection, lessons)
    for row in rows:
        course: Course = known[row.course_id]
        desk.seats[LessonId(row.lesson_id)] = Seats(
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
            homes=homes.get(row.lesson_id, []),
            pairs=pairs.get(course.provider, frozenset()),
            settled=row.settled_ms is not None,
        )


async def _read_quotas(connection: AsyncConnection, desk: Desk) -> None:
    wanted = {seats.quota for seats in desk.seats.values() if seats.term}
    if not wanted:
        return
    await enrolment_turns.take(connection, [enrolment_turns.quota(*key) for key in wanted])
    terms, providers = {term for term, _ in wanted}, {provider for _, provider in wanted}
    query = select(quotas).where(quotas.c.term_id.in_(terms), quotas.c.provider_id.in_(providers))
    for row in await connection.execute(query):
        desk.quotas[row.term_id, row.provider_id] = Quota(row.allowed, row.booked)


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
        .where(who.in_(parties), c.starts_ms > between[0], c.starts_ms < between[1], condition)
    )


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
                h = home_classes.c
                at = (h.lesson_id == seats.lesson) & (h.class_id == home.class_id)
                await connection.execute(update(home_classes).where(at).values(taken=home.taken))
    for (term, provider), quota in desk.quotas.items():
        before_booked = opened.quotas[term, provider]
        if before_booked != quota.booked:
            q = quotas.c
            at = (q.term_id == term) & (q.provider_id == provider) & (q.booked == before_booked)
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
