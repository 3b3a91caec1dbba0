"""The record of what was done: in order, by place, and never changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from classroom.network.model import ROOT, Path
from classroom.store import audit
from classroom.store.audit import Deed
from classroom.store.store import Store, StoreUnavailable

SCHOOL, OTHER = Path("/c/d/s/"), Path("/c/d/s1/")


async def fill(store: Store) -> None:
    for at_ms, (path, thing) in enumerate(((SCHOOL, "a"), (OTHER, "b"), (SCHOOL, "c"), (Path("/c/"), "d"))):
        deed = Deed(at_ms, "p" if at_ms % 2 else "q", "done", path, thing, {"why": "还好"})
        await store.network.change(audit.record, deed)


async def things(store: Store, *paths: Path, **asked: Any) -> str:
    found = await store.network.read(audit.listed, paths, **asked)
    return "".join(each.deed.object for each in found)


async def test_the_latest_first_of_the_places_that_are_reached(store: Store) -> None:
    await fill(store)
    assert await things(store, SCHOOL) == "ca"
    assert await things(store, Path("/c/d/")) == "cba"
    assert await things(store, ROOT) == "dcba"
    assert await things(store, SCHOOL, OTHER) == "cba"
    assert await things(store) == ""


async def test_filters_and_pages(store: Store) -> None:
    await fill(store)
    assert await things(store, ROOT, person="p") == "db"
    assert await things(store, ROOT, object_id="c") == "c"
    assert await things(store, ROOT, deeds=["other"]) == ""
    assert await things(store, ROOT, from_ms=1, until_ms=3) == "cb"
    first = await store.network.read(audit.listed, [ROOT], limit=2)
    assert await things(store, ROOT, before=first[-1].seq) == "ba"
    assert await things(store, ROOT, after=first[-1].seq) == "d"
    assert await things(store, ROOT, after=0) == "abcd"


@pytest.mark.parametrize("statement", ["UPDATE audit SET person_id = 'x'", "DELETE FROM audit"])
async def test_the_database_itself_keeps_it(store: Store, sql: Callable[[str], Any], statement: str) -> None:
    await fill(store)
    with pytest.raises(Exception, match="append-only"):
        sql(statement)
    assert await things(store, ROOT) == "dcba"


async def test_a_row_is_not_written_over_by_one_of_its_number(
    store: Store, database: Any, sql: Callable[[str], Any]
) -> None:
    await fill(store)
    (first,) = await store.network.read(audit.listed, [ROOT], after=0, limit=1)
    columns = "(seq, at_ms, person_id, deed, path, object_id, body)"
    row = f"INTO audit {columns} VALUES ({first.seq}, 0, 'x', 'done', '/', 'x', '{{}}')"
    sqlite = str(database.url).startswith("sqlite")
    statement = (
        f"REPLACE {row}" if sqlite else f"INSERT {row} ON CONFLICT (seq) DO UPDATE SET person_id = 'x'"
    )
    with pytest.raises(Exception, match="append-only"):
        sql(statement)
    assert await things(store, ROOT) == "dcba"


async def test_it_stands_or_falls_with_what_was_done(store: Store) -> None:
    async def fails(connection: Any) -> None:
        await audit.record(connection, Deed(1, "p", "done", SCHOOL, "a"))
        raise OSError("the disk went away")

    with pytest.raises(StoreUnavailable):
        await store.network.change(fails)
    assert await things(store, ROOT) == ""
