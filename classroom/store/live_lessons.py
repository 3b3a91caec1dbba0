"""Live lessons, with since when nobody is in them: asked by whoever ends those that were left behind."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from classroom.model import LessonId, LessonState
from classroom.rules.ending import LeftBehind
from classroom.store.tables import lessons, presence

MAX_LIVE: Final = 2_000
"""In one look; the longest first."""
_l, _p = lessons.c, presence.c
_IN: Final = select(_p.lesson_id).where(_p.lesson_id == _l.id, _p.left_ms.is_(None)).exists()
_LAST: Final = select(func.max(_p.left_ms)).where(_p.lesson_id == _l.id).scalar_subquery()


def left_behind(connection: Connection, begun_ms: int) -> dict[LessonId, LeftBehind]:
    """Those that began from then on and are live: in which nobody is, or which have a planned end."""
    live = (_l.state == LessonState.LIVE) & (_l.started_ms >= begun_ms)
    order = select(_l.id, _l.ends_ms, _l.started_ms).order_by(_l.started_ms).limit(MAX_LIVE)
    occupied = connection.execute(order.where(live, _IN, _l.ends_ms > 0))
    found = {LessonId(row.id): LeftBehind(row.ends_ms, None) for row in occupied}
    for row in connection.execute(order.where(live, ~_IN).add_columns(_LAST.label("left_ms"))):
        # One that nobody was ever in: since it began.
        found[LessonId(row.id)] = LeftBehind(row.ends_ms, max(row.left_ms or 0, row.started_ms))
    return found
