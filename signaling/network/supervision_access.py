"""What supervision's operations have in common: which lesson somebody reaches, and when something was."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from classroom.model import Lesson, LessonId
from classroom.network.model import Office
from classroom.network.supervision import LessonPlaces, reaches_lesson
from classroom.store import supervision_places
from signaling.keys import STORE
from signaling.network.principals import PRINCIPAL
from signaling.problems import Problem
from signaling.rest import read

OVERSEE: Final = frozenset({Office.SUPERVISOR, Office.ORGANIZER})
"""Who looks at lessons that others give."""
GIVE: Final = frozenset({Office.PROVIDER})
MAX_PAGE: Final = 200
Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str, Meta(pattern=r"^([0-9]{1,15}-[A-Za-z0-9_-]{1,64})?$")]
"""`next` of a page; empty: the first one is asked for."""
IdText = Annotated[str, Meta(max_length=64)]


async def reached_lesson(
    request: web.Request, offices: Collection[Office], lesson: str = ""
) -> tuple[Lesson, LessonPlaces]:
    """The lesson, else that of the path, for a principal who reaches it by one of the offices. Problem
    not-found, whether or not there is one; not-ready."""
    store, name = request.app[STORE], lesson or request.match_info["lesson"]
    found = await read(store.lesson(LessonId(name)))
    places = await places_of(request, name)
    if found is None or not reaches_lesson(request[PRINCIPAL], offices, places):
        raise Problem("not-found")
    return found, places


async def places_of(request: web.Request, lesson: str) -> LessonPlaces:
    found = await read(request.app[STORE].network.read(supervision_places.lesson_places, (lesson,)))
    return found[lesson]


def cursor(at_ms: int, name: str) -> str:
    """Where the next page begins: for `after`."""
    return f"{at_ms}-{name}"


def before(text: Cursor) -> tuple[int, str] | None:
    """None: the first page."""
    at_ms, _, name = text.partition("-")
    return (int(at_ms), name) if text else None
