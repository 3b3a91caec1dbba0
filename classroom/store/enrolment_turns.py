"""Who decides about a lesson's places, one after the other: taken at the beginning of a transaction, given
back at its end."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

_TAKE = """
SELECT array_agg(name), count(turn)
FROM (
    SELECT name, pg_advisory_xact_lock(hashtextextended(name, 0)) AS turn
    FROM (SELECT name FROM ({names}) AS named ORDER BY kind, hashtextextended(name, 0)) AS ordered
) AS taken
"""
_NAMED = "SELECT unnest(:names) AS name, 1 AS kind"
_WITH_QUOTAS = f"""
{_NAMED}
UNION
SELECT 'quota ' || offers.term_id || ' ' || courses.provider_id, 2
FROM offers JOIN courses ON courses.id = offers.course_id
WHERE offers.lesson_id = ANY(:lessons) AND offers.term_id != ''
"""
_NAMES = bindparam("names", type_=ARRAY(Text))
_TURNS = text(_TAKE.format(names=_NAMED)).bindparams(_NAMES)
_ALL_TURNS = text(_TAKE.format(names=_WITH_QUOTAS)).bindparams(
    _NAMES, bindparam("lessons", type_=ARRAY(Text))
)


async def begin(connection: AsyncConnection) -> None:
    """First of all: SQLite has one writer, and a transaction that reads before it writes may find that
    somebody else has written in between."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")


async def take(connection: AsyncConnection, names: Iterable[str]) -> None:
    """Nobody else decides about these until the transaction is over. PostgreSQL: advisory locks, in the order
    of their numbers, so that no two wait for each other; whoever takes turns twice in a transaction does so
    in the same order of kinds as everybody else: lessons and parties, then quotas."""
    if connection.dialect.name == "postgresql" and (wanted := sorted(set(names))):
        await connection.execute(_TURNS, {"names": wanted})


async def take_places(
    connection: AsyncConnection, lessons: Collection[str], parties: Collection[str]
) -> frozenset[str]:
    """Whatever places in these lessons are counted in: the lessons, these parties, and, with no other way to
    the database and back, the quotas; which turns were taken. A lesson's quota may have become another one
    until its turn came."""
    if connection.dialect.name != "postgresql":
        return frozenset()
    names = sorted({*map(lesson, lessons), *map(party, parties)})
    asked = {"names": names, "lessons": sorted(lessons)}
    return frozenset((await connection.execute(_ALL_TURNS, asked)).one()[0])


def lesson(lesson_id: str) -> str:
    return f"lesson {lesson_id}"


def party(party_id: str) -> str:
    """A class, a person, a tutor."""
    return f"party {party_id}"


def quota(term: str, provider: str) -> str:
    """As `_WITH_QUOTAS` spells it."""
    return f"quota {term} {provider}"
