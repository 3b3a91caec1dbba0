from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from classroom.store.engine import make_engine, sqlite_url


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
