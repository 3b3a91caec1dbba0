"""What people, and the server on its own account, ask of a lesson. One type per thing that can be asked."""

from __future__ import annotations

from dataclasses import dataclass

from classroom.model import (
    ChatScope,
    ClassId,
    ClassState,
    HandId,
    PersonId,
    Phase,
    Publication,
    RecordingState,
    Role,
    Source,
)
from classroom.planning import Plan
from classroom.roll import Mark, Pupil
from classroom.talk.commands import Allow, LockLesson, TalkCommand
from sfu.params import Quality


@dataclass(frozen=True, slots=True)
class RaiseHand:
    """A hand for oneself, or, by a tutor, for a seat of the class. Raising it again changes nothing."""

    actor: PersonId
    seat: str = ""


@dataclass(frozen=True, slots=True)
class LowerHand:
    """All of one's own hands; with `hand`, that one (master: anybody's; tutor: of the own class)."""

    actor: PersonId
    hand: HandId | None = None


@dataclass(frozen=True, slots=True)
class LowerAllHands:
    """Of everybody, by the master."""

    actor: PersonId


@dataclass(frozen=True, slots=True)
class Say:
    """A message to a chat."""

    actor: PersonId
    text: str
    client_id: str = ""
    """Chosen by the client: the same id sent twice is one message. Empty: never the same."""
    scope: ChatScope = ChatScope.LESSON
    to: str = ""
    """Of who belongs to no class: which class; of the master, privately: which tutor."""


@dataclass(frozen=True, slots=True)
class Publish:
    """`actor` sends `source` as `publication`; replaces what was sent as that source before."""

    actor: PersonId
    source: Source
    publication: Publication


@dataclass(frozen=True, slots=True)
class Unpublish:
    """The publication is gone. One that is not known any more changes nothing."""

    actor: PersonId
    publication: Publication


@dataclass(frozen=True, slots=True)
class Mute:
    """A notice of the owner: the track is silent or dark on purpose."""

    actor: PersonId
    source: Source
    muted: bool


@dataclass(frozen=True, slots=True)
class StartLesson:
    actor: PersonId


@dataclass(frozen=True, slots=True)
class EndLesson:
    actor: PersonId
    reason: str = ""
    """Of the server, which ends what was left behind: `rules.ending.EndCause`."""
    if_empty: bool = False
    """Only if nobody is in: what was asked for before somebody came is not done to them."""


@dataclass(frozen=True, slots=True)
class CancelLesson:
    """By an organizer, before the lesson is live."""

    actor: PersonId
    reason: str = ""
    """On record."""


@dataclass(frozen=True, slots=True)
class SetPhase:
    """Of all. The same phase again sets its timer anew."""

    actor: PersonId
    phase: Phase
    seconds: int = 0
    """How long it is meant to last; 0: no timer."""


@dataclass(frozen=True, slots=True)
class SetClassState:
    """A class leaves for its own Q&A, comes back to the others, or catches up first: by its tutor, or by the
    master."""

    actor: PersonId
    class_id: ClassId | None
    """None: the tutor's own."""
    state: ClassState


@dataclass(frozen=True, slots=True)
class LookIn:
    """The master or a supervisor looks into a class that is by itself."""

    actor: PersonId
    class_id: ClassId | None
    """None: no longer."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The classes are taken back from their tutors: by the master whose line was lost and is back."""

    actor: PersonId


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """None: as it is."""

    actor: PersonId
    stage_limit: int | None = None
    duck: bool | None = None
    resume_by_click: bool | None = None


@dataclass(frozen=True, slots=True)
class TakeClass:
    """A tutor takes a class over from another, on record."""

    actor: PersonId
    class_id: ClassId | None
    """None: the own one."""


@dataclass(frozen=True, slots=True)
class MoveOnline:
    """A room class becomes an at-home class, at once and for the rest of the lesson."""

    actor: PersonId
    class_id: ClassId | None
    """None: the tutor's own."""


@dataclass(frozen=True, slots=True)
class MarkRoll:
    """A tutor says who of the own class is there."""

    actor: PersonId
    mark: Mark | None
    """None: what was said is taken back."""
    seats: tuple[str, ...] = ()
    people: tuple[PersonId, ...] = ()
    """Pupils at home."""
    rest: bool = False
    """And all seats of which nothing was said yet."""


@dataclass(frozen=True, slots=True)
class SetRegister:
    """Who sits where in a class: by its tutor, or by an organizer."""

    actor: PersonId
    class_id: ClassId | None
    """None: the tutor's own."""
    pupils: tuple[Pupil, ...]


@dataclass(frozen=True, slots=True)
class Invite:
    """To the stage: a person, or who stands behind a hand (for the hand of a seat, the class's room)."""

    actor: PersonId
    person: PersonId | None = None
    hand: HandId | None = None


@dataclass(frozen=True, slots=True)
class AcceptStage:
    """An invitation is accepted: the own one, or by a tutor that of the class's room."""

    actor: PersonId


@dataclass(frozen=True, slots=True)
class DeclineStage:
    """An invitation is declined: the own one, by a tutor any of the class, by the master any (it is taken
    back)."""

    actor: PersonId
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class LeaveStage:
    """Down from the stage: oneself, by a tutor anybody of the class, by the master anybody."""

    actor: PersonId
    person: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Spotlight:
    """One of those on stage is shown large; None: nobody."""

    actor: PersonId
    person: PersonId | None


@dataclass(frozen=True, slots=True)
class OpenLesson:
    """Opens the doors before anybody has come."""

    actor: PersonId


@dataclass(frozen=True, slots=True)
class ReviseLesson:
    """Plans a lesson anew, as a whole."""

    actor: PersonId
    plan: Plan
    """Checked."""
    expected: str = ""
    """The `planning.revision` that the actor has seen; empty: whatever it is."""
    reason: str = ""
    """Why the lesson is not recorded; goes on record."""


@dataclass(frozen=True, slots=True)
class RestoreLesson:
    """A cancellation is taken back: only where the operation that cancelled the lesson is undone."""

    actor: PersonId


OfficeCommand = (
    OpenLesson
    | StartLesson
    | EndLesson
    | CancelLesson
    | RestoreLesson
    | ReviseLesson
    | MoveOnline
    | ChangeSettings
    | Allow
    | LockLesson
    | SetRegister
)


@dataclass(frozen=True, slots=True)
class FromOffice:
    """Asked from outside the room, by somebody with a role but no place in it."""

    role: Role
    command: OfficeCommand


@dataclass(frozen=True, slots=True)
class ReportRecording:
    """The server's own: what the recorder does at the moment."""

    state: RecordingState


@dataclass(frozen=True, slots=True)
class ReportQuality:
    """The server's own: how well somebody is reached at the moment. Of who is not in the roster it means
    nothing."""

    person: PersonId
    quality: Quality


@dataclass(frozen=True, slots=True)
class ReportLead:
    """The server's own: whether media still come from somebody who leads the lesson. Of who sends nothing it
    means nothing."""

    person: PersonId
    flowing: bool
    silent_s: float = 0.0
    """For how long nothing has come already."""


PersonCommand = (
    RaiseHand
    | LowerHand
    | LowerAllHands
    | Say
    | Publish
    | Unpublish
    | Mute
    | StartLesson
    | EndLesson
    | CancelLesson
    | TalkCommand
    | SetPhase
    | SetClassState
    | LookIn
    | Resume
    | ChangeSettings
    | TakeClass
    | MoveOnline
    | MarkRoll
    | SetRegister
    | Invite
    | AcceptStage
    | DeclineStage
    | LeaveStage
    | Spotlight
)
ServerCommand = ReportRecording | ReportQuality | ReportLead | FromOffice
Command = PersonCommand | ServerCommand
