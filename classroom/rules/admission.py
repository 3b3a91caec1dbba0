"""Who is let into a lesson, and to which class they belong."""

from __future__ import annotations

from dataclasses import replace

from classroom.model import Attendee, ClassId, ClassRoom, Lesson, LessonState, Person, Role
from classroom.rules.reasons import Reason, Refused
from classroom.rules.tutoring import stands_by
from classroom.rules.words import person_name

MAX_PEOPLE = 5_000
"""In one room: one node serves some 3,000 subscribers (the largest lesson planned for), and places of those
who just went away are kept for a while."""
MAX_SUPERVISORS = 100
"""Counted apart, so that supervision takes nobody's place and shows in nobody's refusal."""

_IN_A_CLASS = frozenset({Role.TUTOR, Role.ROOM, Role.STUDENT})
_OVER = {LessonState.ENDED: Reason.LESSON_ENDED, LessonState.CANCELLED: Reason.LESSON_CANCELLED}


def admit(lesson: Lesson, person: Person, present: Attendee | None, others: int) -> Person:
    """The person as the lesson will know them: with a name that can be shown, and the class they belong to,
    if their role has one. Raises Refused.

    present: who is in the lesson under the same id; others: how many (supervisors, for a supervisor) are in
    already."""
    if lesson.state in _OVER:
        raise Refused(_OVER[lesson.state])
    name = person_name(person.name) or str(person.role)
    person = replace(person, name=name, class_id=_class_of(lesson, person))
    if present is None:
        limit = MAX_SUPERVISORS if person.role is Role.SUPERVISOR else MAX_PEOPLE
        if others >= limit:
            raise Refused(Reason.LESSON_FULL)
    elif present.online and (present.role, present.person.class_id) != (person.role, person.class_id):
        raise Refused(Reason.ROLE_CHANGED)
    elif present.online and person.role is Role.ENCODER:
        # Two encoders of one name would throw each other out for ever; the first one stays.
        raise Refused(Reason.NAME_TAKEN)
    return person


def _class_of(lesson: Lesson, person: Person) -> ClassId | None:
    if person.role not in _IN_A_CLASS:
        return None
    if person.role is Role.TUTOR:
        taken = next((room for room in lesson.classes if room.stand_in == person.id), None)
        if taken is not None:
            return taken.id
    if person.class_id is not None:
        if lesson.class_room(person.class_id) is None:
            raise Refused(Reason.UNKNOWN_CLASS)
        return person.class_id
    fitting = [room for room in lesson.classes if _takes(room, person)]
    if len(fitting) == 1:
        return fitting[0].id
    if len(lesson.classes) == 1:
        return lesson.classes[0].id
    if person.role is Role.TUTOR and stands_by(lesson, person.id):
        return None
    raise Refused(Reason.CLASS_REQUIRED)


def _takes(room: ClassRoom, person: Person) -> bool:
    """Whether a person without a class belongs here: a tutor where registered, a student who enrolled alone
    at home. A room device says of which room it is."""
    if person.role is Role.ROOM:
        return False
    return room.tutor == person.id if person.role is Role.TUTOR else room.at_home
