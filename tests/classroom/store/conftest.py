"""Stores on files of their own, closed at the end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from classroom.store.engine import sqlite_url
from classroom.store.store import Store
from classroom.store.writer import StoreHealth

OpenStore = Callable[..., Awaitable[Store]]


@pytest_asyncio.fixture(autouse=True)
async def threads_end() -> AsyncIterator[None]:
    """Every connection's thread ends while the loop that it answers to is still there; the driver does not
    wait for the thread of a connection that could not be opened."""
    yield
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10)
            assert not thread.is_alive()


class HealthLog:
    """Hears of every change of a store's health."""

    def __init__(self) -> None:
        self.changes: list[StoreHealth] = []
        self._changed = asyncio.Event()

    def __call__(self, health: StoreHealth) -> None:
        self.changes.append(health)
        self._changed.set()

    async def next(self) -> StoreHealth:
        async with asyncio.timeout(10):
            await self._changed.wait()
        self._changed.clear()
        return self.changes[-1]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "tongke.db"


@pytest.fixture
def health_log() -> HealthLog:
    return HealthLog()


@pytest_asyncio.fixture
async def open_store(database: Path, fake_clock: Any) -> AsyncIterator[OpenStore]:
    """`await open_store(**options of Store.open)` on `database`, with `fake_clock`."""
    stores: list[Store] = []

    async def make(**options: Any) -> Store:
        store = await Store.open(sqlite_url(database), clock=fake_clock, busy_timeout_s=0.0, **options)
        stores.append(store)
        return store

    yield make
    for store in stores:
        await store.close()


@pytest_asyncio.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


@pytest.fixture
def sql(database: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    """Reads the database as another program would."""

    def run(query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute(query).fetchall()

    return run
