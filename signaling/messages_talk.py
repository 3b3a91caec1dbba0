"""The messages of talk and order: chat, announcements, the private line, moderation, quizzes.

Who may say what is one table (classroom/rules/permissions.py); what may not is answered by an `error`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from signaling.message import Id, Message, Name, Role, ServerMessage, Source, Text

ChatScope = Literal["lesson", "class", "private"]
QuizKind = Literal["single", "multiple", "true_false"]

OptionText = Annotated[str, Meta(max_length=200)]
Choices = Annotated[list[Annotated[int, Meta(ge=0, lt=10)]], Meta(max_length=10)]


# --- from the client ----------------------------------------------------------------------------------------


class ChatSend(Message, tag="chat.send", frozen=True, kw_only=True):
    """To everybody, to a class (its people, and those who see all classes), or privately between a tutor and
    the master."""

    text: Text
    id: Id = ""
    """Chosen by the client; the same id sent twice is one message."""
    scope: ChatScope = "lesson"
    to: Id = ""
    """Who leads: class id of a `class` message, the tutor's person id of a `private` one. Others leave it
    empty: their own class, their own line to the master."""


class ChatDelete(Message, tag="chat.delete", frozen=True, kw_only=True):
    """Master and organizer: any message that is not private; tutor: of the own class. The record keeps it."""

    chat_id: Id


class ChatClose(Message, tag="chat.close", frozen=True, kw_only=True):
    """Pupils may not write any more (in the lesson's chat tutors neither), or may again."""

    closed: bool
    class_id: Id = ""
    """Of a class's chat; empty: the lesson's, of a tutor always the own class's."""


class Announce(Message, tag="announce", frozen=True, kw_only=True):
    """Takes the place of the last one: for everybody, or by a tutor for the own class."""

    text: Text
    """Empty: the last one is taken down."""


class VoiceCallRequest(Message, tag="voice.call", frozen=True, kw_only=True):
    """Asks for the private line between a tutor and the master; it rings for 45 s. While it is open the two
    hear each other's microphone, and nobody else hears anything of either: nor of a device beside one of
    them. Calling who calls oneself is accepting."""

    to: Id = ""
    """Master: the tutor; tutor: the master, empty for the one who is there."""


class VoiceAccept(Message, tag="voice.accept", frozen=True, kw_only=True):
    person_id: Id = ""
    """Who rings; empty: who has been for longest."""


class VoiceEnd(Message, tag="voice.end", frozen=True, kw_only=True):
    """Ends, declines, or takes the own ringing back."""

    person_id: Id = ""
    """The other one; empty: the open line, without one all that ring."""


class ModerateMute(Message, tag="moderate.mute", frozen=True, kw_only=True):
    """Nothing of this source is forwarded until its owner says `publish.mute` with `muted` false; where
    `allow.unmute` is off, a pupil needs `moderate.release` for that. Master, organizer; a tutor within the
    class."""

    person_id: Id
    source: Source


class ModerateStop(Message, tag="moderate.stop", frozen=True, kw_only=True):
    """The track is taken down. Its owner may offer it again, under the same condition as for unmuting."""

    person_id: Id
    source: Source


class ModerateRelease(Message, tag="moderate.release", frozen=True, kw_only=True):
    """The owner may open again what was muted or stopped. Nobody opens it for them."""

    person_id: Id
    source: Source


class ModerateRemove(Message, tag="moderate.remove", frozen=True, kw_only=True):
    """Out of the lesson (`bye` removed), and not in again before `moderate.readmit`."""

    person_id: Id


class ModerateReadmit(Message, tag="moderate.readmit", frozen=True, kw_only=True):
    """Master, organizer: may come in again."""

    person_id: Id


class LessonLock(Message, tag="lesson.lock", frozen=True, kw_only=True):
    """Master, organizer: no pupil comes in any more who has not been in; or they may again."""

    locked: bool


class AllowView(msgspec.Struct, frozen=True, kw_only=True):
    """What pupils may do."""

    chat: bool = True
    hand: bool = True
    unmute: bool = True
    """Open again by themselves what a moderator has closed."""
    screen: bool = False
    """Share their screen while they are on stage."""


class AllowSet(Message, tag="allow", frozen=True, kw_only=True):
    """Master, organizer: what pupils may do in this lesson; all four are set."""

    chat: bool
    hand: bool
    unmute: bool
    screen: bool


class QuizOpen(Message, tag="quiz.open", frozen=True, kw_only=True):
    """Master: one is open at a time."""

    kind: QuizKind
    question: Annotated[str, Meta(max_length=500)] = ""
    """Empty: it is on the screen, or is said."""
    options: Annotated[list[OptionText], Meta(max_length=10)] = []
    """Two to ten; an empty one is just its letter. `true_false`: none (the page words them) or two."""
    correct: Choices = []
    """Indices of the right ones; told to the others when the quiz is closed and shown."""
    seconds: Annotated[int, Meta(ge=0, le=3600)] = 0
    """0: no timer; else at least 5."""


class QuizAnswer(Message, tag="quiz.answer", frozen=True, kw_only=True):
    """A pupil's own answer; another one replaces it while the quiz is open. Answered by `quiz`."""

    quiz_id: Id
    choices: Choices


class QuizTally(Message, tag="quiz.tally", frozen=True, kw_only=True):
    """Tutor: how many pupils of the own class, of those who have no device, chose each option. Another one
    replaces it; until a minute after the end."""

    quiz_id: Id
    counts: Annotated[list[Annotated[int, Meta(ge=0, le=500)]], Meta(max_length=10)]
    answered: Annotated[int, Meta(ge=0, le=500)] = 0
    """`multiple`: pupils who answered; 0: as few as the counts allow."""


class QuizClose(Message, tag="quiz.close", frozen=True, kw_only=True):
    quiz_id: Id = ""
    """Empty: the open one."""


class QuizShow(Message, tag="quiz.show", frozen=True, kw_only=True):
    """Everybody sees the result, open or closed, or no longer does."""

    quiz_id: Id
    shown: bool


TalkClientMessage = (
    ChatSend
    | ChatDelete
    | ChatClose
    | Announce
    | VoiceCallRequest
    | VoiceAccept
    | VoiceEnd
    | ModerateMute
    | ModerateStop
    | ModerateRelease
    | ModerateRemove
    | ModerateReadmit
    | LessonLock
    | AllowSet
    | QuizOpen
    | QuizAnswer
    | QuizTally
    | QuizClose
    | QuizShow
)


# --- from the server ----------------------------------------------------------------------------------------


class ChatView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: Id
    person: Id
    name: Name
    role: Role
    text: str
    at_ms: int
    """Unix time in ms."""
    scope: ChatScope = "lesson"
    class_id: Id = ""
    """Whose chat it is in; else the writer's class."""
    tutor: Id = ""
    """Of a private message: the tutor whose line to the master it is on."""


class AnnouncementView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: Id
    person: Id
    name: Name
    role: Role
    text: str = ""
    """Empty: there is none any more."""
    at_ms: int
    """Unix time in ms."""
    class_id: Id = ""
    """Whom it is for; empty: everybody."""


class ConductView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is allowed in the lesson."""

    allow: AllowView
    locked: bool = False
    chat_closed: bool = False
    """The lesson's chat, but for those who lead."""
    closed_class_chats: list[Id] = []
    """Class ids."""


class VoiceView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A private line."""

    tutor: Id
    master: Id
    caller: Id
    class_id: Id = ""
    """The tutor's."""
    accepted: bool = False
    """False: it rings for the one who did not call."""
    since_ms: int
    """Unix time in ms: of ringing, then of accepting."""


class RemovedView(msgspec.Struct, frozen=True, kw_only=True):
    person: Id
    name: Name


class ClassResultView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    class_id: Id = ""
    counts: list[int]
    answered: int
    tallied: int = 0
    """Of those who answered: how many by their tutor's tally."""


class ResultView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    counts: list[int]
    """Of each option; to a tutor before it is shown: of the own class."""
    answered: int
    """Pupils."""
    classes: list[ClassResultView] = []
    """Those that have answered and that the receiver may see: all for who sees all classes, else the own."""


class QuizView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: Id
    kind: QuizKind
    question: str = ""
    options: list[str]
    correct: list[int] = []
    """Indices; empty where there is no right one, or it is not told yet."""
    opened_ms: int
    """Unix time in ms."""
    closes_ms: int = 0
    """Unix time in ms; 0: no timer."""
    closed: bool = False
    shown: bool = False
    choices: list[int] = []
    """The receiver's own answer."""
    result: ResultView | None = None
    """As far as the receiver may see it now."""


class TalkView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What there is of talk and order when the receiver comes in, beside the chat."""

    announcements: list[AnnouncementView] = []
    quizzes: list[QuizView] = []
    """In the order in which they were opened; pupils: what is open, shown, or was last."""
    calls: list[VoiceView] = []
    """The receiver's own."""
    removed: list[RemovedView] = []
    """To those who may readmit them."""


NO_CONDUCT = ConductView(allow=AllowView())
NO_TALK = TalkView()


class ChatMessage(ServerMessage, tag="chat", frozen=True, kw_only=True):
    message: ChatView


class ChatDeleted(ServerMessage, tag="chat.deleted", frozen=True, kw_only=True):
    """A message that the receiver has seen is no longer there."""

    chat_id: Id


class Announcement(ServerMessage, tag="announcement", frozen=True, kw_only=True):
    """In place of the last one for the same class, or for everybody."""

    announcement: AnnouncementView


class Conduct(ServerMessage, tag="conduct", frozen=True, kw_only=True):
    """What is allowed has changed."""

    conduct: ConductView


class Moderated(ServerMessage, tag="moderated", frozen=True, kw_only=True):
    """To whom it happened. `muted`: nothing of it is forwarded, the page shows it as muted; `stopped`: the
    track was taken down, the page stops its device; `released`: the receiver may open it again. What may be
    sent now is in `lesson`."""

    act: Literal["muted", "stopped", "released"]
    source: Source
    by: Id
    """Person id."""


class RemovedChanged(ServerMessage, tag="removed", frozen=True, kw_only=True):
    """To master and organizer: everybody who is shut out."""

    people: list[RemovedView]


class VoiceChanged(ServerMessage, tag="voice", frozen=True, kw_only=True):
    """The receiver's private lines, all of them, in the order in which they rang."""

    calls: list[VoiceView]


class QuizChanged(ServerMessage, tag="quiz", frozen=True, kw_only=True):
    """A quiz was opened, closed or shown, or the receiver has answered it."""

    quiz: QuizView


class QuizResult(ServerMessage, tag="quiz.result", frozen=True, kw_only=True):
    """It has grown: to those who see it, at most every 200 ms."""

    quiz_id: Id
    result: ResultView


TalkServerMessage = (
    ChatMessage
    | ChatDeleted
    | Announcement
    | Conduct
    | Moderated
    | RemovedChanged
    | VoiceChanged
    | QuizChanged
    | QuizResult
)
