"""Who may tutor which class (B 3.4: who teaches is who was registered; a change is declared): one rule.

A class has one registered tutor. Another tutor who takes it over does so on record, and must be known to the
lesson: registered as the tutor of any of its classes, standing by for it (or for the class's school), or sent
by a platform whose credential names the class.
"""

from __future__ import annotations

from classroom.model import ClassRoom, Lesson, Person, PersonId, Role


def may_take(lesson: Lesson, tutor: Person, room: ClassRoom) -> bool:
    """Whether this tutor may take this class over."""
    if tutor.role is not Role.TUTOR:
        return False
    if tutor.class_id == room.id or any(other.tutor == tutor.id for other in lesson.classes):
        return True
    return any(each.person == tutor.id and each.school in ("", room.school) for each in lesson.standby)


def stands_by(lesson: Lesson, person: PersonId) -> bool:
    """Whether this tutor may be in the lesson without a class, to take one over."""
    return any(each.person == person for each in lesson.standby)
