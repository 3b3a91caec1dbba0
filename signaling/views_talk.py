"""Talk and order between the wire and the classroom: messages -> commands, events -> messages. Pure.

Two tables: `COMMANDS` says what each message of a client asks of the lesson, `EVENTS` how each of the
lesson's events is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from classroom import commands, events
from classroom.model import (
    Allowance,
    Announcement,
    ChatEntry,
    ChatId,
    ChatScope,
    ClassId,
    Conduct,
    PersonId,
    QuizId,
    Removed,
    Source,
    VoiceCall,
    parse_source,
)
from classroom.talk import commands as talk
from classroom.talk import events as talk_events
from classroom.talk.quiz import QuizKind, Result
from signaling import messages_talk as wire
from signaling.message import ServerMessage
from signaling.problems import Problem

# --- from the client ----------------------------------------------------------------------------------------


def _person(name: str) -> PersonId | None:
    return PersonId(name) if name else None


def _source(text: str) -> Source:
    """Raises Problem."""
    try:
        return parse_source(text)
    except ValueError as error:
        raise Problem("source-unknown") from error


def _say(actor: PersonId, message: wire.ChatSend) -> commands.Say:
    return commands.Say(actor, message.text, message.id, ChatScope(message.scope), message.to)


def _close_chat(actor: PersonId, message: wire.ChatClose) -> talk.CloseChat:
    return talk.CloseChat(actor, message.closed, ClassId(message.class_id) if message.class_id else None)


def _allow(actor: PersonId, message: wire.AllowSet) -> talk.Allow:
    allow = Allowance(message.chat, message.hand, message.unmute, message.screen)
    return talk.Allow(actor, allow)


def _open_quiz(actor: PersonId, message: wire.QuizOpen) -> talk.OpenQuiz:
    return talk.OpenQuiz(
        actor,
        QuizKind(message.kind),
        message.question,
        tuple(message.options),
        tuple(message.correct),
        message.seconds,
    )


def _answer(actor: PersonId, message: wire.QuizAnswer) -> talk.AnswerQuiz:
    return talk.AnswerQuiz(actor, QuizId(message.quiz_id), tuple(message.choices))


def _tally(actor: PersonId, message: wire.QuizTally) -> talk.EnterTally:
    return talk.EnterTally(actor, QuizId(message.quiz_id), tuple(message.counts), message.answered)


def _close_quiz(actor: PersonId, message: wire.QuizClose) -> talk.CloseQuiz:
    return talk.CloseQuiz(actor, QuizId(message.quiz_id) if message.quiz_id else None)


COMMANDS: Final[Mapping[type, Callable[[PersonId, Any], commands.PersonCommand]]] = {
    wire.ChatSend: _say,
    wire.ChatDelete: lambda actor, m: talk.DeleteChat(actor, ChatId(m.chat_id)),
    wire.ChatClose: _close_chat,
    wire.Announce: lambda actor, m: talk.Announce(actor, m.text),
    wire.VoiceCallRequest: lambda actor, m: talk.CallVoice(actor, _person(m.to)),
    wire.VoiceAccept: lambda actor, m: talk.AcceptVoice(actor, _person(m.person_id)),
    wire.VoiceEnd: lambda actor, m: talk.EndVoice(actor, _person(m.person_id)),
    wire.ModerateMute: lambda actor, m: talk.MutePerson(actor, PersonId(m.person_id), _source(m.source)),
    wire.ModerateStop: lambda actor, m: talk.StopSource(actor, PersonId(m.person_id), _source(m.source)),
    wire.ModerateRelease: lambda actor, m: talk.ReleaseSource(
        actor, PersonId(m.person_id), _source(m.source)
    ),
    wire.ModerateRemove: lambda actor, m: talk.RemovePerson(actor, PersonId(m.person_id)),
    wire.ModerateReadmit: lambda actor, m: talk.ReadmitPerson(actor, PersonId(m.person_id)),
    wire.LessonLock: lambda actor, m: talk.LockLesson(actor, m.locked),
    wire.AllowSet: _allow,
    wire.QuizOpen: _open_quiz,
    wire.QuizAnswer: _answer,
    wire.QuizTally: _tally,
    wire.QuizClose: _close_quiz,
    wire.QuizShow: lambda actor, m: talk.ShowQuiz(actor, QuizId(m.quiz_id), m.shown),
}

REQUESTS: Final[Mapping[type, str]] = {
    commands.Say: "chat.send",
    talk.DeleteChat: "chat.delete",
    talk.CloseChat: "chat.close",
    talk.Announce: "announce",
    talk.CallVoice: "voice.call",
    talk.AcceptVoice: "voice.accept",
    talk.EndVoice: "voice.end",
    talk.MutePerson: "moderate.mute",
    talk.StopSource: "moderate.stop",
    talk.ReleaseSource: "moderate.release",
    talk.RemovePerson: "moderate.remove",
    talk.ReadmitPerson: "moderate.readmit",
    talk.LockLesson: "lesson.lock",
    talk.Allow: "allow",
    talk.OpenQuiz: "quiz.open",
    talk.AnswerQuiz: "quiz.answer",
    talk.EnterTally: "quiz.tally",
    talk.CloseQuiz: "quiz.close",
    talk.ShowQuiz: "quiz.show",
}
"""A refused command -> the type of the message that asked for it."""


# --- values -------------------------------------------------------------------------------------------------


def chat_view(entry: ChatEntry) -> wire.ChatView:
    return wire.ChatView(
        id=entry.id,
        person=entry.person,
        name=entry.name,
        role=entry.role.value,
        text=entry.text,
        at_ms=entry.at_ms,
        scope=entry.scope.value,
        class_id=entry.class_id or "",
        tutor=entry.tutor or "",
    )


def announcement_view(announcement: Announcement) -> wire.AnnouncementView:
    return wire.AnnouncementView(
        id=announcement.id,
        person=announcement.person,
        name=announcement.name,
        role=announcement.role.value,
        text=announcement.text,
        at_ms=announcement.at_ms,
        class_id=announcement.class_id or "",
    )


def conduct_view(conduct: Conduct) -> wire.ConductView:
    """What is for everybody: who is held or shut out is not in it."""
    allow = conduct.allow
    return wire.ConductView(
        allow=wire.AllowView(chat=allow.chat, hand=allow.hand, unmute=allow.unmute, screen=allow.screen),
        locked=conduct.locked,
        chat_closed=None in conduct.closed_chats,
        closed_class_chats=sorted(name for name in conduct.closed_chats if name is not None),
    )


def voice_view(call: VoiceCall) -> wire.VoiceView:
    return wire.VoiceView(
        tutor=call.tutor,
        master=call.master,
        caller=call.caller,
        class_id=call.class_id or "",
        accepted=call.accepted,
        since_ms=call.since_ms,
    )


def removed_view(removed: Removed) -> wire.RemovedView:
    return wire.RemovedView(person=removed.person, name=removed.name)


def result_view(result: Result) -> wire.ResultView:
    return wire.ResultView(
        counts=list(result.counts),
        answered=result.answered,
        classes=[
            wire.ClassResultView(
                class_id=row.class_id or "",
                counts=list(row.counts),
                answered=row.answered,
                tallied=row.tallied,
            )
            for row in result.classes
        ],
    )


def quiz_view(seen: talk_events.QuizSeen) -> wire.QuizView:
    quiz, question = seen.quiz, seen.quiz.question
    return wire.QuizView(
        id=quiz.id,
        kind=question.kind.value,
        question=question.text,
        options=list(question.options),
        correct=list(question.correct),
        opened_ms=quiz.opened_ms,
        closes_ms=quiz.closes_ms,
        closed=bool(quiz.closed_ms),
        shown=quiz.shown,
        choices=list(seen.choices),
        result=None if seen.result is None else result_view(seen.result),
    )


def talk_view(snapshot: talk_events.TalkSnapshot) -> wire.TalkView:
    return wire.TalkView(
        announcements=[announcement_view(each) for each in snapshot.announcements],
        quizzes=[quiz_view(each) for each in snapshot.quizzes],
        calls=[voice_view(each) for each in snapshot.calls],
        removed=[removed_view(each) for each in snapshot.removed],
    )


# --- to the client ------------------------------------------------------------------------------------------


_ACTS: Final = {
    talk_events.Act.MUTED: "muted",
    talk_events.Act.STOPPED: "stopped",
    talk_events.Act.RELEASED: "released",
}


def _moderated(event: talk_events.CalledToOrder) -> wire.Moderated:
    return wire.Moderated(act=_ACTS[event.act], source=event.source, by=event.by)  # type: ignore[arg-type]


EVENTS: Final[Mapping[type, Callable[[Any], ServerMessage]]] = {
    events.ChatSaid: lambda event: wire.ChatMessage(message=chat_view(event.entry)),
    talk_events.ChatRemoved: lambda event: wire.ChatDeleted(chat_id=event.chat),
    talk_events.Announced: lambda event: wire.Announcement(
        announcement=announcement_view(event.announcement)
    ),
    talk_events.ConductChanged: lambda event: wire.Conduct(conduct=conduct_view(event.conduct)),
    talk_events.CalledToOrder: _moderated,
    talk_events.RemovedChanged: lambda event: wire.RemovedChanged(
        people=[removed_view(each) for each in event.removed]
    ),
    talk_events.VoiceChanged: lambda event: wire.VoiceChanged(
        calls=[voice_view(each) for each in event.calls]
    ),
    talk_events.QuizChanged: lambda event: wire.QuizChanged(quiz=quiz_view(event.seen)),
    talk_events.QuizCounted: lambda event: wire.QuizResult(
        quiz_id=event.quiz, result=result_view(event.result)
    ),
}
