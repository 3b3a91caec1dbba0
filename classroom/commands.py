"""What people, and the server on its own account, ask of a lesson. One type per thing that can be asked."""

from __future__ import annotations

from dataclasses import dataclass

from classroom.model import ChatScope, HandId, PersonId, Publication, RecordingState, Role, Source
from classroom.planning import Plan
from classroom.talk.commands import TalkCommand
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


@dataclass(frozen=True, slots=True)
class CancelLesson:
    """By an organizer, before the lesson is live."""

    actor: PersonId


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


OfficeCommand = OpenLesson | StartLesson | EndLesson | CancelLesson | ReviseLesson


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


PersonCommand = (
    RaiseHand
    | LowerHand
    | Say
    | Publish
    | Unpublish
    | Mute
    | StartLesson
    | EndLesson
    | CancelLesson
    | TalkCommand
)
ServerCommand = ReportRecording | ReportQuality | FromOffice
Command = PersonCommand | ServerCommand
