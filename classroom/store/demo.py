"""The demo school: so that a fresh server has a lesson to show."""

from __future__ import annotations

from typing import Final

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, Person, PersonId, Role
from classroom.store.store import Store

DEMO_LESSON: Final = LessonId("demo")
CLASS_1: Final = ClassId("class-1")
CLASS_2: Final = ClassId("class-2")
CLASS_HOME: Final = ClassId("class-home")

MASTER: Final = Person(PersonId("demo-master"), "李老师", Role.MASTER)
TUTOR_1: Final = Person(PersonId("demo-tutor-1"), "王老师", Role.TUTOR, CLASS_1)
ROOM_1: Final = Person(PersonId("demo-room-1"), "1班教室", Role.ROOM, CLASS_1)
TUTOR_2: Final = Person(PersonId("demo-tutor-2"), "陈老师", Role.TUTOR, CLASS_2)
TUTOR_HOME: Final = Person(PersonId("demo-tutor-home"), "刘老师", Role.TUTOR, CLASS_HOME)
STUDENT_HOME: Final = Person(PersonId("demo-student-home"), "小明", Role.STUDENT, CLASS_HOME)
ORGANIZER: Final = Person(PersonId("demo-organizer"), "管理员", Role.ORGANIZER)
SUPERVISOR: Final = Person(PersonId("demo-supervisor"), "督查员", Role.SUPERVISOR)

_SCHOOL: Final = "同课示范学校"
_CLASSES: Final = (
    ClassRoom(CLASS_1, "1班", TUTOR_1.id, _SCHOOL, pupils=44),
    ClassRoom(CLASS_2, "2班", TUTOR_2.id, _SCHOOL, pupils=38),
    ClassRoom(CLASS_HOME, "居家班", TUTOR_HOME.id, _SCHOOL, at_home=True),
)


async def seed_demo(store: Store) -> Lesson:
    """Makes lesson `demo` with two classes and an at-home class. One that is over is made ready again; one
    that goes on stays as it is. Call before its room is opened. Raises StoreUnavailable."""
    known = await store.lesson(DEMO_LESSON)
    if known is not None and known.state not in (LessonState.ENDED, LessonState.CANCELLED):
        return known
    lesson = Lesson(DEMO_LESSON, "示范课：光的折射", _CLASSES, master_id=MASTER.id)
    await store.save_lesson(lesson)
    for person in (MASTER, TUTOR_1, TUTOR_2, TUTOR_HOME):
        await store.name_person(person.id, person.name)
    return lesson
