"""The private line as a machine, and what it means on the floor."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from classroom.floor import Priority, recorder_routes, routes, routes_of
from classroom.model import (
    CAMERA,
    MICROPHONE,
    SCREEN_AUDIO,
    Attendee,
    Lesson,
    LessonState,
    OnStage,
    Person,
    PersonId,
    Phase,
    Publication,
    Role,
    Source,
    Track,
    VoiceCall,
)
from classroom.rules.reasons import Reason, Refused
from classroom.talk import private_voice as rules
from classroom.talk.private_voice import MAX_CALLS, Calls

M = PersonId("m")


def rung(school: Any, caller: str = "t1", calls: Calls = (), tutor: Person | None = None) -> Calls:
    return rules.ring(calls, tutor=tutor or school.tutor_1, master=M, caller=PersonId(caller), now_ms=5)


def open_line(school: Any) -> Calls:
    return rules.accept(rung(school), tutor=school.tutor_1.id, callee=M, now_ms=9)


def test_it_rings_and_is_accepted(school: Any) -> None:
    (call,) = rung(school)
    assert (call.tutor, call.master, call.caller, call.since_ms) == ("t1", "m", "t1", 5)
    (opened,) = open_line(school)
    assert (opened.accepted, opened.since_ms) == (True, 9)
    assert rules.accept((opened,), tutor=school.tutor_1.id, callee=M, now_ms=10) == (opened,)


def test_asking_again_changes_nothing_and_calling_back_accepts(school: Any) -> None:
    calls = rung(school)
    assert rung(school, calls=calls) == calls
    assert rung(school, caller="m", calls=calls)[0].accepted


def test_nobody_accepts_for_another(school: Any) -> None:
    calls = rung(school)
    for callee in ("t1", "t2"):
        with pytest.raises(Refused) as refusal:
            rules.accept(calls, tutor=school.tutor_1.id, callee=PersonId(callee), now_ms=9)
        assert refusal.value.reason is Reason.NO_CALL


def test_the_master_talks_to_one_at_a_time_and_others_wait(school: Any) -> None:
    calls = rung(school, "t2", open_line(school), school.tutor_2)
    with pytest.raises(Refused) as refusal:
        rules.accept(calls, tutor=school.tutor_2.id, callee=M, now_ms=9)
    assert refusal.value.reason is Reason.VOICE_BUSY
    left = rules.hang_up(calls, school.tutor_1.id)
    assert rules.accept(left, tutor=school.tutor_2.id, callee=M, now_ms=9)[0].accepted


def test_so_many_ring_and_no_more(school: Any) -> None:
    full = tuple(VoiceCall(PersonId(str(n)), None, M, PersonId(str(n)), 0) for n in range(MAX_CALLS))
    with pytest.raises(Refused) as refusal:
        rung(school, calls=full)
    assert refusal.value.reason is Reason.BUSY


# --- on the floor -------------------------------------------------------------------------------------------


def everybody(school: Any) -> list[Attendee]:
    """All send a camera and a microphone, the master a shared sound too, the encoder its own."""

    def sends(person: Person) -> Attendee:
        sources = [CAMERA, MICROPHONE]
        if person.role is Role.MASTER:
            sources.append(SCREEN_AUDIO)
        if person.role is Role.ENCODER:
            sources = [Source("cam.video"), Source("cam.audio")]
        tracks = (Track(source, Publication(f"{person.id}/{source}")) for source in sources)
        return Attendee(person, tracks=() if person.role is Role.SUPERVISOR else tuple(tracks))

    return [sends(person) for person in school.people]


def live(school: Any, phase: Phase, calls: Calls, stage: tuple[str, ...] = ()) -> Lesson:
    lesson: Lesson = school.lesson(LessonState.LIVE, phase=phase, calls=calls)
    known = {person.id: person for person in school.people}
    beside = Person(PersonId("t1-room"), "", Role.TUTOR, school.class_1.id)
    guests = [known.get(PersonId(name), beside) for name in stage]
    return replace(lesson, stage=tuple(OnStage(p.id, p.name, p.role, p.class_id) for p in guests))


def sounds(found: Any) -> set[str]:
    return {str(route.publication) for route in found if route.priority is Priority.AUDIO}


NEAR = {"m/microphone", "m/screen_audio", "t1/microphone", "e/cam.audio"}
"""What could carry words of the two."""


@pytest.mark.parametrize(("phase", "stage"), list(product(Phase, [(), ("t1", "t2", "sa")])))
def test_the_two_hear_each_other_and_nobody_else_hears_them(
    school: Any, phase: Phase, stage: tuple[str, ...]
) -> None:
    lesson = live(school, phase, open_line(school), stage)
    people = everybody(school)
    found = routes(lesson, people)
    assert sounds(found[PersonId("m")]) & NEAR == {"t1/microphone"}
    assert sounds(found[PersonId("t1")]) & NEAR == {"m/microphone"}
    for person, received in found.items():
        if person not in ("m", "t1"):
            assert not sounds(received) & NEAR, person
    assert not sounds(recorder_routes(lesson, people)) & NEAR


@pytest.mark.parametrize("phase", Phase)
def test_a_line_that_only_rings_changes_nothing(school: Any, phase: Phase) -> None:
    people = everybody(school)
    assert routes(live(school, phase, rung(school)), people) == routes(live(school, phase, ()), people)


@pytest.mark.parametrize("phase", Phase)
def test_pictures_and_other_voices_go_on(school: Any, phase: Phase) -> None:
    people = everybody(school)
    before = routes(live(school, phase, (), ("t2",)), people)
    after = routes(live(school, phase, open_line(school), ("t2",)), people)
    for person in before:
        kept = {route for route in before[person] if str(route.publication) not in NEAR}
        assert kept <= set(after[person])


def test_no_device_of_the_tutors_room_is_heard_or_hears_the_master(school: Any) -> None:
    """Whoever of the class is not a pupil at home stands in the room in which the tutor talks."""
    beside = Person(PersonId("t1-room"), "1班 教室", Role.ROOM, school.class_1.id)
    tracks = (Track(MICROPHONE, Publication("room/microphone")),)
    people = [*everybody(school), Attendee(beside, tracks=tracks)]
    lesson = live(school, Phase.LECTURE, open_line(school), ("t1-room", "s1"))
    found = routes(lesson, people)
    assert all("room/microphone" not in sounds(received) for received in found.values())
    assert not sounds(found[beside.id]) & NEAR
    assert "s1/microphone" in sounds(found[PersonId("t2")]), "a pupil at home is beside neither"


def test_a_newcomer_gets_what_the_row_says(school: Any) -> None:
    people = everybody(school)
    lesson = live(school, Phase.LECTURE, open_line(school))
    found = routes(lesson, people)
    for attendee in people:
        assert routes_of(lesson, people, attendee) == found[attendee.id]


def test_nothing_before_the_lesson_is_live(school: Any) -> None:
    lesson = replace(live(school, Phase.LECTURE, open_line(school)), state=LessonState.OPEN)
    assert not any(routes(lesson, everybody(school)).values())
