"""Rows that may be there already: what SQLite and PostgreSQL write alike and SQLAlchemy's core does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_unless_there(connection: AsyncConnection, table: Table) -> Insert:
    """An insert that leaves out what a unique index refuses; the transaction goes on."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


async def add_unless_there(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """False: a unique index had such a row already."""
    added = await connection.execute(insert_unless_there(connection, table).values(row))
    return bool(added.rowcount)
