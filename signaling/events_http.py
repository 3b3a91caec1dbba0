"""/api/v1/lessons/{lesson}/events and /snapshot: the lesson's stream of events, and its state to begin with
or to reconcile by.

Who follows a lesson takes the snapshot, applies every event after `last_event`, and asks for more with
`?since=` the latest id it has. Events may be asked for again at any time: a client that was away loses
nothing. A hole in the ids is what the server itself had lost, because its database was away too long: take
a new snapshot.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import Lesson, LessonId, Person, PersonId, Role
from classroom.store.reader import StoredEvent
from signaling.keys import STORE
from signaling.messages import ClassView, HandView, PersonView
from signaling.messages_floor import FloorView, StageView
from signaling.messages_talk import ConductView
from signaling.openapi import Operation
from signaling.requests import query
from signaling.rest import LessonDetail, json_response, lesson_detail, lesson_of, read, room_of
from signaling.views import class_view, floor_view, hand_view, person_view, stage_view
from signaling.views_talk import conduct_view

MAX_ID: Final = 2**53
"""What JSON's numbers hold exactly."""
PAGE: Final = 1000
"""Events in one answer: some 200 KB."""
MAX_KINDS: Final = 1000
"""Characters of `kinds`: all there are, with room for more."""


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    since: Annotated[int, Meta(ge=0, le=MAX_ID)] = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = PAGE
    kinds: Annotated[str, Meta(max_length=MAX_KINDS)] = ""


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    """Grows by one with each event of the lesson, from 1."""
    kind: str
    at_ms: int
    """Unix time in ms."""
    elapsed_ms: int
    """The lesson's clock: ms since it went live, 0 before."""
    person: str
    """Whom it is about, or who did it; empty: nobody."""
    body: dict[str, Any]
    """What else there is to say, by kind."""


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    events: list[EventView]
    last_event: int
    """Of the lesson's stream; more to ask for when it is greater than the id of the last one here."""


class LessonSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    last_event: int
    """The state is that after this event."""
    lesson: LessonDetail
    people: list[PersonView]
    """In the lesson now, or lost a moment ago."""
    classes: list[ClassView]
    hands: list[HandView]
    floor: FloorView
    """Phase, timer and settings of the lesson as a whole."""
    stage: StageView
    conduct: ConductView
    """What pupils may do."""


async def events(request: web.Request) -> web.Response:
    lesson = LessonId(request.match_info["lesson"])
    asked = query(request, EventsQuery)
    kinds = [kind for kind in asked.kinds.split(",") if kind]
    store = request.app[STORE]
    found = await read(store.events(lesson, asked.since, kinds=kinds, limit=asked.limit))
    last = await read(store.last_event(lesson))
    if not last:
        await lesson_of(request, lesson)
    return json_response(EventList(events=[event_view(event) for event in found], last_event=last))


async def snapshot(request: web.Request) -> web.Response:
    lesson = await lesson_of(request, request.match_info["lesson"])
    last = await read(request.app[STORE].last_event(lesson.id))
    # The room may have been opened, or gone on, while the database was asked: what follows waits for nothing.
    room = room_of(request, lesson.id)
    if room is None:
        return json_response(_at_rest(lesson, last))
    last = request.app[STORE].last_event_now(lesson.id)
    return json_response(
        LessonSnapshot(
            last_event=last,
            lesson=lesson_detail(room.lesson, room),
            people=[person_view(attendee) for attendee in room.people],
            classes=[class_view(status) for status in room.classes],
            hands=[hand_view(hand) for hand in room.hands],
            **_shared(room.lesson),
        )
    )


def _at_rest(lesson: Lesson, last: int) -> LessonSnapshot:
    """Of a lesson in which nobody is."""
    return LessonSnapshot(
        last_event=last,
        lesson=lesson_detail(lesson, None),
        people=[],
        classes=[],
        hands=[],
        **_shared(lesson),
    )


def _shared(lesson: Lesson) -> dict[str, Any]:
    """What all in a lesson share, seen from no class."""
    return {
        "floor": floor_view(lesson, _NOBODY),
        "stage": stage_view(lesson.stage, lesson.spotlight, lesson.invited),
        "conduct": conduct_view(lesson.conduct),
    }


_NOBODY: Final = Person(PersonId(""), "", Role.ORGANIZER)


def event_view(event: StoredEvent) -> EventView:
    return EventView(
        id=event.seq,
        kind=event.kind,
        at_ms=event.at_ms,
        elapsed_ms=event.elapsed_ms,
        person=event.person or "",
        body=event.body,
    )


OPERATIONS: Final = (
    Operation(
        id="events",
        method="GET",
        path="/api/v1/lessons/{lesson}/events",
        tag="lessons",
        handler=events,
        query=EventsQuery,
        response=EventList,
        problems=("bad-request", "unknown-lesson", "not-ready"),
    ),
    Operation(
        id="snapshot",
        method="GET",
        path="/api/v1/lessons/{lesson}/snapshot",
        tag="lessons",
        handler=snapshot,
        response=LessonSnapshot,
        problems=("unknown-lesson", "not-ready"),
    ),
)
