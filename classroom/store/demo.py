"""The demo school: so that a fresh server has a lesson to show."""

from __future__ import annotations

from classroom.model import ClassId, Lesson, LessonId, PersonId
from classroom.store.store import Store

DEMO_LESSON = LessonId("demo")
CLASS_1 = ClassId("class-1")
CLASS_2 = ClassId("class-2")
CLASS_HOME = ClassId("class-home")
MASTER = PersonId("demo-master")
TUTOR_1 = PersonId("demo-tutor-1")
TUTOR_2 = PersonId("demo-tutor-2")
TUTOR_HOME = PersonId("demo-tutor-home")
STUDENT_HOME = PersonId("demo-student-home")
SUPERVISOR = PersonId("demo-supervisor")


async def seed_demo(store: Store) -> Lesson:
    """Makes lesson `demo` with two classes and an at-home class, or, if it was ended, makes it ready again."""
    raise RuntimeError
