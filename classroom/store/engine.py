"""The database's engine: SQLite by aiosqlite, or PostgreSQL by asyncpg. What the two do not have alike stands
here: how a connection is prepared, how long a lock is waited for, and which errors may pass."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InvalidatePoolError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

BUSY_TIMEOUT_S = 2.0
"""SQLite waits so long for another program's lock; after it, the write is tried again later."""
CONNECT_TIMEOUT_S = 5.0
"""For a PostgreSQL server that does not answer at all."""
CONNECTIONS = 15
"""To a PostgreSQL server, opened when they are needed and kept: a new one costs both sides 100 ms, most of it
to look up what types there are, and has no statement prepared. The one that rested least is taken first."""
POOL_TIMEOUT_S = 15.0
"""For one of them, while hundreds ask at once: as long as people wait for a page."""
RESTED_S = 1.0
"""A connection that was used later than this ago is taken to be there."""
COMMAND_TIMEOUT_S = 30.0
"""For a statement of which no answer comes, because the network swallowed it."""

_USED_S = "used_s"
"""In a connection's record: when it was last used, by the monotonic clock."""
_POSTGRESQL = frozenset({"postgresql", "postgres"})
_POSTGRESQL_OPTIONS = frozenset({"ssl", "host", "port"})
"""That a URL may carry after `?`; `sslmode` is `ssl`."""

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


def without_password(url: str) -> str:
    """As a terminal or a log may show it."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "***" if "@" in url else url


def make_engine(url: str | URL, busy_timeout_s: float = BUSY_TIMEOUT_S) -> AsyncEngine:
    """Raises sqlalchemy.exc.ArgumentError for what is no URL or has options that it cannot have,
    NoSuchModuleError for a driver that is not there."""
    url = make_url(url)
    if url.get_backend_name() in _POSTGRESQL:
        return _postgresql_engine(url, busy_timeout_s)
    engine = create_async_engine(url, connect_args={"timeout": busy_timeout_s})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def make_blocking_engine(url: URL, busy_timeout_s: float) -> Engine:
    """Of SQLite: for the same file, prepared alike, whose connections work in the thread that asks."""
    engine = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": busy_timeout_s})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _postgresql_engine(url: URL, busy_timeout_s: float) -> AsyncEngine:
    if url.drivername in _POSTGRESQL:
        url = url.set(drivername="postgresql+asyncpg")
    if url.drivername != "postgresql+asyncpg":
        raise ArgumentError(f"{url.drivername} is not asynchronous; write postgresql://")
    if "sslmode" in url.query:
        # As libpq, and so every operator, spells it.
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})
    if unknown := set(url.query) - _POSTGRESQL_OPTIONS:
        raise ArgumentError(f"unknown options {', '.join(sorted(unknown))}")
    settings = {
        "application_name": "tongke",
        # Compiling a query takes longer than any of ours; the driver's question about types, seconds.
        "jit": "off",
        # 0 would mean for ever.
        "lock_timeout": str(max(1, round(busy_timeout_s * 1000))),
    }
    arguments = {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": COMMAND_TIMEOUT_S,
        "server_settings": settings,
    }
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_use_lifo=True,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args=arguments,
    )
    event.listen(engine.sync_engine, "connect", _used)
    event.listen(engine.sync_engine, "checkin", _used)
    event.listen(engine.sync_engine, "checkout", partial(_check_rested, engine.sync_engine.dialect))
    return engine


def _used(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_USED_S] = time.monotonic()


def _check_rested(
    dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """A server that was restarted is noticed here, not by whoever comes first: a line that was cut is known
    to be, one that has rested is asked. (SQLAlchemy's own `pool_pre_ping` asks before each use, three ways to
    the server and back: in a storm of requests, 40 % of all that the server's process does.)"""
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
    if time.monotonic() - record.info[_USED_S] < RESTED_S:
        return
    try:
        dialect.do_ping(connection)
    except (dialect.loaded_dbapi.Error, OSError) as error:
        raise InvalidatePoolError from error


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


_NEVER = frozenset({"22", "23", "42"})
"""Classes of SQLSTATE (PostgreSQL, appendix A): the data, its integrity or the statement is at fault."""


def may_pass(error: Exception) -> bool:
    """Whether the same rows may be taken later: the trouble is the database's, not the rows'."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeoutError | OSError)
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return state[:2] not in _NEVER
    if isinstance(error, InterfaceError):
        return bool(error.connection_invalidated)
    return not isinstance(error, IntegrityError | DataError | ProgrammingError | NotSupportedError)


def reason(error: BaseException) -> str:
    """What the database said, without what SQLAlchemy and the driver wrap it in."""
    original = getattr(error, "orig", None) or error
    # SQLAlchemy's own translation of asyncpg's errors keeps what was said as the cause.
    said = original.__cause__ if hasattr(original, "sqlstate") and original.__cause__ else original
    return str(said) or type(said).__name__
