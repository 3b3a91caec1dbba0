"""Check-in: what was opened, who checked in, and how long the evidence is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.check_in import CheckIn, Face, Found, Result, Spot, Way
from classroom.store.insert_once import insert_once
from classroom.store.network_tables import school_classes
from classroom.store.supervision_tables import check_ins, checked_in

LISTED: Final = 10_000
"""People of one lesson: twice as many as a room takes."""
SWEPT_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """One person's."""

    lesson: str
    person: str
    class_id: str
    name: str
    at_ms: int
    found: Found
    accuracy_m: int | None = None
    by: str = ""
    """Who said so."""
    picture: str = ""
    """Id of the evidence; empty: there is none."""
    picture_until_ms: int | None = None
    face: Face = Face.NONE


async def put(connection: AsyncConnection, check_in: CheckIn, by: str) -> bool:
    """Opens it, or changes it; True: it is new."""
    spot = check_in.place
    row = {
        "latitude": None if spot is None else spot.latitude,
        "longitude": None if spot is None else spot.longitude,
        "radius_m": check_in.radius_m,
        "opens_ms": check_in.opens_ms,
        "late_ms": check_in.late_ms,
        "closes_ms": check_in.closes_ms,
        "picture": check_in.picture,
        "opened_by": by,
    }
    key = {"lesson_id": check_in.lesson, "class_id": check_in.class_id}
    at = (check_ins.c.lesson_id == check_in.lesson) & (check_ins.c.class_id == check_in.class_id)
    if await insert_once(connection, check_ins, key | row):
        return True
    await connection.execute(update(check_ins).where(at).values(row))
    return False


async def find(connection: AsyncConnection, lesson: str, class_id: str = "") -> CheckIn | None:
    """What somebody of the class has: its own, else that of all."""
    c = check_ins.c
    query = select(check_ins).where(c.lesson_id == lesson, c.class_id.in_((class_id, "")))
    row = (await connection.execute(query.order_by(c.class_id.desc()).limit(1))).one_or_none()
    return None if row is None else _check_in(row)


async def latest_place(connection: AsyncConnection, class_id: str) -> CheckIn | None:
    """Where the class's school last checked in at a place: it will be there again."""
    c, k = check_ins.c, school_classes.c
    same = select(k.id).where(k.school_id.in_(select(k.school_id).where(k.id == class_id)))
    query = (
        select(check_ins)
        .where(or_(c.class_id == class_id, c.class_id.in_(same)), c.class_id != "", c.latitude.is_not(None))
        .order_by(c.opens_ms.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _check_in(row)


def _check_in(row: Row[Any]) -> CheckIn:
    return CheckIn(
        lesson=row.lesson_id,
        opens_ms=row.opens_ms,
        late_ms=row.late_ms,
        closes_ms=row.closes_ms,
        place=None if row.latitude is None else Spot(row.latitude, row.longitude),
        radius_m=row.radius_m,
        picture=row.picture,
        class_id=row.class_id,
    )


async def check_in(connection: AsyncConnection, one: CheckedIn) -> CheckedIn:
    """The first one counts: whoever checks in again gets what stands already."""
    row = {
        "lesson_id": one.lesson,
        "person_id": one.person,
        "class_id": one.class_id,
        "name": one.name,
        "at_ms": one.at_ms,
        "result": one.found.result,
        "way": one.found.way,
        "distance_m": one.found.distance_m,
        "accuracy_m": one.accuracy_m,
        "by_id": one.by,
        "picture_id": "",
        "picture_until_ms": None,
        "face": Face.NONE,
    }
    if await insert_once(connection, checked_in, row):
        return one
    return await person(connection, one.lesson, one.person) or one


async def person(connection: AsyncConnection, lesson: str, who: str) -> CheckedIn | None:
    c = checked_in.c
    query = select(checked_in).where(c.lesson_id == lesson, c.person_id == who)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _one(row)


async def of_lesson(connection: AsyncConnection, lesson: str, class_id: str = "") -> tuple[CheckedIn, ...]:
    """In the order in which they came; of one class, or of all."""
    c = checked_in.c
    query = select(checked_in).where(c.lesson_id == lesson).order_by(c.at_ms, c.person_id).limit(LISTED)
    if class_id:
        query = query.where(c.class_id == class_id)
    return tuple(_one(row) for row in await connection.execute(query))


async def add_picture(
    connection: AsyncConnection, lesson: str, who: str, picture: str, until_ms: int
) -> bool:
    """False: there is one already, or nobody has checked in."""
    c = checked_in.c
    at = (c.lesson_id == lesson) & (c.person_id == who) & (c.picture_id == "")
    row = {"picture_id": picture, "picture_until_ms": until_ms}
    return bool((await connection.execute(update(checked_in).where(at).values(row))).rowcount)


async def found_face(connection: AsyncConnection, lesson: str, who: str, face: Face) -> None:
    c = checked_in.c
    at = (c.lesson_id == lesson) & (c.person_id == who)
    await connection.execute(update(checked_in).where(at).values(face=face))


async def over(connection: AsyncConnection, now_ms: int) -> tuple[CheckedIn, ...]:
    """Whose evidence is to go."""
    c = checked_in.c
    query = select(checked_in).where(c.picture_until_ms <= now_ms).order_by(c.picture_until_ms)
    return tuple(_one(row) for row in await connection.execute(query.limit(SWEPT_AT_ONCE)))


async def forget_pictures(connection: AsyncConnection, pictures: tuple[str, ...]) -> None:
    """Their files are gone."""
    c = checked_in.c
    row = {"picture_id": "", "picture_until_ms": None}
    await connection.execute(update(checked_in).where(c.picture_id.in_(pictures)).values(row))


def _one(row: Row[Any]) -> CheckedIn:
    return CheckedIn(
        lesson=row.lesson_id,
        person=row.person_id,
        class_id=row.class_id,
        name=row.name,
        at_ms=row.at_ms,
        found=Found(Result(row.result), Way(row.way), row.distance_m),
        accuracy_m=row.accuracy_m,
        by=row.by_id,
        picture=row.picture_id,
        picture_until_ms=row.picture_until_ms,
        face=Face(row.face),
    )
