"""What a lesson tells its members, and the facts it tells its observers.

Members hear only what their role may know: a member of a class sees the teachers and its own class by name,
and of the other classes how many are there; master, organizer and supervisor see everybody. No event says
anything of a supervisor to anybody. Observers (the database, the recorder's hand) hear every fact, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from classroom.commands import PersonCommand
from classroom.floor import Route
from classroom.model import (
    Attendee,
    ChatEntry,
    ClassId,
    ClassRoom,
    ClassState,
    ClassStatus,
    Hand,
    HandId,
    Invitation,
    Lesson,
    LessonId,
    LessonSettings,
    LessonState,
    OnStage,
    Person,
    PersonId,
    Phase,
    Publication,
    RecordingState,
    Source,
    SourceKind,
)
from classroom.quality import Period
from classroom.roll import Counts, Mark, Marked, Pupil
from classroom.rules.reasons import Reason
from classroom.talk.events import NO_TALK, TalkEvent, TalkSnapshot


class LeaveCause(StrEnum):
    LEFT = "left"
    """On purpose."""
    LOST = "lost"
    """The connection went away and did not come back in time; the place is kept a while longer."""
    REPLACED = "replaced"
    """The same person came in by another connection."""
    ENDED = "ended"
    """The lesson ended or was cancelled."""
    SERVER = "server"
    """The server stopped, or had crashed."""
    REMOVED = "removed"
    """A moderator sent them out, or took the track down."""
    MOVED = "moved"
    """A tutor who takes another class over: they come in again, as one of that class."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one member may know of the lesson at the moment of joining; later events are changes to it."""

    me: Attendee
    lesson: Lesson
    may_publish: frozenset[SourceKind]
    people: tuple[Attendee, ...]
    """In the order they first came; a supervisor's has no supervisors either."""
    classes: tuple[ClassStatus, ...]
    hands: tuple[Hand, ...]
    chat: tuple[ChatEntry, ...]
    """What this member may read of the latest, oldest first."""
    talk: TalkSnapshot = NO_TALK
    rolls: tuple[RollSeen, ...] = ()
    """Of the own class for its tutors; of all, in numbers, for those who lead."""
    invited: tuple[Invitation, ...] = ()
    """Of those in `lesson`, the ones that this role may know of."""


# --- to members -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LessonChanged:
    """State, phase, timer, the own class's state, settings, the master's line or recording; and with every
    change of the stage, since what the member may send may change."""

    lesson: Lesson
    may_publish: frozenset[SourceKind]
    """What this member may send now."""
    reason: str = ""
    """Of a cancelled lesson: why, in the words of who cancelled it."""


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """People and classes that changed, in batches of at most every 200 ms."""

    people: tuple[Attendee, ...] = ()
    gone: tuple[PersonId, ...] = ()
    classes: tuple[ClassStatus, ...] = ()
    gone_classes: tuple[ClassId, ...] = ()
    """Planned out, or to be put in again at another place: taken out before `classes` are put in."""


@dataclass(frozen=True, slots=True)
class HandsChanged:
    """The queue, as far as this member may see it, in order."""

    hands: tuple[Hand, ...]


@dataclass(frozen=True, slots=True)
class ChatSaid:
    entry: ChatEntry


class NoticeKind(StrEnum):
    """What a lesson has to say in words: the texts are in the catalogue of the door."""

    TIMER_ENDED = "timer_ended"
    """The time of the phase is over; the phase goes on until the master changes it."""
    LATE_START = "late_start"
    """The lesson should have begun."""
    OVERRUN = "overrun"
    """The lesson should have ended."""
    MASTER_LOST = "master_lost"
    """The classes go on by themselves, each with its tutor."""
    MASTER_BACK = "master_back"
    """The master is there again; the lesson waits for their word."""
    RESUMED = "resumed"
    STAGE_DECLINED = "stage_declined"
    STAGE_EXPIRED = "stage_expired"
    """An invitation was not answered."""
    TUTOR_CHANGED = "tutor_changed"
    CLASS_WITHOUT_TUTOR = "class_without_tutor"
    CLASS_ONLINE = "class_online"
    """A room class has become an at-home class."""


@dataclass(frozen=True, slots=True)
class Noticed:
    kind: NoticeKind
    class_id: ClassId | None = None
    person: PersonId | None = None
    class_name: str = ""
    person_name: str = ""
    """As they are called now: for the words."""


@dataclass(frozen=True, slots=True)
class StageChanged:
    """Who is on stage, in the spotlight, and (as far as this member may know) invited."""

    stage: tuple[OnStage, ...]
    spotlight: PersonId | None
    invited: tuple[Invitation, ...]


@dataclass(frozen=True, slots=True)
class RollSeen:
    """A class's roll call, as far as this member may know of it."""

    class_id: ClassId
    counts: Counts
    register: tuple[Pupil, ...] | None = None
    """None: not told, or as it was."""
    seats: Mapping[str, Marked | None] = field(default_factory=dict)
    """None: nothing is said of it any more."""
    people: Mapping[PersonId, Marked | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RollChanged:
    """To the tutors of a class what changed in its roll call, to those who lead the numbers."""

    roll: RollSeen


@dataclass(frozen=True, slots=True)
class LookChanged:
    """To who looks into a class, or no longer does: what was asked for, or the class has come back."""

    class_id: ClassId | None


@dataclass(frozen=True, slots=True)
class ClassWentOnline:
    """To those who may hand out its join links: tutor, master, organizer."""

    room: ClassRoom


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """The answer to a posted command that was not allowed; nothing changed."""

    command: PersonCommand
    reason: Reason


@dataclass(frozen=True, slots=True)
class Dismissed:
    """The last event: the room no longer knows this member (REPLACED, ENDED, SERVER or REMOVED)."""

    cause: LeaveCause


Event = (
    LessonChanged
    | RosterChanged
    | HandsChanged
    | ChatSaid
    | TalkEvent
    | Noticed
    | StageChanged
    | RollChanged
    | LookChanged
    | ClassWentOnline
    | CommandRefused
    | Dismissed
)


# --- to observers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened in a lesson."""

    lesson_id: LessonId
    at_ms: int
    """Unix time in ms."""
    elapsed_ms: int = 0
    """The lesson's clock: ms since it went live, 0 before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChanged(Fact):
    state: LessonState
    lesson: Lesson
    """As it is now."""
    actor: PersonId | None
    reason: str = ""
    """Why it was cancelled, where that was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRevised(Fact):
    """Planned anew: title, times, recording, classes or tutors."""

    lesson: Lesson
    """As it is now."""
    actor: PersonId
    reason: str
    """Why it is not recorded, if so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedChanged(Fact):
    """Something changed of what everybody shares (`classroom.shared`): kept so that a restart finds it. In no
    stream."""

    lesson: Lesson
    """As it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged(Fact):
    phase: Phase
    actor: PersonId | None
    seconds: int = 0
    """Of its timer; 0: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerEnded(Fact):
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPassed(Fact):
    """The timetable's beginning or end went by."""

    overrun: bool
    """Else: late start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassStateChanged(Fact):
    class_id: ClassId
    state: ClassState
    actor: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedIn(Fact):
    """The master looked into a class, or no longer does. (Of a supervisor's look nothing is told.)"""

    class_id: ClassId | None
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInvited(Fact):
    guest: PersonId
    class_id: ClassId | None
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDeclined(Fact):
    guest: PersonId
    actor: PersonId | None
    """None: the invitation was not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntered(Fact):
    member: OnStage
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLeft(Fact):
    guest: PersonId
    class_id: ClassId | None
    actor: PersonId | None
    """None: by the lesson, because of a phase, or because they went away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotlightChanged(Fact):
    guest: PersonId | None
    actor: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterLost(Fact):
    """The master's line has been gone for a second: each class goes on with its tutor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterBack(Fact):
    resumed: bool
    """False: the classes wait for the master's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonResumed(Fact):
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTaken(Fact):
    """A tutor declared that they take a class over."""

    class_id: ClassId
    tutor: PersonId
    instead_of: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMovedOnline(Fact):
    class_id: ClassId
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class RollMarked(Fact):
    """A tutor said who of the class is there."""

    class_id: ClassId
    mark: Mark | None
    """None: what was said is taken back."""
    seats: tuple[str, ...]
    people: tuple[PersonId, ...]
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSet(Fact):
    """Who sits where in a class was entered."""

    class_id: ClassId
    pupils: tuple[Pupil, ...]
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged(Fact):
    settings: LessonSettings
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonJoined(Fact):
    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLeft(Fact):
    person: Person
    cause: LeaveCause


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRefused(Fact):
    """Somebody with a valid credential was not let in."""

    person: Person
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class TutorAbsent(Fact):
    """A class of a live lesson is without a tutor, or no longer is."""

    class_id: ClassId
    absent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TutorChanged(Fact):
    """Who tutors a class is no longer who did."""

    status: ClassStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPublished(Fact):
    person: Person
    source: Source
    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackUnpublished(Fact):
    person: Person
    source: Source
    publication: Publication
    cause: LeaveCause
    """LEFT when only the track was taken down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackMuted(Fact):
    person: Person
    source: Source
    publication: Publication
    muted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandRaised(Fact):
    hand: Hand


@dataclass(frozen=True, slots=True, kw_only=True)
class HandLowered(Fact):
    hand: HandId
    actor: PersonId | None
    """None: by the lesson, because its owner went away or the lesson ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatWritten(Fact):
    entry: ChatEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingChanged(Fact):
    state: RecordingState


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipMoved(Fact):
    """A micro-lesson of the lesson has come into another state of `classroom.library.clips`; `failed`: it
    could not be cut."""

    clip: str
    item: str
    state: str
    title: str
    subject: str
    actor: PersonId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDeleted(Fact):
    """The lesson's recording was deleted, on record."""

    item: str
    reason: str
    actor: PersonId | None
    """None: its time was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderRouted(Fact):
    """What is recorded from now on: the recorder's row of the floor, sent only when it changed. Empty before
    the lesson is live, after it, and for a lesson that is not recorded."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationStarted(Fact):
    """A supervisor came in. Kept apart from the lesson's own stream of events."""

    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationEnded(Fact):
    person: Person
    cause: LeaveCause


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityNoted(Fact):
    """One second of everybody who is on a lesson's quality record, so that a crash does not cost what has not
    become a row yet. Told as QualityMeasured is."""

    people: tuple[PersonId, ...]
    packed: bytes
    """A second of each, as `classroom.quality` packs them; its level is UNKNOWN of who was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityMeasured(Fact):
    """How well somebody was reached for a while: for the lesson's quality record, and in no stream. Told to
    the store by who measures, not by the room. Never of a supervisor."""

    period: Period
