"""Live lessons and since when nobody is in them, in both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.rules.ending import LeftBehind
from classroom.store.live_lessons import left_behind
from classroom.store.tables import lessons, presence

ROW = {"title": "光", "phase": "lecture", "recorded": True, "starts_ms": 0, "ended_ms": 0, "shared": "{}"}


async def _fill(connection: AsyncConnection) -> None:
    rows = [
        ROW | {"id": name, "state": state, "started_ms": started_ms, "ends_ms": ends_ms}
        for name, state, started_ms, ends_ms in (
            ("occupied", "live", 10, 0),
            ("planned", "live", 10, 99),
            ("left", "live", 10, 99),
            ("alone", "live", 20, 0),
            ("old", "live", 1, 0),
            ("over", "ended", 10, 99),
        )
    ]
    await connection.execute(insert(lessons), rows)
    came = [("occupied", 1, None), ("planned", 1, 30), ("planned", 2, None), ("left", 1, 30), ("left", 2, 40)]
    person = {"person_id": "p", "role": "encoder", "class_id": None, "joined_ms": 11, "cause": None}
    await connection.execute(
        insert(presence),
        [person | {"lesson_id": lesson, "seq": seq, "left_ms": left_ms} for lesson, seq, left_ms in came],
    )


async def test_who_is_left_behind(open_store: Any) -> None:
    store = await open_store()
    await store.network.change(_fill)
    assert await store.network.look(left_behind, 5) == {
        "planned": LeftBehind(99, None),
        "left": LeftBehind(99, 40),
        "alone": LeftBehind(0, 20),
    }
    assert "old" in await store.network.look(left_behind, 0)
