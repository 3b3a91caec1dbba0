"""What only SQLite can suffer: a file that is full, or none of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from classroom.events import PersonJoined
from classroom.model import LessonId, Person, PersonId, Role
from classroom.store import writer
from classroom.store.engine import sqlite_url
from classroom.store.store import Store, StoreUnavailable

L = LessonId("L")


def limit_pages(connection: Connection, pages: int) -> None:
    connection.execute(text(f"PRAGMA max_page_count = {pages}"))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_full_disk_is_waited_for(open_store: Any, health_log: Any, fake_clock: Any) -> None:
    store = await open_store(on_health=health_log)
    # Of a connection, not of the file: the writer's own is meant.
    await store._writer._transact(
        lambda connection: limit_pages(connection, connection.scalar(text("PRAGMA page_count")))
    )
    for number in range(300):
        person = Person(PersonId(f"p{number}"), f"P{number}", Role.STUDENT)
        store.observe(PersonJoined(lesson_id=L, at_ms=number, person=person))
    assert (await health_log.next()).error == "database or disk is full"
    await store._writer._transact(lambda connection: limit_pages(connection, 1_000_000))
    flushed = store.flush()
    await fake_clock.advance(writer.MAX_BACKOFF_S)
    await flushed
    assert (store.health.ok, store.health.written) == (True, 300)
    assert len(await store.presence(L)) == 300


@pytest.fixture
def letter(tmp_path: Path) -> Iterator[Path]:
    """A file that is no database, and must be found unchanged."""
    database = tmp_path / "tongke.db"
    content = b"not a database, but something somebody may miss" * 100
    database.write_bytes(content)
    yield database
    assert database.read_bytes() == content


async def test_a_file_that_is_no_database_is_refused_and_kept(letter: Path) -> None:
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Store.open(sqlite_url(letter))
