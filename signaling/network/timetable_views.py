"""A lesson in somebody's timetable, as the interface tells it."""

from __future__ import annotations

from typing import Literal

import msgspec

from signaling.message import LessonState
from signaling.network.courses_views import DeliveryName
from signaling.network.timetable_operations_views import OperationKindName, OperationSlot


class TimetableChange(msgspec.Struct, frozen=True, kw_only=True):
    kind: OperationKindName
    reason: str
    made_ms: int
    """Unix time in ms."""
    before: OperationSlot
    """What the lesson was until then."""


class TimetableEntry(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    title: str
    course: str
    role: Literal["master", "tutor", "student"]
    person: str
    """Whose it is: one's own, or the child's."""
    mine: bool
    name: str
    class_id: str
    """In the lesson; empty: in none, or not yet."""
    class_name: str
    """Of a class at school."""
    state: Literal["enrolled", "waiting"]
    cancelled: bool
    master_name: str
    provider_name: str
    delivery: DeliveryName
    lesson_state: LessonState
    starts_ms: int
    ends_ms: int
    door_opens_ms: int
    """Unix times in ms."""
    open: bool
    """The door is open now, to whom the page belongs."""
    room: str
    """Where it is given, in words."""
    online: bool
    """The class takes part from home."""
    keeps: bool
    """Who asks answers for the course, and may change the lesson."""
    change: TimetableChange | None
    """What was last done with it; null: nothing."""
