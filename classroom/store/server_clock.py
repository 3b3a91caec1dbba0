"""The clock by which a server's lessons go, from one start of the server to the next.

Written beside each other with every commit: what time it was, and how long the machine had been up. A server
that starts in the middle of a lesson goes on from there (`clock.time_after`), so neither a wall clock that
is set while it runs, nor one that is set before it is back, moves the lesson's clock or anybody's minutes of
presence. With no lesson to go on with the wall clock is right.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.clock import Clock, Reading, SteadyClock, Uptime, time_after
from classroom.model import LessonState
from classroom.store import tables


async def server_clock(connection: AsyncConnection, clock: Clock, uptime: Uptime) -> SteadyClock:
    last = await _last_reading(connection)
    if last is None or not await _goes_on(connection):
        return SteadyClock(clock)
    return SteadyClock(clock, time_after(last, uptime, clock.unix_ms()))


async def _last_reading(connection: AsyncConnection) -> Reading | None:
    row = (await connection.execute(select(tables.server).where(tables.server.c.id == 1))).one_or_none()
    if row is None or not row.alive_ms:
        return None
    return Reading(row.alive_ms, Uptime(row.boot, row.uptime_ms))


async def _goes_on(connection: AsyncConnection) -> bool:
    """Whether the server went in the middle of a lesson."""
    lessons = tables.lessons.c
    query = select(lessons.id).where(lessons.state == LessonState.LIVE).limit(1)
    return (await connection.execute(query)).first() is not None
