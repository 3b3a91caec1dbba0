"""Webhooks in the database: who is told of events, and what they are still to be told (the outbox).

An event and its place in the outbox are written in one transaction, and the place is given up once the other
side has said that it took the event: what was written is delivered at least once, whatever restarts in
between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId
from classroom.store import tables
from classroom.store.reader import StoredEvent, stored_event

_hooks = tables.webhooks.c
_outbox = tables.webhook_outbox.c


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    url: str
    secret: str
    lesson_id: LessonId | None
    """None: events of all lessons."""
    kinds: tuple[str, ...]
    """Empty: events of all kinds."""
    attempts: int = 0
    """In vain, since the last that came through."""
    due_ms: int = 0
    """When to try next, Unix time in ms."""
    failing_since_ms: int | None = None
    suspended_ms: int | None = None
    """Since when it is told nothing any more; None: it is."""
    error: str = ""
    """Of the last attempt in vain."""
    waiting: int = 0
    """Events that it is still to be told of."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a webhook is told at once: events of one lesson, in order."""

    lesson_id: LessonId
    events: tuple[StoredEvent, ...]


async def find(connection: AsyncConnection, webhook_id: str) -> Webhook | None:
    row = (await connection.execute(_all().where(_hooks.id == webhook_id))).one_or_none()
    return None if row is None else _webhook(row)


async def listed(connection: AsyncConnection) -> tuple[Webhook, ...]:
    """By id."""
    return tuple(_webhook(row) for row in await connection.execute(_all().order_by(_hooks.id)))


async def put(connection: AsyncConnection, webhook: Webhook) -> bool:
    """Makes it, or changes where it goes and what it is told; it is tried again at once. True: it is new."""
    row = {
        "url": webhook.url,
        "secret": webhook.secret,
        "lesson_id": webhook.lesson_id,
        "kinds": _packed(webhook.kinds),
        "attempts": 0,
        "due_ms": 0,
        "failing_since_ms": None,
        "suspended_ms": None,
        "error": "",
    }
    changed = await connection.execute(update(tables.webhooks).where(_hooks.id == webhook.id).values(row))
    if changed.rowcount:
        return False
    await connection.execute(insert(tables.webhooks).values(id=webhook.id, **row))
    return True


async def drop(connection: AsyncConnection, webhook_id: str) -> bool:
    """With all that waits for it; False: there is none."""
    await connection.execute(delete(tables.webhook_outbox).where(_outbox.webhook_id == webhook_id))
    dropped = await connection.execute(delete(tables.webhooks).where(_hooks.id == webhook_id))
    return bool(dropped.rowcount)


async def count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(tables.webhooks))).scalar() or 0


async def waiting(connection: AsyncConnection) -> tuple[Webhook, ...]:
    """Those that something waits for, by when they are due."""
    something = exists().where(_outbox.webhook_id == _hooks.id)
    query = _all().where(_hooks.suspended_ms.is_(None), something).order_by(_hooks.due_ms, _hooks.id)
    return tuple(_webhook(row) for row in await connection.execute(query))


async def next_delivery(
    connection: AsyncConnection, webhook_id: str, after: str, limit: int
) -> Delivery | None:
    """What it is to be told next; after: the lesson it was last told of, so that each has its turn. None:
    nothing waits."""
    lessons = select(func.min(_outbox.lesson_id)).where(_outbox.webhook_id == webhook_id)
    lesson_id = (await connection.execute(lessons.where(_outbox.lesson_id > after))).scalar()
    lesson_id = lesson_id or (await connection.execute(lessons)).scalar()
    if lesson_id is None:
        return None
    same = and_(_outbox.lesson_id == tables.events.c.lesson_id, _outbox.seq == tables.events.c.seq)
    query = (
        select(tables.events)
        .join(tables.webhook_outbox, same)
        .where(_outbox.webhook_id == webhook_id, _outbox.lesson_id == lesson_id)
        .order_by(_outbox.seq)
        .limit(limit)
    )
    found = await connection.execute(query)
    return Delivery(LessonId(lesson_id), tuple(stored_event(row) for row in found))


async def delivered(connection: AsyncConnection, webhook_id: str, delivery: Delivery) -> None:
    await connection.execute(
        delete(tables.webhook_outbox).where(
            _outbox.webhook_id == webhook_id,
            _outbox.lesson_id == delivery.lesson_id,
            _outbox.seq <= delivery.events[-1].seq,
        )
    )
    troubled = or_(_hooks.attempts > 0, _hooks.error != "")
    await connection.execute(
        update(tables.webhooks)
        .where(_hooks.id == webhook_id, troubled)
        .values(attempts=0, due_ms=0, failing_since_ms=None, error="")
    )


async def failed(
    connection: AsyncConnection, webhook_id: str, *, now_ms: int, due_ms: int, error: str
) -> None:
    """It is tried again when due."""
    await connection.execute(
        update(tables.webhooks)
        .where(_hooks.id == webhook_id)
        .values(
            attempts=_hooks.attempts + 1,
            due_ms=due_ms,
            failing_since_ms=func.coalesce(_hooks.failing_since_ms, now_ms),
            error=error,
        )
    )


async def suspend(connection: AsyncConnection, webhook_id: str, *, now_ms: int, error: str) -> None:
    """It is told nothing any more until somebody puts it anew; what waits is given up."""
    await connection.execute(delete(tables.webhook_outbox).where(_outbox.webhook_id == webhook_id))
    await connection.execute(
        update(tables.webhooks).where(_hooks.id == webhook_id).values(suspended_ms=now_ms, error=error)
    )


def _all() -> Any:
    pending = select(func.count()).where(_outbox.webhook_id == _hooks.id).scalar_subquery()
    return select(tables.webhooks, pending.label("waiting"))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        secret=row.secret,
        lesson_id=row.lesson_id and LessonId(row.lesson_id),
        kinds=tuple(kind for kind in row.kinds.split(",") if kind),
        attempts=row.attempts,
        due_ms=row.due_ms,
        failing_since_ms=row.failing_since_ms,
        suspended_ms=row.suspended_ms,
        error=row.error,
        waiting=row.waiting,
    )


def _packed(kinds: Sequence[str]) -> str:
    """`,KIND,KIND,`, so that one is found by LIKE."""
    return f",{','.join(kinds)}," if kinds else ""


def pattern(kind: str) -> str:
    """Finds it in the packed ones by LIKE, with `\\` to escape."""
    escaped = kind.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return f"%,{escaped},%"
