"""Letters that wait to be sent by e-mail (the outbox), and how somebody wants to be told.

A letter is queued with the notices that it tells of, in one transaction, and taken out once the mail server
has said that it has it. Whoever sends one takes it first, for `LEASE_MS`: so two servers on one database
never send the same letter, and what a crash left is taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.notices import NoticeSettings, Topic, names_lessons
from classroom.store.catalogue_tables import courses, network_notices, offers
from classroom.store.mail_tables import mail_outbox, notice_settings
from classroom.store.network_rows import insert_unless_there
from classroom.store.network_tables import accounts, places
from classroom.store.tables import people
from classroom.store.timetable_slots import unpacked
from classroom.store.timetable_tables import operation_lessons, timetable_operations

LEASE_MS: Final = 10 * 60_000
"""Longer than any attempt takes."""
AT_ONCE: Final = 50
"""Letters that are taken and read together."""
MAX_TOLD: Final = 20
"""Lessons that one letter names; the page has all."""
_m, _n, _a = mail_outbox.c, network_notices.c, accounts.c
_COLUMNS: Final = ("person_id", "batch", "kind", "made_ms", "due_ms", "attempts")


@dataclass(frozen=True, slots=True)
class Told:
    """A lesson that a letter tells of."""

    title: str
    starts_ms: int
    ends_ms: int
    timezone: str
    """Of the provider's place."""
    master_name: str
    room: str
    was_starts_ms: int = 0
    """Before the change; 0: as it is."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    number: int
    person: PersonId
    batch: str
    kind: str
    made_ms: int
    attempts: int
    """Before this one."""
    address: str
    """Empty: they have none any more."""
    name: str
    settings: NoticeSettings
    told: tuple[Told, ...]
    """By when they begin, MAX_TOLD at the most; none where the letter names none."""
    more: int
    """Lessons that are not named."""


async def queue(connection: AsyncConnection, batch: str, kind: str, now_ms: int) -> None:
    """A letter to everybody of the batch who has an address; whoever has one already gets no second."""
    told = (
        select(_n.person_id, literal(batch), literal(kind), literal(now_ms), literal(now_ms), literal(0))
        .select_from(network_notices.join(accounts, _a.person_id == _n.person_id))
        .where(_n.batch == batch, _n.kind == kind, _a.email != "", _a.disabled_ms.is_(None))
        .distinct()
    )
    await connection.execute(insert_unless_there(connection, mail_outbox).from_select(_COLUMNS, told))


async def take(connection: AsyncConnection, now_ms: int) -> tuple[Letter, ...]:
    """The next ones that are due; nobody else has them until the lease is over."""
    query = select(mail_outbox).where(_m.due_ms <= now_ms).order_by(_m.due_ms, _m.number).limit(AT_ONCE)
    taken = []
    for row in (await connection.execute(query.with_for_update(skip_locked=True))).all():
        at = (_m.number == row.number) & (_m.attempts == row.attempts)
        lease = {"due_ms": now_ms + LEASE_MS, "attempts": row.attempts + 1}
        if (await connection.execute(update(mail_outbox).where(at).values(lease))).rowcount:
            taken.append(row)
    return tuple([await _letter(connection, row) for row in taken])


async def _letter(connection: AsyncConnection, row: Any) -> Letter:
    told, more = await _told(connection, row) if names_lessons(row.kind) else ((), 0)
    query = (
        select(_a.email, _a.disabled_ms, people.c.name)
        .select_from(accounts.join(people, people.c.id == _a.person_id))
        .where(_a.person_id == row.person_id)
    )
    whose = (await connection.execute(query)).one_or_none()
    person = PersonId(row.person_id)
    return Letter(
        number=row.number,
        person=person,
        batch=row.batch,
        kind=row.kind,
        made_ms=row.made_ms,
        attempts=row.attempts,
        address=whose.email if whose is not None and whose.disabled_ms is None else "",
        name=whose.name if whose is not None else "",
        settings=await settings_of(connection, person),
        told=told,
        more=more,
    )


async def _told(connection: AsyncConnection, row: Any) -> tuple[tuple[Told, ...], int]:
    o, s, t = offers.c, operation_lessons.c, timetable_operations.c
    of_batch = (_n.batch == row.batch) & (_n.kind == row.kind) & (_n.person_id == row.person_id)
    count = (await connection.execute(select(func.count()).where(of_batch))).scalar_one()
    joined = (
        network_notices.join(offers, o.lesson_id == _n.lesson_id)
        .join(courses, courses.c.id == o.course_id)
        .outerjoin(places, places.c.id == courses.c.provider_id)
        .outerjoin(operation_lessons, (s.operation_id == _n.batch) & (s.lesson_id == _n.lesson_id))
        .outerjoin(timetable_operations, t.id == _n.batch)
    )
    lesson: tuple[Any, ...] = (o.title, o.starts_ms, o.ends_ms, o.master_name, o.room)
    query = (
        select(*lesson, places.c.timezone, s.before, t.reason)
        .select_from(joined)
        .where(of_batch)
        .order_by(o.starts_ms, o.number)
        .limit(MAX_TOLD)
    )
    found = tuple(map(_one, (await connection.execute(query)).all()))
    return found, count - len(found)


def _one(row: Any) -> Told:
    before = None if row.before is None else unpacked(row.before)
    moved = before is not None and before.starts_ms != row.starts_ms
    return Told(
        title=row.title,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        timezone=row.timezone or "UTC",
        master_name=row.master_name,
        room=row.room,
        was_starts_ms=before.starts_ms if before is not None and moved else 0,
        reason=row.reason or "",
    )


async def done(connection: AsyncConnection, number: int) -> None:
    """It was sent, or will never be."""
    await connection.execute(delete(mail_outbox).where(_m.number == number))


async def put_off(connection: AsyncConnection, numbers: Sequence[int], due_ms: int) -> None:
    await connection.execute(update(mail_outbox).where(_m.number.in_(numbers)).values(due_ms=due_ms))


async def give_back(connection: AsyncConnection, numbers: Sequence[int], due_ms: int) -> None:
    """They were taken and not tried."""
    values = {"due_ms": due_ms, "attempts": _m.attempts - 1}
    await connection.execute(update(mail_outbox).where(_m.number.in_(numbers)).values(values))


async def next_due(connection: AsyncConnection) -> int | None:
    """When the next one is due, Unix time in ms; None: none waits."""
    found: int | None = (await connection.execute(select(func.min(_m.due_ms)))).scalar()
    return found


async def drop_all(connection: AsyncConnection) -> int:
    """Of a server that sends none; how many there were."""
    return (await connection.execute(delete(mail_outbox))).rowcount


async def settings_of(connection: AsyncConnection, person: PersonId) -> NoticeSettings:
    query = select(notice_settings).where(notice_settings.c.person_id == person)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return NoticeSettings()
    return NoticeSettings(row.language, frozenset(map(Topic, filter(None, row.unwanted.split(",")))))


async def put_settings(connection: AsyncConnection, person: PersonId, settings: NoticeSettings) -> None:
    row = {"language": settings.language, "unwanted": ",".join(sorted(settings.unwanted))}
    new = insert_unless_there(connection, notice_settings).values(row | {"person_id": person})
    if not (await connection.execute(new)).rowcount:
        at = notice_settings.c.person_id == person
        await connection.execute(update(notice_settings).where(at).values(row))


async def address_of(connection: AsyncConnection, person: PersonId) -> str:
    """Empty: they have none."""
    found = (await connection.execute(select(_a.email).where(_a.person_id == person))).scalar()
    return found or ""
