"""The floor: who receives what, as one pure function of the lesson's state.

Theory of operation
-------------------
A *feed* is a set of tracks described from a receiver's place: "the master's", "the stage", "my own class",
"the wall of classes". `_FEEDS` says for each feed who its senders are and how important each kind of their
tracks is. `_RECEIVE` says which feeds a role gets in a phase, and `_SEND` what a role may send in it.
Everything that the classroom shows to anybody is a row of these three tables; a new phase, role or kind of
view is a new row.

A track that comes by two feeds (a tutor on stage is also on the wall) is received once, with the better
priority.

Who talk with each other are a *circle*: those on stage, a class in its own Q&A. However many microphones a
circle has, a receiver hears the loudest few of them; the master's sound, and an encoder's, stand in none and
are always heard. At any moment a microphone stands in one circle at most, whoever receives it.

What the rows rest on (DOMAIN, 1+1):
- lecture: everybody gets the master's camera, screen and sound, and the stage. The master also sees the wall:
  one picture per class, the tutor's camera, which is the room's. Pictures only: a class is heard when it is
  on stage.
- local Q&A: each class by itself: its tutor and its home students see and hear each other and keep the
  master's picture without sound; the master sees the wall.
- interaction: as lecture; it differs by who may come on stage.
- break: nothing is sent.
- an encoder's tracks are the master's. An encoder receives nothing.
- what a moderator has closed (`talk.conduct`) is sent to nobody. Two who are on a private line
  (`talk.private_voice`) hear each other and are heard by nobody else.
- supervisors see what the master sends and the wall; nobody receives anything of theirs.
- before the lesson is live and after it nothing is sent to anybody.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from classroom.model import (
    MICROPHONE,
    Attendee,
    ClassId,
    Lesson,
    LessonState,
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


class Priority(IntEnum):
    """What to give up last when a downlink is thin: the lower, the more important."""

    AUDIO = 0
    SCREEN = 1
    """The master's screen."""
    CAMERA = 2
    """The master's camera."""
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
    STAGE = "stage"
    OWN_CLASS = "own_class"
    WALL = "wall"


class _Place(NamedTuple):
    """Where a receiver sits: receivers who send nothing and share a place receive the same."""

    role: Role
    class_id: ClassId | None


class _FeedRow(NamedTuple):
    sends: Callable[[Lesson, _Place, Person], bool]
    """Whether this person is a sender of the feed, for a receiver at this place."""
    priorities: Mapping[SourceKind, Priority]
    """The kinds of tracks that belong to the feed."""
    circle: Callable[[_Place], str] = lambda _place: ""
    """Of its microphones, for a receiver at this place."""


def _leads(_lesson: Lesson, _place: _Place, sender: Person) -> bool:
    return sender.role in (Role.MASTER, Role.ENCODER)


def _on_stage(lesson: Lesson, _place: _Place, sender: Person) -> bool:
    return sender.id in lesson.stage


def _same_class(_lesson: Lesson, place: _Place, sender: Person) -> bool:
    return place.class_id is not None and sender.class_id == place.class_id


def _stage_circle(_place: _Place) -> str:
    return "stage"


def _class_circle(place: _Place) -> str:
    return f"class {place.class_id}"


def _tutors(_lesson: Lesson, _place: _Place, sender: Person) -> bool:
    return sender.role is Role.TUTOR


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
    Feed.MASTER: _FeedRow(_leads, _MASTER_PICTURE | _MASTER_SOUND),
    Feed.MASTER_SILENT: _FeedRow(_leads, _MASTER_PICTURE),
    Feed.STAGE: _FeedRow(_on_stage, _FACE_AND_VOICE | _SHARED_SCREEN, _stage_circle),
    Feed.OWN_CLASS: _FeedRow(_same_class, _FACE_AND_VOICE, _class_circle),
    Feed.WALL: _FeedRow(_tutors, {SourceKind.CAMERA: Priority.WALL}),
}

_PLENARY: Mapping[Role, tuple[Feed, ...]] = {
    Role.MASTER: (Feed.MASTER, Feed.STAGE, Feed.WALL),
    Role.TUTOR: (Feed.MASTER, Feed.STAGE),
    Role.STUDENT: (Feed.MASTER, Feed.STAGE),
    Role.SUPERVISOR: (Feed.MASTER, Feed.STAGE, Feed.WALL),
    Role.ORGANIZER: (Feed.MASTER, Feed.STAGE),
    Role.ENCODER: (),
}
"""When all classes are together."""

_RECEIVE: Mapping[Phase, Mapping[Role, tuple[Feed, ...]]] = {
    Phase.LECTURE: _PLENARY,
    Phase.LOCAL_QA: {
        Role.MASTER: (Feed.MASTER, Feed.WALL),
        Role.TUTOR: (Feed.MASTER_SILENT, Feed.OWN_CLASS),
        Role.STUDENT: (Feed.MASTER_SILENT, Feed.OWN_CLASS),
        Role.SUPERVISOR: (Feed.MASTER, Feed.WALL),
        Role.ORGANIZER: (Feed.MASTER_SILENT,),
        Role.ENCODER: (),
    },
    Phase.INTERACTION: _PLENARY,
    Phase.BREAK: dict.fromkeys(Role, ()),
}

_RECORDED: Mapping[Phase, tuple[Feed, ...]] = {
    Phase.LECTURE: (Feed.MASTER, Feed.STAGE),
    Phase.LOCAL_QA: (Feed.MASTER,),
    Phase.INTERACTION: (Feed.MASTER, Feed.STAGE),
    Phase.BREAK: (),
}
"""The recorder's row. Classes are recorded when they are on stage, never from the wall."""

_RECORDER_PLACE = _Place(Role.SUPERVISOR, None)
"""The recorder sits in no class; its feeds come from `_RECORDED`."""

_NOTHING: frozenset[SourceKind] = frozenset()
_FACE: frozenset[SourceKind] = frozenset({SourceKind.CAMERA, SourceKind.MICROPHONE})
_SEND: Mapping[Role, Mapping[Phase, frozenset[SourceKind]]] = {
    Role.MASTER: dict.fromkeys(Phase, _FACE | {SourceKind.SCREEN, SourceKind.SCREEN_AUDIO}),
    # In every phase, so that the tutor can take over within a second; who hears it is for the table above.
    Role.TUTOR: dict.fromkeys(Phase, _FACE),
    # A pupil's camera stays closed unless it is needed: in the own class's Q&A, or on stage.
    Role.STUDENT: dict.fromkeys(Phase, _NOTHING) | {Phase.LOCAL_QA: _FACE},
    Role.SUPERVISOR: dict.fromkeys(Phase, _NOTHING),
    Role.ORGANIZER: dict.fromkeys(Phase, _NOTHING),
    Role.ENCODER: dict.fromkeys(Phase, frozenset({SourceKind.ENCODER_VIDEO, SourceKind.ENCODER_AUDIO})),
}
_STAGE_PHASES = frozenset({Phase.LECTURE, Phase.INTERACTION})
_STAGE_ROLES = frozenset({Role.TUTOR, Role.STUDENT})
_OVER = frozenset({LessonState.ENDED, LessonState.CANCELLED})


def may_publish(lesson: Lesson, person: Person) -> frozenset[SourceKind]:
    """What this person may send now. Before the lesson is live too: devices are checked, nobody receives
    it."""
    if lesson.state in _OVER:
        return _NOTHING
    allowed = _SEND[person.role][lesson.phase]
    if person.id in lesson.stage and person.role in _STAGE_ROLES and lesson.phase in _STAGE_PHASES:
        allowed |= _FACE
        if person.role is Role.STUDENT and lesson.conduct.allow.screen:
            allowed |= _SHARED_SCREEN.keys()
    return allowed - stopped(lesson, person) if lesson.conduct.holds else allowed


def routes(lesson: Lesson, people: Iterable[Attendee]) -> dict[PersonId, tuple[Route, ...]]:
    """For each connected person (supervisors too) what they receive, most important first."""
    people = [attendee for attendee in people if attendee.online]
    senders = _senders(lesson, people)
    sending = {sender.person.id for sender in senders}
    by_place: dict[_Place, tuple[Route, ...]] = {}
    result: dict[PersonId, tuple[Route, ...]] = {}
    for attendee in people:
        place = _Place(attendee.role, attendee.person.class_id)
        if place not in by_place:
            by_place[place] = _received(lesson, place, _feeds(lesson, place.role), senders)
        found = by_place[place]
        if (own := attendee.id) in sending:
            found = tuple([route for route in found if route.person != own])
        result[attendee.id] = found
    for listener, voices in _private_voices(lesson, people).items():
        if listener in result:
            result[listener] = (*voices, *result[listener])
    return result


def routes_of(lesson: Lesson, people: Iterable[Attendee], person: Person) -> tuple[Route, ...]:
    """The row of one person in `routes`, where nobody else's has changed. `people` need hold only those who
    send."""
    others = [attendee for attendee in people if attendee.online and attendee.id != person.id]
    place = _Place(person.role, person.class_id)
    voices = _private_voices(lesson, others).get(person.id, ())
    return (*voices, *_received(lesson, place, _feeds(lesson, place.role), _senders(lesson, others)))


def recorder_routes(lesson: Lesson, people: Iterable[Attendee]) -> tuple[Route, ...]:
    """What is recorded now, by the lesson's policy."""
    if lesson.state is not LessonState.LIVE or not lesson.recorded:
        return ()
    senders = _senders(lesson, [attendee for attendee in people if attendee.online])
    return _received(lesson, _RECORDER_PLACE, _RECORDED[lesson.phase], senders)


class _Sender(NamedTuple):
    person: Person
    tracks: tuple[tuple[SourceKind, Source, Publication], ...]


def _senders(lesson: Lesson, people: Iterable[Attendee]) -> list[_Sender]:
    """Those who send something they may send now, in the order of `people`."""
    senders = []
    held = held_sources(lesson.conduct)
    for attendee in people:
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
            senders.append(_Sender(attendee.person, kept))
    return senders


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


def _feeds(lesson: Lesson, role: Role) -> tuple[Feed, ...]:
    return _RECEIVE[lesson.phase][role] if lesson.state is LessonState.LIVE else ()


def _received(
    lesson: Lesson, place: _Place, feeds: Sequence[Feed], senders: Iterable[_Sender]
) -> tuple[Route, ...]:
    """The tracks of these feeds, each once, most important first; equals in the order of the senders."""
    found: list[Route] = []
    for sender in senders:
        rows = [row for row in map(_FEEDS.__getitem__, feeds) if row.sends(lesson, place, sender.person)]
        for kind, source, publication in sender.tracks:
            priorities = [row.priorities[kind] for row in rows if kind in row.priorities]
            if priorities:
                circle = _circle(rows, place) if kind is SourceKind.MICROPHONE else ""
                found.append(_route(sender.person.id, source, publication, min(priorities), circle))
    return tuple(sorted(found, key=lambda route: route.priority))


def _circle(rows: Sequence[_FeedRow], place: _Place) -> str:
    """None where any feed brings the microphone outside of all circles."""
    circles = [row.circle(place) for row in rows if SourceKind.MICROPHONE in row.priorities]
    return circles[0] if all(circles) else ""
