from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from classroom.store import migrate
from classroom.store.engine import sqlite_url
from classroom.store.migrate import _config, upgrade
from classroom.store.store import Store, StoreUnavailable
from classroom.store.tables import metadata


def test_the_migrations_make_what_the_tables_say() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_migrating_again_changes_nothing() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        connection.execute(text("INSERT INTO server (id, alive_ms) VALUES (1, 7)"))
        upgrade(connection)
        assert connection.execute(text("SELECT alive_ms FROM server")).scalar() == 7
    engine.dispose()


def test_events_of_before_get_the_clock_of_their_lesson() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0002")
        for lesson, started_ms in (("L", 100), ("M", 0)):
            connection.execute(
                text(f"INSERT INTO lessons VALUES ('{lesson}', '', 'live', 'lecture', true, {started_ms}, 0)")
            )
            for seq, at_ms in enumerate((90, 130), 1):
                connection.execute(
                    text(f"INSERT INTO events VALUES ('{lesson}', {seq}, {at_ms}, 'k', NULL, '')")
                )
        upgrade(connection)
        query = text("SELECT elapsed_ms FROM events ORDER BY lesson_id, seq")
        assert connection.execute(query).scalars().all() == [0, 30, 0, 0]
    engine.dispose()


async def test_a_database_of_a_newer_version_is_refused_and_kept(database: Path) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        upgrade(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="9999"):
        await Store.open(sqlite_url(database))
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


def test_the_scripts_are_shipped_with_the_package() -> None:
    scripts = Path(migrate.__file__).parent / "migrations"
    assert (scripts / "env.py").is_file()
    assert (scripts / "script.py.mako").is_file()
