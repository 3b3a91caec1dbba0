"""Lessons of the catalogue that are over, settled once (`classroom.network.settlement`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.attendance import Report
from classroom.model import ClassId, Lesson, LessonId, LessonState, PersonId
from classroom.network.catalogue import OfferState
from classroom.network.enrolment import EnrolmentState
from classroom.network.model import Office, Path
from classroom.network.settlement import UNDONE_MS, Attended, CheckedInAs, Evidence, Settlement, settle
from classroom.network.timetable import OVERRUN_MS, TEACHERS_EARLY_MS
from classroom.store import audit, check_in, enrolment_turns
from classroom.store.audit import Deed
from classroom.store.catalogue_tables import (
    UNSETTLED,
    UNSETTLED_CANCELLED,
    attendances,
    courses,
    enrolments,
    offers,
    quotas,
)
from classroom.store.enrolment_desk import enrolment_of
from classroom.store.network_tables import appointments
from classroom.store.tables import lessons

AT_ONCE: Final = 100
"""Lessons in one look; what is left comes in the next."""
_o, _e, _l = offers.c, enrolments.c, lessons.c
_ATTENDED: Final = (
    update(enrolments).where(_e.id == bindparam("at_id")).values({"attended": bindparam("to_attended")})
)


def due(connection: Connection, now_ms: int) -> tuple[LessonId, ...]:
    """Lessons that are over, or that nobody can come into any more; those that were cancelled once that
    cannot be undone."""
    joined = offers.join(lessons, _l.id == _o.lesson_id)
    undone_ms = now_ms - UNDONE_MS
    cancelled = _l.state == LessonState.CANCELLED
    missed = _l.state.in_((LessonState.SCHEDULED, LessonState.OPEN)) & (_o.ends_ms <= now_ms - OVERRUN_MS)
    over = or_(_l.state == LessonState.ENDED, missed, cancelled & (_o.changed_ms <= undone_ms))
    began = _o.starts_ms <= now_ms + TEACHERS_EARLY_MS
    open_ = _o.state == OfferState.OPEN
    # Conditions of partial indexes, word by word: with a parameter in its place they would not be used.
    queries = (
        select(_o.lesson_id).select_from(joined).where(text(f"offers.{UNSETTLED}"), began, open_, over),
        select(_o.lesson_id).where(text(UNSETTLED_CANCELLED), _o.changed_ms <= undone_ms),
    )
    found: list[LessonId] = []
    for query in queries:
        found += [LessonId(each) for each in connection.execute(query.limit(AT_ONCE)).scalars()]
    return tuple(found)


async def settle_lesson(
    connection: AsyncConnection, lesson: Lesson, report: Report, now_ms: int
) -> tuple[Settlement, tuple[str, str]] | None:
    """With the quota that it was counted in: term and provider. None: it is settled already."""
    await enrolment_turns.begin(connection)
    await enrolment_turns.take(connection, [enrolment_turns.lesson(lesson.id)])
    query = select(offers, courses.c.provider_id).join(courses, courses.c.id == _o.course_id)
    row = (await connection.execute(query.where(_o.lesson_id == lesson.id))).one_or_none()
    if row is None or row.settled_ms is not None:
        return None
    await enrolment_turns.take(connection, [enrolment_turns.quota(row.term_id, row.provider_id)])
    standing = select(enrolments).where(_e.lesson_id == lesson.id, _e.ended_ms.is_(None)).order_by(_e.number)
    found = [enrolment_of(each) for each in await connection.execute(standing)]
    cancelled = row.state == OfferState.CANCELLED or lesson.state is LessonState.CANCELLED
    evidence = None if cancelled else await _evidence(connection, lesson, report, row.starts_ms)
    settlement = settle(found, evidence)
    await _keep(connection, row, settlement, now_ms)
    return settlement, (row.term_id, row.provider_id)


async def _evidence(connection: AsyncConnection, lesson: Lesson, report: Report, at_ms: int) -> Evidence:
    over_ms = lesson.ended_ms or (lesson.ends_ms or at_ms) + OVERRUN_MS
    found = await check_in.of_lesson(connection, lesson.id)
    checked_in = {
        PersonId(each.person): CheckedInAs(ClassId(each.class_id), each.found.result)
        for each in found
        if each.at_ms <= over_ms
    }
    at_home = frozenset(room.id for room in lesson.classes if room.at_home)
    return Evidence(report, checked_in, at_home, await _pupils(connection, at_home, at_ms))


async def _pupils(
    connection: AsyncConnection, classes: Collection[str], at_ms: int
) -> Mapping[str, Collection[PersonId]]:
    """Who was in which class then."""
    c = appointments.c
    query = select(c.class_id, c.person_id).where(
        c.class_id.in_(classes),
        c.office == Office.STUDENT,
        c.from_ms <= at_ms,
        or_(c.until_ms.is_(None), c.until_ms > at_ms),
        or_(c.revoked_ms.is_(None), c.revoked_ms > at_ms),
    )
    found: dict[str, list[PersonId]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.class_id, []).append(PersonId(row.person_id))
    return found


async def _keep(connection: AsyncConnection, offer: Row[Any], settlement: Settlement, now_ms: int) -> None:
    if settlement.attended:
        changes = [{"at_id": each, "to_attended": came} for each, came in settlement.attended.items()]
        await connection.execute(_ATTENDED, changes)
    waiting = (_e.lesson_id == offer.lesson_id) & (_e.state == EnrolmentState.WAITING)
    lapsed = {"state": EnrolmentState.LAPSED, "waits_for": "", "ended_ms": now_ms, "ended_by": ""}
    await connection.execute(update(enrolments).where(waiting).values(lapsed))
    if settlement.parts:
        about = {"lesson_id": offer.lesson_id, "starts_ms": offer.starts_ms}
        rows = [about | _row(each) for each in settlement.parts]
        await connection.execute(insert(attendances), rows)
    values = {"settled_ms": now_ms, "attended": settlement.came, "waiting": 0}
    values["changed_ms"] = now_ms  # the catalogue lists it no more
    await connection.execute(update(offers).where(_o.lesson_id == offer.lesson_id).values(values))
    if settlement.released:
        q = quotas.c
        at = (q.term_id == offer.term_id) & (q.provider_id == offer.provider_id)
        back = {"booked": q.booked - settlement.released}
        await connection.execute(update(quotas).where(at).values(back))
    told = {"booked": settlement.booked, "attended": settlement.came, "released": settlement.released}
    deed = Deed(now_ms, "", "lesson-settled", Path(offer.path), offer.lesson_id, told)
    await audit.record(connection, deed)


def _row(part: Attended) -> dict[str, Any]:
    return {
        "party_id": part.party,
        "kind": part.kind,
        "class_id": part.class_id,
        "path": part.path,
        "came": part.came,
        "minutes": part.minutes,
        "persons": part.persons,
    }
