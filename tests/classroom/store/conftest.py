"""Stores on databases of their own, SQLite and PostgreSQL, closed at the end."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from classroom.store.engine import make_engine, sqlite_url
from classroom.store.migrate import upgrade
from classroom.store.store import Store
from classroom.store.tables import metadata
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
        async with asyncio.timeout(30):
            await self._changed.wait()
        self._changed.clear()
        return self.changes[-1]


@dataclass
class Database:
    """An empty database, and what another program can do to it."""

    url: str
    run: Callable[[str], list[tuple[Any, ...]]]
    """Carries out one statement."""
    locked: Callable[[], AbstractContextManager[None]]
    """Nobody else can write while the block lasts."""
    lock_error: str
    """What they are told."""


def _sqlite(file: Path) -> Database:
    def run(query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(file)) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def locked() -> Iterator[None]:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield

    return Database(str(sqlite_url(file)), run, locked, "database is locked")


async def _hold_lock(url: str, taken: threading.Event, release: threading.Event) -> None:
    connection = await asyncpg.connect(url)
    names = ", ".join(f'"{name}"' for name in metadata.tables)
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")
        taken.set()
        await asyncio.to_thread(release.wait, 30)
    await connection.close()


def _postgresql(server: Any, name: str) -> Database:
    @contextmanager
    def locked() -> Iterator[None]:
        taken, release = threading.Event(), threading.Event()
        with ThreadPoolExecutor(1) as thread:
            held = thread.submit(asyncio.run, _hold_lock(server.url(name), taken, release))
            assert taken.wait(30)
            try:
                yield
            finally:
                release.set()
            held.result()

    return Database(
        server.url(name),
        lambda query: server.run(query, name),
        locked,
        "canceling statement due to lock timeout",
    )


EMPTIED = """
DO $$
DECLARE filled text;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    -- The audit refuses to be emptied.
    SET LOCAL session_replication_role = replica;
    SELECT string_agg(format('%I', relname), ', ') INTO filled FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0;
    IF filled IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || filled || ' RESTART IDENTITY CASCADE';
    END IF;
END $$
"""
"""Whoever is still connected is thrown out; tables that were written to, also in vain, are as new."""


@contextmanager
def _lent(server: Any, name: str) -> Iterator[Database]:
    """The same to one after the other: emptying what was filled takes an eighth of what a new one takes."""
    yield _postgresql(server, name)
    server.run(EMPTIED, name)


@contextmanager
def _empty(server: Any) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex}"
    server.run(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
    yield _postgresql(server, name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


@pytest.fixture(scope="session")
def migrated(postgres: Any, compiled_once: None) -> str:
    """The name of a database with all tables and no rows, for who leaves it so."""
    postgres.run("CREATE DATABASE migrated TEMPLATE template0")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _migrate(postgres.url("migrated"))).result()
    return "migrated"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Every test that uses it runs on both."""
    if request.param == "sqlite":
        file = tmp_path / "tongke.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), file)
        yield _sqlite(file)
        return
    name = request.getfixturevalue("migrated")
    with _lent(request.getfixturevalue("postgres"), name) as lent:
        yield lent


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The same, surely without tables."""
    if request.param == "sqlite":
        yield _sqlite(tmp_path / "empty.db")
        return
    with _empty(request.getfixturevalue("postgres")) as empty:
        yield empty


@pytest.fixture
def health_log() -> HealthLog:
    return HealthLog()


@pytest_asyncio.fixture
async def open_store(database: Database, fake_clock: Any) -> AsyncIterator[OpenStore]:
    """`await open_store(**options of Store.open)` on `database`, with `fake_clock`."""
    stores: list[Store] = []

    async def make(**options: Any) -> Store:
        # What a store notes behind a test's back must not find its next change in the way, or the other way.
        options = {"clock": fake_clock, "busy_timeout_s": 30.0} | options
        store = await Store.open(database.url, **options)
        stores.append(store)
        return store

    yield make
    for store in stores:
        await store.close()


@pytest_asyncio.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


@pytest.fixture
def sql(database: Database) -> Callable[[str], list[tuple[Any, ...]]]:
    """Reads the database as another program would."""
    return database.run
