"""Operations on the timetable as they are asked for and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.catalogue import MAX_CAPACITY, MAX_HOME_CLASSES
from classroom.network.model import PlaceId
from classroom.network.timetable_operations import Operation, Slot, Step
from classroom.store import network_classes, network_places, people
from classroom.store.timetable_slots import Clash
from signaling.lessons_http import Title, UnixMs
from signaling.message import Id
from signaling.network.courses_http import HomeClassPlan
from signaling.network.courses_views import DeliveryName
from signaling.network.enrolment_problems import span

OperationKindName = Literal["cancel", "online", "change", "series", "substitute"]
DayText = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
"""Of the calendar, as in ISO 8601."""
ClockText = Annotated[str, Meta(pattern=r"^\d{2}:\d{2}$")]


class OperationSpan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All lessons of a place in a span of time."""

    action: Literal["cancel", "online"]
    """cancel: those that are given in the place; online: its classes take part from home."""
    place: Id
    from_ms: UnixMs
    until_ms: UnixMs
    """Lessons that begin from then on, and before that; Unix times in ms."""


class OperationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lesson of a course; null: it stays as it is."""

    course: Id
    lesson: Id
    following: bool = False
    """And all of the course that come after it."""
    starts_ms: UnixMs | None = None
    ends_ms: UnixMs | None = None
    """null: as long as it was."""
    master: Annotated[str, Meta(max_length=64)] | None = None
    title: Title | None = None
    room: Title | None = None
    """Where it is given, in words."""


class OperationSeries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lessons of a course that repeat, by the clock of its provider's place."""

    course: Id
    first: DayText
    last: DayText
    at: ClockText
    minutes: Annotated[int, Meta(ge=1, le=24 * 60)]
    weekdays: Annotated[list[Annotated[int, Meta(ge=1, le=7)]], Meta(min_length=1, max_length=7)]
    """1: Monday, to 7: Sunday."""
    every_weeks: Annotated[int, Meta(ge=1, le=52)] = 1
    skipped: Annotated[list[DayText], Meta(max_length=100)] = []
    capacity: Annotated[int, Meta(ge=1, le=MAX_CAPACITY)]
    title: Title = ""
    master: Annotated[str, Meta(max_length=64)] = ""
    """Person id; empty: the course's."""
    delivery: DeliveryName = "live"
    home: Annotated[list[HomeClassPlan], Meta(max_length=MAX_HOME_CLASSES)] = []


class OperationPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the three."""

    reason: Title = ""
    """Everybody who is concerned reads it; needed of all but a series."""
    span: OperationSpan | None = None
    change: OperationChange | None = None
    series: OperationSeries | None = None


class OperationSlot(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    starts_ms: int
    ends_ms: int
    """Unix times in ms."""
    master_name: str
    room: str
    cancelled: bool


class OperationLesson(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    before: OperationSlot
    after: OperationSlot


class OperationView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: OperationKindName
    place: str
    place_name: str
    course: str
    """Of a change and a series."""
    reason: str
    from_ms: int
    until_ms: int
    lessons: int
    classes: int
    """Enrolled in them; of a move online, those that move."""
    people: int
    """Who is told."""
    made_ms: int
    made_by: str
    made_by_name: str
    undo_until_ms: int
    undone_ms: int | None
    """Unix times in ms; null: it stands."""
    undone_by_name: str
    timezone: str
    """Of the place."""


class OperationDetail(msgspec.Struct, frozen=True, kw_only=True):
    operation: OperationView
    shown: list[OperationLesson]
    """The first of its lessons."""


class OperationConflict(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody would have two lessons at one time."""

    who: Literal["class", "tutor", "person", "master"]
    name: str
    lesson: str
    """Of the operation."""
    other: str
    title: str
    """Of the other."""
    when: str
    """By the clock of the place."""


class OperationPreview(msgspec.Struct, frozen=True, kw_only=True):
    operation: OperationView
    """As it would be: nothing is done."""
    shown: list[OperationLesson]
    elsewhere: int
    """Of a cancellation: classes of the place in lessons of that time that are given from elsewhere, and go
    on."""
    conflicts: list[OperationConflict]
    """What keeps it from being done."""


class OperationList(msgspec.Struct, frozen=True, kw_only=True):
    operations: list[OperationView]
    """The latest first."""
    before: int
    """For the next page; 0: this was the last."""
    now_ms: int
    """By the server's clock, Unix time in ms."""


async def operation_views(connection: AsyncConnection, found: Sequence[Operation]) -> list[OperationView]:
    """In the same order."""
    places = await network_places.named(connection, {each.place for each in found})
    by = {PersonId(name) for each in found for name in (each.made_by, each.undone_by) if name}
    names = await people.names(connection, by)
    views = []
    for each in found:
        place = places.get(PlaceId(each.place))
        views.append(
            OperationView(
                id=each.id,
                kind=each.kind.value,
                place=each.place,
                place_name=place.name if place else "",
                course=each.course,
                reason=each.reason,
                from_ms=each.from_ms,
                until_ms=each.until_ms,
                lessons=each.lessons,
                classes=each.classes,
                people=each.people,
                made_ms=each.made_ms,
                made_by=each.made_by,
                made_by_name=names.get(each.made_by, ""),
                undo_until_ms=each.undo_until_ms,
                undone_ms=each.undone_ms,
                undone_by_name=names.get(PersonId(each.undone_by), ""),
                timezone=place.timezone if place else "UTC",
            )
        )
    return views


def lesson_views(steps: Sequence[Step]) -> list[OperationLesson]:
    return [
        OperationLesson(lesson=step.lesson, before=slot_view(step.before), after=slot_view(step.after))
        for step in steps
    ]


def slot_view(slot: Slot) -> OperationSlot:
    return OperationSlot(
        title=slot.title,
        starts_ms=slot.starts_ms,
        ends_ms=slot.ends_ms,
        master_name=slot.master_name,
        room=slot.room,
        cancelled=slot.state.value == "cancelled",
    )


async def conflict_views(
    connection: AsyncConnection, found: Sequence[Clash], timezone: str
) -> list[OperationConflict]:
    classes = await network_classes.named(connection, {each.id for each in found if each.who == "class"})
    persons = {PersonId(each.id) for each in found if each.who != "class"}
    known = await people.names(connection, persons)
    names: dict[str, str] = {str(person): name for person, name in known.items()}
    names |= {str(room.id): room.name for room in classes.values()}
    return [
        OperationConflict(
            who=each.who,  # type: ignore[arg-type]  # of four
            name=names.get(each.id, each.id),
            lesson=each.lesson,
            other=each.other,
            title=each.title,
            when=span(each.starts_ms, each.ends_ms, timezone),
        )
        for each in found
    ]
