"""How a form, and what becomes of its problems, reach whom they concern at once: as notices, and as calls of
webhooks. Written with what they tell of, in the same transaction.

A lesson's stream of events is read by who teaches it, and supervision does not show in it, not even as a hole
in its numbers. So each form has a stream of its own, `review:ID`, in which nobody looks but webhooks: those
that are told of all lessons, and those of the form's lesson."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import func, insert, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.model import Office, Path
from classroom.store import tables
from classroom.store.catalogue_tables import network_notices
from classroom.store.kinds import REVIEW_DELIVERED, REVIEW_PROBLEM
from classroom.store.network_tables import appointments
from classroom.store.supervision_tables import reviews
from classroom.store.webhooks import pattern

DELIVERED: Final = "review-delivered"
ANSWERED: Final = "problem-answered"
CLOSED: Final = "problem-closed"
REOPENED: Final = "problem-reopened"
_NOTICE: Final = {"answer": ANSWERED, "close": CLOSED, "reopen": REOPENED}

_hooks, _events = tables.webhooks.c, tables.events.c


async def delivered(
    connection: AsyncConnection, review: str, lesson: str, path: Path, problems: int, at_ms: int, by: str
) -> None:
    """A form was, to who gives the lesson."""
    about = {"review": review, "problems": problems}
    people = await _providers(connection, path, at_ms)
    await _tell(connection, [_notice(each, DELIVERED, lesson, at_ms, about) for each in people])
    body = {"review": review, "lesson": lesson, "provider": path, "problems": problems}
    await _call(connection, review, lesson, REVIEW_DELIVERED, body, at_ms, by)


async def moved(
    connection: AsyncConnection,
    review: str,
    problem: str,
    lesson: str,
    path: Path,
    action: str,
    at_ms: int,
    by: str,
) -> None:
    """A problem was answered: to the supervisor who found it; it was closed or opened again: to who gives the
    lesson."""
    locked = select(reviews.c.supervisor_id).where(reviews.c.id == review).with_for_update()
    author = (await connection.execute(locked)).scalar_one()
    people = [author] if action == "answer" else await _providers(connection, path, at_ms)
    about = {"review": review, "problem": problem}
    rows = [_notice(each, _NOTICE[action], lesson, at_ms, about) for each in people if each != by]
    await _tell(connection, rows)
    body = {"review": review, "lesson": lesson, "provider": path, "problem": problem, "move": action}
    await _call(connection, review, lesson, REVIEW_PROBLEM, body, at_ms, by)


async def _tell(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Without letters: an e-mail about supervision would lie in boxes that the scopes do not guard."""
    if rows:
        await connection.execute(insert(network_notices), rows)


def _notice(person: str, kind: str, lesson: str, at_ms: int, about: dict[str, Any]) -> dict[str, Any]:
    body = msgspec.json.encode(about).decode()
    return {"person_id": person, "kind": kind, "lesson_id": lesson, "at_ms": at_ms, "body": body}


async def _providers(connection: AsyncConnection, path: Path, now_ms: int) -> list[str]:
    """Who answers for what the place gives: there, or where it stands in."""
    parts = path.split("/")
    above = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    a = appointments.c
    query = (
        select(a.person_id)
        .distinct()
        .where(
            a.office == Office.PROVIDER,
            a.path.in_(above),
            a.course_id == "",
            a.revoked_ms.is_(None),
            a.from_ms <= now_ms,
            or_(a.until_ms.is_(None), a.until_ms > now_ms),
        )
        .order_by(a.person_id)
    )
    return list((await connection.execute(query)).scalars())


async def _call(
    connection: AsyncConnection,
    review: str,
    lesson: str,
    kind: str,
    body: dict[str, Any],
    at_ms: int,
    by: str,
) -> None:
    """Of webhooks, with the rest of what they are told (`webhook_outbox`)."""
    stream = f"review:{review}"
    last = select(func.coalesce(func.max(_events.seq), 0)).where(_events.lesson_id == stream)
    seq = (await connection.execute(last)).scalar_one() + 1
    text = msgspec.json.encode(body).decode()
    row = {"lesson_id": stream, "seq": seq, "at_ms": at_ms, "kind": kind, "person_id": by, "body": text}
    await connection.execute(insert(tables.events).values(row))
    hooks = select(_hooks.id, literal(stream), literal(seq)).where(
        _hooks.suspended_ms.is_(None),
        or_(_hooks.lesson_id.is_(None), _hooks.lesson_id == lesson),
        or_(_hooks.kinds == "", _hooks.kinds.like(pattern(kind), escape="\\")),
    )
    await connection.execute(
        insert(tables.webhook_outbox).from_select(["webhook_id", "lesson_id", "seq"], hooks)
    )
