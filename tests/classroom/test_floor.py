"""The floor's table: written down a second time as the classroom says it, for every role in every phase, with
every class where it may be; and what holds for all of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.floor import (
    Priority,
    Route,
    Situation,
    concerns,
    confined_to,
    is_apart,
    may_publish,
    plans,
    recorder_routes,
    routes,
    routes_of,
    situation,
    situation_of,
)
from classroom.model import (
    Attendee,
    ClassesRecorded,
    ClassId,
    ClassRoom,
    ClassState,
    Lesson,
    LessonId,
    LessonSettings,
    LessonState,
    MasterState,
    OnStage,
    Person,
    PersonId,
    Phase,
    Publication,
    Role,
    Source,
    SourceKind,
    Track,
    source_kind,
)
from sfu.params import Kind

SENDS = {
    "m": ("camera", "microphone", "screen", "screen_audio"),
    "e": ("e.video", "e.audio"),
    **dict.fromkeys(("t1", "r1", "t2", "th", "sa", "sb", "s1"), ("camera", "microphone")),
}
CLASS_OF = {"t1": "c1", "r1": "c1", "s1": "c1", "t2": "c2", "th": "home", "sa": "home", "sb": "home"}
PUPILS = {"sa", "sb", "s1"}
STAGED = ("sa", "t2")
PEOPLE = ("m", *CLASS_OF, "e", "o", "v")
PICTURE = {"m/screen:1", "m/camera:2", "e/e.video:2"}
SOUND = {"m/microphone:0", "m/screen_audio:0", "e/e.audio:0"}
WALL = {"c1": "r1/camera:4", "c2": "t2/camera:4", "home": "th/camera:4"}
"""One picture per class: the room's device where there is one."""
PLACES = list(product(Phase, MasterState, ClassState, ClassState))
"""The phase, the master's line, and where classes c1 and home are; c2 is with the others."""


def face(*people: str, without: str = "") -> set[str]:
    return {f"{who}/{track}" for who in people if who != without for track in ("microphone:0", "camera:3")}


class Expected:
    """What the classroom says, in its own words."""

    def __init__(self, phase: Phase, master: MasterState, one: ClassState, home: ClassState) -> None:
        self.phase, self.master = phase, master
        self.states = {"c1": one, "c2": ClassState.TOGETHER, "home": home}

    def where(self, class_id: str | None) -> str:
        if self.phase in (Phase.LOCAL_QA, Phase.BREAK):
            return self.phase.value
        state = self.states.get(class_id or "", ClassState.TOGETHER)
        if state is not ClassState.TOGETHER:
            return state.value
        return "together" if self.master is MasterState.HERE else "take_over"

    def sends(self, who: str) -> bool:
        """Whether a member of a class may send camera and microphone."""
        where = self.where(CLASS_OF[who])
        if who not in PUPILS or where in ("local_qa", "catch_up"):
            return True
        return who in STAGED and where in ("together", "take_over")

    def received(self, who: str, looks_in: str | None = None) -> set[str]:
        where = self.where(CLASS_OF.get(who))
        if where == "break" or who == "e":
            return set()
        found: set[str] = set()
        if who in CLASS_OF:
            if where != "catch_up":
                found |= PICTURE | (SOUND if where == "together" else set())
            if where != "together":
                found |= self.own_class(who)
        else:
            found |= PICTURE | (set() if (who, where) == ("o", "local_qa") else SOUND)
        if where == "together":
            found |= face(*(member for member in STAGED if self.on_stage(member)))
        if who in ("m", "v"):
            shown = {person for person in CLASS_OF if self.sends(person)}
            found |= {seen for seen in WALL.values() if seen.split("/")[0] in shown}
            if looks_in and self.where(looks_in) in ("local_qa", "catch_up", "take_over"):
                found |= face(*(p for p in shown if CLASS_OF[p] == looks_in))
        return better({each for each in found if not each.startswith(f"{who}/")})

    def on_stage(self, who: str) -> bool:
        return self.where(CLASS_OF[who]) == "together"

    def own_class(self, who: str) -> set[str]:
        """Tutor and device of one room are in each other's ears already."""
        in_the_room = {"t1", "r1"} if who in ("t1", "r1") else set()
        mine = {p for p in CLASS_OF if CLASS_OF[p] == CLASS_OF[who] and self.sends(p)}
        return face(*(mine - in_the_room), without=who)


def better(found: set[str]) -> set[str]:
    """Each track once, with its better priority."""
    best: dict[str, int] = {}
    for each in found:
        track, priority = each.rsplit(":", 1)
        best[track] = min(int(priority), best.get(track, 9))
    return {f"{track}:{priority}" for track, priority in best.items()}


def attend(person: Person, online: bool = True, looks_in: str | None = None) -> Attendee:
    sources = SENDS.get(person.id, ())
    tracks = tuple(Track(Source(source), Publication(f"{person.id}-{source}")) for source in sources)
    return Attendee(person, online, tracks if online else (), ClassId(looks_in) if looks_in else None)


def shown(found: tuple[Route, ...]) -> set[str]:
    return {f"{route.person}/{route.source}:{int(route.priority)}" for route in found}


@pytest.fixture
def world(school: Any) -> list[Attendee]:
    return [attend(person) for person in school.with_room]


def on_stage(school: Any, *ids: str) -> tuple[OnStage, ...]:
    found = {person.id: person for person in school.with_room}
    return tuple(OnStage(PersonId(i), "", found[i].role, found[i].class_id) for i in ids)


def placed(
    school: Any,
    phase: Phase,
    master: MasterState = MasterState.HERE,
    one: ClassState = ClassState.TOGETHER,
    home: ClassState = ClassState.TOGETHER,
    **fields: Any,
) -> Lesson:
    """A live lesson with a pupil of class home and the tutor of class 2 on stage."""
    lesson: Lesson = school.lesson(LessonState.LIVE, phase=phase, master=master)
    states = {"c1": one, "home": home}
    classes = tuple(replace(room, state=states.get(room.id, ClassState.TOGETHER)) for room in lesson.classes)
    return replace(lesson, classes=classes, stage=on_stage(school, *STAGED), **fields)


@pytest.mark.parametrize(("phase", "master"), list(product(Phase, MasterState)))
def test_each_role_receives_its_row(
    school: Any, world: list[Attendee], phase: Phase, master: MasterState
) -> None:
    for one, home in product(ClassState, ClassState):
        lesson, expected = placed(school, phase, master, one, home), Expected(phase, master, one, home)
        found = routes(lesson, world)
        for receiver in PEOPLE:
            assert shown(found[PersonId(receiver)]) == expected.received(receiver), (receiver, one, home)


@pytest.mark.parametrize("looker", ["m", "v"])
@pytest.mark.parametrize("looks_in", ["c1", "home", "c2", "nowhere"])
def test_a_look_adds_the_class_that_is_by_itself(school: Any, looker: str, looks_in: str) -> None:
    world = [attend(p, looks_in=looks_in if p.id == looker else None) for p in school.with_room]
    for place in PLACES:
        found = routes(placed(school, *place), world)
        for receiver in PEOPLE:
            expected = Expected(*place).received(receiver, looks_in if receiver == looker else None)
            assert shown(found[PersonId(receiver)]) == expected, (receiver, place)


def test_ducking_adds_the_masters_sound_to_a_class_in_local_qa(school: Any, world: list[Attendee]) -> None:
    duck = LessonSettings(duck=True)
    for place in PLACES:
        plain = routes(placed(school, *place), world)
        ducked = routes(placed(school, *place, settings=duck), world)
        for receiver in PEOPLE:
            added = shown(ducked[PersonId(receiver)]) - shown(plain[PersonId(receiver)])
            in_qa = receiver in CLASS_OF and Expected(*place).where(CLASS_OF[receiver]) == "local_qa"
            assert added == (SOUND if in_qa else set())


@pytest.mark.parametrize("phase", Phase)
def test_the_recorder_has_a_row_of_its_own(school: Any, world: list[Attendee], phase: Phase) -> None:
    together = PICTURE | SOUND | face(*STAGED)
    recorded = {Phase.LOCAL_QA: PICTURE | SOUND, Phase.BREAK: set()}
    lesson = placed(school, phase)
    assert shown(recorder_routes(lesson, world)) == recorded.get(phase, together)
    lost = recorder_routes(replace(lesson, master=MasterState.LOST), world)
    assert shown(lost) == recorded.get(phase, PICTURE | SOUND), "those on stage are with their classes"


@pytest.mark.parametrize("policy", ClassesRecorded)
def test_of_a_class_by_itself_the_recorder_has_what_the_lesson_says(
    school: Any, world: list[Attendee], policy: ClassesRecorded
) -> None:
    teachers = {
        f"{who}/{track}" for who in ("t1", "r1", "t2", "th") for track in ("microphone:0", "camera:4")
    }
    sound = {f"{who}/microphone:0" for who in PUPILS}
    pictures = {f"{who}/camera:4" for who in PUPILS}
    added = {
        ClassesRecorded.NOTHING: set(),
        ClassesRecorded.TUTOR: teachers,
        ClassesRecorded.SOUND: teachers | sound,
        ClassesRecorded.ALL: teachers | sound | pictures,
    }
    for place in PLACES:
        plain = recorder_routes(placed(school, *place), world)
        found = recorder_routes(placed(school, *place, record_classes=policy), world)
        assert len(found) == len({(route.person, route.source) for route in found}), "each once"
        apart = {who for who in CLASS_OF if Expected(*place).where(CLASS_OF[who]) == "local_qa"}
        assert shown(found) - shown(plain) == {
            track for track in added[policy] if track.partition("/")[0] in apart
        }
    unrecorded = placed(school, Phase.LOCAL_QA, recorded=False, record_classes=policy)
    assert recorder_routes(unrecorded, world) == ()


def test_a_lesson_without_recording_has_nothing_recorded(school: Any, world: list[Attendee]) -> None:
    assert recorder_routes(placed(school, Phase.LECTURE, recorded=False), world) == ()


@pytest.mark.parametrize("state", [state for state in LessonState if state is not LessonState.LIVE])
def test_nothing_is_sent_unless_the_lesson_is_live(
    school: Any, world: list[Attendee], state: LessonState
) -> None:
    lesson = replace(placed(school, Phase.LECTURE), state=state)
    assert set(routes(lesson, world).values()) == {()}
    assert recorder_routes(lesson, world) == ()


@pytest.mark.parametrize("place", PLACES)
def test_nobody_off_stage_is_received_by_the_stage_feed(
    school: Any, world: list[Attendee], place: Any
) -> None:
    lesson = replace(placed(school, *place), stage=())
    for receiver, found in routes(lesson, world).items():
        pupils = {route.person for route in found} & PUPILS
        assert all(CLASS_OF[pupil] == CLASS_OF.get(receiver) for pupil in pupils)


def test_who_is_in_the_spotlight_comes_before_the_others_on_stage(school: Any, world: list[Attendee]) -> None:
    lesson = placed(school, Phase.INTERACTION, spotlight=PersonId("t2"))
    found = {f"{route.person}/{route.source}": route.priority for route in routes(lesson, world)["sb"]}
    assert (found["t2/camera"], found["sa/camera"]) == (Priority.CAMERA, Priority.STAGE)


def test_a_class_shows_who_took_it_over_where_there_is_no_device(school: Any) -> None:
    other = Person(PersonId("t9"), "", Role.TUTOR, ClassId("c2"))
    people = [attend(school.master), attend(school.tutor_2), attend(other)]
    people[2] = replace(people[2], tracks=(Track(Source("camera"), Publication("t9-camera")),))
    lesson = school.lesson(LessonState.LIVE)
    assert shown(routes(lesson, people)[PersonId("m")]) == {"t2/camera:4"}
    taken = replace(school.class_2, stand_in=other.id)
    lesson = replace(lesson, classes=(school.class_1, taken, school.class_home))
    assert shown(routes(lesson, people)[PersonId("m")]) == {"t9/camera:4"}


def test_a_class_that_moved_online_hears_its_tutor_and_device(school: Any, world: list[Attendee]) -> None:
    lesson = placed(school, Phase.LOCAL_QA)
    assert not face("t1") & shown(routes(lesson, world)[PersonId("r1")])
    moved = tuple(replace(room, at_home=True) for room in lesson.classes)
    assert face("t1") <= shown(routes(replace(lesson, classes=moved), world)[PersonId("r1")])


def test_the_most_important_comes_first(school: Any, world: list[Attendee]) -> None:
    found = routes(placed(school, Phase.LECTURE), world)[PersonId("v")]
    assert list(found) == sorted(found, key=lambda route: route.priority)
    assert found[0].priority is Priority.AUDIO


def test_who_is_offline_receives_nothing_and_is_not_received(school: Any, world: list[Attendee]) -> None:
    world[0] = attend(school.master, online=False)
    found = routes(placed(school, Phase.LECTURE), world)
    assert PersonId("m") not in found
    assert all(route.person != "m" for received in found.values() for route in received)


CAMERA_MICROPHONE = {"camera", "microphone"}
ALWAYS: dict[Role, set[str]] = {
    Role.MASTER: CAMERA_MICROPHONE | {"screen", "screen_audio"},
    Role.TUTOR: CAMERA_MICROPHONE,
    Role.ROOM: CAMERA_MICROPHONE,
    Role.STUDENT: set(),
    Role.ENCODER: {"encoder.video", "encoder.audio"},
    Role.SUPERVISOR: set(),
    Role.ORGANIZER: set(),
}


def may_send(role: Role, place: tuple[Phase, MasterState, ClassState, ClassState], staged: bool) -> set[str]:
    """A member of class c1."""
    where = Expected(*place).where("c1")
    opened = where in ("local_qa", "catch_up") or (staged and where in ("together", "take_over"))
    return CAMERA_MICROPHONE if role is Role.STUDENT and opened else ALWAYS[role]


@pytest.mark.parametrize("state", LessonState)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("staged", [False, True])
def test_each_role_may_send_its_row(school: Any, role: Role, state: LessonState, staged: bool) -> None:
    over = state in (LessonState.ENDED, LessonState.CANCELLED)
    person = Person(PersonId("x"), "", role, ClassId("c1"))
    stage = (OnStage(person.id, "", role, person.class_id),) if staged else ()
    for place in PLACES:
        lesson = replace(placed(school, *place), state=state, stage=stage)
        assert may_publish(lesson, person) == (set() if over else may_send(role, place, staged)), place


def test_what_may_not_be_sent_any_more_is_not_received(school: Any) -> None:
    people = [attend(school.master), attend(school.student_a)]
    lesson = school.lesson(LessonState.LIVE, phase=Phase.LECTURE)
    assert routes(lesson, people)[PersonId("m")] == ()


# --- what holds for every lesson --------------------------------------------------------------------------

ALWAYS_THE_SAME = settings(derandomize=True, deadline=None)
CLASSES = tuple(ClassId(f"c{i}") for i in range(3))
ANY_SOURCE = st.sampled_from(["camera", "microphone", "screen", "screen_audio", "cam.video", "cam.audio"])
Drawn = tuple[Lesson, list[Attendee]]


@st.composite
def lessons(draw: st.DrawFn) -> Drawn:
    people = []
    any_class = st.sampled_from([None, *CLASSES])
    for number in range(draw(st.integers(0, 8))):
        person = Person(PersonId(f"p{number}"), "", draw(st.sampled_from(Role)), draw(any_class))
        sources = draw(st.lists(ANY_SOURCE, unique=True))
        tracks = tuple(Track(Source(source), Publication(f"{number}-{source}")) for source in sources)
        people.append(Attendee(person, draw(st.booleans()), tracks, draw(any_class)))
    everybody = [attendee.person for attendee in people]
    staged = draw(st.lists(st.sampled_from(everybody), unique=True)) if everybody else []
    classes = tuple(
        ClassRoom(i, "", PersonId("p0"), at_home=draw(st.booleans()), state=draw(st.sampled_from(ClassState)))
        for i in CLASSES
    )
    lesson = Lesson(
        LessonId("L"),
        "",
        classes,
        state=draw(st.sampled_from([LessonState.LIVE, *LessonState])),
        phase=draw(st.sampled_from(Phase)),
        master=draw(st.sampled_from(MasterState)),
        stage=tuple(OnStage(person.id, "", person.role, person.class_id) for person in staged),
        spotlight=draw(st.sampled_from([None, *(person.id for person in everybody)])),
        settings=LessonSettings(duck=draw(st.booleans())),
        recorded=draw(st.booleans()),
    )
    return lesson, people


def each_route(drawn: Drawn) -> list[tuple[Attendee, Person, Route]]:
    """(receiver, sender, route)"""
    lesson, people = drawn
    by_id = {attendee.id: attendee for attendee in people}
    return [
        (by_id[receiver], by_id[route.person].person, route)
        for receiver, found in routes(lesson, people).items()
        for route in found
    ]


@ALWAYS_THE_SAME
@given(lessons())
def test_nobody_receives_themselves(drawn: Drawn) -> None:
    for receiver, found in routes(*drawn).items():
        assert all(route.person != receiver for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_nobody_outside_a_class_hears_its_local_qa(drawn: Drawn) -> None:
    """But a master who looks in, and supervisors."""
    lesson, _ = drawn
    for receiver, sender, route in each_route(drawn):
        if sender.role in (Role.MASTER, Role.ENCODER) or not is_apart(lesson, sender.class_id):
            continue
        if source_kind(route.source).media is Kind.AUDIO and receiver.person.class_id != sender.class_id:
            assert receiver.role in (Role.MASTER, Role.SUPERVISOR)
            assert receiver.looks_in == sender.class_id


@ALWAYS_THE_SAME
@given(lessons())
def test_the_masters_sound_never_reaches_a_class_in_local_qa(drawn: Drawn) -> None:
    """Unless ducking is chosen."""
    lesson, _ = drawn
    for receiver, sender, route in each_route(drawn):
        leads = sender.role in (Role.MASTER, Role.ENCODER)
        if not leads or source_kind(route.source).media is not Kind.AUDIO:
            continue
        if receiver.role in (Role.TUTOR, Role.ROOM, Role.STUDENT):
            where = situation_of(lesson, receiver.person)
            assert where not in (Situation.CATCH_UP, Situation.TAKE_OVER, Situation.BREAK)
            assert where is not Situation.LOCAL_QA or lesson.settings.duck


@ALWAYS_THE_SAME
@given(lessons())
def test_a_pupil_off_stage_is_never_sent_to_another_class(drawn: Drawn) -> None:
    lesson, _ = drawn
    for receiver, sender, _ in each_route(drawn):
        if sender.role is Role.STUDENT and lesson.staged(sender.id) is None:
            looks = receiver.role in (Role.MASTER, Role.SUPERVISOR) and receiver.looks_in == sender.class_id
            assert sender.class_id is not None
            assert looks or sender.class_id == receiver.person.class_id


@ALWAYS_THE_SAME
@given(lessons())
def test_in_a_break_nothing_is_sent(drawn: Drawn) -> None:
    lesson, people = drawn
    lesson = replace(lesson, phase=Phase.BREAK)
    assert not any(routes(lesson, people).values())
    assert not recorder_routes(lesson, people)


@ALWAYS_THE_SAME
@given(lessons())
def test_supervisors_are_in_nobodys_routes(drawn: Drawn) -> None:
    lesson, people = drawn
    supervisors = {attendee.id for attendee in people if attendee.role is Role.SUPERVISOR}
    every = [*routes(lesson, people).values(), recorder_routes(lesson, people)]
    assert all(route.person not in supervisors for found in every for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_supervisors_change_nobodys_routes(drawn: Drawn) -> None:
    lesson, people = drawn
    others = [attendee for attendee in people if attendee.role is not Role.SUPERVISOR]
    found = routes(lesson, people)
    assert {receiver: found[receiver] for receiver in routes(lesson, others)} == routes(lesson, others)


@ALWAYS_THE_SAME
@given(lessons())
def test_only_what_is_published_and_allowed_is_routed_and_once(drawn: Drawn) -> None:
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
def test_one_row_alone_is_the_row_of_the_whole(drawn: Drawn) -> None:
    lesson, people = drawn
    senders = [attendee for attendee in people if attendee.tracks]
    found = routes(lesson, people)
    assert set(found) == {attendee.id for attendee in people if attendee.online}
    for attendee in people:
        if attendee.online:
            assert routes_of(lesson, senders, attendee) == found[attendee.id]


@ALWAYS_THE_SAME
@given(lessons(), st.data())
def test_who_is_confined_to_a_class_changes_nothing_elsewhere(drawn: Drawn, data: st.DataObject) -> None:
    """Looking again at those alone whom a change concerns is looking again at everybody."""
    lesson, people = drawn
    confined = [a for a in people if a.online and confined_to(lesson, a.person) is not None]
    if not confined:
        return
    changed = data.draw(st.sampled_from(confined))
    known = plans(lesson, people, people)
    sources = data.draw(st.lists(ANY_SOURCE, unique=True))
    tracks = tuple(Track(Source(source), Publication(f"new {source}")) for source in sources)
    people = [replace(a, tracks=tracks) if a is changed else a for a in people]
    class_id = changed.person.class_id
    assert class_id is not None
    senders = [a for a in people if a.tracks and concerns(lesson, a.person, {class_id})]
    receivers = [a for a in people if class_id in (a.person.class_id, a.looks_in)]
    assert known | plans(lesson, senders, receivers) == plans(lesson, people, people)


@ALWAYS_THE_SAME
@given(lessons())
def test_who_stands_by_is_not_sent_to_strangers(drawn: Drawn) -> None:
    """A member of a class is prepared for the master and the own class's teachers alone, whatever the
    phase."""
    lesson, people = drawn
    persons = {attendee.id: attendee.person for attendee in people}
    for receiver, plan in plans(lesson, people, people).items():
        person = persons[receiver]
        if person.role not in {Role.TUTOR, Role.ROOM, Role.STUDENT}:
            assert plan.standby == ()
        for route in plan.standby:
            sender = persons[route.person]
            own = sender.class_id == person.class_id and sender.role in {Role.TUTOR, Role.ROOM}
            assert route.person != receiver
            assert own or sender.role in {Role.MASTER, Role.ENCODER}


@ALWAYS_THE_SAME
@given(lessons())
def test_who_may_send_nothing_is_received_by_nobody(drawn: Drawn) -> None:
    lesson, people = drawn
    mute = {attendee.id for attendee in people if not may_publish(lesson, attendee.person)}
    assert all(route.person not in mute for found in routes(lesson, people).values() for route in found)


@ALWAYS_THE_SAME
@given(lessons())
def test_the_wall_has_at_most_one_picture_of_a_class(drawn: Drawn) -> None:
    lesson, people = drawn
    lesson = replace(lesson, stage=())
    classes = {attendee.id: attendee.person.class_id for attendee in people}
    for receiver, found in routes(lesson, people).items():
        walls = [classes[route.person] for route in found if route.priority is Priority.WALL]
        known = [class_id for class_id in walls if class_id is not None]
        # One's own class: who is not on the wall is still there.
        assert len(known) == len(set(known)), receiver


def test_those_in_no_class_are_where_the_lesson_is(school: Any) -> None:
    lesson = placed(school, Phase.LECTURE, one=ClassState.LOCAL_QA)
    assert situation(lesson, None) is Situation.LECTURE
    assert situation(replace(lesson, master=MasterState.BACK), None) is Situation.TAKE_OVER
    assert {kind for kind in SourceKind if kind in may_publish(lesson, school.student_1)} == CAMERA_MICROPHONE


@ALWAYS_THE_SAME
@given(lessons())
def test_a_microphone_stands_in_one_circle_whoever_receives_it(drawn: Drawn) -> None:
    circles: dict[Publication, str] = {}
    for found in routes(*drawn).values():
        for route in found:
            assert circles.setdefault(route.publication, route.circle) == route.circle
            assert not route.circle or route.source == "microphone"


@ALWAYS_THE_SAME
@given(lessons())
def test_who_hears_a_circle_hears_all_of_it_but_themselves(drawn: Drawn) -> None:
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
    plenary = routes(placed(school, Phase.LECTURE), world)[PersonId("sb")]
    assert {(route.person, route.circle) for route in plenary if route.source == "microphone"} == {
        ("m", ""),
        ("sa", "stage"),
        ("t2", "stage"),
    }
    questions = routes(placed(school, Phase.LOCAL_QA), world)
    circles = {route.circle for route in questions[PersonId("sb")] if route.circle}
    others = {route.circle for route in questions[PersonId("t1")] if route.circle}
    assert len(circles) == len(others) == 1 and circles != others
