"""Finding items: by words, by what they are, and by who asks. SQLite's FTS5 or PostgreSQL's tsvector; the
words are ours (`classroom.library.words`), so both find the same.

Theory of operation
-------------------
A question is one condition over `library_items`: what the asker may see (`_seen_by`, the same rules as
`classroom.library.rules`, as SQL; a test compares the two), what is chosen in the facets, and the numbers
of the items that have all the words. From it come a page, newest first, and the count of each facet's
values. A page follows the one before by the place where that ended, so pages neither repeat nor miss items
when new ones come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.rules import DISTRICT, SCHOOL, Party, Viewer, Visibility
from classroom.library.words import Asked, asked
from classroom.model import Role
from classroom.store.library_items import ItemRecord, record
from classroom.store.library_tables import library_grants, library_items, library_places

FACETS: Final = ("subject", "provider", "master", "month")
FACET_VALUES: Final = 30
"""Of each facet, the most frequent: what fits beside a list."""
LISTED: Final = ("live", "ready")

_items = library_items.c


@dataclass(frozen=True, slots=True)
class Question:
    viewer: Viewer
    words: str = ""
    lesson: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Facet -> value."""
    state: str = ""
    after: tuple[int, int] | None = None
    """(started_ms, number) of the last item of the page before."""
    limit: int = 24


@dataclass(frozen=True, slots=True)
class Found:
    items: tuple[ItemRecord, ...]
    more: bool
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]
    """Facet -> values with their counts, the most frequent first; of a chosen facet as if it were not."""


async def page(connection: AsyncConnection, question: Question) -> tuple[tuple[ItemRecord, ...], bool]:
    """(items, newest first; whether there are more)."""
    condition = _condition(connection, question)
    query = select(library_items).where(condition)
    if question.after is not None:
        place = tuple_(_items.started_ms, _items.number)
        query = query.where(place < tuple_(*question.after))
    query = query.order_by(_items.started_ms.desc(), _items.number.desc()).limit(question.limit + 1)
    rows = (await connection.execute(query)).all()
    return tuple(record(row) for row in rows[: question.limit]), len(rows) > question.limit


async def total(connection: AsyncConnection, question: Question) -> int:
    condition = _condition(connection, question)
    return (
        await connection.execute(select(func.count()).select_from(library_items).where(condition))
    ).scalar() or 0


async def facet(connection: AsyncConnection, question: Question, name: str) -> tuple[tuple[str, int], ...]:
    """Values and counts, the most frequent first."""
    column, count = library_items.c[name], func.count()
    condition = _condition(connection, question, without=name)
    query: Select[Any] = select(column, count).where(condition, column != "").group_by(column)
    order = (column.desc(),) if name == "month" else (count.desc(), column)
    found = await connection.execute(query.order_by(*order).limit(FACET_VALUES))
    return tuple((value, number) for value, number in found)


def _condition(connection: AsyncConnection, question: Question, without: str = "") -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [
        _items.state.in_((question.state,) if question.state in LISTED else LISTED)
    ]
    if question.lesson:
        parts.append(_items.lesson_id == question.lesson)
    parts += [library_items.c[name] == value for name, value in question.chosen.items() if name != without]
    if words := asked(question.words):
        parts.append(_items.number.in_(_numbers(connection.dialect.name, words)))
    elif question.words.strip():
        parts.append(false())  # nothing in it that a text could have
    return and_(*parts, _seen_by(question.viewer))


def _numbers(dialect: str, words: Sequence[Asked]) -> Select[Any]:
    """The numbers of the items that have all of them. The words are letters and digits of whatever script:
    nothing that either language of questions could take for its own."""
    if dialect == "postgresql":
        said = " & ".join(f"'{one.word}':*" if one.prefix else f"'{one.word}'" for one in words)
        where = text("words @@ CAST(:said AS tsquery)").bindparams(said=said)
    else:
        said = " AND ".join(f'"{one.word}"*' if one.prefix else f'"{one.word}"' for one in words)
        where = text("library_words MATCH :said").bindparams(said=said)
    number = "number" if dialect == "postgresql" else "rowid"
    return select(literal_column(number)).select_from(text("library_words")).where(where)


def _seen_by(viewer: Viewer) -> ColumnElement[bool]:
    """As `Holding.right`, but for who was sent out of a lesson that goes on: they see that there is an
    item."""
    if viewer.role is Role.ORGANIZER:
        return true()
    schools, districts = viewer.values(SCHOOL), viewer.values(DISTRICT)
    at_school = or_(
        _items.provider.in_(schools),
        _items.id.in_(select(library_places.c.item_id).where(library_places.c.school.in_(schools))),
    )
    in_district = _items.district.in_(districts)
    seen = [_items.lesson_id == viewer.lesson, _items.visibility == Visibility.ALL]
    if schools:
        seen.append(and_(_items.visibility.in_((Visibility.SCHOOL, Visibility.DISTRICT)), at_school))
    if districts:
        seen.append(and_(_items.visibility == Visibility.DISTRICT, in_district))
    if viewer.role is Role.SUPERVISOR:
        if not schools and not districts:
            seen.append(true())
        seen += [at_school] * bool(schools) + [in_district] * bool(districts)
    return _by_name(viewer, or_(*seen))


def _by_name(viewer: Viewer, seen: ColumnElement[bool]) -> ColumnElement[bool]:
    """The most precise word about the viewer decides, before all else."""
    grants = library_grants.c
    about = (
        (Party.PERSON, {viewer.person}),
        (Party.CLASS, {viewer.class_id} - {""}),
        (Party.SCHOOL, viewer.values(SCHOOL)),
        (Party.DISTRICT, viewer.values(DISTRICT)),
    )
    for party, values in reversed(about):
        if not values:
            continue
        named = select(grants.item_id).where(grants.party == party, grants.value.in_(values))
        out = _items.id.in_(named.where(~grants.allowed))
        seen = and_(~out, or_(_items.id.in_(named.where(grants.allowed)), seen))
    return seen


async def put_words(connection: AsyncConnection, number: int, words: Sequence[str], seq: int) -> None:
    """What the item is found by from now on; seq: the lesson's event up to which that is so."""
    key = "number" if connection.dialect.name == "postgresql" else "rowid"
    await connection.execute(text(f"DELETE FROM library_words WHERE {key} = :number"), {"number": number})
    if connection.dialect.name == "postgresql":
        made = text("INSERT INTO library_words VALUES (:number, array_to_tsvector(CAST(:words AS text[])))")
        await connection.execute(made, {"number": number, "words": list(words)})
    else:
        made = text("INSERT INTO library_words (rowid, words) VALUES (:number, :words)")
        await connection.execute(made, {"number": number, "words": " ".join(words)})
    at = _items.number == number
    await connection.execute(update(library_items).where(at).values(indexed_seq=seq))


async def drop_words(connection: AsyncConnection, number: int) -> None:
    key = "number" if connection.dialect.name == "postgresql" else "rowid"
    await connection.execute(text(f"DELETE FROM library_words WHERE {key} = :number"), {"number": number})
