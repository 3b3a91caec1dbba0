"""What a lesson's room knows of talk beside the lesson's own values and the chat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from classroom.clock import Timer
from classroom.model import Announcement, ClassId, PersonId, QuizId
from classroom.roll import ClassRoll
from classroom.talk.quiz import Quiz, closed


@dataclass(frozen=True, slots=True)
class Restored:
    """What was there before the room was opened."""

    announcements: tuple[Announcement, ...] = ()
    """The latest of each scope."""
    quizzes: tuple[Quiz, ...] = ()
    """In the order in which they were opened."""
    known: frozenset[PersonId] = frozenset()
    """Pupils who have been in the lesson."""
    rolls: Mapping[ClassId, ClassRoll] = field(default_factory=dict)
    """Roll calls, of the classes that have one."""


class Talk:
    def __init__(self, restored: Restored) -> None:
        self.board: dict[ClassId | None, Announcement] = {a.class_id: a for a in restored.announcements}
        """The announcement of each class, and that of all (None)."""
        self.quizzes: dict[QuizId, Quiz] = {quiz.id: quiz for quiz in restored.quizzes}
        self.known: set[PersonId] = set(restored.known)
        """Pupils who have been in: the lock is not for them. As many as ever came, an id each."""
        self.uncounted: set[QuizId] = set()
        """Quizzes whose result has grown since it was told."""
        self.counted_at = 0.0
        self._timers: dict[str, Timer] = {}

    def open_quiz(self, now_ms: int) -> Quiz | None:
        return next((quiz for quiz in self.quizzes.values() if not closed(quiz, now_ms)), None)

    def unclosed(self) -> Iterable[Quiz]:
        """Those that nobody has closed, whether their time is over or not; at most one."""
        return tuple(quiz for quiz in self.quizzes.values() if not quiz.closed_ms)

    def waits(self, name: str) -> bool:
        return name in self._timers

    def set_timer(self, name: str, timer: Timer) -> None:
        """In place of an earlier one of the name."""
        self.cancel_timer(name)
        self._timers[name] = timer

    def cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def cancel_timers(self) -> None:
        for name in tuple(self._timers):
            self.cancel_timer(name)
