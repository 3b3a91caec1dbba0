"""Classes of schools, whatever lessons they are in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, PersonId
from classroom.network.model import Path, PlaceId, PlaceKind, SchoolClass
from classroom.store import audit, network_places
from classroom.store.audit import Deed
from classroom.store.network_paths import within_any
from classroom.store.network_rows import add_unless_there
from classroom.store.network_tables import appointments, school_classes

PAGE: Final = 500
"""Classes in one answer: some 80 KB."""
_c = school_classes.c
_FIND: Final = select(school_classes).where(_c.id == bindparam("class_id"))


async def find(connection: AsyncConnection, class_id: ClassId) -> SchoolClass | None:
    row = (await connection.execute(select(school_classes).where(_c.id == class_id))).one_or_none()
    return None if row is None else _class(row)


def look_up(connection: Connection, class_id: ClassId) -> SchoolClass | None:
    row = connection.execute(_FIND, {"class_id": class_id}).one_or_none()
    return None if row is None else _class(row)


async def named(connection: AsyncConnection, ids: Collection[str]) -> dict[ClassId, SchoolClass]:
    """Those of these that there are."""
    found = await connection.execute(select(school_classes).where(_c.id.in_(ids)))
    return {ClassId(row.id): _class(row) for row in found}


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    closed: bool = False,
    after: str = "",
    limit: int = PAGE,
) -> tuple[SchoolClass, ...]:
    """Within these places, by id after that one. closed: these, too."""
    query = select(school_classes).where(within_any(_c.path, paths), _c.id > after)
    if not closed:
        query = query.where(_c.closed_ms.is_(None))
    return tuple(_class(row) for row in await connection.execute(query.order_by(_c.id).limit(limit)))


async def add(connection: AsyncConnection, made: SchoolClass, now_ms: int, by: str) -> SchoolClass | None:
    """With the path of its school. None: the school is not there, is closed or is no school, or there is a
    class of this id."""
    school = await network_places.find(connection, made.school, hold=True)
    if school is None or school.kind is not PlaceKind.SCHOOL or school.closed_ms is not None:
        return None
    made = replace(made, path=school.path)
    row = _planned(made) | {"id": made.id, "school_id": made.school, "path": made.path}
    if not await add_unless_there(connection, school_classes, row):
        return None
    await audit.record(connection, Deed(now_ms, by, "class-added", made.path, made.id, _planned(made)))
    return made


async def change(connection: AsyncConnection, changed: SchoolClass, now_ms: int, by: str) -> bool:
    """What is planned of it. False: there is none, or it is closed."""
    done = await connection.execute(
        update(school_classes).where(_c.id == changed.id, _c.closed_ms.is_(None)).values(_planned(changed))
    )
    if done.rowcount:
        told = _planned(changed)
        await audit.record(connection, Deed(now_ms, by, "class-changed", changed.path, changed.id, told))
    return bool(done.rowcount)


async def close(connection: AsyncConnection, closed: SchoolClass, now_ms: int, by: str, reason: str) -> bool:
    """Its pupils and tutors are of no class from now on. False: there is none, or it was closed before."""
    done = await connection.execute(
        update(school_classes).where(_c.id == closed.id, _c.closed_ms.is_(None)).values(closed_ms=now_ms)
    )
    if not done.rowcount:
        return False
    held = appointments.c
    revoked = await connection.execute(
        update(appointments)
        .where(held.class_id == closed.id, held.revoked_ms.is_(None))
        .values(revoked_ms=now_ms, revoked_by=by)
    )
    told = {"reason": reason, "appointments": revoked.rowcount}
    await audit.record(connection, Deed(now_ms, by, "class-closed", closed.path, closed.id, told))
    return True


def _planned(planned: SchoolClass) -> dict[str, Any]:
    return {
        "name": planned.name,
        "grade": planned.grade,
        "at_home": planned.at_home,
        "pupils": planned.pupils,
        "tutor_id": planned.tutor,
    }


def _class(row: Row[Any]) -> SchoolClass:
    return SchoolClass(
        id=ClassId(row.id),
        school=PlaceId(row.school_id),
        path=Path(row.path),
        name=row.name,
        grade=row.grade,
        at_home=row.at_home,
        pupils=row.pupils,
        tutor=None if row.tutor_id is None else PersonId(row.tutor_id),
        closed_ms=row.closed_ms,
    )
