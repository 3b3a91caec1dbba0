"""The floor: what each role hears, sees and may send, as pure functions of the lesson's state. (What each may
*do* is `rules.permissions`.)

Theory of operation
-------------------
A receiver is in one `Situation`: the phase of the lesson, unless their class is elsewhere (in a Q&A of its
own, catching up, or by itself because the master's line is lost). `situation` says which.

A *feed* is a set of tracks described from a receiver's place: "the master's", "the stage", "my own class",
"the wall of classes". `_FEEDS` says for each feed who its senders are and how important each kind of their
tracks is. `_RECEIVE` says which feeds a role gets in a situation, and `_SEND` what a role may send in it.
Everything that the classroom shows to anybody is a row of these three tables; a new phase, role or kind of
view is a new row.

A track that comes by two feeds (a tutor on stage is also on the wall) is received once, with the better
priority.

Who talk with each other are a *circle*: those on stage, the pupils of a class by itself. However many
microphones a circle has, a receiver hears the loudest few of them; the master's sound, an encoder's, and in a
class by itself its tutor's and its room's, stand in none and are always heard. At any moment a microphone
stands in one circle at most, whoever receives it.

What the rows rest on (DOMAIN, 1+1):
- lecture, interaction: everybody gets the master's camera, screen and sound, and the stage. The master also
  sees the wall: one picture per class, the room device's, or the tutor's where there is none. Pictures only:
  a class is heard when it is on stage, or when it is looked into.
- local Q&A, of all or of one class: each class by itself: its tutor and its home students see and hear each
  other and keep the master's picture, without sound unless the lesson is set to duck it. Master and
  supervisors see the wall, and hear a class into which they look.
- catching up: the class plays the recording, so nothing of the live lesson is sent to it; its tutor and
  pupils still have each other's pictures and voices as in its Q&A.
- take-over: the master's line is lost: each class has its tutor on stage of its own class. What still comes
  of the master's picture is shown (or its last one held), never the sound: it would come in torn pieces.
- break: nothing is sent.
- tutor and room device of one room do not get each other: they would howl.
- an encoder's tracks are the master's. An encoder receives nothing.
- what a moderator has closed (`talk.conduct`) is sent to nobody. Two who are on a private line
  (`talk.private_voice`) hear each other and are heard by nobody else.
- supervisors see what the master sends and the wall; nobody receives anything of theirs.
- before the lesson is live and after it nothing is sent to anybody.

Cost: the senders are sorted by feed once, and receivers who share a place share their row; so a change costs
(places x senders of their feeds), not (people x senders).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from classroom.model import (
    LEADING,
    MICROPHONE,
    Attendee,
    ClassesRecorded,
    ClassId,
    ClassRoom,
    ClassState,
    Lesson,
    LessonState,
    MasterState,
    Person,
    PersonId,
    Phase,
    Publication,
    Role,
    Source,
    SourceKind,
    source_kind,
)
from classroom.talk.conduct import held as held_sources
from classroom.talk.conduct import stopped
from classroom.talk.private_voice import is_hushed, partners
from sfu.params import Kind


class Situation(Enum):
    """What goes on where somebody sits."""

    LECTURE = "lecture"
    LOCAL_QA = "local_qa"
    INTERACTION = "interaction"
    BREAK = "break"
    CATCH_UP = "catch_up"
    TAKE_OVER = "take_over"


_OF_PHASE = {phase: Situation(phase.value) for phase in Phase}
_OF_CLASS = {ClassState.LOCAL_QA: Situation.LOCAL_QA, ClassState.CATCH_UP: Situation.CATCH_UP}
TOGETHER_PHASES = frozenset({Phase.LECTURE, Phase.INTERACTION})
"""In which classes are together, unless one is apart."""
_TOGETHER = frozenset({Situation.LECTURE, Situation.INTERACTION})
_APART = frozenset({Situation.LOCAL_QA, Situation.CATCH_UP, Situation.TAKE_OVER})
"""A class by itself: what it says stays in it."""


def situation(lesson: Lesson, room: ClassRoom | None) -> Situation:
    """Of a class; None: of those who are in none."""
    if lesson.phase not in TOGETHER_PHASES:
        return _OF_PHASE[lesson.phase]
    if room is not None and room.state is not ClassState.TOGETHER:
        return _OF_CLASS[room.state]
    return _OF_PHASE[lesson.phase] if lesson.master is MasterState.HERE else Situation.TAKE_OVER


def situation_of(lesson: Lesson, person: Person) -> Situation:
    return situation(lesson, lesson.class_room(person.class_id))


def is_apart(lesson: Lesson, class_id: ClassId | None) -> bool:
    """Whether the class is by itself now, so that it can be looked into."""
    return situation(lesson, lesson.class_room(class_id)) in _APART


class Priority(IntEnum):
    """What to give up last when a downlink is thin: the lower, the more important."""

    AUDIO = 0
    SCREEN = 1
    """The master's screen."""
    CAMERA = 2
    """The master's camera, and that of who is in the spotlight."""
    STAGE = 3
    """Pictures of those on stage, and, in local Q&A, of the own class."""
    WALL = 4
    """The wall of classes: small pictures."""


@dataclass(frozen=True, slots=True)
class Route:
    """One track that a member receives."""

    person: PersonId
    """Who sends it."""
    source: Source
    publication: Publication
    priority: Priority
    circle: str = ""
    """Of a microphone: the name of the circle in which it is heard. Empty: always heard."""


_route = functools.lru_cache(maxsize=8192)(Route)
"""Equal routes are one object, so that rows of hundreds compare quickly: when one of 300 comes or goes, each
of the others' 300 is looked at."""


class Feed(Enum):
    """A set of tracks, described from the place of a receiver."""

    MASTER = "master"
    MASTER_SILENT = "master_silent"
    MASTER_DUCKED = "master_ducked"
    """The sound to go with MASTER_SILENT, where the lesson is set so."""
    STAGE = "stage"
    SPOTLIGHT = "spotlight"
    OWN_CLASS = "own_class"
    WALL = "wall"
    LOOK = "look"
    """The class into which the receiver looks."""
    OWN_TEACHERS = "own_teachers"
    """Of the own class its tutor and its room."""


class _Place(NamedTuple):
    """Where a receiver sits: receivers who share a place receive the same, but for what is their own."""

    role: Role
    class_id: ClassId | None
    looks_in: ClassId | None


class _Sender(NamedTuple):
    number: int
    """In the order of the people."""
    person: Person
    tracks: tuple[tuple[SourceKind, Source, Publication], ...]


@dataclass(slots=True)
class _Scene:
    """Who sends what, sorted by what the feeds ask for."""

    lesson: Lesson
    rooms: Mapping[ClassId | None, ClassRoom]
    leaders: list[_Sender] = field(default_factory=list)
    stage: list[_Sender] = field(default_factory=list)
    classes: dict[ClassId, list[_Sender]] = field(default_factory=dict)
    wall: list[_Sender] = field(default_factory=list)

    def situation(self, class_id: ClassId | None) -> Situation:
        return situation(self.lesson, self.rooms.get(class_id))

    def members(self, class_id: ClassId | None) -> list[_Sender]:
        return [] if class_id is None else self.classes.get(class_id, [])


class _FeedRow(NamedTuple):
    senders: Callable[[_Scene, _Place], Sequence[_Sender]]
    """The senders of the feed, for a receiver at this place."""
    priorities: Mapping[SourceKind, Priority]
    """The kinds of tracks that belong to the feed."""
    circle: Callable[[_Place, Person], str] = lambda _place, _sender: ""
    """Of a sender's microphone, for a receiver at this place."""


def _leaders(scene: _Scene, _place: _Place) -> list[_Sender]:
    return scene.leaders


def _ducked(scene: _Scene, _place: _Place) -> list[_Sender]:
    return scene.leaders if scene.lesson.settings.duck else []


def _staged(scene: _Scene, _place: _Place) -> list[_Sender]:
    return scene.stage


def _spotlighted(scene: _Scene, _place: _Place) -> list[_Sender]:
    return [sender for sender in scene.stage if sender.person.id == scene.lesson.spotlight]


def _own_class(scene: _Scene, place: _Place) -> list[_Sender]:
    room = scene.rooms.get(place.class_id)
    in_one_room = room is not None and not room.at_home and place.role in _IN_THE_ROOM
    return [
        sender
        for sender in scene.members(place.class_id)
        if not (in_one_room and sender.person.role in _IN_THE_ROOM)
    ]


def _own_teachers(scene: _Scene, place: _Place) -> list[_Sender]:
    return [sender for sender in _own_class(scene, place) if sender.person.role in _IN_THE_ROOM]


def _wall(scene: _Scene, _place: _Place) -> list[_Sender]:
    return scene.wall


def _looked_into(scene: _Scene, place: _Place) -> list[_Sender]:
    if place.looks_in is None or scene.situation(place.looks_in) not in _APART:
        return []
    return scene.members(place.looks_in)


def _stage_circle(_place: _Place, _sender: Person) -> str:
    return "stage"


def _class_circle(_place: _Place, sender: Person) -> str:
    return "" if sender.role in _IN_THE_ROOM else f"class {sender.class_id}"


_MASTER_PICTURE = {
    SourceKind.SCREEN: Priority.SCREEN,
    SourceKind.CAMERA: Priority.CAMERA,
    SourceKind.ENCODER_VIDEO: Priority.CAMERA,
}
_MASTER_SOUND = {
    SourceKind.MICROPHONE: Priority.AUDIO,
    SourceKind.SCREEN_AUDIO: Priority.AUDIO,
    SourceKind.ENCODER_AUDIO: Priority.AUDIO,
}
_FACE_AND_VOICE = {SourceKind.MICROPHONE: Priority.AUDIO, SourceKind.CAMERA: Priority.STAGE}
_SHARED_SCREEN = {SourceKind.SCREEN: Priority.SCREEN, SourceKind.SCREEN_AUDIO: Priority.AUDIO}

_FEEDS: Mapping[Feed, _FeedRow] = {
    Feed.MASTER: _FeedRow(_leaders, _MASTER_PICTURE | _MASTER_SOUND),
    Feed.MASTER_SILENT: _FeedRow(_leaders, _MASTER_PICTURE),
    Feed.MASTER_DUCKED: _FeedRow(_ducked, _MASTER_SOUND),
    Feed.STAGE: _FeedRow(_staged, _FACE_AND_VOICE | _SHARED_SCREEN, _stage_circle),
    Feed.SPOTLIGHT: _FeedRow(_spotlighted, {SourceKind.CAMERA: Priority.CAMERA}),
    Feed.OWN_CLASS: _FeedRow(_own_class, _FACE_AND_VOICE, _class_circle),
    Feed.WALL: _FeedRow(_wall, {SourceKind.CAMERA: Priority.WALL}),
    Feed.LOOK: _FeedRow(_looked_into, _FACE_AND_VOICE, _class_circle),
    Feed.OWN_TEACHERS: _FeedRow(_own_teachers, _FACE_AND_VOICE, _class_circle),
}

_IN_THE_ROOM = frozenset({Role.TUTOR, Role.ROOM})
_OF_A_CLASS = frozenset({Role.TUTOR, Role.ROOM, Role.STUDENT})

_VIEWER = (Feed.MASTER, Feed.STAGE, Feed.SPOTLIGHT)
_WATCHER = (*_VIEWER, Feed.WALL, Feed.LOOK)
_PLENARY: Mapping[Role, tuple[Feed, ...]] = {
    Role.MASTER: _WATCHER,
    Role.TUTOR: _VIEWER,
    Role.ROOM: _VIEWER,
    Role.STUDENT: _VIEWER,
    Role.SUPERVISOR: _WATCHER,
    Role.ORGANIZER: _VIEWER,
    Role.ENCODER: (),
}
"""When all classes are together."""

_BY_ITSELF = (Feed.MASTER_SILENT, Feed.MASTER_DUCKED, Feed.OWN_CLASS)
_LOCAL_QA: Mapping[Role, tuple[Feed, ...]] = {
    Role.MASTER: (Feed.MASTER, Feed.WALL, Feed.LOOK),
    Role.TUTOR: _BY_ITSELF,
    Role.ROOM: _BY_ITSELF,
    Role.STUDENT: _BY_ITSELF,
    Role.SUPERVISOR: (Feed.MASTER, Feed.WALL, Feed.LOOK),
    Role.ORGANIZER: (Feed.MASTER_SILENT,),
    Role.ENCODER: (),
}

_RECEIVE: Mapping[Situation, Mapping[Role, tuple[Feed, ...]]] = {
    Situation.LECTURE: _PLENARY,
    Situation.INTERACTION: _PLENARY,
    Situation.LOCAL_QA: _LOCAL_QA,
    Situation.CATCH_UP: dict.fromkeys(Role, ()) | dict.fromkeys(_OF_A_CLASS, (Feed.OWN_CLASS,)),
    Situation.TAKE_OVER: {
        **_LOCAL_QA,
        **dict.fromkeys(_OF_A_CLASS, (Feed.MASTER_SILENT, Feed.OWN_CLASS)),
        Role.ORGANIZER: (Feed.MASTER,),
    },
    Situation.BREAK: dict.fromkeys(Role, ()),
}

_STANDBY: Mapping[Role, tuple[Feed, ...]] = dict.fromkeys(Role, ()) | dict.fromkeys(
    _OF_A_CLASS, (Feed.MASTER, Feed.OWN_TEACHERS)
)
"""What comes to a role, or goes, with the phase, whatever the phase is now. A door that has prepared it needs
no word with a thousand pages when the phase changes."""

_RECORDED: Mapping[Phase, tuple[Feed, ...]] = {
    Phase.LECTURE: (Feed.MASTER, Feed.STAGE),
    Phase.LOCAL_QA: (Feed.MASTER,),
    Phase.INTERACTION: (Feed.MASTER, Feed.STAGE),
    Phase.BREAK: (),
}
"""The recorder's row, whoever is apart and whether the master's line holds or not. Classes are recorded when
they are on stage, never from the wall; their own Q&A when the lesson says so (`_recorded_classes`)."""

_RECORDER_PLACE = _Place(Role.SUPERVISOR, None, None)
"""The recorder sits in no class; its feeds come from `_RECORDED`."""

_NOTHING: frozenset[SourceKind] = frozenset()
_FACE: frozenset[SourceKind] = frozenset({SourceKind.CAMERA, SourceKind.MICROPHONE})
_SEND: Mapping[Role, Mapping[Situation, frozenset[SourceKind]]] = {
    Role.MASTER: dict.fromkeys(Situation, _FACE | {SourceKind.SCREEN, SourceKind.SCREEN_AUDIO}),
    # In every situation, so that the tutor can take over within a second; who hears it is for the table
    # above.
    Role.TUTOR: dict.fromkeys(Situation, _FACE),
    Role.ROOM: dict.fromkeys(Situation, _FACE),
    # A pupil's camera stays closed unless it is needed: in the own class's Q&A, or on stage.
    Role.STUDENT: dict.fromkeys(Situation, _NOTHING) | {Situation.LOCAL_QA: _FACE, Situation.CATCH_UP: _FACE},
    Role.SUPERVISOR: dict.fromkeys(Situation, _NOTHING),
    Role.ORGANIZER: dict.fromkeys(Situation, _NOTHING),
    Role.ENCODER: dict.fromkeys(Situation, frozenset({SourceKind.ENCODER_VIDEO, SourceKind.ENCODER_AUDIO})),
}
_PUPILS_RECORDED: Mapping[ClassesRecorded, frozenset[SourceKind]] = {
    ClassesRecorded.TUTOR: _NOTHING,
    ClassesRecorded.SOUND: frozenset({SourceKind.MICROPHONE}),
    ClassesRecorded.ALL: _FACE,
}
"""Of pupils at home, in their class's own Q&A. Nothing of anybody there unless the lesson says so."""
_STAGE_SITUATIONS = _TOGETHER | {Situation.TAKE_OVER}
"""In which those on stage may send. Through a take-over they keep sending, so that the stage is there when
the master is; who gets it meanwhile is their own class."""
_OVER = frozenset({LessonState.ENDED, LessonState.CANCELLED})


def may_publish(lesson: Lesson, person: Person) -> frozenset[SourceKind]:
    """What this person may send now. Before the lesson is live too: devices are checked, nobody receives
    it."""
    if lesson.state in _OVER:
        return _NOTHING
    where = situation_of(lesson, person)
    allowed = _SEND[person.role][where]
    if person.role in _OF_A_CLASS and where in _STAGE_SITUATIONS and lesson.staged(person.id) is not None:
        allowed |= _FACE
        if person.role is Role.STUDENT and lesson.conduct.allow.screen:
            allowed |= _SHARED_SCREEN.keys()
    return allowed - stopped(lesson, person) if lesson.conduct.holds else allowed


class Plan(NamedTuple):
    """Of one person, most important first."""

    routes: tuple[Route, ...]
    """What they receive."""
    standby: tuple[Route, ...]
    """What they may receive from one moment to the next, and receive now only if it is a route too: to be
    prepared, and not to be sent."""


NOTHING: Final = Plan((), ())


def routes(lesson: Lesson, people: Iterable[Attendee]) -> dict[PersonId, tuple[Route, ...]]:
    """For each connected person (supervisors too) what they receive, most important first."""
    people = tuple(people)
    return {person: plan.routes for person, plan in plans(lesson, people, people).items()}


def routes_of(lesson: Lesson, people: Iterable[Attendee], attendee: Attendee) -> tuple[Route, ...]:
    """The row of one person in `routes`."""
    return plans(lesson, people, (replace(attendee, online=True),))[attendee.id].routes


def plans(lesson: Lesson, senders: Iterable[Attendee], receivers: Iterable[Attendee]) -> dict[PersonId, Plan]:
    """For each of the receivers who is connected. `senders` need hold only those who send, in the order they
    came; where only something of a class has changed, see `confined_to`."""
    return Plans(lesson, senders).of(receivers)


class Plans:
    """What there is to receive as long as the lesson and those who send stay as they are: who comes meanwhile
    gets what others of the same place got."""

    def __init__(self, lesson: Lesson, senders: Iterable[Attendee]) -> None:
        self.lesson = lesson
        self.senders = tuple(senders)
        online = [attendee for attendee in self.senders if attendee.online]
        self._scene = _set(lesson, online)
        self._voices = _private_voices(lesson, online)
        self._by_place: dict[_Place, Plan] = {}

    def of(self, receivers: Iterable[Attendee]) -> dict[PersonId, Plan]:
        """For each who is connected."""
        result: dict[PersonId, Plan] = {}
        for attendee in receivers:
            if not attendee.online:
                continue
            place = _place(attendee)
            plan = self._by_place.get(place)
            if plan is None:
                plan = self._by_place[place] = _plan(self._scene, place)
            if attendee.tracks:
                plan = Plan(_without(plan.routes, attendee), _without(plan.standby, attendee))
            result[attendee.id] = plan
        for listener, voices in self._voices.items():
            if listener in result:
                plan = result[listener]
                result[listener] = Plan((*voices, *plan.routes), plan.standby)
        return result


def confined_to(lesson: Lesson, person: Person) -> ClassId | None:
    """The class in which everybody sits, or looks, who receives anything of this person now, and whom alone
    it concerns when they begin or stop to send; None: it may concern others."""
    if person.role is not Role.STUDENT or lesson.staged(person.id) is not None:
        return None
    return person.class_id


def concerns(lesson: Lesson, sender: Person, classes: Collection[ClassId]) -> bool:
    """Whether those who sit in these classes, or look into them, may receive anything of this sender."""
    if sender.class_id in classes or sender.role in LEADING or lesson.staged(sender.id) is not None:
        return True
    # The wall of who looks in, and the other end of a private line.
    return sender.role in _IN_THE_ROOM


def _plan(scene: _Scene, place: _Place) -> Plan:
    standby = _STANDBY[place.role] if scene.lesson.state is LessonState.LIVE else ()
    return Plan(_received(scene, place, _feeds(scene, place)), _received(scene, place, standby))


def recorder_routes(lesson: Lesson, people: Iterable[Attendee]) -> tuple[Route, ...]:
    """What is recorded now, by the lesson's policy."""
    if lesson.state is not LessonState.LIVE or not lesson.recorded:
        return ()
    scene = _set(lesson, [attendee for attendee in people if attendee.online])
    return (*_received(scene, _RECORDER_PLACE, _RECORDED[lesson.phase]), *_recorded_classes(scene))


def _recorded_classes(scene: _Scene) -> Iterator[Route]:
    """Of classes that are in a Q&A of their own, what the lesson's policy says. Private lines and what a
    moderator closed are no senders' tracks here."""
    pupils = _PUPILS_RECORDED.get(scene.lesson.record_classes)
    if pupils is None:
        return
    for class_id, senders in scene.classes.items():
        if scene.situation(class_id) is not Situation.LOCAL_QA:
            continue
        for sender in senders:
            kinds = pupils if sender.person.role is Role.STUDENT else _FACE
            for kind, source, publication in sender.tracks:
                if kind in kinds:
                    priority = Priority.AUDIO if kind is SourceKind.MICROPHONE else Priority.WALL
                    yield _route(sender.person.id, source, publication, priority, "")


def _place(attendee: Attendee) -> _Place:
    return _Place(attendee.role, attendee.person.class_id, attendee.looks_in)


def _without(received: tuple[Route, ...], attendee: Attendee) -> tuple[Route, ...]:
    """Nobody gets themselves."""
    if all(route.person != attendee.id for route in received):
        return received
    return tuple(route for route in received if route.person != attendee.id)


def _set(lesson: Lesson, people: Iterable[Attendee]) -> _Scene:
    scene = _Scene(lesson, {room.id: room for room in lesson.classes})
    faces: dict[ClassId | None, _Sender] = {}
    for sender in _senders(lesson, people):
        person = sender.person
        if person.role in LEADING:
            scene.leaders.append(sender)
            continue
        if person.role not in _OF_A_CLASS:
            continue
        if person.class_id is not None:
            scene.classes.setdefault(person.class_id, []).append(sender)
        if lesson.staged(person.id) is not None and scene.situation(person.class_id) in _TOGETHER:
            scene.stage.append(sender)
        if person.role is Role.TUTOR and person.class_id is None:
            scene.wall.append(sender)
        elif person.role in _IN_THE_ROOM and _is_better_face(faces.get(person.class_id), sender, scene):
            faces[person.class_id] = sender
    scene.wall.extend(faces.values())
    return scene


def _is_better_face(known: _Sender | None, sender: _Sender, scene: _Scene) -> bool:
    """One picture for each class: its room's; else that of who tutors it."""
    if all(kind is not SourceKind.CAMERA for kind, _, _ in sender.tracks):
        return False
    if known is None or sender.person.role is Role.ROOM:
        return known is None or known.person.role is not Role.ROOM
    room = scene.rooms.get(sender.person.class_id)
    tutor = (room.stand_in or room.tutor) if room is not None else None
    return known.person.role is Role.TUTOR and sender.person.id == tutor


def _senders(lesson: Lesson, people: Iterable[Attendee]) -> Iterable[_Sender]:
    """Those who send something they may send now, in the order of `people`."""
    held = held_sources(lesson.conduct)
    for number, attendee in enumerate(people):
        if not attendee.tracks or attendee.role is Role.SUPERVISOR:
            continue
        allowed = may_publish(lesson, attendee.person)
        tracks = [(source_kind(track.source), track.source, track.publication) for track in attendee.tracks]
        hushed = is_hushed(lesson, attendee.person)
        kept = tuple(
            track
            for track in tracks
            if track[0] in allowed
            and (attendee.id, track[0]) not in held
            and not (hushed and track[0].media is Kind.AUDIO)
        )
        if kept:
            yield _Sender(number, attendee.person, kept)


def _private_voices(lesson: Lesson, people: Iterable[Attendee]) -> dict[PersonId, tuple[Route, ...]]:
    """What the two of an open private line hear of each other, and nobody else does; in every phase."""
    listeners = {speaker: listener for listener, speaker in partners(lesson)}
    if not listeners or lesson.state is not LessonState.LIVE:
        return {}
    held = held_sources(lesson.conduct)
    return {
        listeners[attendee.id]: tuple(
            Route(attendee.id, track.source, track.publication, Priority.AUDIO)
            for track in attendee.tracks
            if track.source == MICROPHONE and (attendee.id, SourceKind.MICROPHONE) not in held
        )
        for attendee in people
        if attendee.id in listeners
    }


def _feeds(scene: _Scene, place: _Place) -> tuple[Feed, ...]:
    if scene.lesson.state is not LessonState.LIVE:
        return ()
    return _RECEIVE[scene.situation(place.class_id)][place.role]


def _received(scene: _Scene, place: _Place, feeds: Sequence[Feed]) -> tuple[Route, ...]:
    """The tracks of these feeds, each once, most important first; equals in the order of the senders."""
    found: dict[tuple[int, int], tuple[_Sender, Priority, str]] = {}
    for row in map(_FEEDS.__getitem__, feeds):
        for sender in row.senders(scene, place):
            for at, (kind, _, _) in enumerate(sender.tracks):
                priority = row.priorities.get(kind)
                if priority is None:
                    continue
                circle = row.circle(place, sender.person) if kind is SourceKind.MICROPHONE else ""
                known = found.get((sender.number, at))
                if known is not None:
                    # Who is always heard by one feed is always heard.
                    priority, circle = min(known[1], priority), circle and known[2]
                found[sender.number, at] = (sender, priority, circle)
    ordered = sorted(found.items(), key=lambda item: (item[1][1], item[0]))
    return tuple(
        _route(sender.person.id, sender.tracks[at][1], sender.tracks[at][2], priority, circle)
        for (_, at), (sender, priority, circle) in ordered
    )
