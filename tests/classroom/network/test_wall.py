"""What is said under a picture of the wall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import (
    CAMERA,
    MICROPHONE,
    SCREEN,
    Attendee,
    ClassId,
    ClassRoom,
    ClassStatus,
    Lesson,
    LessonId,
    LessonState,
    MasterState,
    Person,
    PersonId,
    Phase,
    Publication,
    RecordingState,
    Role,
    Source,
    Track,
)
from classroom.network.wall import LATE_MS, SETTLING_MS, Flag, Seen, flags

STARTS = 1_000_000
NOW = STARTS + 600_000
LESSON = Lesson(
    LessonId("l"),
    "光",
    state=LessonState.LIVE,
    starts_ms=STARTS,
    started_ms=STARTS,
    recording=RecordingState.ON,
    master_id=PersonId("m"),
)
ROOM = ClassRoom(ClassId("c"), "1班", PersonId("t"))
CLASS = ClassStatus(ROOM, PersonId("t"), True, 30)


def sends(*sources: Source, person: str = "m", role: Role = Role.MASTER, muted: bool = False) -> Attendee:
    tracks = tuple(Track(source, Publication(source), muted) for source in sources)
    return Attendee(Person(PersonId(person), "李老师", role), tracks=tracks)


MASTER = sends(CAMERA, MICROPHONE)


def of(
    lesson: Lesson = LESSON, people: tuple[Attendee, ...] = (MASTER,), classes: Any = (CLASS,)
) -> set[Flag]:
    return set(flags(Seen(lesson, people, classes), NOW))


def test_a_lesson_that_goes_well_has_none() -> None:
    assert of() == set()


@pytest.mark.parametrize(
    ("flag", "changed"),
    [
        (Flag.LATE_START, {"started_ms": STARTS + LATE_MS + 1}),
        (Flag.RECORDING_GAP, {"recording": RecordingState.FAILING}),
        (Flag.RECORDING_GAP, {"recording": RecordingState.OFF}),
        (Flag.NOT_RECORDED, {"recorded": False, "recording": RecordingState.OFF}),
        (Flag.MASTER_ABSENT, {"master": MasterState.LOST}),
        (Flag.OTHER_TEACHER, {"master_id": PersonId("other")}),
        (Flag.NOT_BEGUN, {"state": LessonState.OPEN, "started_ms": 0}),
    ],
)
def test_of_the_lesson(flag: Flag, changed: dict[str, Any]) -> None:
    assert of(replace(LESSON, **changed)) == {flag}


@pytest.mark.parametrize(
    ("found", "people"),
    [
        ({Flag.MASTER_ABSENT}, ()),
        ({Flag.MASTER_ABSENT}, (replace(MASTER, online=False),)),
        ({Flag.NO_PICTURE}, (sends(MICROPHONE),)),
        ({Flag.NO_SOUND}, (sends(SCREEN),)),
        ({Flag.NO_PICTURE, Flag.NO_SOUND}, (sends(CAMERA, MICROPHONE, muted=True),)),
        (
            {Flag.NO_PICTURE, Flag.NO_SOUND},
            (sends(), sends(CAMERA, MICROPHONE, person="s", role=Role.STUDENT)),
        ),
        (set(), (sends(Source("cam.video"), Source("cam.audio"), person="encoder:cam", role=Role.ENCODER),)),
        ({Flag.OTHER_TEACHER}, (sends(CAMERA, MICROPHONE, person="x"),)),
    ],
)
def test_of_the_people(found: set[Flag], people: tuple[Attendee, ...]) -> None:
    assert of(people=people) == found


def test_in_a_break_nothing_is_missed_but_the_master() -> None:
    assert of(replace(LESSON, phase=Phase.BREAK), (sends(),)) == set()


def test_of_the_classes() -> None:
    assert of(classes=(CLASS, replace(CLASS, tutor_online=False))) == {Flag.TUTOR_ABSENT}
    assert of(classes=(replace(CLASS, tutor=PersonId("other")),)) == {Flag.OTHER_TEACHER}
    assert of(classes=(replace(CLASS, room=replace(ROOM, tutor=None)),)) == set()


def test_a_lesson_that_began_a_moment_ago_may_settle() -> None:
    begun = replace(LESSON, started_ms=NOW - SETTLING_MS + 1, starts_ms=0, recording=RecordingState.OFF)
    assert of(begun, ()) == set()


def test_what_is_not_planned_cannot_be_late() -> None:
    assert of(replace(LESSON, state=LessonState.OPEN, starts_ms=0)) == set()


def test_they_come_in_the_order_of_their_weight() -> None:
    lesson = replace(LESSON, started_ms=STARTS + LATE_MS + 1, recording=RecordingState.FAILING)
    found = flags(Seen(lesson), NOW)
    assert list(found) == sorted(found, key=list(Flag).index)
    assert found[0] is Flag.MASTER_ABSENT and found[-1] is Flag.LATE_START
