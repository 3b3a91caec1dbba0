from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import ClassId, LessonId, LessonState, Role
from classroom.network.catalogue import Delivery, OfferState
from classroom.network.enrolment import EnrolmentState
from classroom.network.model import Path
from classroom.network.timetable import (
    OVERRUN_MS,
    PUPILS_EARLY_MS,
    TEACHERS_EARLY_MS,
    Entry,
    EntryRefusal,
    once_each,
)

STARTS_MS, ENDS_MS = 100 * 3_600_000, 101 * 3_600_000
ENTRY = Entry(
    lesson=LessonId("l1"),
    role=Role.STUDENT,
    person="ann",
    class_id=ClassId("k1"),
    state=EnrolmentState.ENROLLED,
    title="Light",
    course="light",
    master_name="M",
    provider_name="P",
    delivery=Delivery.LIVE,
    offer_state=OfferState.OPEN,
    lesson_state=LessonState.SCHEDULED,
    starts_ms=STARTS_MS,
    ends_ms=ENDS_MS,
    changed_ms=1,
    path=Path("/c/d/s/"),
)


@pytest.mark.parametrize(
    ("change", "now_ms", "refusal"),
    [
        ({}, STARTS_MS - PUPILS_EARLY_MS - 1, EntryRefusal.CLOSED),
        ({}, STARTS_MS - PUPILS_EARLY_MS, None),
        ({}, ENDS_MS + OVERRUN_MS, None),
        ({}, ENDS_MS + OVERRUN_MS + 1, EntryRefusal.CLOSED),
        ({"role": Role.TUTOR}, STARTS_MS - TEACHERS_EARLY_MS, None),
        ({"role": Role.TUTOR}, STARTS_MS - TEACHERS_EARLY_MS - 1, EntryRefusal.CLOSED),
        ({"lesson_state": LessonState.LIVE}, STARTS_MS - 2 * PUPILS_EARLY_MS, None),
        ({"lesson_state": LessonState.ENDED}, STARTS_MS, EntryRefusal.CLOSED),
        ({"lesson_state": LessonState.CANCELLED}, STARTS_MS, EntryRefusal.CANCELLED),
        ({"offer_state": OfferState.CANCELLED}, STARTS_MS, EntryRefusal.CANCELLED),
        ({"state": EnrolmentState.WAITING}, STARTS_MS, EntryRefusal.WAITING),
    ],
)
def test_when_the_door_is_open(change: dict[str, Any], now_ms: int, refusal: EntryRefusal | None) -> None:
    assert replace(ENTRY, **change).refusal(now_ms) is refusal


def test_who_has_a_lesson_in_two_ways_has_it_once() -> None:
    tutor, master = replace(ENTRY, role=Role.TUTOR), replace(ENTRY, role=Role.MASTER)
    child = replace(ENTRY, person="ben")
    earlier = replace(ENTRY, lesson=LessonId("l0"), starts_ms=1)
    assert once_each([ENTRY, tutor, master, child, earlier]) == (earlier, master, child)
