"""What is read of the database of talk: chat, announcements, quizzes."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Table, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.chat import KEPT
from classroom.model import (
    Announcement,
    ChatEntry,
    ChatId,
    ChatScope,
    ClassId,
    LessonId,
    PersonId,
    QuizId,
    Role,
)
from classroom.store import tables
from classroom.talk.quiz import Answer, Question, Quiz, QuizKind, Tally
from classroom.talk.state import Restored

_INDICES = tuple[int, ...]


async def latest_chat(connection: AsyncConnection, lesson_id: LessonId) -> tuple[ChatEntry, ...]:
    """The latest of each chat, without what was deleted; oldest first."""
    t = tables.chat.c
    place = func.row_number().over(
        partition_by=(
            t.scope,
            func.coalesce(t.tutor_id, ""),
            # In the lesson's chat, and on a private line, the class is the writer's.
            _class_of_chat(),
        ),
        order_by=t.seq.desc(),
    )
    numbered = (
        select(tables.chat, place.label("place"))
        .where(t.lesson_id == lesson_id, t.deleted_ms.is_(None))
        .subquery()
    )
    query = select(numbered).where(numbered.c.place <= KEPT).order_by(numbered.c.seq)
    return tuple(_entry(row) for row in await connection.execute(query))


async def chat_entry(connection: AsyncConnection, lesson_id: LessonId, chat: ChatId) -> ChatEntry | None:
    """One message; None when there is none, or it was deleted."""
    t = tables.chat.c
    query = select(tables.chat).where(t.lesson_id == lesson_id, t.id == chat, t.deleted_ms.is_(None))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _entry(row)


def _class_of_chat() -> ColumnElement[str]:
    t = tables.chat.c
    return case((t.scope == ChatScope.CLASS, func.coalesce(t.class_id, "")), else_="")


def _entry(row: Row[Any]) -> ChatEntry:
    return ChatEntry(
        id=ChatId(row.id),
        person=PersonId(row.person_id),
        name=row.name,
        role=Role(row.role),
        text=row.text,
        at_ms=row.at_ms,
        client_id=row.client_id,
        scope=ChatScope(row.scope),
        class_id=row.class_id and ClassId(row.class_id),
        tutor=row.tutor_id and PersonId(row.tutor_id),
    )


async def restored(connection: AsyncConnection, lesson_id: LessonId) -> Restored:
    """What a room begins with, beside the chat."""
    return Restored(
        announcements=await _announcements(connection, lesson_id),
        quizzes=await quizzes(connection, lesson_id),
        known=await _known(connection, lesson_id),
    )


async def _announcements(connection: AsyncConnection, lesson_id: LessonId) -> tuple[Announcement, ...]:
    """The latest of each class and of all, but for what was taken down."""
    t = tables.announcements.c
    latest = select(func.max(t.seq)).where(t.lesson_id == lesson_id).group_by(t.class_id)
    query = select(tables.announcements).where(t.lesson_id == lesson_id, t.seq.in_(latest), t.text != "")
    return tuple(
        Announcement(
            id=ChatId(row.id),
            person=PersonId(row.person_id),
            name=row.name,
            role=Role(row.role),
            text=row.text,
            at_ms=row.at_ms,
            class_id=row.class_id and ClassId(row.class_id),
        )
        for row in await connection.execute(query.order_by(t.seq))
    )


async def _known(connection: AsyncConnection, lesson_id: LessonId) -> frozenset[PersonId]:
    """Pupils who have been in."""
    t = tables.presence.c
    query = select(t.person_id).distinct().where(t.lesson_id == lesson_id, t.role == Role.STUDENT)
    return frozenset(PersonId(row.person_id) for row in await connection.execute(query))


async def quizzes(connection: AsyncConnection, lesson_id: LessonId) -> tuple[Quiz, ...]:
    """With their answers and tallies, in the order in which they were opened."""
    answers: dict[str, dict[PersonId, Answer]] = {}
    for row in await _rows(connection, tables.quiz_answers, lesson_id):
        own = answers.setdefault(row.quiz_id, {})
        class_id = row.class_id and ClassId(row.class_id)
        own[PersonId(row.person_id)] = Answer(class_id, msgspec.json.decode(row.choices, type=_INDICES))
    tallies: dict[str, dict[ClassId, Tally]] = {}
    for row in await _rows(connection, tables.quiz_tallies, lesson_id):
        counts = msgspec.json.decode(row.counts, type=_INDICES)
        tallies.setdefault(row.quiz_id, {})[ClassId(row.class_id)] = Tally(counts, row.answered)
    found = await _rows(connection, tables.quizzes, lesson_id)
    return tuple(
        _quiz(row, answers.get(row.id, {}), tallies.get(row.id, {}))
        for row in sorted(found, key=lambda row: int(row.seq))
    )


async def _rows(connection: AsyncConnection, table: Table, lesson_id: LessonId) -> list[Row[Any]]:
    return list(await connection.execute(select(table).where(table.c.lesson_id == lesson_id)))


def _quiz(row: Row[Any], answers: dict[PersonId, Answer], tallies: dict[ClassId, Tally]) -> Quiz:
    question = Question(
        QuizKind(row.kind),
        row.question,
        msgspec.json.decode(row.options, type=tuple[str, ...]),
        msgspec.json.decode(row.correct, type=_INDICES),
    )
    return Quiz(
        QuizId(row.id),
        question,
        row.opened_ms,
        row.closes_ms,
        row.closed_ms,
        row.shown,
        answers,
        tallies,
    )
