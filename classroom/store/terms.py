"""Terms, and the providers' quotas in them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, case, exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId, PersonId
from classroom.network.catalogue import OfferState
from classroom.network.enrolment import EnrolmentState, WaitsFor
from classroom.network.model import ROOT, Path, PlaceId
from classroom.network.terms import Quota, Target, Term
from classroom.store import audit, enrolment_turns
from classroom.store.audit import Deed
from classroom.store.catalogue_tables import WITH_WAITING, courses, enrolments, offers, quotas, terms
from classroom.store.network_paths import within, within_any
from classroom.store.network_rows import add_unless_there
from classroom.store.network_tables import places

PAGE: Final = 200


async def book_term(connection: AsyncConnection, path: Path, provider: PlaceId, at_ms: int) -> str:
    """The term in which a provider's lesson at this time is counted, with the provider's quota in it; empty:
    in none."""
    found = await term_at(connection, path, at_ms)
    if found is None:
        return ""
    row = {"term_id": found.id, "provider_id": provider, "allowed": found.quota, "booked": 0}
    await add_unless_there(connection, quotas, row)
    return found.id


async def term_at(connection: AsyncConnection, path: Path, at_ms: int) -> Term | None:
    """In which a lesson of this place at this time is counted; of several, the one of the innermost place."""
    c = terms.c
    query = (
        select(terms)
        .where(c.path.in_(_above(path)), c.from_ms <= at_ms, at_ms < c.until_ms)
        .order_by(func.length(c.path).desc(), c.from_ms.desc())
    )
    row = (await connection.execute(query.limit(1))).one_or_none()
    return None if row is None else _term(row)


async def of_place(connection: AsyncConnection, path: Path, term: str, now_ms: int) -> Term | None:
    """This term, if it is one of the place's or of what that lies in; where none is named the one that holds
    now."""
    if not term:
        return await term_at(connection, path, now_ms)
    found = await find(connection, term)
    return found if found is not None and path.startswith(found.path) else None


def _above(path: Path) -> list[str]:
    """The paths of a place and of all that it lies in."""
    parts = path.split("/")[1:-1]
    return ["/" + "".join(f"{part}/" for part in parts[:count]) for count in range(1, len(parts) + 1)]


async def find(connection: AsyncConnection, term: str) -> Term | None:
    row = (await connection.execute(select(terms).where(terms.c.id == term))).one_or_none()
    return None if row is None else _term(row)


async def listed(connection: AsyncConnection, paths: Collection[Path], limit: int = PAGE) -> tuple[Term, ...]:
    """Of these places, of what lies within them and of what they lie in; the latest first."""
    query = select(terms).order_by(terms.c.from_ms.desc(), terms.c.id).limit(limit)
    if ROOT not in paths:
        outer = {each for path in paths for each in _above(path)}
        query = query.where(within_any(terms.c.path, paths) | terms.c.path.in_(outer))
    return tuple(_term(row) for row in await connection.execute(query))


async def put(connection: AsyncConnection, term: Term, now_ms: int, by: PersonId) -> bool | None:
    """Makes a term, or changes its name, quota and target: True: it is new; None: there is one of this id, of
    another place or other times. A new one takes in the lessons planned in it that are counted in none."""
    await enrolment_turns.begin(connection)
    row = _row(term)
    made = await add_unless_there(connection, terms, row | {"made_ms": now_ms})
    c = terms.c
    if not made:
        same = (c.id == term.id) & (c.place_id == term.place)
        same &= (c.from_ms == term.from_ms) & (c.until_ms == term.until_ms)
        if not (await connection.execute(update(terms).where(same).values(row))).rowcount:
            return None
    else:
        await _take_in(connection, term)
    told = {"name": term.name, "quota": term.quota, "target": term.target.activities}
    deed = "term-added" if made else "term-changed"
    await audit.record(connection, Deed(now_ms, by, deed, term.path, term.id, told))
    return made


async def _take_in(connection: AsyncConnection, term: Term) -> None:
    if connection.dialect.name == "postgresql":
        # Nobody takes or gives back places between the sum and the change.
        await connection.exec_driver_sql("LOCK TABLE offers IN SHARE ROW EXCLUSIVE MODE")
    c = offers.c
    counted = (c.term_id == "") & within(c.path, term.path)
    counted &= (c.starts_ms >= term.from_ms) & (c.starts_ms < term.until_ms)
    # What was booked and not attended has flown back.
    held = case((c.settled_ms.is_(None), c.taken), else_=c.attended)
    booked = (
        select(courses.c.provider_id, func.sum(held).label("booked"))
        .select_from(offers.join(courses, courses.c.id == c.course_id))
        .where(counted)
        .group_by(courses.c.provider_id)
    )
    rows = [
        {"term_id": term.id, "provider_id": row.provider_id, "allowed": term.quota, "booked": row.booked}
        for row in (await connection.execute(booked)).all()
    ]
    if rows:
        await connection.execute(insert(quotas), rows)
    await connection.execute(update(offers).where(counted).values(term_id=term.id))


async def quotas_of(
    connection: AsyncConnection, term: str, paths: Collection[Path], after: str = "", limit: int = PAGE
) -> tuple[tuple[Quota, str], ...]:
    """Of the providers within these places, with their names, by id after that one."""
    c = quotas.c
    query = (
        select(quotas, places.c.name)
        .join(places, places.c.id == c.provider_id)
        .where(c.term_id == term, c.provider_id > after)
        .order_by(c.provider_id)
        .limit(limit)
    )
    if ROOT not in paths:
        query = query.where(within_any(places.c.path, paths))
    rows = await connection.execute(query)
    return tuple((quota_of(row), str(row.name)) for row in rows)


async def set_quota(
    connection: AsyncConnection, quota: Quota, path: Path, now_ms: int, by: PersonId
) -> Quota:
    """How many it may give; less than are booked is possible, and books nothing more."""
    await enrolment_turns.begin(connection)
    await enrolment_turns.take(connection, [enrolment_turns.quota(quota.term, quota.provider)])
    ids = {"term_id": quota.term, "provider_id": quota.provider}
    if not await add_unless_there(connection, quotas, ids | {"allowed": quota.allowed, "booked": 0}):
        at = (quotas.c.term_id == quota.term) & (quotas.c.provider_id == quota.provider)
        await connection.execute(update(quotas).where(at).values(allowed=quota.allowed))
    told = {"term": quota.term, "allowed": quota.allowed}
    await audit.record(connection, Deed(now_ms, by, "quota-set", path, quota.provider, told))
    return await quota_in(connection, quota.term, quota.provider)


async def quota_in(connection: AsyncConnection, term: str, provider: PlaceId) -> Quota:
    """That is there."""
    at = (quotas.c.term_id == term) & (quotas.c.provider_id == provider)
    return quota_of((await connection.execute(select(quotas).where(at))).one())


async def wanting(
    connection: AsyncConnection, now_ms: int, term: str = "", provider: str = ""
) -> tuple[LessonId, ...]:
    """Lessons for which somebody waits because of a quota that has room by now, the soonest first; of one
    quota, or of all."""
    o, q, e = offers.c, quotas.c, enrolments.c
    waits = (e.lesson_id == o.lesson_id) & (e.state == EnrolmentState.WAITING)
    of_course = offers.join(courses, courses.c.id == o.course_id)
    query = (
        select(o.lesson_id)
        .select_from(
            of_course.join(quotas, (q.term_id == o.term_id) & (q.provider_id == courses.c.provider_id))
        )
        .where(text(f"offers.{WITH_WAITING}"), o.starts_ms > now_ms, o.state == OfferState.OPEN)
        .where(q.booked < q.allowed, exists().where(waits, e.waits_for == WaitsFor.QUOTA))
        .order_by(o.starts_ms)
    )
    if term:
        query = query.where(q.term_id == term, q.provider_id == provider)
    found = await connection.execute(query.limit(PAGE))
    return tuple(map(LessonId, found.scalars()))


def quota_of(row: Row[Any]) -> Quota:
    return Quota(row.term_id, PlaceId(row.provider_id), row.allowed, row.booked)


def _row(term: Term) -> dict[str, Any]:
    return {
        "id": term.id,
        "place_id": term.place,
        "path": term.path,
        "name": term.name,
        "from_ms": term.from_ms,
        "until_ms": term.until_ms,
        "quota": term.quota,
        "target": term.target.activities,
        "target_delivered": term.target.delivered,
        "delivered_grade": term.target.delivered_grade,
    }


def _term(row: Row[Any]) -> Term:
    return Term(
        id=row.id,
        place=PlaceId(row.place_id),
        path=Path(row.path),
        name=row.name,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        quota=row.quota,
        target=Target(row.target, row.target_delivered, row.delivered_grade),
    )
