"""/api/v1/lessons/{lesson}/quizzes: the quizzes of a lesson with their results, while it goes on and
afterwards."""

from __future__ import annotations

from typing import Final

import msgspec
from aiohttp import web

from classroom.model import LessonId
from classroom.talk.quiz import Quiz, result
from signaling.keys import STORE
from signaling.message import Id
from signaling.messages_talk import QuizKind, ResultView
from signaling.openapi import Operation
from signaling.rest import json_response, lesson_of, read, room_of
from signaling.views_talk import result_view


class QuizReport(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    kind: QuizKind
    question: str
    options: list[str]
    correct: list[int]
    """Indices; empty: there is no right one."""
    opened_ms: int
    """Unix time in ms."""
    closed_ms: int
    """Unix time in ms; 0: it is open."""
    shown: bool
    result: ResultView


class QuizList(msgspec.Struct, frozen=True, kw_only=True):
    quizzes: list[QuizReport]
    """In the order in which they were opened."""


async def quizzes(request: web.Request) -> web.Response:
    lesson = await lesson_of(request, request.match_info["lesson"])
    room = room_of(request, lesson.id)
    found = await read(request.app[STORE].quizzes(LessonId(lesson.id))) if room is None else room.quizzes
    return json_response(QuizList(quizzes=[_report(quiz) for quiz in found]))


def _report(quiz: Quiz) -> QuizReport:
    question = quiz.question
    return QuizReport(
        id=quiz.id,
        kind=question.kind.value,
        question=question.text,
        options=list(question.options),
        correct=list(question.correct),
        opened_ms=quiz.opened_ms,
        closed_ms=quiz.closed_ms,
        shown=quiz.shown,
        result=result_view(result(quiz)),
    )


OPERATIONS: Final = (
    Operation(
        id="quizzes",
        method="GET",
        path="/api/v1/lessons/{lesson}/quizzes",
        tag="lessons",
        handler=quizzes,
        response=QuizList,
        problems=("unknown-lesson", "not-ready"),
    ),
)
