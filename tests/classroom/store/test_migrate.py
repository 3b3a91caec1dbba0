from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from classroom.store import (  # noqa: F401 - what there is
    catalogue_tables,
    library_tables,
    mail_tables,
    migrate,
    network_tables,
    supervision_tables,
    timetable_tables,
)
from classroom.store.engine import make_engine
from classroom.store.migrate import _config, upgrade
from classroom.store.store import Store, StoreUnavailable
from classroom.store.tables import metadata


@pytest_asyncio.fixture
async def engine(empty_database: Any) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(empty_database.url)
    yield engine
    await engine.dispose()


async def test_the_migrations_make_what_the_tables_say(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[Any]:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"include_name": migrate.include_name})
        return list(compare_metadata(context, metadata))

    async with engine.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        await connection.execute(text("INSERT INTO server (id, alive_ms) VALUES (1, 7)"))
        await connection.run_sync(upgrade)
        assert (await connection.execute(text("SELECT alive_ms FROM server"))).scalar() == 7


async def test_events_of_before_get_the_clock_of_their_lesson(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), "0002"))
        for lesson, started_ms in (("L", 100), ("M", 0)):
            lesson_row = f"('{lesson}', '', 'live', 'lecture', true, {started_ms}, 0)"
            await connection.execute(text(f"INSERT INTO lessons VALUES {lesson_row}"))
            for seq, at_ms in enumerate((90, 130), 1):
                event_row = f"('{lesson}', {seq}, {at_ms}, 'k', NULL, '')"
                await connection.execute(text(f"INSERT INTO events VALUES {event_row}"))
        await connection.run_sync(upgrade)
        query = text("SELECT elapsed_ms FROM events ORDER BY lesson_id, seq")
        assert (await connection.execute(query)).scalars().all() == [0, 30, 0, 0]


async def test_a_database_of_a_newer_version_is_refused_and_kept(
    empty_database: Any, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="9999"):
        await Store.open(empty_database.url)
    assert empty_database.run("SELECT version_num FROM alembic_version") == [("9999",)]


def test_the_newest_revision_is_that_of_the_last_file() -> None:
    assert migrate.newest() == ScriptDirectory.from_config(_config()).get_current_head()


def test_the_scripts_are_shipped_with_the_package() -> None:
    scripts = Path(migrate.__file__).parent / "migrations"
    assert (scripts / "env.py").is_file()
    assert (scripts / "script.py.mako").is_file()
