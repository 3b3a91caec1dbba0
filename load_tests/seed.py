"""Lessons made in a data directory before its server starts: those that a scenario needs beside the demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, PersonId, Phase
from classroom.store.engine import sqlite_url
from classroom.store.store import Store

DATABASE = "tongke.db"
"""What `tongke serve` calls it when nothing else is set."""
DISCUSSION = LessonId("discussion")
LARGE = LessonId("large")
DISCUSSION_CLASS = ClassId("everybody")


def discussion() -> tuple[Lesson, ...]:
    """One class among itself (线下答疑): everybody of it may speak and be seen, everybody gets everybody."""
    room = ClassRoom(DISCUSSION_CLASS, "everybody", at_home=True)
    return (Lesson(DISCUSSION, "discussion", (room,), phase=Phase.LOCAL_QA, recorded=False),)


def large(classes: int) -> tuple[Lesson, ...]:
    """Classes of pupils at home, each with a registered tutor."""
    rooms = tuple(
        ClassRoom(
            ClassId(large_class(number)), f"class {number}", PersonId(f"bot-tutor-{number}"), at_home=True
        )
        for number in range(classes)
    )
    return (Lesson(LARGE, "a large lesson", rooms),)


def large_class(number: int) -> str:
    return f"class-{number}"


def wall(lessons: int) -> tuple[Lesson, ...]:
    """So many lessons at the same time."""
    return tuple(
        Lesson(LessonId(wall_lesson(number)), wall_lesson(number), recorded=False)
        for number in range(lessons)
    )


def district(lessons: int, classrooms: int) -> tuple[Lesson, ...]:
    """So many lessons at the same time, each recorded, each of so many classes."""
    rooms = tuple(ClassRoom(ClassId(large_class(n)), f"class {n}") for n in range(classrooms))
    return tuple(Lesson(LessonId(district_lesson(n)), district_lesson(n), rooms) for n in range(lessons))


def district_lesson(number: int) -> str:
    return f"district-{number}"


def recorded(lessons: int) -> tuple[Lesson, ...]:
    """So many lessons at the same time, each of them recorded."""
    return tuple(
        Lesson(LessonId(recorded_lesson(number)), recorded_lesson(number)) for number in range(lessons)
    )


def recorded_lesson(number: int) -> str:
    return f"recorded-{number}"


def proven(publishers: Sequence[str]) -> tuple[Lesson, ...]:
    """A recorded lesson for each."""
    return tuple(Lesson(LessonId(proven_lesson(each)), proven_lesson(each)) for each in publishers)


def proven_lesson(publisher: str) -> str:
    return f"proof-{publisher}"


def wall_lesson(number: int) -> str:
    return f"wall-{number}"


async def seed(data: Path, lessons: Sequence[Lesson]) -> None:
    """Into an existing directory. Raises StoreUnavailable."""
    store = await Store.open(sqlite_url(data / DATABASE))
    try:
        for lesson in lessons:
            await store.save_lesson(lesson)
    finally:
        await store.close()
