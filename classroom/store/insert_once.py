"""A row that is written unless one of its key is there: INSERT ... ON CONFLICT DO NOTHING, which both
databases know and neither has in standard SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_once(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """False: there was one; it stands as it was, and the transaction goes on."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    written = await connection.execute(insert(table).values(row).on_conflict_do_nothing())
    return bool(written.rowcount)
