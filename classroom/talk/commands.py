"""What people ask of a lesson by way of talk and order. One type per thing that can be asked."""

from __future__ import annotations

from dataclasses import dataclass

from classroom.model import Allowance, ChatEntry, ChatId, ClassId, PersonId, QuizId, Source
from classroom.talk.quiz import QuizKind


@dataclass(frozen=True, slots=True)
class DeleteChat:
    """Takes a message out of the chat. The record keeps it."""

    actor: PersonId
    chat: ChatId
    found: ChatEntry | None = None
    """The message, where it is too old for the room to know it: `LessonRoom` has it looked up."""


@dataclass(frozen=True, slots=True)
class CloseChat:
    """Pupils may not write; `closed` False: they may again. A tutor: in the own class's chat."""

    actor: PersonId
    closed: bool
    class_id: ClassId | None = None
    """None: the lesson's chat; a tutor's own class's."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Takes the place of the last one. A tutor: for the own class."""

    actor: PersonId
    text: str
    """Empty: the last one is taken down."""


@dataclass(frozen=True, slots=True)
class CallVoice:
    """Asks for the private line."""

    actor: PersonId
    to: PersonId | None = None
    """Of the master: which tutor. Of a tutor: the master, None for the one who is there."""


@dataclass(frozen=True, slots=True)
class AcceptVoice:
    actor: PersonId
    caller: PersonId | None = None
    """None: who has been ringing for longest."""


@dataclass(frozen=True, slots=True)
class EndVoice:
    """Ends, declines, or takes back the own ringing. What is over already changes nothing."""

    actor: PersonId
    other: PersonId | None = None
    """None: the open line; without one, all that ring."""


@dataclass(frozen=True, slots=True)
class MutePerson:
    """What they send as `source` is not forwarded until they unmute themselves."""

    actor: PersonId
    person: PersonId
    source: Source


@dataclass(frozen=True, slots=True)
class StopSource:
    """The track is taken down; they may send it anew themselves."""

    actor: PersonId
    person: PersonId
    source: Source


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    """They may open again what was muted or stopped, whatever pupils may do otherwise."""

    actor: PersonId
    person: PersonId
    source: Source


@dataclass(frozen=True, slots=True)
class RemovePerson:
    """Out of the lesson, and not in again."""

    actor: PersonId
    person: PersonId


@dataclass(frozen=True, slots=True)
class ReadmitPerson:
    """May come in again."""

    actor: PersonId
    person: PersonId


@dataclass(frozen=True, slots=True)
class LockLesson:
    """No pupil comes in any more who has not been in."""

    actor: PersonId
    locked: bool


@dataclass(frozen=True, slots=True)
class Allow:
    """What pupils may do."""

    actor: PersonId
    allow: Allowance


@dataclass(frozen=True, slots=True)
class OpenQuiz:
    actor: PersonId
    kind: QuizKind
    text: str = ""
    options: tuple[str, ...] = ()
    correct: tuple[int, ...] = ()
    seconds: int = 0
    """0: until somebody closes it."""


@dataclass(frozen=True, slots=True)
class AnswerQuiz:
    actor: PersonId
    quiz: QuizId
    choices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EnterTally:
    """A tutor, for the pupils of the own class who have no device."""

    actor: PersonId
    quiz: QuizId
    counts: tuple[int, ...]
    answered: int = 0
    """Pupils, where each has several choices; 0: as few as the counts allow."""


@dataclass(frozen=True, slots=True)
class CloseQuiz:
    actor: PersonId
    quiz: QuizId | None = None
    """None: the open one."""


@dataclass(frozen=True, slots=True)
class ShowQuiz:
    """Everybody sees its result, or not (any more)."""

    actor: PersonId
    quiz: QuizId
    shown: bool


ChatCommand = DeleteChat | CloseChat | Announce
VoiceCommand = CallVoice | AcceptVoice | EndVoice
ModerationCommand = (
    MutePerson | StopSource | ReleaseSource | RemovePerson | ReadmitPerson | LockLesson | Allow
)
QuizCommand = OpenQuiz | AnswerQuiz | EnterTally | CloseQuiz | ShowQuiz
TalkCommand = ChatCommand | VoiceCommand | ModerationCommand | QuizCommand
