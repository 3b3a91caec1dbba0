"""The floor's table, row by row, and what holds for all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.floor import Priority, Route, may_publish, recorder_routes, routes, routes_of
from classroom.model import (
    Attendee,
    ClassId,
    ClassRoom,
    Lesson,
    LessonId,
    LessonState,
    Person,
    PersonId,
    Phase,
    Publication,
    Role,
    Source,
    Track,
)

SENDS = {
    "m": ("camera", "microphone", "screen", "screen_audio"),
    "e": ("e.video", "e.audio"),
    **dict.fromkeys(("t1", "t2", "th", "sa", "sb", "s1"), ("camera", "microphone")),
}
MASTER = "m/microphone:0 m/screen_audio:0 e/e.audio:0 m/screen:1 m/camera:2 e/e.video:2"
SILENT = "m/screen:1 m/camera:2 e/e.video:2"
ENCODER = "e/e.audio:0 e/e.video:2"
WALL = "t1/camera:4 t2/camera:4 th/camera:4"
STAGE = "sa/microphone:0 sa/camera:3 t2/microphone:0 t2/camera:3"
HOME_T = "th/microphone:0 th/camera:3"
HOME_A = "sa/microphone:0 sa/camera:3"
HOME_B = "sb/microphone:0 sb/camera:3"
STAGE_WALL = f"{STAGE} t1/camera:4 th/camera:4"
"""t2 is on stage: better than on the wall."""

PLENARY = {
    "m": f"{ENCODER} {STAGE_WALL}",
    "t1": f"{MASTER} {STAGE}",
    "t2": f"{MASTER} {HOME_A}",
    "th": f"{MASTER} {STAGE}",
    "sa": f"{MASTER} t2/microphone:0 t2/camera:3",
    "sb": f"{MASTER} {STAGE}",
    "s1": f"{MASTER} {STAGE}",
    "e": "",
    "o": f"{MASTER} {STAGE}",
    "v": f"{MASTER} {STAGE_WALL}",
}
EXPECTED = {
    Phase.LECTURE: PLENARY,
    Phase.INTERACTION: PLENARY,
    Phase.LOCAL_QA: {
        "m": f"{ENCODER} {WALL}",
        "t1": f"{SILENT} s1/microphone:0 s1/camera:3",
        "t2": SILENT,
        "th": f"{SILENT} {HOME_A} {HOME_B}",
        "sa": f"{SILENT} {HOME_T} {HOME_B}",
        "sb": f"{SILENT} {HOME_T} {HOME_A}",
        "s1": f"{SILENT} t1/microphone:0 t1/camera:3",
        "e": "",
        "o": SILENT,
        "v": f"{MASTER} {WALL}",
    },
    Phase.BREAK: dict.fromkeys(("m", "t1", "t2", "th", "sa", "sb", "s1", "e", "o", "v"), ""),
}
RECORDED = {
    Phase.LECTURE: f"{MASTER} {STAGE}",
    Phase.INTERACTION: f"{MASTER} {STAGE}",
    Phase.LOCAL_QA: MASTER,
    Phase.BREAK: "",
}
PEOPLE = ("m", "t1", "t2", "th", "sa", "sb", "s1", "e", "o", "v")


def attend(person: Person, online: bool = True) -> Attendee:
    sources = SENDS.get(person.id, ())
    tracks = tuple(Track(Source(source), Publication(f"{person.id}-{source}")) for source in sources)
    return Attendee(person, online, tracks if online else ())


def shown(found: tuple[Route, ...]) -> set[str]:
    return {f"{route.person}/{route.source}:{int(route.priority)}" for route in found}


@pytest.fixture
def world(school: Any) -> list[Attendee]:
    return [attend(person) for person in school.people]


def staged(school: Any, phase: Phase, **fields: Any) -> Lesson:
    lesson: Lesson = school.lesson(LessonState.LIVE, phase=phase, **fields)
    return replace(lesson, stage=(PersonId("sa"), PersonId("t2")))


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("receiver", PEOPLE)
def test_each_role_receives_its_row(school: Any, world: list[Attendee], phase: Phase, receiver: str) -> None:
    found = routes(staged(school, phase), world)[PersonId(receiver)]
    assert shown(found) == set(EXPECTED[phase][receiver].split())


@pytest.mark.parametrize("phase", Phase)
def test_the_recorder_has_a_row_of_its_own(school: Any, world: list[Attendee], phase: Phase) -> None:
    assert shown(recorder_routes(staged(school, phase), world)) == set(RECORDED[phase].split())


def test_a_lesson_without_recording_has_nothing_recorded(school: Any, world: list[Attendee]) -> None:
    assert recorder_routes(staged(school, Phase.LECTURE, recorded=False), world) == ()


@pytest.mark.parametrize("state", [state for state in LessonState if state is not LessonState.LIVE])
def test_nothing_is_sent_unless_the_lesson_is_live(
    school: Any, world: list[Attendee], state: LessonState
) -> None:
    lesson = replace(staged(school, Phase.LECTURE), state=state)
    assert set(routes(lesson, world).values()) == {()}
    assert recorder_routes(lesson, world) == ()


@pytest.mark.parametrize("phase", Phase)
def test_nobody_off_stage_is_received_by_the_stage_feed(
    school: Any, world: list[Attendee], phase: Phase
) -> None:
    lesson = replace(staged(school, phase), stage=())
    senders = {route.person for found in routes(lesson, world).values() for route in found}
    pupils = {"sa", "sb", "s1"} if phase is Phase.LOCAL_QA else set()
    assert senders & {"sa", "sb", "s1"} == pupils


def test_the_most_important_comes_first(school: Any, world: list[Attendee]) -> None:
    found = routes(staged(school, Phase.LECTURE), world)[PersonId("v")]
    assert list(found) == sorted(found, key=lambda route: route.priority)
    assert found[0].priority is Priority.AUDIO


def test_who_is_offline_receives_nothing_and_is_not_received(school: Any, world: list[Attendee]) -> None:
    world[0] = attend(school.master, online=False)
    found = routes(staged(school, Phase.LECTURE), world)
    assert PersonId("m") not in found
    assert all(route.person != "m" for received in found.values() for route in received)


CAMERA_MICROPHONE = {"camera", "microphone"}
ALWAYS: dict[Role, set[str]] = {
    Role.MASTER: CAMERA_MICROPHONE | {"screen", "screen_audio"},
    Role.TUTOR: CAMERA_MICROPHONE,
    Role.STUDENT: set(),
    Role.ENCODER: {"encoder.video", "encoder.audio"},
    Role.SUPERVISOR: set(),
    Role.ORGANIZER: set(),
}


def may_send(role: Role, phase: Phase) -> set[str]:
    """Off stage."""
    return CAMERA_MICROPHONE if (role, phase) == (Role.STUDENT, Phase.LOCAL_QA) else ALWAYS[role]


@pytest.mark.parametrize("state", LessonState)
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_send_its_row(school: Any, role: Role, phase: Phase, state: LessonState) -> None:
    over = state in (LessonState.ENDED, LessonState.CANCELLED)
    person = Person(PersonId("x"), "", role, ClassId("c1"))
    lesson = school.lesson(state, phase=phase)
    assert may_publish(lesson, person) == (set() if over else may_send(role, phase))


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("role", Role)
def test_the_stage_lets_tutors_and_pupils_send(school: Any, role: Role, phase: Phase) -> None:
    person = Person(PersonId("x"), "", role, ClassId("c1"))
    lesson = school.lesson(LessonState.LIVE, phase=phase, stage=(person.id,))
    added = may_publish(lesson, person) - may_send(role, phase)
    lifted = role is Role.STUDENT and phase in (Phase.LECTURE, Phase.INTERACTION)
    assert added == (CAMERA_MICROPHONE if lifted else set())


def test_what_may_not_be_sent_any_more_is_not_received(school: Any) -> None:
    people = [attend(school.master), attend(school.student_a)]
    lesson = school.lesson(LessonState.LIVE, phase=Phase.LECTURE)
    assert routes(lesson, people)[PersonId("m")] == ()


# --- what holds for every lesson --------------------------------------------------------------------------

ALWAYS_THE_SAME = settings(derandomize=True, deadline=None)
CLASSES = tuple(ClassRoom(ClassId(f"c{i}"), "", PersonId(f"p{i}")) for i in range(3))
ANY_SOURCE = st.sampled_from(["camera", "microphone", "screen", "screen_audio", "cam.video", "cam.audio"])


@st.composite
def lessons(draw: st.DrawFn) -> tuple[Lesson, list[Attendee]]:
    people = []
    for number in range(draw(st.integers(0, 8))):
        role = draw(st.sampled_from(Role))
        class_id = draw(st.sampled_from([None, *(room.id for room in CLASSES)]))
        person = Person(PersonId(f"p{number}"), "", role, class_id)
        sources = draw(st.lists(ANY_SOURCE, unique=True))
        tracks = tuple(Track(Source(source), Publication(f"{number}-{source}")) for source in sources)
        people.append(Attendee(person, draw(st.booleans()), tracks))
    ids = [attendee.id for attendee in people]
    lesson = Lesson(
        LessonId("L"),
        "",
        CLASSES,
        state=draw(st.sampled_from([LessonState.LIVE, *LessonState])),
        phase=draw(st.sampled_from(Phase)),
        stage=tuple(draw(st.lists(st.sampled_from(ids), unique=True))) if ids else (),
        recorded=draw(st.booleans()),
    )
    return lesson, people


@ALWAYS_THE_SAME
@given(lessons())
def test_nobody_receives_themselves(drawn: tuple[Lesson, list[Attendee]]) -> None:
    for receiver, found in routes(*drawn).items():
        assert all(route.person != receiver for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_supervisors_are_in_nobodys_routes(drawn: tuple[Lesson, list[Attendee]]) -> None:
    lesson, people = drawn
    supervisors = {attendee.id for attendee in people if attendee.role is Role.SUPERVISOR}
    every = [*routes(lesson, people).values(), recorder_routes(lesson, people)]
    assert all(route.person not in supervisors for found in every for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_supervisors_change_nobodys_routes(drawn: tuple[Lesson, list[Attendee]]) -> None:
    lesson, people = drawn
    others = [attendee for attendee in people if attendee.role is not Role.SUPERVISOR]
    found = routes(lesson, people)
    assert {receiver: found[receiver] for receiver in routes(lesson, others)} == routes(lesson, others)


@ALWAYS_THE_SAME
@given(lessons())
def test_a_pupil_off_stage_is_never_sent_out_of_the_class(drawn: tuple[Lesson, list[Attendee]]) -> None:
    lesson, people = drawn
    by_id = {attendee.id: attendee.person for attendee in people}
    for receiver, found in routes(lesson, people).items():
        for route in found:
            sender = by_id[route.person]
            if sender.role is Role.STUDENT and sender.id not in lesson.stage:
                assert sender.class_id is not None
                assert sender.class_id == by_id[receiver].class_id


@ALWAYS_THE_SAME
@given(lessons())
def test_only_what_is_published_and_allowed_is_routed_and_once(drawn: tuple[Lesson, list[Attendee]]) -> None:
    lesson, people = drawn
    published = {
        (attendee.id, track.source, track.publication)
        for attendee in people
        if attendee.online
        for track in attendee.tracks
    }
    for found in [*routes(lesson, people).values(), recorder_routes(lesson, people)]:
        names = [(route.person, route.source, route.publication) for route in found]
        assert set(names) <= published
        assert len(names) == len(set(names))
        assert [route.priority for route in found] == sorted(route.priority for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_one_row_alone_is_the_row_of_the_whole(drawn: tuple[Lesson, list[Attendee]]) -> None:
    lesson, people = drawn
    senders = [attendee for attendee in people if attendee.tracks]
    found = routes(lesson, people)
    assert set(found) == {attendee.id for attendee in people if attendee.online}
    for attendee in people:
        if attendee.online:
            assert routes_of(lesson, senders, attendee.person) == found[attendee.id]


@ALWAYS_THE_SAME
@given(lessons())
def test_who_may_send_nothing_is_received_by_nobody(drawn: tuple[Lesson, list[Attendee]]) -> None:
    lesson, people = drawn
    mute = {attendee.id for attendee in people if not may_publish(lesson, attendee.person)}
    assert all(route.person not in mute for found in routes(lesson, people).values() for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_a_microphone_stands_in_one_circle_whoever_receives_it(drawn: tuple[Lesson, list[Attendee]]) -> None:
    circles: dict[Publication, str] = {}
    for found in routes(*drawn).values():
        for route in found:
            assert circles.setdefault(route.publication, route.circle) == route.circle
            assert not route.circle or route.source == "microphone"


@ALWAYS_THE_SAME
@given(lessons())
def test_who_hears_a_circle_hears_all_of_it_but_themselves(drawn: tuple[Lesson, list[Attendee]]) -> None:
    found = routes(*drawn)
    members: dict[str, set[Publication]] = {}
    for received in found.values():
        for route in received:
            if route.circle:
                members.setdefault(route.circle, set()).add(route.publication)
    own = {attendee.id: {track.publication for track in attendee.tracks} for attendee in drawn[1]}
    for receiver, received in found.items():
        for circle in {route.circle for route in received} - {""}:
            heard = {route.publication for route in received if route.circle == circle}
            assert heard == members[circle] - own[receiver]


def test_the_stage_and_each_class_are_circles_and_the_masters_sound_is_in_none(
    school: Any, world: list[Attendee]
) -> None:
    plenary = routes(staged(school, Phase.LECTURE), world)[PersonId("sb")]
    assert {(route.person, route.circle) for route in plenary if route.source == "microphone"} == {
        ("m", ""),
        ("sa", "stage"),
        ("t2", "stage"),
    }
    questions = routes(staged(school, Phase.LOCAL_QA), world)
    circles = {route.circle for route in questions[PersonId("sb")] if route.circle}
    others = {route.circle for route in questions[PersonId("t1")] if route.circle}
    assert len(circles) == len(others) == 1 and circles != others
