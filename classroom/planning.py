"""What of a lesson is planned, and by whom it may be planned anew: title, times, classes. Pure.

The rest of a lesson happens in its room. A plan is changed as a whole, and only by who has seen the latest:
`revision` names it, so that of two organizers who change the same lesson the second hears of the first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import msgspec

from classroom.model import ClassesRecorded, ClassId, ClassRoom, Lesson, LessonId, PersonId, StandBy
from classroom.rules.words import has_controls

MAX_TITLE: Final = 200
"""Characters: two lines on a phone, and room for a long name of a series."""
MAX_NAME: Final = 80
"""Characters of a class's or school's name; the protocol's limit."""
MAX_CLASSES: Final = 200
"""Of one lesson: five times the largest planned for (40), since the wall shows each."""
MAX_STANDBY: Final = 200
"""One for each class at the most."""
MAX_LENGTH_MS: Final = 24 * 3600 * 1000
"""A day: longer is a slip of the pen."""
MAX_REASON: Final = 500
REVISION_CHARACTERS: Final = 16


class Fault(StrEnum):
    """What is wrong with a plan."""

    TITLE = "title"
    TIMES = "times"
    CLASS_NAME = "class-name"
    CLASS_TWICE = "class-twice"
    TOO_MANY_CLASSES = "too-many-classes"
    STANDBY = "standby"
    """Too many tutors who stand by, or a school's name that cannot be shown."""
    REASON = "reason"
    """A lesson that is not recorded needs one."""


class BadPlan(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class PlannedClass:
    id: ClassId
    name: str
    tutor: PersonId | None = None
    school: str = ""
    at_home: bool = False
    pupils: int = 0
    """How many it has; 0: nobody entered it."""


@dataclass(frozen=True, slots=True)
class Plan:
    title: str
    starts_ms: int = 0
    """Unix time in ms; 0: not planned."""
    ends_ms: int = 0
    recorded: bool = True
    record_classes: ClassesRecorded = ClassesRecorded.NOTHING
    classes: tuple[PlannedClass, ...] = ()
    master: PersonId | None = None
    """Who is registered to lead it."""
    standby: tuple[StandBy, ...] = ()
    """Tutors without a class of their own, who may take one over."""

    def checked(self, reason: str = "") -> Plan:
        """As it will be shown, without blanks around words. reason: why it is not recorded. Raises
        BadPlan."""
        title = self.title.strip()
        if not title or len(title) > MAX_TITLE or has_controls(title):
            raise BadPlan(Fault.TITLE)
        if self.ends_ms and not 0 < self.ends_ms - self.starts_ms <= MAX_LENGTH_MS:
            raise BadPlan(Fault.TIMES)
        if self.ends_ms and not self.starts_ms:
            raise BadPlan(Fault.TIMES)
        if not self.recorded and (not reason.strip() or len(reason) > MAX_REASON):
            raise BadPlan(Fault.REASON)
        standby = _checked_standby(self.standby)
        return replace(self, title=title, classes=_checked_classes(self.classes), standby=standby)


def _checked_classes(classes: tuple[PlannedClass, ...]) -> tuple[PlannedClass, ...]:
    if len(classes) > MAX_CLASSES:
        raise BadPlan(Fault.TOO_MANY_CLASSES)
    if len({room.id for room in classes}) < len(classes):
        raise BadPlan(Fault.CLASS_TWICE)
    return tuple(replace(room, name=_name(room.name), school=_name(room.school, "")) for room in classes)


def _checked_standby(standby: tuple[StandBy, ...]) -> tuple[StandBy, ...]:
    if len(standby) > MAX_STANDBY or any(has_controls(each.school) for each in standby):
        raise BadPlan(Fault.STANDBY)
    return tuple(dict.fromkeys(replace(each, school=_name(each.school, "")) for each in standby))


def _name(text: str, empty: str | None = None) -> str:
    text = text.strip()
    if not text and empty is not None:
        return empty
    if not text or len(text) > MAX_NAME or has_controls(text):
        raise BadPlan(Fault.CLASS_NAME)
    return text


def plan_of(lesson: Lesson) -> Plan:
    return Plan(
        title=lesson.title,
        starts_ms=lesson.starts_ms,
        ends_ms=lesson.ends_ms,
        recorded=lesson.recorded,
        record_classes=lesson.record_classes,
        master=lesson.master_id,
        standby=lesson.standby,
        classes=tuple(
            PlannedClass(room.id, room.name, room.tutor, room.school, room.at_home, room.pupils)
            for room in lesson.classes
        ),
    )


def revision(lesson: Lesson) -> str:
    """Names what is planned: another plan has another name."""
    text = msgspec.json.encode(plan_of(lesson))
    return hashlib.sha256(text).hexdigest()[:REVISION_CHARACTERS]


def planned(lesson_id: LessonId, plan: Plan) -> Lesson:
    """A new lesson."""
    return revised(Lesson(lesson_id, plan.title), plan)


def revised(lesson: Lesson, plan: Plan) -> Lesson:
    """The lesson by another plan; what goes on in its classes stays."""
    return replace(
        lesson,
        title=plan.title,
        starts_ms=plan.starts_ms,
        ends_ms=plan.ends_ms,
        recorded=plan.recorded,
        record_classes=plan.record_classes,
        master_id=plan.master,
        standby=plan.standby,
        classes=tuple(_class(lesson, room) for room in plan.classes),
    )


def _class(lesson: Lesson, room: PlannedClass) -> ClassRoom:
    known = lesson.class_room(room.id) or ClassRoom(room.id, room.name)
    return replace(
        known,
        name=room.name,
        tutor=room.tutor,
        school=room.school,
        at_home=room.at_home,
        pupils=room.pupils,
        # Who is planned anew is who teaches: a take-over from the one before is over.
        stand_in=known.stand_in if known.tutor == room.tutor else None,
    )
