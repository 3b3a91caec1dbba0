"""Result forms of supervisors and the problems in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, and_, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.model import Path
from classroom.network.supervision import (
    ANSWER_MS,
    MOVES,
    ON_THE_LIST,
    Criterion,
    Form,
    ProblemKind,
    ProblemState,
)
from classroom.store import audit, supervision_told
from classroom.store.audit import Deed
from classroom.store.insert_once import insert_once
from classroom.store.network_paths import within_any
from classroom.store.network_tables import places
from classroom.store.supervision_tables import review_problems, reviews
from classroom.store.supervision_told import OVERDUE
from classroom.store.tables import lessons, people

PAGE: Final = 200
AT_ONCE: Final = 50
"""Problems of one transaction whose people are told."""


@dataclass(frozen=True, slots=True)
class Review:
    id: str
    lesson: str
    path: Path
    supervisor: str
    credential: str
    item: str
    """The recording; empty: there was none."""
    scores: Mapping[Criterion, int]
    text: str
    at_ms: int
    seen_ms: int | None = None
    """When the provider first looked at it."""
    title: str = ""
    """Of the lesson."""
    supervisor_name: str = ""
    provider: str = ""
    """Name of the place that gives the lesson."""


@dataclass(frozen=True, slots=True)
class Problem:
    id: str
    review: str
    lesson: str
    path: Path
    kind: ProblemKind
    text: str
    item: str
    item_ms: int | None
    """Item clock: where the recording shows it."""
    state: ProblemState
    opened_ms: int
    changed_ms: int
    answer: str = ""
    closing: str = ""
    title: str = ""
    """Of the lesson."""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider on the negative list."""

    path: Path
    provider: str
    """The place's id; empty: nobody knows who gave the lessons."""
    name: str
    open: int
    answered: int
    lessons: int
    oldest_ms: int


async def deliver(connection: AsyncConnection, review: Review, form: Form, ids: Sequence[str]) -> bool:
    """With its problems, whose ids these are. False: the supervisor has delivered one of this lesson."""
    row = {
        "id": review.id,
        "lesson_id": review.lesson,
        "path": review.path,
        "supervisor_id": review.supervisor,
        "credential_id": review.credential,
        "item_id": review.item,
        "scores": msgspec.json.encode(form.scores).decode(),
        "text": form.text,
        "at_ms": review.at_ms,
    }
    if not await insert_once(connection, reviews, row):
        return False
    listed_before = await _listed(connection, review.path)
    if form.problems:
        await connection.execute(insert(review_problems), _problem_rows(review, form, ids))
    body = {"lesson": review.lesson, "problems": len(form.problems)}
    await audit.record(
        connection, Deed(review.at_ms, review.supervisor, "review-delivered", review.path, review.id, body)
    )
    await supervision_told.delivered(
        connection,
        review.id,
        review.lesson,
        review.path,
        len(form.problems),
        review.at_ms,
        review.supervisor,
    )
    if form.problems and not listed_before:
        await supervision_told.listed(connection, ids[0], review.lesson, review.path, review.at_ms)
    return True


async def _listed(connection: AsyncConnection, path: Path) -> bool:
    """Whether this provider is on the negative list."""
    p = review_problems.c
    query = select(p.id).where(p.path == path, p.state.in_(ON_THE_LIST)).limit(1)
    return (await connection.execute(query)).scalar() is not None


def _problem_rows(review: Review, form: Form, ids: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "review_id": review.id,
            "lesson_id": review.lesson,
            "path": review.path,
            "position": position,
            "kind": problem.kind,
            "text": problem.text,
            "item_id": review.item,
            "item_ms": problem.at_ms,
            "state": ProblemState.OPEN,
            "opened_ms": review.at_ms,
            "changed_ms": review.at_ms,
            "changed_by": review.supervisor,
            "answer": "",
            "closing": "",
        }
        for position, (name, problem) in enumerate(zip(ids, form.problems, strict=True))
    ]


async def find(connection: AsyncConnection, review: str) -> Review | None:
    row = (await connection.execute(_reviews().where(reviews.c.id == review))).one_or_none()
    return None if row is None else _review(row)


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    supervisor: str = "",
    lesson: str = "",
    before: tuple[int, str] | None = None,
    limit: int = PAGE,
) -> tuple[Review, ...]:
    """Of lessons that these places give, or by that supervisor; the latest first, before (at_ms, id)."""
    r = reviews.c
    query = _reviews().where(or_(within_any(r.path, paths), r.supervisor_id == supervisor))
    if lesson:
        query = query.where(r.lesson_id == lesson)
    if before is not None:
        at_ms, name = before
        query = query.where(or_(r.at_ms < at_ms, and_(r.at_ms == at_ms, r.id < name)))
    found = await connection.execute(query.order_by(r.at_ms.desc(), r.id.desc()).limit(limit))
    return tuple(_review(row) for row in found)


async def see(connection: AsyncConnection, review: str, person: str, at_ms: int) -> None:
    """Somebody of the provider looks at it; the first one counts."""
    r = reviews.c
    first = update(reviews).where(r.id == review, r.seen_ms.is_(None))
    await connection.execute(first.values(seen_ms=at_ms, seen_by=person))


async def unseen(connection: AsyncConnection, paths: Collection[Path]) -> int:
    query = select(func.count()).where(within_any(reviews.c.path, paths), reviews.c.seen_ms.is_(None))
    return (await connection.execute(query)).scalar_one()


async def problems(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    supervisor: str = "",
    review: str = "",
    states: Collection[ProblemState] = (),
    before: tuple[int, str] | None = None,
    limit: int = PAGE,
) -> tuple[Problem, ...]:
    """Of lessons that these places give, or in forms of that supervisor; the latest first. Of one form in its
    order."""
    p = review_problems.c
    query = _problems().where(or_(within_any(p.path, paths), reviews.c.supervisor_id == supervisor))
    if states:
        query = query.where(p.state.in_(states))
    if review:
        query = query.where(p.review_id == review).order_by(p.position)
    if before is not None:
        at_ms, name = before
        query = query.where(or_(p.opened_ms < at_ms, and_(p.opened_ms == at_ms, p.id < name)))
    found = await connection.execute(query.order_by(p.opened_ms.desc(), p.id.desc()).limit(limit))
    return tuple(_problem(row) for row in found)


async def problem(connection: AsyncConnection, name: str) -> tuple[Problem, str] | None:
    """And whose form it is in."""
    found = (await connection.execute(_problems().where(review_problems.c.id == name))).one_or_none()
    return None if found is None else (_problem(found), found.supervisor_id)


async def move(
    connection: AsyncConnection, found: Problem, action: str, text: str, person: str, at_ms: int
) -> bool:
    """Of a problem as it was read. False: it cannot be done in its state, or somebody was quicker."""
    after = MOVES.get((found.state, action))
    if after is None:
        return False
    p = review_problems.c
    said = {"answer": text} if action == "answer" else {"closing": text}
    listed_before = await _listed(connection, found.path)
    change = (
        update(review_problems)
        .where(p.id == found.id, p.state == found.state, p.changed_ms == found.changed_ms)
        .values(
            state=after, changed_ms=max(at_ms, found.changed_ms + 1), changed_by=person, told_ms=None, **said
        )
    )
    if not (await connection.execute(change)).rowcount:
        return False
    body = {"lesson": found.lesson, "from": found.state, "to": after, "text": text}
    await audit.record(connection, Deed(at_ms, person, f"problem-{action}", found.path, found.id, body))
    await supervision_told.moved(
        connection, found.review, found.id, found.lesson, found.path, action, at_ms, person
    )
    if after in ON_THE_LIST and not listed_before:
        await supervision_told.listed(connection, found.id, found.lesson, found.path, at_ms)
    return True


async def tell_overdue(connection: AsyncConnection, now_ms: int) -> int:
    """Says of problems whose week is over without an answer that it is, once each; how many it were, at most
    AT_ONCE."""
    p = review_problems.c
    query = (
        select(review_problems)
        .where(p.state == ProblemState.OPEN, p.changed_ms <= now_ms - ANSWER_MS, p.told_ms.is_(None))
        .order_by(p.changed_ms, p.id)
        .limit(AT_ONCE)
    )
    told = 0
    for row in (await connection.execute(query)).all():
        at = (p.id == row.id) & (p.changed_ms == row.changed_ms) & p.told_ms.is_(None)
        if (await connection.execute(update(review_problems).where(at).values(told_ms=now_ms))).rowcount:
            told += 1
            await supervision_told.moved(
                connection, row.review_id, row.id, row.lesson_id, Path(row.path), OVERDUE, now_ms, ""
            )
    return told


async def negative_list(connection: AsyncConnection, paths: Collection[Path]) -> tuple[Listed, ...]:
    """Who has problems that are not closed, by most of them."""
    p = review_problems.c
    open_ = func.sum(case((p.state == ProblemState.OPEN, 1), else_=0)).label("open")
    query = (
        select(
            p.path,
            places.c.id,
            places.c.name,
            open_,
            func.count().label("all"),
            func.count(p.lesson_id.distinct()).label("lessons"),
            func.min(p.opened_ms).label("oldest_ms"),
        )
        .outerjoin(places, places.c.path == p.path)
        .where(within_any(p.path, paths), p.state.in_(ON_THE_LIST))
        .group_by(p.path, places.c.id, places.c.name)
        .order_by(func.count().desc(), p.path)
        .limit(PAGE)
    )
    return tuple(
        Listed(
            path=Path(row.path),
            provider=row.id or "",
            name=row.name or "",
            open=int(row.open),
            answered=row.all - int(row.open),
            lessons=row.lessons,
            oldest_ms=row.oldest_ms,
        )
        for row in await connection.execute(query)
    )


def _reviews() -> Any:
    return (
        select(
            reviews,
            lessons.c.title,
            people.c.name.label("supervisor_name"),
            places.c.name.label("provider"),
        )
        .outerjoin(lessons, lessons.c.id == reviews.c.lesson_id)
        .outerjoin(people, people.c.id == reviews.c.supervisor_id)
        .outerjoin(places, places.c.path == reviews.c.path)
    )


def _problems() -> Any:
    p = review_problems.c
    return (
        select(
            review_problems,
            reviews.c.supervisor_id,
            lessons.c.title,
            places.c.name.label("provider"),
        )
        .join(reviews, reviews.c.id == p.review_id)
        .outerjoin(lessons, lessons.c.id == p.lesson_id)
        .outerjoin(places, places.c.path == p.path)
    )


def _review(row: Row[Any]) -> Review:
    scores = msgspec.json.decode(row.scores, type=dict[Criterion, int])
    return Review(
        id=row.id,
        lesson=row.lesson_id,
        path=Path(row.path),
        supervisor=row.supervisor_id,
        credential=row.credential_id,
        item=row.item_id,
        scores=scores,
        text=row.text,
        at_ms=row.at_ms,
        seen_ms=row.seen_ms,
        title=row.title or "",
        supervisor_name=row.supervisor_name or "",
        provider=row.provider or "",
    )


def _problem(row: Row[Any]) -> Problem:
    return Problem(
        id=row.id,
        review=row.review_id,
        lesson=row.lesson_id,
        path=Path(row.path),
        kind=ProblemKind(row.kind),
        text=row.text,
        item=row.item_id,
        item_ms=row.item_ms,
        state=ProblemState(row.state),
        opened_ms=row.opened_ms,
        changed_ms=row.changed_ms,
        answer=row.answer,
        closing=row.closing,
        title=row.title or "",
        provider=row.provider or "",
    )
