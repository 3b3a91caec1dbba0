"""The messages of the floor: phases, the stage, hands, classes, and what the lesson has to say of them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from signaling.message import Id, Message, Name, Phase, Role, ServerMessage

ClassState = Literal["together", "local_qa", "catch_up"]
Situation = Literal["lecture", "local_qa", "interaction", "break", "catch_up", "take_over"]
NoticeKind = Literal[
    "timer_ended",
    "late_start",
    "overrun",
    "master_lost",
    "master_back",
    "resumed",
    "stage_declined",
    "stage_expired",
    "tutor_changed",
    "class_without_tutor",
    "class_online",
]


# --- from the client ----------------------------------------------------------------------------------------


class PhaseSet(Message, tag="phase.set", frozen=True, kw_only=True):
    """Master: the phase of all, from now on. The same phase again sets its timer anew. `local_qa` and `break`
    bring classes back from a Q&A of their own, and empty the stage."""

    phase: Phase
    seconds: Annotated[int, Meta(ge=0, le=14_400)] = 0
    """How long it is meant to last; 0: no timer. At its end there is a `notice`; the phase stays until the
    master changes it."""


class PhaseClass(Message, tag="phase.class", frozen=True, kw_only=True):
    """A class leaves for its own Q&A while the lecture goes on, or comes back: its tutor for the own class,
    the master for any. In phases `lecture` and `interaction` only. Its members on stage go down."""

    class_id: Id = ""
    """Empty: the tutor's own."""
    phase: Literal["local_qa"] | None = None
    """null: back to the others."""
    catch_up: bool = False
    """With `phase` null: the class first plays what it missed from the recording, from
    `floor.class_left_ms` at 1.25 times the speed, and is with the others when it has caught up (or when
    `phase.class` is sent again without this)."""


class LookIn(Message, tag="look.in", frozen=True, kw_only=True):
    """Master or supervisor: hears and sees a class that is by itself (in local Q&A, catching up, or taken
    over by its tutor). Answered by `look`; ends by itself when the class is back. The class sees that the
    master looks in (`looks_in` of the master in `roster`); of a supervisor nobody sees anything."""

    class_id: Id | None
    """null: no longer."""


class LessonResume(Message, tag="lesson.resume", frozen=True, kw_only=True):
    """Master, back after a lost line (`floor.master` is `back`): the classes return to the lesson."""


class LessonSettingsChange(Message, tag="lesson.settings", frozen=True, kw_only=True):
    """Master or organizer; what is null stays as it is."""

    stage_limit: Annotated[int, Meta(ge=1, le=12)] | None = None
    """At once on stage."""
    duck: bool | None = None
    """In local Q&A the master's sound reaches the class, for its page to play low."""
    resume_by_click: bool | None = None
    """After the master's line was lost the lesson waits for `lesson.resume`; else it resumes by itself."""


class ClassTutor(Message, tag="class.tutor", frozen=True, kw_only=True):
    """A tutor takes a class over whose tutor is not there, on record; the registered tutor takes it back the
    same way. Another class than the own may be taken by tutors who are registered for one of the lesson's,
    or stand by for the lesson or the class's school: answered by `bye` (`moved`), and by coming in anew they
    are the tutor of that class, and no longer of the one before."""

    class_id: Id = ""
    """Empty: the own one."""


class ClassOnline(Message, tag="class.online", frozen=True, kw_only=True):
    """Tutor (own class) or organizer: a room class becomes an at-home class, at once and for the rest of the
    lesson. Answered by `class.links`; said again, the links come again."""

    class_id: Id = ""
    """Empty: the tutor's own."""


class HandAllDown(Message, tag="hand.all_down", frozen=True, kw_only=True):
    """Master: everybody's hands go down."""


class StageInvite(Message, tag="stage.invite", frozen=True, kw_only=True):
    """Master: brings somebody on stage, by person or by hand. A pupil at home is asked first, always; a room
    that raised a hand comes up at once (its device, where it has one, else its tutor); one that raised none
    is asked through its tutor. Who is asked is in `stage.invited` for a minute."""

    person_id: Id = ""
    hand_id: Id = ""
    """Instead of a person."""


class StageAccept(Message, tag="stage.accept", frozen=True, kw_only=True):
    """The invited comes up; a tutor says it for the class's room. Camera and microphone may be published once
    `may_publish` has them."""


class StageDecline(Message, tag="stage.decline", frozen=True, kw_only=True):
    """The invited declines; a tutor may decline for anybody of the class: the hand by which they asked goes
    down. The master takes an invitation back: the hand stays."""

    person_id: Id = ""
    """Empty: oneself, or a tutor's room."""


class StageLeave(Message, tag="stage.leave", frozen=True, kw_only=True):
    """Down from the stage: oneself; by a tutor anybody of the class; by the master anybody."""

    person_id: Id = ""
    """Empty: oneself, or a tutor's room."""


class StageSpotlight(Message, tag="stage.spotlight", frozen=True, kw_only=True):
    """Master: one of those on stage is shown large."""

    person_id: Id | None
    """null: nobody."""


ClientMessage = (
    PhaseSet
    | PhaseClass
    | LookIn
    | LessonResume
    | LessonSettingsChange
    | ClassTutor
    | ClassOnline
    | HandAllDown
    | StageInvite
    | StageAccept
    | StageDecline
    | StageLeave
    | StageSpotlight
)


# --- from the server ----------------------------------------------------------------------------------------


class TimerView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long the phase is meant to last. After `ends_ms` it counts what is over the time."""

    seconds: int
    ends_ms: int
    """Lesson clock: ms since the lesson went live."""


class SettingsView(msgspec.Struct, frozen=True, kw_only=True):
    """What may be set for each lesson, as in `lesson.settings`."""

    stage_limit: int
    duck: bool
    resume_by_click: bool


class FloorView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What goes on where the receiver is. All times are of the lesson clock."""

    situation: Situation
    """The one word to show a page by: the phase of the lesson, unless the receiver's class is in a Q&A of its
    own (`local_qa`), catches up, or goes on by itself because the master's line is lost (`take_over`: the
    tutor has the class; hold the master's last picture, and say so)."""
    settings: SettingsView
    phase_since_ms: int = 0
    timer: TimerView | None = None
    master: Literal["here", "lost", "back"] = "here"
    """`lost`: gone for a second or more. `back`: there again, and the classes wait for `lesson.resume`."""
    class_since_ms: int = 0
    """Since when the receiver's class is where it is."""
    class_left_ms: int = 0
    """When it left for its own Q&A: from there it catches up. The live position is reached
    `4 * (class_since_ms - class_left_ms)` after `class_since_ms`."""
    starts_ms: int = 0
    """When the lesson is planned to begin, Unix time in ms; 0: not planned."""
    ends_ms: int = 0
    """When it is planned to end; 0: not planned."""


class StageMemberView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One who is on stage. With the name: most receivers do not have them in their roster."""

    person: Id
    name: Name
    role: Role
    class_id: Id = ""
    seat: str = ""
    """Of the hand by which a room came up: seat 12 of class 3."""
    since_ms: int = 0
    """Lesson clock."""


class InvitationView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who is asked to come on stage: shown to master, organizer, supervisor and the class."""

    person: Id
    name: Name
    role: Role
    class_id: Id = ""
    until_ms: int = 0
    """Lesson clock: forgotten from then on."""


class StageView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    members: list[StageMemberView] = []
    """In the order they came up."""
    spotlight: Id = ""
    """Who of them is shown large; empty: nobody."""
    invited: list[InvitationView] = []


class StageChanged(ServerMessage, tag="stage", frozen=True, kw_only=True):
    """The whole stage. Who is on it is received by everybody who is with the others. A `lesson` came just
    before, with what the receiver may publish now."""

    stage: StageView


class LookChanged(ServerMessage, tag="look", frozen=True, kw_only=True):
    """Into which class the receiver looks."""

    class_id: Id | None
    """null: into none (any more)."""


class Notice(ServerMessage, tag="notice", frozen=True, kw_only=True):
    """Something that people are to be told in words. Of a class: to it, and to those who see all classes."""

    kind: NoticeKind
    text: str
    """In the receiver's language."""
    class_id: Id = ""
    person: Id = ""


class ClassLinks(ServerMessage, tag="class.links", frozen=True, kw_only=True):
    """For who may hand it out (the class's tutor, master, organizer): with this the pupils of a class that
    went online join. One link for all of them; each gets a token of their own for it, with the name that they
    type (POST /api/v1/join)."""

    class_id: Id
    token: str
    """Of the link `ORIGIN/join#token=TOKEN`."""
    expires_at: int
    """Unix time in seconds."""


AnyServerMessage = StageChanged | LookChanged | Notice | ClassLinks
