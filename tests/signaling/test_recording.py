"""The recorder's hand: the lesson's facts, told to the recorder."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.events import Fact, LeaveCause, RecorderRouted, StateChanged, TrackUnpublished
from classroom.floor import Priority, Route
from classroom.model import Lesson, LessonId, LessonState, Person, PersonId, Publication, Role, Source
from signaling.publications import LivePublication, PublicationRegistry
from signaling.recording import RecorderHand

LESSON = LessonId("demo")
MEDIA: Any = object()


class PaperRecorder:
    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def lesson_started(self, lesson_id: str, title: str, started_ms: int) -> str:
        self.told.append(("started", lesson_id, title, started_ms))
        return "item"

    def lesson_ended(self, lesson_id: str) -> None:
        self.told.append(("ended", lesson_id))

    def publication_added(self, lesson_id: str, publication: Any, person_id: str, source: str) -> None:
        self.told.append(("added", person_id, source))

    def publication_removed(self, lesson_id: str, publication: Any, cause: str = "left") -> None:
        self.told.append(("removed", cause))

    def publication_muted(self, lesson_id: str, person_id: str, source: str, muted: bool) -> None:
        self.told.append(("muted", person_id, source, muted))


class PaperRoom:
    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.posted: list[Any] = []

    def post(self, command: Any) -> bool:
        self.posted.append(command)
        return True


class House:
    def __init__(self, state: LessonState = LessonState.LIVE, *, recorded: bool = True) -> None:
        self.lesson = Lesson(LESSON, "Optics", state=state, started_ms=1000, recorded=recorded)
        self.room = PaperRoom(self.lesson)
        self.recorder = PaperRecorder()
        self.registry = PublicationRegistry()
        self.hand = RecorderHand(self.registry)
        self.hand.connect(self.recorder, self)  # type: ignore[arg-type]

    def rooms(self) -> tuple[PaperRoom, ...]:
        return (self.room,)

    def happens(self, kind: type[Fact], **fields: Any) -> None:
        self.hand.observe(kind(lesson_id=LESSON, at_ms=5000, **fields))

    def goes_live(self) -> None:
        self.happens(StateChanged, state=LessonState.LIVE, lesson=self.lesson, actor=None)

    def camera(self) -> LivePublication:
        return self.registry.add(LESSON, "master", "camera", MEDIA)

    def routes(self, *lives: LivePublication) -> None:
        routes = tuple(
            Route(PersonId(live.person), Source(live.source), Publication(live.name), Priority.CAMERA)
            for live in lives
        )
        self.happens(RecorderRouted, routes=routes)


def test_recorded_from_the_lessons_first_second() -> None:
    house = House()
    camera = house.camera()
    house.goes_live()
    house.routes(camera)
    house.routes(camera)
    assert house.recorder.told == [("started", "demo", "Optics", 1000), ("added", "master", "camera")]
    assert house.hand.recordings() == 1


@pytest.mark.parametrize("cause", ["left", "network", "server"])
def test_end_of_a_publication_is_told_at_once_and_once(cause: Any) -> None:
    house = House()
    camera = house.camera()
    house.goes_live()
    house.routes(camera)
    house.registry.remove(camera, cause)
    house.routes()
    assert house.recorder.told[2:] == [("removed", cause)]


def test_not_routed_any_more_is_policy() -> None:
    house = House()
    camera = house.camera()
    house.goes_live()
    house.routes(camera)
    house.routes()
    assert house.recorder.told[2:] == [("removed", "policy")]


@pytest.mark.parametrize(
    ("left", "cause"),
    [
        (LeaveCause.LEFT, "left"),
        (LeaveCause.LOST, "network"),
        (LeaveCause.REPLACED, "network"),
        (LeaveCause.ENDED, "left"),
        (LeaveCause.SERVER, "server"),
    ],
)
def test_routes_that_follow_the_end_of_a_track_have_its_cause(left: LeaveCause, cause: str) -> None:
    house = House()
    camera = house.camera()
    house.goes_live()
    house.routes(camera)
    house.happens(
        TrackUnpublished,
        person=Person(PersonId("master"), "", Role.MASTER),
        source=Source("camera"),
        publication=Publication(camera.name),
        cause=left,
    )
    house.routes()
    house.registry.remove(camera, "server")
    assert house.recorder.told[2:] == [("removed", cause)]


def test_lesson_that_was_live_before_the_server_started_begins_now() -> None:
    house = House()
    house.routes(house.camera())
    assert house.recorder.told == [("started", "demo", "Optics", 5000), ("added", "master", "camera")]


def test_lesson_that_is_not_recorded() -> None:
    house = House(recorded=False)
    house.goes_live()
    house.routes()
    assert house.recorder.told == []


@pytest.mark.parametrize("state", [LessonState.ENDED, LessonState.CANCELLED])
def test_end_of_the_lesson(state: LessonState) -> None:
    house = House()
    house.goes_live()
    for _ in range(2):
        house.happens(StateChanged, state=state, lesson=Lesson(LESSON, "Optics", state=state), actor=None)
    assert house.recorder.told[1:] == [("ended", "demo")]
    assert house.hand.recordings() == 0


def test_state_of_the_recording_reaches_the_lesson() -> None:
    house = House()
    house.hand.recording_state("demo", "failing", "disk_full")
    house.hand.recording_state("unknown", "on", "")
    assert [command.state.value for command in house.room.posted] == ["failing"]
