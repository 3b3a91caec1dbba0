"""How a form, and what becomes of its problems, reach whom they concern at once: as notices, as letters that
say no more than that there is something to be read, and as calls of webhooks. Written with what they tell of,
in the same transaction.

A lesson's stream of events is read by who teaches it, and supervision does not show in it, not even as a hole
in its numbers. So each form has a stream of its own, `review:ID`, in which nobody looks but webhooks: those
that are told of all lessons, and those of the form's lesson."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import func, insert, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.model import Office, Path
from classroom.store import mail_outbox, tables
from classroom.store.catalogue_tables import network_notices
from classroom.store.kinds import REVIEW_DELIVERED, REVIEW_PROBLEM
from classroom.store.network_rows import insert_unless_there
from classroom.store.network_tables import appointments
from classroom.store.supervision_tables import reviews
from classroom.store.webhooks import pattern

DELIVERED: Final = "review-delivered"
ANSWERED: Final = "problem-answered"
CLOSED: Final = "problem-closed"
REOPENED: Final = "problem-reopened"
LISTED: Final = "negative-listed"
ANSWER: Final = "answer"
OVERDUE: Final = "overdue"
"""No move of anybody's: the provider's week is over."""
_NOTICE: Final = {ANSWER: ANSWERED, "close": CLOSED, "reopen": REOPENED, OVERDUE: "problem-overdue"}

_hooks, _events = tables.webhooks.c, tables.events.c


async def delivered(
    connection: AsyncConnection, review: str, lesson: str, path: Path, problems: int, at_ms: int, by: str
) -> None:
    """A form was, to who gives the lesson."""
    people = await _holders(connection, Office.PROVIDER, _above(path), at_ms)
    about = {"review": review, "problems": problems}
    await _tell(connection, Telling(review, DELIVERED, lesson, at_ms), people, about)
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
    lesson; its week is over without an answer: to both."""
    locked = select(reviews.c.supervisor_id).where(reviews.c.id == review).with_for_update()
    author = (await connection.execute(locked)).scalar_one()
    people = {author} if action in (ANSWER, OVERDUE) else set()
    if action != ANSWER:
        people.update(await _holders(connection, Office.PROVIDER, _above(path), at_ms))
    about = {"review": review, "problem": problem}
    telling = Telling(f"{problem}:{at_ms}", _NOTICE[action], lesson, at_ms)
    await _tell(connection, telling, people - {by}, about)
    body = {"review": review, "lesson": lesson, "provider": path, "problem": problem, "move": action}
    await _call(connection, review, lesson, REVIEW_PROBLEM, body, at_ms, by)


async def listed(connection: AsyncConnection, problem: str, lesson: str, path: Path, at_ms: int) -> None:
    """A provider came onto the negative list by this problem: to its people, and to the organizers there and
    of the place that it lies in. Those of a whole city hear of theirs by the list."""
    people = await _holders(connection, Office.PROVIDER, _above(path), at_ms)
    people |= await _holders(connection, Office.ORGANIZER, _above(path)[-2:], at_ms)
    await _tell(
        connection, Telling(f"{problem}:{at_ms}", LISTED, lesson, at_ms), people, {"problem": problem}
    )


class Telling(NamedTuple):
    """What people are told: one notice and one letter each."""

    batch: str
    kind: str
    lesson: str
    at_ms: int


async def _tell(
    connection: AsyncConnection, telling: Telling, people: Collection[str], about: dict[str, Any]
) -> None:
    batch, kind, lesson, at_ms = telling
    row = {"kind": kind, "lesson_id": lesson, "at_ms": at_ms, "batch": batch}
    row["body"] = msgspec.json.encode(about).decode()
    if not people:
        return
    rows = [row | {"person_id": person} for person in sorted(people)]
    await connection.execute(insert_unless_there(connection, network_notices), rows)
    await mail_outbox.queue(connection, batch, kind, at_ms)


def _above(path: Path) -> list[str]:
    """The place, and those that it stands in; the widest first."""
    parts = path.split("/")
    return ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]


async def _holders(
    connection: AsyncConnection, office: Office, paths: Sequence[str], now_ms: int
) -> set[str]:
    """Who holds it at one of these places, for all that is given there."""
    a = appointments.c
    query = (
        select(a.person_id)
        .distinct()
        .where(
            a.office == office,
            a.path.in_(paths),
            a.course_id == "",
            a.revoked_ms.is_(None),
            a.from_ms <= now_ms,
            or_(a.until_ms.is_(None), a.until_ms > now_ms),
        )
    )
    return set((await connection.execute(query)).scalars())


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
