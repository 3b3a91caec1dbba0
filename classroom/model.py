"""The nouns of a lesson: people, classes, phases and what people send. Values only; nothing here changes.

Terms and their Chinese names: master 名师, tutor 辅导教师, room device 教室终端, student 学生 (居家学生),
supervisor 督查, organizer 管理员, class 班级, lesson 课/活动, phase 环节, stage 上台/连麦.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from sfu.params import Kind, Quality

LessonId = NewType("LessonId", str)
PersonId = NewType("PersonId", str)
ClassId = NewType("ClassId", str)
HandId = NewType("HandId", str)
ChatId = NewType("ChatId", str)
QuizId = NewType("QuizId", str)
Publication = NewType("Publication", str)
"""Names one published track. Opaque here: whoever publishes chooses it and never uses it twice."""
Source = NewType("Source", str)
"""What a track shows, unique within a person: `camera`, `microphone`, `screen`, `screen_audio`; an encoder's
are `NAME.video` and `NAME.audio`. Made by `parse_source`."""


class Role(StrEnum):
    MASTER = "master"
    """名师/主讲: leads the lesson."""
    TUTOR = "tutor"
    """辅导教师: one per class; speaks for its pupils. Where a room has no device of its own, the tutor's
    camera and microphone are the room's."""
    ROOM = "room"
    """教室终端: a room's big screen, camera and microphone: one connection that stands for many pupils. The
    tutor has a connection of their own beside it."""
    STUDENT = "student"
    """A pupil who joins alone, from home (居家学生); belongs to a class all the same."""
    SUPERVISOR = "supervisor"
    """督查: sees everything and is seen by nobody."""
    ORGANIZER = "organizer"
    """管理员: sets lessons up; may end or cancel one."""
    ENCODER = "encoder"
    """A device or program that publishes on the master's behalf and receives nothing."""


LEADING: Final = frozenset({Role.MASTER, Role.ENCODER})
"""What they send is the lesson."""


class Phase(StrEnum):
    """环节: set by the master for all."""

    LECTURE = "lecture"
    """主讲"""
    LOCAL_QA = "local_qa"
    """线下答疑"""
    INTERACTION = "interaction"
    """互动"""
    BREAK = "break"
    """休息"""


class LessonState(StrEnum):
    SCHEDULED = "scheduled"
    OPEN = "open"
    """Somebody is at the door or inside; nothing is sent to others yet."""
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"


class ClassState(StrEnum):
    """Where a class is, beside the phase of all."""

    TOGETHER = "together"
    """With the others, in the phase of the lesson."""
    LOCAL_QA = "local_qa"
    """In a Q&A of its own while the lecture goes on: its tutor wished it."""
    CATCH_UP = "catch_up"
    """Back from it, and playing what it missed from the recording, faster, until it has caught up."""


class MasterState(StrEnum):
    """Whether the lesson has its master, by media and connection."""

    HERE = "here"
    LOST = "lost"
    """Gone for a second or more: each class goes on by itself."""
    BACK = "back"
    """There again, and the classes wait for the master's word to resume."""


class ClassesRecorded(StrEnum):
    """What is recorded of each class's own Q&A. On stage everybody is, whatever this says."""

    NOTHING = "nothing"
    TUTOR = "tutor"
    """The tutor and the room."""
    SOUND = "sound"
    """The same, and of pupils at home their sound alone."""
    ALL = "all"
    """The same, and their pictures."""


class RecordingState(StrEnum):
    OFF = "off"
    ON = "on"
    FAILING = "failing"


class SourceKind(StrEnum):
    """What a source is, whatever its name. The value of the first four is the source itself."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"
    SCREEN_AUDIO = "screen_audio"
    ENCODER_VIDEO = "encoder.video"
    ENCODER_AUDIO = "encoder.audio"

    @property
    def media(self) -> Kind:
        return Kind.AUDIO if self in _AUDIO else Kind.VIDEO


_AUDIO = frozenset({SourceKind.MICROPHONE, SourceKind.SCREEN_AUDIO, SourceKind.ENCODER_AUDIO})
_DEVICES = {
    kind.value: kind
    for kind in (SourceKind.CAMERA, SourceKind.MICROPHONE, SourceKind.SCREEN, SourceKind.SCREEN_AUDIO)
}
_ENCODER_SOURCE = re.compile(r"[\w-][\w .-]{0,56}\.(video|audio)")
"""NAME as people write it (letters of any script, digits, `-`, `_`, inner blanks and dots); the whole at most
64 characters, the limit of a source in the protocol."""

CAMERA = Source("camera")
MICROPHONE = Source("microphone")
SCREEN = Source("screen")
SCREEN_AUDIO = Source("screen_audio")


def parse_source(text: str) -> Source:
    """Checks that `text` names a source; ValueError when it does not."""
    if text not in _DEVICES and not _ENCODER_SOURCE.fullmatch(text):
        raise ValueError(f"not a source: {text[:64]!r}")
    return Source(text)


def encoder_source(name: str, media: Kind) -> Source:
    """The source of encoder `name`; ValueError when the name cannot be one."""
    return parse_source(f"{name}.{media}")


def source_kind(source: Source) -> SourceKind:
    kind = _DEVICES.get(source)
    if kind is not None:
        return kind
    return SourceKind.ENCODER_AUDIO if source.endswith(".audio") else SourceKind.ENCODER_VIDEO


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is in one lesson, as their credential says."""

    id: PersonId
    name: str
    role: Role
    class_id: ClassId | None = None


@dataclass(frozen=True, slots=True)
class ClassRoom:
    """班级: pupils who take part together, in one room or at home, with one tutor."""

    id: ClassId
    name: str
    tutor: PersonId | None = None
    """The registered tutor; None: the class has none."""
    school: str = ""
    at_home: bool = False
    """Its pupils join one by one; those who enrol alone are put here."""
    stand_in: PersonId | None = None
    """Who took the class over, on record: from the registered tutor, or coming from another class. Of one
    class at a time."""
    state: ClassState = ClassState.TOGETHER
    state_since_ms: int = 0
    """Lesson clock."""
    left_ms: int = 0
    """Lesson clock at which the class left for its own Q&A: from where it catches up."""
    pupils: int = 0
    """How many it has, as registered; 0: nobody entered it."""
    called: int = 0
    """How often the class, or a pupil of it, was brought on stage: the fairness count."""


@dataclass(frozen=True, slots=True)
class StandBy:
    """A tutor who is registered without a class of their own, to take one over (`rules.tutoring`)."""

    person: PersonId
    school: str = ""
    """Whose classes; empty: all of the lesson."""


@dataclass(frozen=True, slots=True)
class OnStage:
    """One who is on stage (上台): everybody gets their camera and microphone."""

    person: PersonId
    name: str
    role: Role
    class_id: ClassId | None
    seat: str = ""
    """Of the hand by which a room came up: `12` of `class 3, seat 12`."""
    since_ms: int = 0
    """Lesson clock."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody whom the master asked to come on stage, and who has not said yes yet."""

    person: PersonId
    name: str
    role: Role
    class_id: ClassId | None
    until_ms: int
    """Lesson clock: forgotten from then on."""


@dataclass(frozen=True, slots=True)
class PhaseTimer:
    """How long the phase is meant to last. Its end is told; the phase stays until the master changes it."""

    seconds: int
    ends_ms: int
    """Lesson clock."""


@dataclass(frozen=True, slots=True)
class LessonSettings:
    """What may be set for each lesson."""

    stage_limit: int = 4
    """At once on stage: every one of them is a stream more to each class; a thin school line has room for the
    master and four small pictures."""
    duck: bool = False
    """In local Q&A the master's sound reaches the class, for its page to play low; else it does not at
    all."""
    resume_by_click: bool = False
    """After the master's line was lost: the lesson resumes when the master says so, not by itself."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What pupils may do in this lesson, as the master or the organizer sets it."""

    chat: bool = True
    """Write to the lesson's and the class's chat."""
    hand: bool = True
    """Raise their hand."""
    unmute: bool = True
    """Open again by themselves what a moderator has closed (`Hold`)."""
    screen: bool = False
    """Share their screen while they are on stage."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A moderator has closed somebody's microphone, camera or screen. Nothing of it is forwarded until the
    owner opens it again; coming in anew or sending it anew does not help."""

    person: PersonId
    kind: SourceKind
    stopped: bool = False
    """The track was taken down; sending it anew opens it. False: muted, and unmuting it does."""
    released: bool = False
    """A moderator has said that the owner may open it, whatever pupils may do otherwise."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Sent out of the lesson, and not let in again until readmitted."""

    person: PersonId
    name: str


@dataclass(frozen=True, slots=True)
class Conduct:
    """课堂纪律: what is allowed in a lesson, and who was called to order. Changed by `talk.conduct` alone."""

    allow: Allowance = Allowance()
    locked: bool = False
    """No pupil comes in who has not been in."""
    closed_chats: tuple[ClassId | None, ...] = ()
    """Where pupils may not write now: chats of classes; None: that of the lesson (tutors neither)."""
    holds: tuple[Hold, ...] = ()
    removed: tuple[Removed, ...] = ()


@dataclass(frozen=True, slots=True)
class VoiceCall:
    """A private line between a tutor and the master: rings until it is accepted."""

    tutor: PersonId
    class_id: ClassId | None
    """The tutor's."""
    master: PersonId
    caller: PersonId
    """Which of the two asked for it."""
    since_ms: int
    """Unix time in ms: of ringing, then of accepting."""
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The master looks into a class that is by itself."""

    person: PersonId
    class_id: ClassId


@dataclass(frozen=True, slots=True)
class Lesson:
    """One timed session, with the state that everybody shares."""

    id: LessonId
    title: str
    classes: tuple[ClassRoom, ...] = ()
    state: LessonState = LessonState.SCHEDULED
    phase: Phase = Phase.LECTURE
    phase_since_ms: int = 0
    """Lesson clock."""
    timer: PhaseTimer | None = None
    stage: tuple[OnStage, ...] = ()
    """In the order they came up."""
    spotlight: PersonId | None = None
    """Who of those on stage is shown large."""
    invited: tuple[Invitation, ...] = ()
    master: MasterState = MasterState.HERE
    settings: LessonSettings = LessonSettings()
    recorded: bool = True
    record_classes: ClassesRecorded = ClassesRecorded.NOTHING
    recording: RecordingState = RecordingState.OFF
    starts_ms: int = 0
    """When it is planned to begin, Unix time in ms; 0: not planned."""
    ends_ms: int = 0
    """When it is planned to end; 0: not planned."""
    started_ms: int = 0
    """Unix time in ms; 0 before the lesson is live."""
    ended_ms: int = 0
    master_id: PersonId | None = None
    """Who is registered to lead it; None: nobody yet. Who holds a master's credential leads it anyhow."""
    conduct: Conduct = Conduct()
    calls: tuple[VoiceCall, ...] = ()
    """Private lines, in the order in which they rang; at most one per tutor, at most one accepted per master.
    After a restart of the server they ring again."""
    standby: tuple[StandBy, ...] = ()
    looks: tuple[Look, ...] = ()
    """Into which classes those who lead look, while they keep their place; a supervisor's look is never in
    here."""
    on_air: tuple[PersonId, ...] = ()
    """Of those who lead, who sends, or did when they were lost: after a restart of the server, too, the
    classes wait for their media."""

    def class_room(self, class_id: ClassId | None) -> ClassRoom | None:
        for room in self.classes:  # asked for each person at each change: a generator takes thrice as long
            if room.id == class_id:
                return room
        return None

    def looked_into(self, person: PersonId) -> ClassId | None:
        return next((look.class_id for look in self.looks if look.person == person), None)

    def staged(self, person: PersonId) -> OnStage | None:
        return next((member for member in self.stage if member.person == person), None)

    def invitation(self, person: PersonId) -> Invitation | None:
        return next((invited for invited in self.invited if invited.person == person), None)


@dataclass(frozen=True, slots=True)
class Track:
    """Something that a person sends now."""

    source: Source
    publication: Publication
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Attendee:
    """One person in the lesson, as the lesson knows them now."""

    person: Person
    online: bool = True
    """False: the connection was lost a moment ago and the place is kept."""
    tracks: tuple[Track, ...] = ()
    looks_in: ClassId | None = None
    """The class that a master or supervisor looks into, to hear its local Q&A."""

    @property
    def id(self) -> PersonId:
        return self.person.id

    @property
    def role(self) -> Role:
        return self.person.role


@dataclass(frozen=True, slots=True)
class ClassStatus:
    """A class as the master's wall shows it."""

    room: ClassRoom
    tutor: PersonId | None
    """Who tutors it now: the registered tutor, or another one who took the class over."""
    tutor_online: bool
    online: int
    """People of the class who are connected, tutors and room devices not counted."""
    room_online: bool = False
    """A room device is there."""
    quality: Quality | None = None
    """How well it is reached, for those who see all classes; None: not known, or not shown."""


@dataclass(frozen=True, slots=True)
class Hand:
    id: HandId
    person: PersonId
    name: str
    class_id: ClassId | None
    seat: str
    """A tutor raises it for a seat of the room; empty: the person's own."""
    since_ms: int
    """Lesson clock: ms since the lesson went live, 0 before."""


class ChatScope(StrEnum):
    """Who reads a message."""

    LESSON = "lesson"
    CLASS = "class"
    """The class, and those who see all classes."""
    PRIVATE = "private"
    """A tutor and the master: one thread per tutor."""


@dataclass(frozen=True, slots=True)
class ChatEntry:
    id: ChatId
    person: PersonId
    name: str
    role: Role
    text: str
    at_ms: int
    """Unix time in ms."""
    client_id: str = ""
    """Chosen by who wrote it; the same one twice from the same person is one entry."""
    scope: ChatScope = ChatScope.LESSON
    class_id: ClassId | None = None
    """Whose chat it is in; in that of the lesson, and in a private one, the writer's own."""
    tutor: PersonId | None = None
    """Of a private message: whose thread it is in."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """公告: stays on the page until the next one of the same scope takes its place."""

    id: ChatId
    person: PersonId
    name: str
    role: Role
    text: str
    """Empty: the last one was taken down."""
    at_ms: int
    """Unix time in ms."""
    class_id: ClassId | None = None
    """Whom it is for; None: everybody."""
