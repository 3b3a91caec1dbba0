"""What everybody shares, as text: comes back as it was, whatever was not known when it was written."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest

from classroom.model import (
    Allowance,
    ClassesRecorded,
    ClassId,
    ClassState,
    Conduct,
    Hold,
    Invitation,
    LessonSettings,
    Look,
    OnStage,
    PersonId,
    PhaseTimer,
    Removed,
    Role,
    SourceKind,
    StandBy,
    VoiceCall,
)
from classroom.shared import CLASS_FIELDS, LESSON_FIELDS, pack, shared, unpack


@pytest.fixture
def busy(school: Any) -> Any:
    """Every field otherwise than at the beginning."""
    lesson = school.lesson()
    room = replace(
        lesson.classes[0],
        at_home=True,
        stand_in=PersonId("t9"),
        state=ClassState.CATCH_UP,
        state_since_ms=5,
        left_ms=4,
        called=3,
    )
    return replace(
        lesson,
        classes=(room, *lesson.classes[1:]),
        phase_since_ms=7,
        timer=PhaseTimer(60, 67_000),
        stage=(OnStage(PersonId("r1"), "1班", Role.ROOM, ClassId("c1"), "12", 9),),
        spotlight=PersonId("r1"),
        invited=(Invitation(PersonId("sa"), "小明", Role.STUDENT, None, 99),),
        settings=LessonSettings(2, True, True),
        conduct=Conduct(
            allow=Allowance(chat=False),
            locked=True,
            closed_chats=(None, ClassId("c1")),
            holds=(Hold(PersonId("sa"), SourceKind.CAMERA, stopped=True),),
            removed=(Removed(PersonId("sb"), "小红"),),
        ),
        calls=(VoiceCall(PersonId("t1"), ClassId("c1"), PersonId("m"), PersonId("m"), 5, accepted=True),),
        looks=(Look(PersonId("m"), ClassId("c2")),),
        on_air=(PersonId("m"),),
        standby=(StandBy(PersonId("t8"), "一小"),),
        record_classes=ClassesRecorded.SOUND,
    )


def test_it_comes_back_as_it_was(busy: Any, school: Any) -> None:
    assert unpack(school.lesson(), pack(busy)) == busy
    assert shared(busy) != shared(school.lesson())
    for name in LESSON_FIELDS:
        assert getattr(busy, name) != getattr(school.lesson(), name), f"{name} is not tried"
    for name in CLASS_FIELDS:
        assert getattr(busy.classes[0], name) != getattr(school.class_1, name), f"{name} is not tried"


def test_what_is_not_there_is_as_at_the_beginning(school: Any) -> None:
    assert unpack(school.lesson(), "{}") == school.lesson()
    old = unpack(school.lesson(), '{"phase_since_ms": 3, "gone": 1, "classes": {"none": {}, "c1": {"x": 2}}}')
    assert old == school.lesson(phase_since_ms=3)


@pytest.mark.parametrize("text", ["", "[]", '{"stage": 5}', '{"classes": {"c1": {"state": "nowhere"}}}'])
def test_what_nobody_wrote_is_refused(school: Any, text: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        unpack(school.lesson(), text)


def test_fields_are_the_models(school: Any) -> None:
    assert set(LESSON_FIELDS) <= {field.name for field in fields(school.lesson())}
    assert set(CLASS_FIELDS) <= {field.name for field in fields(school.class_1)}
