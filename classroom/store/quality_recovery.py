"""What a crash left of the quality record: seconds that were noted and had not become rows yet.

At the next start they become rows, without what the streams did. A second that is in a row already is left
out: rows are written long before the notes of their seconds are forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId, PersonId
from classroom.quality import PERIOD_S, SECOND_BYTES, UNKNOWN, Period
from classroom.quality import noted as noted_seconds
from classroom.store import tables
from classroom.store.rows import quality_writes

_SECOND_MS = 1000
_SLACK_MS = _SECOND_MS // 2
"""Seconds are never further off: a timer is late, a clock is set right."""

Noted = tuple[int, bytes]
"""When a second began, and what it is."""


async def recover_quality(connection: AsyncConnection) -> int:
    """Makes rows of what was noted; how many seconds of people it were."""
    table = tables.quality_latest
    found = await connection.execute(select(table).order_by(table.c.lesson_id, table.c.at_ms))
    recovered = 0
    for lesson, rows in groupby(found.all(), lambda row: LessonId(row.lesson_id)):
        noted: dict[str, list[Noted]] = {}
        for row in rows:
            for person, second in _seconds(row.people, row.packed):
                noted.setdefault(person, []).append((row.at_ms, second))
        recovered += await _recover_lesson(connection, lesson, noted)
    await connection.execute(delete(table))
    return recovered


async def _recover_lesson(
    connection: AsyncConnection, lesson: LessonId, noted: dict[str, list[Noted]]
) -> int:
    q = tables.quality.c
    ends = select(q.person_id, func.max(q.started_ms + q.seconds * _SECOND_MS)).where(q.lesson_id == lesson)
    known = {row[0]: row[1] for row in await connection.execute(ends.group_by(q.person_id))}
    p = tables.presence.c
    came = select(p.person_id, p.class_id).where(p.lesson_id == lesson, p.person_id.in_(noted))
    classes = {row[0]: row[1] or "" for row in await connection.execute(came.order_by(p.seq))}
    recovered = 0
    for person, seconds in noted.items():
        missing = [each for each in seconds if each[0] >= known.get(person, 0) - _SLACK_MS]
        recovered += len(missing)
        for run in _runs(missing):
            packed = b"".join(second for _, second in run)
            period = Period(PersonId(person), run[0][0], packed)
            for write in quality_writes(lesson, classes.get(person, ""), period):
                await connection.execute(write.statement, write.row)
    return recovered


def _seconds(people: str, packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Of those who were measured."""
    everybody = people.split("\n")
    for person, second in zip(everybody, noted_seconds(packed, len(everybody)), strict=True):
        if len(second) == SECOND_BYTES and second[0] != UNKNOWN:
            yield person, second


def _runs(noted: list[Noted]) -> Iterator[list[Noted]]:
    """Seconds that follow each other, as many as a row holds."""
    run: list[Noted] = []
    for each in noted:
        if run and (each[0] - run[-1][0] > _SECOND_MS + _SLACK_MS or len(run) == PERIOD_S):
            yield run
            run = []
        run.append(each)
    if run:
        yield run
