"""The schema: brings a database to the newest one, and drafts the next migration for who changes `tables`."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, select

_SCRIPTS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x746F6E67
"""A number of our own among PostgreSQL's advisory locks."""


_BY_HAND = "library_words"
"""What they begin with that are another thing in each database, and what SQLite makes beside them."""


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic compares it with `tables`."""
    return kind != "table" or not (name or "").startswith(_BY_HAND)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs the migrations that are missing, up to the revision `to`. Raises alembic.util.CommandError for a
    database of a newer Tongke."""
    if connection.dialect.name == "postgresql":
        # Two servers that start at once migrate one after the other.
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    # Alembic runs all its scripts to find that none is missing.
    if MigrationContext.configure(connection).get_current_heads() != (_newest(),):
        command.upgrade(_config(connection), to)


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # ConfigParser reads % as interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("file_template", "m%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def draft(message: str) -> None:
    """Writes a migration from what the migrations make to what `tables` says."""
    with create_engine("sqlite://").connect() as connection:
        upgrade(connection)
        number = f"{len(list((_SCRIPTS / 'versions').glob('m*.py'))) + 1:04}"
        command.revision(_config(connection), message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    draft(sys.argv[1])
