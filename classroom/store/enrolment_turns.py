"""Who decides about a lesson's places, one after the other: taken at the beginning of a transaction, given
back at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCKS = text(
    "SELECT count(pg_advisory_xact_lock(key)) FROM (SELECT unnest(:keys) AS key ORDER BY 1) AS keys"
).bindparams(bindparam("keys", type_=ARRAY(BigInteger)))


async def begin(connection: AsyncConnection) -> None:
    """First of all: SQLite has one writer, and a transaction that reads before it writes may find that
    somebody else has written in between."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")


async def take(connection: AsyncConnection, names: Iterable[str]) -> None:
    """Nobody else decides about these until the transaction is over. PostgreSQL: advisory locks, in the order
    of their numbers, so that no two wait for each other; whoever takes turns twice in a transaction does so
    in the same order of kinds as everybody else: lessons and parties, then quotas."""
    if connection.dialect.name == "postgresql" and (keys := sorted({_key(name) for name in names})):
        await connection.execute(_LOCKS, {"keys": keys})


def _key(name: str) -> int:
    digest = hashlib.blake2b(name.encode(), digest_size=8, person=b"enrol").digest()
    return int.from_bytes(digest, "big", signed=True)


def lesson(lesson_id: str) -> str:
    return f"lesson {lesson_id}"


def party(party_id: str) -> str:
    """A class, a person, a tutor."""
    return f"party {party_id}"


def quota(term: str, provider: str) -> str:
    return f"quota {term} {provider}"
