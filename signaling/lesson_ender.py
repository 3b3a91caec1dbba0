"""Ends live lessons that were left behind (`classroom.rules.ending`).

Which are due is asked of the database, again and again: the room of a lesson that nobody is in closes, and a
server that goes leaves lessons live. The lesson's room does it, with the last word on whether somebody is in
meanwhile; so it is in the lesson's stream with its reason, and the recorder hears of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from classroom.commands import EndLesson, FromOffice
from classroom.directory import Directory, UnknownLesson
from classroom.model import LessonId, PersonId, Role
from classroom.rules.ending import EndCause, EndLimits, LeftBehind, end_cause
from classroom.rules.reasons import Refused
from classroom.store import live_lessons
from classroom.store.store import Store
from signaling.background import Rounds

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 60.0
"""A look costs a database a millisecond or two."""
LONGEST_MS: Final = 3 * 86_400_000
EVERYTHING_EVERY: Final = 60
"""Looks: once an hour, and when a server starts, also at lessons that began longer ago."""


class LessonEnder:
    def __init__(self, store: Store, directory: Directory, limits: EndLimits) -> None:
        self._store = store
        self._directory = directory
        self._limits = limits
        self._since_ms = store.clock.unix_ms()
        """People were out because this server was not there yet: they have as long as anybody."""
        self._looks = 0
        self.rounds = Rounds("lessons left behind", self.look, LOOK_EVERY_S, at_once=False)

    async def look(self) -> dict[LessonId, EndCause]:
        """Ends those that are due; which it were. Raises StoreUnavailable."""
        now_ms = self._store.clock.unix_ms()
        begun_ms = now_ms - LONGEST_MS if self._looks % EVERYTHING_EVERY else 0
        found = await self._store.network.look(live_lessons.left_behind, begun_ms)
        self._looks += 1
        due = {lesson: cause for lesson, each in found.items() if (cause := self._cause(each, now_ms))}
        for lesson, cause in due.items():
            await self._end(lesson, cause)
        return due

    def _cause(self, lesson: LeftBehind, now_ms: int) -> EndCause | None:
        if lesson.empty_since_ms is not None:
            lesson = replace(lesson, empty_since_ms=max(lesson.empty_since_ms, self._since_ms))
        return end_cause(lesson, self._limits, now_ms)

    async def _end(self, lesson: LessonId, cause: EndCause) -> None:
        command = EndLesson(PersonId(""), cause.value, if_empty=cause is EndCause.EMPTY)
        try:
            room = await self._directory.open_room(lesson)
            await room.ask(FromOffice(Role.ORGANIZER, command))
            log.info("- lesson %s was left behind: %s", lesson, cause.value)
        except (Refused, UnknownLesson) as error:
            log.info("x lesson %s was left behind: %s", lesson, error)
