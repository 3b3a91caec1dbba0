from __future__ import annotations

from dataclasses import replace

from classroom.model import LessonState, Role
from classroom.rules.admission import admit
from classroom.store import demo
from classroom.store.demo import seed_demo
from classroom.store.store import Store


async def test_the_demo_lesson_takes_everybody_of_the_demo(store: Store) -> None:
    lesson = await seed_demo(store)
    assert await store.lesson(demo.DEMO_LESSON) == lesson
    people = [demo.MASTER, demo.TUTOR_1, demo.TUTOR_2, demo.TUTOR_HOME, demo.STUDENT_HOME, demo.SUPERVISOR]
    for person in people:
        assert admit(lesson, person, None, 0) == person
    tutors = {person.id for person in people if person.role is Role.TUTOR}
    assert {room.tutor for room in lesson.classes} == tutors


async def test_a_demo_lesson_that_goes_on_stays_as_it_is(store: Store) -> None:
    live = replace(await seed_demo(store), state=LessonState.LIVE, started_ms=5)
    await store.save_lesson(live)
    assert await seed_demo(store) == live


async def test_a_demo_lesson_that_is_over_is_made_ready_again(store: Store) -> None:
    first = await seed_demo(store)
    await store.save_lesson(replace(first, state=LessonState.ENDED, started_ms=5, ended_ms=6))
    assert await seed_demo(store) == first
    assert await store.lesson(first.id) == first
