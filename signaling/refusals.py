"""Why somebody is not let into a lesson; of a cancelled one, with what was said when it was."""

from __future__ import annotations

import contextlib

from classroom.directory import UnknownLesson
from classroom.model import LessonId
from classroom.rules.reasons import Reason, Refused
from classroom.store.store import Store, StoreUnavailable
from signaling.problems import Problem


async def entry_problem(
    error: UnknownLesson | Refused | StoreUnavailable, lesson: LessonId, store: Store
) -> Problem:
    if isinstance(error, UnknownLesson):
        return Problem("unknown-lesson", lesson=lesson)
    if isinstance(error, StoreUnavailable):
        return Problem("not-ready", reason=str(error))
    if error.reason is Reason.LESSON_CANCELLED:
        with contextlib.suppress(StoreUnavailable):
            if words := await store.state_reason(lesson):
                return Problem("lesson-cancelled", detail_kind="because", reason=words)
    return Problem.of_rule(error.reason)
