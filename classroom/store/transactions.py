"""How the writer has its transactions carried out, and what looks at the database again and again its looks:
each whole, in one go, beside the event loop.

The driver for SQLite hands every single call to a thread and waits for its answer: thirty times for a batch
of facts, each time waking two threads. So there a batch goes as a whole to a thread that has a connection of
its own; PostgreSQL's driver speaks with its server from the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from classroom.store.engine import BUSY_TIMEOUT_S, make_blocking_engine

Work = Callable[[Connection], None]
T = TypeVar("T")


class Transactions(Protocol):
    async def __call__(self, work: Work) -> None:
        """Carries out `work` in a transaction of its own. Raises what it raises, or what the database says of
        the commit; then nothing of it was written."""

    async def look(self, query: Callable[[Connection], T]) -> T:
        """Reads something. Raises what it raises."""

    async def close(self) -> None:
        """Waits for what is being carried out; afterwards nothing more is. Idempotent."""


class InLoop:
    """By the engine's own connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # Each statement by itself: to begin and to end a transaction are two more ways there and back.
        self._looking = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def __call__(self, work: Work) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(work)

    async def look(self, query: Callable[[Connection], T]) -> T:
        async with self._looking.connect() as connection:
            return await connection.run_sync(query)

    async def close(self) -> None:
        """The connections are the engine's."""


class InThread:
    """By connections to the same SQLite file that stay in threads: one writes, another looks, so that who
    looks does not wait for the disk."""

    def __init__(self, engine: AsyncEngine, busy_timeout_s: float) -> None:
        self._engine = make_blocking_engine(engine.url, busy_timeout_s)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="store-reader")

    async def __call__(self, work: Work) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._carry_out, work)

    async def look(self, query: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._looking, self._look, query)

    async def close(self) -> None:
        # Who waited may be gone already, while the thread still waits for another program's lock.
        await asyncio.to_thread(self._thread.shutdown)
        await asyncio.to_thread(self._looking.shutdown)
        self._engine.dispose()

    def _carry_out(self, work: Work) -> None:
        with self._engine.begin() as connection:
            work(connection)

    def _look(self, query: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return query(connection)


def transactions(engine: AsyncEngine, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Transactions:
    """For the database of this engine."""
    return InThread(engine, busy_timeout_s) if engine.dialect.name == "sqlite" else InLoop(engine)
