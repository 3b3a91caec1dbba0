"""The library's part of the database alone, for programs beside a server: nothing is recovered, no room is
closed, no writer runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.store.engine import make_engine, reason
from classroom.store.library import LibraryStore
from classroom.store.migrate import SchemaError, upgrade
from classroom.store.outbox import StoreUnavailable

T = TypeVar("T")


@asynccontextmanager
async def open_library(url: str) -> AsyncIterator[LibraryStore]:
    """Raises StoreUnavailable."""
    engine = make_engine(url)

    async def read(work: Callable[[AsyncConnection], Awaitable[T]], /) -> T:
        try:
            async with engine.connect() as connection:
                return await work(connection)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(reason(error)) from error

    async def look(query: Callable[[Connection], T], /) -> T:
        return await read(lambda connection: connection.run_sync(query))

    async def change(work: Callable[[AsyncConnection], Awaitable[T]], /) -> T:
        try:
            async with engine.begin() as connection:
                return await work(connection)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(reason(error)) from error

    async def write(work: Callable[[Connection], None], /) -> None:
        await change(lambda connection: connection.run_sync(work))

    try:
        try:
            async with engine.begin() as connection:
                await connection.run_sync(upgrade)
        except (SQLAlchemyError, SchemaError, OSError) as error:
            raise StoreUnavailable(reason(error)) from error
        yield LibraryStore(read, change, look, write)
    finally:
        await engine.dispose()
