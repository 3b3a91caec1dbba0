"""From facts of talk and order to rows, beside their events (see `rows`). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Executable

from classroom.events import ChatWritten
from classroom.model import PersonId
from classroom.store.statements import (
    ADD_ANNOUNCEMENT,
    ADD_ANSWER,
    ADD_CHAT,
    ADD_QUIZ,
    ADD_TALLY,
    CHANGE_ANSWER,
    CHANGE_TALLY,
    CLOSE_QUIZ,
    DELETE_CHAT,
    SHOW_QUIZ,
)
from classroom.talk import facts

Row = dict[str, Any]


class Write(NamedTuple):
    statement: Executable
    row: Row


def _chat_written(fact: ChatWritten, seq: int) -> list[Write]:
    written = fact.entry
    row = {
        "lesson_id": fact.lesson_id,
        "id": written.id,
        "seq": seq,
        "person_id": written.person,
        "name": written.name,
        "role": written.role,
        "text": written.text,
        "at_ms": written.at_ms,
        "client_id": written.client_id,
        "scope": written.scope,
        "class_id": written.class_id,
        "tutor_id": written.tutor,
    }
    return [Write(ADD_CHAT, row)]


def _chat_deleted(fact: facts.ChatDeleted, _seq: int) -> list[Write]:
    row = {
        "at_lesson": fact.lesson_id,
        "at_id": fact.chat,
        "to_deleted_ms": fact.at_ms,
        "to_deleted_by": fact.actor,
    }
    return [Write(DELETE_CHAT, row)]


def _announced(fact: facts.AnnouncementMade, seq: int) -> list[Write]:
    made = fact.announcement
    row = {
        "lesson_id": fact.lesson_id,
        "id": made.id,
        "seq": seq,
        "class_id": made.class_id,
        "person_id": made.person,
        "name": made.name,
        "role": made.role,
        "text": made.text,
        "at_ms": made.at_ms,
    }
    return [Write(ADD_ANNOUNCEMENT, row)]


def _quiz_opened(fact: facts.QuizOpened, seq: int) -> list[Write]:
    quiz, question = fact.quiz, fact.quiz.question
    row = {
        "lesson_id": fact.lesson_id,
        "id": quiz.id,
        "seq": seq,
        "kind": question.kind,
        "question": question.text,
        "options": _json(question.options),
        "correct": _json(question.correct),
        "opened_ms": quiz.opened_ms,
        "closes_ms": quiz.closes_ms,
        "closed_ms": quiz.closed_ms,
        "shown": quiz.shown,
    }
    return [Write(ADD_QUIZ, row)]


def _quiz_answered(fact: facts.QuizAnswered, _seq: int) -> list[Write]:
    row = {
        "at_lesson": fact.lesson_id,
        "at_quiz": fact.quiz,
        "at_person": fact.person,
        "to_class": fact.answer.class_id,
        "to_choices": _json(fact.answer.choices),
        "to_at_ms": fact.at_ms,
    }
    return [Write(ADD_ANSWER, row), Write(CHANGE_ANSWER, row)]


def _quiz_tallied(fact: facts.QuizTallied, _seq: int) -> list[Write]:
    row = {
        "at_lesson": fact.lesson_id,
        "at_quiz": fact.quiz,
        "at_class": fact.class_id,
        "to_counts": _json(fact.tally.counts),
        "to_answered": fact.tally.answered,
        "to_person": fact.actor,
        "to_at_ms": fact.at_ms,
    }
    return [Write(ADD_TALLY, row), Write(CHANGE_TALLY, row)]


def _quiz_closed(fact: facts.QuizClosed, _seq: int) -> list[Write]:
    row = {"at_lesson": fact.lesson_id, "at_id": fact.quiz.id, "to_closed_ms": fact.quiz.closed_ms}
    return [Write(CLOSE_QUIZ, row)]


def _quiz_shown(fact: facts.QuizShown, _seq: int) -> list[Write]:
    return [Write(SHOW_QUIZ, {"at_lesson": fact.lesson_id, "at_id": fact.quiz, "to_shown": fact.shown})]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


BESIDE: Final[Mapping[type, Callable[[Any, int], list[Write]]]] = {
    ChatWritten: _chat_written,
    facts.ChatDeleted: _chat_deleted,
    facts.AnnouncementMade: _announced,
    facts.QuizOpened: _quiz_opened,
    facts.QuizAnswered: _quiz_answered,
    facts.QuizTallied: _quiz_tallied,
    facts.QuizClosed: _quiz_closed,
    facts.QuizShown: _quiz_shown,
}
"""What is written beside the event; `seq` is the event's number."""

_Body = dict[str, Any]


def moderation_body(fact: facts.Moderated) -> _Body:
    body: _Body = {"act": fact.act, "person": fact.person, "source": fact.source, "class_id": fact.class_id}
    kept: _Body = {name: value for name, value in body.items() if value is not None}
    if fact.act == "allowed":
        kept["allow"] = msgspec.to_builtins(fact.conduct.allow)
    return kept


def voice_body(fact: facts.VoiceUsed) -> _Body:
    call = fact.call
    return {"step": fact.step, "tutor": call.tutor, "master": call.master, "caller": call.caller}


def answer_body(fact: facts.QuizAnswered) -> _Body:
    return {"id": fact.quiz, "class_id": fact.answer.class_id, "choices": fact.answer.choices}


def tally_body(fact: facts.QuizTallied) -> _Body:
    tally = fact.tally
    return {"id": fact.quiz, "class_id": fact.class_id, "counts": tally.counts, "answered": tally.answered}


def announcement_body(fact: facts.AnnouncementMade) -> _Body:
    made = fact.announcement
    return {"id": made.id, "class_id": made.class_id, "text": made.text}


def announcer(fact: facts.AnnouncementMade) -> PersonId:
    return fact.announcement.person
