"""Lessons that somebody has supervised and said nothing of yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonState, PersonId, Role
from classroom.store.library_tables import library_watching
from classroom.store.supervision_tables import reviews
from classroom.store.tables import lessons, observations

LISTED: Final = 100
"""What was looked at before that many others is found in the library."""


@dataclass(frozen=True, slots=True)
class Due:
    """A lesson that is over and waits for a supervisor's form."""

    lesson: str
    title: str
    started_ms: int
    ended_ms: int
    looked_ms: int
    """When the supervisor last came into it, or watched its recording."""


async def due(connection: AsyncConnection, person: PersonId) -> tuple[Due, ...]:
    """What this supervisor looked at last comes first."""
    o, w, c, r = observations.c, library_watching.c, lessons.c, reviews.c
    looked = union_all(
        select(o.lesson_id, o.started_ms.label("at_ms")).where(o.person_id == person),
        select(w.lesson_id, w.updated_ms).where(w.person_id == person, w.role == Role.SUPERVISOR),
    ).subquery()
    at_ms = func.max(looked.c.at_ms).label("looked_ms")
    said = exists().where(r.lesson_id == looked.c.lesson_id, r.supervisor_id == person)
    query = (
        select(looked.c.lesson_id.label("lesson"), c.title, c.started_ms, c.ended_ms, at_ms)
        .join(lessons, c.id == looked.c.lesson_id)
        .where(c.state == LessonState.ENDED, ~said)
        .group_by(looked.c.lesson_id, c.title, c.started_ms, c.ended_ms)
        .order_by(at_ms.desc(), looked.c.lesson_id)
        .limit(LISTED)
    )
    return tuple(Due(**row._mapping) for row in await connection.execute(query))
