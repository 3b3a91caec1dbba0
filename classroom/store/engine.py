"""The database's engine: SQLAlchemy over aiosqlite, or whatever async driver the URL names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_S = 2.0
"""SQLite waits so long for another program's lock; after it, the write is tried again later."""


SQLITE_HEADER = b"SQLite format 3\0"
"""The first bytes of a database file (SQLite file format, 1.3); an empty file is a database too."""


def is_foreign_file(url: str | URL) -> bool:
    """Whether the URL names a file that is no SQLite database. Asked before connecting: a driver that finds
    out leaves a thread behind that outlives the failure."""
    url = make_url(url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return False
    try:
        with Path(url.database).open("rb") as file:
            start = file.read(len(SQLITE_HEADER))
    except OSError:
        return False  # missing, or not to be read: connecting says so
    return start not in (b"", SQLITE_HEADER)


def sqlite_url(path: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(path))


def make_engine(url: str | URL, busy_timeout_s: float = BUSY_TIMEOUT_S) -> AsyncEngine:
    """Raises sqlalchemy.exc.ArgumentError for what is no URL, NoSuchModuleError for a driver that is not
    there."""
    url = make_url(url)
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(url, connect_args={"timeout": busy_timeout_s})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    try:
        _set_pragmas(connection)
    except BaseException:
        # The pool does not know it yet, so nobody else would end its thread.
        connection.close()
        raise


def _set_pragmas(connection: Any) -> None:
    cursor = connection.cursor()
    # WAL: who reads (a report, a backup) does not stop who writes. FULL: a commit is on the disk when it
    # returns; it costs one fsync for a batch.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
