"""The schema: brings a database to the newest one, and drafts the next migration for who changes `tables`.

Loading Alembic takes longer than opening a database that is up to date: it is loaded where it is needed."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, create_engine, func, inspect, select, table

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x746F6E67
"""A number of our own among PostgreSQL's advisory locks."""
_VERSION = table("alembic_version", column("version_num"))
"""Where Alembic notes the revision of a database."""


_BY_HAND = "library_words"
"""What they begin with that are another thing in each database, and what SQLite makes beside them."""


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic compares it with `tables`."""
    return kind != "table" or not (name or "").startswith(_BY_HAND)


class SchemaError(Exception):
    """The database is of a newer Tongke, or of none; the text says so in Alembic's words."""


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs the migrations that are missing, up to the revision `to`. Raises SchemaError."""
    if connection.dialect.name == "postgresql":
        # Two servers that start at once migrate one after the other.
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    if _revisions(connection) == [newest()]:
        return
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(_config(connection), to)
    except CommandError as error:
        raise SchemaError(str(error)) from error


def _revisions(connection: Connection) -> list[str]:
    """One, after the first migration."""
    if not inspect(connection).has_table(_VERSION.name):
        return []
    return list(connection.execute(select(_VERSION.c.version_num)).scalars())


@cache
def newest() -> str:
    """The revision of the last migration, which its file's name begins with: `m0026_parents.py`."""
    return max(file.name[1:5] for file in (_SCRIPTS / "versions").glob("m*.py"))


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    # ConfigParser reads % as interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("file_template", "m%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def draft(message: str) -> None:
    """Writes a migration from what the migrations make to what `tables` says."""
    from alembic import command

    with create_engine("sqlite://").connect() as connection:
        upgrade(connection)
        number = f"{len(list((_SCRIPTS / 'versions').glob('m*.py'))) + 1:04}"
        command.revision(_config(connection), message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    draft(sys.argv[1])
