"""What a crash left open is closed at the next start, with cause `server`, at the last time the server is
known to have lived: the last that was written of the lesson, or the last sign of life of the server,
whichever is later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.events import LeaveCause
from classroom.model import HandId, LessonId, LessonState, PersonId
from classroom.store import tables
from classroom.store.rows import close_presence_write, event_write, lower_hand_write, queue_write
from classroom.store.talk_rows import Write

_presence = tables.presence
_observations = tables.observations
_hands = tables.hands
_lessons = tables.lessons
_events = tables.events


async def recover(connection: AsyncConnection) -> int:
    """Closes what is open; how many presences and observations it were. Makes the server's row if there is
    none."""
    alive_ms = (await connection.execute(select(tables.server.c.alive_ms))).scalar()
    if alive_ms is None:
        await connection.execute(insert(tables.server).values(id=1, alive_ms=0))
    last = _LastKnown(connection, alive_ms or 0)
    closed = await _close_presences(connection, last) + await _close_observations(connection, last)
    await _lower_hands(connection, last)
    return closed


class _LastKnown:
    """Of each lesson: the last time something is known of it, and the number of its next event."""

    def __init__(self, connection: AsyncConnection, alive_ms: int) -> None:
        self._connection = connection
        self._alive_ms = alive_ms
        self._lessons: dict[str, tuple[int, int]] = {}
        self._started_ms: dict[str, int] = {}

    async def time_ms(self, lesson: str) -> int:
        return (await self._of(lesson))[0]

    async def take_number(self, lesson: str) -> int:
        time_ms, seq = await self._of(lesson)
        self._lessons[lesson] = (time_ms, seq + 1)
        return seq

    async def elapsed_ms(self, lesson: str, at_ms: int) -> int:
        """The lesson's clock at that time."""
        if lesson not in self._started_ms:
            table = tables.lessons.c
            found = await self._connection.execute(select(table.started_ms).where(table.id == lesson))
            self._started_ms[lesson] = found.scalar() or 0
        started_ms = self._started_ms[lesson]
        return max(0, at_ms - started_ms) if started_ms else 0

    async def _of(self, lesson: str) -> tuple[int, int]:
        if lesson not in self._lessons:
            query = select(func.max(_events.c.at_ms), func.max(_events.c.seq)).where(
                _events.c.lesson_id == lesson
            )
            at_ms, seq = (await self._connection.execute(query)).one()
            self._lessons[lesson] = (max(self._alive_ms, at_ms or 0), (seq or 0) + 1)
        return self._lessons[lesson]


async def _close_presences(connection: AsyncConnection, last: _LastKnown) -> int:
    found = await _open_rows(connection, select(_presence).where(_presence.c.left_ms.is_(None)))
    for row in found:
        lesson, person = LessonId(row.lesson_id), PersonId(row.person_id)
        left_ms = max(row.joined_ms, await last.time_ms(lesson))
        seq = await last.take_number(lesson)
        body = {"cause": LeaveCause.SERVER}
        await _carry_out(connection, close_presence_write(lesson, row.seq, left_ms, LeaveCause.SERVER))
        write = event_write(
            lesson,
            seq,
            left_ms,
            await last.elapsed_ms(lesson, left_ms),
            kind="person.left",
            person=person,
            body=body,
        )
        await _add_event(connection, write)
    return len(found)


async def _close_observations(connection: AsyncConnection, last: _LastKnown) -> int:
    found = await _open_rows(connection, select(_observations).where(_observations.c.ended_ms.is_(None)))
    for row in found:
        ended_ms = max(row.started_ms, await last.time_ms(row.lesson_id))
        await connection.execute(
            update(_observations)
            .where(_observations.c.id == row.id)
            .values(ended_ms=ended_ms, cause=LeaveCause.SERVER)
        )
    return len(found)


async def _lower_hands(connection: AsyncConnection, last: _LastKnown) -> None:
    """But those of a lesson that goes on are still up: `Store.begin_room` gives them to its room."""
    over = (LessonState.ENDED, LessonState.CANCELLED)
    going_on = select(_lessons.c.id).where(_lessons.c.state.not_in(over))
    query = select(_hands).where(_hands.c.lowered_ms.is_(None), _hands.c.lesson_id.not_in(going_on))
    for row in await _open_rows(connection, query):
        lesson, hand = LessonId(row.lesson_id), HandId(row.id)
        lowered_ms = max(row.raised_ms, await last.time_ms(lesson))
        seq = await last.take_number(lesson)
        await _carry_out(connection, lower_hand_write(lesson, hand, lowered_ms, None))
        write = event_write(
            lesson,
            seq,
            lowered_ms,
            await last.elapsed_ms(lesson, lowered_ms),
            kind="hand.lowered",
            person=None,
            body={"hand": hand},
        )
        await _add_event(connection, write)


async def _open_rows(connection: AsyncConnection, query: Select[Any]) -> Sequence[Row[Any]]:
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found


async def _add_event(connection: AsyncConnection, write: Write) -> None:
    await _carry_out(connection, write)
    await _carry_out(connection, queue_write(write.row))


async def _carry_out(connection: AsyncConnection, write: Write) -> None:
    await connection.execute(write.statement, write.row)
