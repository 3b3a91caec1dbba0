"""What an item is found by: everything that was written about it, and nothing that was private.

Chat of a class, of a private line, and what a moderator deleted are left out: whoever may see the item may
not have been meant by them. Supervisors' notes are theirs: an item that has any is found by all its words a
second time, for those who may read notes.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom import events
from classroom.library.words import words
from classroom.model import ChatScope
from classroom.store import tables
from classroom.store.kinds import KINDS
from classroom.store.library_items import record
from classroom.store.library_search import put_words
from classroom.store.library_tables import library_items, library_marks
from classroom.talk import facts

MAX_TEXTS: Final = 20_000
"""Of one kind; more than a day of chat."""
TELLING: Final = tuple(
    KINDS[kind].name
    for kind in (events.ChatWritten, facts.ChatDeleted, facts.AnnouncementMade, facts.QuizOpened)
)
"""What brings new words into a lesson that goes on, or takes some away."""
MAX_UNREAD: Final = 1_000
"""Other events after which a lesson's words are read all the same: so few are looked through each time."""
_items = library_items.c


async def index_words(connection: AsyncConnection, limit: int) -> int:
    """Makes some of the items, of which there is something new, to be found by it; returns how many."""
    rows = [*await connection.execute(_new(limit)), *await connection.execute(_live(limit))][:limit]
    for row in rows:
        texts, notes = await _texts(connection, row), await _marks(connection, row.id, supervision=True)
        noted = words([*notes, *texts]) if notes else []
        await put_words(connection, row.number, words(texts), noted, row.latest)
    return len(rows)


def has_news(connection: Connection) -> bool:
    """Asked every other second, so both by an index; to make the statements anew took longer than to ask."""
    return any(connection.execute(query).first() for query in (_new(1), _live(1)))


@cache
def _new(limit: int) -> Select[Any]:
    query = select(library_items, _latest().label("latest")).where(_items.indexed_seq < 0)
    return query.where(_items.state.in_(("live", "ready"))).order_by(_items.indexed_seq).limit(limit)


@cache
def _live(limit: int) -> Select[Any]:
    query = select(library_items, _latest().label("latest")).where(
        _items.state == "live", _items.indexed_seq >= 0
    )
    return query.where(or_(_said_since(), _items.indexed_seq + MAX_UNREAD <= _latest())).limit(limit)


def _said_since() -> ColumnElement[bool]:
    """A thousand who come in, or answer a quiz, bring no words."""
    happened = tables.events.c
    since = (happened.lesson_id == _items.lesson_id) & (happened.seq > _items.indexed_seq)
    return exists().where(since, happened.kind.in_(TELLING))


def _latest() -> ScalarSelect[int]:
    """The number of the lesson's last event."""
    happened = tables.events.c
    query = select(func.coalesce(func.max(happened.seq), 0)).where(happened.lesson_id == _items.lesson_id)
    return query.scalar_subquery()


async def _texts(connection: AsyncConnection, row: Any) -> list[str]:
    """The most telling first: what comes after MAX_WORDS is not found."""
    item = record(row)
    texts = [item.title, item.subject, item.grade, item.provider, item.district, *item.people]
    chat, quizzes, announced = tables.chat.c, tables.quizzes.c, tables.announcements.c
    texts += await _marks(connection, item.id, supervision=False)
    asked = select(quizzes.question, quizzes.options).where(quizzes.lesson_id == item.lesson)
    for question, options in await connection.execute(asked):
        texts += [question, *msgspec.json.decode(options, type=list[str])]
    said = announced.lesson_id == item.lesson
    texts += await _column(connection, select(announced.text).where(said, announced.class_id.is_(None)))
    written = (chat.lesson_id == item.lesson) & (chat.scope == ChatScope.LESSON) & chat.deleted_ms.is_(None)
    texts += await _column(connection, select(chat.text).where(written).order_by(chat.seq))
    return texts


async def _marks(connection: AsyncConnection, item: str, *, supervision: bool) -> list[str]:
    m = library_marks.c
    there = (m.item_id == item) & m.deleted_ms.is_(None)
    return await _column(connection, select(m.text).where(there, m.supervision.is_(supervision)))


async def _column(connection: AsyncConnection, query: Any) -> list[str]:
    return [row[0] for row in await connection.execute(query.limit(MAX_TEXTS))]
