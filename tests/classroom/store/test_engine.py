from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from classroom.store.engine import make_engine, sqlite_url
from classroom.store.store import Store, StoreUnavailable


@pytest.mark.parametrize("name", ["plain", "with blank", "50%", "a?b=c#d", "课堂"])
async def test_any_path_is_a_database(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    engine = make_engine(sqlite_url(folder / "tongke.db"))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (x)"))
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        found = [(await connection.execute(text(f"PRAGMA {pragma}"))).scalar() for pragma in pragmas]
    await engine.dispose()
    assert found == ["wal", 2, 1]
    assert (folder / "tongke.db").is_file()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "database URL"),
        ("postgresql+nodriver://x/y", "database URL"),
        ("postgresql+psycopg2://x/y", "write postgresql://"),
        ("postgresql://x/y?sslmode=disable&fsync=off", "unknown options fsync"),
        ("postgresql://127.0.0.1:1/y", "Connect call failed"),
        ("sqlite+aiosqlite:////nowhere/at/all/tongke.db", "unable to open"),
    ],
)
async def test_a_database_that_cannot_be_opened_says_why(url: str, reason: str) -> None:
    with pytest.raises(StoreUnavailable, match=reason):
        await Store.open(url)
