"""Enrolments: many requests in one transaction, decided by the rules of `classroom.network.enrolment`.

Theory of operation
-------------------
A commit waits for the disk, and SQLite has one writer; so requests that come while a transaction is under way
wait for it together and share the next one. Alone, a request waits for nobody; in a storm a transaction
carries `BATCH` of them, and its cost is shared. Requests are decided in the order in which they came. What is
about the same lesson or party on another server waits for its turn in the database (`enrolment_turns`)."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId
from classroom.network.enrolment import (
    Application,
    Enrolment,
    EnrolmentRefused,
    EnrolmentState,
    PartyKind,
    Vacancy,
    Withdrawal,
)
from classroom.network.model import ROOT, Path
from classroom.store.catalogue_tables import enrolments
from classroom.store.enrolment_desk import Asked, Opened, Overtaken, Request, enrolment_of, keep, open_desk
from classroom.store.network_paths import within_any
from classroom.store.network_tables import places, school_classes
from classroom.store.outbox import StoreUnavailable, Transaction
from classroom.store.tables import people

BATCH: Final = 128
"""Requests in one transaction: some 30 ms of work, for which others wait."""
MAX_QUEUED: Final = 5_000
"""Ten seconds of the busiest minute that was planned for; who comes on top is told to come again."""
ATTEMPTS: Final = 3
"""Of a transaction that was overtaken."""
ID_BYTES: Final = 12
PAGE: Final = 500

_e = enrolments.c


@dataclass(slots=True, eq=False)
class _Waiting:
    asked: Asked
    now_ms: int
    done: asyncio.Future[Enrolment | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Enroller:
    """One for all requests to a database from this server."""

    def __init__(self, change: Transaction, changed: Callable[[Iterable[LessonId]], None]) -> None:
        """changed: hears of lessons in which who is enrolled is not who was."""
        self._change = change
        self._changed = changed
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def ask(self, asked: Request, now_ms: int) -> Enrolment:
        """As it is from now on. Raises EnrolmentRefused, StoreUnavailable."""
        made = await self._ask(asked, now_ms)
        assert made is not None, "whoever asks is answered"
        return made

    async def move_up(self, lesson: LessonId, now_ms: int) -> None:
        """Gives what is free to those who wait. Raises StoreUnavailable."""
        await self._ask(Vacancy(lesson), now_ms)

    async def _ask(self, asked: Asked, now_ms: int) -> Enrolment | None:
        if len(self._queue) >= MAX_QUEUED:
            raise StoreUnavailable("too many enrolments at once")
        waiting = _Waiting(asked, now_ms)
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._serve(), name="enrolments")
        return await waiting.done

    async def _serve(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                answers: Sequence[Enrolment | Exception | None]
                try:
                    answers = await self._decide(batch)
                except Exception as error:  # whoever asked is told
                    answers = [error] * len(batch)
                else:
                    self._changed({lesson for waiting in batch for lesson in waiting.asked.lessons})
                for waiting, answer in zip(batch, answers, strict=True):
                    if waiting.done.done():
                        continue  # whoever asked has gone
                    if isinstance(answer, Exception):
                        waiting.done.set_exception(answer)
                    else:
                        waiting.done.set_result(answer)
        finally:
            self._task = None

    async def _decide(self, batch: Sequence[_Waiting]) -> Sequence[Enrolment | Exception | None]:
        for attempt in range(ATTEMPTS):
            try:
                return await self._change(lambda connection: _decide(connection, batch))
            except Overtaken:
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("answered or raised")


async def _decide(
    connection: AsyncConnection, batch: Sequence[_Waiting]
) -> Sequence[Enrolment | EnrolmentRefused | None]:
    opened = await open_desk(connection, [waiting.asked for waiting in batch])
    answers = [_answer(opened, waiting) for waiting in batch]
    if opened.desk.changed:
        await keep(connection, opened, max(waiting.now_ms for waiting in batch))
    return answers


def _answer(opened: Opened, waiting: _Waiting) -> Enrolment | EnrolmentRefused | None:
    asked, now_ms = waiting.asked, waiting.now_ms
    try:
        if isinstance(asked, Application):
            return opened.desk.enrol(asked, secrets.token_urlsafe(ID_BYTES), now_ms)
        if isinstance(asked, Withdrawal):
            return opened.desk.withdraw(asked, now_ms)
        opened.desk.move_up(asked.lesson, now_ms)
        return None
    except EnrolmentRefused as refusal:
        return refusal


async def find(connection: AsyncConnection, lesson: LessonId, party: str) -> Enrolment | None:
    """That stands."""
    query = select(enrolments).where(_e.lesson_id == lesson, _e.party_id == party, _e.ended_ms.is_(None))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else enrolment_of(row)


async def of_lesson(
    connection: AsyncConnection,
    lesson: LessonId,
    paths: Collection[Path],
    after: int = 0,
    limit: int = PAGE,
) -> tuple[Enrolment, ...]:
    """Those that stand, of schools within these places, in the order in which they came."""
    return await _listed(connection, _standing(lesson, paths).where(_e.number > after).limit(limit))


@dataclass(frozen=True, slots=True)
class Told:
    """What else is said of an enrolment to who asked for it."""

    name: str
    """Of the class or the person."""
    school: str
    ahead: int
    """Of who waits: how many wait before them."""


_NAMES: Final = {
    PartyKind.CLASS: select(school_classes.c.name).where(school_classes.c.id == bindparam("party")),
    PartyKind.PERSON: select(people.c.name).where(people.c.id == bindparam("party")),
}
_SCHOOL: Final = select(places.c.name).where(places.c.path == bindparam("path")).scalar_subquery()
_AHEAD: Final = select(func.count()).where(
    _e.lesson_id == bindparam("lesson"),
    _e.state == EnrolmentState.WAITING,
    _e.number < select(_e.number).where(_e.id == bindparam("id")).scalar_subquery(),
)
_TOLD: Final = {
    kind: select(name.scalar_subquery().label("name"), _SCHOOL.label("school"))
    for kind, name in _NAMES.items()
}


def told(connection: Connection, enrolment: Enrolment) -> Told:
    asked = {"party": enrolment.party, "path": enrolment.path}
    row = connection.execute(_TOLD[enrolment.kind], asked).one()
    return Told(row.name or "", row.school or "", ahead(connection, enrolment) if enrolment.waits_for else 0)


def ahead(connection: Connection, enrolment: Enrolment) -> int:
    """How many wait before one who waits."""
    asked = {"lesson": enrolment.lesson, "id": enrolment.id}
    return connection.execute(_AHEAD, asked).scalar_one()


def _standing(lesson: LessonId, paths: Collection[Path]) -> Select[tuple[object, ...]]:
    query = select(enrolments).where(_e.lesson_id == lesson, _e.ended_ms.is_(None)).order_by(_e.number)
    return query if ROOT in paths else query.where(within_any(_e.path, paths))


async def _listed(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> tuple[Enrolment, ...]:
    return tuple(enrolment_of(row) for row in await connection.execute(query))


__all__ = ["Application", "Enroller", "Told", "Withdrawal", "ahead", "find", "of_lesson", "told"]
